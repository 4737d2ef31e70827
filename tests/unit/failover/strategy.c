/* SPDX-License-Identifier: Apache-2.0 */
/* Restart strategies beyond the conformance cases: budgets, texts, bounds, extremes. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failover/failover.h"

static struct fo_strategy_config fixed(int32_t attempts, int64_t delay_ms) {
    return (struct fo_strategy_config){.kind = FO_STRATEGY_FIXED_DELAY,
                                       .fixed_delay = {attempts, delay_ms}};
}

static struct fo_strategy_config rate(int32_t max, int64_t interval_ms, int64_t delay_ms) {
    return (struct fo_strategy_config){.kind = FO_STRATEGY_FAILURE_RATE,
                                       .failure_rate = {max, interval_ms, delay_ms}};
}

static struct fo_strategy_config exponential(int32_t attempts) {
    return (struct fo_strategy_config){
        .kind = FO_STRATEGY_EXPONENTIAL_DELAY,
        .exponential_delay = {.initial_backoff_ms = 10,
                              .max_backoff_ms = 100,
                              .backoff_multiplier = 2.0,
                              .reset_backoff_threshold_ms = 1000,
                              .attempts_before_reset_backoff = attempts}};
}

static struct fo_strategy *make(struct fo_strategy_config config) {
    struct fo_strategy *strategy = NULL;

    assert_int_equal(fo_strategy_new(&config, NULL, &strategy), 0);
    return strategy;
}

static void check_budget(const struct fo_strategy *strategy, int64_t now_ms, int64_t remaining,
                         int64_t resets_at_ms, int64_t next_backoff_ms) {
    struct fo_budget budget = fo_strategy_budget(strategy, now_ms);

    assert_true(budget.limited);
    assert_int_equal(budget.remaining, remaining);
    assert_int_equal(budget.resets_at_ms, resets_at_ms);
    assert_int_equal(budget.next_backoff_ms, next_backoff_ms);
}

/* What it was at the start stands beside what is left. */
static void check_limit(struct fo_strategy_config config, int64_t limit) {
    struct fo_strategy *strategy = make(config);

    assert_int_equal(fo_strategy_budget(strategy, 0).limit, limit);
    (void)fo_strategy_notify_failure(strategy, 0, 0);
    assert_int_equal(fo_strategy_budget(strategy, 0).limit, limit);
    (void)fo_strategy_free(strategy);
}

static void test_limits_of_budgets(void **state) {
    (void)state;
    check_limit((struct fo_strategy_config){.kind = FO_STRATEGY_NONE}, 0);
    check_limit(fixed(3, 7), 3);
    check_limit(rate(4, 100, 5), 4);
    check_limit(exponential(5), 5);
    struct fo_strategy *strategy = make(exponential(FO_ATTEMPTS_UNLIMITED));
    assert_false(fo_strategy_budget(strategy, 0).limited);
    (void)fo_strategy_free(strategy);
}

static void test_budget_of_none(void **state) {
    struct fo_strategy *strategy = make((struct fo_strategy_config){.kind = FO_STRATEGY_NONE});

    (void)state;
    check_budget(strategy, 0, 0, FO_NEVER, -1);
    (void)fo_strategy_free(strategy);
}

static void test_budget_of_fixed_delay(void **state) {
    struct fo_strategy *strategy = make(fixed(2, 7));

    (void)state;
    check_budget(strategy, 0, 2, FO_NEVER, 7);
    assert_true(fo_strategy_notify_failure(strategy, 0, 0));
    check_budget(strategy, 0, 1, FO_NEVER, 7);
    assert_true(fo_strategy_notify_failure(strategy, 0, 0));
    check_budget(strategy, 0, 0, FO_NEVER, -1);
    assert_true(fo_strategy_can_restart(strategy, 0));
    (void)fo_strategy_free(strategy);
    strategy = make(fixed(FO_ATTEMPTS_UNLIMITED, 7));
    struct fo_budget budget = fo_strategy_budget(strategy, 0);
    assert_false(budget.limited);
    assert_int_equal(budget.next_backoff_ms, 7);
    (void)fo_strategy_free(strategy);
}

