/* SPDX-License-Identifier: Apache-2.0 */
/* Making a job, and the frame of a step: check, reserve, change. */
#include "failover/job.h"

#include <errno.h>

#include "failover/memory.h"
#include "failover/text.h"

/* ---- life --------------------------------------------------------------------------------- */

static int allocate(struct fo_job *job) {
    const struct fo_allocator *allocator = &job->allocator;
    size_t tasks = job->graph->task_count;

    job->states = fo_array_new(allocator, tasks, sizeof *job->states);
    job->attempts = fo_array_new(allocator, tasks, sizeof *job->attempts);
    job->versions = fo_array_new(allocator, tasks, sizeof *job->versions);
    job->notes = fo_array_new(allocator, tasks, sizeof *job->notes);
    job->vertex_counts =
        fo_array_new(allocator, (size_t)job->graph->vertex_count * FO_TASK_STATE_COUNT,
                     sizeof *job->vertex_counts);
    if (!job->states || !job->attempts || !job->versions || !job->notes || !job->vertex_counts)
        return -ENOMEM;
    return 0;
}

static void count_created(struct fo_job *job) {
    job->counts[FO_TASK_CREATED] = job->graph->task_count;
    for (uint32_t vertex = 0; vertex < job->graph->vertex_count; vertex++)
        job->vertex_counts[(size_t)vertex * FO_TASK_STATE_COUNT + FO_TASK_CREATED] =
            job->graph->vertices[vertex].parallelism;
}

static int init(struct fo_job *job, const struct fo_job_config *config) {
    fo_strategy_init(&job->strategy, &config->restart_strategy, &job->allocator);
    fo_restarts_init(&job->restarts, &job->allocator);
    fo_history_init(&job->history, config->history_size, &job->allocator);
    job->failover_kind = config->failover_strategy;
    job->has_hooks = config->hooks != NULL;
    if (config->hooks)
        job->hooks = *config->hooks;
    int rc =
        fo_policies_init(&job->policies, config->policies, config->policy_count, &job->allocator);
    if (rc == 0)
        rc = allocate(job);
    if (rc == 0)
        rc = fo_lost_init(&job->lost, job->graph, &job->allocator);
    if (rc == 0)
        rc = fo_walk_init(&job->walk, job->graph, &job->lost, &job->allocator);
    if (rc == 0)
        rc = fo_gates_init(&job->gates, job->graph, &job->allocator);
    if (rc == 0)
        count_created(job);
    return rc;
}

int fo_job_new(const struct fo_job_config *config, struct fo_graph *graph,
               const struct fo_allocator *allocator, int64_t now_ms, struct fo_job **ret_job,
               struct fo_error *reterr) {
    struct fo_allocator kept = fo_allocator_or_default(allocator);
    int rc = fo_strategy_check(&config->restart_strategy, reterr);

    if (rc == 0 && config->failover_strategy > FO_FAILOVER_FULL)
        rc = fo_strategy_refuse(reterr, "the failover strategy", "region or full");
    if (rc == 0)
        rc = fo_policies_check(config->policies, config->policy_count, reterr);
    if (rc != 0)
        return rc;
    struct fo_job *job = fo_array_new(&kept, 1, sizeof *job);
    if (job) {
        job->allocator = kept;
        job->graph = fo_graph_ref(graph);
        job->now_ms = now_ms;
        job->state = FO_JOB_CREATED;
        job->since_ms[FO_JOB_INITIALIZING] = now_ms;
        job->since_ms[FO_JOB_CREATED] = now_ms;
        rc = init(job, config);
    }
    if (!job || rc != 0) {
        (void)fo_job_free(job);
        return fo_error_set(reterr, -ENOMEM, "not enough memory for the job",
                            (struct fo_str){NULL, 0}, "");
    }
    *ret_job = job;
    return 0;
}

struct fo_job *fo_job_free(struct fo_job *job) {
    if (!job)
        return NULL;
    struct fo_allocator allocator = job->allocator;
    fo_memory_free(&allocator, job->targets);
    fo_memory_free(&allocator, job->failures);
    fo_history_done(&job->history);
    fo_restarts_done(&job->restarts);
    fo_gates_done(&job->gates);
    fo_walk_done(&job->walk);
    fo_lost_done(&job->lost);
    fo_policies_done(&job->policies);
    fo_strategy_done(&job->strategy);
    fo_memory_free(&allocator, job->vertex_counts);
    fo_memory_free(&allocator, job->notes);
    fo_memory_free(&allocator, job->versions);
    fo_memory_free(&allocator, job->attempts);
    fo_memory_free(&allocator, job->states);
    (void)fo_graph_unref(job->graph);
    fo_memory_free(&allocator, job);
    return NULL;
}

