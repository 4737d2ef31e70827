/* SPDX-License-Identifier: Apache-2.0 */
/* Every change of a state goes through here, and everything that is counted by states with it. */
#include "failover/job.h"

/* ---- the job ------------------------------------------------------------------------------ */

bool fo_step_job(struct fo_step *step, enum fo_job_input input) {
    struct fo_job *job = step->job;
    struct fo_job_cell cell = fo_job_cell(job->state, input);
    struct fo_action action = {.kind = FO_ACTION_JOB_STATE, .task = FO_NO_TASK};

    if (cell.verdict != FO_JOB_CELL_GO)
        return false;
    action.job_from = job->state;
    action.job_to = (enum fo_job_state)cell.to;
    if (input == FO_IN_SUSPEND)
        job->state_before_suspend = job->state;
    job->state = action.job_to;
    job->since_ms[job->state] = job->now_ms;
    fo_actions_push(step, &action);
    return true;
}

/* ---- tasks -------------------------------------------------------------------------------- */

static bool is_well(enum fo_task_state state) {
    return state == FO_TASK_RUNNING || state == FO_TASK_FINISHED;
}

static void count_incident(struct fo_job *job, uint32_t task, enum fo_task_state from,
                           enum fo_task_state to) {
    if (!job->incident.is_open || job->versions[task] < job->incident.first_serial)
        return;
    if (is_well(from) && !is_well(to))
        job->incident.unwell++;
    else if (!is_well(from) && is_well(to))
        job->incident.unwell--;
}

void fo_task_put(struct fo_job *job, uint32_t task, enum fo_task_state to) {
    enum fo_task_state from = (enum fo_task_state)job->states[task];
    uint32_t vertex = fo_graph_task_vertex(job->graph, task);
    uint32_t *vertex_counts = &job->vertex_counts[(size_t)vertex * FO_TASK_STATE_COUNT];

    job->states[task] = (uint8_t)to;
    job->counts[from]--;
    job->counts[to]++;
    vertex_counts[from]--;
    vertex_counts[to]++;
}

static void move_task(struct fo_step *step, uint32_t task, enum fo_task_state to) {
    struct fo_job *job = step->job;
    enum fo_task_state from = (enum fo_task_state)job->states[task];
    uint32_t vertex = fo_graph_task_vertex(job->graph, task);
    struct fo_action action = {.kind = FO_ACTION_TASK_STATE, .task = task};

    fo_task_put(job, task, to);
    count_incident(job, task, from, to);
    if (job->graph->vertices[vertex].loose_outputs)
        fo_gates_task_changed(&job->gates, task, from, to);
    action.attempt = job->attempts[task];
    action.task_from = from;
    action.task_to = to;
    fo_actions_push(step, &action);
    if (to == FO_TASK_CANCELING)
        job->notes[task] = job->versions[task];
    else if (from == FO_TASK_CANCELING)
        fo_restarts_task_ended(&job->restarts, task, job->notes[task], job->versions[task]);
}

void fo_step_task(struct fo_step *step, uint32_t task, struct fo_task_cell cell) {
    if (cell.verdict == FO_CELL_GO_VIA)
        move_task(step, task, (enum fo_task_state)cell.via);
    move_task(step, task, (enum fo_task_state)cell.to);
}

void fo_step_order(struct fo_step *step, uint32_t task, enum fo_task_order order) {
    struct fo_task_cell cell = fo_task_cell((enum fo_task_state)step->job->states[task], order);

    if (cell.verdict == FO_CELL_GO || cell.verdict == FO_CELL_GO_VIA)
        fo_step_task(step, task, cell);
}

void fo_step_cancel(struct fo_step *step, uint32_t task) {
    struct fo_job *job = step->job;
    bool was_asked = job->states[task] == FO_TASK_CANCELING;

    fo_step_order(step, task, FO_ORDER_CANCEL);
    if (job->states[task] == FO_TASK_CANCELING && !was_asked) {
        struct fo_action action = {
            .kind = FO_ACTION_CANCEL, .task = task, .attempt = job->attempts[task]};
        fo_actions_push(step, &action);
    }
}

void fo_step_cancel_all(struct fo_step *step) {
    for (uint32_t task = 0; task < step->job->graph->task_count; task++)
        fo_step_cancel(step, task);
}
