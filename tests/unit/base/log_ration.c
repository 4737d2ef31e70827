/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporter/base/log_ration.h"

enum { START_MS = 1000 };

static unsigned take_many(struct ex_log_ration *ration, unsigned count, int64_t now_ms) {
    uint64_t held_back = 0;
    unsigned written = 0;

    for (unsigned i = 0; i < count; i++) {
        written += ex_log_ration_take(ration, now_ms, &held_back);
        assert_int_equal(held_back, 0);
    }
    return written;
}

static void test_the_first_of_a_period_are_written(void **state) {
    struct ex_log_ration ration = {0};
    uint64_t held_back = 0;

    (void)state;
    assert_int_equal(take_many(&ration, 7, START_MS), 7);
    assert_int_equal(take_many(&ration, 1000, START_MS + 1), EX_LOG_RATION_LINES - 7);
    assert_int_equal(take_many(&ration, 5, START_MS + EX_LOG_RATION_PERIOD_MS - 1), 0);
    assert_true(ex_log_ration_take(&ration, START_MS + EX_LOG_RATION_PERIOD_MS, &held_back));
    assert_int_equal(held_back, 7 + 1000 + 5 - EX_LOG_RATION_LINES);
    assert_int_equal(take_many(&ration, 1000, START_MS + EX_LOG_RATION_PERIOD_MS),
                     EX_LOG_RATION_LINES - 1);
}

/* A source that seldom speaks is never held back. */
static void test_seldom_lines_are_written(void **state) {
    struct ex_log_ration ration = {0};

    (void)state;
    for (int64_t i = 0; i < 1000; i++)
        assert_int_equal(take_many(&ration, 1, i * EX_LOG_RATION_PERIOD_MS / EX_LOG_RATION_LINES),
                         1);
}

static void test_the_end_tells_the_rest(void **state) {
    struct ex_log_ration ration = {0};

    (void)state;
    assert_int_equal(ex_log_ration_end(&ration), 0);
    (void)take_many(&ration, EX_LOG_RATION_LINES + 3, START_MS);
    assert_int_equal(ex_log_ration_end(&ration), 3);
    assert_int_equal(ex_log_ration_end(&ration), 0);
    assert_int_equal(take_many(&ration, 1, START_MS), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_of_a_period_are_written),
        cmocka_unit_test(test_seldom_lines_are_written),
        cmocka_unit_test(test_the_end_tells_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
