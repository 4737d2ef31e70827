/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/events/json_text.h"

#include "exporter/base/plain.h"

static const char replacement[] = "\xef\xbf\xbd";

static bool is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static bool is_trail(unsigned char c) {
    return (c & 0xc0) == 0x80;
}

/* The length of a well-formed character of more than one byte at `at`; 0 = there is none. */
static size_t wide_len(const unsigned char *at, size_t left) {
    size_t len = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;

    if (at[0] < 0xc2 || at[0] > 0xf4 || left < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (!is_trail(at[i]))
            return 0;
    }
    bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool surrogate = at[0] == 0xed && at[1] > 0x9f;
    bool beyond = at[0] == 0xf4 && at[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : len;
}

static void append_escape(struct ex_buffer *out, unsigned char c) {
    const char *shorts = "\"\\\n\t\r";
    const char *letters = "\"\\ntr";
    const char *found = c ? strchr(shorts, c) : NULL;

    if (found) {
        ex_buffer_append_char(out, '\\');
        ex_buffer_append_char(out, letters[found - shorts]);
    } else {
        ex_buffer_printf(out, "\\u%04x", c);
    }
}

/* False: there is no room, or something in it has to be written otherwise. */
static bool append_plain(struct ex_buffer *out, struct fo_str text) {
    char *room = ex_plain_is(text) ? ex_buffer_reserve(out, text.len + 2) : NULL;

    if (!room)
        return false;
    room[0] = '"';
    if (text.len > 0)
        memcpy(room + 1, text.ptr, text.len);
    room[text.len + 1] = '"';
    ex_buffer_commit(out, text.len + 2);
    return true;
}

void ex_json_append_string(struct ex_buffer *out, struct fo_str text) {
    const unsigned char *at = (const unsigned char *)text.ptr;
    size_t left = text.len;

    if (append_plain(out, text))
        return;
    ex_buffer_append_char(out, '"');
    while (left > 0) {
        size_t len = 0;
        while (len < left && is_plain(at[len]))
            len++;
        if (len == 0 && at[0] >= 0x80)
            len = wide_len(at, left);
        if (len > 0)
            ex_buffer_append(out, at, len);
        else if (at[0] >= 0x80)
            ex_buffer_append_text(out, replacement);
        else
            append_escape(out, at[0]);
        len += len == 0;
        at += len;
        left -= len;
    }
    ex_buffer_append_char(out, '"');
}

void ex_json_key(struct ex_buffer *out, const char *key) {
    const struct fo_str name = fo_str_of(key);
    char *start = ex_buffer_reserve(out, name.len + sizeof ",\"\":" - 1);
    char *room = start;

    if (!start)
        return;
    if (out->len > 0 && out->bytes[out->len - 1] != '{')
        *room++ = ',';
    *room++ = '"';
    memcpy(room, name.ptr, name.len);
    room += name.len;
    *room++ = '"';
    *room++ = ':';
    ex_buffer_commit(out, (size_t)(room - start));
}

void ex_json_string(struct ex_buffer *out, const char *key, struct fo_str text) {
    ex_json_key(out, key);
    ex_json_append_string(out, text);
}

void ex_json_integer(struct ex_buffer *out, const char *key, int64_t value) {
    ex_json_key(out, key);
    ex_buffer_append_i64(out, value);
}

void ex_json_bool(struct ex_buffer *out, const char *key, bool value) {
    ex_json_key(out, key);
    ex_buffer_append_text(out, value ? "true" : "false");
}

void ex_json_labels(struct ex_buffer *out, const char *key, const struct fo_label *labels,
                    size_t count) {
    ex_json_key(out, key);
    ex_buffer_append_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            ex_buffer_append_char(out, ',');
        ex_json_append_string(out, labels[i].key);
        ex_buffer_append_char(out, ':');
        ex_json_append_string(out, labels[i].value);
    }
    ex_buffer_append_char(out, '}');
}
