/* SPDX-License-Identifier: Apache-2.0 */
/* What comes out of configurations that are right; mistakes are in tests/cases/config. */
#include "exporter/config/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ex_config *must_load(const char *path) {
    struct ex_config *config = NULL;
    struct fo_error error = {0};

    if (ex_config_load(path, &config, &error) != 0)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    return config;
}

static void defaults_without_a_file(void **state) {
    (void)state;
    struct ex_config *config = must_load(NULL);

    assert_int_equal(config->profile, EX_FLINK_1);
    assert_true(fo_str_equal(config->failure_enrichers, fo_str_of("catalogue")));
    assert_int_equal(config->failure_enrichers_line, 0);
    assert_int_equal(config->exception_history_size, 16);
    assert_int_equal(config->attempts_history_size, 16);
    assert_int_equal(config->refresh_interval_ms, 3000);
    assert_true(config->web_cancel);
    assert_true(config->web_submit);
    assert_int_equal(config->job_status_metrics, EX_JOB_STATUS_CURRENT_TIME);
    assert_int_equal(config->heartbeat_timeout_ms, 50000);
    assert_int_equal(config->metrics_retention_ms, 3600000);
    assert_int_equal(config->metrics_value_bytes, 128);
    assert_int_equal(config->metrics_series_total, 2000000);
    assert_int_equal(config->storage_retention_bytes, 1 << 30);
    assert_int_equal(config->policies->count, 0);
    assert_int_equal(config->listener_count + config->engine_count + config->role_count, 0);
    assert_int_equal(config->notices.count, 0);
    assert_string_equal(ex_config_engine_kind(config, fo_str_of("local")), "local");
    assert_null(ex_config_engine_kind(config, fo_str_of("flink")));
    ex_config_unref(config);
}

static void check_policies(const struct ex_policies *policies) {
    assert_int_equal(policies->count, 3);
    const struct fo_policy *user = &policies->items[0];
    const struct fo_policy *quota = &policies->items[1];
    const struct fo_policy *preempted = &policies->items[2];

    assert_int_equal(user->action, FO_POLICY_FAIL);
    assert_int_equal(user->match_count, 2);
    assert_true(fo_str_equal(user->matches[0].key, fo_str_of("type")));
    assert_true(fo_str_equal(user->matches[0].values[0], fo_str_of("USER")));
    assert_int_equal(user->matches[0].value_count, 1);
    assert_int_equal(quota->action, FO_POLICY_STRATEGY);
    assert_int_equal(quota->strategy.kind, FO_STRATEGY_EXPONENTIAL_DELAY);
    assert_int_equal(quota->strategy.exponential_delay.initial_backoff_ms, 30000);
    assert_int_equal(quota->strategy.exponential_delay.max_backoff_ms, 60000);
    assert_int_equal(preempted->action, FO_POLICY_RESTART);
    assert_false(preempted->charge);
    assert_int_equal(preempted->delay_ms, 5000);
    assert_int_equal(policies->lines[2], 12);
}

static void reads_the_example_of_the_design(void **state) {
    (void)state;
    struct ex_config *config = must_load(CASES "/config/design/input.yaml");
    const struct ex_listener_config *catalogue = ex_config_listener(config, fo_str_of("catalogue"));
    const struct ex_listener_config *team = ex_config_listener(config, fo_str_of("my-team"));

    assert_true(fo_str_equal(config->failure_enrichers, fo_str_of("catalogue, my-team")));
    assert_int_equal(config->failure_enrichers_line, 5);
    assert_string_equal(config->folder, CASES "/config/design");
    check_policies(config->policies);
    assert_non_null(catalogue);
    assert_string_equal(json_string_value(json_array_get(catalogue->files, 0)), "rules/local.yaml");
    assert_int_equal(json_array_size(catalogue->redact), 1);
    assert_null(catalogue->disable);
    assert_int_equal(team->timeout_ms, 2000);
    assert_string_equal(json_string_value(json_object_get(team->rename, "type")), "team_type");
    assert_string_equal(json_string_value(json_object_get(team->config, "endpoint")), "...");
    assert_int_equal(ex_tree_line(config->tree, team->config), 8);
    assert_null(ex_config_listener(config, fo_str_of("other")));
    assert_int_equal(config->role_count, 2);
    assert_string_equal(config->roles[0].user, "alice");
    assert_int_equal(config->roles[0].roles, EX_ROLE_READ | EX_ROLE_CONTROL);
    assert_int_equal(config->roles[1].roles, EX_ROLE_REPORT);
    ex_config_unref(config);
}

static struct ex_config *must_parse(const char *text) {
    struct ex_config *config = NULL;
    struct fo_error error = {0};

