/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/blob.h"

#include <stdlib.h>

struct ex_blob *ex_blob_new(struct fo_str bytes) {
    struct ex_blob *blob = malloc(sizeof *blob + bytes.len);

    if (!blob)
        return NULL;
    *blob = (struct ex_blob){.len = bytes.len};
    atomic_init(&blob->refs, 1);
    if (bytes.len > 0)
        memcpy(blob->bytes, bytes.ptr, bytes.len);
    return blob;
}

struct ex_blob *ex_blob_ref(struct ex_blob *blob) {
    atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
    return blob;
}

/* A packed blob has none of its own, so that this goes one level deep. */
void ex_blob_unref(struct ex_blob *blob) {
    if (!blob || atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < EX_PACKED; i++)
        ex_blob_unref(blob->packed[i]);
    free(blob);
}
