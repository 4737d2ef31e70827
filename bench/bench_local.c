/* SPDX-License-Identifier: Apache-2.0 */
/* bench_local: the local engine with an owner who restarts at once, without a daemon around it.
 * Prints `figure value unit` lines: the median of kill -9 to the replacement running, a thousand
 * tasks from the call to the last one running, and what engine and spawner hold in memory then. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/engines/local/folders.h"
#include "exporter/engines/local/local.h"

enum { TASKS = 1000, RESTARTS = 201, PAUSE_MS = 20, NS_PER_MS = 1000000, KIB_PER_MIB = 1024 };

struct bench {
    uv_loop_t loop;
    struct ex_spawner *spawner;
    void *engine;
    atomic_uint_fast64_t output_dropped_bytes;
    struct ex_engine_job *job;
    struct ex_job_spec spec;
    struct ex_vertex_spec vertex;
    uint32_t running;
    bool failed; /* to be deployed again, when the engine has returned */
    bool restarting;
    uint32_t attempt;
    bool closed;
    bool broken; /* something happened that must not */
};

static void on_report(void *owner, const struct ex_report *report) {
    struct bench *bench = owner;

    if (report->state == FO_TASK_RUNNING) {
        bench->running++;
    } else if (report->state == FO_TASK_FAILED && bench->restarting) {
        bench->running--;
        bench->failed = true;
    } else {
        bench->broken = true;
    }
}

static void on_partition_lost(void *owner, struct fo_partition partition) {
    (void)partition;
    ((struct bench *)owner)->broken = true;
}

static void on_job_closed(void *owner) {
    ((struct bench *)owner)->closed = true;
}

static const struct ex_engine_sink sink = {on_report, on_partition_lost, on_job_closed};

static int fail(const char *what, const struct fo_error *error) {
    (void)fprintf(stderr, "bench_local: %s: %s\n", what, error->text);
    return -1;
}

static int engine_open(struct bench *bench, const char *directory) {
    const struct ex_spawner_config spawner = {.loop = &bench->loop};
    struct fo_error error = {0};

    (void)uv_loop_init(&bench->loop);
    if (ex_spawner_new(&spawner, &bench->spawner, &error) != 0)
        return fail("spawner", &error);
    const struct ex_local_config local = {.loop = &bench->loop,
                                          .spawner = bench->spawner,
                                          .sink = &sink,
                                          .directory = directory,
                                          .output_dropped_bytes = &bench->output_dropped_bytes};
    return ex_local_new(&local, &bench->engine, &error) == 0 ? 0 : fail("engine", &error);
}

static int job_open(struct bench *bench, uint32_t parallelism) {
    static char sleep_name[] = "sleep";
    static char sleep_time[] = "100000";
    static char *command[] = {sleep_name, sleep_time, NULL};
    static char name[] = "bench";
    static char directory[] = "/";
    const struct fo_vertex_spec vertex = {fo_str_of("task"), parallelism};
    const struct fo_graph_spec graph = {.vertices = &vertex, .vertex_count = 1};
    struct fo_error error = {0};

    bench->vertex = (struct ex_vertex_spec){
        .id = vertex.id, .parallelism = parallelism, .command = command, .stop_timeout_ms = 1000};
    bench->spec = (struct ex_job_spec){.name = name,
                                       .working_directory = directory,
                                       .vertices = &bench->vertex,
                                       .vertex_count = 1};
    bench->running = 0;
    bench->closed = false;
    if (fo_graph_new(&graph, NULL, &bench->spec.graph, &error) != 0)
        return fail("graph", &error);
    if (ex_local_ops()->open_job(bench->engine, "00000000000000000000000000000000", &bench->spec,
                                 bench, &bench->job, &error) != 0)
        return fail("job", &error);
    return 0;
}

static int job_close(struct bench *bench) {
    ex_local_ops()->close_job(bench->job);
    while (!bench->closed)
        (void)uv_run(&bench->loop, UV_RUN_ONCE);
    bench->spec.graph = fo_graph_unref(bench->spec.graph);
    return bench->broken ? -1 : 0;
}

