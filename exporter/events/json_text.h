/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/events/json_text.h - writes JSON straight into a buffer, without a tree: a failure is
 * told to every listener and must cost little. Texts may hold anything: what is not UTF-8 becomes
 * U+FFFD. Owns: nothing. Threads: none, the caller serialises. */
#ifndef EX_EVENTS_JSON_TEXT_H
#define EX_EVENTS_JSON_TEXT_H

#include <stdbool.h>

#include "exporter/base/buffer.h"

/* A quoted string. */
void ex_json_append_string(struct ex_buffer *out, struct fo_str text);

/* Members of an object that was opened with '{': each writes its own comma where one is needed.
 * `key` is ours and needs no escaping. */
void ex_json_key(struct ex_buffer *out, const char *key);
void ex_json_string(struct ex_buffer *out, const char *key, struct fo_str text);
void ex_json_integer(struct ex_buffer *out, const char *key, int64_t value);
void ex_json_bool(struct ex_buffer *out, const char *key, bool value);
void ex_json_labels(struct ex_buffer *out, const char *key, const struct fo_label *labels,
                    size_t count);

#endif
