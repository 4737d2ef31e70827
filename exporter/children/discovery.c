/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/children/discovery.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/base/companion.h"

enum { PATH_BYTES = 4096 };

static int fail(struct fo_error *reterr, int code, const char *path, const char *why) {
    *reterr = (struct fo_error){.code = code};
    (void)snprintf(reterr->text, sizeof reterr->text, "%.150s %s", path, why);
    return code;
}

/* ---- who may write it ---- */

static int check_step(const char *path, struct fo_error *reterr) {
    struct stat status;

    if (lstat(path, &status) == -1)
        return fail(reterr, -errno, path, "cannot be looked at");
    if (status.st_uid != 0 && status.st_uid != geteuid())
        return fail(reterr, -EACCES, path,
                    "belongs to another user, who could replace the listener");
    bool sticky = S_ISDIR(status.st_mode) && status.st_uid == 0 && (status.st_mode & S_ISVTX) != 0;
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky)
        return fail(reterr, -EACCES, path,
                    "may be written by others, who could replace the listener");
    return 0;
}

int ex_listener_check_owner(const char *path, struct fo_error *reterr) {
    char step[PATH_BYTES];
    size_t len = strlen(path);

    if (len >= sizeof step || *path != '/')
        return fail(reterr, -EINVAL, path, "is no absolute path");
    memcpy(step, path, len + 1);
    int ret = check_step(step, reterr);
    while (ret == 0 && len > 1) {
        while (len > 1 && step[len - 1] != '/')
            len--;
        len -= len > 1;
        step[len] = '\0';
        ret = check_step(step, reterr);
    }
    return ret;
}

/* ---- which it is ---- */

struct search {
    struct fo_str name;
    char by_file[PATH_BYTES]; /* "" = none yet */
    unsigned by_file_count;
    char by_folder[PATH_BYTES];
    unsigned by_folder_count;
};

static struct fo_str stem_of(const char *file) {
    const char *dot = strrchr(file, '.');

    return dot && dot != file ? (struct fo_str){file, (size_t)(dot - file)} : fo_str_of(file);
}

static bool is_named(const char *file, struct fo_str name) {
    struct fo_str stem = stem_of(file);

    if (fo_str_equal(stem, name))
        return true;
    return stem.len > 3 && memcmp(stem.ptr, "lib", 3) == 0 &&
           fo_str_equal((struct fo_str){stem.ptr + 3, stem.len - 3}, name);
}

static bool is_candidate(const char *path, const char *file) {
    size_t len = strlen(file);
    struct stat status;

    if (*file == '.' || stat(path, &status) == -1 || !S_ISREG(status.st_mode))
        return false;
    return (len > 3 && strcmp(file + len - 3, ".so") == 0) || (status.st_mode & S_IXUSR) != 0;
}

static void search_folder(struct search *search, const char *folder, const char *folder_name) {
    char path[PATH_BYTES];
    char only[PATH_BYTES];
    unsigned candidates = 0;
    DIR *dir = opendir(folder);
    struct dirent *entry;

    if (!dir)
        return;
    while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): a stream of ours */
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path ||
            !is_candidate(path, entry->d_name))
            continue;
        candidates++;
        memcpy(only, path, sizeof only);
        if (is_named(entry->d_name, search->name)) {
            memcpy(search->by_file, path, sizeof path);
            search->by_file_count++;
        }
    }
    (void)closedir(dir);
    if (candidates == 1 && fo_str_equal(fo_str_of(folder_name), search->name)) {
        memcpy(search->by_folder, only, sizeof only);
        search->by_folder_count++;
    }
}

static int search_all(struct search *search, const char *plugins, struct fo_error *reterr) {
    char path[PATH_BYTES];
    DIR *dir = opendir(plugins);
    struct dirent *entry;

    if (!dir)
        return fail(reterr, -errno, plugins, "cannot be read; listeners are looked for there");
    while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        if (*entry->d_name != '.' &&
            snprintf(path, sizeof path, "%s/%s", plugins, entry->d_name) < (int)sizeof path)
            search_folder(search, path, entry->d_name);
    }
    (void)closedir(dir);
    return 0;
}

int ex_listener_find(const char *plugins, struct fo_str name, char **ret_path,
                     struct fo_error *reterr) {
    struct search *search = calloc(1, sizeof *search);

    if (!search)
        return fail(reterr, -ENOMEM, plugins, "cannot be searched: out of memory");
    search->name = name;
    int ret = search_all(search, plugins, reterr);
    const char *found = search->by_file_count > 0 ? search->by_file : search->by_folder;
    if (ret == 0 && search->by_file_count + search->by_folder_count == 0)
        ret =
            fail(reterr, -ENOENT, plugins, "holds no such listener (FOLDER/NAME.so or a program)");
    else if (ret == 0 && search->by_file_count > 1)
        ret = fail(reterr, -EEXIST, plugins, "holds two listeners of that name");
    char *path = ret == 0 ? realpath(found, NULL) : NULL;
    if (ret == 0 && !path)
        ret = fail(reterr, -errno, found, "cannot be resolved");
    free(search);
    if (ret == 0)
        *ret_path = path;
    return ret;
}

/* ---- where things lie ---- */

char *ex_listener_default_folder(void) {
    char path[EX_COMPANION_PATH_SIZE];
    int err = ex_companion_find("plugins", path);

    return err == 0 || err == -ENOENT ? strdup(path) : NULL;
}

char *ex_listener_host_program(void) {
    char path[EX_COMPANION_PATH_SIZE];

    return ex_companion_find("failover_listener_host", path) == 0 ? strdup(path) : NULL;
}
