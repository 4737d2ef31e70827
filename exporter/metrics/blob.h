/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/blob.h - counted bytes that never change: the stuff that pages are made of.
 * Owns: itself, while somebody holds a reference. Threads: references and bytes any; `packed`
 * belongs to the scraper. */
#ifndef EX_METRICS_BLOB_H
#define EX_METRICS_BLOB_H

#include <stdatomic.h>

#include "exporter/metrics/negotiate.h"
#include "failover/types.h"

enum { EX_PACKED = EX_ZSTD /* encodings but identity */ };

struct ex_blob {
    atomic_uint refs;
    uint32_t crc;     /* a piece of a gzip member: the crc of what it unpacks to, */
    uint32_t crc_op;  /* what combines it with the crc of what stands before it, */
    uint32_t raw_len; /* and the length of that */
    struct ex_blob *packed[EX_PACKED]; /* owned; by encoding - 1; NULL = not made yet */
    size_t len;
    char bytes[];
};

/* A copy of `bytes`, with one reference. NULL: no memory. */
struct ex_blob *ex_blob_new(struct fo_str bytes);
struct ex_blob *ex_blob_ref(struct ex_blob *blob);
void ex_blob_unref(struct ex_blob *blob); /* NULL is allowed */

static inline struct fo_str ex_blob_str(const struct ex_blob *blob) {
    return (struct fo_str){blob->bytes, blob->len};
}

#endif
