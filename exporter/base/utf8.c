/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/base/utf8.h"

/* How many bytes the lead byte asks for, and between what the second one must lie: that alone
 * keeps out overlong forms, surrogates and what is beyond U+10FFFF. */
static int sequence_len(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high) {
    *ret_low = 0x80;
    *ret_high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF) {
        *ret_low = lead == 0xE0 ? 0xA0 : 0x80;
        *ret_high = lead == 0xED ? 0x9F : 0xBF;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        *ret_low = lead == 0xF0 ? 0x90 : 0x80;
        *ret_high = lead == 0xF4 ? 0x8F : 0xBF;
        return 4;
    }
    return 0;
}

int ex_utf8_step(struct fo_str text) {
    unsigned char low;
    unsigned char high;
    unsigned char lead = (unsigned char)text.ptr[0];

    if (lead < 0x80)
        return 1;
    int len = sequence_len(lead, &low, &high);
    for (int i = 1; i < len; i++) {
        unsigned char c = (size_t)i < text.len ? (unsigned char)text.ptr[i] : 0;
        if (c < low || c > high)
            return -i;
        low = 0x80;
        high = 0xBF;
    }
    return len > 0 ? len : -1;
}

size_t ex_utf8_steers(struct fo_str text, uint32_t *ret_code_point) {
    const unsigned char *c = (const unsigned char *)text.ptr;
    uint32_t code = 0;

    if (c[0] < ' ' || c[0] == 0x7F) {
        *ret_code_point = c[0];
        return 1;
    }
    if (text.len >= 2 && c[0] == 0xC2 && c[1] >= 0x80 && c[1] <= 0x9F) {
        *ret_code_point = c[1];
        return 2;
    }
    if (text.len >= 3 && c[0] == 0xE2)
        code = 0x2000 | (c[1] & 0x3Fu) << 6 | (c[2] & 0x3Fu);
    if ((code < 0x2028 || code > 0x202E) && (code < 0x2066 || code > 0x2069))
        return 0;
    *ret_code_point = code;
    return 3;
}

bool ex_utf8_is_valid(struct fo_str text, size_t *ret_code_points) {
    size_t count = 0;

    while (text.len > 0) {
        int step = ex_utf8_step(text);
        if (step <= 0)
            return false;
        text.ptr += step;
        text.len -= (size_t)step;
        count++;
    }
    *ret_code_points = count;
    return true;
}
