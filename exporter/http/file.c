/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "exporter/config/fail.h"

enum { CHUNK_BYTES = 16 * 1024 };

static int read_all(int fd, struct ex_buffer *bytes) {
    ssize_t len = 1;

    while (len > 0) {
        char *room = ex_buffer_reserve(bytes, CHUNK_BYTES);
        if (!room)
            return bytes->failure;
        len = read(fd, room, CHUNK_BYTES);
        if (len > 0)
            ex_buffer_commit(bytes, (size_t)len);
    }
    return len < 0 ? -errno : 0;
}

int ex_http_file_read(const char *path, struct ex_buffer *bytes, struct fo_error *reterr) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int err = fd == -1 ? -errno : read_all(fd, bytes);

    if (fd != -1)
        (void)close(fd);
    if (err != 0)
        return ex_fail(reterr, err, 0, "%s: cannot be read: %s", path, strerrordesc_np(-err));
    return 0;
}

void ex_http_file_forget(struct ex_buffer *bytes) {
    if (bytes->bytes)
        explicit_bzero(bytes->bytes, bytes->capacity);
    ex_buffer_done(bytes);
}
