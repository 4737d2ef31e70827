/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: what a step answers and does, told as short stories. */
#include <errno.h>

#include "tests/unit/failover/stage.h"

static void test_refusals(void **state) {
    struct fo_job_config config = stage_config(1, 0);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_ONE(2), &config);
    assert_int_equal(stage_report(&stage, 0, FO_TASK_RUNNING), -EINVAL);
    assert_int_equal(stage_do(&stage, FO_EVENT_RESTART), -EINVAL);
    stage_run(&stage);
    assert_int_equal(stage_do(&stage, FO_EVENT_START), -EINVAL);
    assert_int_equal(stage_do(&stage, (enum fo_event_kind)99), -EINVAL);
    assert_int_equal(stage_report(&stage, 0, (enum fo_task_state)99), -EINVAL);
    assert_int_equal(stage_report(&stage, 0, FO_TASK_CREATED), -EINVAL);
    assert_int_equal(stage_report(&stage, 0, FO_TASK_RUNNING), 0);
    assert_int_equal(stage.actions.count, 0);
    struct fo_event event = {.kind = FO_EVENT_TASK_STATE, .task = 2, .state = FO_TASK_RUNNING};
    assert_int_equal(stage_step(&stage, event), -ENOENT);
    event = (struct fo_event){.kind = FO_EVENT_TASK_STATE, .attempt = 1, .state = FO_TASK_RUNNING};
    assert_int_equal(stage_step(&stage, event), -ESTALE);
    event = (struct fo_event){.kind = FO_EVENT_RESTART, .task = 2};
    assert_int_equal(stage_step(&stage, event), -ENOENT);
    event = (struct fo_event){.kind = FO_EVENT_PARTITION_LOST, .partition = {0, 0}};
    assert_int_equal(stage_step(&stage, event), -ENOENT);
    assert_int_equal(stage_report(&stage, 0, FO_TASK_FINISHED), 0);
    assert_int_equal(stage_report(&stage, 0, FO_TASK_FAILED), -ESTALE);
    assert_int_equal(stage_report(&stage, 1, FO_TASK_FINISHED), 0);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_FINISHED);
    assert_int_equal(stage_do(&stage, FO_EVENT_TIME), -EALREADY);
    assert_int_equal(stage_report(&stage, 0, FO_TASK_FAILED), -EALREADY);
    assert_int_equal(fo_next_deadline(stage.job), FO_NEVER);
    stage_close(&stage);
}

static void test_blocking_consumers_wait(void **state) {
    struct fo_job_config config = stage_config(9, 0);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_TWO(2, FO_BLOCKING, FO_ALL_TO_ALL), &config);
    stage_run(&stage);
    stage_expect(&stage, 2, FO_TASK_CREATED, 0);
    assert_int_equal(fo_job_vertex_state(stage.job, 0), FO_TASK_RUNNING);
    assert_int_equal(stage_report(&stage, 0, FO_TASK_FINISHED), 0);
    assert_int_equal(fo_job_vertex_state(stage.job, 0), FO_TASK_RUNNING);
    stage_expect(&stage, 3, FO_TASK_CREATED, 0);
    assert_int_equal(stage_report(&stage, 1, FO_TASK_FINISHED), 0);
    assert_int_equal(stage_count(&stage, FO_ACTION_DEPLOY), 2);
    assert_int_equal(fo_job_vertex_state(stage.job, 0), FO_TASK_FINISHED);
    assert_int_equal(fo_job_vertex_state(stage.job, 1), FO_TASK_CREATED);
    assert_int_equal(fo_job_vertex_task_count(stage.job, 1, FO_TASK_DEPLOYING), 2);
    stage_close(&stage);
}

/* Rule 2 end to end: a published partition has gone; its producer runs again, its consumers wait.
 */
