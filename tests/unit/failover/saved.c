/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs saved and made again: what ran runs again uncharged, what waited waits, nothing damaged is
 * believed. */
#include <errno.h>
#include <stdlib.h>

#include "tests/unit/failover/stage.h"

struct bytes {
    char *bytes;
    size_t len;
};

static int keep(void *ctx, const void *bytes, size_t size) {
    struct bytes *kept = ctx;
    char *grown = realloc(kept->bytes, kept->len + size);

    if (!grown)
        return -ENOMEM;
    memcpy(grown + kept->len, bytes, size);
    kept->bytes = grown;
    kept->len += size;
    return 0;
}

static struct bytes save(const struct fo_job *job) {
    struct bytes saved = {NULL, 0};

    assert_int_equal(fo_job_save(job, keep, &saved), 0);
    return saved;
}

/* Ends the job of the stage and makes it again from its bytes at `now_ms`. */
static void restart_daemon(struct stage *stage, const struct fo_job_config *config,
                           int64_t now_ms) {
    struct bytes saved = save(stage->job);

    stage->job = fo_job_free(stage->job);
    stage->now_ms = now_ms;
    assert_int_equal(fo_job_restore(config, stage->graph, NULL, now_ms,
                                    (struct fo_str){saved.bytes, saved.len}, &stage->job),
                     0);
    free(saved.bytes);
}

static void test_running_tasks_run_again(void **state) {
    struct fo_job_config config = stage_config(3, 10);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_TWO(2, FO_BLOCKING, FO_ALL_TO_ALL), &config);
    stage_run(&stage);
    assert_int_equal(stage_report(&stage, 0, FO_TASK_FINISHED), 0);
    restart_daemon(&stage, &config, 1000);
    stage_expect(&stage, 0, FO_TASK_FINISHED, 0);
    stage_expect(&stage, 1, FO_TASK_CANCELED, 0);
    assert_int_equal(fo_next_deadline(stage.job), 1000);
    stage_wait_until(&stage, 1000);
    stage_expect(&stage, 0, FO_TASK_FINISHED, 0);
    stage_expect(&stage, 1, FO_TASK_DEPLOYING, 1);
    stage_expect(&stage, 2, FO_TASK_CREATED, 0);
    assert_int_equal(fo_job_restarts(stage.job), 0);
    assert_int_equal(fo_job_budget(stage.job, 1000).remaining, 3);
    assert_int_equal(stage_report(&stage, 1, FO_TASK_FINISHED), 0);
    stage_expect(&stage, 3, FO_TASK_DEPLOYING, 0);
    assert_int_equal(fo_next_deadline(stage.job), FO_NEVER);
    stage_close(&stage);
}

/* A region half done runs again as a whole; another that waits keeps the rest of its delay. */
static void test_regions_and_delays(void **state) {
    struct fo_job_config config = stage_config(3, 100);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_TWO(2, FO_PIPELINED, FO_POINTWISE), &config);
    stage_run(&stage);
    assert_int_equal(stage_report(&stage, 0, FO_TASK_FINISHED), 0);
    stage.now_ms = 10;
    assert_int_equal(stage_fail(&stage, 1, NULL, 0), 0);
    stage_wait_until(&stage, 30);
    restart_daemon(&stage, &config, 50);
    assert_int_equal(fo_job_restarts(stage.job), 1);
    assert_int_equal(fo_job_budget(stage.job, 50).remaining, 2);
    assert_int_equal(fo_job_history_count(stage.job), 1);
    assert_int_equal(fo_job_history(stage.job, 0).failure_id, 1);
    stage_wait_until(&stage, 50);
    stage_expect(&stage, 0, FO_TASK_DEPLOYING, 1);
    stage_expect(&stage, 2, FO_TASK_DEPLOYING, 1);
    stage_expect(&stage, 1, FO_TASK_FAILED, 0);
    stage_expect(&stage, 3, FO_TASK_CANCELED, 0);
    assert_int_equal(fo_next_deadline(stage.job), 110);
    stage_wait_until(&stage, 110);
    stage_expect(&stage, 1, FO_TASK_DEPLOYING, 1);
    stage_expect(&stage, 3, FO_TASK_DEPLOYING, 1);
    for (uint32_t task = 0; task < 4; task++)
        assert_int_equal(stage_report(&stage, task, FO_TASK_RUNNING), 0);
    assert_int_equal(stage_count(&stage, FO_ACTION_RECOVERED), 1);
    stage_close(&stage);
}

