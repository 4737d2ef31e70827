/* SPDX-License-Identifier: Apache-2.0 */
/* What happens by itself: restarts that are due, regions whose inputs are ready, the job's end. */
#include "failover/job.h"

/* ---- restarts ----------------------------------------------------------------------------- */

static void reset_task(struct fo_step *step, uint32_t task) {
    struct fo_job *job = step->job;
    uint32_t vertex = fo_graph_task_vertex(job->graph, task);

    if (job->states[task] == FO_TASK_FAILED)
        fo_failures_remove(job, task);
    if (job->states[task] == FO_TASK_FINISHED && job->graph->vertices[vertex].loose_outputs) {
        struct fo_action action = {
            .kind = FO_ACTION_WITHDRAW, .task = task, .attempt = job->attempts[task]};
        fo_actions_push(step, &action);
    }
    fo_lost_remove_task(&job->lost, task);
    job->attempts[task]++;
    job->restarted_tasks++;
    fo_step_order(step, task, FO_ORDER_RESET);
    fo_gates_enqueue(&job->gates, job->graph->task_region[task]);
}

/* Gives every task that the restart still owns a new attempt. */
static void carry_out(struct fo_step *step, struct fo_restart *restart) {
    struct fo_job *job = step->job;

    fo_restarts_forget(&job->restarts, restart);
    if (job->restarts.waiting == 0)
        (void)fo_step_job(step, FO_IN_GO_ON);
    for (uint32_t i = 0; i < restart->run_count; i++) {
        struct fo_task_range run = restart->runs[i];
        for (uint32_t task = run.first; task < run.first + run.count; task++) {
            if (job->versions[task] == restart->serial)
                reset_task(step, task);
        }
    }
}

void fo_step_restarts(struct fo_step *step) {
    struct fo_job *job = step->job;

    while (job->state == FO_JOB_RESTARTING && !job->is_paused) {
        struct fo_restart *restart = fo_restarts_next_due(&job->restarts, job->now_ms);
        if (!restart)
            return;
        carry_out(step, restart);
    }
}

uint64_t fo_restarts_actions(const struct fo_job *job, int64_t now_ms) {
    if (job->restarts.over == 0 && fo_restarts_next_ms(&job->restarts) > now_ms)
        return 0;
    return 2 * (uint64_t)job->restarts.waiting + 1;
}

/* ---- deployment --------------------------------------------------------------------------- */

static void deploy_region(struct fo_step *step, uint32_t region) {
    struct fo_job *job = step->job;
    struct fo_task_list list = fo_graph_region_tasks(job->graph, region);

    for (uint32_t i = 0; i < list.count; i++) {
        struct fo_action action = {.kind = FO_ACTION_DEPLOY, .task = list.tasks[i]};
        if (job->states[action.task] != FO_TASK_CREATED)
            continue;
        fo_step_order(step, action.task, FO_ORDER_SCHEDULE);
        fo_step_order(step, action.task, FO_ORDER_DEPLOY);
        action.attempt = job->attempts[action.task];
        fo_actions_push(step, &action);
    }
}

/* Deploys the regions that are ready now; more may be queued by that. False when memory is short:
 * they stay. */
static bool deploy_round(struct fo_step *step) {
    enum { ACTIONS_PER_TASK = 3 };
    struct fo_gates *gates = &step->job->gates;
    uint32_t count = fo_gates_keep_open(gates);
    uint64_t tasks = 0;

    for (uint32_t i = 0; i < count; i++)
        tasks += fo_graph_region_tasks(step->job->graph, gates->queue[i]).count;
    if (fo_actions_promise(step, ACTIONS_PER_TASK * tasks) != 0)
        return false;
    for (uint32_t i = 0; i < count; i++)
        deploy_region(step, gates->queue[i]);
    fo_gates_dequeue(gates, count);
    return true;
}

void fo_step_deploy(struct fo_step *step) {
    struct fo_job *job = step->job;

    if (job->state != FO_JOB_RUNNING && job->state != FO_JOB_RESTARTING) {
        fo_gates_dequeue(&job->gates, job->gates.queue_count);
        return;
    }
    while (job->gates.queue_count > 0 && deploy_round(step))
        ;
}

/* ---- ends --------------------------------------------------------------------------------- */

static void end_incident(struct fo_step *step) {
    struct fo_job *job = step->job;
    struct fo_action action = {.kind = FO_ACTION_RECOVERED, .task = FO_NO_TASK};

    if (!job->incident.is_open || job->state != FO_JOB_RUNNING || job->incident.unwell > 0)
        return;
    job->incident.is_open = false;
    action.incident.id = job->incident.id;
    action.incident.began_ms = job->incident.began_ms;
    action.incident.ended_ms = job->now_ms;
    fo_actions_push(step, &action);
}

/* The global entry of the failure that ended the job. */
static void archive_end(struct fo_job *job) {
    struct fo_history_entry root = {
        .failure_id = job->end_failure_id, .at_ms = job->now_ms, .task = FO_NO_TASK};

    fo_history_add_root(&job->history, &root);
    fo_failures_archive_all(job);
}

static void end_job(struct fo_step *step) {
    struct fo_job *job = step->job;
    uint32_t finished = job->counts[FO_TASK_FINISHED];
    uint32_t ended = finished + job->counts[FO_TASK_CANCELED] + job->counts[FO_TASK_FAILED];

    if (finished == job->graph->task_count)
        (void)fo_step_job(step, FO_IN_ALL_FINISHED);
    if (ended == job->graph->task_count && fo_step_job(step, FO_IN_ALL_ENDED) &&
        job->state == FO_JOB_FAILED)
        archive_end(job);
}

void fo_step_settle(struct fo_step *step) {
    fo_step_restarts(step);
    fo_step_deploy(step);
    end_incident(step);
    end_job(step);
    fo_restarts_trim(&step->job->restarts);
}
