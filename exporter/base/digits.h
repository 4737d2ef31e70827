/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/digits.h - a number in decimal digits, where a format string would cost more than
 * all that is done with the number. Owns: nothing. Threads: any. */
#ifndef EX_BASE_DIGITS_H
#define EX_BASE_DIGITS_H

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

#endif
