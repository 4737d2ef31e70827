/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/buffer.h - the one growable buffer, with a ceiling stated at init.
 * An append that does not fit leaves the content as it was and sets `failure`: later
 * appends do nothing, so that a long chain of appends needs one check at its end.
 * Owns: its bytes. Threads: none, the caller serialises. */
#ifndef EX_BASE_BUFFER_H
#define EX_BASE_BUFFER_H

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

void ex_buffer_append(struct ex_buffer *buffer, const void *bytes, size_t len);
void ex_buffer_append_str(struct ex_buffer *buffer, struct fo_str str);
void ex_buffer_append_text(struct ex_buffer *buffer, const char *text);
void ex_buffer_append_char(struct ex_buffer *buffer, char c);
void ex_buffer_append_u64(struct ex_buffer *buffer, uint64_t value);
void ex_buffer_append_i64(struct ex_buffer *buffer, int64_t value);
void ex_buffer_printf(struct ex_buffer *buffer, const char *format, ...) FO_PRINTF(2, 3);

/* Room for `len` more bytes, to be written by the caller, who then calls ex_buffer_commit().
 * NULL when the ceiling or memory does not allow it (and `failure` is set). */
char *ex_buffer_reserve(struct ex_buffer *buffer, size_t len);
void ex_buffer_commit(struct ex_buffer *buffer, size_t len);

/* The content as text; borrowed until the next change. Never NULL. */
const char *ex_buffer_text(const struct ex_buffer *buffer);
struct fo_str ex_buffer_str(const struct ex_buffer *buffer);

/* Hands the bytes to the caller, who ends them with free(); the buffer is empty afterwards.
 * NULL when nothing was appended. */
char *ex_buffer_take(struct ex_buffer *buffer, size_t *ret_len);

#endif