static void test_lost_partition(void **state) {
    struct fo_job_config config = stage_config(9, 10);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_TWO(2, FO_BLOCKING, FO_ALL_TO_ALL), &config);
    stage_run(&stage);
    for (uint32_t task = 0; task < 2; task++)
        assert_int_equal(stage_report(&stage, task, FO_TASK_FINISHED), 0);
    struct fo_event lost = {.kind = FO_EVENT_PARTITION_LOST, .partition = {1, 0}};
    assert_int_equal(stage_step(&stage, lost), 0);
    assert_int_equal(stage_fail(&stage, 2, NULL, 0), 0);
    assert_int_equal(stage_decision(&stage)->restart_count, 3);
    assert_int_equal(fo_job_decision_tasks(stage.job).count, 3);
    assert_int_equal(fo_job_decision_tasks(stage.job).tasks[0], 1);
    assert_int_equal(stage_report(&stage, 3, FO_TASK_CANCELED), 0);
    stage_wait_until(&stage, 10);
    assert_int_equal(stage_count(&stage, FO_ACTION_WITHDRAW), 1);
    assert_int_equal(stage_count(&stage, FO_ACTION_DEPLOY), 1);
    stage_expect(&stage, 0, FO_TASK_FINISHED, 0);
    stage_expect(&stage, 1, FO_TASK_DEPLOYING, 1);
    stage_expect(&stage, 2, FO_TASK_CREATED, 1);
    assert_int_equal(stage_report(&stage, 1, FO_TASK_FINISHED), 0);
    assert_int_equal(stage_count(&stage, FO_ACTION_DEPLOY), 2);
    assert_int_equal(stage_report(&stage, 2, FO_TASK_RUNNING), 0);
    assert_int_equal(stage_report(&stage, 3, FO_TASK_RUNNING), 0);
    assert_int_equal(stage_count(&stage, FO_ACTION_RECOVERED), 1);
    assert_int_equal(stage_fail(&stage, 2, NULL, 0), 0);
    assert_int_equal(stage_decision(&stage)->restart_count, 1); /* made anew: held again */
    stage_close(&stage);
}

static void test_incident_and_recovery(void **state) {
    struct fo_job_config config = stage_config(9, 10);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_ONE(3), &config);
    stage_run(&stage);
    stage.now_ms = 5;
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    uint64_t incident = stage_decision(&stage)->incident;
    assert_int_equal(fo_next_deadline(stage.job), 15);
    assert_int_equal(fo_job_next_restart_ms(stage.job), 15);
    stage.now_ms = 8;
    assert_int_equal(stage_fail(&stage, 1, NULL, 0), 0);
    assert_int_equal(stage_decision(&stage)->incident, incident);
    stage_wait_until(&stage, 15);
    assert_int_equal(stage_report(&stage, 0, FO_TASK_RUNNING), 0);
    assert_int_equal(stage_count(&stage, FO_ACTION_RECOVERED), 0);
    stage_wait_until(&stage, 18);
    assert_int_equal(stage_report(&stage, 1, FO_TASK_FINISHED), 0);
    assert_int_equal(stage_count(&stage, FO_ACTION_RECOVERED), 1);
    for (size_t i = 0; i < stage.actions.count; i++) {
        if (stage.actions.items[i].kind == FO_ACTION_RECOVERED)
            assert_int_equal(stage.actions.items[i].incident.began_ms, 5);
    }
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    assert_int_equal(stage_decision(&stage)->incident, incident + 1);
    stage_close(&stage);
}

static void test_exhaustion(void **state) {
    struct fo_job_config config = stage_config(1, 0);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_ONE(2), &config);
    stage_run(&stage);
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    stage_expect(&stage, 0, FO_TASK_DEPLOYING, 1); /* without delay: in the same step */
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    assert_false(stage_decision(&stage)->restart);
    assert_int_equal(stage_decision(&stage)->exhausted, FO_EXHAUSTED_BUDGET);
    assert_int_equal(stage_decision(&stage)->id, 1);
    assert_int_equal(fo_job_decision_tasks(stage.job).count, 0);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_FAILING);
    struct fo_event late = {.kind = FO_EVENT_GLOBAL_FAILURE};
    assert_false(fo_job_is_failure(stage.job, &late));
    assert_int_equal(stage_step(&stage, late), 0);
    assert_int_equal(stage_count(&stage, FO_ACTION_DECISION), 0);
    stage.now_ms = 77;
    assert_int_equal(stage_report(&stage, 1, FO_TASK_CANCELED), 0);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_FAILED);
    assert_int_equal(fo_job_state_since_ms(stage.job, FO_JOB_FAILED), 77);
    assert_int_equal(fo_job_restarts(stage.job), 1);
    assert_int_equal(fo_job_restarted_tasks(stage.job), 1);
    assert_int_equal(fo_job_history_count(stage.job), 2);
    struct fo_history_entry end = fo_job_history(stage.job, 1);
    assert_int_equal(end.task, FO_NO_TASK);
    assert_int_equal(end.at_ms, 77);
    assert_int_equal(end.failure_id, 2);
    assert_int_equal(end.concurrent_count, 1);
    assert_int_equal(fo_job_history_concurrent(stage.job, 1, 0).task, 0);
    assert_int_equal(fo_job_history_concurrent(stage.job, 1, 0).attempt, 1);
    stage_close(&stage);
}

