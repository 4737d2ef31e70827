/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/buffer.h - the one growable buffer, with a ceiling stated at init.
 * An append that does not fit leaves the content as it was and sets `failure`: later
 * appends do nothing, so that a long chain of appends needs one check at its end.
 * Owns: its bytes. Threads: none, the caller serialises. */
#ifndef EX_BASE_BUFFER_H
#define EX_BASE_BUFFER_H

#include <stdbool.h>
#include <string.h>

#include "failover/types.h"

struct ex_buffer {
    char *bytes; /* owned; NULL while nothing was appended. Always terminated by a NUL. */
    size_t len;
    size_t capacity;
    size_t ceiling; /* len never passes it */
    int failure;    /* 0, -EMSGSIZE (the ceiling) or -ENOMEM */
};

void ex_buffer_init(struct ex_buffer *buffer, size_t ceiling);
void ex_buffer_done(struct ex_buffer *buffer);

/* Empties the buffer and forgets a failure; keeps the memory. */
void ex_buffer_reset(struct ex_buffer *buffer);

/* Cuts the content back to `len`, which an all-or-nothing writer remembered before. */
void ex_buffer_truncate(struct ex_buffer *buffer, size_t len);

/* Room for `len` more bytes, to be written by the caller, who then calls ex_buffer_commit().
 * NULL when the ceiling or memory does not allow it (and `failure` is set). */
static inline char *ex_buffer_reserve(struct ex_buffer *buffer, size_t len);
static inline void ex_buffer_commit(struct ex_buffer *buffer, size_t len);
/* The same where the room has yet to be made. */
char *ex_buffer_grow(struct ex_buffer *buffer, size_t len);

static inline void ex_buffer_append(struct ex_buffer *buffer, const void *bytes, size_t len);
static inline void ex_buffer_append_str(struct ex_buffer *buffer, struct fo_str str);
static inline void ex_buffer_append_text(struct ex_buffer *buffer, const char *text);
static inline void ex_buffer_append_char(struct ex_buffer *buffer, char c);
void ex_buffer_append_u64(struct ex_buffer *buffer, uint64_t value);
void ex_buffer_append_i64(struct ex_buffer *buffer, int64_t value);
void ex_buffer_printf(struct ex_buffer *buffer, const char *format, ...) FO_PRINTF(2, 3);

/* The content as text; borrowed until the next change. Never NULL. */
const char *ex_buffer_text(const struct ex_buffer *buffer);
struct fo_str ex_buffer_str(const struct ex_buffer *buffer);

/* Hands the bytes to the caller, who ends them with free(); the buffer is empty afterwards.
 * NULL when nothing was appended. */
char *ex_buffer_take(struct ex_buffer *buffer, size_t *ret_len);

/* ---- what is done many times for each failure, where there is room already ---- */

static inline char *ex_buffer_reserve(struct ex_buffer *buffer, size_t len) {
    bool fits = buffer->failure == 0 && len < buffer->capacity - buffer->len &&
                len <= buffer->ceiling - buffer->len;

    return fits ? buffer->bytes + buffer->len : ex_buffer_grow(buffer, len);
}

static inline void ex_buffer_commit(struct ex_buffer *buffer, size_t len) {
    buffer->len += len;
    buffer->bytes[buffer->len] = '\0';
}

static inline void ex_buffer_append(struct ex_buffer *buffer, const void *bytes, size_t len) {
    char *room = ex_buffer_reserve(buffer, len);

    if (!room)
        return;
    if (len > 0)
        memcpy(room, bytes, len);
    ex_buffer_commit(buffer, len);
}

static inline void ex_buffer_append_str(struct ex_buffer *buffer, struct fo_str str) {
    ex_buffer_append(buffer, str.ptr, str.len);
}

static inline void ex_buffer_append_text(struct ex_buffer *buffer, const char *text) {
    ex_buffer_append(buffer, text, strlen(text));
}

static inline void ex_buffer_append_char(struct ex_buffer *buffer, char c) {
    ex_buffer_append(buffer, &c, 1);
}

#endif
