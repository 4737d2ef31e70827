/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/labeltext.h"

#include "exporter/base/plain.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

enum { CUT_HASH_CHARS = 17 /* ~ and 16 hexadecimal digits */ };

bool ex_label_is_plain(struct fo_str value, size_t max_bytes) {
    return value.len <= max_bytes && ex_plain_is(value);
}

void ex_label_start(struct ex_buffer *out, struct fo_str name) {
    if (out->len > 0)
        ex_buffer_append_char(out, ',');
    ex_buffer_append_str(out, name);
    ex_buffer_append(out, "=\"", 2);
}

static void append_code_point(struct ex_buffer *out, const char *ptr, size_t len) {
    if (*ptr == '\\')
        ex_buffer_append(out, "\\\\", 2);
    else if (*ptr == '"')
        ex_buffer_append(out, "\\\"", 2);
    else if (*ptr == '\n')
        ex_buffer_append(out, "\\n", 2);
    else
        ex_buffer_append(out, ptr, len);
}

/* The hash has no secret: a series must keep its name over a restart. */
static void append_cut_hash(struct ex_buffer *out, struct fo_str value) {
    ex_buffer_printf(out, "~%016llx", (unsigned long long)XXH3_64bits(value.ptr, value.len));
}

/* How long a value is once its bad sequences are replaced. */
static size_t repaired_len(struct fo_str value) {
    size_t len = 0;

    while (value.len > 0) {
        int step = ex_utf8_step(value);
        size_t taken = (size_t)(step > 0 ? step : -step);
        len += step > 0 ? taken : sizeof replacement - 1;
        value.ptr += taken;
        value.len -= taken;
    }
    return len;
}

struct ex_label_repair ex_label_escape(struct ex_buffer *out, struct fo_str value,
                                       size_t max_bytes) {
    if (ex_label_is_plain(value, max_bytes)) {
        ex_buffer_append_str(out, value);
        return (struct ex_label_repair){.cut = false};
    }
    struct ex_label_repair repair = {.cut = repaired_len(value) > max_bytes};
    struct fo_str rest = value;
    size_t room = repair.cut ? max_bytes - CUT_HASH_CHARS : SIZE_MAX;

    while (rest.len > 0) {
        int step = ex_utf8_step(rest);
        size_t taken = (size_t)(step > 0 ? step : -step);
        size_t shown = step > 0 ? taken : sizeof replacement - 1;
        if (shown > room)
            break;
        room -= shown;
        append_code_point(out, step > 0 ? rest.ptr : replacement, shown);
        repair.invalid = repair.invalid || step <= 0;
        rest.ptr += taken;
        rest.len -= taken;
    }
    if (repair.cut)
        append_cut_hash(out, value);
    return repair;
}

bool ex_label_next(struct fo_str *rest, struct fo_str *ret_name, struct fo_str *ret_value) {
    if (rest->len == 0)
        return false;
    const char *equals = memchr(rest->ptr, '=', rest->len);
    const char *end = rest->ptr + rest->len;
    const char *quote = equals + 2;

    while (*quote != '"')
        quote += *quote == '\\' ? 2 : 1;
    *ret_name = (struct fo_str){rest->ptr, (size_t)(equals - rest->ptr)};
    *ret_value = (struct fo_str){equals + 2, (size_t)(quote - equals - 2)};
    rest->ptr = quote + 1 < end ? quote + 2 : end;
    rest->len = (size_t)(end - rest->ptr);
    return true;
}

void ex_label_unescape(struct ex_buffer *out, struct fo_str escaped) {
    for (size_t i = 0; i < escaped.len; i++) {
        char c = escaped.ptr[i];
        if (c == '\\') {
            c = escaped.ptr[++i];
            if (c == 'n')
                c = '\n';
        }
        ex_buffer_append_char(out, c);
    }
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool ex_label_name_is_legal(struct fo_str name) {
    if (name.len == 0 || !is_letter(name.ptr[0]))
        return false;
    for (size_t i = 1; i < name.len; i++) {
        if (!is_letter(name.ptr[i]) && !(name.ptr[i] >= '0' && name.ptr[i] <= '9'))
            return false;
    }
    return true;
}
