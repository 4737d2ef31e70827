/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/engines/local/internal.h"

enum { DEPTH_MAX = 256 }; /* one descriptor each */

bool ex_path_print(char path[static EX_LOCAL_PATH_SIZE], const char *format, ...) {
    va_list args;

    va_start(args, format);
    int len = vsnprintf(path, EX_LOCAL_PATH_SIZE, format, args);
    va_end(args);
    return len > 0 && len < EX_LOCAL_PATH_SIZE;
}

static bool is_plain(unsigned char c, bool first) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || (c == '.' && !first);
}

void ex_name_escape(struct fo_str name, char text[static EX_NAME_SIZE]) {
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;

    for (size_t i = 0; i < name.len && len + 3 < EX_NAME_SIZE; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (is_plain(c, i == 0)) {
            text[len++] = (char)c;
        } else {
            text[len++] = '%';
            text[len++] = digits[c >> 4];
            text[len++] = digits[c & 0xf];
        }
    }
    text[len] = '\0';
}

int ex_folder_make(const char *path, const struct ex_local_user *user) {
    if (mkdir(path, 0700) == -1)
        return errno == EEXIST ? 0 : -errno;
    return user->change && chown(path, user->uid, user->gid) == -1 ? -errno : 0;
}

int ex_folder_make_passage(const char *path, const struct ex_local_user *user) {
    if (mkdir(path, 0700) == -1 && errno != EEXIST)
        return -errno;
    return user->change && chmod(path, 0711) == -1 ? -errno : 0;
}

static void content_remove(int folder_fd, const char *name, int depth);

static void entry_remove(int folder_fd, const char *name, int depth) {
    if (unlinkat(folder_fd, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
        return;
    if (unlinkat(folder_fd, name, AT_REMOVEDIR) == 0 || depth == DEPTH_MAX)
        return;
    content_remove(folder_fd, name, depth + 1);
    (void)unlinkat(folder_fd, name, AT_REMOVEDIR);
}

/* From folder to folder by descriptor, never through a link: a task may be changing the tree
 * while we, perhaps with more rights, remove it. */
static void content_remove(int folder_fd, const char *name, int depth) {
    int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd == -1 ? NULL : fdopendir(fd);

    if (!dir) {
        if (fd != -1)
            (void)close(fd);
        return;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is of this call alone */
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            entry_remove(dirfd(dir), entry->d_name, depth);
    (void)closedir(dir);
}

void ex_folder_remove(const char *path) {
    entry_remove(AT_FDCWD, path, 0);
}

struct discard {
    uv_work_t work;
    void (*done)(void *ctx);
    void *ctx;
    char path[EX_LOCAL_PATH_SIZE];
};

static void discard_work(uv_work_t *work) {
    struct discard *discard = work->data;

    ex_folder_remove(discard->path);
}

static void discard_done(uv_work_t *work, int status) {
    struct discard *discard = work->data;

    (void)status;
    if (discard->done)
        discard->done(discard->ctx);
    free(discard);
}

void ex_folder_discard(struct ex_local *engine, const char *path, void (*done)(void *ctx),
                       void *ctx) {
    struct discard *discard = calloc(1, sizeof *discard);
    bool renamed = discard &&
                   ex_path_print(discard->path, "%s/trash/%" PRIu64, engine->directory,
                                 engine->trash_serial++) &&
                   rename(path, discard->path) == 0;

    if (renamed) {
        discard->done = done;
        discard->ctx = ctx;
        discard->work.data = discard;
        if (uv_queue_work(engine->config.loop, &discard->work, discard_work, discard_done) == 0)
            return;
        ex_folder_remove(discard->path);
    } else {
        ex_folder_remove(path);
    }
    free(discard);
    if (done)
        done(ctx);
}
