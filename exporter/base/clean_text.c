/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/base/clean_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>

#include "exporter/base/utf8.h"

static const struct fo_str replacement = {"\xEF\xBF\xBD", 3};

static struct fo_str after(struct fo_str text, size_t skip) {
    struct fo_str rest = {text.ptr + skip, text.len - skip};
    return rest;
}

/* Appends one character, or one U+FFFD for bytes that are none, and returns the bytes taken. */
static size_t append_character(struct ex_buffer *buffer, struct fo_str text) {
    int step = ex_utf8_step(text);

    if (step <= 0) {
        ex_buffer_append_str(buffer, replacement);
        return (size_t)-step;
    }
    ex_buffer_append(buffer, text.ptr, (size_t)step);
    return (size_t)step;
}

void ex_clean_utf8(struct ex_buffer *buffer, struct fo_str text) {
    while (text.len > 0)
        text = after(text, append_character(buffer, text));
}

void ex_clean_terminal(struct ex_buffer *buffer, struct fo_str text) {
    while (text.len > 0) {
        uint32_t code;
        size_t steering = text.ptr[0] == '\t' ? 0 : ex_utf8_steers(text, &code);
        if (steering > 0) {
            ex_buffer_append_char(buffer, '?');
            text = after(text, steering);
        } else {
            text = after(text, append_character(buffer, text));
        }
    }
}

/* The code unit of an escape `\uXXXX` at the start of the text; -1: there is none. */
static long escaped_unit(struct fo_str json) {
    char digits[5] = "";

    if (json.len < 6 || json.ptr[0] != '\\' || json.ptr[1] != 'u')
        return -1;
    for (size_t i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)json.ptr[2 + i]))
            return -1;
        digits[i] = json.ptr[2 + i];
    }
    return strtol(digits, NULL, 16);
}

static bool is_high(long unit) {
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low(long unit) {
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* Appends one escape and returns the bytes taken. */
static size_t append_escape(struct ex_buffer *buffer, struct fo_str json) {
    long unit = escaped_unit(json);
    size_t len = json.len < 2 ? json.len : 2;

    if (unit >= 0)
        len = 6;
    if (is_high(unit) && is_low(escaped_unit(after(json, len)))) {
        len += 6;
    } else if (is_high(unit) || is_low(unit)) {
        ex_buffer_append_text(buffer, "\\ufffd");
        return len;
    }
    ex_buffer_append(buffer, json.ptr, len);
    return len;
}

void ex_clean_json(struct ex_buffer *buffer, struct fo_str json) {
    while (json.len > 0) {
        bool escape = json.ptr[0] == '\\' && (json.len < 2 || (unsigned char)json.ptr[1] < 0x80);
        json = after(json, escape ? append_escape(buffer, json) : append_character(buffer, json));
    }
}
