/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/tree_build.h"

#include <errno.h>

#include "exporter/config/number.h"

static bool is_one_of(struct fo_str text, const char *const *words) {
    for (; *words; words++) {
        if (fo_str_equal(text, fo_str_of(*words)))
            return true;
    }
    return false;
}

static int digit_of(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* 0o17 and 0x1F. */
static int read_based(struct fo_str text, int64_t *ret_value) {
    if (text.len < 3 || text.ptr[0] != '0' || (text.ptr[1] != 'x' && text.ptr[1] != 'o'))
        return -EINVAL;
    int base = text.ptr[1] == 'x' ? 16 : 8;
    int64_t value = 0;
    for (size_t i = 2; i < text.len; i++) {
        int digit = digit_of(text.ptr[i]);
        if (digit >= base || __builtin_mul_overflow(value, (int64_t)base, &value) ||
            __builtin_add_overflow(value, (int64_t)digit, &value))
            return -EINVAL;
    }
    *ret_value = value;
    return 0;
}

json_t *ex_tree_scalar(struct fo_str text) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    int64_t integer = 0;
    double real = 0;

    if (is_one_of(text, nulls))
        return json_null();
    if (is_one_of(text, trues))
        return json_true();
    if (is_one_of(text, falses))
        return json_false();
    int rc = ex_number_i64(text, &integer);
    if (rc == 0 || read_based(text, &integer) == 0)
        return json_integer(integer);
    if (rc != -ERANGE && ex_number_double(text, &real) == 0)
        return json_real(real);
    return json_stringn(text.ptr, text.len);
}

/* The 16 bits of "\uXXXX" at `at`, or 0. */
static uint32_t escaped_unit(struct fo_str bytes, size_t at) {
    uint32_t unit = 0;

    if (bytes.len - at < 6 || bytes.ptr[at] != '\\' || bytes.ptr[at + 1] != 'u')
        return 0;
    for (size_t i = at + 2; i < at + 6; i++) {
        int digit = digit_of(bytes.ptr[i]);
        if (digit > 15)
            return 0;
        unit = unit << 4 | (uint32_t)digit;
    }
    return unit;
}

/* Copies what the backslash at `at` begins; returns its length. */
static size_t copy_escape(struct fo_str bytes, size_t at, struct ex_buffer *out) {
    uint32_t high = escaped_unit(bytes, at);
    uint32_t low = high >= 0xD800 && high < 0xDC00 ? escaped_unit(bytes, at + 6) : 0;

    if (low >= 0xDC00 && low < 0xE000) {
        ex_buffer_printf(out, "\\U%08X", 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
        return 12;
    }
    size_t len = bytes.len - at < 2 ? 1 : 2;
    ex_buffer_append(out, bytes.ptr + at, len);
    return len;
}

/* Whether the text can be JSON with a surrogate in it. */
static bool may_need_joining(struct fo_str bytes) {
    return ex_tree_is_flow(bytes, ex_tree_skip_space(bytes, 0)) &&
           (memmem(bytes.ptr, bytes.len, "\\uD", 3) || memmem(bytes.ptr, bytes.len, "\\ud", 3));
}

int ex_tree_join_surrogates(struct fo_str bytes, struct ex_buffer *out) {
    bool quoted = false;
    size_t at = 0;

    if (!may_need_joining(bytes))
        return 0;
    while (at < bytes.len) {
        char c = bytes.ptr[at];
        /* JSON has neither outside of strings: this is YAML, whose other quotes know no escapes. */
        if (!quoted && (c == '\'' || c == '#')) {
            ex_buffer_append(out, bytes.ptr + at, bytes.len - at);
            break;
        }
        if (quoted && c == '\\') {
            at += copy_escape(bytes, at, out);
            continue;
        }
        quoted = quoted != (c == '"');
        ex_buffer_append_char(out, c);
        at++;
    }
    return out->failure ? -ENOMEM : 1;
}
