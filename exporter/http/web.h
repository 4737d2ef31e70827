/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/web.h - the web configuration in force: settings, TLS material, rate limit, and
 * what its files looked like when they were read. Immutable but for the rate limit; requests and
 * connections hold references, so that a reload disturbs nobody.
 * Threads: any. */
#ifndef EX_HTTP_WEB_H
#define EX_HTTP_WEB_H

#include <sys/stat.h>

#include "exporter/http/rate.h"
#include "exporter/http/tls.h"
#include "exporter/http/web_settings.h"

/* What tells one version of a file from the next. */
struct ex_http_stamp {
    char *path; /* owned */
    struct timespec changed;
    ino_t inode;
    off_t size;
};

/* The configuration file and the three that it may name. */
enum { EX_HTTP_STAMPS_MAX = 4 };

struct ex_http_stamps {
    struct ex_http_stamp items[EX_HTTP_STAMPS_MAX];
    size_t count;
};

struct ex_http_web {
    atomic_uint refs;
    struct ex_http_web_settings settings;
    struct ex_http_tls *tls; /* NULL = plain HTTP */
    struct ex_http_rate rate;
    uint64_t hash; /* of the file's bytes */
};

/* Reads the file and those that it names. `rejected` as for ex_http_tls_load(). `stamps`, which may
 * be NULL, is replaced by those of the files, each taken before it was read, so that no later
 * change is missed; also after an error, as far as it came. Errors: those of the parser and of
 * reading. */
FO_MUST_CHECK int ex_http_web_load(const char *path, _Atomic uint64_t *rejected,
                                   struct ex_http_stamps *stamps, struct ex_http_web **ret_web,
                                   struct fo_error *reterr);

/* The configuration without a file: plain HTTP for everybody. NULL without memory. */
struct ex_http_web *ex_http_web_plain(void);

struct ex_http_web *ex_http_web_ref(struct ex_http_web *web);
void ex_http_web_unref(struct ex_http_web *web); /* NULL is allowed */

/* Whether one of the files is another now; remembers how it looks. */
bool ex_http_stamps_changed(struct ex_http_stamps *stamps);
void ex_http_stamps_done(struct ex_http_stamps *stamps);

#endif