/* When a restart that waits is due, made again at `now_ms` of a clock. It failed at 1010, was due
 * at 1110, and 1030 was the last that was heard of it. */
static int64_t due_after(int64_t now_ms) {
    struct fo_job_config config = stage_config(3, 100);
    struct stage stage;

    stage_open(&stage, STAGE_ONE(1), &config);
    stage_run(&stage);
    stage.now_ms = 1010;
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    stage_wait_until(&stage, 1030);
    restart_daemon(&stage, &config, now_ms);
    int64_t due_ms = fo_job_next_restart_ms(stage.job);
    stage_close(&stage);
    return due_ms;
}

static void test_delays_and_clocks(void **state) {
    (void)state;
    assert_int_equal(due_after(1050), 1110);
    assert_int_equal(due_after(5000), 5000); /* the daemon was away for longer */
    assert_int_equal(due_after(500), 580);   /* the clock was set back: the rest of the delay */
}

/* ---- tasks that live on ---- */

static void resume(struct stage *stage, const struct fo_job_config *config, int64_t now_ms) {
    struct bytes saved = save(stage->job);

    stage->job = fo_job_free(stage->job);
    stage->now_ms = now_ms;
    assert_int_equal(fo_job_restore_running(config, stage->graph, NULL, now_ms,
                                            (struct fo_str){saved.bytes, saved.len}, &stage->job),
                     0);
    free(saved.bytes);
}

static void test_tasks_that_live_on(void **state) {
    struct fo_job_config config = stage_config(3, 100);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_TWO(2, FO_PIPELINED, FO_POINTWISE), &config);
    stage_run(&stage);
    assert_int_equal(stage_fail(&stage, 1, NULL, 0), 0);
    stage_expect(&stage, 3, FO_TASK_CANCELING, 0);
    resume(&stage, &config, 50);
    stage_expect(&stage, 0, FO_TASK_RUNNING, 0);
    stage_expect(&stage, 3, FO_TASK_CANCELING, 0);
    stage_wait_until(&stage, 100); /* the restart is due, a task of it has yet to end */
    stage_expect(&stage, 1, FO_TASK_FAILED, 0);
    assert_int_equal(stage_report(&stage, 3, FO_TASK_CANCELED), 0);
    stage_expect(&stage, 1, FO_TASK_DEPLOYING, 1);
    stage_expect(&stage, 3, FO_TASK_DEPLOYING, 1);
    resume(&stage, &config, 200);
    assert_int_equal(stage_report(&stage, 1, FO_TASK_RUNNING), 0);
    assert_int_equal(stage_report(&stage, 3, FO_TASK_RUNNING), 0);
    assert_int_equal(stage_count(&stage, FO_ACTION_RECOVERED), 1);
    assert_int_equal(fo_job_restarts(stage.job), 1);
    stage_close(&stage);
}

static void test_suspended_tasks_that_live_on(void **state) {
    struct fo_job_config config = stage_config(3, 100);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_ONE(2), &config);
    stage_run(&stage);
    assert_int_equal(stage_do(&stage, FO_EVENT_SUSPEND), 0);
    assert_int_equal(stage_report(&stage, 0, FO_TASK_CANCELED), 0);
    resume(&stage, &config, 10);
    stage_wait_until(&stage, 10);
    stage_expect(&stage, 1, FO_TASK_CANCELING, 0);
    assert_int_equal(stage_report(&stage, 1, FO_TASK_CANCELED), 0);
    stage_expect(&stage, 0, FO_TASK_DEPLOYING, 1);
    stage_expect(&stage, 1, FO_TASK_DEPLOYING, 1);
    assert_int_equal(fo_job_budget(stage.job, 10).remaining, 3);
    stage_close(&stage);
}

