/* SPDX-License-Identifier: Apache-2.0 */
/* What a listener has yet to acknowledge: sent in order and no more than it takes, again in its
 * next life, and given up only beyond the bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exporter/children/outbox.h"

static void add(struct ex_outbox *outbox, uint64_t number) {
    char text[24];

    (void)snprintf(text, sizeof text, "%llu\n", (unsigned long long)number);
    assert_true(ex_outbox_add(outbox, number, (int64_t)number, fo_str_of(text)));
}

static uint64_t send(struct ex_outbox *outbox) {
    const struct ex_parcel *parcel = ex_outbox_next(outbox);

    if (!parcel)
        return 0;
    assert_int_equal(strtoull(parcel->record, NULL, 10), parcel->number);
    uint64_t number = parcel->number;
    ex_outbox_sent(outbox);
    return number;
}

static void test_no_more_is_sent_than_it_takes(void **state) {
    struct ex_outbox outbox;

    (void)state;
    ex_outbox_init(&outbox, 2);
    assert_int_equal(send(&outbox), 0);
    for (uint64_t number = 3; number < 8; number++)
        add(&outbox, number);
    assert_int_equal(send(&outbox), 3);
    assert_int_equal(send(&outbox), 4);
    assert_int_equal(send(&outbox), 0);
    assert_true(ex_outbox_acknowledge(&outbox, 4)); /* in any order */
    assert_int_equal(send(&outbox), 5);
    assert_int_equal(send(&outbox), 0);
    assert_true(ex_outbox_acknowledge(&outbox, 3));
    assert_true(ex_outbox_acknowledge(&outbox, 5));
    assert_int_equal(send(&outbox), 6);
    assert_int_equal(send(&outbox), 7);
    assert_true(ex_outbox_acknowledge(&outbox, 7));
    assert_true(ex_outbox_acknowledge(&outbox, 6));
    assert_int_equal(outbox.count, 0);
    assert_int_equal(outbox.bytes, 0);
    add(&outbox, 9);
    assert_int_equal(send(&outbox), 9);
    ex_outbox_done(&outbox);
}

static void test_only_what_was_sent_can_be_acknowledged(void **state) {
    struct ex_outbox outbox;

    (void)state;
    ex_outbox_init(&outbox, 1);
    assert_false(ex_outbox_acknowledge(&outbox, 1));
    add(&outbox, 5);
    add(&outbox, 6);
    assert_false(ex_outbox_acknowledge(&outbox, 5));
    assert_int_equal(send(&outbox), 5);
    assert_false(ex_outbox_acknowledge(&outbox, 4));
    assert_false(ex_outbox_acknowledge(&outbox, 6));
    assert_false(ex_outbox_acknowledge(&outbox, UINT64_MAX));
    assert_true(ex_outbox_acknowledge(&outbox, 5));
    assert_false(ex_outbox_acknowledge(&outbox, 5));
    assert_int_equal(outbox.newest_sent, 5);
    ex_outbox_done(&outbox);
}

static void test_a_new_life_is_told_again(void **state) {
    struct ex_outbox outbox;

    (void)state;
    ex_outbox_init(&outbox, 3);
    for (uint64_t number = 1; number < 6; number++)
        add(&outbox, number);
    assert_int_equal(send(&outbox), 1);
    assert_int_equal(send(&outbox), 2);
    assert_true(ex_outbox_acknowledge(&outbox, 1));
    ex_outbox_begin_again(&outbox);
    assert_false(ex_outbox_acknowledge(&outbox, 2)); /* the last life had it, this one has not */
    assert_int_equal(send(&outbox), 2);
    assert_int_equal(send(&outbox), 3);
    assert_int_equal(send(&outbox), 4);
    assert_int_equal(send(&outbox), 0);
    ex_outbox_done(&outbox);
}

static void test_too_many_are_given_up(void **state) {
    struct ex_outbox outbox;

    (void)state;
    ex_outbox_init(&outbox, 2);
    for (uint64_t number = 1; number <= EX_OUTBOX_COUNT_MAX; number++)
        add(&outbox, number);
    assert_int_equal(send(&outbox), 1);
    assert_int_equal(send(&outbox), 2);
    assert_int_equal(ex_outbox_give_up(&outbox, 0), 0);
    add(&outbox, EX_OUTBOX_COUNT_MAX + 1);
    assert_int_equal(ex_outbox_give_up(&outbox, 0), 3); /* the listener is at the first two */
    assert_int_equal(ex_outbox_give_up(&outbox, 0), 0);
    assert_true(ex_outbox_acknowledge(&outbox, 1));
    assert_int_equal(send(&outbox), 4);
    ex_outbox_done(&outbox);
}

static void test_what_is_too_large_or_too_old_is_given_up(void **state) {
    static char large[EX_OUTBOX_BYTES_MAX];
    struct ex_outbox outbox;

    (void)state;
    ex_outbox_init(&outbox, 2);
    add(&outbox, 1);
    assert_int_equal(send(&outbox), 1);
    assert_int_equal(ex_outbox_give_up(&outbox, EX_OUTBOX_AGE_MAX_MS + 1), 0);
    assert_int_equal(ex_outbox_give_up(&outbox, EX_OUTBOX_AGE_MAX_MS + 2), 1);
    assert_int_equal(ex_outbox_give_up(&outbox, INT64_MAX), 0);
    memset(large, 'x', sizeof large);
    assert_true(ex_outbox_add(&outbox, 2, 0, (struct fo_str){large, sizeof large}));
    assert_int_equal(ex_outbox_give_up(&outbox, 0), 0);
    assert_true(ex_outbox_add(&outbox, 3, 0, (struct fo_str){large, sizeof large}));
    ex_outbox_sent(&outbox);
    ex_outbox_sent(&outbox);
    assert_int_equal(ex_outbox_give_up(&outbox, 0), 2); /* all are under way: the oldest */
    assert_int_equal(ex_outbox_give_up(&outbox, 0), 0);
    assert_int_equal(outbox.in_flight, 1);
    ex_outbox_done(&outbox);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_more_is_sent_than_it_takes),
        cmocka_unit_test(test_only_what_was_sent_can_be_acknowledged),
        cmocka_unit_test(test_a_new_life_is_told_again),
        cmocka_unit_test(test_too_many_are_given_up),
        cmocka_unit_test(test_what_is_too_large_or_too_old_is_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