    if (ex_config_parse(fo_str_of(text), ".", &config, &error) != 0)
        fail_msg("%d: %s", error.line, error.text);
    return config;
}

static void reads_engines(void **state) {
    (void)state;
    struct ex_config *config =
        must_parse("engines:\n"
                   "  local: {user: nobody}\n"
                   "  push:\n"
                   "  prod: {kind: flink, urls: [\"http://jm:8081/\", jm2]}\n");
    const struct ex_engine_config *local = ex_config_engine(config, fo_str_of("local"));
    const struct ex_engine_config *prod = ex_config_engine(config, fo_str_of("prod"));

    assert_int_equal(config->engine_count, 3);
    assert_string_equal(local->user, "nobody");
    assert_string_equal(prod->kind, "flink");
    assert_null(local->flink);
    assert_string_equal(prod->flink->urls[0], "http://jm:8081");
    assert_string_equal(prod->flink->urls[1], "http://jm2");
    assert_null(prod->flink->urls[2]);
    assert_int_equal(prod->flink->interval_ms, 5000);
    assert_string_equal(prod->flink->label_prefix, "flink_");
    assert_string_equal(ex_config_engine_kind(config, fo_str_of("prod")), "flink");
    ex_config_unref(config);
}

static void gives_notices(void **state) {
    (void)state;
    struct ex_config *config = must_parse("state.backend: rocksdb\n"
                                          "jobmanager.failure-enrichers: my-team , catalogue\n"
                                          "listeners:\n"
                                          "  my-team: {}\n"
                                          "  webhook: {}\n");
    assert_int_equal(config->notices.count, 2);
    assert_int_equal(config->notices.items[0].line, 1);
    assert_int_equal(config->notices.items[1].line, 5);
    assert_non_null(strstr(config->notices.items[1].text, "\"webhook\""));
    ex_config_unref(config);
}

static void nothing_means_no_listeners(void **state) {
    (void)state;
    struct ex_config *config = must_parse("jobmanager.failure-enrichers:\n");

    assert_int_equal(config->failure_enrichers.len, 0);
    assert_int_equal(config->failure_enrichers_line, 1);
    ex_config_unref(config);
}

static void reads_lists_and_sizes(void **state) {
    (void)state;
    struct ex_config *config = must_parse("metrics:\n"
                                          "  job.status.enable: [STATE, TOTAL_TIME]\n"
                                          "  retention: 2 min\n"
                                          "storage.retention: {count: 5, bytes: 2 MiB, age: 7 d}\n"
                                          "compatibility: {flink: \"2\"}\n"
                                          "web: {cancel.enable: FALSE, roles: {bob: read}}\n"
                                          "heartbeat: {timeout: 10 s}\n");
    assert_int_equal(config->job_status_metrics, EX_JOB_STATUS_STATE | EX_JOB_STATUS_TOTAL_TIME);
    assert_int_equal(config->metrics_retention_ms, 120000);
    assert_int_equal(config->storage_retention_count, 5);
    assert_int_equal(config->storage_retention_bytes, 2 << 20);
    assert_int_equal(config->storage_retention_age_ms, 604800000);
    assert_int_equal(config->profile, EX_FLINK_2);
    assert_false(config->web_cancel);
    assert_int_equal(config->roles[0].roles, EX_ROLE_READ);
    assert_int_equal(config->heartbeat_timeout_ms, 10000);
    ex_config_unref(config);
}

static void policy_values_may_be_lists(void **state) {
    (void)state;
    struct ex_config *config =
        must_parse("policies:\n"
                   "  - match: {category: [oom, disk], secondary: true, cause: 7}\n"
                   "    action: restart\n"
                   "  - action: fail\n");
    const struct fo_policy *policy = &config->policies->items[0];

    assert_int_equal(policy->match_count, 3);
    assert_int_equal(policy->matches[0].value_count, 2);
    assert_true(fo_str_equal(policy->matches[0].values[1], fo_str_of("disk")));
    assert_true(fo_str_equal(policy->matches[1].key, fo_str_of("cause")));
    assert_true(fo_str_equal(policy->matches[1].values[0], fo_str_of("7")));
    assert_true(fo_str_equal(policy->matches[2].values[0], fo_str_of("true")));
    assert_true(policy->charge);
    assert_int_equal(policy->delay_ms, -1);
    assert_int_equal(config->policies->items[1].match_count, 0);
    ex_config_unref(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_without_a_file),
        cmocka_unit_test(reads_the_example_of_the_design),
        cmocka_unit_test(reads_engines),
        cmocka_unit_test(gives_notices),
        cmocka_unit_test(nothing_means_no_listeners),
        cmocka_unit_test(reads_lists_and_sizes),
        cmocka_unit_test(policy_values_may_be_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