static void test_budget_of_failure_rate(void **state) {
    struct fo_strategy *strategy = make(rate(2, 100, 5));

    (void)state;
    check_budget(strategy, 0, 2, FO_NEVER, 5);
    (void)fo_strategy_notify_failure(strategy, 0, 0);
    check_budget(strategy, 10, 1, 101, 5);
    (void)fo_strategy_notify_failure(strategy, 10, 0);
    check_budget(strategy, 10, 0, 101, -1);
    check_budget(strategy, 100, 0, 101, -1);
    check_budget(strategy, 101, 1, 111, 5); /* only time has passed */
    check_budget(strategy, 111, 2, FO_NEVER, 5);
    (void)fo_strategy_notify_failure(strategy, 20, 0); /* refused; one too many in the window */
    assert_false(fo_strategy_can_restart(strategy, 20));
    check_budget(strategy, 20, 0, 111, -1);
    assert_true(fo_strategy_can_restart(strategy, 101));
    (void)fo_strategy_free(strategy);
}

static void test_budget_of_exponential_delay(void **state) {
    struct fo_strategy *strategy = make(exponential(2));
    int64_t backoff_ms = 0;

    (void)state;
    assert_int_equal(fo_strategy_backoff_ms(strategy, 0, &backoff_ms), -EINVAL);
    check_budget(strategy, 0, 2, FO_NEVER, 10);
    assert_true(fo_strategy_notify_failure(strategy, 0, 0));
    check_budget(strategy, 0, 1, 1010, 10); /* a failure now would join the one that waits */
    check_budget(strategy, 4, 1, 1010, 6);
    check_budget(strategy, 11, 1, 1010, 20);
    assert_true(fo_strategy_notify_failure(strategy, 11, 0));
    check_budget(strategy, 11, 0, 1031, 20); /* still merged */
    check_budget(strategy, 32, 0, 1031, -1);
    check_budget(strategy, 1031, 2, FO_NEVER, 10);
    (void)fo_strategy_free(strategy);
}

/* Failures by the million in a window that never ends must not be kept for ever beyond the bound,
 * nor times move wrongly when the queue slides. */
static void test_long_failure_rate(void **state) {
    struct fo_strategy *strategy = make(rate(3, 10, 0));

    (void)state;
    for (int64_t now_ms = 0; now_ms < 100000; now_ms += 4) {
        (void)fo_strategy_notify_failure(strategy, now_ms, 0);
        assert_true(fo_strategy_can_restart(strategy, now_ms));
    }
    (void)fo_strategy_free(strategy);
    strategy = make(rate(3, 12, 0));
    for (int64_t now_ms = 0; now_ms < 100000; now_ms += 4) {
        (void)fo_strategy_notify_failure(strategy, now_ms, 0);
        assert_int_equal(fo_strategy_can_restart(strategy, now_ms), now_ms < 12);
    }
    (void)fo_strategy_free(strategy);
}

static void test_extremes_are_clamped(void **state) {
    struct fo_strategy_config config = exponential(FO_ATTEMPTS_UNLIMITED);
    int64_t backoff_ms = 0;

    (void)state;
    config.exponential_delay.max_backoff_ms = INT64_MAX;
    config.exponential_delay.backoff_multiplier = 1e300;
    config.exponential_delay.jitter_factor = 1.0;
    config.exponential_delay.reset_backoff_threshold_ms = INT64_MAX;
    struct fo_strategy *strategy = make(config);
    assert_true(fo_strategy_notify_failure(strategy, 0, UINT64_MAX));
    assert_true(fo_strategy_notify_failure(strategy, 100, UINT64_MAX));
    assert_int_equal(fo_strategy_backoff_ms(strategy, 100, &backoff_ms), 0);
    assert_int_equal(backoff_ms, INT64_MAX - 100);
    (void)fo_strategy_budget(strategy, INT64_MAX);
    (void)fo_strategy_notify_failure(strategy, INT64_MIN, 0);
    (void)fo_strategy_free(strategy);
    strategy = make(rate(INT32_MAX, INT64_MAX, INT64_MAX));
    (void)fo_strategy_notify_failure(strategy, INT64_MIN, 0);
    (void)fo_strategy_notify_failure(strategy, INT64_MAX, 0);
    assert_true(fo_strategy_can_restart(strategy, INT64_MAX));
    (void)fo_strategy_budget(strategy, INT64_MAX);
    (void)fo_strategy_free(strategy);
}

static void check_text(struct fo_strategy *strategy, const char *expected) {
    char text[512];
    char cut[8];

    assert_int_equal(fo_strategy_describe(strategy, text, sizeof text), strlen(expected));
    assert_string_equal(text, expected);
    assert_int_equal(fo_strategy_describe(strategy, cut, sizeof cut), strlen(expected));
    assert_memory_equal(cut, expected, sizeof cut - 1);
    assert_int_equal(cut[sizeof cut - 1], '\0');
    assert_int_equal(fo_strategy_describe(strategy, NULL, 0), strlen(expected));
    (void)fo_strategy_free(strategy);
}

