/* SPDX-License-Identifier: Apache-2.0 */
/* The real spawner, driven through its client: starts, ends, descriptors, and that nothing outlives
 * the one who asked for it. Every test runs with cgroups (where they can be made), without, and
 * with a spawner that is no child but a service of its own. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "exporter/spawn/client.h"
#include "tests/unit/spawn/activator.h"
#include "tests/unit/spawn/alive.h"

enum { WAIT_MS = 30000, LONGEST_ARGUMENT = 100000 };

static bool without_cgroups;
static const char *service; /* where the spawner is a service of its own; NULL = our child */
static uv_loop_t loop;
static struct ex_spawner *spawner;
static int deaths;

/* What a process has told so far. */
struct seen {
    struct ex_spawn_watch watch;
    struct ex_spawn_report last[EX_SPAWN_LOST + 1]; /* by kind */
    bool had[EX_SPAWN_LOST + 1];
    bool ended;
};

static void on_report(struct ex_spawn_watch *watch, const struct ex_spawn_report *report) {
    struct seen *seen = (struct seen *)watch;

    seen->had[report->header.kind] = true;
    seen->last[report->header.kind] = *report;
    if (report->flags & EX_SPAWN_FLAG_GONE)
        seen->had[EX_SPAWN_GONE] = true;
    seen->ended = watch->id == 0;
    if (report->header.kind == EX_SPAWN_EXITED && !seen->ended)
        ex_spawner_signal(spawner, watch, SIGKILL, EX_SPAWN_EVERYTHING);
}

static void on_died(void *ctx, bool restarted) {
    (void)ctx;
    assert_true(restarted);
    deaths++;
}

static void on_tick(uv_timer_t *timer) {
    (void)timer;
}

/* Runs the loop until the flag is set. */
static bool wait_for(const bool *flag) {
    uint64_t end = uv_hrtime() + WAIT_MS * UINT64_C(1000000);
    uv_timer_t tick;

    (void)uv_timer_init(&loop, &tick);
    (void)uv_timer_start(&tick, on_tick, 10, 10);
    while (!*flag && uv_hrtime() < end)
        (void)uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    return *flag;
}

static void spawner_open(void) {
    const struct ex_spawner_config config = {.loop = &loop,
                                             .program = FAILOVER_SPAWN,
                                             .without_cgroups = without_cgroups,
                                             .socket_path = service,
                                             .died = on_died};
    struct fo_error error;

    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(ex_spawner_new(&config, &spawner, &error), 0);
    deaths = 0;
}

