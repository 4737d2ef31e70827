/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs and events from bytes. Whatever comes, the core must refuse or obey, keep its counts, and
 * never end a job whose tasks still live. */
#include <stdint.h>
#include <stdlib.h>

#include "failover/failover.h"

enum { VERTICES = 8, EDGES = 16, PARALLELISM = 9, TASKS = VERTICES * PARALLELISM };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
    const uint8_t *next;
    size_t left;
};

/* 0 when there are no more. */
static uint32_t take(struct bytes *bytes, uint32_t limit) {
    if (bytes->left == 0)
        return 0;
    bytes->left--;
    return *bytes->next++ % limit;
}

static void require(bool holds) {
    if (!holds)
        abort();
}

static struct fo_graph *make_graph(struct bytes *bytes) {
    struct fo_vertex_spec vertices[VERTICES];
    struct fo_edge_spec edges[EDGES];
    char ids[VERTICES];
    struct fo_graph_spec spec = {vertices, take(bytes, VERTICES + 1), edges,
                                 take(bytes, EDGES + 1)};
    struct fo_graph *graph = NULL;
    struct fo_error error;

    for (uint32_t i = 0; i < spec.vertex_count; i++) {
        ids[i] = (char)('a' + take(bytes, 3 * VERTICES));
        vertices[i] = (struct fo_vertex_spec){{&ids[i], 1}, take(bytes, PARALLELISM + 1)};
    }
    for (uint32_t i = 0; i < spec.edge_count; i++)
        edges[i] =
            (struct fo_edge_spec){take(bytes, VERTICES + 1), take(bytes, VERTICES + 1),
                                  (enum fo_exchange)take(bytes, FO_HYBRID_SELECTIVE + 2),
                                  (enum fo_pattern)take(bytes, FO_POINTWISE + 2), take(bytes, 3)};
    return fo_graph_new(&spec, NULL, &graph, &error) == 0 ? graph : NULL;
}

static struct fo_job *make_job(struct bytes *bytes, struct fo_graph *graph) {
    struct fo_job_config config = {.failover_strategy = (enum fo_failover_kind)take(bytes, 3),
                                   .history_size = take(bytes, 4)};
    struct fo_strategy_config *strategy = &config.restart_strategy;
    struct fo_job *job = NULL;
    struct fo_error error;

    strategy->kind = (enum fo_strategy_kind)take(bytes, 5);
    if (strategy->kind == FO_STRATEGY_FIXED_DELAY) {
        strategy->fixed_delay.attempts = (int32_t)take(bytes, 256) - 1;
        strategy->fixed_delay.delay_ms = take(bytes, 64);
    } else if (strategy->kind == FO_STRATEGY_FAILURE_RATE) {
        strategy->failure_rate.max_failures_per_interval = (int32_t)take(bytes, 32);
        strategy->failure_rate.interval_ms = take(bytes, 64);
        strategy->failure_rate.delay_ms = take(bytes, 64);
    } else if (strategy->kind == FO_STRATEGY_EXPONENTIAL_DELAY) {
        strategy->exponential_delay.initial_backoff_ms = take(bytes, 16);
        strategy->exponential_delay.max_backoff_ms = take(bytes, 128);
        strategy->exponential_delay.backoff_multiplier = take(bytes, 40) / 10.0;
        strategy->exponential_delay.reset_backoff_threshold_ms = take(bytes, 128);
        strategy->exponential_delay.jitter_factor = take(bytes, 110) / 100.0;
        strategy->exponential_delay.attempts_before_reset_backoff = (int32_t)take(bytes, 32);
    }
    return fo_job_new(&config, graph, NULL, 0, &job, &error) == 0 ? job : NULL;
}

static struct fo_event make_event(struct bytes *bytes, const struct fo_job *job) {
    struct fo_event event = {.kind = FO_EVENT_TASK_STATE};
    uint32_t kind = take(bytes, 32);

    if (kind <= FO_EVENT_RESUME + 1)
        event.kind = (enum fo_event_kind)kind;
    event.task = take(bytes, TASKS);
    if (event.task < fo_graph_task_count(fo_job_graph(job)))
        event.attempt = fo_job_task_attempt(job, event.task) + (take(bytes, 16) == 1);
    else if (take(bytes, 2))
        event.task = FO_NO_TASK;
    event.state = (enum fo_task_state)take(bytes, FO_TASK_STATE_COUNT + 1);
    event.cause.non_recoverable = take(bytes, 64) == 1;
    event.cause.lost = (struct fo_partition){take(bytes, TASKS), take(bytes, EDGES + 1)};
    event.partition = event.cause.lost;
    return event;
}

static void check_counts(const struct fo_job *job) {
    uint32_t tasks = fo_graph_task_count(fo_job_graph(job));
    uint32_t counts[FO_TASK_STATE_COUNT] = {0};
    uint32_t ended = 0;

    for (uint32_t task = 0; task < tasks; task++) {
        counts[fo_job_task_state(job, task)]++;
        ended += fo_task_state_is_terminal(fo_job_task_state(job, task));
    }
    for (unsigned state = 0; state < FO_TASK_STATE_COUNT; state++)
        require(counts[state] == fo_job_task_count(job, (enum fo_task_state)state));
    require(!fo_job_state_is_terminal(fo_job_state(job)) || ended == tasks);
    require(fo_job_budget(job, 0).remaining >= 0);
}

static void play(struct bytes *bytes, struct fo_job *job) {
    struct fo_actions actions = {0};
    int64_t now_ms = 0;

    while (bytes->left > 0) {
        struct fo_event event = make_event(bytes, job);
        now_ms += take(bytes, 32);
        uint64_t random = (uint64_t)take(bytes, 256) << 56;
        size_t before = actions.count;
        if (fo_job_step(job, &event, now_ms, random, &actions) != 0)
            require(actions.count == before);
        check_counts(job);
        actions.count = 0;
    }
    fo_actions_done(&actions, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes bytes = {data, size};
    struct fo_graph *graph = make_graph(&bytes);
    struct fo_job *job = graph ? make_job(&bytes, graph) : NULL;

    if (job)
        play(&bytes, job);
    (void)fo_job_free(job);
    (void)fo_graph_unref(graph);
    return 0;
}