static void test_cancel_during_restart(void **state) {
    struct fo_job_config config = stage_config(9, 10);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_ONE(2), &config);
    stage_run(&stage);
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    assert_int_equal(stage_do(&stage, FO_EVENT_CANCEL), 0);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_CANCELLING);
    assert_int_equal(stage_count(&stage, FO_ACTION_CANCEL), 1);
    assert_int_equal(stage_do(&stage, FO_EVENT_CANCEL), 0);
    assert_int_equal(stage.actions.count, 0);
    stage_wait_until(&stage, 100);
    assert_int_equal(stage_count(&stage, FO_ACTION_DEPLOY), 0);
    assert_int_equal(stage_report(&stage, 1, FO_TASK_FAILED), 0);
    stage_expect(&stage, 1, FO_TASK_CANCELED, 0);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_CANCELED);
    assert_int_equal(fo_job_history_count(stage.job), 1);
    stage_close(&stage);
}

static void test_cancel_while_failing(void **state) {
    struct fo_job_config config = stage_config(0, 0);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_ONE(2), &config);
    stage_run(&stage);
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    assert_int_equal(stage_do(&stage, FO_EVENT_CANCEL), 0);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_CANCELLING);
    assert_int_equal(stage_report(&stage, 1, FO_TASK_CANCELED), 0);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_CANCELED);
    stage_close(&stage);
    stage_open(&stage, STAGE_ONE(2), &config);
    assert_int_equal(stage_do(&stage, FO_EVENT_CANCEL), 0); /* never started */
    assert_int_equal(fo_job_state(stage.job), FO_JOB_CANCELED);
    stage_close(&stage);
}

static void test_suspend(void **state) {
    struct fo_job_config config = stage_config(9, 10);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_TWO(1, FO_BLOCKING, FO_ALL_TO_ALL), &config);
    stage_run(&stage);
    assert_int_equal(stage_do(&stage, FO_EVENT_SUSPEND), 0);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_SUSPENDED);
    stage_expect(&stage, 0, FO_TASK_CANCELING, 0);
    stage_expect(&stage, 1, FO_TASK_CREATED, 0);
    assert_int_equal(stage_do(&stage, FO_EVENT_CANCEL), -EALREADY);
    assert_int_equal(stage_report(&stage, 0, FO_TASK_CANCELED), 0);
    assert_int_equal(stage_count(&stage, FO_ACTION_JOB_STATE), 0);
    assert_int_equal(fo_next_deadline(stage.job), FO_NEVER);
    assert_int_equal(fo_job_restarts(stage.job), 0);
    stage_close(&stage);
}

static void test_pause_holds_restarts(void **state) {
    struct fo_job_config config = stage_config(9, 10);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_ONE(1), &config);
    stage_run(&stage);
    assert_int_equal(stage_do(&stage, FO_EVENT_PAUSE), 0);
    assert_true(fo_job_is_paused(stage.job));
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    assert_int_equal(fo_next_deadline(stage.job), FO_NEVER);
    stage_wait_until(&stage, 50);
    stage_expect(&stage, 0, FO_TASK_FAILED, 0);
    assert_int_equal(stage_do(&stage, FO_EVENT_RESUME), 0);
    stage_expect(&stage, 0, FO_TASK_DEPLOYING, 1);
    stage_close(&stage);
}