static int setup(void **state) {
    (void)state;
    spawner_open();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    ex_spawner_close(spawner, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static const char *const plain_environment[] = {"PATH=/usr/bin:/bin", "GREETING=hello", NULL};

static struct ex_spawn_command command_of(const char *const *arguments) {
    return (struct ex_spawn_command){
        .arguments = arguments, .environment = plain_environment, .directory = "/"};
}

static void start(struct seen *seen, const struct ex_spawn_command *command) {
    *seen = (struct seen){.watch.report = on_report};
    assert_int_equal(ex_spawner_start(spawner, command, &seen->watch), 0);
}

static void start_shell(struct seen *seen, const char *script) {
    const char *const arguments[] = {"sh", "-c", script, NULL};
    struct ex_spawn_command command = command_of(arguments);

    start(seen, &command);
}

static void expect_end(struct seen *seen, int wait_status) {
    assert_true(wait_for(&seen->ended));
    assert_true(seen->had[EX_SPAWN_STARTED]);
    assert_true(seen->had[EX_SPAWN_EXITED]);
    assert_true(seen->had[EX_SPAWN_GONE]);
    assert_int_equal(seen->last[EX_SPAWN_EXITED].wait_status, wait_status);
}

/* Every test uses a number of its own. */
static bool is_alive(const char *number) {
    return alive_find(number) != 0;
}

static void await_alive(const char *number, bool alive) {
    for (int ms = 0; ms < WAIT_MS && is_alive(number) != alive; ms += 5)
        (void)usleep(5000);
    assert_int_equal(is_alive(number), alive);
}

/* The same while the loop runs. */
static void becomes(const char *number, bool alive) {
    for (int ms = 0; ms < WAIT_MS && is_alive(number) != alive; ms += 5) {
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        (void)usleep(5000);
    }
    assert_int_equal(is_alive(number), alive);
}

/* ---- starting ------------------------------------------------------------------------------ */

static void test_exit_status(void **state) {
    struct seen seen;

    (void)state;
    start_shell(&seen, "exit 3");
    expect_end(&seen, 3 << 8);
    assert_true(seen.last[EX_SPAWN_STARTED].pid > 0);
    assert_true(seen.last[EX_SPAWN_EXITED].peak_bytes > 0);
    start_shell(&seen, "kill -SEGV $$");
    assert_true(wait_for(&seen.ended));
    assert_int_equal(WTERMSIG(seen.last[EX_SPAWN_EXITED].wait_status), SIGSEGV);
}

static void expect_not_started(const struct ex_spawn_command *command, uint32_t step, int error) {
    struct seen seen;

    start(&seen, command);
    assert_true(wait_for(&seen.ended));
    assert_true(seen.had[EX_SPAWN_NOT_STARTED]);
    assert_false(seen.had[EX_SPAWN_STARTED]);
    assert_int_equal(seen.last[EX_SPAWN_NOT_STARTED].step, step);
    assert_int_equal(seen.last[EX_SPAWN_NOT_STARTED].error, error);
}

static void test_not_started(void **state) {
    const char *const missing[] = {"no-such-command", NULL};
    const char *const folder[] = {"/tmp", NULL};
    const char *const nothing[] = {"true", NULL};
    struct ex_spawn_command command = command_of(missing);

    (void)state;
    expect_not_started(&command, EX_SPAWN_STEP_EXEC, ENOENT);
    command.arguments = folder;
    expect_not_started(&command, EX_SPAWN_STEP_EXEC, EACCES);
    command.arguments = nothing;
    command.directory = "/no/such/folder";
    expect_not_started(&command, EX_SPAWN_STEP_DIRECTORY, ENOENT);
}

static void test_too_large(void **state) {
    static char longest[LONGEST_ARGUMENT];
    const char *const arguments[] = {"true", longest, longest, longest, NULL};
    struct ex_spawn_command command = command_of(arguments);
    struct seen seen = {.watch.report = on_report};

    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    assert_int_equal(ex_spawner_start(spawner, &command, &seen.watch), -E2BIG);
    start_shell(&seen, "exit 0");
    expect_end(&seen, 0);
}

/* What a command writes to its standard output, up to its end. */
static void expect_output(struct ex_spawn_command command, const char *expected) {
    const struct ex_spawn_map map = {0, STDOUT_FILENO};
    struct seen seen;
    char text[4096];
    int pair[2];

    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    command.descriptors = &pair[1];
    command.descriptor_count = 1;
    command.map = &map;
    command.map_count = 1;
    start(&seen, &command);
    expect_end(&seen, 0);
    ssize_t len = read(pair[0], text, sizeof text - 1);
    assert_true(len >= 0);
    text[len] = '\0';
    assert_string_equal(text, expected);
    assert_int_equal(read(pair[0], text, 1), 0); /* nobody else holds the other end */
    (void)close(pair[0]);
}

static void test_environment_and_directory(void **state) {
    const char *const arguments[] = {
        "sh",   "-c",      "echo $0 $1; pwd; env | grep -v FAILOVER_SPAWN_ID | sort",
        "zero", "one two", NULL};
    struct ex_spawn_command command = command_of(arguments);

    (void)state;
    command.directory = "/usr";
    expect_output(command, "zero one two\n/usr\nGREETING=hello\nPATH=/usr/bin:/bin\nPWD=/usr\n");
}

static void test_clean_process(void **state) {
    const char *const arguments[] = {
        "sh", "-c",
        "ls /proc/self/fd | tr '\\n' ' '; grep SigBlk /proc/self/status | tr -d '\\n\\t'; "
        "grep -Eq 'SigIgn:.*[08]0000000$' /proc/self/status && echo -n ' none ignored ';"
        "ps -o pgid= -p $$ | grep -qw $$ && echo group",
        NULL};

    (void)state;
    /* 0 is the folder that ls reads: the process began with 1 alone. */
    expect_output(command_of(arguments), "0 1 SigBlk:0000000000000000 none ignored group\n");
}

/* More descriptors than one message carries: each must arrive at its own number. */
static void test_many_descriptors(void **state) {
    enum { COUNT = 600, FIRST_TARGET = 10 };
    static int descriptors[COUNT];
    static struct ex_spawn_map map[COUNT];
    const char *const arguments[] = {
        "sh", "-c", "for n in 10 259 260 510 609; do cat /dev/fd/$n; done >/dev/fd/609; exit 5",
        NULL};
    struct ex_spawn_command command = command_of(arguments);
    struct seen seen;
    char name[] = "/tmp/fo-many-XXXXXX";
    char text[64];

    (void)state;
    int out = mkostemp(name, O_CLOEXEC);
    assert_int_not_equal(out, -1);
    (void)unlink(name);
    for (int i = 0; i < COUNT; i++) {
        char part[] = "/tmp/fo-part-XXXXXX";
        map[i] = (struct ex_spawn_map){(uint32_t)i, (uint32_t)(FIRST_TARGET + i)};
        descriptors[i] =
            i == COUNT - 1 ? fcntl(out, F_DUPFD_CLOEXEC, 0) : mkostemp(part, O_CLOEXEC);
        assert_int_not_equal(descriptors[i], -1);
        if (i < COUNT - 1) {
            assert_true(dprintf(descriptors[i], "%d ", FIRST_TARGET + i) > 0);
            (void)unlink(part);
        }
    }
    command.descriptors = descriptors;
    command.descriptor_count = COUNT;
    command.map = map;
    command.map_count = COUNT;
    start(&seen, &command);
    assert_true(wait_for(&seen.ended));
    assert_true(seen.had[EX_SPAWN_EXITED]);
    assert_int_equal(seen.last[EX_SPAWN_EXITED].wait_status, 5 << 8);
    ssize_t len = pread(out, text, sizeof text - 1, 0);
    text[len < 0 ? 0 : len] = '\0';
    assert_string_equal(text, "10 259 260 510 ");
    (void)close(out);
}

static void test_limit_of_descriptors(void **state) {
    const char *const arguments[] = {"sh", "-c", "ulimit -n", NULL};
    struct ex_spawn_command command = command_of(arguments);

    (void)state;
    command.limits.nofile = 77;
    expect_output(command, "77\n");
}

/* A burst must neither lose an end nor need a thread: 300 at once. */
static void test_burst(void **state) {
    enum { COUNT = 300 };
    static struct seen seen[COUNT];
    const char *const arguments[] = {"true", NULL};
    struct ex_spawn_command command = command_of(arguments);

    (void)state;
    for (int i = 0; i < COUNT; i++)
        start(&seen[i], &command);
    for (int i = 0; i < COUNT; i++)
        expect_end(&seen[i], 0);
}

/* ---- ending -------------------------------------------------------------------------------- */

static void test_signal_to_group(void **state) {
    struct seen seen;

    (void)state;
    start_shell(&seen, "trap 'exit 9' TERM; sleep 54001 & wait");
    becomes("54001", true);
    ex_spawner_signal(spawner, &seen.watch, SIGTERM, EX_SPAWN_GROUP);
    expect_end(&seen, 9 << 8);
    assert_false(is_alive("54001"));
}

#define DOUBLE_FORK(number) "(setsid sh -c 'sleep " number " & exec sleep " number "' &) & "

static void test_kill_everything(void **state) {
    struct seen seen;

    (void)state;
    start_shell(&seen, DOUBLE_FORK("54002") "sleep 54002");
    becomes("54002", true);
    (void)usleep(100000);
    ex_spawner_signal(spawner, &seen.watch, SIGKILL, EX_SPAWN_EVERYTHING);
    expect_end(&seen, SIGKILL);
    assert_false(is_alive("54002"));
}

/* A process tree ends with its leader, and only its own tree does. */
static void test_rest_dies_with_leader(void **state) {
    struct seen other;
    struct seen seen;

    (void)state;
    start_shell(&other, DOUBLE_FORK("54004") "sleep 54004");
    becomes("54004", true);
    start_shell(&seen, DOUBLE_FORK("54003") "sleep 0.1; exit 4");
    expect_end(&seen, 4 << 8);
    assert_false(is_alive("54003"));
    assert_true(is_alive("54004"));
    ex_spawner_signal(spawner, &other.watch, SIGKILL, EX_SPAWN_EVERYTHING);
    expect_end(&other, SIGKILL);
    assert_false(is_alive("54004"));
}

/* Caught in the middle of fork and exec, when nothing can be read of them yet. */
static void test_forks_away_in_a_hurry(void **state) {
    struct seen seen;

    (void)state;
    for (int i = 0; i < 50; i++) {
        start_shell(&seen, "(setsid sleep 54010 &) ; exit 0");
        expect_end(&seen, 0);
        assert_false(is_alive("54010"));
    }
}

/* Many inotify instances, for the kernel waits with the end of each; then the lock. */
#define SLOW_TO_DIE                                                                                \
    "import ctypes,fcntl,time\n"                                                                   \
    "libc=ctypes.CDLL(None)\n"                                                                     \
    "lock=open(\"%s\")\n"                                                                          \
    "for i in range(60): libc.inotify_add_watch(libc.inotify_init1(0),b\"/tmp\",2)\n"              \
    "fcntl.flock(lock,fcntl.LOCK_EX)\n"                                                            \
    "time.sleep(54011)\n"

/* What was left behind is not gone while it dies, although nothing can be read of it by then: it
 * holds what it held. */
static void test_rest_slow_to_die(void **state) {
    char path[] = "/tmp/fo-lock-XXXXXX";
    char script[512];
    struct seen seen;

    (void)state;
    int lock = mkostemp(path, O_CLOEXEC);
    assert_int_not_equal(lock, -1);
    (void)snprintf(script, sizeof script,
                   "(setsid python3 -c '" SLOW_TO_DIE "' &) & exec sleep 54012", path);
    start_shell(&seen, script);
    for (int i = 0; i < WAIT_MS / 5 && flock(lock, LOCK_EX | LOCK_NB) == 0; i++) {
        assert_int_equal(flock(lock, LOCK_UN), 0);
        (void)usleep(5000);
    }
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), -1);
    ex_spawner_signal(spawner, &seen.watch, SIGKILL, EX_SPAWN_EVERYTHING);
    expect_end(&seen, SIGKILL);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
    (void)unlink(path);
    (void)close(lock);
}