/* ---- checking ----------------------------------------------------------------------------- */

static const uint8_t inputs[] = {
    [FO_EVENT_START] = FO_IN_START,
    [FO_EVENT_TASK_STATE] = FO_IN_REPORT,
    [FO_EVENT_GLOBAL_FAILURE] = FO_IN_FAILURE,
    [FO_EVENT_PARTITION_LOST] = FO_IN_LOST,
    [FO_EVENT_TIME] = FO_IN_TIME,
    [FO_EVENT_CANCEL] = FO_IN_CANCEL,
    [FO_EVENT_SUSPEND] = FO_IN_SUSPEND,
    [FO_EVENT_RESTART] = FO_IN_RESTART,
    [FO_EVENT_PAUSE] = FO_IN_HOLD,
    [FO_EVENT_RESUME] = FO_IN_HOLD,
};

static int check_report(const struct fo_job *job, const struct fo_event *event) {
    if (event->task >= job->graph->task_count)
        return -ENOENT;
    if (event->attempt != job->attempts[event->task])
        return -ESTALE;
    if ((unsigned)event->state >= FO_TASK_STATE_COUNT)
        return -EINVAL;
    enum fo_task_state state = (enum fo_task_state)job->states[event->task];
    uint8_t verdict = fo_task_cell(state, event->state).verdict;
    if (verdict == FO_CELL_STALE)
        return -ESTALE;
    return verdict == FO_CELL_NEVER ? -EINVAL : 0;
}

int fo_job_check(const struct fo_job *job, const struct fo_event *event) {
    if ((unsigned)event->kind > FO_EVENT_RESUME || (job->is_mirror && event->kind != FO_EVENT_TIME))
        return -EINVAL;
    uint8_t verdict = fo_job_cell(job->state, (enum fo_job_input)inputs[event->kind]).verdict;
    if (verdict == FO_JOB_CELL_ENDED || verdict == FO_JOB_CELL_NEVER)
        return verdict == FO_JOB_CELL_ENDED ? -EALREADY : -EINVAL;
    if (event->kind == FO_EVENT_TASK_STATE)
        return check_report(job, event);
    if (event->kind == FO_EVENT_RESTART && event->task != FO_NO_TASK &&
        event->task >= job->graph->task_count)
        return -ENOENT;
    if (event->kind == FO_EVENT_PARTITION_LOST &&
        !fo_partition_is_valid(job->graph, event->partition))
        return -ENOENT;
    return 0;
}

/* ---- reserving ---------------------------------------------------------------------------- */

static int reserve_report(struct fo_step *step) {
    const struct fo_event *event = step->event;
    enum fo_task_state state = (enum fo_task_state)step->job->states[event->task];
    uint8_t verdict = fo_task_cell(state, event->state).verdict;

    if (verdict == FO_CELL_FAIL || verdict == FO_CELL_FAIL_ALL)
        return fo_failure_reserve(step, verdict == FO_CELL_FAIL ? event->task : FO_NO_TASK, false);
    return 0;
}

static int reserve_event(struct fo_step *step) {
    struct fo_job *job = step->job;
    const struct fo_event *event = step->event;

    switch (event->kind) {
    case FO_EVENT_TASK_STATE:
        return reserve_report(step);
    case FO_EVENT_GLOBAL_FAILURE:
        return fo_failure_reserve(step, FO_NO_TASK, false);
    case FO_EVENT_RESTART:
        return fo_failure_reserve(step, event->task, true);
    case FO_EVENT_PARTITION_LOST:
        return fo_lost_reserve(&job->lost, event->partition);
    case FO_EVENT_CANCEL:
    case FO_EVENT_SUSPEND:
        return fo_actions_promise(step, 2 * (uint64_t)job->graph->task_count);
    case FO_EVENT_START:
    case FO_EVENT_TIME:
    case FO_EVENT_PAUSE:
    case FO_EVENT_RESUME:
        return 0;
    }
    return 0;
}