static void test_restart_by_hand(void **state) {
    struct fo_job_config config = stage_config(0, 10);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_TWO(2, FO_PIPELINED, FO_POINTWISE), &config);
    stage_run(&stage);
    struct fo_event restart = {.kind = FO_EVENT_RESTART, .task = 3};
    assert_int_equal(stage_step(&stage, restart), 0);
    assert_true(stage_decision(&stage)->manual);
    assert_int_equal(stage_decision(&stage)->restart_count, 2);
    assert_int_equal(fo_job_state(stage.job), FO_JOB_RESTARTING);
    assert_int_equal(stage_report(&stage, 1, FO_TASK_CANCELED), 0);
    assert_int_equal(stage_report(&stage, 3, FO_TASK_CANCELED), 0);
    stage_expect(&stage, 1, FO_TASK_DEPLOYING, 1);
    stage_expect(&stage, 3, FO_TASK_DEPLOYING, 1);
    stage_expect(&stage, 0, FO_TASK_RUNNING, 0);
    assert_int_equal(fo_job_history_count(stage.job), 0);
    assert_int_equal(fo_job_budget(stage.job, 0).remaining,
                     0); /* nothing was left, nothing taken */
    restart.task = FO_NO_TASK;
    assert_int_equal(stage_step(&stage, restart), 0);
    assert_int_equal(stage_decision(&stage)->restart_count, 4);
    stage_close(&stage);
}

static void test_failed_before_deployment(void **state) {
    struct fo_job_config config = stage_config(9, 10);
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_TWO(1, FO_BLOCKING, FO_ALL_TO_ALL), &config);
    stage_run(&stage);
    struct fo_event event = {.kind = FO_EVENT_TASK_STATE,
                             .task = 1,
                             .state = FO_TASK_FINISHED,
                             .cause.lost.producer = FO_NO_TASK};
    assert_true(fo_job_is_failure(stage.job, &event)); /* it cannot have finished */
    assert_int_equal(stage_step(&stage, event), 0);
    stage_expect(&stage, 1, FO_TASK_FAILED, 0);
    assert_int_equal(stage_decision(&stage)->restart_count, 1);
    stage_wait_until(&stage, 10);
    event.attempt = 1;
    event.state = FO_TASK_CANCELED;
    assert_true(fo_job_is_failure(stage.job, &event)); /* of everything */
    assert_int_equal(stage_step(&stage, event), 0);
    assert_int_equal(stage_decision(&stage)->restart_count, 2);
    event.state = FO_TASK_RUNNING;
    assert_false(fo_job_is_failure(stage.job, &event));
    stage_close(&stage);
}

/* ---- policies ----------------------------------------------------------------------------- */

static const struct fo_str user = {"USER", 4};
static const struct fo_str quota_or_disk[] = {{"quota", 5}, {"disk", 4}};
static const struct fo_match is_user = {{"type", 4}, &user, 1};
static const struct fo_match is_quota_or_disk = {{"category", 8}, quota_or_disk, 2};
static const struct fo_match both[] = {{{"type", 4}, &user, 1},
                                       {{"category", 8}, quota_or_disk, 2}};

static const struct fo_policy policies[] = {
    {.matches = both, .match_count = 2, .action = FO_POLICY_RESTART, .charge = true, .delay_ms = 3},
    {.matches = &is_user, .match_count = 1, .action = FO_POLICY_FAIL},
    {.matches = &is_quota_or_disk,
     .match_count = 1,
     .action = FO_POLICY_STRATEGY,
     .strategy = {.kind = FO_STRATEGY_FIXED_DELAY, .fixed_delay = {1, 500}}},
    {.action = FO_POLICY_RESTART, .delay_ms = -1},
};

static void open_with_policies(struct stage *stage, uint32_t count) {
    struct fo_job_config config = stage_config(1, 10);

    config.policies = policies;
    config.policy_count = count;
    stage_open(stage, STAGE_ONE(2), &config);
    stage_run(stage);
}