static void test_stopped_process(void **state) {
    struct seen seen;

    (void)state;
    start_shell(&seen, "sleep 54005 & kill -STOP $$");
    becomes("54005", true);
    ex_spawner_signal(spawner, &seen.watch, SIGKILL, EX_SPAWN_EVERYTHING);
    expect_end(&seen, SIGKILL);
}

static void test_spawner_killed(void **state) {
    struct seen seen;

    (void)state;
    start_shell(&seen, DOUBLE_FORK("54006") "sleep 54006 & sleep 54006");
    becomes("54006", true);
    (void)usleep(100000);
    int first_pid = ex_spawner_pid(spawner);
    assert_int_equal(kill(first_pid, SIGKILL), 0);
    becomes("54006", false);
    assert_true(wait_for(&seen.ended));
    assert_true(seen.had[EX_SPAWN_LOST]);
    assert_false(seen.had[EX_SPAWN_EXITED]);
    assert_int_equal(deaths, 1);
    assert_int_not_equal(ex_spawner_pid(spawner), first_pid);
    start_shell(&seen, "exit 6");
    expect_end(&seen, 6 << 8);
}

/* Asked for while the dead spawner's orphans are still being killed: served by the next one. */
static void test_start_during_clearing(void **state) {
    struct seen first;
    struct seen second;

    (void)state;
    start_shell(&first, "sleep 54007");
    becomes("54007", true);
    assert_int_equal(kill(ex_spawner_pid(spawner), SIGKILL), 0);
    while (ex_spawner_pid(spawner) != 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    start_shell(&second, "exit 2");
    assert_true(wait_for(&first.ended));
    assert_true(first.had[EX_SPAWN_LOST]);
    expect_end(&second, 2 << 8);
}

/* In a process of its own: the daemon, killed while tasks run and a lock is held. */
static _Noreturn void be_daemon(const char *lock_path, int ready_fd) {
    struct seen seen;
    struct seen forked;

    spawner_open();
    int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock == -1 || flock(lock, LOCK_EX | LOCK_NB) == -1 || ex_spawner_hold(spawner, lock) != 0)
        _exit(1);
    start_shell(&seen, "sleep 54008 & sleep 54008");
    start_shell(&forked, DOUBLE_FORK("54009") "exec sleep 54009");
    (void)wait_for(&seen.had[EX_SPAWN_STARTED]);
    (void)wait_for(&forked.had[EX_SPAWN_STARTED]);
    (void)!write(ready_fd, "x", 1);
    for (;;)
        (void)pause();
}

