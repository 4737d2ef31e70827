/* SPDX-License-Identifier: Apache-2.0 */
/* Saved jobs from bytes: refused, or a job that works: it takes up its work, can be cancelled, and
 * ends when its tasks have; and what is saved of it is read again. */
#include <stdint.h>
#include <stdlib.h>

#include "failover/failover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fo_vertex_spec vertices[] = {{{"a", 1}, 3}, {{"b", 1}, 3}, {{"c", 1}, 2}};
static const struct fo_edge_spec edges[] = {{0, 1, FO_PIPELINED, FO_POINTWISE, 0},
                                            {1, 2, FO_BLOCKING, FO_ALL_TO_ALL, 0},
                                            {0, 2, FO_HYBRID_FULL, FO_POINTWISE, 0}};
static const struct fo_graph_spec spec = {vertices, 3, edges, 3};
static const struct fo_policy policy = {
    .action = FO_POLICY_STRATEGY,
    .strategy = {.kind = FO_STRATEGY_EXPONENTIAL_DELAY, .exponential_delay = {1, 9, 2, 9, 0.5, 9}}};
static const struct fo_job_config config = {
    .restart_strategy = {.kind = FO_STRATEGY_FAILURE_RATE, .failure_rate = {9, 99, 9}},
    .policies = &policy,
    .policy_count = 1,
    .history_size = 2};

struct copy {
    uint8_t bytes[65536];
    size_t len;
};

static void require(bool holds) {
    if (!holds)
        abort();
}

static int keep(void *ctx, const void *bytes, size_t size) {
    struct copy *copy = ctx;

    if (size > sizeof copy->bytes - copy->len)
        return -1;
    memcpy(copy->bytes + copy->len, bytes, size);
    copy->len += size;
    return 0;
}

static struct fo_job *restore(struct fo_graph *graph, bool runs_on, const void *bytes,
                              size_t size) {
    struct fo_str saved = {bytes, size};
    struct fo_job *job = NULL;
    int rc = runs_on ? fo_job_restore_running(&config, graph, NULL, 50, saved, &job)
                     : fo_job_restore(&config, graph, NULL, 50, saved, &job);

    require((rc == 0) == (job != NULL));
    return job;
}

static void step(struct fo_job *job, struct fo_event event, struct fo_actions *actions) {
    event.cause.lost.producer = FO_NO_TASK;
    (void)!fo_job_step(job, &event, 60, 0, actions);
    actions->count = 0;
}

/* A job that somebody else decides about heeds nobody here; it ends when it is told so. */
static void end_mirror(struct fo_job *job, struct fo_actions *actions) {
    const struct fo_mirror_failure failure = {.task = 0, .at_ms = 60};
    const struct fo_mirror ended = {.state = FO_JOB_CANCELED};

    require(fo_job_mirror_failure(job, &failure, 60, 0, actions) == 0);
    require(fo_job_mirror(job, &ended, 60, actions) == 0);
}

static void work_and_end(struct fo_job *job) {
    static const enum fo_event_kind kinds[] = {FO_EVENT_START, FO_EVENT_TIME, FO_EVENT_RESTART,
                                               FO_EVENT_GLOBAL_FAILURE, FO_EVENT_CANCEL};
    struct fo_actions actions = {0};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        step(job, (struct fo_event){.kind = kinds[i], .task = FO_NO_TASK}, &actions);
    for (uint32_t task = 0; task < fo_graph_task_count(fo_job_graph(job)); task++)
        step(job,
             (struct fo_event){.kind = FO_EVENT_TASK_STATE,
                               .task = task,
                               .attempt = fo_job_task_attempt(job, task),
                               .state = FO_TASK_CANCELED},
             &actions);
    if (!fo_job_state_is_terminal(fo_job_state(job)))
        end_mirror(job, &actions);
    require(fo_job_state_is_terminal(fo_job_state(job)));
    fo_actions_done(&actions, NULL);
}

static void save_and_read(struct fo_graph *graph, const struct fo_job *job) {
    static struct copy copy;

    copy.len = 0;
    if (fo_job_save(job, keep, &copy) != 0)
        return;
    for (int runs_on = 0; runs_on < 2; runs_on++) {
        struct fo_job *again = restore(graph, runs_on, copy.bytes, copy.len);
        require(again != NULL);
        (void)fo_job_free(again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fo_graph *graph = NULL;

    require(fo_graph_new(&spec, NULL, &graph, NULL) == 0);
    for (int runs_on = 0; runs_on < 2; runs_on++) {
        struct fo_job *job = restore(graph, runs_on, data, size);
        if (job) {
            save_and_read(graph, job);
            work_and_end(job);
            save_and_read(graph, job);
        }
        (void)fo_job_free(job);
    }
    (void)fo_graph_unref(graph);
    return 0;
}
