/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/digits.h - a number in decimal digits, where a format string or a tree of JSON
 * would cost more than all that is done with the number. Owns: nothing. Threads: any. */
#ifndef EX_BASE_DIGITS_H
#define EX_BASE_DIGITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { EX_DIGITS_MAX = 20 };

/* Writes the digits, not terminated; returns how many. */
static inline size_t ex_digits(uint64_t value, char ret_digits[static EX_DIGITS_MAX]) {
    char digits[EX_DIGITS_MAX];
    size_t first = sizeof digits;

    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(ret_digits, digits + first, sizeof digits - first);
    return sizeof digits - first;
}

/* Reads a number without sign as JSON has it, from 0 to `most`; `*at` moves behind its digits.
 * False: there is none, it begins with a needless 0, or it is too large. What follows is the
 * caller's to judge: the point of a fraction is no digit. */
static inline bool ex_digits_read(const char **at, const char *end, int64_t most,
                                  int64_t *ret_number) {
    enum { SAFE_DIGITS = 18 }; /* no number of these overflows */
    const char *start = *at;
    int64_t number = 0;

    while (*at < end && **at >= '0' && **at <= '9' && *at - start < SAFE_DIGITS)
        number = number * 10 + (*(*at)++ - '0');
    *ret_number = number;
    return *at > start && (*start != '0' || *at == start + 1) && number <= most;
}

#endif
