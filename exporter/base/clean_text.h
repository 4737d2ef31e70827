/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/clean_text.h - output of strangers' programs made fit for JSON and for terminals.
 * Owns: nothing. Threads: any. */
#ifndef EX_BASE_CLEAN_TEXT_H
#define EX_BASE_CLEAN_TEXT_H

#include "exporter/base/buffer.h"

/* Appends the text with U+FFFD for bytes that are not UTF-8. */
void ex_clean_utf8(struct ex_buffer *buffer, struct fo_str text);

/* The same, and `?` for control characters and those that turn the direction of writing: no output
 * can steer the terminal it is shown on, or read otherwise than it is. */
void ex_clean_terminal(struct ex_buffer *buffer, struct fo_str text);

/* Appends JSON with what is no Unicode in it replaced by U+FFFD: bytes that are not UTF-8, and
 * escapes of half a surrogate pair, as Python writes them for such bytes. */
void ex_clean_json(struct ex_buffer *buffer, struct fo_str json);

#endif