static void test_parts_make_the_whole(void **state) {
    struct fo_job_config config = stage_config(3, 100);
    struct bytes parts = {NULL, 0};
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_ONE(5), &config);
    stage_run(&stage);
    assert_int_equal(stage_fail(&stage, 1, NULL, 0), 0);
    struct bytes whole = save(stage.job);
    assert_int_equal(fo_job_save_head(stage.job, keep, &parts), 0);
    assert_int_equal(fo_job_save_tasks(stage.job, (struct fo_task_range){0, 5}, keep, &parts), 0);
    assert_int_equal(fo_job_save_tail(stage.job, keep, &parts), 0);
    assert_int_equal(parts.len, whole.len);
    assert_memory_equal(parts.bytes, whole.bytes, whole.len);
    parts.len = 0; /* ranges that cut a run of equal tasks */
    assert_int_equal(fo_job_save_head(stage.job, keep, &parts), 0);
    assert_int_equal(fo_job_save_tasks(stage.job, (struct fo_task_range){0, 3}, keep, &parts), 0);
    assert_int_equal(fo_job_save_tasks(stage.job, (struct fo_task_range){3, 2}, keep, &parts), 0);
    assert_int_equal(fo_job_save_tail(stage.job, keep, &parts), 0);
    stage.job = fo_job_free(stage.job);
    assert_int_equal(fo_job_restore(&config, stage.graph, NULL, 10,
                                    (struct fo_str){parts.bytes, parts.len}, &stage.job),
                     0);
    stage_expect(&stage, 4, FO_TASK_CANCELED, 0);
    free(whole.bytes);
    free(parts.bytes);
    stage_close(&stage);
}

static void test_suspended_job_goes_on(void **state) {
    struct fo_job_config config = stage_config(3, 100);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_TWO(1, FO_BLOCKING, FO_ALL_TO_ALL), &config);
    stage_run(&stage);
    assert_int_equal(stage_do(&stage, FO_EVENT_SUSPEND), 0);
    assert_int_equal(stage_report(&stage, 0, FO_TASK_CANCELED), 0);
    restart_daemon(&stage, &config, 10);
    stage_wait_until(&stage, 10);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_RUNNING);
    stage_expect(&stage, 0, FO_TASK_DEPLOYING, 1);
    stage_expect(&stage, 1, FO_TASK_CREATED, 0);
    stage_close(&stage);
    stage_open(&stage, STAGE_ONE(1), &config); /* suspended before its start */
    assert_int_equal(stage_do(&stage, FO_EVENT_SUSPEND), 0);
    restart_daemon(&stage, &config, 10);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_CREATED);
    assert_int_equal(stage_do(&stage, FO_EVENT_START), 0);
    stage_expect(&stage, 0, FO_TASK_DEPLOYING, 0);
    stage_close(&stage);
}

static void test_ending_jobs_end(void **state) {
    struct fo_job_config config = stage_config(0, 100);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_ONE(2), &config);
    stage_run(&stage);
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    restart_daemon(&stage, &config, 10);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_FAILING);
    assert_int_equal(fo_next_deadline(stage.job), 10);
    stage_wait_until(&stage, 10);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_FAILED);
    assert_int_equal(fo_job_history(stage.job, 0).failure_id, 1);
    assert_int_equal(fo_job_history(stage.job, 0).concurrent_count, 1);
    restart_daemon(&stage, &config, 20);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_FAILED);
    assert_int_equal(fo_job_state_since_ms(stage.job, FO_JOB_FAILED), 10);
    assert_int_equal(fo_job_history(stage.job, 0).concurrent_count, 1);
    assert_int_equal(fo_next_deadline(stage.job), FO_NEVER);
    stage_close(&stage);
}

