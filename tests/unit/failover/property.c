/* SPDX-License-Identifier: Apache-2.0 */
/* Random graphs and random events: after every step the core and the model must agree. The seed of
 * a run that fails is printed; FO_SEED=n runs that one alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/failover/model.h"

enum { RUNS = 3000, STEPS = 120, VERTICES = 6, PARALLELISM = 5 };

struct world {
    uint64_t random;
    struct fo_vertex_spec vertices[VERTICES];
    char names[VERTICES][2];
    struct fo_edge_spec edges[MO_EDGES];
    struct fo_graph_spec spec;
    struct fo_job_config config;
    struct fo_graph *graph;
    struct fo_job *job;
    struct fo_actions actions;
    struct mo_job model;
    int64_t now_ms;
};

static uint64_t next_random(struct world *world) {
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return world->random * UINT64_C(0x2545f4914f6cdd1d) >> 11;
}

static uint32_t below(struct world *world, uint32_t limit) {
    return (uint32_t)(next_random(world) % limit);
}

/* ---- making ------------------------------------------------------------------------------- */

/* Vertices come in a random order, so that edges lead to lower numbers as well. */
static void make_spec(struct world *world) {
    uint32_t vertices = 1 + below(world, VERTICES);
    uint32_t edges = vertices > 1 ? below(world, MO_EDGES) : 0;
    uint32_t turn = below(world, vertices);

    for (uint32_t v = 0; v < vertices; v++) {
        world->names[v][0] = (char)('a' + v);
        world->vertices[v] =
            (struct fo_vertex_spec){{world->names[v], 1}, 1 + below(world, PARALLELISM)};
    }
    for (uint32_t e = 0; e < edges; e++) {
        uint32_t a = below(world, vertices - 1);
        uint32_t b = a + 1 + below(world, vertices - 1 - a);
        world->edges[e] =
            (struct fo_edge_spec){(a + turn) % vertices, (b + turn) % vertices,
                                  (enum fo_exchange)below(world, FO_HYBRID_SELECTIVE + 1),
                                  below(world, 3) ? FO_POINTWISE : FO_ALL_TO_ALL, below(world, 3)};
        if (below(world, 2))
            world->edges[e].exchange = below(world, 2) ? FO_PIPELINED : FO_BLOCKING;
    }
    world->spec = (struct fo_graph_spec){world->vertices, vertices, world->edges, edges};
}

static void make_config(struct world *world) {
    struct fo_strategy_config *strategy = &world->config.restart_strategy;

    memset(&world->config, 0, sizeof world->config);
    world->config.history_size = below(world, MO_ROOTS + 1);
    world->config.failover_strategy = below(world, 5) ? FO_FAILOVER_REGION : FO_FAILOVER_FULL;
    strategy->kind = (enum fo_strategy_kind)(1 + below(world, 3));
    if (strategy->kind == FO_STRATEGY_FIXED_DELAY) {
        strategy->fixed_delay.attempts = (int32_t)below(world, 30);
        strategy->fixed_delay.delay_ms = below(world, 20);
    } else if (strategy->kind == FO_STRATEGY_FAILURE_RATE) {
        strategy->failure_rate.max_failures_per_interval = 1 + (int32_t)below(world, 5);
        strategy->failure_rate.interval_ms = 1 + below(world, 30);
        strategy->failure_rate.delay_ms = below(world, 20);
    } else {
        strategy->exponential_delay.initial_backoff_ms = 1 + below(world, 5);
        strategy->exponential_delay.max_backoff_ms =
            strategy->exponential_delay.initial_backoff_ms + below(world, 40);
        strategy->exponential_delay.backoff_multiplier = 1.5 + 0.5 * below(world, 3);
        strategy->exponential_delay.reset_backoff_threshold_ms = 1 + below(world, 40);
        strategy->exponential_delay.attempts_before_reset_backoff = 1 + (int32_t)below(world, 8);
    }
}

