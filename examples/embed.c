/* SPDX-License-Identifier: Apache-2.0 */
/* embed.c - a scheduler of one's own around libfailover: the core says what to do, this program
 * does it. Here tasks are make-believe and time is a number, so that it runs in no time.
 *
 *     cc embed.c $(pkg-config --cflags --libs failover) && ./a.out */
#include <stdio.h>

#include "failover/failover.h"

struct scheduler {
    struct fo_job *job;
    struct fo_actions actions;
    int64_t now_ms;
    uint32_t queue[16]; /* tasks deployed and not yet reported RUNNING */
    uint32_t queued;
};

/* Carries out what the core wants. A real scheduler would start and stop processes here. */
static void carry_out(struct scheduler *scheduler) {
    for (size_t i = 0; i < scheduler->actions.count; i++) {
        const struct fo_action *action = &scheduler->actions.items[i];
        if (action->kind == FO_ACTION_DEPLOY) {
            (void)printf("%5lld ms  start task %u, attempt %u\n", (long long)scheduler->now_ms,
                         action->task, action->attempt);
            scheduler->queue[scheduler->queued++] = action->task;
        } else if (action->kind == FO_ACTION_DECISION && action->decision.restart) {
            (void)printf("%5lld ms  restart %u tasks in %lld ms\n", (long long)scheduler->now_ms,
                         action->decision.restart_count, (long long)action->decision.delay_ms);
        } else if (action->kind == FO_ACTION_RECOVERED) {
            (void)printf("%5lld ms  recovered\n", (long long)scheduler->now_ms);
        } else if (action->kind == FO_ACTION_JOB_STATE) {
            (void)printf("%5lld ms  job is %s\n", (long long)scheduler->now_ms,
                         fo_job_state_name(action->job_to));
        }
    }
    scheduler->actions.count = 0;
}

static void step(struct scheduler *scheduler, struct fo_event event) {
    event.cause.lost.producer = FO_NO_TASK;
    int rc = fo_job_step(scheduler->job, &event, scheduler->now_ms, 0, &scheduler->actions);
    if (rc != 0)
        (void)fprintf(stderr, "refused: %d\n", -rc);
    carry_out(scheduler);
}

static void report(struct scheduler *scheduler, uint32_t task, enum fo_task_state state) {
    step(scheduler, (struct fo_event){.kind = FO_EVENT_TASK_STATE,
                                      .task = task,
                                      .attempt = fo_job_task_attempt(scheduler->job, task),
                                      .state = state});
}

static void run_started(struct scheduler *scheduler) {
    uint32_t count = scheduler->queued;

    scheduler->queued = 0;
    for (uint32_t i = 0; i < count; i++)
        report(scheduler, scheduler->queue[i], FO_TASK_RUNNING);
}

int main(void) {
    /* Two tasks that read, piped into two that count: two regions. */
    const struct fo_vertex_spec vertices[] = {{fo_str_of("read"), 2}, {fo_str_of("count"), 2}};
    const struct fo_edge_spec pipe = {0, 1, FO_PIPELINED, FO_POINTWISE, 0};
    const struct fo_graph_spec spec = {vertices, 2, &pipe, 1};
    const struct fo_job_config config = {
        .restart_strategy = {.kind = FO_STRATEGY_FIXED_DELAY, .fixed_delay = {3, 1000}},
        .history_size = 16};
    struct scheduler scheduler = {.now_ms = 0};
    struct fo_graph *graph = NULL;
    struct fo_error error;

    if (fo_graph_new(&spec, NULL, &graph, &error) != 0 ||
        fo_job_new(&config, graph, NULL, 0, &scheduler.job, &error) != 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        graph = fo_graph_unref(graph);
        return 1;
    }
    graph = fo_graph_unref(graph); /* the job keeps its own reference */
    step(&scheduler, (struct fo_event){.kind = FO_EVENT_START});
    run_started(&scheduler);
    report(&scheduler, 0, FO_TASK_FAILED);   /* takes its region down: tasks 0 and 2 */
    report(&scheduler, 2, FO_TASK_CANCELED); /* which we stopped, as we were told */
    scheduler.now_ms = fo_next_deadline(scheduler.job);
    step(&scheduler, (struct fo_event){.kind = FO_EVENT_TIME});
    run_started(&scheduler);
    for (uint32_t task = 0; task < 4; task++)
        report(&scheduler, task, FO_TASK_FINISHED);
    bool finished = fo_job_state(scheduler.job) == FO_JOB_FINISHED;
    fo_actions_done(&scheduler.actions, NULL);
    scheduler.job = fo_job_free(scheduler.job);
    return finished ? 0 : 1;
}
