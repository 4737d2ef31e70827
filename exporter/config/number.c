/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/number.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <strings.h>

enum { DOUBLE_TEXT_MAX = 400 };

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

int ex_number_u64(struct fo_str text, uint64_t *ret_value) {
    uint64_t value = 0;

    if (text.len == 0)
        return -EINVAL;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i]))
            return -EINVAL;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.ptr[i] - '0'), &value))
            return -ERANGE;
    }
    *ret_value = value;
    return 0;
}

int ex_number_i64(struct fo_str text, int64_t *ret_value) {
    bool negative = text.len > 0 && text.ptr[0] == '-';
    uint64_t magnitude = 0;

    if (negative || (text.len > 0 && text.ptr[0] == '+'))
        text = (struct fo_str){text.ptr + 1, text.len - 1};
    int rc = ex_number_u64(text, &magnitude);
    if (rc != 0)
        return rc;
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return -ERANGE;
    *ret_value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return 0;
}

int ex_number_i32(struct fo_str text, int32_t *ret_value) {
    int64_t wide = 0;
    int rc = ex_number_i64(text, &wide);

    if (rc != 0)
        return rc;
    if (wide < INT32_MIN || wide > INT32_MAX)
        return -ERANGE;
    *ret_value = (int32_t)wide;
    return 0;
}

static size_t skip_digits(struct fo_str text, size_t at) {
    while (at < text.len && is_digit(text.ptr[at]))
        at++;
    return at;
}

static size_t skip_sign(struct fo_str text, size_t at) {
    return at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+') ? at + 1 : at;
}

/* [-+]? ( digits [ . digits? ] | . digits ) ( [eE] [-+]? digits )?  -- strtod() takes far more. */
static bool is_decimal(struct fo_str text) {
    size_t first = skip_sign(text, 0);
    size_t at = skip_digits(text, first);
    size_t digits = at - first;

    if (at < text.len && text.ptr[at] == '.') {
        size_t fraction = at + 1;
        at = skip_digits(text, fraction);
        digits += at - fraction;
    }
    if (digits == 0)
        return false;
    if (at < text.len && (text.ptr[at] == 'e' || text.ptr[at] == 'E')) {
        size_t exponent = skip_sign(text, at + 1);
        at = skip_digits(text, exponent);
        if (at == exponent)
            return false;
    }
    return at == text.len;
}

int ex_number_double(struct fo_str text, double *ret_value) {
    char terminated[DOUBLE_TEXT_MAX];

    if (!is_decimal(text))
        return -EINVAL;
    if (text.len >= sizeof terminated)
        return -ERANGE;
    memcpy(terminated, text.ptr, text.len);
    terminated[text.len] = '\0';
    double value = strtod(terminated, NULL);
    if (!isfinite(value))
        return -ERANGE;
    *ret_value = value;
    return 0;
}

int ex_number_bytes(struct fo_str text, uint64_t *ret_bytes) {
    static const struct {
        const char *label;
        uint64_t bytes;
    } units[] = {{"", 1},
                 {"bytes", 1},
                 {"kib", UINT64_C(1) << 10},
                 {"mib", UINT64_C(1) << 20},
                 {"gib", UINT64_C(1) << 30}};
    size_t digits = skip_digits(text, 0);
    size_t at = digits < text.len && text.ptr[digits] == ' ' ? digits + 1 : digits;
    struct fo_str unit = {text.ptr + at, text.len - at};
    uint64_t count = 0;

    int rc = ex_number_u64((struct fo_str){text.ptr, digits}, &count);
    if (rc != 0)
        return rc;
    if (at > digits && unit.len == 0)
        return -EINVAL;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strlen(units[i].label) != unit.len ||
            strncasecmp(units[i].label, unit.ptr, unit.len) != 0)
            continue;
        return __builtin_mul_overflow(count, units[i].bytes, ret_bytes) ? -ERANGE : 0;
    }
    return -EINVAL;
}
