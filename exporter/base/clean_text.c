/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/base/clean_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>

static const struct fo_str replacement = {"\xEF\xBF\xBD", 3};

/* Bytes of the sequence that `lead` starts, and the range of its second byte; 0: it starts none. */
static size_t sequence_len(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high) {
    *ret_low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    *ret_high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF)
        return 3;
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

/* Bytes of the character at the start of `text`, which is not empty; 0: it is no UTF-8. */
static size_t character_len(struct fo_str text) {
    unsigned char low;
    unsigned char high;
    size_t len = sequence_len((unsigned char)text.ptr[0], &low, &high);

    if (len > text.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < low || c > high)
            return 0;
        low = 0x80;
        high = 0xBF;
    }
    return len;
}

static struct fo_str after(struct fo_str text, size_t skip) {
    struct fo_str rest = {text.ptr + skip, text.len - skip};
    return rest;
}

/* Appends one character and returns the bytes taken. */
static size_t append_character(struct ex_buffer *buffer, struct fo_str text) {
    size_t len = character_len(text);

    if (len == 0) {
        ex_buffer_append_str(buffer, replacement);
        return 1;
    }
    ex_buffer_append(buffer, text.ptr, len);
    return len;
}

void ex_clean_utf8(struct ex_buffer *buffer, struct fo_str text) {
    while (text.len > 0)
        text = after(text, append_character(buffer, text));
}

void ex_clean_terminal(struct ex_buffer *buffer, struct fo_str text) {
    while (text.len > 0) {
        unsigned char c = (unsigned char)text.ptr[0];
        /* 0xC2 0x80 to 0xC2 0x9F are control characters too. */
        bool wide = c == 0xC2 && text.len > 1 && (unsigned char)text.ptr[1] < 0xA0;
        if ((c < ' ' && c != '\t') || c == 0x7F || wide) {
            ex_buffer_append_char(buffer, '?');
            text = after(text, wide ? 2 : 1);
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