static void deploy_all(struct bench *bench, uint32_t count) {
    struct ex_task_attempt *attempts = calloc(count, sizeof *attempts);

    if (!attempts)
        abort();
    for (uint32_t i = 0; i < count; i++)
        attempts[i].task = i;
    ex_local_ops()->deploy(bench->job, attempts, count);
    free(attempts);
    while (bench->running < count && !bench->broken)
        (void)uv_run(&bench->loop, UV_RUN_ONCE);
}

/* The pid of the spawner's newest child. */
static pid_t newest_child(const struct bench *bench) {
    char path[64];
    pid_t newest = 0;
    int pid = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", ex_spawner_pid(bench->spawner),
                   ex_spawner_pid(bench->spawner));
    FILE *file = fopen(path, "re");
    while (file && fscanf(file, "%d", &pid) == 1) // NOLINT(cert-err34-c): written by the kernel
        newest = pid;
    if (file)
        (void)fclose(file);
    return newest;
}

static int by_value(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static void restart_run(struct bench *bench) {
    while (!bench->failed && !bench->broken)
        (void)uv_run(&bench->loop, UV_RUN_ONCE);
    bench->failed = false;
    const struct ex_task_attempt next = {0, ++bench->attempt};
    ex_local_ops()->deploy(bench->job, &next, 1);
    while (bench->running == 0 && !bench->broken)
        (void)uv_run(&bench->loop, UV_RUN_ONCE);
}

static int bench_restart(struct bench *bench) {
    double values_ms[RESTARTS];

    if (job_open(bench, 1) != 0)
        return -1;
    deploy_all(bench, 1);
    bench->restarting = true;
    for (int i = 0; i < RESTARTS; i++) {
        (void)usleep(PAUSE_MS * 1000); /* an idle machine, not a warm one */
        pid_t pid = newest_child(bench);
        uint64_t start_ns = ex_clock_ns();
        if (pid == 0 || kill(pid, SIGKILL) != 0)
            return -1;
        restart_run(bench);
        values_ms[i] = (double)(ex_clock_ns() - start_ns) / NS_PER_MS;
    }
    bench->restarting = false;
    qsort(values_ms, RESTARTS, sizeof *values_ms, by_value);
    (void)printf("restart_kill_to_running %.3f ms\n", values_ms[RESTARTS / 2]);
    (void)printf("restart_kill_to_running_p95 %.3f ms\n", values_ms[RESTARTS * 95 / 100]);
    return job_close(bench);
}

static long resident_kib(pid_t pid) {
    char path[64];
    char line[128];
    long kib = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmRSS:", strlen("VmRSS:")) == 0)
            kib = strtol(line + strlen("VmRSS:"), NULL, 10);
    if (file)
        (void)fclose(file);
    return kib;
}

static int bench_thousand(struct bench *bench) {
    if (job_open(bench, TASKS) != 0)
        return -1;
    uint64_t start_ns = ex_clock_ns();
    deploy_all(bench, TASKS);
    (void)printf("spawn_1000 %.1f ms\n", (double)(ex_clock_ns() - start_ns) / NS_PER_MS);
    long engine_kib = resident_kib(getpid());
    long spawner_kib = resident_kib(ex_spawner_pid(bench->spawner));
    (void)printf("resident_1000_tasks %.1f MiB\n",
                 (double)(engine_kib + spawner_kib) / KIB_PER_MIB);
    (void)printf("resident_1000_tasks_spawner %.1f MiB\n", (double)spawner_kib / KIB_PER_MIB);
    start_ns = ex_clock_ns();
    int err = job_close(bench);
    (void)printf("kill_1000 %.1f ms\n", (double)(ex_clock_ns() - start_ns) / NS_PER_MS);
    return err;
}

int main(void) {
    static struct bench bench;
    char directory[] = "/tmp/bench-local-XXXXXX";

    if (!mkdtemp(directory) || engine_open(&bench, directory) != 0)
        return 1;
    int err = bench_restart(&bench);
    if (!err)
        err = bench_thousand(&bench);
    ex_local_ops()->close(bench.engine);
    ex_spawner_close(bench.spawner, NULL);
    (void)uv_run(&bench.loop, UV_RUN_DEFAULT);
    ex_folder_remove(directory);
    return err ? 1 : 0;
}
