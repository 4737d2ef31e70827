/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/body.h"

#include <errno.h>
#include <stdlib.h>

struct ex_body {
    atomic_uint refs;
    enum ex_encoding encoding;
    size_t size;
    struct fo_str *parts;   /* owned */
    struct ex_blob **blobs; /* owned, referenced; that of each part */
    size_t count;
    size_t capacity;
};

struct ex_body *ex_body_new(enum ex_encoding encoding) {
    struct ex_body *body = calloc(1, sizeof *body);

    if (!body)
        return NULL;
    atomic_init(&body->refs, 1);
    body->encoding = encoding;
    return body;
}

static int reserve(struct ex_body *body) {
    if (body->count < body->capacity)
        return 0;
    size_t capacity = body->capacity ? body->capacity * 2 : 64;
    struct fo_str *parts = realloc(body->parts, capacity * sizeof *parts);
    if (!parts)
        return -ENOMEM;
    body->parts = parts;
    struct ex_blob **blobs = realloc(body->blobs, capacity * sizeof(struct ex_blob *));
    if (!blobs)
        return -ENOMEM;
    body->blobs = blobs;
    body->capacity = capacity;
    return 0;
}

int ex_body_append(struct ex_body *body, struct ex_blob *blob) {
    if (blob->len == 0)
        return 0;
    int failed = reserve(body);
    if (failed)
        return failed;
    body->parts[body->count] = ex_blob_str(blob);
    body->blobs[body->count++] = ex_blob_ref(blob);
    body->size += blob->len;
    return 0;
}

int ex_body_append_copy(struct ex_body *body, struct fo_str bytes) {
    struct ex_blob *blob = ex_blob_new(bytes);

    if (!blob)
        return -ENOMEM;
    int failed = ex_body_append(body, blob);
    ex_blob_unref(blob);
    return failed;
}

static void drop_parts(struct ex_body *body) {
    for (size_t i = 0; i < body->count; i++)
        ex_blob_unref(body->blobs[i]);
    body->count = 0;
    body->size = 0;
}

int ex_body_seal(struct ex_body *body) {
    if (body->count <= 1 || body->size > EX_BODY_FLAT_MAX_BYTES)
        return 0;
    char *flat = malloc(body->size);
    if (!flat)
        return -ENOMEM;
    size_t len = 0;
    for (size_t i = 0; i < body->count; i++) {
        memcpy(flat + len, body->parts[i].ptr, body->parts[i].len);
        len += body->parts[i].len;
    }
    drop_parts(body);
    int failed = ex_body_append_copy(body, (struct fo_str){flat, len});
    free(flat);
    return failed;
}

enum ex_encoding ex_body_encoding(const struct ex_body *body) {
    return body->encoding;
}

size_t ex_body_size(const struct ex_body *body) {
    return body->size;
}

const struct fo_str *ex_body_parts(const struct ex_body *body, size_t *ret_count) {
    *ret_count = body->count;
    return body->parts;
}

struct ex_blob *const *ex_body_blobs(const struct ex_body *body, size_t *ret_count) {
    *ret_count = body->count;
    return body->blobs;
}

struct ex_body *ex_body_ref(struct ex_body *body) {
    atomic_fetch_add_explicit(&body->refs, 1, memory_order_relaxed);
    return body;
}

void ex_body_unref(struct ex_body *body) {
    if (!body || atomic_fetch_sub_explicit(&body->refs, 1, memory_order_acq_rel) != 1)
        return;
    drop_parts(body);
    free(body->parts);
    free(body->blobs);
    free(body);
}
