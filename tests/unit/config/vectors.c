/* SPDX-License-Identifier: Apache-2.0 */
/* Flink's own expectations of durations and of choosing a strategy: tests/conformance/. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "exporter/config/duration.h"
#include "exporter/config/flink_options.h"

static json_t *load(const char *name) {
    char path[256];
    json_error_t error;

    (void)snprintf(path, sizeof path, "%s/%s", VECTORS, name);
    json_t *cases = json_load_file(path, 0, &error);
    if (!cases)
        fail_msg("%s: %s", path, error.text);
    assert_true(json_array_size(cases) > 0);
    return cases;
}

static const char *text_of(const json_t *test, const char *key) {
    return json_string_value(json_object_get(test, key));
}

static void check_duration(const json_t *test) {
    const char *input = text_of(test, "input");
    const char *expect_ns = text_of(test, "expect_ns");
    struct ex_duration duration;
    char ns[EX_DURATION_NS_SIZE];
    int64_t ms = 0;
    int rc = ex_duration_parse(fo_str_of(input), &duration);

    if (json_is_true(json_object_get(test, "error"))) {
        if (rc == 0)
            fail_msg("\"%s\" must be refused", input);
        return;
    }
    if (rc != 0 || ex_duration_to_ms(duration, &ms) != 0)
        fail_msg("\"%s\" must be read", input);
    assert_int_equal(ms, json_integer_value(json_object_get(test, "expect_ms")));
    ex_duration_format_ns(duration, ns);
    if (expect_ns)
        assert_string_equal(ns, expect_ns);
}

static void durations(void **state) {
    json_t *cases = load("durations.json");
    json_t *test = NULL;
    size_t i = 0;
    (void)state;

    json_array_foreach(cases, i, test) {
        check_duration(test);
    }
    json_decref(cases);
}

static json_t *params_of(const struct fo_strategy_config *config, const char **ret_name) {
    switch (config->kind) {
    case FO_STRATEGY_NONE:
        *ret_name = "none";
        return json_object();
    case FO_STRATEGY_FIXED_DELAY:
        *ret_name = "fixed-delay";
        return json_pack("{s:i, s:I}", "attempts", config->fixed_delay.attempts, "delay_ms",
                         (json_int_t)config->fixed_delay.delay_ms);
    case FO_STRATEGY_FAILURE_RATE:
        *ret_name = "failure-rate";
        return json_pack("{s:i, s:I, s:I}", "max_failures",
                         config->failure_rate.max_failures_per_interval, "interval_ms",
                         (json_int_t)config->failure_rate.interval_ms, "delay_ms",
                         (json_int_t)config->failure_rate.delay_ms);
    case FO_STRATEGY_EXPONENTIAL_DELAY:
        *ret_name = "exponential-delay";
        return json_pack("{s:I, s:I, s:f, s:I, s:f, s:i}", "initial_backoff_ms",
                         (json_int_t)config->exponential_delay.initial_backoff_ms, "max_backoff_ms",
                         (json_int_t)config->exponential_delay.max_backoff_ms, "backoff_multiplier",
                         config->exponential_delay.backoff_multiplier, "reset_backoff_threshold_ms",
                         (json_int_t)config->exponential_delay.reset_backoff_threshold_ms,
                         "jitter_factor", config->exponential_delay.jitter_factor,
                         "attempts_before_reset_backoff",
                         config->exponential_delay.attempts_before_reset_backoff);
    }
    return NULL;
}

static int choose(const json_t *test, const struct ex_strategy_choice *choice,
                  const char **ret_name, json_t **ret_params) {
    struct fo_strategy_config config;
    enum fo_failover_kind kind = FO_FAILOVER_FULL;
    struct fo_error error;

    *ret_params = NULL;
    if (strcmp(text_of(test, "kind"), "failover-strategy") == 0) {
        int rc = ex_failover_strategy_choose(choice, &kind, &error);
        *ret_name = kind == FO_FAILOVER_REGION ? "region" : "full";
        return rc;
    }
    int rc = ex_restart_strategy_choose(choice, &config, &error);
    if (rc == 0)
        *ret_params = params_of(&config, ret_name);
    return rc;
}

static void check_choice(const json_t *test) {
    const json_t *expect = json_object_get(test, "expect");
    const json_t *expect_params = json_object_get(expect, "params");
    struct ex_strategy_choice choice = {
        .job.values = json_object_get(test, "job_config"),
        .cluster.values = json_object_get(test, "cluster_config"),
        .checkpointing = json_is_true(json_object_get(test, "checkpointing")),
    };
    const char *name = NULL;
    json_t *params = NULL;

    assert_int_equal(ex_flink_profile_parse(fo_str_of(text_of(test, "profile")), &choice.profile),
                     0);
    int rc = choose(test, &choice, &name, &params);
    if (json_is_true(json_object_get(expect, "error")) != (rc != 0))
        fail_msg("%s: %d", text_of(test, "name"), rc);
    if (rc == 0)
        assert_string_equal(name, text_of(expect, "strategy"));
    if (expect_params && !json_equal(params, expect_params))
        fail_msg("%s: other settings", text_of(test, "name"));
    json_decref(params);
}

static void choices(void **state) {
    json_t *cases = load("config-loading.json");
    json_t *test = NULL;
    size_t i = 0;
    (void)state;

    json_array_foreach(cases, i, test) {
        check_choice(test);
    }
    json_decref(cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(choices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