static void test_texts_are_flinks(void **state) {
    struct fo_strategy_config config = exponential(FO_ATTEMPTS_UNLIMITED);

    (void)state;
    config.exponential_delay.backoff_multiplier = 1.500001;
    config.exponential_delay.jitter_factor = 0.1;
    check_text(make((struct fo_strategy_config){.kind = FO_STRATEGY_NONE}),
               "NoRestartBackoffTimeStrategy");
    check_text(make(fixed(3, 10000)), "FixedDelayRestartBackoffTimeStrategy("
                                      "maxNumberRestartAttempts=3, backoffTimeMS=10000)");
    check_text(make(rate(3, 300000, 10000)),
               "FailureRateRestartBackoffTimeStrategy(FailureRateRestartBackoffTimeStrategy("
               "failuresIntervalMS=300000,backoffTimeMS=10000,maxFailuresPerInterval=3)");
    check_text(make(config),
               "ExponentialDelayRestartBackoffTimeStrategy(initialBackoffMS=10, maxBackoffMS=100, "
               "backoffMultiplier=1.500001, resetBackoffThresholdMS=1000, jitterFactor=0.1, "
               "attemptsBeforeResetBackoff=2147483647, currentRestartAttempt=0, "
               "nextRestartTimestamp=-2147483648)");
}

static void test_refusals_name_the_setting(void **state) {
    struct fo_strategy_config config = exponential(1);
    struct fo_error error;
    struct fo_strategy *strategy = NULL;

    (void)state;
    config.exponential_delay.backoff_multiplier = (double)NAN;
    assert_int_equal(fo_strategy_check(&config, &error), -EINVAL);
    assert_non_null(strstr(error.text, "backoff-multiplier"));
    assert_int_equal(error.code, -EINVAL);
    config = exponential(1);
    config.exponential_delay.jitter_factor = (double)NAN;
    assert_int_equal(fo_strategy_check(&config, NULL), -EINVAL);
    config = fixed(-1, 0);
    assert_int_equal(fo_strategy_new(&config, NULL, &strategy), -EINVAL);
    assert_null(strategy);
    config = fixed(0, -1);
    assert_int_equal(fo_strategy_check(&config, NULL), -EINVAL);
    config = rate(0, 1, 0);
    assert_int_equal(fo_strategy_check(&config, NULL), -EINVAL);
    config.kind = (enum fo_strategy_kind)77;
    assert_int_equal(fo_strategy_check(&config, &error), -EINVAL);
}

/* A failure rate that gets no memory forgets its oldest failure rather than to fail. */
struct small {
    int blocks;
    uint64_t strategy[64];
    int64_t times[1];
};

static void *resize_once(void *ctx, void *memory, size_t size) {
    struct small *small = ctx;

    if (size == 0)
        return NULL;
    if (memory)
        return NULL;
    if (small->blocks++ == 0)
        return size <= sizeof small->strategy ? small->strategy : NULL;
    return size <= sizeof small->times ? small->times : NULL;
}

static void test_failure_rate_without_memory(void **state) {
    struct small small = {0};
    const struct fo_allocator allocator = {resize_once, &small};
    struct fo_strategy_config config = rate(1, 100, 0);
    struct fo_strategy *strategy = NULL;

    (void)state;
    assert_int_equal(fo_strategy_new(&config, &allocator, &strategy), 0);
    assert_true(fo_strategy_notify_failure(strategy, 0, 0));
    assert_true(fo_strategy_notify_failure(strategy, 1, 0));
    assert_true(fo_strategy_can_restart(strategy, 1)); /* one failure is remembered */
    (void)fo_strategy_free(strategy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_of_budgets),
        cmocka_unit_test(test_budget_of_none),
        cmocka_unit_test(test_budget_of_fixed_delay),
        cmocka_unit_test(test_budget_of_failure_rate),
        cmocka_unit_test(test_budget_of_exponential_delay),
        cmocka_unit_test(test_long_failure_rate),
        cmocka_unit_test(test_extremes_are_clamped),
        cmocka_unit_test(test_texts_are_flinks),
        cmocka_unit_test(test_refusals_name_the_setting),
        cmocka_unit_test(test_failure_rate_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
