/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/base/companion.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* The path below the folder of our program, whose first `folder_len` bytes stand there already. */
static int write_path(char *path, size_t folder_len, const char *below, const char *name) {
    size_t room = EX_COMPANION_PATH_SIZE - folder_len;
    int len = snprintf(path + folder_len, room, "%s%s", below, name);

    if (len < 0 || (size_t)len >= room)
        return -ENAMETOOLONG;
    return access(path, F_OK) == 0 ? 0 : -ENOENT;
}

int ex_companion_find(const char *name, char ret_path[static EX_COMPANION_PATH_SIZE]) {
    ssize_t len = readlink("/proc/self/exe", ret_path, EX_COMPANION_PATH_SIZE);

    if (len == -1)
        return -errno;
    while (len > 0 && ret_path[len - 1] != '/')
        len--;
    int err = write_path(ret_path, (size_t)len, "", name);
    if (err == -ENOENT)
        err = write_path(ret_path, (size_t)len, EX_COMPANION_LIBEXEC "/", name);
    return err;
}
