/* SPDX-License-Identifier: Apache-2.0 */
/* A compiled database on disk is code in all but name: it is loaded only from a folder and a file
 * that belong to us and that nobody else may write. Whether it is whole, and made for this version
 * and this processor, its own header tells. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listeners/catalogue/compiled.h"

enum { CACHE_MAX_BYTES = 256 * 1024 * 1024, NAME_MAX_BYTES = 64 };

static int write_all(int fd, const void *data, size_t size) {
    const char *bytes = data;

    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written == -1 && errno == EINTR)
            continue;
        if (written <= 0)
            return -EIO;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int read_all(int fd, void *data, size_t size) {
    char *bytes = data;

    while (size > 0) {
        ssize_t got = read(fd, bytes, size);
        if (got == -1 && errno == EINTR)
            continue;
        if (got <= 0)
            return -EIO;
        bytes += got;
        size -= (size_t)got;
    }
    return 0;
}

/* Ours, of the kind expected, and closed to others' writing. */
static bool trusted(int fd, mode_t kind, struct stat *ret_status) {
    return fstat(fd, ret_status) == 0 && (ret_status->st_mode & S_IFMT) == kind &&
           ret_status->st_uid == geteuid() && (ret_status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int open_folder(const char *cache_dir) {
    struct stat status;
    int fd = open(cache_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd == -1)
        return -1;
    if (trusted(fd, S_IFDIR, &status))
        return fd;
    (void)close(fd);
    return -1;
}

static void file_name(char name[static NAME_MAX_BYTES], const char *key, const char *suffix) {
    (void)snprintf(name, NAME_MAX_BYTES, "catalogue-%s%s", key, suffix);
}

static hs_database_t *load_from(int fd) {
    hs_database_t *database = NULL;
    struct stat status;

    if (!trusted(fd, S_IFREG, &status) || status.st_size <= 0 || status.st_size > CACHE_MAX_BYTES)
        return NULL;
    size_t size = (size_t)status.st_size;
    char *bytes = malloc(size);
    if (bytes && read_all(fd, bytes, size) == 0)
        (void)hs_deserialize_database(bytes, size, &database); /* NULL when it refuses */
    free(bytes);
    return database;
}

hs_database_t *catalogue_cache_load(const char *cache_dir, const char *key) {
    hs_database_t *database = NULL;
    char name[NAME_MAX_BYTES];
    int folder = open_folder(cache_dir);

    if (folder == -1)
        return NULL;
    file_name(name, key, "");
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd != -1) {
        database = load_from(fd);
        (void)close(fd);
    }
    (void)close(folder);
    return database;
}

static int save_to(int folder, const char *name, const char *bytes, size_t size) {
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd == -1)
        return -errno;
    int r = write_all(fd, bytes, size);
    if (close(fd) != 0 && r == 0)
        r = -EIO;
    return r;
}

/* Written aside and renamed, so that no reader ever sees half a file. */
void catalogue_cache_save(const char *cache_dir, const char *key, const hs_database_t *database) {
    char name[NAME_MAX_BYTES];
    char aside[NAME_MAX_BYTES];
    char suffix[24];
    char *bytes = NULL;
    size_t size = 0;
    int folder = open_folder(cache_dir);

    if (folder == -1)
        return;
    (void)snprintf(suffix, sizeof suffix, ".%ld", (long)getpid());
    file_name(name, key, "");
    file_name(aside, key, suffix);
    if (hs_serialize_database(database, &bytes, &size) == HS_SUCCESS) {
        if (save_to(folder, aside, bytes, size) != 0 || renameat(folder, aside, folder, name) != 0)
            (void)unlinkat(folder, aside, 0);
        free(bytes);
    }
    (void)close(folder);
}
