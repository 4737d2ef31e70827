/* SPDX-License-Identifier: Apache-2.0 */
/* What a failure leads to (DefaultScheduler, ExecutionFailureHandler): the tasks it restarts, the
 * verdict of policies and strategy, the restart or the end of the job. */
#include <errno.h>

#include "failover/job.h"
#include "failover/memory.h"

/* ---- targets ------------------------------------------------------------------------------ */

static uint32_t fill_all(const struct fo_job *job, uint32_t *tasks) {
    for (uint32_t task = 0; task < job->graph->task_count; task++)
        tasks[task] = task;
    return job->graph->task_count;
}

static bool takes_all(const struct fo_job *job, uint32_t task) {
    return task == FO_NO_TASK || job->failover_kind == FO_FAILOVER_FULL;
}

static bool asks_hook(const struct fo_job *job, uint32_t task) {
    return task != FO_NO_TASK && job->has_hooks && job->hooks.tasks_to_restart;
}

uint32_t fo_targets_list(struct fo_job *job, uint32_t task, struct fo_partition lost,
                         uint32_t *tasks) {
    if (asks_hook(job, task))
        return job->hooks.tasks_to_restart(job->hooks.ctx, task, tasks);
    if (takes_all(job, task))
        return fill_all(job, tasks);
    (void)fo_walk_regions(&job->walk, task, lost);
    /* A mirror may be told of a failure before it is told that the tasks run. */
    bool has_created = job->counts[FO_TASK_CREATED] > 0 && !job->is_mirror;
    return fo_walk_tasks(&job->walk, has_created ? job->states : NULL, tasks);
}

int fo_targets_reserve(struct fo_job *job, uint32_t task, struct fo_partition lost,
                       uint32_t *ret_count) {
    uint32_t count = job->graph->task_count;

    if (!asks_hook(job, task) && !takes_all(job, task))
        count = fo_walk_regions(&job->walk, task, lost);
    uint32_t *targets =
        fo_array_grow(&job->allocator, job->targets, &job->target_capacity, count, sizeof *targets);
    if (!targets)
        return -ENOMEM;
    job->targets = targets;
    *ret_count = count;
    return 0;
}

static struct fo_task_list targets_of(const struct fo_job *job) {
    return (struct fo_task_list){job->targets, job->target_count};
}

/* ---- failures of current attempts ----------------------------------------------------------- */

void fo_failures_add(struct fo_job *job, uint32_t task, uint64_t failure_id) {
    job->notes[task] = job->failure_count;
    job->failures[job->failure_count++] =
        (struct fo_attempt_failure){failure_id, job->now_ms, task};
}

void fo_failures_remove(struct fo_job *job, uint32_t task) {
    struct fo_attempt_failure last = job->failures[--job->failure_count];

    job->failures[job->notes[task]] = last;
    job->notes[last.task] = job->notes[task];
}

static struct fo_history_entry entry_of(const struct fo_job *job, uint32_t task) {
    const struct fo_attempt_failure *failure = &job->failures[job->notes[task]];

    return (struct fo_history_entry){.failure_id = failure->failure_id,
                                     .at_ms = failure->at_ms,
                                     .task = task,
                                     .attempt = job->attempts[task]};
}

/* Adds the failures of all targets, but `except`, to the newest root of the history. */
static void archive_targets(struct fo_job *job, uint32_t except) {
    if (job->failure_count == 0)
        return;
    for (uint32_t i = 0; i < job->target_count; i++) {
        uint32_t task = job->targets[i];
        if (job->states[task] != FO_TASK_FAILED || task == except)
            continue;
        struct fo_history_entry entry = entry_of(job, task);
        fo_history_add_concurrent(&job->history, &entry);
    }
}

void fo_failures_archive_all(struct fo_job *job) {
    for (uint32_t i = 0; i < job->failure_count; i++) {
        struct fo_history_entry entry = entry_of(job, job->failures[i].task);
        fo_history_add_concurrent(&job->history, &entry);
    }
}

/* A new attempt is a root of its own; a merged failure joins the newest root. */
static void archive(struct fo_job *job, const struct fo_decision *decision, uint32_t task) {
    if (decision->new_attempt) {
        struct fo_history_entry root = {.failure_id = decision->failure_id,
                                        .at_ms = job->now_ms,
                                        .task = task,
                                        .attempt = task == FO_NO_TASK ? 0 : job->attempts[task]};
        fo_history_add_root(&job->history, &root);
    } else if (task != FO_NO_TASK) {
        struct fo_history_entry entry = entry_of(job, task);
        fo_history_add_concurrent(&job->history, &entry);
    }
    archive_targets(job, task);
}

/* ---- the verdict ---------------------------------------------------------------------------- */

