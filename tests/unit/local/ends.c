/* SPDX-License-Identifier: Apache-2.0 */
/* Ends of pipes tell lies: whose failure it is when neighbours die of each other. */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { KILLS = 100 };

static void test_yes_head(void **state) {
    (void)state;
    bench_vertex("yes", 1, "exec yes");
    bench_vertex("head", 1, "exec head -n 3");
    bench_edge(0, 1, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_open();
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_FINISHED);
    bench_expect(1, FO_TASK_FINISHED);
    assert_string_equal(bench_content("logs/head.0.1.log"), "y\ny\ny\n");
}

static void test_yes_tr_head(void **state) {
    (void)state;
    bench_vertex("yes", 1, "yes");
    bench_vertex("tr", 1, "tr y n");
    bench_vertex("head", 1, "head -n 1");
    bench_edge(0, 1, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_edge(1, 2, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_open();
    bench_deploy(0, 3);
    for (uint32_t task = 0; task < 3; task++)
        bench_expect(task, FO_TASK_FINISHED);
}

/* Writers that report the error instead of dying of the signal. */
static void test_python_writer(void **state) {
    (void)state;
    bench_vertex("from", 1, "exec python3 -uc 'while True: print(\"y\")'");
    bench_vertex("head", 1, "exec head -n 3");
    bench_edge(0, 1, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_open();
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_FINISHED);
    bench_expect(1, FO_TASK_FINISHED);
}

/* What a pipe needs that never ends by itself. */
static void open_endless_pipe(void) {
    static char cat[] = "cat";
    static char zero[] = "/dev/zero";
    static char *producer[] = {cat, zero, NULL};
    static char wc[] = "wc";
    static char option[] = "-c";
    static char *consumer[] = {wc, option, NULL};

    bench_vertex("from", 1, "")->command = producer;
    bench_vertex("to", 1, "")->command = consumer;
    bench_edge(0, 1, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_open();
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_RUNNING);
    bench_expect(1, FO_TASK_RUNNING);
}

/* 100 times: the consumer is killed while its producer writes as fast as it can. */
static void test_consumer_killed(void **state) {
    (void)state;
    open_endless_pipe();
    for (int i = 0; i < KILLS; i++) {
        bench_expect(0, FO_TASK_RUNNING);
        bench_expect(1, FO_TASK_RUNNING);
        if (i % 4 == 0)
            bench_run_ms(2);
        assert_int_equal(kill(bench_leader("-c"), SIGKILL), 0);
        bench_expect(1, FO_TASK_FAILED);
        assert_int_equal(bench.tasks[1].signal, SIGKILL);
        assert_false(bench.tasks[1].secondary);
        if (bench.tasks[0].state == FO_TASK_FAILED) {
            assert_true(bench.tasks[0].secondary);
            assert_true(bench.tasks[0].order > bench.tasks[1].order);
        }
        bench_restart_region(0);
    }
}

/* The end of a consumer comes long after its pipe is closed, as on a busy machine. Here it is
 * traced: its parent hears of its end only when the tracer has. */
static void test_consumer_slow_to_die(void **state) {
    (void)state;
    open_endless_pipe();
    pid_t consumer = bench_leader("-c");
    if (ptrace(PTRACE_SEIZE, consumer, 0, 0) == -1) {
        print_message("no process may be traced here: skipped\n");
        skip();
    }
    assert_int_equal(kill(consumer, SIGKILL), 0);
    bench_run_ms(300);
    assert_int_equal(bench.tasks[0].state, FO_TASK_RUNNING);
    assert_int_equal(bench.tasks[1].state, FO_TASK_RUNNING);
    assert_int_equal(waitpid(consumer, NULL, __WALL), consumer);
    bench_expect(1, FO_TASK_FAILED);
    assert_false(bench.tasks[1].secondary);
    bench_expect(0, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[0].signal, SIGPIPE);
    assert_true(bench.tasks[0].secondary);
}

/* The producer is killed: its consumer ends well, but with a shortened input; it must not publish.
 */
static void test_producer_killed(void **state) {
    (void)state;
    bench_vertex("from", 1, "echo half; kill -9 $$");
    bench_vertex("to", 1, "cat >$FAILOVER_OUTPUTS");
    bench_vertex("end", 1, "cat $FAILOVER_INPUTS");
    bench_edge(0, 1, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_edge(1, 2, FO_BLOCKING, FO_ALL_TO_ALL);
    bench_open();
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[0].signal, SIGKILL);
    bench_run_ms(200);
    assert_int_equal(bench.tasks[1].state, FO_TASK_RUNNING); /* it belongs to the failure */
    assert_false(bench_exists("to-end/0.1"));
    bench_cancel(1, 1);
    bench_expect(1, FO_TASK_CANCELED);
    assert_false(bench_exists("to-end/0.1"));
    assert_false(bench_exists("to-end/.0.1"));
}

/* An end that waits for its neighbour's is told when the neighbour is cancelled instead. */
static void test_neighbour_cancelled(void **state) {
    struct ex_vertex_spec *to = NULL;

    (void)state;
    bench_vertex("from", 1, "exec sleep 56006");
    to = bench_vertex("to", 1, "(trap '' TERM; sleep 56004; sleep 56004) & exec sleep 56005");
    to->timeout_ms = 4000; /* until then the trap is set */
    to->stop_timeout_ms = 60000;
    bench_edge(0, 1, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_open();
    bench_deploy(0, 2);
    (void)bench_leader("56005");
    bench_await_dead("56005");
    assert_int_equal(kill(bench_leader("56006"), SIGKILL), 0);
    bench_await_dead("56006");
    bench_run_ms(200);
    assert_int_equal(bench.tasks[0].state, FO_TASK_RUNNING);
    bench_cancel(1, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[0].signal, SIGKILL);
}

/* A broken pipe that nobody explains is a failure of its own, after the time for explanations. */
static void test_closed_input(void **state) {
    (void)state;
    bench_vertex("from", 1, "exec yes");
    bench_vertex("to", 1, "exec 0<&- 3<&-; exec sleep 56001");
    bench_edge(0, 1, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_open();
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[0].signal, SIGPIPE);
    assert_false(bench.tasks[0].secondary);
    bench_cancel(1, 1);
    bench_expect(1, FO_TASK_CANCELED);
}

/* No pipe of ours: SIGPIPE is like any other death. */
static void test_sigpipe_without_consumers(void **state) {
    (void)state;
    bench_vertex("a", 1, "kill -PIPE $$");
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[0].signal, SIGPIPE);
    assert_false(bench.tasks[0].secondary);
}

static void test_consumer_cannot_start(void **state) {
    static char name[] = "no-such-command";
    static char *command[] = {name, NULL};

    (void)state;
    bench_vertex("from", 1, "exec yes");
    bench_vertex("to", 1, "")->command = command;
    bench_edge(0, 1, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_open();
    bench_deploy(0, 2);
    bench_expect(1, FO_TASK_FAILED);
    assert_false(bench.tasks[1].secondary);
    bench_expect(0, FO_TASK_FAILED);
    assert_true(bench.tasks[0].secondary);
}

/* What a leader leaves behind is part of the attempt: it is killed before the end is told. */
static void test_forks_away(void **state) {
    (void)state;
    bench_vertex("a", 1, "(setsid sh -c 'sleep 56002 & exec sleep 56002' &) & sleep 0.1; exit 0");
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FINISHED);
    assert_false(bench_is_alive("56002"));
}

/* The pipe stays open in a grandchild; the task is over with its leader all the same. */
static void test_grandchild_holds_pipe(void **state) {
    (void)state;
    bench_vertex("from", 1, "echo x; (setsid sleep 56003 &) ; exit 0");
    bench_vertex("to", 1, "exec cat");
    bench_edge(0, 1, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_open();
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_FINISHED);
    bench_expect(1, FO_TASK_FINISHED);
    assert_string_equal(bench_content("logs/to.0.1.log"), "x\n");
}

static int run_all(bool without_cgroups, const char *name) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_yes_head, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_yes_tr_head, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_python_writer, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_consumer_killed, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_consumer_slow_to_die, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_producer_killed, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_neighbour_cancelled, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_closed_input, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_sigpipe_without_consumers, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_consumer_cannot_start, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_forks_away, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_grandchild_holds_pipe, bench_setup, bench_teardown),
    };

    bench_without_cgroups = without_cgroups;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void) {
    int failed = run_all(false, "with cgroups where they can be made");

    return failed + run_all(true, "without cgroups");
}
