/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/spawn/alive.h"

#define JOB_ID "0123456789abcdef0123456789abcdef"

enum { TICK_MS = 5 };

struct bench bench;
bool bench_without_cgroups;
const char *bench_user;

/* ---- the owner ------------------------------------------------------------------------------ */

static void copy_text(char *to, size_t size, struct fo_str text) {
    size_t len = text.len < size - 1 ? text.len : size - 1;

    if (len > 0)
        memcpy(to, text.ptr, len);
    to[len] = '\0';
}

static void take_evidence(struct bench_task *task, const struct ex_evidence *evidence) {
    struct fo_str tail = evidence->output_tail;

    task->exit_code = evidence->exit_code;
    task->signal = evidence->signal;
    task->secondary = evidence->secondary;
    task->deadline_exceeded = evidence->deadline_exceeded;
    task->heartbeat_missed = evidence->heartbeat_missed;
    task->oom = evidence->cgroup_oom_kill;
    task->lost = evidence->lost;
    task->pid = (pid_t)evidence->pid;
    task->head_bytes = evidence->output_head.len;
    task->tail_bytes = tail.len;
    copy_text(task->message, sizeof task->message, evidence->message);
    copy_text(task->output, sizeof task->output, evidence->output_head);
    copy_text(task->log_path, sizeof task->log_path, evidence->log_path);
    if (tail.len > sizeof task->output_tail - 1) {
        tail.ptr += tail.len - (sizeof task->output_tail - 1);
        tail.len = sizeof task->output_tail - 1;
    }
    copy_text(task->output_tail, sizeof task->output_tail, tail);
}

static void on_report(void *owner, const struct ex_report *report) {
    assert_ptr_equal(owner, &bench);
    assert_true(report->task < bench.task_count);
    struct bench_task *task = &bench.tasks[report->task];
    assert_int_equal(report->attempt, task->attempt);
    assert_false(fo_task_state_is_terminal(task->state));
    assert_true((report->evidence != NULL) == (report->state == FO_TASK_FAILED));
    task->state = report->state;
    task->was_running |= report->state == FO_TASK_RUNNING;
    task->was_initializing |= report->state == FO_TASK_INITIALIZING;
    task->order = ++bench.reports;
    if (report->evidence)
        take_evidence(task, report->evidence);
}

static void on_partition_lost(void *owner, struct fo_partition partition) {
    assert_ptr_equal(owner, &bench);
    bench.lost[bench.lost_count++ % 16] = partition;
}

static void on_job_closed(void *owner) {
    assert_ptr_equal(owner, &bench);
    bench.closed = true;
}

static const struct ex_engine_sink sink = {on_report, on_partition_lost, on_job_closed};

/* ---- life of the bench ----------------------------------------------------------------------- */

int bench_setup(void **state) {
    struct fo_error error = {0};

    (void)state;
    memset(&bench, 0, sizeof bench);
    (void)snprintf(bench.directory, sizeof bench.directory, "/tmp/fo-local-XXXXXX");
    if (uv_loop_init(&bench.loop) != 0 || !mkdtemp(bench.directory))
        return -1;
    const struct ex_spawner_config spawner = {
        .loop = &bench.loop, .program = FAILOVER_SPAWN, .without_cgroups = bench_without_cgroups};
    if (ex_spawner_new(&spawner, &bench.spawner, &error) != 0)
        return -1;
    const struct ex_local_config config = {.loop = &bench.loop,
                                           .spawner = bench.spawner,
                                           .sink = &sink,
                                           .directory = bench.directory,
                                           .user = bench_user,
                                           .epoch = 1000,
                                           .output_dropped_bytes = &bench.output_dropped_bytes};
    static char name[] = "bench job";
    bench.spec = (struct ex_job_spec){.name = name,
                                      .working_directory = bench.directory,
                                      .vertices = bench.vertices,
                                      .edges = bench.edges};
    return ex_local_new(&config, &bench.engine, &error);
}

int bench_teardown(void **state) {
    char command[256];

    (void)state;
    if (bench.job && !bench.closed)
        bench_close();
    ex_local_ops()->close(bench.engine);
    ex_spawner_close(bench.spawner, NULL);
    (void)uv_run(&bench.loop, UV_RUN_DEFAULT);
    int err = uv_loop_close(&bench.loop);
    bench.spec.graph = fo_graph_unref(bench.spec.graph);
    (void)snprintf(command, sizeof command, "rmdir %s/* && rmdir %s", bench.directory,
                   bench.directory);
    return err ? err : system(command); // NOLINT(concurrency-mt-unsafe,cert-env33-c)
}

