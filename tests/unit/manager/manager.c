/* SPDX-License-Identifier: Apache-2.0 */
/* The job manager in memory: what it decides, counts, tells its engine and shows. */
#include <errno.h>

#include "tests/unit/manager/stage.h"

/* ---- tests ---- */

static void test_a_failure_is_decided_labelled_and_counted_once(void **state) {
    struct ex_job *job = submit_two(FIXED);

    (void)state;
    assert_told(0, 'o', 0, 0);
    assert_told(1, 'd', 0, 0);
    assert_told(2, 'd', 1, 0);
    say_failed(1, 0, "sh: 1: cannot create x: No space left on device\n");
    settle();
    assert_told(3, 'd', 1, 1);
    assert_int_equal(stage->told_count, 4); /* the other region is left alone */
    assert_int_equal(stage->labelled, 1);
    assert_int_equal(stage->recovered, 1);
    assert_shown("failover_job_failures_total{engine=\"list\",job_name=\"two\"} 1");
    assert_shown("failover_job_restarts_total{engine=\"list\",job_name=\"two\"} 1");
    assert_shown("failover_job_recoveries_total{engine=\"list\",job_name=\"two\"} 1");
    assert_shown("failover_job_restart_budget_remaining{engine=\"list\",job_name=\"two\"} 1");
    assert_shown("failover_failures_received_total 1");
    assert_shown("failover_failures_counted_total 1");
    assert_shown("failover_failures_pending 0");
    const struct ex_failure *failure = ex_job_newest_failure(job);
    assert_true(fo_str_equal(ex_failure_label(failure, "category"), fo_str_of("disk")));
    assert_true(failure->decision.restart);
}

static void test_stale_and_unknown_are_rejected(void **state) {
    (void)state;
    (void)submit_two(FIXED);
    say_failed(0, 0, "");
    say_failed(0, 0, ""); /* again, of the attempt that has ended */
    say_failed(7, 0, "");
    settle();
    assert_shown("failover_failures_received_total 3");
    assert_shown("failover_failures_rejected_total{reason=\"stale_attempt\"} 1");
    assert_shown("failover_failures_rejected_total{reason=\"unknown_task\"} 1");
    assert_shown("failover_failures_counted_total 1");
}

static void test_an_end_that_was_asked_for_is_no_failure(void **state) {
    struct ex_job *job = submit_two(FIXED);

    (void)state;
    stage->ends_at_once = false;
    assert_int_equal(ex_manager_cancel(stage->manager, job), 0);
    say_failed(0, 0, "killed");
    say(1, 0, FO_TASK_CANCELED);
    settle();
    assert_true(ex_job_is_closed(job));
    assert_int_equal(fo_job_state(ex_job_core(job)), FO_JOB_CANCELED);
    assert_shown("failover_failures_received_total 0");
    assert_int_equal(ex_manager_cancel(stage->manager, job), -EALREADY);
}

static void test_giving_up(void **state) {
    struct ex_job *job = submit_two("restart-strategy.type: none");

    (void)state;
    say_failed(0, 0, "");
    settle();
    assert_int_equal(fo_job_state(ex_job_core(job)), FO_JOB_FAILED);
    assert_told(3, 'c', 1, 0);
    assert_told(4, 'x', 0, 0);
    assert_shown("failover_job_exhausted_total{engine=\"list\",job_name=\"two\","
                 "reason=\"budget\"} 1");
    assert_shown("failover_job_state{engine=\"list\",job_name=\"two\",state=\"FAILED\"} 1");
    assert_shown("failover_job_failures_total{engine=\"list\",job_name=\"two\"} 1");
}

static void test_a_later_job_of_that_name_takes_its_place(void **state) {
    struct ex_job *first = submit_two("restart-strategy.type: none");
    struct ex_job *second;

    (void)state;
    assert_int_equal(submit("name: two\nvertices: [{id: a, command: [cat]}]\n", &second), -EEXIST);
    say_failed(0, 0, "");
    settle();
    assert_true(ex_job_is_closed(first));
    assert_int_equal(submit("name: two\nvertices: [{id: a, command: [cat]}]\n", &second), 0);
    assert_ptr_equal(ex_manager_first_job(stage->manager), second);
    assert_null(ex_job_next(second));
    assert_shown("failover_job_failures_total{engine=\"list\",job_name=\"two\"} 0");
    assert_shown("failover_failures_counted_total 1");
}

static void test_old_failures_are_dropped_with_the_history(void **state) {
    struct ex_job *job = submit_two("restart-strategy.type: fixed-delay, "
                                    "restart-strategy.fixed-delay.attempts: 1000, "
                                    "restart-strategy.fixed-delay.delay: 0 s, "
                                    "web.exception-history-size: 4");
    size_t kept = 0;

    (void)state;
    for (uint32_t attempt = 0; attempt < 50; attempt++) {
        say_failed(0, attempt, "");
        settle();
    }
    for (const struct ex_failure *f = ex_job_failures(job); f; f = f->next)
        kept++;
    assert_int_equal(kept, 4);
    assert_int_equal(ex_job_failure_count(job), 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_failure_is_decided_labelled_and_counted_once,
                                        stage_open, stage_close),
        cmocka_unit_test_setup_teardown(test_stale_and_unknown_are_rejected, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(test_an_end_that_was_asked_for_is_no_failure, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(test_giving_up, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(test_a_later_job_of_that_name_takes_its_place, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(test_old_failures_are_dropped_with_the_history, stage_open,
                                        stage_close),
    };

    return cmocka_run_group_tests(tests, stage_begin, stage_end);
}