static bool notify(struct fo_step *step, struct fo_strategy *strategy) {
    struct fo_job *job = step->job;

    if (strategy == &job->strategy && job->has_hooks && job->hooks.notify_failure)
        return job->hooks.notify_failure(job->hooks.ctx, job->now_ms);
    return fo_strategy_notify_failure(strategy, job->now_ms, step->random);
}

static bool can_restart(struct fo_job *job, const struct fo_strategy *strategy) {
    if (strategy == &job->strategy && job->has_hooks && job->hooks.can_restart)
        return job->hooks.can_restart(job->hooks.ctx, job->now_ms);
    return fo_strategy_can_restart(strategy, job->now_ms);
}

static int64_t backoff_ms(struct fo_job *job, const struct fo_strategy *strategy) {
    int64_t delay_ms = 0;

    if (strategy == &job->strategy && job->has_hooks && job->hooks.backoff_ms)
        return job->hooks.backoff_ms(job->hooks.ctx, job->now_ms);
    /* It was told of a failure, so it has an answer. */
    return fo_strategy_backoff_ms(strategy, job->now_ms, &delay_ms) == 0 ? delay_ms : 0;
}

static void ask_strategy(struct fo_step *step, struct fo_strategy *strategy,
                         struct fo_decision *decision) {
    decision->new_attempt = notify(step, strategy);
    decision->restart = can_restart(step->job, strategy);
    if (decision->restart)
        decision->delay_ms = backoff_ms(step->job, strategy);
    else
        decision->exhausted = FO_EXHAUSTED_BUDGET;
}

static void ask_policy(struct fo_step *step, struct fo_decision *decision) {
    struct fo_job *job = step->job;
    const struct fo_policy *policy = &job->policies.items[decision->policy];

    switch (policy->action) {
    case FO_POLICY_STRATEGY:
        ask_strategy(step, &job->policies.strategies[decision->policy], decision);
        return;
    case FO_POLICY_FAIL:
        decision->exhausted = FO_EXHAUSTED_POLICY;
        return;
    case FO_POLICY_RESTART:
        decision->restart = true;
        decision->new_attempt = true;
        if (policy->charge)
            ask_strategy(step, &job->strategy, decision);
        if (policy->delay_ms >= 0)
            decision->delay_ms = policy->delay_ms;
        return;
    }
}

static void judge(struct fo_step *step, struct fo_decision *decision) {
    const struct fo_cause *cause = &step->event->cause;

    if (cause->non_recoverable) {
        decision->exhausted = FO_EXHAUSTED_NON_RECOVERABLE;
        return;
    }
    decision->policy = step->policy;
    if (decision->policy >= 0)
        ask_policy(step, decision);
    else
        ask_strategy(step, &step->job->strategy, decision);
}

/* ---- carrying it out ------------------------------------------------------------------------ */

void fo_incident_open(struct fo_job *job, int64_t at_ms) {
    struct fo_incident *incident = &job->incident;

    if (incident->is_open)
        return;
    incident->is_open = true;
    incident->id++;
    incident->began_ms = at_ms;
    incident->first_serial = job->last_serial + 1;
    incident->unwell = 0;
}

static struct fo_decision begin_decision(struct fo_job *job) {
    fo_incident_open(job, job->now_ms);
    return (struct fo_decision){.id = job->decisions,
                                .incident = job->incident.id,
                                .restart_count = job->target_count,
                                .policy = -1};
}

static void announce(struct fo_step *step, uint32_t task, struct fo_decision *decision) {
    struct fo_job *job = step->job;
    struct fo_action action = {.kind = FO_ACTION_DECISION, .task = task};

    if (!decision->restart) {
        decision->restart_count = 0;
        job->target_count = 0;
    }
    decision->due_ms = fo_ms_add(job->now_ms, decision->delay_ms);
    action.attempt = task == FO_NO_TASK ? 0 : job->attempts[task];
    action.decision = *decision;
    fo_actions_push(step, &action);
}

/* Takes a task for the decision under way from whatever decision had it. */
static void take(struct fo_job *job, uint32_t task) {
    enum fo_task_state state = (enum fo_task_state)job->states[task];
    bool was_in_incident = job->versions[task] >= job->incident.first_serial;

    fo_restarts_overtake(&job->restarts, job->versions[task], state == FO_TASK_CANCELING);
    job->versions[task] = job->last_serial;
    if (!was_in_incident && state != FO_TASK_RUNNING && state != FO_TASK_FINISHED)
        job->incident.unwell++;
}

static void restart_targets(struct fo_step *step, const struct fo_decision *decision) {
    struct fo_job *job = step->job;

    job->decisions++;
    job->restarts_made += decision->new_attempt;
    if (job->target_count == 0)
        return; /* only an embedder's own strategy answers nothing */
    job->last_serial++;
    for (uint32_t i = 0; i < job->target_count; i++)
        take(job, job->targets[i]);
    struct fo_restart *restart =
        fo_restarts_add(&job->restarts, job->last_serial, decision->due_ms, targets_of(job));
    (void)fo_step_job(step, FO_IN_WAIT);
    for (uint32_t i = 0; i < job->target_count; i++) {
        restart->live += !fo_task_state_is_terminal(job->states[job->targets[i]]);
        fo_step_cancel(step, job->targets[i]);
    }
}