/* A job at rest is the same bytes after a round trip; lost partitions are among them. */
static void test_round_trip(void **state) {
    struct fo_job_config config = stage_config(3, 100);
    struct stage stage;

    (void)state;
    config.failover_strategy = FO_FAILOVER_FULL;
    stage_open(&stage, STAGE_TWO(3, FO_BLOCKING, FO_POINTWISE), &config);
    stage_run(&stage);
    for (uint32_t task = 0; task < 3; task++)
        assert_int_equal(stage_report(&stage, task, FO_TASK_FINISHED), 0);
    struct fo_event lost = {.kind = FO_EVENT_PARTITION_LOST, .partition = {2, 0}};
    assert_int_equal(stage_step(&stage, lost), 0);
    assert_int_equal(stage_fail(&stage, 4, NULL, 0), 0);
    assert_int_equal(stage_report(&stage, 3, FO_TASK_CANCELED), 0);
    assert_int_equal(stage_report(&stage, 5, FO_TASK_CANCELED), 0);
    struct bytes before = save(stage.job);
    restart_daemon(&stage, &config, stage.now_ms);
    struct bytes after = save(stage.job);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.bytes, after.bytes, before.len);
    free(after.bytes);
    free(before.bytes);
    stage_close(&stage);
}

/* A failure of everything takes over what an earlier one waited to restart; only that is kept. */
static void test_overtaken_restarts_are_not_kept(void **state) {
    struct fo_job_config config = stage_config(3, 100);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_ONE(2), &config);
    stage_run(&stage);
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    stage.now_ms = 20;
    assert_int_equal(stage_do(&stage, FO_EVENT_GLOBAL_FAILURE), 0);
    assert_int_equal(stage_report(&stage, 1, FO_TASK_CANCELED), 0);
    restart_daemon(&stage, &config, 30);
    assert_int_equal(fo_job_next_restart_ms(stage.job), 120);
    assert_int_equal(fo_job_restarts(stage.job), 2);
    stage_wait_until(&stage, 100);
    stage_expect(&stage, 0, FO_TASK_FAILED, 0);
    stage_wait_until(&stage, 120);
    stage_expect(&stage, 0, FO_TASK_DEPLOYING, 1);
    stage_expect(&stage, 1, FO_TASK_DEPLOYING, 1);
    stage_close(&stage);
}

static int restore_bytes(const struct stage *stage, const struct fo_job_config *config,
                         const char *bytes, size_t len) {
    struct fo_job *job = NULL;
    int rc = fo_job_restore(config, stage->graph, NULL, 0, (struct fo_str){bytes, len}, &job);

    assert_true((rc == 0) == (job != NULL));
    (void)fo_job_free(job);
    return rc;
}

static void test_damage_is_refused(void **state) {
    struct fo_job_config config = stage_config(3, 100);
    struct stage stage;
    struct stage other;

    (void)state;
    stage_open(&stage, STAGE_TWO(2, FO_PIPELINED, FO_POINTWISE), &config);
    stage_run(&stage);
    assert_int_equal(stage_fail(&stage, 1, NULL, 0), 0);
    struct bytes saved = save(stage.job);
    assert_int_equal(restore_bytes(&stage, &config, saved.bytes, saved.len), 0);
    for (size_t len = 0; len < saved.len; len++)
        assert_int_equal(restore_bytes(&stage, &config, saved.bytes, len), -EINVAL);
    stage_open(&other, STAGE_TWO(3, FO_PIPELINED, FO_POINTWISE), &config);
    assert_int_equal(restore_bytes(&other, &config, saved.bytes, saved.len), -EINVAL);
    stage_close(&other);
    /* Any single damaged byte: refused, or a job that can be ended; never a crash. */
    for (size_t i = 0; i < saved.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            saved.bytes[i] = (char)(saved.bytes[i] ^ (1 << bit));
            int rc = restore_bytes(&stage, &config, saved.bytes, saved.len);
            assert_true(rc == 0 || rc == -EINVAL);
            saved.bytes[i] = (char)(saved.bytes[i] ^ (1 << bit));
        }
    }
    free(saved.bytes);
    stage_close(&stage);
}

static int refuse_bytes(void *ctx, const void *bytes, size_t size) {
    (void)ctx;
    (void)bytes;
    (void)size;
    return -ENOSPC;
}