static void test_daemon_killed(void **state) {
    char path[] = "/tmp/fo-lock-XXXXXX";
    int ready[2];
    char byte = 0;

    (void)state;
    int lock = mkostemp(path, O_CLOEXEC);
    assert_int_not_equal(lock, -1);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_true(alive_adopt());
    pid_t daemon_pid = fork();
    if (daemon_pid == 0)
        be_daemon(path, ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    await_alive("54008", true);
    await_alive("54009", true);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), -1);
    assert_int_equal(kill(daemon_pid, SIGKILL), 0);
    assert_int_equal(waitpid(daemon_pid, NULL, 0), daemon_pid);
    assert_int_equal(flock(lock, LOCK_EX), 0); /* falls when everything is dead, not before */
    assert_false(is_alive("54008"));
    assert_false(is_alive("54009"));
    (void)unlink(path);
    (void)close(lock);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

static int run_all(bool no_cgroups, const char *name) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_exit_status, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_started, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_environment_and_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clean_process, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit_of_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_burst, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal_to_group, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rest_dies_with_leader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forks_away_in_a_hurry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rest_slow_to_die, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stopped_process, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spawner_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_start_during_clearing, setup, teardown),
        cmocka_unit_test(test_daemon_killed),
    };

    without_cgroups = no_cgroups;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

static int run_as_service(void) {
    char path[64];

    (void)snprintf(path, sizeof path, "/tmp/fo-spawner-%d.sock", (int)getpid());
    pid_t activator = activator_start(path, FAILOVER_SPAWN);
    service = path;
    int failed = run_all(false, "as a service of its own");
    service = NULL;
    activator_stop(activator, path);
    return failed;
}

int main(void) {
    int failed = run_as_service();

    failed += run_all(false, "with cgroups where they can be made");
    return failed + run_all(true, "without cgroups");
}
