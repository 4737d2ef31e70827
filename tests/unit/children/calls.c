/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of calls that wait for answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporter/children/calls.h"

static void test_in_order(void **state) {
    struct ex_calls calls;
    bool late;
    int asked;

    (void)state;
    assert_int_equal(ex_calls_init(&calls, 3), 0);
    assert_null(ex_calls_oldest(&calls));
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(ex_calls_add(&calls, &asked, i), i);
    assert_int_equal(ex_calls_add(&calls, &asked, 4), 0); /* full */
    assert_int_equal(ex_calls_oldest(&calls)->id, 1);
    ex_calls_end(&calls, ex_calls_find(&calls, 1, &late), false);
    ex_calls_end(&calls, ex_calls_find(&calls, 2, &late), false);
    assert_int_equal(ex_calls_oldest(&calls)->id, 3);
    assert_int_equal(calls.waiting, 1);
    ex_calls_done(&calls);
}

static void test_who_is_late(void **state) {
    struct ex_calls calls;
    bool late;

    (void)state;
    assert_int_equal(ex_calls_init(&calls, 2), 0);
    uint64_t answered = ex_calls_add(&calls, NULL, 0);
    uint64_t expired = ex_calls_add(&calls, NULL, 0);
    ex_calls_end(&calls, ex_calls_find(&calls, answered, &late), false);
    ex_calls_end(&calls, ex_calls_find(&calls, expired, &late), true);
    assert_null(ex_calls_find(&calls, answered, &late)); /* twice */
    assert_false(late);
    assert_null(ex_calls_find(&calls, expired, &late));
    assert_true(late);
    assert_null(ex_calls_find(&calls, 99, &late)); /* never asked */
    assert_false(late);
    assert_null(ex_calls_find(&calls, 0, &late));
    assert_false(late);
    ex_calls_done(&calls);
}

/* One call that is never answered: the ring stops at it rather than forget it. */
static void test_wrap(void **state) {
    struct ex_calls calls;
    bool late;
    unsigned added = 0;

    (void)state;
    assert_int_equal(ex_calls_init(&calls, 4), 0);
    uint64_t stuck = ex_calls_add(&calls, NULL, 0);
    for (uint64_t id; (id = ex_calls_add(&calls, NULL, 0)) != 0; added++)
        ex_calls_end(&calls, ex_calls_find(&calls, id, &late), false);
    assert_int_equal(added, calls.slot_count - 1);
    assert_int_equal(ex_calls_oldest(&calls)->id, stuck);
    ex_calls_end(&calls, ex_calls_oldest(&calls), true);
    assert_int_not_equal(ex_calls_add(&calls, NULL, 0), 0);
    assert_null(ex_calls_find(&calls, stuck, &late)); /* its slot is used again */
    assert_true(late);
    ex_calls_done(&calls);
}

static void test_forget(void **state) {
    struct ex_calls calls;
    int one;
    int other;

    (void)state;
    assert_int_equal(ex_calls_init(&calls, 4), 0);
    (void)ex_calls_add(&calls, &one, 0);
    (void)ex_calls_add(&calls, &other, 0);
    ex_calls_forget(&calls, &one);
    assert_null(ex_calls_oldest(&calls)->asked);
    assert_int_equal(calls.waiting, 2);
    ex_calls_done(&calls);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_who_is_late),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