struct ex_vertex_spec *bench_vertex(const char *id, uint32_t parallelism, const char *script) {
    uint32_t index = bench.spec.vertex_count++;
    struct ex_vertex_spec *vertex = &bench.vertices[index];
    static char shell[] = "sh";
    static char option[] = "-c";

    bench.commands[index][0] = shell;
    bench.commands[index][1] = option;
    memcpy(&bench.commands[index][2], &script, sizeof script); /* argv is not const, exec is */
    *vertex = (struct ex_vertex_spec){.id = fo_str_of(id),
                                      .parallelism = parallelism,
                                      .command = bench.commands[index],
                                      .stop_timeout_ms = 5000};
    return vertex;
}

void bench_edge(uint32_t from, uint32_t to, enum fo_exchange exchange, enum fo_pattern pattern) {
    bench.edges[bench.spec.edge_count++] =
        (struct fo_edge_spec){.from = from, .to = to, .exchange = exchange, .pattern = pattern};
}

void bench_open(void) {
    struct fo_vertex_spec vertices[BENCH_VERTICES_MAX];
    struct fo_error error = {0};

    for (uint32_t i = 0; i < bench.spec.vertex_count; i++)
        vertices[i] = (struct fo_vertex_spec){bench.vertices[i].id, bench.vertices[i].parallelism};
    const struct fo_graph_spec graph = {vertices, bench.spec.vertex_count, bench.edges,
                                        bench.spec.edge_count};
    assert_int_equal(fo_graph_new(&graph, NULL, &bench.spec.graph, &error), 0);
    bench.task_count = fo_graph_task_count(bench.spec.graph);
    assert_true(bench.task_count <= BENCH_TASKS_MAX);
    assert_int_equal(
        ex_local_ops()->open_job(bench.engine, JOB_ID, &bench.spec, &bench, &bench.job, &error), 0);
}

static uint32_t attempts_of(uint32_t first, uint32_t count, struct ex_task_attempt *attempts) {
    for (uint32_t i = 0; i < count; i++)
        attempts[i] = (struct ex_task_attempt){first + i, bench.tasks[first + i].attempt};
    return count;
}

void bench_deploy(uint32_t first, uint32_t count) {
    struct ex_task_attempt attempts[BENCH_TASKS_MAX];

    for (uint32_t i = first; i < first + count; i++)
        bench.tasks[i] = (struct bench_task){.attempt = bench.tasks[i].attempt + 1,
                                             .state = FO_TASK_DEPLOYING,
                                             .lost.producer = FO_NO_TASK};
    (void)attempts_of(first, count, attempts);
    ex_local_ops()->deploy(bench.job, attempts, count);
}

void bench_cancel(uint32_t first, uint32_t count) {
    struct ex_task_attempt attempts[BENCH_TASKS_MAX];

    (void)attempts_of(first, count, attempts);
    ex_local_ops()->cancel(bench.job, attempts, count);
}

void bench_restart_region(uint32_t task) {
    uint32_t region = fo_graph_task_region(bench.spec.graph, task);
    struct fo_task_list tasks = fo_graph_region_tasks(bench.spec.graph, region);

    for (uint32_t i = 0; i < tasks.count; i++)
        if (!fo_task_state_is_terminal(bench.tasks[tasks.tasks[i]].state))
            bench_cancel(tasks.tasks[i], 1);
    for (uint32_t i = 0; i < tasks.count; i++) {
        uint64_t end = uv_hrtime() + BENCH_WAIT_MS * UINT64_C(1000000);
        while (!fo_task_state_is_terminal(bench.tasks[tasks.tasks[i]].state) && uv_hrtime() < end)
            bench_run_ms(1);
    }
    struct ex_task_attempt attempts[BENCH_TASKS_MAX];
    for (uint32_t i = 0; i < tasks.count; i++) {
        struct bench_task *entry = &bench.tasks[tasks.tasks[i]];
        assert_true(fo_task_state_is_terminal(entry->state));
        *entry = (struct bench_task){
            .attempt = entry->attempt + 1, .state = FO_TASK_DEPLOYING, .lost.producer = FO_NO_TASK};
        attempts[i] = (struct ex_task_attempt){tasks.tasks[i], entry->attempt};
    }
    ex_local_ops()->deploy(bench.job, attempts, tasks.count);
}

static void on_tick(uv_timer_t *timer) {
    (void)timer;
}

/* The timer repeats: the clock of the loop may be late by more than the wait, and a timer that is
 * due before the loop has polled would leave nothing to end the poll. */