static void test_policy_order_and_match(void **state) {
    const struct fo_label charged[] = {{{"category", 8}, {"disk", 4}}, {{"type", 4}, {"USER", 4}}};
    const struct fo_label other[] = {{{"type", 4}, {"SYSTEM", 6}}, {{"category", 8}, {"oom", 3}}};
    struct stage stage;

    (void)state;
    open_with_policies(&stage, 4);
    assert_int_equal(stage_fail(&stage, 0, other, 2), 0);
    assert_int_equal(stage_decision(&stage)->policy, 3);
    assert_int_equal(stage_decision(&stage)->delay_ms, 0);
    assert_int_equal(fo_job_budget(stage.job, 0).remaining, 1); /* not charged */
    assert_int_equal(stage_fail(&stage, 0, charged, 2), 0);
    assert_int_equal(stage_decision(&stage)->policy, 0);
    assert_int_equal(stage_decision(&stage)->delay_ms, 3);
    assert_int_equal(fo_job_budget(stage.job, 0).remaining, 0);
    assert_int_equal(fo_job_restarts(stage.job), 2);
    assert_int_equal(stage_fail(&stage, 1, charged, 2), 0);
    assert_int_equal(stage_decision(&stage)->exhausted, FO_EXHAUSTED_BUDGET);
    assert_int_equal(stage_decision(&stage)->policy, 0);
    stage_close(&stage);
}

static void test_policy_fails_and_has_a_strategy(void **state) {
    const struct fo_label quota[] = {{{"category", 8}, {"quota", 5}}};
    const struct fo_label type[] = {{{"type", 4}, {"USER", 4}}};
    struct stage stage;

    (void)state;
    open_with_policies(&stage, 3);
    assert_int_equal(stage_fail(&stage, 0, quota, 1), 0);
    assert_int_equal(stage_decision(&stage)->delay_ms, 500);
    assert_int_equal(fo_job_budget(stage.job, 0).remaining, 1);
    assert_int_equal(stage_fail(&stage, 1, NULL, 0), 0); /* the job's own, at its own pace */
    assert_int_equal(stage_decision(&stage)->delay_ms, 10);
    assert_int_equal(stage_decision(&stage)->policy, -1);
    stage_wait_until(&stage, 500);
    assert_int_equal(stage_fail(&stage, 0, quota, 1), 0);
    assert_int_equal(stage_decision(&stage)->exhausted, FO_EXHAUSTED_BUDGET);
    stage_close(&stage);
    open_with_policies(&stage, 3);
    assert_int_equal(stage_fail(&stage, 0, type, 1), 0);
    assert_int_equal(stage_decision(&stage)->exhausted, FO_EXHAUSTED_POLICY);
    assert_int_equal(stage_decision(&stage)->policy, 1);
    stage_close(&stage);
}

static void test_bad_policies(void **state) {
    struct fo_policy bad = {.action = FO_POLICY_RESTART, .delay_ms = -2};
    struct fo_job_config config = stage_config(1, 10);
    struct fo_job *job = NULL;
    struct fo_graph *graph = NULL;
    struct fo_error error;

    (void)state;
    assert_int_equal(fo_graph_new(STAGE_ONE(1), NULL, &graph, NULL), 0);
    config.policies = &bad;
    config.policy_count = 1;
    assert_int_equal(fo_job_new(&config, graph, NULL, 0, &job, &error), -EINVAL);
    bad = (struct fo_policy){.action = FO_POLICY_STRATEGY,
                             .strategy = {.kind = FO_STRATEGY_FAILURE_RATE}};
    assert_int_equal(fo_job_new(&config, graph, NULL, 0, &job, &error), -EINVAL);
    bad.action = (enum fo_policy_action)9;
    assert_int_equal(fo_job_new(&config, graph, NULL, 0, &job, &error), -EINVAL);
    config = stage_config(1, 0);
    config.failover_strategy = (enum fo_failover_kind)9;
    assert_int_equal(fo_job_new(&config, graph, NULL, 0, &job, &error), -EINVAL);
    assert_null(job);
    graph = fo_graph_unref(graph);
}

/* The budget's own clock: the deadline asks for a step when only time changes the gauge. */
static void test_deadline_of_the_window(void **state) {
    struct fo_job_config config = {
        .restart_strategy = {.kind = FO_STRATEGY_FAILURE_RATE, .failure_rate = {2, 100, 0}}};
    struct stage stage;

    (void)state;
    stage_open(&stage, STAGE_ONE(1), &config);
    stage_run(&stage);
    assert_int_equal(fo_next_deadline(stage.job), FO_NEVER);
    stage.now_ms = 7;
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    assert_int_equal(fo_next_deadline(stage.job), 108);
    assert_int_equal(fo_job_budget(stage.job, 107).remaining, 1);
    stage_wait_until(&stage, 108);
    assert_int_equal(fo_job_budget(stage.job, 108).remaining, 2);
    assert_int_equal(fo_next_deadline(stage.job), FO_NEVER);
    stage.now_ms = 0; /* a clock that goes back is held */
    assert_int_equal(stage_fail(&stage, 0, NULL, 0), 0);
    assert_int_equal(fo_next_deadline(stage.job), 209);
    stage_close(&stage);
}

