/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/body.h - putting a page together out of blobs, for the sources of this room.
 * Threads: one, until the body is sealed. */
#ifndef EX_METRICS_BODY_H
#define EX_METRICS_BODY_H

#include "exporter/metrics/blob.h"
#include "exporter/metrics/render.h"

enum { EX_BODY_FLAT_MAX_BYTES = 256 * 1024 };

/* An empty body. NULL: no memory. */
struct ex_body *ex_body_new(enum ex_encoding encoding);

/* Appends a blob; the body holds a reference of its own. -ENOMEM. */
FO_MUST_CHECK int ex_body_append(struct ex_body *body, struct ex_blob *blob);

/* Appends a copy of some bytes. -ENOMEM. */
FO_MUST_CHECK int ex_body_append_copy(struct ex_body *body, struct fo_str bytes);

/* No more will be appended. A small body becomes one part. -ENOMEM. */
FO_MUST_CHECK int ex_body_seal(struct ex_body *body);

/* The blobs of the parts, in order; borrowed. */
struct ex_blob *const *ex_body_blobs(const struct ex_body *body, size_t *ret_count);

#endif