static int reserve(struct fo_step *step) {
    enum { ACTIONS_OF_JOB = 8 }; /* its states, and one report */
    struct fo_job *job = step->job;
    uint64_t due = fo_restarts_actions(job, step->now_ms);
    int rc = fo_actions_promise(step, due + ACTIONS_OF_JOB);

    if (rc == 0 && job->state == FO_JOB_FAILING) /* its end is an entry of the history */
        rc = fo_history_reserve(&job->history, job->failure_count);
    return rc == 0 ? reserve_event(step) : rc;
}

/* ---- changing ----------------------------------------------------------------------------- */

static void apply_report(struct fo_step *step) {
    struct fo_job *job = step->job;
    const struct fo_event *event = step->event;
    enum fo_task_state state = (enum fo_task_state)job->states[event->task];
    struct fo_task_cell cell = fo_task_cell(state, event->state);

    switch ((enum fo_task_verdict)cell.verdict) {
    case FO_CELL_GO:
    case FO_CELL_GO_VIA:
        fo_step_task(step, event->task, cell);
        break;
    case FO_CELL_FAIL:
        fo_step_task(step, event->task, cell);
        fo_failures_add(job, event->task, event->cause.failure_id);
        fo_step_failure(step, event->task);
        break;
    case FO_CELL_FAIL_ALL:
        fo_step_failure(step, FO_NO_TASK);
        break;
    case FO_CELL_MISSING:
    case FO_CELL_IGNORE:
    case FO_CELL_STALE:
    case FO_CELL_NEVER:
        break;
    }
}

/* A partition that was never made cannot be lost; its producer makes it when it runs. */
static void lose_partition(struct fo_job *job, struct fo_partition partition) {
    if (job->states[partition.producer] != FO_TASK_CREATED)
        fo_lost_add(&job->lost, partition);
}

/* What has not been started stays as it is, to be started when the job is taken up again. */
static void suspend(struct fo_step *step) {
    const struct fo_job *job = step->job;

    if (!fo_step_job(step, FO_IN_SUSPEND))
        return;
    for (uint32_t task = 0; task < job->graph->task_count; task++) {
        if (job->states[task] != FO_TASK_CREATED)
            fo_step_cancel(step, task);
    }
}

static void cancel(struct fo_step *step) {
    if (!fo_step_job(step, FO_IN_CANCEL))
        return;
    fo_restarts_forget_all(&step->job->restarts);
    fo_step_cancel_all(step);
}

static void apply(struct fo_step *step) {
    struct fo_job *job = step->job;
    const struct fo_event *event = step->event;

    switch (event->kind) {
    case FO_EVENT_START:
        (void)fo_step_job(step, FO_IN_START);
        fo_gates_enqueue_all(&job->gates);
        break;
    case FO_EVENT_TASK_STATE:
        apply_report(step);
        break;
    case FO_EVENT_GLOBAL_FAILURE:
        fo_step_failure(step, FO_NO_TASK);
        break;
    case FO_EVENT_PARTITION_LOST:
        lose_partition(job, event->partition);
        break;
    case FO_EVENT_CANCEL:
        cancel(step);
        break;
    case FO_EVENT_SUSPEND:
        suspend(step);
        break;
    case FO_EVENT_RESTART:
        fo_step_restart(step, event->task);
        break;
    case FO_EVENT_PAUSE:
    case FO_EVENT_RESUME:
        job->is_paused = event->kind == FO_EVENT_PAUSE;
        break;
    case FO_EVENT_TIME:
        break;
    }
}

int fo_job_step(struct fo_job *job, const struct fo_event *event, int64_t now_ms, uint64_t random,
                struct fo_actions *out) {
    struct fo_step step = {.job = job,
                           .event = event,
                           .now_ms = now_ms > job->now_ms ? now_ms : job->now_ms,
                           .random = random,
                           .policy = -1,
                           .out = out,
                           .first_action = out->count};
    int rc = fo_job_check(job, event);

    if (rc == 0)
        rc = reserve(&step);
    if (rc != 0)
        return rc;
    job->now_ms = step.now_ms;
    job->is_restored = false;
    if (job->is_mirror)
        return 0; /* time passes; what happens is told by its master */
    fo_step_restarts(&step);
    fo_step_deploy(&step);
    apply(&step);
    fo_step_settle(&step);
    return 0;
}
