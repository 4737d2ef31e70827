/* SPDX-License-Identifier: Apache-2.0 */
/* failover/text.h - texts for people, made without locale or libc's formatting.
 * Owns: nothing; the buffer is the caller's. Threads: any, one per text. */
#ifndef FAILOVER_TEXT_H
#define FAILOVER_TEXT_H

#include "failover/failover.h"

/* A text that grows in a fixed buffer: cut at its end, always terminated, `len` counts on. */
struct fo_text {
    char *out; /* may be NULL when size is 0 */
    size_t size;
    size_t len; /* that the whole text would have */
};

void fo_text_init(struct fo_text *text, char *out, size_t size);
void fo_text_append(struct fo_text *text, struct fo_str str);
void fo_text_append_text(struct fo_text *text, const char *words);
void fo_text_append_i64(struct fo_text *text, int64_t value);
/* As Java prints doubles of ordinary size: at least one decimal, at most six ("2.0", "0.25"). */
void fo_text_append_double(struct fo_text *text, double value);

/* Fills `reterr` (may be NULL) with code and before + about + after; returns the code. */
int fo_error_set(struct fo_error *reterr, int code, const char *before, struct fo_str about,
                 const char *after);

#endif
