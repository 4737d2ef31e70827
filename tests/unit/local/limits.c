/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines, signs of life, limits and the proof of a memory kill. Limits need cgroups that can be
 * made here; where there are none those tests skip, and say so. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

/* For a shell to set its traps, on a busy machine. */
enum { ENOUGH_MS = 4000 };

#define NOTIFY(text)                                                                               \
    "python3 -c 'import os,socket;"                                                                \
    "s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);"                                           \
    "s.sendto(b\"" text "\",os.environ[\"NOTIFY_SOCKET\"])'; "

static void test_timeout(void **state) {
    (void)state;
    bench_vertex("a", 1, "trap 'exit 0' TERM; sleep 57001 & wait")->timeout_ms = ENOUGH_MS;
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED); /* although it exits 0 when told to */
    assert_true(bench.tasks[0].deadline_exceeded);
    assert_false(bench.tasks[0].heartbeat_missed);
    assert_string_equal(bench.tasks[0].message,
                        "stopped, it ran longer than its timeout: exit status 0");
    assert_false(bench_is_alive("57001"));
}

static void test_timeout_ignoring_term(void **state) {
    struct ex_vertex_spec *vertex = bench_vertex("a", 1, "trap '' TERM; sleep 57002");

    (void)state;
    vertex->timeout_ms = ENOUGH_MS;
    vertex->stop_timeout_ms = 200;
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_true(bench.tasks[0].deadline_exceeded);
    assert_int_equal(bench.tasks[0].signal, SIGKILL);
    assert_false(bench_is_alive("57002"));
}

/* A daemon that stood still until after the deadline sees first that the task had ended in time. */
static void test_timeout_of_one_that_has_ended(void **state) {
    (void)state;
    bench_vertex("a", 1, "sleep 0.2")->timeout_ms = ENOUGH_MS;
    bench_open();
    bench_deploy(0, 1);
    bench_await_running(0);
    (void)usleep((ENOUGH_MS + 500) * 1000);
    bench_expect(0, FO_TASK_FINISHED);
}

/* Signs of life for longer than the watchdog waits, then none. */
static void test_watchdog(void **state) {
    struct ex_vertex_spec *vertex =
        bench_vertex("a", 1,
                     "exec python3 -c 'import os,socket,time\n"
                     "s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\n"
                     "s.connect(os.environ[\"NOTIFY_SOCKET\"])\n"
                     "s.send(b\"READY=1\")\n"
                     "while not os.path.exists(os.environ[\"FAILOVER_STATE_DIR\"] + \"/quiet\"):\n"
                     " s.send(b\"WATCHDOG=1\")\n"
                     " time.sleep(0.05)\n"
                     "time.sleep(57003)'");

    (void)state;
    vertex->ready = EX_READY_NOTIFY;
    vertex->watchdog_ms = ENOUGH_MS;
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_RUNNING);
    assert_true(bench.tasks[0].was_initializing);
    bench_run_ms(ENOUGH_MS + 500);
    assert_int_equal(bench.tasks[0].state, FO_TASK_RUNNING);
    bench_touch("state/a.0/quiet");
    bench_expect(0, FO_TASK_FAILED);
    assert_true(bench.tasks[0].heartbeat_missed);
    assert_false(bench.tasks[0].deadline_exceeded);
    assert_string_equal(bench.tasks[0].message,
                        "stopped, it gave no sign of life in time: killed by signal 15 (SIGTERM)");
}

/* Getting ready may take longer than the signs of life may be apart. */
static void test_watchdog_from_readiness_on(void **state) {
    struct ex_vertex_spec *vertex =
        bench_vertex("a", 1, "sleep 0.5; " NOTIFY("READY=1") "exec sleep 57005");

    (void)state;
    vertex->ready = EX_READY_NOTIFY;
    vertex->watchdog_ms = 300;
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_true(bench.tasks[0].was_running);
    assert_true(bench.tasks[0].heartbeat_missed);
}

/* One socket per task: another task's cannot be used to stay alive, nor be mistaken. */
static void test_sockets_differ(void **state) {
    (void)state;
    bench_vertex("a", 2, "echo $NOTIFY_SOCKET; exit 1")->watchdog_ms = 10000;
    bench_open();
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_FAILED);
    bench_expect(1, FO_TASK_FAILED);
    assert_string_not_equal(bench.tasks[0].output, bench.tasks[1].output);
    assert_string_not_equal(bench.tasks[0].output, "\n");
}

static void on_report(struct ex_spawn_watch *watch, const struct ex_spawn_report *report) {
    (void)watch;
    (void)report;
}

/* The spawner's flags come before its first report. */
static void need(uint32_t flag, const char *what) {
    static const char *const arguments[] = {"true", NULL};
    static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
    const struct ex_spawn_command command = {
        .arguments = arguments, .environment = environment, .directory = "/"};
    struct ex_spawn_watch watch = {.report = on_report};

    assert_int_equal(ex_spawner_start(bench.spawner, &command, &watch), 0);
    for (int ms = 0; ms < BENCH_WAIT_MS && watch.id != 0; ms += 5)
        bench_run_ms(5);
    assert_int_equal(watch.id, 0);
    if (!(ex_spawner_flags(bench.spawner) & flag))
        return;
    print_message("no cgroup can limit %s here: skipped\n", what);
    skip();
}

