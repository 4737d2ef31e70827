/* SPDX-License-Identifier: Apache-2.0 */
/* The model: what follows from a failure, and when. */
#include "tests/unit/failover/model_parts.h"

/* ---- strategies --------------------------------------------------------------------------- */

static int64_t exponential_wait(const struct fo_strategy_config *config, int32_t attempt) {
    double wait = (double)config->exponential_delay.initial_backoff_ms;

    for (int32_t i = 0; i < attempt && wait < 1e15; i++)
        wait *= config->exponential_delay.backoff_multiplier;
    if (wait > (double)config->exponential_delay.max_backoff_ms)
        return config->exponential_delay.max_backoff_ms;
    return (int64_t)wait;
}

static bool notify(struct mo_job *job) {
    const struct fo_strategy_config *config = &job->config->restart_strategy;

    job->failure_ms[job->failure_count++] = job->now_ms;
    if (config->kind != FO_STRATEGY_EXPONENTIAL_DELAY)
        return true;
    if (job->notified && job->now_ms <= job->next_restart_ms)
        return false;
    if (!job->notified ||
        job->now_ms - job->next_restart_ms >= config->exponential_delay.reset_backoff_threshold_ms)
        job->attempt = 0;
    job->next_restart_ms = job->now_ms + exponential_wait(config, job->attempt);
    job->notified = true;
    job->attempt++;
    return true;
}

static bool can_restart(const struct mo_job *job) {
    const struct fo_strategy_config *config = &job->config->restart_strategy;
    int64_t limit = config->failure_rate.max_failures_per_interval;

    switch (config->kind) {
    case FO_STRATEGY_NONE:
        return false;
    case FO_STRATEGY_FIXED_DELAY:
        return job->failure_count <= (uint32_t)config->fixed_delay.attempts;
    case FO_STRATEGY_FAILURE_RATE:
        return job->failure_count <= limit ||
               job->now_ms - job->failure_ms[job->failure_count - 1 - limit] >
                   config->failure_rate.interval_ms;
    case FO_STRATEGY_EXPONENTIAL_DELAY:
        return job->attempt <= config->exponential_delay.attempts_before_reset_backoff;
    }
    return false;
}

static int64_t backoff(const struct mo_job *job) {
    const struct fo_strategy_config *config = &job->config->restart_strategy;

    switch (config->kind) {
    case FO_STRATEGY_NONE:
        return 0;
    case FO_STRATEGY_FIXED_DELAY:
        return config->fixed_delay.delay_ms;
    case FO_STRATEGY_FAILURE_RATE:
        return config->failure_rate.delay_ms;
    case FO_STRATEGY_EXPONENTIAL_DELAY:
        return job->next_restart_ms > job->now_ms ? job->next_restart_ms - job->now_ms : 0;
    }
    return 0;
}

/* ---- history ------------------------------------------------------------------------------ */

void mo_add_root(struct mo_job *job, uint64_t failure_id, uint32_t task) {
    uint32_t bound = job->config->history_size;

    if (bound == 0)
        return;
    if (job->root_count == bound) {
        memmove(job->roots, job->roots + 1, (bound - 1) * sizeof *job->roots);
        job->root_count--;
    }
    job->roots[job->root_count++] = (struct mo_root){failure_id, task, 0};
}

void mo_add_concurrent(struct mo_job *job, const bool *targets, uint32_t except) {
    for (uint32_t task = 0; task < job->task_count; task++) {
        if (job->root_count > 0 && targets[task] && job->tasks[task].has_failure && task != except)
            job->roots[job->root_count - 1].concurrent++;
    }
}

/* ---- decisions ---------------------------------------------------------------------------- */

void mo_open_incident(struct mo_job *job) {
    if (job->incident)
        return;
    job->incident = true;
    for (uint32_t task = 0; task < job->task_count; task++)
        job->tasks[task].restarted_in_incident = false;
}

