/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/target.h - the request target, taken apart: path segments and query pairs, each
 * percent-decoded exactly once and after it was cut out, so that an encoded '/' or '&' never cuts.
 * Owns: its one allocation. Threads: none. */
#ifndef EX_HTTP_TARGET_H
#define EX_HTTP_TARGET_H

#include "exporter/http/limits.h"
#include "failover/types.h"

struct ex_http_pair {
    struct fo_str name;
    struct fo_str value;
};

struct ex_http_target {
    struct fo_str path;                                /* as sent */
    struct fo_str segments[EX_HTTP_PATH_SEGMENTS_MAX]; /* "/" is one empty segment */
    size_t segment_count;
    struct ex_http_pair *query;
    size_t query_count;
    void *storage; /* owned; everything above points into it */
};

/* Parses "/path?query", or the absolute form with scheme and authority, which are dropped.
 * 0: *ret_target is ended with ex_http_target_done(). -EINVAL: not a target: a byte that must be
 * encoded, a bad escape, a NUL, text that is not UTF-8, a "." or ".." segment or a control byte in
 * the path. -E2BIG: more bytes, segments or pairs than limits.h allows. -ENOMEM. */
FO_MUST_CHECK int ex_http_target_parse(struct fo_str text, struct ex_http_target *ret_target);

void ex_http_target_done(struct ex_http_target *target);

#endif
