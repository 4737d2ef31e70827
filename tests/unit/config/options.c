/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/flink_options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "exporter/config/nearest.h"

struct loaded {
    struct ex_settings settings;
    struct ex_notices notices;
    struct fo_error error;
    int rc;
};

/* All members of the root as settings, checked. */
static void load_checked(struct loaded *loaded, const char *text, bool of_job) {
    struct ex_tree *tree = NULL;
    const char *key = NULL;
    json_t *value = NULL;

    *loaded = (struct loaded){0};
    assert_int_equal(ex_tree_parse(fo_str_of(text), NULL, &tree, NULL), 0);
    assert_int_equal(ex_settings_init(&loaded->settings), 0);
    json_object_foreach(ex_tree_root(tree), key, value) {
        if (loaded->rc == 0)
            loaded->rc = ex_settings_add_member(&loaded->settings, tree, ex_tree_root(tree), "",
                                                key, &loaded->error);
    }
    if (loaded->rc == 0)
        loaded->rc = ex_options_check(&loaded->settings, of_job, &loaded->notices, &loaded->error);
    ex_tree_free(tree);
}

static void unload(struct loaded *loaded) {
    ex_settings_done(&loaded->settings);
    ex_notices_done(&loaded->notices);
}

static void must_say(const char *text, bool of_job, int line, const char *words) {
    struct loaded loaded;

    load_checked(&loaded, text, of_job);
    assert_int_not_equal(loaded.rc, 0);
    assert_int_equal(loaded.error.line, line);
    if (!strstr(loaded.error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", loaded.error.text, words);
    unload(&loaded);
}

static void nested_and_dotted_are_one(void **state) {
    struct loaded loaded;
    struct fo_strategy_config config;
    (void)state;

    load_checked(&loaded,
                 "restart-strategy:\n"
                 "  type: failure-rate\n"
                 "  failure-rate.delay: 5 s\n"
                 "  failure-rate:\n"
                 "    max-failures-per-interval: 4\n"
                 "restart-strategy.failure-rate.failure-rate-interval: 2 min\n",
                 true);
    assert_int_equal(loaded.rc, 0);
    struct ex_strategy_choice choice = {.job = loaded.settings, .profile = EX_FLINK_2};
    assert_int_equal(ex_restart_strategy_choose(&choice, &config, NULL), 0);
    assert_int_equal(config.kind, FO_STRATEGY_FAILURE_RATE);
    assert_int_equal(config.failure_rate.delay_ms, 5000);
    assert_int_equal(config.failure_rate.interval_ms, 120000);
    assert_int_equal(config.failure_rate.max_failures_per_interval, 4);
    assert_int_equal(ex_settings_line(&loaded.settings, "restart-strategy.failure-rate.delay"), 3);
    unload(&loaded);
}

static void says_what_is_wrong(void **state) {
    (void)state;
    must_say("a: 1\nrestart-stategy.type: none\n", false, 1, "unknown key \"a\"");
    must_say("web.exception-history-size: 4\nrestart-stategy.type: none\n", false, 2,
             "nearest known key is \"restart-strategy.type\"");
    must_say("restart-strategy:\n  fixed-delay:\n    atempts: 3\n", false, 3,
             "nearest known key is \"restart-strategy.fixed-delay.attempts\"");
    must_say("restart-strategy.fixed-delay.attempts: three\n", false, 1,
             "\"three\" is not a whole");
    must_say("restart-strategy.fixed-delay.attempts: -1\n", false, 1, "at least 0");
    must_say("\nrestart-strategy.fixed-delay.delay: 10 parsecs\n", false, 2, "not a duration");
    must_say("restart-strategy.failure-rate.max-failures-per-interval: 0\n", true, 1, "at least 1");
    must_say("restart-strategy.exponential-delay.initial-backoff: 500 ns\n", true, 1,
             "at least 1 ms");
    must_say("restart-strategy.exponential-delay.backoff-multiplier: 1.0\n", true, 1,
             "more than 1");
    must_say("restart-strategy.exponential-delay.jitter-factor: 1.5\n", true, 1, "at most 1");
    must_say("web.cancel.enable: maybe\n", false, 1, "true or false");
    must_say("metrics.retention: 1 h\n", true, 1, "daemon's configuration");
    must_say("restart-strategy.type: none\nrestart-strategy:\n  type: off\n", false, 3,
             "first on line 1");
    must_say("heartbeat.timeouts: 5 s\n", false, 1, "\"heartbeat.timeout\"");
    must_say("metrics.job.status.enable: [[STATE]]\n", false, 1, "plain values");
}

static void flinks_other_keys_give_a_notice_each(void **state) {
    struct loaded loaded;
    (void)state;

    load_checked(&loaded,
                 "taskmanager:\n  numberOfTaskSlots: 2\nstate.backend: rocksdb\n"
                 "high-availability: zookeeper\nhigh-availability.storageDir: s3:///x\n"
                 "parallelism.default: 4\nrest.port: 8081\nmetrics.reporter.prom.factory.class: X\n"
                 "jobmanager.rpc.address: localhost\nweb.upload.dir: /tmp\n",
                 false);
    assert_int_equal(loaded.rc, 0);
    assert_int_equal(loaded.notices.count, 9);
    assert_int_equal(loaded.notices.items[0].line, 2);
    assert_non_null(strstr(loaded.notices.items[0].text, "\"taskmanager.numberOfTaskSlots\""));
    unload(&loaded);

    load_checked(&loaded, "web.refresh-interval: 1 s\n", true);
    assert_int_equal(loaded.rc, 0);
    assert_int_equal(loaded.notices.count, 1);
    unload(&loaded);
}

static void nothing_is_unset_but_for_enrichers(void **state) {
    struct loaded loaded;
    (void)state;

    load_checked(&loaded, "restart-strategy.type:\njobmanager.failure-enrichers:\n", false);
    assert_int_equal(loaded.rc, 0);
    assert_false(ex_restart_strategy_is_named(&loaded.settings));
    assert_int_equal(ex_option_text(&loaded.settings, EX_OPTION_ENRICHERS).len, 0);
    unload(&loaded);
    load_checked(&loaded, "jobmanager.failure-enrichers: [catalogue, my-team]\n", false);
    assert_true(fo_str_equal(ex_option_text(&loaded.settings, EX_OPTION_ENRICHERS),
                             fo_str_of("catalogue,my-team")));
    unload(&loaded);
    load_checked(&loaded, "{}", false);
    assert_true(fo_str_equal(ex_option_text(&loaded.settings, EX_OPTION_ENRICHERS),
                             fo_str_of("catalogue")));
    unload(&loaded);
}

static void old_keys_are_read(void **state) {
    struct loaded loaded;
    int32_t size = 0;
    (void)state;

    load_checked(&loaded, "job-manager.max-attempts-history-size: 7\nrestart-strategy: off\n",
                 false);
    assert_int_equal(loaded.rc, 0);
    assert_int_equal(ex_option_i32(&loaded.settings, EX_OPTION_ATTEMPTS_HISTORY, &size, NULL), 0);
    assert_int_equal(size, 7);
    assert_true(ex_restart_strategy_is_named(&loaded.settings));
    unload(&loaded);
}

static void checkpointing_default_follows_the_profile(void **state) {
    struct ex_strategy_choice choice = {.checkpointing = true, .profile = EX_FLINK_1};
    struct fo_strategy_config config;
    (void)state;

    assert_int_equal(ex_restart_strategy_choose(&choice, &config, NULL), 0);
    assert_int_equal(config.kind, FO_STRATEGY_FIXED_DELAY);
    assert_int_equal(config.fixed_delay.attempts, INT32_MAX);
    assert_int_equal(config.fixed_delay.delay_ms, 1000);
    choice.profile = EX_FLINK_2;
    assert_int_equal(ex_restart_strategy_choose(&choice, &config, NULL), 0);
    assert_int_equal(config.kind, FO_STRATEGY_EXPONENTIAL_DELAY);
    choice.profile = EX_FLINK_1_12;
    assert_int_equal(ex_restart_strategy_choose(&choice, &config, NULL), 0);
    assert_int_equal(config.kind, FO_STRATEGY_FIXED_DELAY);
    choice.checkpointing = false;
    assert_int_equal(ex_restart_strategy_choose(&choice, &config, NULL), 0);
    assert_int_equal(config.kind, FO_STRATEGY_NONE);
}

static void unreadable_cluster_fails_every_job(void **state) {
    struct loaded job;
    struct loaded cluster;
    struct fo_strategy_config config;
    struct fo_error error;
    (void)state;

    load_checked(&job, "restart-strategy.type: none\n", true);
    load_checked(&cluster,
                 "\nrestart-strategy.type: fixed-delay\n"
                 "restart-strategy.fixed-delay.delay: ten\n",
                 false);
    struct ex_strategy_choice choice = {.job = job.settings, .cluster = cluster.settings};
    assert_int_equal(ex_restart_strategy_choose(&choice, &config, &error), -EINVAL);
    assert_int_equal(error.line, 3);
    unload(&job);
    unload(&cluster);
}

static void profile_1_12_has_no_job_level(void **state) {
    struct loaded job;
    struct fo_strategy_config config;
    (void)state;

    load_checked(&job, "restart-strategy: failure-rate\n", true);
    struct ex_strategy_choice choice = {.job = job.settings, .profile = EX_FLINK_1_12};
    assert_int_equal(ex_restart_strategy_choose(&choice, &config, NULL), 0);
    assert_int_equal(config.kind, FO_STRATEGY_NONE);
    unload(&job);
}

static void job_may_name_the_failover_strategy(void **state) {
    struct loaded job;
    struct fo_error error;
    enum fo_failover_kind kind = FO_FAILOVER_REGION;
    (void)state;

    load_checked(&job, "jobmanager.execution.failover-strategy: Full\n", true);
    struct ex_strategy_choice choice = {.job = job.settings};
    assert_int_equal(ex_failover_strategy_choose(&choice, &kind, NULL), 0);
    assert_int_equal(kind, FO_FAILOVER_FULL);
    unload(&job);
    load_checked(&job, "\njobmanager.execution.failover-strategy: individual\n", true);
    choice.job = job.settings;
    assert_int_equal(ex_failover_strategy_choose(&choice, &kind, &error), -EINVAL);
    assert_int_equal(error.line, 2);
    assert_non_null(strstr(error.text, "individual"));
    unload(&job);
}

static void nearest_counts_swaps_as_one(void **state) {
    struct ex_nearest nearest = ex_nearest_to(fo_str_of("paralellism"));
    char word[4096];
    (void)state;

    ex_nearest_try(&nearest, fo_str_of("path"));
    ex_nearest_try(&nearest, fo_str_of("parallelism"));
    assert_true(fo_str_equal(nearest.best, fo_str_of("parallelism")));
    assert_int_equal(nearest.distance, 1);
    nearest = ex_nearest_to(fo_str_of("ab"));
    ex_nearest_try(&nearest, fo_str_of("ba"));
    assert_int_equal(nearest.distance, 1);
    memset(word, 'x', sizeof word);
    nearest = ex_nearest_to((struct fo_str){word, sizeof word});
    ex_nearest_try(&nearest, (struct fo_str){word, sizeof word});
    assert_int_equal(nearest.distance, 0);
    nearest = ex_nearest_to(fo_str_of(NULL));
    ex_nearest_try(&nearest, fo_str_of(NULL));
    assert_int_equal(nearest.distance, 0);
}

static void every_option_has_a_good_default(void **state) {
    (void)state;
    for (size_t i = 0; i < EX_OPTION_COUNT; i++) {
        const struct ex_option *option = ex_option((enum ex_option_id)i);
        struct fo_error error;
        assert_non_null(option->key);
        assert_non_null(option->meaning);
        assert_ptr_equal(ex_option_find(option->key), option);
        if (option->fallback)
            assert_int_equal(ex_option_check(option, fo_str_of(option->fallback), 0, &error), 0);
        assert_false(ex_flink_key_is_known(option->key));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_and_dotted_are_one),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(flinks_other_keys_give_a_notice_each),
        cmocka_unit_test(nothing_is_unset_but_for_enrichers),
        cmocka_unit_test(old_keys_are_read),
        cmocka_unit_test(checkpointing_default_follows_the_profile),
        cmocka_unit_test(unreadable_cluster_fails_every_job),
        cmocka_unit_test(profile_1_12_has_no_job_level),
        cmocka_unit_test(job_may_name_the_failover_strategy),
        cmocka_unit_test(nearest_counts_swaps_as_one),
        cmocka_unit_test(every_option_has_a_good_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
