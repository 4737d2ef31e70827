/* SPDX-License-Identifier: Apache-2.0 */
/* Texts as Flink shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporter/rest/texts.h"

static void assert_json_text(json_t *json, const char *expected) {
    assert_non_null(json);
    assert_string_equal(json_string_value(json), expected);
    json_decref(json);
}

static void test_durations(void **state) {
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "PT0S"},           {1, "PT0.001S"},          {10, "PT0.01S"},
        {1000, "PT1S"},        {1500, "PT1.5S"},         {60000, "PT1M"},
        {61001, "PT1M1.001S"}, {300000, "PT5M"},         {3600000, "PT1H"},
        {90000000, "PT25H"},   {3660250, "PT1H1M0.25S"}, {INT64_MAX, "PT2562047788015H12M55.807S"},
    };
    char text[EX_REST_DURATION_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(ex_rest_duration(cases[i].ms, text), cases[i].text);
}

static void test_strategies(void **state) {
    const struct fo_strategy_config none = {.kind = FO_STRATEGY_NONE};
    const struct fo_strategy_config fixed = {.kind = FO_STRATEGY_FIXED_DELAY,
                                             .fixed_delay = {.attempts = 3, .delay_ms = 10000}};
    const struct fo_strategy_config rate = {
        .kind = FO_STRATEGY_FAILURE_RATE,
        .failure_rate = {.max_failures_per_interval = 3, .interval_ms = 300000, .delay_ms = 10000}};
    const struct fo_strategy_config exponential = {
        .kind = FO_STRATEGY_EXPONENTIAL_DELAY,
        .exponential_delay = {.initial_backoff_ms = 1000,
                              .max_backoff_ms = 60000,
                              .backoff_multiplier = 1.5,
                              .reset_backoff_threshold_ms = 3600000,
                              .jitter_factor = 0.1}};

    (void)state;
    assert_json_text(ex_rest_strategy(&none), "Restart deactivated.");
    assert_json_text(ex_rest_strategy(&fixed),
                     "Restart with fixed delay (PT10S). #3 restart attempts.");
    assert_json_text(ex_rest_strategy(&rate),
                     "Failure rate restart with maximum of 3 failures within interval PT5M and "
                     "fixed delay PT10S.");
    assert_json_text(ex_rest_strategy(&exponential),
                     "Restart with exponential delay: starting at PT1S, increasing by 1.500000, "
                     "with maximum PT1M. Delay resets after PT1H with jitter 0.100000.");
}

static void test_secrets(void **state) {
    static const char *const secret[] = {
        "password",        "a.b.PassWord",           "my.api-key",
        "s3.access.token", "fs.azure.account.key.x", "x.basic-auth"};
    static const char *const open[] = {"", "restart-strategy.type", "pass", "word", "keys"};

    (void)state;
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        assert_true(ex_rest_is_secret(secret[i]));
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        assert_false(ex_rest_is_secret(open[i]));
}

static void test_bad_bytes(void **state) {
    (void)state;
    assert_json_text(ex_rest_text((struct fo_str){NULL, 0}), "");
    assert_json_text(ex_rest_text(fo_str_of("a\xff"
                                            "b\xed\xa0\x80")),
                     "a\xEF\xBF\xBD"
                     "b\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_strategies),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_bad_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
