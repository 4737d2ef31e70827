/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that misbehave, and the deaths of spawner and daemon. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "tests/unit/spawn/alive.h"

#define DOUBLE_FORK(number) "(setsid sh -c 'sleep " number " & exec sleep " number "' &) & "

static void test_ignores_term(void **state) {
    (void)state;
    bench_vertex("a", 1, "trap '' TERM; while :; do sleep 58001; done")->stop_timeout_ms = 200;
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_RUNNING);
    bench_run_ms(100);
    bench_cancel(0, 1);
    bench_expect(0, FO_TASK_CANCELED);
    assert_false(bench_is_alive("58001"));
}

static void test_stopped_by_itself(void **state) {
    (void)state;
    bench_vertex("a", 1, "kill -STOP $$")->stop_timeout_ms = 60000;
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_RUNNING);
    bench_run_ms(50);
    bench_cancel(0, 1);
    bench_expect(0, FO_TASK_CANCELED); /* at once: it is let go on to hear the signal */
}

static void test_kills_its_group(void **state) {
    (void)state;
    bench_vertex("a", 1, "sleep 58002 & kill -9 0");
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[0].signal, SIGKILL);
}

static void test_endless_line(void **state) {
    (void)state;
    bench_vertex("a", 1, "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo last words; exit 9");
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[0].exit_code, 9);
    assert_int_equal(bench.tasks[0].head_bytes, 64 * 1024);
    assert_int_equal(bench.tasks[0].tail_bytes, 256 * 1024);
    size_t len = strlen(bench.tasks[0].output_tail);
    assert_string_equal(bench.tasks[0].output_tail + len - 13, "x\nlast words\n");
}

static void test_closed_output(void **state) {
    (void)state;
    bench_vertex("a", 1, "echo before; exec >&- 2>&-; sleep 0.2; exit 4");
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[0].exit_code, 4);
    assert_string_equal(bench.tasks[0].output, "before\n");
}

/* The loop must stay free while a task prints as fast as it can. */
static void test_flood(void **state) {
    (void)state;
    bench_vertex("flood", 1, "exec yes some words to fill the log with");
    bench_vertex("quick", 1, "exit 1");
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_RUNNING);
    bench_run_ms(300);
    for (int i = 0; i < 20; i++) {
        bench_deploy(1, 1);
        bench_expect(1, FO_TASK_FAILED);
    }
    bench_cancel(0, 1);
    bench_expect(0, FO_TASK_CANCELED);
}

/* The disk of the logs is full: the task runs on, its last words are known, the loss is counted. */
static void test_full_disk(void **state) {
    char command[256];

    (void)state;
    bench_vertex("a", 1, "seq 100000; echo last words; exit 2");
    bench_open();
    (void)snprintf(command, sizeof command, "%s", bench_path("logs"));
    if (mount("none", command, "tmpfs", 0, "size=64k") == -1) {
        print_message("no file system can be mounted here: skipped\n");
        skip();
    }
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_FAILED);
    assert_int_equal(bench.tasks[0].exit_code, 2);
    assert_int_equal(umount2(command, MNT_DETACH), 0);
    assert_true(atomic_load(&bench.output_dropped_bytes) > 400000);
    size_t len = strlen(bench.tasks[0].output_tail);
    assert_string_equal(bench.tasks[0].output_tail + len - 18, "100000\nlast words\n");
}

static void test_spawner_killed(void **state) {
    (void)state;
    bench_vertex("a", 3, DOUBLE_FORK("58003") "sleep 58003 & sleep 58003");
    bench_open();
    bench_deploy(0, 3);
    for (uint32_t task = 0; task < 3; task++)
        bench_expect(task, FO_TASK_RUNNING);
    for (int ms = 0; ms < BENCH_WAIT_MS && alive_count("58003") != 12; ms += 10)
        bench_run_ms(10); /* four of each task */
    assert_int_equal(kill(ex_spawner_pid(bench.spawner), SIGKILL), 0);
    bench_await_dead("58003");
    for (uint32_t task = 0; task < 3; task++) {
        bench_expect(task, FO_TASK_FAILED);
        assert_string_equal(bench.tasks[task].message, "the spawner died");
    }
    bench_deploy(0, 3);
    for (uint32_t task = 0; task < 3; task++)
        bench_expect(task, FO_TASK_RUNNING);
}

/* While tasks are being stopped: they are CANCELED, for nothing of them is left. */
static void test_spawner_killed_while_stopping(void **state) {
    (void)state;
    bench_vertex("a", 1, "trap '' TERM; sleep 58004; sleep 58004");
    bench_open();
    bench_deploy(0, 1);
    bench_expect(0, FO_TASK_RUNNING);
    bench_run_ms(50);
    bench_cancel(0, 1);
    bench_run_ms(50);
    assert_int_equal(kill(ex_spawner_pid(bench.spawner), SIGKILL), 0);
    bench_expect(0, FO_TASK_CANCELED);
    assert_false(bench_is_alive("58004"));
}

