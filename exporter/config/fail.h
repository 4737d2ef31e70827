/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/fail.h - how this room tells what is wrong with a file.
 * Owns: nothing. Threads: any. */
#ifndef EX_CONFIG_FAIL_H
#define EX_CONFIG_FAIL_H

#include "failover/types.h"

/* Writes code, line (0 = not about a line) and text into `reterr`, which may be NULL. Text that is
 * too long is cut between characters and ends in "...". Returns `code`: `return ex_fail(...);`. */
int ex_fail(struct fo_error *reterr, int code, int line, const char *format, ...) FO_PRINTF(4, 5);

/* The text as `%.*s` takes it, cut so that a hostile name leaves room for the rest of a message. */
enum { EX_SHOWN_MAX = 80 };
static inline int ex_shown(struct fo_str text) {
    return text.len < EX_SHOWN_MAX ? (int)text.len : EX_SHOWN_MAX;
}

#endif
