/* SPDX-License-Identifier: Apache-2.0 */
/* Blocking edges: published whole or not at all, withdrawn, and missed when they are gone. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

static void make_job(const char *producer, const char *consumer) {
    bench_vertex("from", 2, producer);
    bench_vertex("to", 2, consumer);
    bench_edge(0, 1, FO_BLOCKING, FO_ALL_TO_ALL);
    bench_open();
}

static const char each_output[] =
    "for o in $FAILOVER_OUTPUTS; do echo $FAILOVER_SUBTASK_INDEX.$FAILOVER_ATTEMPT >$o; done";

static void test_published_at_the_end(void **state) {
    (void)state;
    make_job("for o in $FAILOVER_OUTPUTS; do echo x >$o; done; "
             "until test -e $FAILOVER_STATE_DIR/go; do sleep 0.05; done",
             "cat $FAILOVER_INPUTS");
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_RUNNING);
    bench_run_ms(150);
    assert_false(bench_exists("from-to/0.1"));
    bench_touch("state/from.0/go");
    bench_touch("state/from.1/go");
    bench_expect(0, FO_TASK_FINISHED);
    bench_expect(1, FO_TASK_FINISHED);
    assert_true(bench_exists("from-to/0.1/0") && bench_exists("from-to/0.1/1"));
    assert_true(bench_exists("from-to/1.1/0") && bench_exists("from-to/1.1/1"));
    assert_false(bench_exists("from-to/.0.1"));
}

static void test_read_in_order(void **state) {
    (void)state;
    make_job(each_output, "echo $FAILOVER_INPUTS; cat $FAILOVER_INPUTS; exit 1");
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_FINISHED);
    bench_expect(1, FO_TASK_FINISHED);
    bench_deploy(2, 2);
    bench_expect(3, FO_TASK_FAILED);
    char expected[2048];
    char base[512];
    (void)snprintf(base, sizeof base, "%s", bench_path("from-to"));
    (void)snprintf(expected, sizeof expected, "%s/0.1/1 %s/1.1/1\n0.1\n1.1\n", base, base);
    assert_string_equal(bench.tasks[3].output, expected);
}

static void test_failure_publishes_nothing(void **state) {
    (void)state;
    make_job("for o in $FAILOVER_OUTPUTS; do echo x >$o; done; exit 1", "true");
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_false(bench_exists("from-to/0.1"));
    assert_false(bench_exists("from-to/.0.1"));
}

static void test_withdrawn(void **state) {
    (void)state;
    make_job(each_output, "true");
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FINISHED);
    const struct ex_task_attempt attempt = {0, 1};
    ex_local_ops()->withdraw(bench.job, &attempt, 1);
    assert_false(bench_exists("from-to/0.1"));
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FINISHED);
    assert_true(bench_exists("from-to/0.2"));
}

static void test_new_attempt_takes_the_place(void **state) {
    (void)state;
    make_job(each_output, "cat $FAILOVER_INPUTS; exit 1");
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_FINISHED);
    bench_expect(1, FO_TASK_FINISHED);
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FINISHED);
    assert_false(bench_exists("from-to/0.1"));
    bench_deploy(2, 1);
    bench_expect(2, FO_TASK_FAILED);
    assert_string_equal(bench.tasks[2].output, "0.2\n1.1\n");
}

static void remove_published(const char *relative) {
    char command[1024];

    (void)snprintf(command, sizeof command, "rm -r %s", bench_path(relative));
    assert_int_equal(system(command), 0); // NOLINT(concurrency-mt-unsafe,cert-env33-c)
}

static void publish_both(void) {
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_FINISHED);
    bench_expect(1, FO_TASK_FINISHED);
}

static void test_gone_before_start(void **state) {
    (void)state;
    make_job(each_output, "true");
    publish_both();
    remove_published("from-to/1.1");
    bench_deploy(2, 1);
    bench_expect(2, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[2].lost.producer, 1);
    assert_int_equal(bench.tasks[2].lost.edge, 0);
    assert_int_equal(bench.lost_count, 1);
    assert_int_equal(bench.lost[0].producer, 1);
    assert_int_equal(bench.tasks[2].exit_code, -1);
}

/* Deleted by hand while its consumer runs, then the consumer fails. */
static void test_gone_while_running(void **state) {
    (void)state;
    make_job(each_output,
             "for i in $FAILOVER_INPUTS; do while test -e $i; do sleep 0.05; done; done; exit 1");
    publish_both();
    bench_deploy(2, 1);
    bench_expect(2, FO_TASK_RUNNING);
    remove_published("from-to/0.1");
    remove_published("from-to/1.1");
    bench_expect(2, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[2].exit_code, 1);
    assert_int_equal(bench.tasks[2].lost.producer, 0);
    assert_int_equal(bench.lost_count, 2);
    assert_int_equal(bench.lost[1].producer, 1);
}