/* Each of many restarts that wait comes at its own time, in whatever order they were decided. */
static void test_restarts_come_when_due(void **state) {
    enum { TASKS = 64, KINDS = 8 };
    static const char *const kinds[KINDS] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    static const int64_t delays_ms[KINDS] = {10, 60, 30, 80, 50, 20, 70, 40};
    struct fo_str values[KINDS];
    struct fo_match matches[KINDS];
    struct fo_policy by_kind[KINDS];
    struct fo_job_config config = stage_config(3, 100);
    struct stage stage;

    (void)state;
    for (uint32_t i = 0; i < KINDS; i++) {
        values[i] = fo_str_of(kinds[i]);
        matches[i] = (struct fo_match){fo_str_of("cause"), &values[i], 1};
        by_kind[i] = (struct fo_policy){.matches = &matches[i],
                                        .match_count = 1,
                                        .action = FO_POLICY_RESTART,
                                        .delay_ms = delays_ms[i]};
    }
    config.policies = by_kind;
    config.policy_count = KINDS;
    stage_open(&stage, STAGE_ONE(TASKS), &config);
    stage_run(&stage);
    for (uint32_t task = 0; task < TASKS; task++) {
        const struct fo_label label = {fo_str_of("cause"), values[task * 7 / 3 % KINDS]};
        assert_int_equal(stage_fail(&stage, task, &label, 1), 0);
        assert_int_equal(stage_decision(&stage)->delay_ms, delays_ms[task * 7 / 3 % KINDS]);
    }
    for (int64_t due_ms = 10; due_ms <= 80; due_ms += 10) {
        assert_int_equal(fo_next_deadline(stage.job), due_ms);
        stage_wait_until(&stage, due_ms);
        for (uint32_t task = 0; task < TASKS; task++)
            assert_int_equal(fo_job_task_state(stage.job, task) == FO_TASK_DEPLOYING,
                             delays_ms[task * 7 / 3 % KINDS] <= due_ms);
    }
    assert_int_equal(fo_next_deadline(stage.job), FO_NEVER);
    stage_close(&stage);
}

static void test_what_if_changes_nothing(void **state) {
    static const struct fo_partition none = {FO_NO_TASK, 0};
    struct fo_job_config config = stage_config(9, 10);
    struct stage stage;
    uint32_t tasks[4];

    (void)state;
    stage_open(&stage, STAGE_TWO(2, FO_PIPELINED, FO_POINTWISE), &config);
    stage_run(&stage);
    assert_int_equal(fo_job_tasks_to_restart(stage.job, 1, none, tasks), 2);
    assert_int_equal(tasks[0], 1);
    assert_int_equal(tasks[1], 3);
    assert_int_equal(fo_job_tasks_to_restart(stage.job, FO_NO_TASK, none, tasks), 4);
    assert_int_equal(fo_job_task_count(stage.job, FO_TASK_RUNNING), 4);
    assert_int_equal(fo_job_budget(stage.job, 0).remaining, 9);
    stage_close(&stage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_blocking_consumers_wait),
        cmocka_unit_test(test_lost_partition),
        cmocka_unit_test(test_incident_and_recovery),
        cmocka_unit_test(test_exhaustion),
        cmocka_unit_test(test_cancel_during_restart),
        cmocka_unit_test(test_cancel_while_failing),
        cmocka_unit_test(test_suspend),
        cmocka_unit_test(test_pause_holds_restarts),
        cmocka_unit_test(test_restart_by_hand),
        cmocka_unit_test(test_failed_before_deployment),
        cmocka_unit_test(test_policy_order_and_match),
        cmocka_unit_test(test_policy_fails_and_has_a_strategy),
        cmocka_unit_test(test_bad_policies),
        cmocka_unit_test(test_deadline_of_the_window),
        cmocka_unit_test(test_restarts_come_when_due),
        cmocka_unit_test(test_what_if_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
