/* SPDX-License-Identifier: Apache-2.0 */
/* The job manager on a store: what the next daemon takes up of what the last one has left. */
#include "tests/unit/manager/stage.h"

#define ONE_HOUR                                                                                   \
    "restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 9, "               \
    "restart-strategy.fixed-delay.delay: 1 h"

static const char no_space[] = "sh: 1: cannot create x: No space left on device\n";

/* The last of what was told about a task; all zero: nothing was. */
static struct told last_told(uint32_t task) {
    for (size_t i = stage->told_count; i > 0; i--) {
        const struct told *told = &stage->told[i - 1];
        if (told->task == task && told->what != 'o' && told->what != 'x')
            return *told;
    }
    return (struct told){0};
}

static void assert_deployed(uint32_t task, uint32_t attempt) {
    const struct told told = last_told(task);

    assert_int_equal(told.what, 'd');
    assert_int_equal(told.attempt, attempt);
}

static void assert_disk_failure(const struct ex_failure *failure, uint32_t task) {
    assert_non_null(failure);
    assert_int_equal(failure->task, task);
    assert_true(fo_str_equal(ex_failure_label(failure, "category"), fo_str_of("disk")));
    assert_true(failure->decision.restart);
}

static void assert_counters(void) {
    assert_shown("failover_failures_received_total 5");
    assert_shown("failover_failures_counted_total 2");
    assert_shown("failover_failures_pending 0");
    assert_shown("failover_failures_rejected_total{reason=\"stale_attempt\"} 1");
    assert_shown("failover_failures_rejected_total{reason=\"unknown_task\"} 2");
    assert_shown("failover_failures_by_class_total{type=\"SYSTEM\",category=\"disk\"} 2");
    assert_shown("failover_job_failures_total{engine=\"list\",job_name=\"two\"} 2");
    assert_shown("failover_job_recoveries_total{engine=\"list\",job_name=\"two\"} 2");
    assert_shown("failover_job_restart_budget_remaining{engine=\"list\",job_name=\"two\"} 0");
    assert_shown("numJobFailure_total{engine=\"list\",job_name=\"two\",type=\"SYSTEM\","
                 "category=\"disk\",cause=\"disk_full\"} 2");
}

/* More tasks than are written together; failures in the first and in the last of them. */
static void test_a_job_goes_on_where_it_was(void **state) {
    enum { TASKS = 300 };
    struct ex_job *job = submit_tasks(TASKS, FIXED);

    (void)state;
    say_failed(3, 0, no_space);
    settle();
    say_failed(TASKS - 1, 0, no_space);
    say_failed(3, 0, "");
    say_failed(TASKS, 0, "");
    say_failed(TASKS, 0, "");
    settle();
    assert_deployed(3, 1);
    assert_counters();
    for (int restart = 1; restart <= 2; restart++) {
        stage_restart();
        job = ex_manager_first_job(stage->manager);
        assert_non_null(job);
        assert_null(ex_job_next(job));
        assert_deployed(3, 1 + (uint32_t)restart);
        assert_deployed(4, (uint32_t)restart);
        assert_deployed(TASKS - 1, 1 + (uint32_t)restart);
        assert_int_equal(fo_job_state(ex_job_core(job)), FO_JOB_RUNNING);
        assert_int_equal(fo_job_task_count(ex_job_core(job), FO_TASK_RUNNING), TASKS);
        assert_counters();
        const struct ex_failure *failure = ex_job_failures(job);
        assert_disk_failure(failure, 3);
        assert_disk_failure(failure->next, TASKS - 1);
        assert_null(failure->next->next);
    }
    say_failed(3, 3, "");
    settle();
    assert_int_equal(fo_job_state(ex_job_core(job)), FO_JOB_FAILED);
    assert_shown("failover_job_failures_total{engine=\"list\",job_name=\"two\"} 3");
    assert_shown("failover_failures_received_total 6");
}

static void test_a_restart_waits_on(void **state) {
    struct ex_job *job = submit_two(ONE_HOUR);
    int64_t due_ms;

    (void)state;
    say_failed(1, 0, "");
    settle();
    due_ms = fo_job_next_restart_ms(ex_job_core(job));
    assert_true(due_ms < FO_NEVER);
    stage_restart();
    job = ex_manager_first_job(stage->manager);
    assert_non_null(job);
    assert_int_equal(fo_job_next_restart_ms(ex_job_core(job)), due_ms);
    assert_deployed(0, 1);
    assert_int_equal(last_told(1).what, 0);
    assert_int_equal(fo_job_task_state(ex_job_core(job), 1), FO_TASK_FAILED);
    assert_shown("failover_job_state{engine=\"list\",job_name=\"two\",state=\"RESTARTING\"} 1");
}

static void test_an_ended_job_is_still_shown(void **state) {
    struct ex_job *job;

    (void)state;
    (void)submit_two("restart-strategy.type: none");
    say_failed(0, 0, no_space);
    settle();
    stage_restart();
    job = ex_manager_first_job(stage->manager);
    assert_non_null(job);
    assert_true(ex_job_is_closed(job));
    assert_int_equal(stage->told_count, 0);
    assert_int_equal(ex_job_failure_count(job), 1);
    assert_shown("failover_job_state{engine=\"list\",job_name=\"two\",state=\"FAILED\"} 1");
    assert_shown("failover_job_exhausted_total{engine=\"list\",job_name=\"two\","
                 "reason=\"budget\"} 1");
    assert_shown("failover_job_failures_total{engine=\"list\",job_name=\"two\"} 1");
    (void)submit_two(FIXED); /* and gives way, for good */
    assert_shown("failover_job_failures_total{engine=\"list\",job_name=\"two\"} 0");
    stage_restart();
    job = ex_manager_first_job(stage->manager);
    assert_non_null(job);
    assert_null(ex_job_next(job));
    assert_false(ex_job_is_closed(job));
    assert_shown("failover_failures_counted_total 1");
}

/* Its file has changed: it is over, what it counted in all is not. */
static void test_a_job_that_does_not_go_on(void **state) {
    (void)state;
    (void)submit_two(FIXED);
    say_failed(0, 0, no_space);
    settle();
    for (int restart = 1; restart <= 2; restart++) {
        stage->forgets = restart == 1;
        stage_restart();
        assert_null(ex_manager_first_job(stage->manager));
        assert_int_equal(stage->told_count, 0);
        assert_shown("failover_failures_counted_total 1");
        assert_shown("failover_failures_by_class_total{type=\"SYSTEM\",category=\"disk\"} 1");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_job_goes_on_where_it_was, stage_open_stored,
                                        stage_close),
        cmocka_unit_test_setup_teardown(test_a_restart_waits_on, stage_open_stored, stage_close),
        cmocka_unit_test_setup_teardown(test_an_ended_job_is_still_shown, stage_open_stored,
                                        stage_close),
        cmocka_unit_test_setup_teardown(test_a_job_that_does_not_go_on, stage_open_stored,
                                        stage_close),
    };

    return cmocka_run_group_tests(tests, stage_begin, stage_end);
}
