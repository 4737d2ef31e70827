/* SPDX-License-Identifier: Apache-2.0 */
#include "failover/text.h"

#include <math.h>

void fo_text_init(struct fo_text *text, char *out, size_t size) {
    text->out = out;
    text->size = size;
    text->len = 0;
    if (size > 0)
        out[0] = '\0';
}

void fo_text_append(struct fo_text *text, struct fo_str str) {
    if (text->len + 1 < text->size && str.len > 0) {
        size_t room = text->size - text->len - 1;
        size_t bytes = str.len < room ? str.len : room;
        memcpy(text->out + text->len, str.ptr, bytes);
        text->out[text->len + bytes] = '\0';
    }
    text->len += str.len;
}

void fo_text_append_text(struct fo_text *text, const char *words) {
    fo_text_append(text, fo_str_of(words));
}

void fo_text_append_i64(struct fo_text *text, int64_t value) {
    char digits[24];
    size_t start = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        digits[--start] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        digits[--start] = '-';
    fo_text_append(text, (struct fo_str){digits + start, sizeof digits - start});
}

void fo_text_append_double(struct fo_text *text, double value) {
    enum { DECIMALS = 6, MILLION = 1000000 };
    char decimals[DECIMALS + 1] = ".";
    size_t len = DECIMALS + 1;

    if (!(fabs(value) < 1e12)) {
        fo_text_append_text(text, value > 0 ? "Infinity" : "-Infinity");
        return;
    }
    if (value < 0)
        fo_text_append_text(text, "-");
    int64_t millionths = (int64_t)(fabs(value) * MILLION + 0.5);
    int64_t fraction = millionths % MILLION;
    for (size_t i = DECIMALS; i > 0; i--, fraction /= 10)
        decimals[i] = (char)('0' + fraction % 10);
    while (len > 2 && decimals[len - 1] == '0')
        len--;
    fo_text_append_i64(text, millionths / MILLION);
    fo_text_append(text, (struct fo_str){decimals, len});
}

int fo_error_set(struct fo_error *reterr, int code, const char *before, struct fo_str about,
                 const char *after) {
    struct fo_text text;

    if (!reterr)
        return code;
    reterr->code = code;
    reterr->line = 0;
    fo_text_init(&text, reterr->text, sizeof reterr->text);
    fo_text_append_text(&text, before);
    fo_text_append(&text, about);
    fo_text_append_text(&text, after);
    return code;
}