static void give_up(struct fo_step *step, const struct fo_decision *decision) {
    struct fo_job *job = step->job;

    fo_restarts_forget_all(&job->restarts);
    job->end_failure_id = decision->failure_id;
    (void)fo_step_job(step, FO_IN_GIVE_UP);
    fo_step_cancel_all(step);
}

void fo_step_failure(struct fo_step *step, uint32_t task) {
    struct fo_job *job = step->job;

    if (fo_job_cell(job->state, FO_IN_FAILURE).verdict != FO_JOB_CELL_STAY)
        return;
    job->target_count = fo_targets_list(job, task, step->event->cause.lost, job->targets);
    struct fo_decision decision = begin_decision(job);
    decision.failure_id = step->event->cause.failure_id;
    judge(step, &decision);
    announce(step, task, &decision);
    if (!decision.restart) {
        give_up(step, &decision);
        return;
    }
    restart_targets(step, &decision);
    archive(job, &decision, task);
}

void fo_step_restart(struct fo_step *step, uint32_t task) {
    static const struct fo_partition no_partition = {FO_NO_TASK, 0};
    struct fo_job *job = step->job;

    job->target_count = fo_targets_list(job, task, no_partition, job->targets);
    if (job->target_count == 0)
        return;
    struct fo_decision decision = begin_decision(job);
    decision.manual = true;
    decision.restart = true;
    decision.new_attempt = true;
    announce(step, task, &decision);
    restart_targets(step, &decision);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Whether the verdict can be that the job ends; only an embedder's own strategy is hard to tell. */
static bool may_give_up(const struct fo_step *step) {
    const struct fo_job *job = step->job;
    const struct fo_cause *cause = &step->event->cause;
    const struct fo_strategy *strategy = &job->strategy;

    if (cause->non_recoverable || job->has_hooks)
        return true;
    if (step->policy >= 0) {
        const struct fo_policy *policy = &job->policies.items[step->policy];
        if (policy->action == FO_POLICY_RESTART && !policy->charge)
            return false;
        if (policy->action == FO_POLICY_FAIL)
            return true;
        if (policy->action == FO_POLICY_STRATEGY)
            strategy = &job->policies.strategies[step->policy];
    }
    return fo_strategy_budget(strategy, step->now_ms).next_backoff_ms < 0;
}

static int reserve_strategies(struct fo_step *step) {
    struct fo_job *job = step->job;
    const struct fo_cause *cause = &step->event->cause;
    int rc = fo_strategy_reserve(&job->strategy);

    step->policy = fo_policies_find(&job->policies, cause->labels, cause->label_count);
    if (rc == 0 && step->policy >= 0 &&
        job->policies.items[step->policy].action == FO_POLICY_STRATEGY)
        rc = fo_strategy_reserve(&job->policies.strategies[step->policy]);
    return rc;
}

static int reserve_failure_place(struct fo_job *job) {
    struct fo_attempt_failure *failures =
        fo_array_grow(&job->allocator, job->failures, &job->failure_capacity,
                      (size_t)job->failure_count + 1, sizeof *failures);
    if (!failures)
        return -ENOMEM;
    job->failures = failures;
    return 0;
}

static int reserve_memory_of_failure(struct fo_step *step) {
    struct fo_job *job = step->job;
    int rc = reserve_strategies(step);

    if (rc == 0)
        rc = reserve_failure_place(job);
    if (rc == 0)
        rc = fo_history_reserve(&job->history, job->failure_count + 1);
    return rc;
}

int fo_failure_reserve(struct fo_step *step, uint32_t task, bool by_hand) {
    /* Each target: two to cancel it, two to begin anew; the decision and the job's states. */
    enum { ACTIONS_PER_TARGET = 4, ACTIONS_OF_JOB = 8 };
    struct fo_job *job = step->job;
    uint32_t targets = 0;
    int rc = fo_targets_reserve(job, task, step->event->cause.lost, &targets);

    if (rc == 0)
        rc = fo_restarts_reserve(&job->restarts, targets);
    if (rc == 0 && !by_hand)
        rc = reserve_memory_of_failure(step);
    if (rc != 0)
        return rc;
    uint64_t actions = ACTIONS_PER_TARGET * (uint64_t)targets + ACTIONS_OF_JOB;
    if (!by_hand && may_give_up(step))
        actions += 2 * (uint64_t)job->graph->task_count;
    return fo_actions_promise(step, actions);
}
