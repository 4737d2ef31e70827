/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/render.h - a scrape: the registry as a page of bytes.
 * What was rendered, and compressed, is kept per piece of the page; a scrape renders again what
 * changed, so that its cost grows with the change and not with the number of series.
 * Owns: the body it returns, counted. Threads: any, any number at a time. */
#ifndef EX_METRICS_RENDER_H
#define EX_METRICS_RENDER_H

#include <stdbool.h>

#include "exporter/metrics/negotiate.h"
#include "failover/types.h"

struct ex_metrics;
struct ex_body;

struct ex_render_request {
    enum ex_format format;
    enum ex_escaping escaping;
    enum ex_encoding encoding;
    bool created_lines; /* OpenMetrics: a _created line per counter and histogram */
    size_t max_bytes;   /* of the body as sent; 0 = no limit */
    /* Filters; all empty = everything. */
    const struct fo_str *names; /* family names, with or without suffix */
    size_t name_count;
    const struct fo_str *collect; /* collectors to show; none = all */
    size_t collect_count;
    const struct fo_str *exclude; /* collectors not to show */
    size_t exclude_count;
};

/* Renders. Concurrent identical requests share one body.
 * 0: the caller owns a reference, ends it with ex_body_unref(). -EMSGSIZE: over max_bytes.
 * -ENOMEM. On error *ret_body is untouched; answer 503, never a part of a page. */
FO_MUST_CHECK int ex_metrics_render(struct ex_metrics *metrics,
                                    const struct ex_render_request *request,
                                    struct ex_body **ret_body);

/* The encoding of the body: that of the request, or identity for a page too small to compress. */
enum ex_encoding ex_body_encoding(const struct ex_body *body);
size_t ex_body_size(const struct ex_body *body);

/* The bytes, in `*ret_count` parts that follow each other (one for a small page); borrowed while
 * the reference is held. They never change, and hold neither the registry nor a lock. */
const struct fo_str *ex_body_parts(const struct ex_body *body, size_t *ret_count);

struct ex_body *ex_body_ref(struct ex_body *body);
void ex_body_unref(struct ex_body *body); /* NULL is allowed */

#endif