static void test_plain_failure_has_lost_nothing(void **state) {
    (void)state;
    make_job(each_output, "exit 1");
    publish_both();
    bench_deploy(2, 1);
    bench_expect(2, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[2].lost.producer, FO_NO_TASK);
    assert_int_equal(bench.lost_count, 0);
}

/* A producer that removes its own folder cannot be FINISHED. */
static void test_cannot_publish(void **state) {
    (void)state;
    make_job("rm -r $(dirname $FAILOVER_OUTPUTS | head -n 1)", "true");
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_string_equal(bench.tasks[0].message,
                        "cannot publish its results: no such file or directory");
}

/* Names that would be one folder, or leave it. */
static void test_names(void **state) {
    (void)state;
    bench_vertex("a", 1, each_output);
    bench_vertex("a-b", 1, each_output);
    bench_vertex("../b", 1, each_output);
    bench_vertex("b-c", 1, "cat $FAILOVER_INPUTS; exit 1");
    bench_vertex("c", 1, "cat $FAILOVER_INPUTS; exit 1");
    bench_edge(0, 3, FO_BLOCKING, FO_ALL_TO_ALL); /* a-b-c */
    bench_edge(1, 4, FO_BLOCKING, FO_ALL_TO_ALL); /* a-b-c */
    bench_edge(0, 3, FO_BLOCKING, FO_POINTWISE);  /* a-b-c once more */
    bench_edge(2, 4, FO_BLOCKING, FO_ALL_TO_ALL);
    bench_open();
    bench_deploy(0, 3);
    for (uint32_t task = 0; task < 3; task++)
        bench_expect(task, FO_TASK_FINISHED);
    assert_true(bench_exists("%2E.%2Fb-c/0.1/0"));
    bench_deploy(3, 2);
    bench_expect(3, FO_TASK_FAILED);
    bench_expect(4, FO_TASK_FAILED);
    assert_string_equal(bench.tasks[3].output, "0.1\n0.1\n");
    assert_string_equal(bench.tasks[4].output, "0.1\n0.1\n");
}

/* Both kinds of edges at one task: one list, in the order of the edges. */
static void test_mixed_inputs(void **state) {
    (void)state;
    bench_vertex("file", 1, each_output);
    bench_vertex("pipe", 1, "echo piped");
    bench_vertex("to", 1, "cat $FAILOVER_INPUTS; exit 1");
    bench_edge(0, 2, FO_BLOCKING, FO_ALL_TO_ALL);
    bench_edge(1, 2, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FINISHED);
    bench_deploy(1, 2);
    bench_expect(2, FO_TASK_FAILED);
    assert_string_equal(bench.tasks[2].output, "0.1\npiped\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_published_at_the_end, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_read_in_order, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_failure_publishes_nothing, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_withdrawn, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_new_attempt_takes_the_place, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_gone_before_start, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_gone_while_running, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_plain_failure_has_lost_nothing, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_cannot_publish, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_names, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_mixed_inputs, bench_setup, bench_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