/* A report that is mostly of the current attempt, and mostly of what can happen to it. */
static void make_report(struct world *world, struct fo_event *event) {
    static const enum fo_task_state likely[] = {FO_TASK_RUNNING,  FO_TASK_RUNNING,
                                                FO_TASK_FINISHED, FO_TASK_FINISHED,
                                                FO_TASK_CANCELED, FO_TASK_FAILED};
    uint32_t tasks = world->model.task_count;

    event->kind = FO_EVENT_TASK_STATE;
    event->task = below(world, 50) ? below(world, tasks) : tasks + below(world, 3);
    if (event->task < tasks)
        event->attempt = world->model.tasks[event->task].attempt + !below(world, 30);
    event->state = likely[below(world, 6)];
    if (event->task < tasks && world->model.tasks[event->task].state == FO_TASK_CANCELING &&
        below(world, 2))
        event->state = FO_TASK_CANCELED;
    else if (event->state == FO_TASK_CANCELED && below(world, 8))
        event->state = FO_TASK_RUNNING;
    if (!below(world, 15))
        event->state = (enum fo_task_state)below(world, FO_TASK_STATE_COUNT);
}

static struct fo_partition make_partition(struct world *world) {
    struct fo_partition partition = {FO_NO_TASK, 0};

    if (world->spec.edge_count > 0) {
        partition.edge = below(world, world->spec.edge_count);
        uint32_t from = world->edges[partition.edge].from;
        partition.producer = fo_graph_vertex_first_task(world->graph, from) +
                             below(world, world->vertices[from].parallelism);
    }
    return partition;
}

static struct fo_event make_event(struct world *world, uint64_t failure_id) {
    struct fo_event event = {.kind = FO_EVENT_TIME};
    uint32_t tasks = world->model.task_count;
    uint32_t choice = below(world, 200);

    event.cause.failure_id = failure_id;
    event.cause.non_recoverable = !below(world, 200);
    event.cause.lost = (struct fo_partition){FO_NO_TASK, 0};
    if (!below(world, 4))
        event.cause.lost = make_partition(world);
    if (choice < 150)
        make_report(world, &event);
    else if (choice < 155)
        event.kind = FO_EVENT_GLOBAL_FAILURE;
    else if (choice < 160)
        event.kind = FO_EVENT_PAUSE;
    else if (choice < 165)
        event.kind = FO_EVENT_RESUME;
    else if (choice == 166)
        event.kind = below(world, 4) ? FO_EVENT_START : FO_EVENT_CANCEL;
    else if (choice < 172)
        event.kind = FO_EVENT_RESTART;
    else if (choice < 182 && world->spec.edge_count > 0)
        event.kind = FO_EVENT_PARTITION_LOST;
    if (event.kind == FO_EVENT_RESTART)
        event.task = below(world, 4) ? below(world, tasks) : FO_NO_TASK;
    if (event.kind == FO_EVENT_PARTITION_LOST)
        event.partition = make_partition(world);
    return event;
}

/* ---- comparing ---------------------------------------------------------------------------- */

static void compare_actions(struct world *world) {
    uint32_t deployed[MO_TASKS] = {0};
    uint32_t cancelled[MO_TASKS] = {0};
    uint32_t recovered = 0;
    uint32_t decided = 0;

    for (size_t i = 0; i < world->actions.count; i++) {
        const struct fo_action *action = &world->actions.items[i];
        if (action->kind == FO_ACTION_DEPLOY)
            deployed[action->task]++;
        else if (action->kind == FO_ACTION_CANCEL)
            cancelled[action->task]++;
        else if (action->kind == FO_ACTION_RECOVERED)
            recovered++;
        if (action->kind != FO_ACTION_DECISION)
            continue;
        decided++;
        assert_int_equal(action->decision.restart, world->model.restart);
        assert_int_equal(action->decision.exhausted, world->model.exhausted);
        if (action->decision.restart)
            assert_int_equal(action->decision.delay_ms, world->model.delay_ms);
    }
    assert_memory_equal(deployed, world->model.deployed, sizeof deployed);
    assert_memory_equal(cancelled, world->model.cancelled, sizeof cancelled);
    assert_int_equal(recovered, world->model.recovered);
    assert_int_equal(decided, world->model.decided);
}

