/* SPDX-License-Identifier: Apache-2.0 */
/* bench_core - how long the core takes to build graphs and to decide. Prints "figure value unit"
 * lines, medians of several runs. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "failover/failover.h"
#include "failover/memory.h"
#include "failover/scc.h"

enum { RUNS = 9, RUNS_LARGE = 5, SINGLE_DECISIONS = 200000 };

/* ---- measuring ---------------------------------------------------------------------------- */

/* Processor time: the core does nothing but compute, and what else runs should not count. */
static double now_us(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    return values[count / 2];
}

static void print(const char *figure, double value, const char *unit) {
    (void)printf("%s %.3f %s\n", figure, value, unit);
}

static void check(int rc, const char *what) {
    if (rc == 0)
        return;
    (void)fprintf(stderr, "bench_core: %s: error %d\n", what, -rc);
    exit(1); /* NOLINT(concurrency-mt-unsafe) one thread */
}

/* An allocator that counts the bytes it has out. */
struct meter {
    size_t bytes;
};

static void *resize_counted(void *ctx, void *memory, size_t size) {
    struct meter *meter = ctx;
    size_t *block = memory ? (size_t *)memory - 2 : NULL;

    meter->bytes -= block ? *block : 0;
    if (size == 0) {
        free(block);
        return NULL;
    }
    block = realloc(block, size + 2 * sizeof *block);
    if (!block)
        abort();
    *block = size;
    meter->bytes += size;
    return block + 2;
}

/* ---- scenes: two vertices, source and sink ------------------------------------------------- */

struct scene {
    struct meter meter;
    struct fo_allocator allocator;
    struct fo_graph *graph;
    struct fo_job *job;
    struct fo_actions actions;
    uint32_t *tasks;
};

static struct fo_graph *build_graph(const struct fo_allocator *allocator, uint32_t parallelism,
                                    enum fo_exchange exchange, enum fo_pattern pattern) {
    const struct fo_vertex_spec vertices[] = {{fo_str_of("source"), parallelism},
                                              {fo_str_of("sink"), parallelism}};
    const struct fo_edge_spec edge = {0, 1, exchange, pattern, 0};
    const struct fo_graph_spec spec = {vertices, 2, &edge, 1};
    struct fo_graph *graph = NULL;

    check(fo_graph_new(&spec, allocator, &graph, NULL), "graph");
    return graph;
}

static void open_scene(struct scene *scene, uint32_t parallelism, enum fo_exchange exchange,
                       enum fo_pattern pattern) {
    const struct fo_job_config config = {
        .restart_strategy = {.kind = FO_STRATEGY_FIXED_DELAY,
                             .fixed_delay = {FO_ATTEMPTS_UNLIMITED, 0}},
        .history_size = 16};

    memset(scene, 0, sizeof *scene);
    scene->allocator = (struct fo_allocator){resize_counted, &scene->meter};
    scene->graph = build_graph(&scene->allocator, parallelism, exchange, pattern);
    check(fo_job_new(&config, scene->graph, &scene->allocator, 0, &scene->job, NULL), "job");
    scene->tasks = calloc(fo_graph_task_count(scene->graph), sizeof *scene->tasks);
    check(scene->tasks ? 0 : -1, "memory");
}

static void step(struct scene *scene, struct fo_event event) {
    event.cause.lost.producer = FO_NO_TASK;
    check(fo_job_step(scene->job, &event, 0, 0, &scene->actions), "step");
    scene->actions.count = 0;
}

static void report(struct scene *scene, uint32_t task, enum fo_task_state state) {
    step(scene, (struct fo_event){.kind = FO_EVENT_TASK_STATE,
                                  .task = task,
                                  .attempt = fo_job_task_attempt(scene->job, task),
                                  .state = state});
}

/* Starts the job and brings all deployed tasks to RUNNING. */
static void start_scene(struct scene *scene) {
    step(scene, (struct fo_event){.kind = FO_EVENT_START});
    for (uint32_t task = 0; task < fo_graph_task_count(scene->graph); task++) {
        if (fo_job_task_state(scene->job, task) == FO_TASK_DEPLOYING)
            report(scene, task, FO_TASK_RUNNING);
    }
}

