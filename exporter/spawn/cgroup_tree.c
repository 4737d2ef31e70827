/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/spawn/cgroup_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL_FILE_BYTES = 4096, DEPTH_MAX = 16 };

bool ex_cgroup_file_write(int folder_fd, const char *path, const char *text) {
    int fd = openat(folder_fd, path, O_WRONLY | O_CLOEXEC);

    if (fd == -1)
        return false;
    size_t len = strlen(text);
    bool written = write(fd, text, len) == (ssize_t)len;
    (void)close(fd);
    return written;
}

bool ex_cgroup_file_read(int folder_fd, const char *path, char *text, size_t size) {
    int fd = openat(folder_fd, path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;

    if (fd == -1)
        return false;
    while (len < size) {
        ssize_t got = read(fd, text + len, size - len);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    (void)close(fd);
    if (len == size)
        return false;
    text[len] = '\0';
    return true;
}

int64_t ex_cgroup_file_number(int folder_fd, const char *path, const char *key) {
    char text[SMALL_FILE_BYTES];
    size_t key_len = strlen(key);

    if (!ex_cgroup_file_read(folder_fd, path, text, sizeof text))
        return -1;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, key_len) != 0 || line[key_len] != ' ')
            continue;
        char *end = NULL;
        errno = 0;
        long long number = strtoll(line + key_len + 1, &end, 10);
        bool sound = errno == 0 && end != line + key_len + 1 && number >= 0;
        return sound ? number : -1;
    }
    return -1;
}

/* Calls `each` with every process listed in the file until it returns false. */
static bool pids_walk(int folder_fd, const char *path, bool (*each)(pid_t pid, void *ctx),
                      void *ctx) {
    int fd = openat(folder_fd, path, O_RDONLY | O_CLOEXEC);
    FILE *file = fd == -1 ? NULL : fdopen(fd, "r");
    char line[32];

    if (!file) {
        if (fd != -1)
            (void)close(fd);
        return false;
    }
    while (fgets(line, sizeof line, file)) {
        long pid = strtol(line, NULL, 10);
        if (pid > 0 && !each((pid_t)pid, ctx))
            break;
    }
    (void)fclose(file);
    return true;
}

static bool signal_one(pid_t pid, void *ctx) {
    (void)kill(pid, *(const int *)ctx);
    return true;
}

bool ex_cgroup_file_signal(int folder_fd, const char *path, int signal_number) {
    return pids_walk(folder_fd, path, signal_one, &signal_number);
}

struct search {
    pid_t pid;
    bool found;
};

static bool compare_one(pid_t pid, void *ctx) {
    struct search *search = ctx;

    search->found = pid == search->pid;
    return !search->found;
}

bool ex_cgroup_file_lists(int folder_fd, const char *path, pid_t pid) {
    struct search search = {pid, false};

    return pids_walk(folder_fd, path, compare_one, &search) && search.found;
}

static void folders_below_remove(int folder_fd, const char *path, int depth);

static bool folder_remove(int folder_fd, const char *path, int depth) {
    if (unlinkat(folder_fd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return true;
    if (depth == DEPTH_MAX)
        return false;
    folders_below_remove(folder_fd, path, depth + 1);
    return unlinkat(folder_fd, path, AT_REMOVEDIR) == 0;
}

/* A group that processes of ours made can hold nothing but what descends from them. */
static void folders_below_remove(int folder_fd, const char *path, int depth) {
    int fd = openat(folder_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd == -1 ? NULL : fdopendir(fd);

    if (!dir) {
        if (fd != -1)
            (void)close(fd);
        return;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is of this call alone */
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            (void)folder_remove(dirfd(dir), entry->d_name, depth);
    (void)closedir(dir);
}

bool ex_cgroup_folder_remove(int folder_fd, const char *path) {
    return folder_remove(folder_fd, path, 0);
}