static void test_writer_may_refuse(void **state) {
    struct fo_job_config config = stage_config(3, 100);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_ONE(1), &config);
    assert_int_equal(fo_job_save(stage.job, refuse_bytes, NULL), -ENOSPC);
    stage_close(&stage);
}

/* Each kind of strategy keeps what it knows; another kind begins anew. */
static void test_strategies_are_kept(void **state) {
    struct fo_policy policy = {.action = FO_POLICY_STRATEGY,
                               .strategy = {.kind = FO_STRATEGY_EXPONENTIAL_DELAY,
                                            .exponential_delay = {10, 100, 2.0, 1000, 0.0, 3}}};
    struct fo_job_config rate = {
        .restart_strategy = {.kind = FO_STRATEGY_FAILURE_RATE, .failure_rate = {2, 1000, 5}}};
    struct fo_job_config fixed = stage_config(3, 100);
    struct stage stage;
    char text[256];

    (void)state;
    stage_open(&stage, STAGE_ONE(1), &rate);
    stage_run(&stage);
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    restart_daemon(&stage, &rate, 10);
    assert_int_equal(fo_job_budget(stage.job, 10).remaining, 1);
    restart_daemon(&stage, &fixed, 10);
    assert_int_equal(fo_job_budget(stage.job, 10).remaining, 3);
    stage_close(&stage);
    fixed.policies = &policy;
    fixed.policy_count = 1;
    stage_open(&stage, STAGE_ONE(1), &fixed);
    stage_run(&stage);
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    assert_int_equal(stage_decision(&stage)->delay_ms, 10);
    restart_daemon(&stage, &fixed, 500);
    stage_wait_until(&stage, 511);
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    assert_int_equal(stage_decision(&stage)->delay_ms, 20); /* its second attempt */
    assert_true(fo_job_strategy_describe(stage.job, text, sizeof text) > 0);
    stage_close(&stage);
}

/* The delays of each policy go on where they were, whatever the others know. */
static void test_each_policy_keeps_its_own(void **state) {
    static const struct fo_str values[] = {{"disk", 4}, {"quota", 5}};
    const struct fo_match matches[] = {{{"category", 8}, &values[0], 1},
                                       {{"category", 8}, &values[1], 1}};
    const struct fo_label quota = {{"category", 8}, {"quota", 5}};
    struct fo_policy policies[2];
    struct fo_job_config config = stage_config(3, 100);
    struct stage stage;

    (void)state;
    for (size_t i = 0; i < 2; i++)
        policies[i] =
            (struct fo_policy){.matches = &matches[i],
                               .match_count = 1,
                               .action = FO_POLICY_STRATEGY,
                               .strategy = {.kind = FO_STRATEGY_EXPONENTIAL_DELAY,
                                            .exponential_delay = {10, 100, 2.0, 1000, 0.0, 9}}};
    config.policies = policies;
    config.policy_count = 2;
    stage_open(&stage, STAGE_ONE(1), &config);
    stage_run(&stage);
    assert_int_equal(stage_fail(&stage, 0, &quota, 1), 0);
    assert_int_equal(stage_decision(&stage)->delay_ms, 10);
    restart_daemon(&stage, &config, 500);
    stage_wait_until(&stage, 511);
    assert_int_equal(stage_fail(&stage, 0, &quota, 1), 0);
    assert_int_equal(stage_decision(&stage)->delay_ms, 20); /* its second attempt */
    stage_close(&stage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_tasks_run_again),
        cmocka_unit_test(test_regions_and_delays),
        cmocka_unit_test(test_delays_and_clocks),
        cmocka_unit_test(test_tasks_that_live_on),
        cmocka_unit_test(test_suspended_tasks_that_live_on),
        cmocka_unit_test(test_parts_make_the_whole),
        cmocka_unit_test(test_suspended_job_goes_on),
        cmocka_unit_test(test_ending_jobs_end),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_overtaken_restarts_are_not_kept),
        cmocka_unit_test(test_damage_is_refused),
        cmocka_unit_test(test_writer_may_refuse),
        cmocka_unit_test(test_strategies_are_kept),
        cmocka_unit_test(test_each_policy_keeps_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
