/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/web.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/base/buffer.h"
#include "exporter/base/hash48.h"
#include "exporter/config/fail.h"
#include "exporter/http/file.h"
#include "exporter/http/http.h"

/* ---- Stamps ---- */

/* Brings the stamp up to date; true when it was another. A file that is not there is all zero. */
static bool look_again(struct ex_http_stamp *stamp) {
    struct stat status = {0};

    if (stat(stamp->path, &status) == -1)
        status = (struct stat){0};
    bool changed = status.st_ino != stamp->inode || status.st_size != stamp->size ||
                   status.st_mtim.tv_sec != stamp->changed.tv_sec ||
                   status.st_mtim.tv_nsec != stamp->changed.tv_nsec;
    stamp->changed = status.st_mtim;
    stamp->inode = status.st_ino;
    stamp->size = status.st_size;
    return changed;
}

/* Without memory the file is not watched; a reload on demand still works. */
static void add_stamp(struct ex_http_stamps *stamps, const char *path) {
    char *copy = stamps && path ? strdup(path) : NULL;

    if (!copy)
        return;
    struct ex_http_stamp *stamp = &stamps->items[stamps->count++];
    stamp->path = copy;
    (void)look_again(stamp);
}

bool ex_http_stamps_changed(struct ex_http_stamps *stamps) {
    bool changed = false;

    for (size_t i = 0; i < stamps->count; i++)
        changed = look_again(&stamps->items[i]) || changed;
    return changed;
}

void ex_http_stamps_done(struct ex_http_stamps *stamps) {
    for (size_t i = 0; i < stamps->count; i++)
        free(stamps->items[i].path);
    *stamps = (struct ex_http_stamps){0};
}

/* ---- Loading ---- */

static int load_settings(const char *path, struct ex_http_web *web, struct fo_error *reterr) {
    struct ex_buffer bytes;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");

    if (!folder)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    ex_buffer_init(&bytes, EX_HTTP_WEB_CONFIG_MAX_BYTES);
    int err = ex_http_file_read(path, &bytes, reterr);
    if (err == 0)
        err = ex_http_web_settings_parse(ex_buffer_str(&bytes), folder, &web->settings, reterr);
    web->hash = ex_hash48(ex_buffer_str(&bytes));
    ex_http_file_forget(&bytes);
    free(folder);
    return err;
}

struct ex_http_web *ex_http_web_plain(void) {
    struct ex_http_web *web = calloc(1, sizeof *web);

    if (web)
        atomic_init(&web->refs, 1);
    return web;
}

int ex_http_web_load(const char *path, _Atomic uint64_t *rejected, struct ex_http_stamps *stamps,
                     struct ex_http_web **ret_web, struct fo_error *reterr) {
    struct ex_http_web *web = ex_http_web_plain();

    if (!web)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    if (stamps)
        ex_http_stamps_done(stamps);
    add_stamp(stamps, path);
    int err = load_settings(path, web, reterr);
    if (err == 0) {
        add_stamp(stamps, web->settings.cert.file);
        add_stamp(stamps, web->settings.key.file);
        add_stamp(stamps, web->settings.client_ca.file);
    }
    if (err == 0 && web->settings.tls)
        err = ex_http_tls_load(&web->settings, rejected, &web->tls, reterr);
    if (err != 0) {
        ex_http_web_unref(web);
        return err;
    }
    web->rate.interval_ns = web->settings.rate_interval_ns;
    web->rate.burst = web->settings.rate_burst;
    *ret_web = web;
    return 0;
}

struct ex_http_web *ex_http_web_ref(struct ex_http_web *web) {
    atomic_fetch_add(&web->refs, 1);
    return web;
}

void ex_http_web_unref(struct ex_http_web *web) {
    if (!web || atomic_fetch_sub(&web->refs, 1) != 1)
        return;
    ex_http_tls_unref(web->tls);
    ex_http_web_settings_done(&web->settings);
    free(web);
}

int ex_http_check_web_config(const char *path, struct fo_error *reterr) {
    struct ex_http_web *web = NULL;
    int err = ex_http_web_load(path, NULL, NULL, &web, reterr);

    if (err == 0)
        ex_http_web_unref(web);
    return err;
}
