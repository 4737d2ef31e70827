/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two decimals of at most 15 digits are never the same double, hence below this an integer, and a
 * number of thousandths, is its own shortest form. */
static const double EXACT_LIMIT = 1e15;

static size_t digits_of(uint64_t value) {
    size_t digits = 1;

    for (; value >= 10000; value /= 10000)
        digits += 4;
    for (; value >= 10; value /= 10)
        digits++;
    return digits;
}

size_t ex_number_print_u64(char out[EX_NUMBER_MAX_BYTES], uint64_t value) {
    size_t len = digits_of(value);

    for (size_t i = len; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
    return len;
}

/* A magnitude in thousandths, without trailing zeros. */
static size_t thousandths(char *out, uint64_t value, bool negative) {
    size_t len = 0;

    if (negative)
        out[len++] = '-';
    len += ex_number_print_u64(out + len, value / 1000);
    unsigned rest = (unsigned)(value % 1000);
    if (rest == 0)
        return len;
    out[len++] = '.';
    for (unsigned unit = 100; rest > 0; unit /= 10) {
        out[len++] = (char)('0' + rest / unit);
        rest %= unit;
    }
    return len;
}

static size_t copy(char *out, const char *text) {
    return (size_t)(stpcpy(out, text) - out);
}

static size_t special(char *out, double value) {
    if (isnan(value))
        return copy(out, "NaN");
    return copy(out, value > 0 ? "+Inf" : "-Inf");
}

static size_t shortest(char *out, double value) {
    int len = 0;

    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(out, EX_NUMBER_MAX_BYTES, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    return (size_t)len;
}

size_t ex_number_print_double(char out[EX_NUMBER_MAX_BYTES], double value) {
    double magnitude = fabs(value);

    if (!isfinite(value))
        return special(out, value);
    if (magnitude < EXACT_LIMIT && (double)(uint64_t)magnitude == magnitude) {
        size_t sign = value < 0 ? 1 : 0;
        out[0] = '-';
        return sign + ex_number_print_u64(out + sign, (uint64_t)magnitude);
    }
    if (magnitude * 1000 < EXACT_LIMIT) {
        double scaled = nearbyint(magnitude * 1000);
        if (scaled / 1000 == magnitude)
            return thousandths(out, (uint64_t)scaled, value < 0);
    }
    return shortest(out, value);
}

size_t ex_number_print_seconds(char out[EX_NUMBER_MAX_BYTES], int64_t ms) {
    return thousandths(out, ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms, ms < 0);
}

/* As Go's shortest %g, which the other clients use: an exponent below 1e-4 and from 1e6 on. */
size_t ex_number_print_bound(char out[EX_NUMBER_MAX_BYTES], double bound) {
    char text[EX_NUMBER_MAX_BYTES];
    int precision = 0;

    if (!isfinite(bound))
        return special(out, bound);
    if (bound != 0 && (fabs(bound) < 1e-4 || fabs(bound) >= 1e6)) {
        do {
            (void)snprintf(text, sizeof text, "%.*e", precision, bound);
            precision++;
        } while (strtod(text, NULL) != bound && precision < 17);
        return copy(out, text);
    }
    size_t len = ex_number_print_double(out, bound);
    if (!memchr(out, '.', len))
        len += copy(out + len, ".0");
    return len;
}
