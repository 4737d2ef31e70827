/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, and the choice of strategies from two levels of settings. */
#include <errno.h>
#include <math.h>

#include "exporter/config/duration.h"
#include "exporter/config/flink_options.h"
#include "tests/conformance/conformance.h"

static bool check_duration(struct cf_result *result, const json_t *json, struct fo_str input) {
    const json_t *expect_ns = json_object_get(json, "expect_ns");
    char ns[EX_DURATION_NS_SIZE] = "";
    struct ex_duration duration;
    int64_t expect_ms = 0;
    int64_t ms = INT64_MAX;

    if (!cf_integer(result, json, "expect_ms", &expect_ms))
        return false;
    if (ex_duration_parse(input, &duration) != 0)
        return cf_fail(result, "should be a duration");
    if (ex_duration_to_ms(duration, &ms) == -EINVAL || ms != expect_ms)
        return cf_fail(result, "%lld ms instead of %lld", (long long)ms, (long long)expect_ms);
    ex_duration_format_ns(duration, ns);
    if (expect_ns && !fo_str_equal(cf_str(expect_ns), fo_str_of(ns)))
        return cf_fail(result, "%s ns", ns);
    return true;
}

bool cf_run_duration(struct cf_result *result, const json_t *json) {
    const json_t *error = json_object_get(json, "error");
    struct ex_duration duration;
    struct fo_str input;

    if (!cf_only(result, json, "input source expect_ms expect_ns error since note name") ||
        !cf_text(result, json, "input", &input))
        return false;
    if (!error)
        return check_duration(result, json, input);
    if (!json_is_true(error) || json_object_get(json, "expect_ms"))
        return cf_fail(result, "error is not true, or not alone");
    return ex_duration_parse(input, &duration) != 0 ? true : cf_fail(result, "should be an error");
}

/* ---- config-loading ------------------------------------------------------------------------ */

struct param {
    const char *name;
    double value;
};

static const char *const kinds[] = {
    [FO_STRATEGY_NONE] = "none",
    [FO_STRATEGY_FIXED_DELAY] = "fixed-delay",
    [FO_STRATEGY_FAILURE_RATE] = "failure-rate",
    [FO_STRATEGY_EXPONENTIAL_DELAY] = "exponential-delay",
};

/* What a strategy was made of, under the names of the vectors; all fit a double exactly. */
static size_t params_of(const struct fo_strategy_config *config, struct param params[static 6]) {
    struct param fixed[] = {{"attempts", config->fixed_delay.attempts},
                            {"delay_ms", (double)config->fixed_delay.delay_ms}};
    struct param rate[] = {{"max_failures", config->failure_rate.max_failures_per_interval},
                           {"interval_ms", (double)config->failure_rate.interval_ms},
                           {"delay_ms", (double)config->failure_rate.delay_ms}};
    struct param exponential[] = {
        {"initial_backoff_ms", (double)config->exponential_delay.initial_backoff_ms},
        {"max_backoff_ms", (double)config->exponential_delay.max_backoff_ms},
        {"backoff_multiplier", config->exponential_delay.backoff_multiplier},
        {"reset_backoff_threshold_ms",
         (double)config->exponential_delay.reset_backoff_threshold_ms},
        {"jitter_factor", config->exponential_delay.jitter_factor},
        {"attempts_before_reset_backoff", config->exponential_delay.attempts_before_reset_backoff}};

    switch (config->kind) {
    case FO_STRATEGY_FIXED_DELAY:
        memcpy(params, fixed, sizeof fixed);
        return sizeof fixed / sizeof *fixed;
    case FO_STRATEGY_FAILURE_RATE:
        memcpy(params, rate, sizeof rate);
        return sizeof rate / sizeof *rate;
    case FO_STRATEGY_EXPONENTIAL_DELAY:
        memcpy(params, exponential, sizeof exponential);
        return sizeof exponential / sizeof *exponential;
    case FO_STRATEGY_NONE:
        break;
    }
    return 0;
}

static bool check_params(struct cf_result *result, const json_t *expected,
                         const struct fo_strategy_config *config) {
    struct param params[6];
    size_t count = params_of(config, params);
    size_t known = 0;

    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(expected, params[i].name);
        if (!value)
            continue;
        known++;
        if (!json_is_number(value) || fabs(json_number_value(value) - params[i].value) > 0)
            return cf_fail(result, "%s is %g", params[i].name, params[i].value);
    }
    return known == json_object_size(expected)
               ? true
               : cf_fail(result, "the strategy has not all these parameters");
}

static bool check_strategy(struct cf_result *result, const json_t *expect, const char *is) {
    struct fo_str expected = cf_str(json_object_get(expect, "strategy"));

    return fo_str_equal(expected, fo_str_of(is)) ? true : cf_fail(result, "chosen: %s", is);
}

static bool run_choice(struct cf_result *result, const json_t *json,
                       const struct ex_strategy_choice *choice) {
    const json_t *expect = json_object_get(json, "expect");
    bool is_restart =
        fo_str_equal(cf_str(json_object_get(json, "kind")), fo_str_of("restart-strategy"));
    struct fo_strategy_config config = {.kind = FO_STRATEGY_NONE};
    enum fo_failover_kind failover = FO_FAILOVER_REGION;
    struct fo_error error;
    int rc = is_restart ? ex_restart_strategy_load(choice, &config, &error)
                        : ex_failover_strategy_choose(choice, &failover, &error);

    if (json_is_true(json_object_get(expect, "error")))
        return rc != 0 ? true : cf_fail(result, "should be an error");
    if (rc != 0)
        return cf_fail(result, "%s", error.text);
    if (!is_restart)
        return check_strategy(result, expect, failover == FO_FAILOVER_FULL ? "full" : "region");
    return check_strategy(result, expect, kinds[config.kind]) &&
           check_params(result, json_object_get(expect, "params"), &config);
}

bool cf_run_config(struct cf_result *result, const json_t *json) {
    const json_t *expect = json_object_get(json, "expect");
    struct ex_strategy_choice choice = {
        .job = {.values = json_object_get(json, "job_config")},
        .cluster = {.values = json_object_get(json, "cluster_config")}};
    struct fo_str profile;

    if (!cf_only(result, json,
                 "name source kind profile job_config cluster_config checkpointing expect note") ||
        !cf_only(result, expect, "strategy params error") ||
        !cf_text(result, json, "profile", &profile) ||
        !cf_boolean(result, json, "checkpointing", &choice.checkpointing))
        return false;
    if (!json_object_get(expect, "strategy") == !json_object_get(expect, "error"))
        return cf_fail(result, "expects neither a strategy nor an error, or both");
    if (!json_is_object(choice.job.values) || !json_is_object(choice.cluster.values))
        return cf_fail(result, "job_config or cluster_config is missing");
    if (ex_flink_profile_parse(profile, &choice.profile) != 0)
        return cf_fail(result, "unknown profile");
    return run_choice(result, json, &choice);
}
