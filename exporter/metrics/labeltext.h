/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/labeltext.h - label values from anywhere, made fit to be shown.
 * The one form in which a value is kept is escaped text: valid UTF-8, no longer than its limit,
 * with backslash, newline and double quote escaped, which is what both text formats want. Owns:
 * nothing. Threads: any. */
#ifndef EX_METRICS_LABELTEXT_H
#define EX_METRICS_LABELTEXT_H

#include <stdbool.h>

#include "exporter/base/buffer.h"
#include "exporter/base/utf8.h"
#include "failover/types.h"

/* Whether a value is fit as it is: short enough, printable ASCII, nothing to escape. */
bool ex_label_is_plain(struct fo_str value, size_t max_bytes);

/* Starts a label: name=" with a comma before it unless it is the first; the value, escaped, and its
 * closing quote are the caller's. */
void ex_label_start(struct ex_buffer *out, struct fo_str name);

struct ex_label_repair {
    bool invalid; /* held bytes that are not UTF-8; each bad sequence became U+FFFD */
    bool cut;     /* was too long; cut at a code point, with a hash of the whole */
};

/* Appends the escaped form of a value. */
struct ex_label_repair ex_label_escape(struct ex_buffer *out, struct fo_str value,
                                       size_t max_bytes);

/* Walks over escaped labels (name="value",...): takes the next one off `*rest`; `ret_value` is
 * still escaped. False at the end. */
bool ex_label_next(struct fo_str *rest, struct fo_str *ret_name, struct fo_str *ret_value);

/* Appends the value that an escaped one stands for, at most as long. */
void ex_label_unescape(struct ex_buffer *out, struct fo_str escaped);

/* Whether `name` is [a-zA-Z_][a-zA-Z0-9_]*. */
bool ex_label_name_is_legal(struct fo_str name);

#endif
