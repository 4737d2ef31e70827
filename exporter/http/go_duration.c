/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/go_duration.h"

#include <errno.h>

#include "exporter/config/number.h"

enum { TEXT_MAX_BYTES = 64 };

/* "ms" before "m": the first that fits is taken. */
static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000}, /* the micro sign, and the Greek letter */
    {"\xce\xbcs", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", INT64_C(60000000000)},
    {"h", INT64_C(3600000000000)},
};

static struct fo_str skip(struct fo_str text, size_t len) {
    return (struct fo_str){text.ptr + len, text.len - len};
}

static int parse_number(struct fo_str *rest, double *ret_number) {
    struct fo_str digits = *rest;
    size_t len = 0;

    while (len < rest->len &&
           ((rest->ptr[len] >= '0' && rest->ptr[len] <= '9') || rest->ptr[len] == '.'))
        len++;
    digits.len = len;
    *rest = skip(*rest, len);
    return ex_number_double(digits, ret_number);
}

static int parse_unit(struct fo_str *rest, int64_t *ret_ns) {
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t len = strlen(units[i].name);
        if (rest->len >= len && memcmp(rest->ptr, units[i].name, len) == 0) {
            *rest = skip(*rest, len);
            *ret_ns = units[i].ns;
            return 0;
        }
    }
    return -EINVAL;
}

int ex_http_go_duration_parse(struct fo_str text, int64_t *ret_ns) {
    double sum_ns = 0;
    uint64_t bare_ns = 0;

    if (ex_number_u64(text, &bare_ns) == 0 && bare_ns <= INT64_MAX) {
        *ret_ns = (int64_t)bare_ns;
        return 0;
    }
    if (text.len == 0 || text.len > TEXT_MAX_BYTES)
        return -EINVAL;
    while (text.len > 0) {
        double number = 0;
        int64_t unit_ns = 0;
        if (parse_number(&text, &number) != 0 || parse_unit(&text, &unit_ns) != 0)
            return -EINVAL;
        sum_ns += number * (double)unit_ns;
    }
    if (sum_ns > 9e18)
        return -ERANGE;
    *ret_ns = (int64_t)sum_ns;
    return 0;
}
