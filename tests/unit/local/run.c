/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that run as they should: environment, wiring, output, readiness, stopping. */
#include <signal.h>
#include <unistd.h>

#include "bench.h"

static void test_environment(void **state) {
    static char setting[] = "GREETING=hello";
    static char override[] = "FAILOVER_VERTEX=a lie";
    static char *env[] = {setting, override, NULL};

    (void)state;
    bench_vertex("a/b", 2, "env | sort; pwd; exit 3")->env = env;
    bench_open();
    bench_deploy(0, 2);
    bench_expect(1, FO_TASK_FAILED);
    assert_true(bench.tasks[1].was_running);
    assert_int_equal(bench.tasks[1].exit_code, 3);
    assert_string_equal(bench.tasks[1].message, "exit status 3");
    const char *const expected[] = {
        "FAILOVER_ATTEMPT=1\n",
        "FAILOVER_INPUTS=\n",
        "FAILOVER_JOB_ID=0123456789abcdef0123456789abcdef\nFAILOVER_JOB_NAME=bench job\n",
        "FAILOVER_OUTPUTS=\nFAILOVER_PARALLELISM=2\n",
        "FAILOVER_SUBTASK_INDEX=1\nFAILOVER_VERTEX=a/b\nGREETING=hello\nHOME=",
        "FAILOVER_EPOCH=1001\n",
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (!strstr(bench.tasks[1].output, expected[i]))
            fail_msg("no %s in %s", expected[i], bench.tasks[1].output);
    assert_non_null(strstr(bench.tasks[1].output, bench.directory)); /* the working directory */
    assert_null(strstr(bench.tasks[1].output, "NOTIFY_SOCKET"));
}

static void test_state_folder_stays(void **state) {
    (void)state;
    bench_vertex("counter", 1, "cd $FAILOVER_STATE_DIR; echo x >>n; test $(wc -l <n) = 2");
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FINISHED);
}

static void test_command_not_found(void **state) {
    static char name[] = "no-such-command";
    static char *command[] = {name, NULL};

    (void)state;
    bench_vertex("a", 1, "")->command = command;
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_false(bench.tasks[0].was_running);
    assert_int_equal(bench.tasks[0].exit_code, -1);
    assert_string_equal(bench.tasks[0].message,
                        "cannot start: no-such-command: no such file or directory");
}