static void close_scene(struct scene *scene) {
    free(scene->tasks);
    fo_actions_done(&scene->actions, &scene->allocator);
    scene->job = fo_job_free(scene->job);
    scene->graph = fo_graph_unref(scene->graph);
}

/* ---- figures ------------------------------------------------------------------------------ */

static double measure_build_ms(uint32_t parallelism, enum fo_pattern pattern, int runs) {
    double times[RUNS];

    for (int i = 0; i < runs; i++) {
        double began = now_us();
        struct fo_graph *graph = build_graph(NULL, parallelism, FO_PIPELINED, pattern);
        times[i] = (now_us() - began) / 1e3;
        (void)fo_graph_unref(graph);
    }
    return median(times, runs);
}

static double measure_decide_us(struct scene *scene, uint32_t expected, int runs) {
    static const struct fo_partition none = {FO_NO_TASK, 0};
    double times[RUNS];

    for (int i = 0; i < runs; i++) {
        double began = now_us();
        uint32_t count = fo_job_tasks_to_restart(scene->job, 0, none, scene->tasks);
        times[i] = now_us() - began;
        check(count == expected ? 0 : -1, "the answer of a decision");
    }
    return median(times, runs);
}

/* A failure of the first task, from the report to the last action: all others are cancelled. */
static double measure_step_us(uint32_t parallelism, int runs) {
    struct scene scene;
    double times[RUNS];

    for (int i = 0; i < runs; i++) {
        open_scene(&scene, parallelism, FO_PIPELINED, FO_ALL_TO_ALL);
        start_scene(&scene);
        double began = now_us();
        report(&scene, 0, FO_TASK_FAILED);
        times[i] = now_us() - began;
        close_scene(&scene);
    }
    return median(times, runs);
}

static void measure_10k(void) {
    struct scene scene;

    print("build_10k_x_10k", measure_build_ms(10000, FO_ALL_TO_ALL, RUNS), "ms");
    open_scene(&scene, 10000, FO_PIPELINED, FO_ALL_TO_ALL);
    start_scene(&scene);
    print("memory_10k_x_10k",
          (double)(scene.meter.bytes - scene.actions.capacity * sizeof *scene.actions.items) /
              (1024.0 * 1024.0),
          "MiB");
    print("decide_10k_x_10k", measure_decide_us(&scene, 20000, RUNS), "us");
    close_scene(&scene);
    print("failure_step_10k_x_10k", measure_step_us(10000, RUNS), "us");
}

/* What the ratios compare. */
struct times {
    double build_ms;
    double decide_us;
};

/* One of 10,000 by 10,000 again, as an average over many that are there at once: a single one sits
 * in the cache, which a million by a million cannot, and a ratio of the two would tell of the cache
 * and not of the program. */
static struct times measure_10k_of_many(void) {
    enum { SCENES = 100 };
    static struct scene scenes[SCENES];
    struct fo_graph *graphs[SCENES];
    struct times times;

    double began = now_us();
    for (int i = 0; i < SCENES; i++)
        graphs[i] = build_graph(NULL, 10000, FO_PIPELINED, FO_ALL_TO_ALL);
    times.build_ms = (now_us() - began) / 1e3 / SCENES;
    for (int i = 0; i < SCENES; i++) {
        (void)fo_graph_unref(graphs[i]);
        open_scene(&scenes[i], 10000, FO_PIPELINED, FO_ALL_TO_ALL);
        start_scene(&scenes[i]);
        (void)measure_decide_us(&scenes[i], 20000, 1);
    }
    times.decide_us = 0;
    for (int i = 0; i < SCENES; i++)
        times.decide_us += measure_decide_us(&scenes[i], 20000, 1) / SCENES;
    for (int i = 0; i < SCENES; i++)
        close_scene(&scenes[i]);
    return times;
}

