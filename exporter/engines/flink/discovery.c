/* SPDX-License-Identifier: Apache-2.0 */
/* Which JobManagers there are: those of the settings, and those of files, which are read again when
 * they have changed. A file is a list of addresses, or of maps with `targets` as Prometheus's file
 * discovery has them. One that cannot be read changes nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "exporter/base/log.h"
#include "exporter/config/tree.h"
#include "exporter/engines/flink/internal.h"

enum { PATH_BYTES = 4096 };

/* ---- what is wanted ---------------------------------------------------------------------------
 */

static struct ex_flink_jm *find_jm(const struct ex_flink *flink, const char *url) {
    struct ex_flink_jm *jm;

    TAILQ_FOREACH(jm, &flink->jms, link) {
        if (!jm->is_closing && strcmp(jm->url, url) == 0)
            return jm;
    }
    return NULL;
}

/* Takes `url`. */
static int want(struct ex_flink *flink, char *url) {
    struct ex_flink_jm *jm = find_jm(flink, url);

    if (!jm)
        return ex_flink_jm_new(flink, url);
    jm->is_wanted = true;
    free(url);
    return 0;
}

static int want_settings(struct ex_flink *flink) {
    int ret = 0;

    for (char **url = flink->config.settings->urls; *url && ret == 0; url++) {
        char *copy = strdup(*url);
        ret = copy ? want(flink, copy) : -ENOMEM;
    }
    return ret;
}

/* ---- files --------------------------------------------------------------------------------------
 */

static const char *path_of(const struct ex_flink *flink, const char *file,
                           char path[static PATH_BYTES]) {
    if (file[0] == '/')
        (void)snprintf(path, PATH_BYTES, "%s", file);
    else
        (void)snprintf(path, PATH_BYTES, "%s/%s", flink->config.folder, file);
    return path;
}

/* When the file last changed; 0 = there is none. */
static int64_t changed_ns(const char *path) {
    static const int64_t ns_per_s = 1000000000;
    struct stat status;

    if (stat(path, &status) < 0)
        return 0;
    return (int64_t)status.st_mtim.tv_sec * ns_per_s + status.st_mtim.tv_nsec +
           (int64_t)status.st_size;
}

static bool have_files_changed(struct ex_flink *flink) {
    char **files = flink->config.settings->files;
    char path[PATH_BYTES];
    bool changed = false;

    for (size_t i = 0; files[i]; i++) {
        int64_t now_ns = changed_ns(path_of(flink, files[i], path));
        changed = changed || now_ns != flink->files_changed_ns[i];
        flink->files_changed_ns[i] = now_ns;
    }
    return changed;
}

/* The addresses in a list are appended to `ret_urls`, an array that has room. */
static int read_list(const struct ex_tree *tree, const json_t *list, char **urls, size_t *count) {
    int ret = 0;

    for (size_t i = 0; i < json_array_size(list) && ret == 0; i++) {
        const json_t *item = json_array_get(list, i);
        if (json_is_object(item)) {
            ret = read_list(tree, json_object_get(item, "targets"), urls, count);
            continue;
        }
        if (*count == EX_FLINK_URLS_MAX)
            return -E2BIG;
        ret = ex_flink_url_read(ex_tree_item_text(tree, list, i), &urls[*count]);
        *count += ret == 0;
    }
    return ret;
}

/* An empty file is no empty list: who writes it anew may have only begun. */
static int read_file(const char *path, char **urls, size_t *count) {
    struct ex_tree *tree;
    struct fo_error error = {.text = "no list of addresses"};
    int ret = ex_tree_load(path, NULL, &tree, &error);

    if (ret == 0) {
        const json_t *root = ex_tree_root(tree);
        ret = json_is_array(root) ? read_list(tree, root, urls, count) : -EINVAL;
        ex_tree_free(tree);
    }
    if (ret < 0)
        ex_log(EX_LOG_ERROR, "A file of JobManagers cannot be read; those known stay.",
               EX_TEXT("file", path), EX_INT("line", error.line), EX_TEXT("error", error.text));
    return ret;
}

static int read_files(const struct ex_flink *flink, char **urls, size_t *ret_count) {
    char path[PATH_BYTES];
    int ret = 0;

    for (char **file = flink->config.settings->files; *file && ret == 0; file++)
        ret = read_file(path_of(flink, *file, path), urls, ret_count);
    return ret;
}

/* ---- both
 * ----------------------------------------------------------------------------------------- */

static void close_unwanted(struct ex_flink *flink) {
    struct ex_flink_jm *next;

    for (struct ex_flink_jm *jm = TAILQ_FIRST(&flink->jms); jm; jm = next) {
        next = TAILQ_NEXT(jm, link);
        if (!jm->is_wanted && !jm->is_closing)
            ex_flink_jm_close(jm);
    }
    ex_flink_check_up(flink);
}

static int rediscover(struct ex_flink *flink, char **urls) {
    struct ex_flink_jm *jm;
    size_t count = 0;
    size_t taken = 0;
    int ret = read_files(flink, urls, &count);

    if (ret == 0) {
        TAILQ_FOREACH(jm, &flink->jms, link) {
            jm->is_wanted = false;
        }
        ret = want_settings(flink);
        for (; taken < count && ret == 0; taken++)
            ret = want(flink, urls[taken]);
    } else if (TAILQ_EMPTY(&flink->jms)) {
        ret = want_settings(flink);
    } else {
        ret = -EAGAIN;
    }
    for (; taken < count; taken++)
        free(urls[taken]);
    if (ret == 0)
        close_unwanted(flink);
    return ret == -EAGAIN ? 0 : ret;
}

int ex_flink_discover(struct ex_flink *flink) {
    bool first = TAILQ_EMPTY(&flink->jms);

    if (!have_files_changed(flink) && !first)
        return 0;
    char **urls = calloc(EX_FLINK_URLS_MAX, sizeof *urls);
    int ret = urls ? rediscover(flink, urls) : -ENOMEM;
    free(urls);
    return ret;
}
