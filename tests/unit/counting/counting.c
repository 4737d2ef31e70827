/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "listeners/counting/counting.h"

struct counted {
    int calls;
    struct fo_str values[2];
};

static void add(void *ctx, const struct fo_str *values) {
    struct counted *counted = ctx;

    counted->calls++;
    counted->values[0] = values[0];
    counted->values[1] = values[1];
}

static void assert_value(struct fo_str value, const char *expected) {
    assert_true(fo_str_equal(value, fo_str_of(expected)));
}

static void test_values_stand_in_the_order_of_the_keys(void **state) {
    const struct fo_str keys[] = {fo_str_of("type"), fo_str_of("cause")};
    const struct fo_label labels[] = {
        {fo_str_of("retry"), fo_str_of("never")},
        {fo_str_of("cause"), fo_str_of("disk")},
        {fo_str_of("type"), fo_str_of("SYSTEM")},
    };
    struct counted counted = {0};
    struct counting *counting;

    (void)state;
    assert_int_equal(counting_new(keys, 2, &counting), 0);
    counting_on_labelled(counting, labels, 3, add, &counted);
    assert_int_equal(counted.calls, 1);
    assert_value(counted.values[0], "SYSTEM");
    assert_value(counted.values[1], "disk");
    counting_on_labelled(counting, labels, 1, add, &counted);
    assert_int_equal(counted.calls, 2);
    assert_value(counted.values[0], "");
    assert_value(counted.values[1], "");
    assert_null(counting_free(counting));
}

static void test_too_many_keys(void **state) {
    struct fo_str keys[COUNTING_KEYS_MAX + 1] = {{"k", 1}};
    struct counting *counting;

    (void)state;
    assert_int_equal(counting_new(keys, COUNTING_KEYS_MAX + 1, &counting), -E2BIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_stand_in_the_order_of_the_keys),
        cmocka_unit_test(test_too_many_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