static void test_memory_kill_is_proven(void **state) {
    (void)state;
    need(EX_SPAWN_FLAG_NO_MEMORY, "memory");
    bench_vertex("a", 1, "exec python3 -c 'x = bytearray(256 << 20); print(len(x))'")
        ->memory_bytes = 64 << 20;
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[0].signal, SIGKILL);
    assert_int_equal(bench.tasks[0].oom, EX_PROOF_YES);
    assert_string_equal(bench.tasks[0].message,
                        "killed by signal 9 (SIGKILL), out of memory in its cgroup");
}

/* 137 proves nothing. */
static void test_other_kill_under_a_limit(void **state) {
    (void)state;
    need(EX_SPAWN_FLAG_NO_MEMORY, "memory");
    bench_vertex("a", 1, "kill -9 $$")->memory_bytes = 64 << 20;
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[0].oom, EX_PROOF_NO);
}

static void test_unsupported_is_said(void **state) {
    bool before = bench_without_cgroups;

    bench_without_cgroups = true;
    assert_int_equal(bench_setup(state), 0);
    bench_vertex("a", 1, "exit 137")->memory_bytes = 64 << 20;
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[0].oom, EX_PROOF_UNSUPPORTED);
    assert_int_equal(bench_teardown(state), 0);
    bench_without_cgroups = before;
}

static void test_pids(void **state) {
    (void)state;
    need(EX_SPAWN_FLAG_NO_PIDS, "pids");
    bench_vertex("a", 1, "for i in 1 2 3 4 5 6 7 8 9; do sleep 57004 & done; wait")->pids = 5;
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_non_null(strstr(bench.tasks[0].output, "fork"));
    assert_false(bench_is_alive("57004"));
}

static void test_cpu(void **state) {
    (void)state;
    need(EX_SPAWN_FLAG_NO_CPU, "cpu");
    bench_vertex("a", 1,
                 "cat /sys/fs/cgroup/cpu$(sed -n 's/^[0-9]*:cpu://p' /proc/self/cgroup)/"
                 "cpu.cfs_quota_us 2>/dev/null || "
                 "cut -d' ' -f1 /sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/cpu.max; "
                 "exit 1")
        ->cpu = 0.25;
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_string_equal(bench.tasks[0].output, "25000\n");
}

static void test_nofile(void **state) {
    (void)state;
    bench_vertex("a", 1, "ulimit -n; exit 1")->nofile = 99;
    bench_vertex("usual", 1, "ulimit -n; exit 1");
    bench_open();
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_FAILED);
    assert_string_equal(bench.tasks[0].output, "99\n");
    bench_expect(1, FO_TASK_FAILED);
    assert_string_equal(bench.tasks[1].output, "1024\n");
}

/* As another user: state, partitions, pipes, log and socket must all be within its reach. */
static void test_user(void **state) {
    (void)state;
    if (geteuid() != 0) {
        print_message("only root can run tasks as somebody else: skipped\n");
        skip();
    }
    bench_user = "nobody";
    assert_int_equal(bench_setup(state), 0);
    struct ex_vertex_spec *from =
        bench_vertex("from", 1,
                     "id -un >&2; id -Gn >&2; touch $FAILOVER_STATE_DIR/mark || exit 1; "
                     "echo file >${FAILOVER_OUTPUTS% *}; echo pipe >${FAILOVER_OUTPUTS#* }; "
                     "echo log >/dev/stderr; " NOTIFY("READY=1"));
    from->ready = EX_READY_NOTIFY;
    bench_vertex("later", 1, "cat $FAILOVER_INPUTS");
    bench_vertex("now", 1, "cat $FAILOVER_INPUTS");
    bench_edge(0, 1, FO_BLOCKING, FO_ALL_TO_ALL);
    bench_edge(0, 2, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_open();
    const struct ex_task_attempt together[] = {{0, 1}, {2, 1}};
    bench.tasks[0] = (struct bench_task){.attempt = 1};
    bench.tasks[2] = (struct bench_task){.attempt = 1};
    ex_local_ops()->deploy(bench.job, together, 2);
    bench_expect(0, FO_TASK_FINISHED);
    assert_true(bench.tasks[0].was_running);
    bench_expect(2, FO_TASK_FINISHED);
    bench_deploy(1, 1);
    bench_expect(1, FO_TASK_FINISHED);
    assert_string_equal(bench_content("logs/from.0.1.log"), "nobody\nnogroup\nlog\n");
    assert_string_equal(bench_content("logs/now.0.1.log"), "pipe\n");
    assert_string_equal(bench_content("logs/later.0.1.log"), "file\n");
    assert_int_equal(bench_teardown(state), 0);
    bench_user = NULL;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_timeout, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_timeout_ignoring_term, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_timeout_of_one_that_has_ended, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_watchdog, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_watchdog_from_readiness_on, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_sockets_differ, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_memory_kill_is_proven, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_other_kill_under_a_limit, bench_setup, bench_teardown),
        cmocka_unit_test(test_unsupported_is_said),
        cmocka_unit_test_setup_teardown(test_pids, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_cpu, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_nofile, bench_setup, bench_teardown),
        cmocka_unit_test(test_user),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