/* RegionToRestartInBatchJob: sources FINISHED, sinks deployed; one source is to run again. */
static void measure_batch(void) {
    struct scene scene;

    open_scene(&scene, 4000, FO_BLOCKING, FO_ALL_TO_ALL);
    start_scene(&scene);
    for (uint32_t task = 0; task < 4000; task++)
        report(&scene, task, FO_TASK_FINISHED);
    print("decide_batch_4000", measure_decide_us(&scene, 4001, RUNS), "us");
    close_scene(&scene);
}

static void measure_1m(struct times small) {
    struct scene scene;
    double build_ms = measure_build_ms(1000000, FO_ALL_TO_ALL, RUNS_LARGE);

    print("build_1m_x_1m", build_ms, "ms");
    print("build_1m_x_1m_pointwise", measure_build_ms(1000000, FO_POINTWISE, RUNS_LARGE), "ms");
    open_scene(&scene, 1000000, FO_PIPELINED, FO_ALL_TO_ALL);
    double bytes_per_task = (double)scene.meter.bytes / 2e6;
    start_scene(&scene);
    double decide_us = measure_decide_us(&scene, 2000000, RUNS_LARGE);
    print("decide_1m_x_1m", decide_us / 1e3, "ms");
    print("bytes_per_task", bytes_per_task, "bytes");
    close_scene(&scene);
    print("failure_step_1m_x_1m", measure_step_us(1000000, 3) / 1e3, "ms");
    open_scene(&scene, 1000000, FO_BLOCKING, FO_POINTWISE);
    print("bytes_per_task_regions_of_one", (double)scene.meter.bytes / 2e6, "bytes");
    close_scene(&scene);
    /* 100 means linear. */
    print("build_ratio_10k_to_1m", build_ms / small.build_ms, "times");
    print("decide_ratio_10k_to_1m", decide_us / small.decide_us, "times");
}

/* A job of one task: the report of its failure until it is deployed again, without delay. */
static void measure_single(void) {
    const struct fo_vertex_spec vertex = {fo_str_of("only"), 1};
    const struct fo_graph_spec spec = {&vertex, 1, NULL, 0};
    const struct fo_job_config config = {
        .restart_strategy = {.kind = FO_STRATEGY_FIXED_DELAY,
                             .fixed_delay = {FO_ATTEMPTS_UNLIMITED, 0}},
        .history_size = 16};
    struct scene scene = {0};
    double times[RUNS];

    check(fo_graph_new(&spec, NULL, &scene.graph, NULL), "graph");
    check(fo_job_new(&config, scene.graph, NULL, 0, &scene.job, NULL), "job");
    start_scene(&scene);
    for (int run = 0; run < RUNS; run++) {
        double began = now_us();
        for (int i = 0; i < SINGLE_DECISIONS; i++)
            report(&scene, 0, FO_TASK_FAILED);
        times[run] = (now_us() - began) * 1e3 / SINGLE_DECISIONS;
    }
    print("single_task_decision", median(times, RUNS), "ns");
    fo_actions_done(&scene.actions, NULL);
    scene.job = fo_job_free(scene.job);
    scene.graph = fo_graph_unref(scene.graph);
}

static void measure_ring(void) {
    const size_t nodes = 100000;
    struct fo_allocator allocator = fo_allocator_or_default(NULL);
    uint32_t *numbers = calloc(3 * (nodes + 1), sizeof *numbers);
    struct fo_arrows arrows = {(uint32_t)nodes, numbers, numbers + nodes + 1};
    uint32_t *component = numbers ? numbers + 2 * (nodes + 1) : NULL;
    double times[RUNS];

    for (uint32_t i = 0; numbers && i < nodes; i++) {
        numbers[i + 1] = i + 1;
        numbers[nodes + 1 + i] = (i + 1) % (uint32_t)nodes;
    }
    for (int i = 0; numbers && i < RUNS; i++) {
        uint32_t count = 0;
        double began = now_us();
        check(fo_scc(&arrows, &allocator, component, &count), "ring");
        times[i] = (now_us() - began) / 1e3;
        check(count == 1 ? 0 : -1, "the components of a ring");
    }
    print("ring_100k", median(times, RUNS), "ms");
    free(numbers);
}

int main(void) {
    measure_10k();
    measure_batch();
    measure_1m(measure_10k_of_many());
    measure_single();
    measure_ring();
    return 0;
}
