/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/work_dir.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_AT_A_TIME = 16, PATH_MAX_BYTES = 4096 };

static int fail(struct fo_error *reterr, int code, const char *path, const char *why) {
    *reterr = (struct fo_error){.code = code};
    (void)snprintf(reterr->text, sizeof reterr->text, "--storage.path %.150s: %s", path, why);
    return code;
}

/* Ours and closed to others: what lies here decides what runs. */
static int check_owner(const char *path, struct fo_error *reterr) {
    struct stat status;

    if (lstat(path, &status) == -1)
        return fail(reterr, -errno, path, strerrordesc_np(errno));
    if (!S_ISDIR(status.st_mode))
        return fail(reterr, -ENOTDIR, path, "is no folder");
    if (status.st_uid != geteuid())
        return fail(reterr, -EACCES, path, "belongs to another user");
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return fail(reterr, -EACCES, path, "is open to others; chmod 700 it");
    return 0;
}

static char *make_temporary(void) {
    const char *parent = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): before any thread */
    char path[PATH_MAX_BYTES];

    (void)snprintf(path, sizeof path, "%s/failover_exporter.XXXXXX",
                   parent && *parent == '/' ? parent : "/tmp");
    return mkdtemp(path) ? strdup(path) : NULL;
}

int ex_work_dir_open(struct ex_work_dir *dir, const char *storage_path, struct fo_error *reterr) {
    *dir = (struct ex_work_dir){.temporary = !storage_path};
    if (!storage_path) {
        dir->path = make_temporary();
        return dir->path ? 0 : fail(reterr, -errno, "(temporary)", "cannot be made");
    }
    if (mkdir(storage_path, S_IRWXU) == -1 && errno != EEXIST)
        return fail(reterr, -errno, storage_path, strerrordesc_np(errno));
    int ret = check_owner(storage_path, reterr);
    if (ret < 0)
        return ret;
    dir->path = realpath(storage_path, NULL);
    return dir->path ? 0 : fail(reterr, -errno, storage_path, "cannot be resolved");
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where) {
    (void)status;
    (void)kind;
    (void)where;
    (void)remove(path); /* as much as can be removed */
    return 0;
}

void ex_work_dir_close(struct ex_work_dir *dir) {
    if (dir->path && dir->temporary)
        /* Without FTW_CHDIR it changes nothing that threads share. */
        (void)nftw(dir->path, remove_entry, OPEN_AT_A_TIME, /* NOLINT(concurrency-mt-unsafe) */
                   FTW_DEPTH | FTW_PHYS);
    free(dir->path);
    dir->path = NULL;
}
