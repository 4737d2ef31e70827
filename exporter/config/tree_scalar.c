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