static void test_pipe_is_standard_output(void **state) {
    (void)state;
    bench_vertex("from", 1, "echo one; echo log >&2; echo two >$FAILOVER_OUTPUTS");
    bench_vertex("to", 1, "cat; cat $FAILOVER_INPUTS; exit 1");
    bench_edge(0, 1, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_open();
    bench_deploy(0, 2);
    bench_expect(1, FO_TASK_FAILED);
    assert_string_equal(bench.tasks[1].output, "one\ntwo\n");
    assert_string_equal(bench_content("logs/from.0.1.log"), "log\n");
}

/* Three producers and two consumers, all-to-all, and a second edge: order by edge, then by peer. */
static void test_many_pipes(void **state) {
    (void)state;
    bench_vertex("a", 3,
                 "n=0; for o in $FAILOVER_OUTPUTS; do echo a$FAILOVER_SUBTASK_INDEX.$n >$o; "
                 "n=$((n+1)); done");
    bench_vertex("b", 2, "echo b$FAILOVER_SUBTASK_INDEX");
    bench_vertex("c", 2, "cat $FAILOVER_INPUTS; exit 1");
    bench_edge(0, 2, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_edge(1, 2, FO_PIPELINED, FO_POINTWISE);
    bench_open();
    bench_deploy(0, 7);
    for (uint32_t task = 0; task < 7; task++)
        while (!fo_task_state_is_terminal(bench.tasks[task].state))
            bench_run_ms(5);
    bool first = bench.tasks[5].state == FO_TASK_FAILED;
    assert_string_equal(bench_content("logs/c.0.1.log"), "a0.0\na1.0\na2.0\nb0\n");
    assert_string_equal(bench_content("logs/c.1.1.log"), "a0.1\na1.1\na2.1\nb1\n");
    assert_true(first || bench.tasks[6].state == FO_TASK_FAILED);
}

static void test_finished_in_order(void **state) {
    (void)state;
    bench_vertex("a", 1, "seq 1000");
    bench_vertex("b", 1, "cat");
    bench_vertex("c", 1, "wc -l");
    bench_edge(0, 1, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_edge(1, 2, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_open();
    bench_deploy(0, 3);
    for (uint32_t task = 0; task < 3; task++)
        bench_expect(task, FO_TASK_FINISHED);
    assert_string_equal(bench_content("logs/c.0.1.log"), "1000\n");
}

static void test_cancel(void **state) {
    (void)state;
    bench_vertex("a", 1, "trap 'echo bye; exit 0' TERM; sleep 55001 & wait");
    bench_open();
    bench_deploy(0, 1);
    bench_await_alive("55001"); /* after the trap */
    bench_cancel(0, 1);
    bench_expect(0, FO_TASK_CANCELED);
    assert_false(bench_is_alive("55001"));
    assert_string_equal(bench_content("logs/a.0.1.log"), "bye\n");
}

static void test_cancel_at_once(void **state) {
    (void)state;
    bench_vertex("a", 3, "sleep 55002");
    bench_open();
    bench_deploy(0, 3);
    bench_cancel(0, 3);
    for (uint32_t task = 0; task < 3; task++)
        bench_expect(task, FO_TASK_CANCELED);
    assert_false(bench_is_alive("55002"));
}

/* The members of the group have the stop timeout, not only the leader; then everything is killed,
 * that which left the group too. */
static void test_stop_timeout(void **state) {
    (void)state;
    bench_vertex("a", 1,
                 "(trap 'sleep 0.1; echo graceful >>$FAILOVER_STATE_DIR/note; exit' TERM; "
                 "touch $FAILOVER_STATE_DIR/armed; while :; do sleep 0.01; done) & "
                 "setsid sh -c 'trap \"\" TERM; sleep 55003' & wait")
        ->stop_timeout_ms = 5000;
    bench_open();
    bench_deploy(0, 1);
    bench_await_file("state/a.0/armed");
    bench_await_alive("55003");
    bench_cancel(0, 1);
    bench_await_file("state/a.0/note");
    assert_int_equal(bench.tasks[0].state, FO_TASK_RUNNING);
    assert_true(bench_is_alive("55003"));
    bench_expect(0, FO_TASK_CANCELED);
    assert_false(bench_is_alive("55003"));
    assert_string_equal(bench_content("state/a.0/note"), "graceful\n");
}

static void test_ready_notify(void **state) {
    struct ex_vertex_spec *vertex = bench_vertex(
        "a", 1,
        "until test -e $FAILOVER_STATE_DIR/go; do sleep 0.05; done; python3 -c 'import os,socket;"
        "s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);"
        "s.sendto(b\"STATUS=x\\nREADY=1\\n\",os.environ[\"NOTIFY_SOCKET\"])'; sleep 55004");

    (void)state;
    vertex->ready = EX_READY_NOTIFY;
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_INITIALIZING);
    bench_run_ms(150);
    assert_int_equal(bench.tasks[0].state, FO_TASK_INITIALIZING);
    bench_touch("state/a.0/go");
    bench_expect(0, FO_TASK_RUNNING);
    bench_cancel(0, 1);
    bench_expect(0, FO_TASK_CANCELED);
}

static void test_independent_regions(void **state) {
    (void)state;
    bench_vertex("a", 2, "echo $$; test $FAILOVER_SUBTASK_INDEX = 0 || sleep 55005; exit 1");
    bench_open();
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_FAILED);
    bench_expect(1, FO_TASK_RUNNING);
    bench_restart_region(0);
    bench_expect(0, FO_TASK_FAILED);
    bench_run_ms(50);
    assert_int_equal(bench.tasks[1].attempt, 1);
    bench_await_alive("55005");
}

static void test_close_while_running(void **state) {
    (void)state;
    bench_vertex("a", 4, "sleep 55006 & setsid sleep 55006 & wait");
    bench_open();
    bench_deploy(0, 4);
    bench_expect(3, FO_TASK_RUNNING);
    bench_run_ms(50);
    uint32_t reports = bench.reports;
    bench_close();
    assert_int_equal(bench.reports, reports); /* nobody is told any more */
    assert_false(bench_is_alive("55006"));
    assert_false(bench_exists(""));
}

/* The bench itself: when all has been told, a loop whose clock is late still comes back in time. */
static void test_bench_comes_back(void **state) {
    (void)state;
    bench_vertex("a", 1, "exit 0");
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FINISHED);
    (void)usleep(20000);
    (void)alarm(BENCH_WAIT_MS / 1000);
    bench_run_ms(1);
    (void)alarm(0);
}

static int run_all(bool without_cgroups, const char *name) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bench_comes_back, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_environment, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_state_folder_stays, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_command_not_found, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_pipe_is_standard_output, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_many_pipes, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_finished_in_order, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_cancel, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_cancel_at_once, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_stop_timeout, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_ready_notify, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_independent_regions, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_close_while_running, bench_setup, bench_teardown),
    };

    bench_without_cgroups = without_cgroups;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void) {
    int failed = run_all(false, "with cgroups where they can be made");

    return failed + run_all(true, "without cgroups");
}