void mo_restart(struct mo_job *job, const bool *targets, int64_t delay_ms) {
    struct mo_decision *decision = &job->decisions[job->decision_count];
    bool any = false;

    for (uint32_t task = 0; task < job->task_count; task++)
        any |= targets[task];
    if (!any)
        return;
    job->decision_count++;
    decision->due_ms = job->now_ms + delay_ms;
    for (uint32_t task = 0; task < job->task_count; task++) {
        if (!targets[task])
            continue;
        decision->target[task] = true;
        decision->version[task] = ++job->tasks[task].version;
        decision->attempt[task] = job->tasks[task].attempt;
        job->tasks[task].restarted_in_incident = true;
    }
    if (job->state == FO_JOB_RUNNING)
        job->state = FO_JOB_RESTARTING;
    for (uint32_t task = 0; task < job->task_count; task++) {
        if (!targets[task])
            continue;
        mo_cancel_task(job, task);
        decision->awaits[task] = !mo_has_ended(job, task);
    }
}

static void fail_job(struct mo_job *job, uint64_t failure_id) {
    mo_raise_all_versions(job);
    job->end_failure_id = failure_id;
    job->state = FO_JOB_FAILING;
    for (uint32_t task = 0; task < job->task_count; task++)
        mo_cancel_task(job, task);
}

void mo_handle_failure(struct mo_job *job, const struct fo_cause *cause, uint32_t task) {
    bool targets[MO_TASKS] = {false};

    if (job->state != FO_JOB_RUNNING && job->state != FO_JOB_RESTARTING)
        return;
    if (task != FO_NO_TASK && job->config->failover_strategy == FO_FAILOVER_REGION)
        mo_graph_restarted(job, task, cause->lost, targets);
    else
        memset(targets, true, job->task_count);
    mo_open_incident(job);
    job->decided++;
    job->restart = false;
    if (cause->non_recoverable) {
        job->exhausted = FO_EXHAUSTED_NON_RECOVERABLE;
        fail_job(job, cause->failure_id);
        return;
    }
    bool is_new = notify(job);
    if (!can_restart(job)) {
        job->exhausted = FO_EXHAUSTED_BUDGET;
        fail_job(job, cause->failure_id);
        return;
    }
    job->restart = true;
    job->exhausted = FO_EXHAUSTED_NOT;
    job->delay_ms = backoff(job);
    job->restarts += is_new;
    mo_restart(job, targets, job->delay_ms);
    if (is_new)
        mo_add_root(job, cause->failure_id, task);
    else if (task != FO_NO_TASK && job->root_count > 0)
        job->roots[job->root_count - 1].concurrent++;
    mo_add_concurrent(job, targets, task);
}

static bool all_awaited_ended(const struct mo_job *job, const struct mo_decision *decision) {
    for (uint32_t task = 0; task < job->task_count; task++) {
        if (decision->awaits[task] && job->tasks[task].attempt == decision->attempt[task] &&
            !mo_has_ended(job, task))
            return false;
    }
    return true;
}

static void forget_lost(struct mo_job *job, uint32_t task) {
    for (uint32_t e = 0; e < MO_EDGES; e++)
        job->lost[task][e] = false;
}

static void fire(struct mo_job *job, struct mo_decision *decision) {
    bool again[MO_TASKS] = {false};
    bool any = false;

    for (uint32_t task = 0; task < job->task_count; task++) {
        again[task] = decision->target[task] && decision->version[task] == job->tasks[task].version;
        any |= again[task];
    }
    decision->fired = true;
    if (!any)
        return;
    if (job->state == FO_JOB_RESTARTING && !mo_anyone_waits(job))
        job->state = FO_JOB_RUNNING;
    for (uint32_t task = 0; task < job->task_count; task++) {
        if (!again[task])
            continue;
        forget_lost(job, task);
        job->tasks[task].attempt++;
        job->tasks[task].state = FO_TASK_CREATED;
        job->tasks[task].has_failure = false;
    }
}

void mo_fire_due(struct mo_job *job) {
    if (job->state != FO_JOB_RESTARTING || job->paused)
        return;
    for (uint32_t d = 0; d < job->decision_count; d++) {
        struct mo_decision *decision = &job->decisions[d];
        if (!decision->fired && decision->due_ms <= job->now_ms && all_awaited_ended(job, decision))
            fire(job, decision);
    }
}