/* In a program of its own: a daemon with running tasks, which says on standard output where. */
static _Noreturn void be_daemon(void) {
    void *state = NULL;

    if (bench_setup(&state) != 0)
        _exit(1);
    bench_vertex("a", 2, DOUBLE_FORK("58005") "sleep 58005 & sleep 58005");
    bench_open();
    bench_deploy(0, 2);
    bench_expect(0, FO_TASK_RUNNING);
    bench_expect(1, FO_TASK_RUNNING);
    (void)!write(STDOUT_FILENO, bench.directory, sizeof bench.directory);
    bench_run_ms(2 * BENCH_WAIT_MS);
    _exit(1);
}

/* Without a loop of ours: the daemon is another program. */
static void await_count(const char *word, size_t count) {
    for (int ms = 0; ms < BENCH_WAIT_MS && alive_count(word) != count; ms += 10)
        (void)usleep(10000);
    assert_int_equal(alive_count(word), count);
}

static void test_daemon_killed(void **state) {
    static char program[] = "daemon";
    static char with[] = "with-cgroups";
    static char without[] = "without-cgroups";
    char directory[sizeof bench.directory];
    char command[128];
    char *const arguments[] = {program, bench_without_cgroups ? without : with, NULL};
    posix_spawn_file_actions_t actions;
    pid_t daemon_pid = 0;
    int ready[2];

    (void)state;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_true(alive_adopt());
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ready[1], STDOUT_FILENO), 0);
    assert_int_equal(posix_spawn(&daemon_pid, "/proc/self/exe", &actions, NULL, arguments, environ),
                     0);
    assert_int_equal(posix_spawn_file_actions_destroy(&actions), 0);
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], directory, sizeof directory), sizeof directory);
    await_count("58005", 8); /* four of each task */
    assert_int_equal(kill(daemon_pid, SIGKILL), 0);
    assert_int_equal(waitpid(daemon_pid, NULL, 0), daemon_pid);
    await_count("58005", 0);
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0); // NOLINT(concurrency-mt-unsafe,cert-env33-c)
    (void)close(ready[0]);
}

/* The logs of the attempts before the last few go. */
static void test_logs_kept(void **state) {
    char name[32];

    (void)state;
    bench_vertex("a", 1, "echo x; exit 1");
    bench_open();
    for (unsigned i = 0; i < EX_LOCAL_LOGS_KEPT + 2; i++) {
        bench_deploy(0, 1);
        bench_expect(0, FO_TASK_FAILED);
    }
    for (unsigned attempt = 1; attempt <= EX_LOCAL_LOGS_KEPT + 2; attempt++) {
        (void)snprintf(name, sizeof name, "logs/a.0.%u.log", attempt);
        assert_int_equal(bench_exists(name), attempt > 2);
    }
}

/* More pipes than descriptors: an error of those tasks, and no harm to the next job. */
static void test_out_of_descriptors(void **state) {
    (void)state;
    bench_vertex("from", 30, "true");
    bench_vertex("to", 30, "true");
    bench_edge(0, 1, FO_PIPELINED, FO_ALL_TO_ALL);
    bench_open();
    bench_descriptor_limit(300);
    bench_deploy(0, 60);
    uint32_t failed = 0;
    for (int ms = 0; ms < BENCH_WAIT_MS && failed == 0; ms += 100) {
        bench_run_ms(100);
        for (uint32_t task = 0; task < 60; task++)
            failed += bench.tasks[task].state == FO_TASK_FAILED;
    }
    assert_true(failed > 0);
    bench_descriptor_limit(0);
    bench_restart_region(0);
    for (uint32_t task = 0; task < 60; task++)
        bench_expect(task, FO_TASK_FINISHED);
}

static int run_all(bool without_cgroups, const char *name) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ignores_term, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_stopped_by_itself, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_kills_its_group, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_endless_line, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_closed_output, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_flood, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_full_disk, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_spawner_killed, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_spawner_killed_while_stopping, bench_setup,
                                        bench_teardown),
        cmocka_unit_test(test_daemon_killed),
        cmocka_unit_test_setup_teardown(test_logs_kept, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_out_of_descriptors, bench_setup, bench_teardown),
    };

    bench_without_cgroups = without_cgroups;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(int argc, char **argv) {
    if (argc == 2) {
        bench_without_cgroups = strcmp(argv[1], "without-cgroups") == 0;
        be_daemon();
    }
    int failed = run_all(false, "with cgroups where they can be made");

    return failed + run_all(true, "without cgroups");
}
