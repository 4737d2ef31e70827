/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/utf8.h - walks over text that may or may not be UTF-8.
 * Owns: nothing. Threads: any. */
#ifndef EX_BASE_UTF8_H
#define EX_BASE_UTF8_H

#include <stdbool.h>

#include "failover/types.h"

/* Length in bytes of the UTF-8 sequence at the start of `text` (not empty), or 0 minus the number
 * of bytes to give up when it is none. */
int ex_utf8_step(struct fo_str text);

/* Length in bytes of the character at the start of `text` (not empty) if it is one that a text for
 * people should not hold, 0 if not: a control character (the tab too), an end of line or paragraph,
 * or one that turns the direction of writing. *ret_code_point is what it is. */
size_t ex_utf8_steers(struct fo_str text, uint32_t *ret_code_point);

bool ex_utf8_is_valid(struct fo_str text, size_t *ret_code_points);

#endif