static void compare_history(const struct world *world) {
    assert_int_equal(fo_job_history_count(world->job), world->model.root_count);
    for (uint32_t i = 0; i < world->model.root_count; i++) {
        struct fo_history_entry root = fo_job_history(world->job, i);
        assert_int_equal(root.failure_id, world->model.roots[i].failure_id);
        assert_int_equal(root.task, world->model.roots[i].task);
        assert_int_equal(root.concurrent_count, world->model.roots[i].concurrent);
    }
}

static void compare(struct world *world) {
    assert_string_equal(fo_job_state_name(fo_job_state(world->job)),
                        fo_job_state_name(world->model.state));
    for (uint32_t task = 0; task < world->model.task_count; task++) {
        assert_string_equal(fo_task_state_name(fo_job_task_state(world->job, task)),
                            fo_task_state_name(world->model.tasks[task].state));
        assert_int_equal(fo_job_task_attempt(world->job, task), world->model.tasks[task].attempt);
    }
    assert_int_equal(fo_job_restarts(world->job), world->model.restarts);
    compare_history(world);
    compare_actions(world);
}

static void compare_regions(const struct world *world) {
    for (uint32_t a = 0; a < world->model.task_count; a++) {
        for (uint32_t b = 0; b < a; b++)
            assert_int_equal(fo_graph_task_region(world->graph, a) ==
                                 fo_graph_task_region(world->graph, b),
                             world->model.region[a] == world->model.region[b]);
    }
}

/* The budget must say beforehand whether a failure would be answered by a restart. */
static void check_budget(const struct world *world, int64_t now_ms, bool *ret_restarts) {
    *ret_restarts = fo_job_budget(world->job, now_ms).next_backoff_ms >= 0;
}

/* ---- the run ------------------------------------------------------------------------------ */

static void step(struct world *world, const struct fo_event *event) {
    bool is_failure = fo_job_is_failure(world->job, event);
    bool restarts = false;

    check_budget(world, world->now_ms, &restarts);
    int rc = fo_job_step(world->job, event, world->now_ms, next_random(world), &world->actions);
    assert_int_equal(rc, mo_step(&world->model, event, world->now_ms));
    compare(world);
    if (event->kind != FO_EVENT_RESTART)
        assert_int_equal(is_failure, world->model.decided);
    if (is_failure && !event->cause.non_recoverable)
        assert_int_equal(restarts, world->model.restart);
    world->actions.count = 0;
}

static void run(uint64_t seed) {
    static struct world world;
    struct fo_event start = {.kind = FO_EVENT_START, .cause.lost.producer = FO_NO_TASK};

    memset(&world, 0, sizeof world);
    world.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    make_spec(&world);
    make_config(&world);
    if (fo_graph_new(&world.spec, NULL, &world.graph, NULL) != 0)
        return; /* the turn has made a cycle */
    assert_int_equal(fo_job_new(&world.config, world.graph, NULL, 0, &world.job, NULL), 0);
    mo_init(&world.model, &world.spec, &world.config);
    compare_regions(&world);
    if (below(&world, 10))
        step(&world, &start);
    for (uint64_t i = 0; i < STEPS; i++) {
        struct fo_event event = make_event(&world, i + 1);
        world.now_ms += below(&world, 3) ? 0 : below(&world, 12);
        step(&world, &event);
    }
    fo_actions_done(&world.actions, NULL);
    world.job = fo_job_free(world.job);
    (void)fo_graph_unref(world.graph);
}

static uint64_t current_seed;

static void print_seed(void) {
    if (current_seed != 0)
        (void)fprintf(stderr, "the run with FO_SEED=%llu failed\n",
                      (unsigned long long)current_seed);
}

static void test_core_agrees_with_model(void **state) {
    const char *only = getenv("FO_SEED"); /* NOLINT(concurrency-mt-unsafe) one thread */

    (void)state;
    (void)atexit(print_seed);
    current_seed = only ? strtoull(only, NULL, 10) : 1;
    for (int i = 0; i < (only ? 1 : RUNS); i++, current_seed++)
        run(current_seed);
    current_seed = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_core_agrees_with_model)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
