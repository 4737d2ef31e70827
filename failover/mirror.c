/* SPDX-License-Identifier: Apache-2.0 */
/* A job that somebody else decides about: what its master says becomes states, counts and actions
 * of the same kind as ours. Gates and restarts that wait stay untouched: nothing is deployed here.
 */
#include <errno.h>

#include "failover/job.h"

/* ---- checking ------------------------------------------------------------------------------ */

/* A job that was started here has tasks that are ours to answer for. */
static bool is_mine(const struct fo_job *job) {
    return !job->is_mirror && job->state != FO_JOB_CREATED;
}

static const uint32_t *counts_of(const struct fo_mirror *mirror, uint32_t vertex) {
    return &mirror->task_counts[(size_t)vertex * FO_TASK_STATE_COUNT];
}

static bool counts_fit(const struct fo_job *job, const struct fo_mirror *mirror) {
    for (uint32_t vertex = 0; mirror->task_counts && vertex < job->graph->vertex_count; vertex++) {
        uint64_t sum = 0;
        for (unsigned state = 0; state < FO_TASK_STATE_COUNT; state++)
            sum += counts_of(mirror, vertex)[state];
        if (sum != job->graph->vertices[vertex].parallelism)
            return false;
    }
    return true;
}

/* How many tasks of the vertex are in a state that has too many. */
static uint32_t count_moves(const struct fo_job *job, const uint32_t *wanted, uint32_t vertex) {
    uint32_t moves = 0;

    for (unsigned state = 0; state < FO_TASK_STATE_COUNT; state++) {
        uint32_t have = fo_job_vertex_task_count(job, vertex, (enum fo_task_state)state);
        moves += have > wanted[state] ? have - wanted[state] : 0;
    }
    return moves;
}

static uint64_t count_all_moves(const struct fo_job *job, const struct fo_mirror *mirror) {
    uint64_t moves = 0;

    for (uint32_t vertex = 0; mirror->task_counts && vertex < job->graph->vertex_count; vertex++)
        moves += count_moves(job, counts_of(mirror, vertex), vertex);
    return moves;
}

/* ---- states --------------------------------------------------------------------------------- */

static void move_task(struct fo_step *step, uint32_t task, enum fo_task_state to) {
    const struct fo_action action = {
        .kind = FO_ACTION_TASK_STATE,
        .task = task,
        .attempt = step->job->attempts[task],
        .task_from = (enum fo_task_state)step->job->states[task],
        .task_to = to,
    };

    fo_task_put(step->job, task, to);
    fo_actions_push(step, &action);
}

/* A state that has fewer tasks of the vertex than it should; there is one while another has more.
 */
static enum fo_task_state lacking_state(const struct fo_job *job, const uint32_t *wanted,
                                        uint32_t vertex) {
    unsigned state = 0;

    while (state + 1 < FO_TASK_STATE_COUNT &&
           fo_job_vertex_task_count(job, vertex, (enum fo_task_state)state) >= wanted[state])
        state++;
    return (enum fo_task_state)state;
}

static void move_tasks(struct fo_step *step, const uint32_t *wanted, uint32_t vertex) {
    struct fo_job *job = step->job;
    uint32_t moves = count_moves(job, wanted, vertex);

    for (uint32_t task = job->graph->vertices[vertex].first_task; moves > 0; task++) {
        enum fo_task_state from = (enum fo_task_state)job->states[task];
        if (fo_job_vertex_task_count(job, vertex, from) <= wanted[from])
            continue;
        move_task(step, task, lacking_state(job, wanted, vertex));
        moves--;
    }
}

static void enter_state(struct fo_step *step, const struct fo_mirror *mirror) {
    struct fo_job *job = step->job;
    const struct fo_action action = {
        .kind = FO_ACTION_JOB_STATE,
        .task = FO_NO_TASK,
        .job_from = job->state,
        .job_to = mirror->state,
    };

    memcpy(job->since_ms, mirror->since_ms, sizeof job->since_ms);
    if (job->state == mirror->state)
        return;
    job->state = mirror->state;
    fo_actions_push(step, &action);
}

/* ---- incident and budget --------------------------------------------------------------------- */

/* All run again when the job came back to RUNNING after the last failure that is known. */
static void end_incident(struct fo_step *step, const struct fo_mirror *mirror) {
    struct fo_job *job = step->job;
    int64_t running_ms = job->since_ms[FO_JOB_RUNNING];
    uint32_t well = job->counts[FO_TASK_RUNNING] + job->counts[FO_TASK_FINISHED];

    if (!job->incident.is_open || job->state != FO_JOB_RUNNING ||
        running_ms < job->mirror_failed_ms || well < job->graph->task_count)
        return;
    job->incident.is_open = false;
    const struct fo_action action = {
        .kind = FO_ACTION_RECOVERED,
        .task = FO_NO_TASK,
        .incident = {.id = job->incident.id,
                     .began_ms = job->incident.began_ms,
                     .ended_ms = mirror->changed_ms > running_ms ? mirror->changed_ms : running_ms},
    };
    fo_actions_push(step, &action);
}