static void turn(int longest_ms) {
    uv_timer_t timer;

    (void)uv_timer_init(&bench.loop, &timer);
    (void)uv_timer_start(&timer, on_tick, (uint64_t)longest_ms, (uint64_t)longest_ms);
    (void)uv_run(&bench.loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    (void)uv_run(&bench.loop, UV_RUN_NOWAIT);
}

void bench_expect(uint32_t task, enum fo_task_state state) {
    uint64_t end = uv_hrtime() + BENCH_WAIT_MS * UINT64_C(1000000);

    while (bench.tasks[task].state != state && uv_hrtime() < end) {
        if (fo_task_state_is_terminal(bench.tasks[task].state))
            break;
        turn(TICK_MS);
    }
    if (bench.tasks[task].state != state)
        (void)fprintf(stderr, "task %u is %s, expected %s: %s\n%s\n", task,
                      fo_task_state_name(bench.tasks[task].state), fo_task_state_name(state),
                      bench.tasks[task].message, bench.tasks[task].output);
    assert_int_equal(bench.tasks[task].state, state);
}

void bench_run_ms(int ms) {
    uint64_t end = uv_hrtime() + (uint64_t)ms * 1000000;

    while (uv_hrtime() < end)
        turn(ms < TICK_MS ? ms : TICK_MS);
}

void bench_await_running(uint32_t task) {
    uint64_t end = uv_hrtime() + BENCH_WAIT_MS * UINT64_C(1000000);

    while (!bench.tasks[task].was_running && uv_hrtime() < end)
        turn(TICK_MS);
    assert_true(bench.tasks[task].was_running);
}

void bench_close(void) {
    uint64_t end = uv_hrtime() + BENCH_WAIT_MS * UINT64_C(1000000);

    ex_local_ops()->close_job(bench.job);
    while (!bench.closed && uv_hrtime() < end)
        turn(TICK_MS);
    assert_true(bench.closed);
}

/* ---- processes and files --------------------------------------------------------------------- */

/* The kernel lets the parent go on a moment before the arguments of a new program can be read. */
pid_t bench_leader(const char *word) {
    uint64_t end = uv_hrtime() + BENCH_WAIT_MS * UINT64_C(1000000);
    pid_t pid = 0;

    do
        pid = alive_find_child(ex_spawner_pid(bench.spawner), word);
    while (pid == 0 && uv_hrtime() < end);
    assert_int_not_equal(pid, 0);
    return pid;
}

bool bench_is_alive(const char *word) {
    return alive_find(word) != 0;
}

void bench_await_alive(const char *word) {
    uint64_t end = uv_hrtime() + BENCH_WAIT_MS * UINT64_C(1000000);

    while (!bench_is_alive(word) && uv_hrtime() < end)
        turn(TICK_MS);
    assert_true(bench_is_alive(word));
}

void bench_await_dead(const char *word) {
    uint64_t end = uv_hrtime() + BENCH_WAIT_MS * UINT64_C(1000000);

    while (bench_is_alive(word) && uv_hrtime() < end)
        turn(TICK_MS);
    assert_false(bench_is_alive(word));
}

void bench_descriptor_limit(unsigned most) {
    static struct rlimit first;
    struct rlimit limit;

    if (first.rlim_max == 0)
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &first), 0);
    limit = first;
    if (most > 0)
        limit.rlim_cur = most;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

const char *bench_path(const char *relative) {
    static char path[4096];

    (void)snprintf(path, sizeof path, "%s/jobs/%s/%s", bench.directory, JOB_ID, relative);
    return path;
}

bool bench_exists(const char *relative) {
    return access(bench_path(relative), F_OK) == 0;
}

void bench_await_file(const char *relative) {
    uint64_t end = uv_hrtime() + BENCH_WAIT_MS * UINT64_C(1000000);

    while (!bench_exists(relative) && uv_hrtime() < end)
        turn(TICK_MS);
    assert_true(bench_exists(relative));
}

void bench_touch(const char *relative) {
    int fd = open(bench_path(relative), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_int_not_equal(fd, -1);
    (void)close(fd);
}

const char *bench_content(const char *relative) {
    static char text[64 * 1024];
    int fd = open(bench_path(relative), O_RDONLY | O_CLOEXEC);
    ssize_t len = fd == -1 ? 0 : read(fd, text, sizeof text - 1);

    if (fd != -1)
        (void)close(fd);
    text[len < 0 ? 0 : len] = '\0';
    return text;
}