/* Of fixed-delay every restart has used one attempt, also those that nobody has seen. */
static void charge_restarts(struct fo_job *job, uint64_t restarts) {
    if (restarts > job->restarts_made)
        job->restarts_made = restarts;
    if (job->strategy.config.kind == FO_STRATEGY_FIXED_DELAY &&
        restarts > (uint64_t)job->strategy.fixed_delay.failures)
        job->strategy.fixed_delay.failures =
            restarts < INT32_MAX ? (int32_t)restarts : INT32_MAX - 1;
}

int fo_job_mirror(struct fo_job *job, const struct fo_mirror *mirror, int64_t now_ms,
                  struct fo_actions *out) {
    enum { ACTIONS_OF_JOB = 2 }; /* its state; recovered */
    struct fo_step step = {.job = job, .out = out, .first_action = out->count};

    if ((unsigned)mirror->state >= FO_JOB_STATE_COUNT || is_mine(job) || !counts_fit(job, mirror))
        return -EINVAL;
    int rc = fo_actions_promise(&step, count_all_moves(job, mirror) + ACTIONS_OF_JOB);
    if (rc != 0)
        return rc;
    job->is_mirror = true;
    job->now_ms = now_ms > job->now_ms ? now_ms : job->now_ms;
    for (uint32_t vertex = 0; mirror->task_counts && vertex < job->graph->vertex_count; vertex++)
        move_tasks(&step, counts_of(mirror, vertex), vertex);
    charge_restarts(job, mirror->restarts);
    enter_state(&step, mirror);
    end_incident(&step, mirror);
    return 0;
}

/* ---- failures ----------------------------------------------------------------------------------
 */

static int reserve_failure(struct fo_job *job, uint32_t task) {
    static const struct fo_partition none = {FO_NO_TASK, 0};
    uint32_t count;
    int rc = fo_targets_reserve(job, task, none, &count);

    if (rc == 0)
        rc = fo_strategy_reserve(&job->strategy);
    return rc == 0 ? fo_history_reserve(&job->history, 0) : rc;
}

/* The tasks that the failure restarts by the rules begin anew. */
static void restart_targets(struct fo_job *job, uint32_t task) {
    static const struct fo_partition none = {FO_NO_TASK, 0};

    job->target_count = fo_targets_list(job, task, none, job->targets);
    for (uint32_t i = 0; i < job->target_count; i++)
        job->attempts[job->targets[i]]++;
    job->restarted_tasks += job->target_count;
    job->decisions++;
}

static struct fo_action decide(struct fo_job *job, const struct fo_mirror_failure *failure) {
    bool restart = failure->exhausted == FO_EXHAUSTED_NOT;
    struct fo_action action = {
        .kind = FO_ACTION_DECISION,
        .task = failure->task,
        .attempt = failure->task == FO_NO_TASK ? 0 : failure->attempt,
        .decision = {.id = job->decisions,
                     .failure_id = failure->failure_id,
                     .incident = job->incident.id,
                     .due_ms = failure->at_ms,
                     .policy = -1,
                     .restart = restart,
                     .new_attempt = restart,
                     .exhausted = failure->exhausted},
    };

    job->target_count = 0;
    if (restart)
        restart_targets(job, failure->task);
    else
        job->end_failure_id = failure->failure_id;
    action.decision.restart_count = job->target_count;
    return action;
}

int fo_job_mirror_failure(struct fo_job *job, const struct fo_mirror_failure *failure,
                          int64_t now_ms, uint64_t random, struct fo_actions *out) {
    struct fo_step step = {.job = job, .out = out, .first_action = out->count};
    const struct fo_history_entry root = {.failure_id = failure->failure_id,
                                          .at_ms = failure->at_ms,
                                          .task = failure->task,
                                          .attempt = failure->attempt};

    if (is_mine(job) || (unsigned)failure->exhausted > FO_EXHAUSTED_POLICY)
        return -EINVAL;
    if (failure->task != FO_NO_TASK && failure->task >= job->graph->task_count)
        return -ENOENT;
    int rc = reserve_failure(job, failure->task);
    if (rc == 0)
        rc = fo_actions_promise(&step, 1);
    if (rc != 0)
        return rc;
    job->is_mirror = true;
    job->now_ms = now_ms > job->now_ms ? now_ms : job->now_ms;
    if (failure->at_ms > job->mirror_failed_ms)
        job->mirror_failed_ms = failure->at_ms;
    if (failure->task != FO_NO_TASK && failure->attempt > job->attempts[failure->task])
        job->attempts[failure->task] = failure->attempt;
    fo_incident_open(job, failure->at_ms);
    if (failure->exhausted != FO_EXHAUSTED_NON_RECOVERABLE)
        (void)fo_strategy_notify_failure(&job->strategy, failure->at_ms, random);
    struct fo_action action = decide(job, failure);
    fo_actions_push(&step, &action);
    fo_history_add_root(&job->history, &root);
    return 0;
}
