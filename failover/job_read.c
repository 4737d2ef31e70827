/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about a job; see failover.h. */
#include "failover/job.h"

struct fo_graph *fo_job_graph(const struct fo_job *job) {
    return job->graph;
}

enum fo_job_state fo_job_state(const struct fo_job *job) {
    return job->state;
}

int64_t fo_job_state_since_ms(const struct fo_job *job, enum fo_job_state state) {
    return job->since_ms[state];
}

bool fo_job_is_paused(const struct fo_job *job) {
    return job->is_paused;
}

enum fo_task_state fo_job_task_state(const struct fo_job *job, uint32_t task) {
    return (enum fo_task_state)job->states[task];
}

uint32_t fo_job_task_attempt(const struct fo_job *job, uint32_t task) {
    return job->attempts[task];
}

uint32_t fo_job_task_count(const struct fo_job *job, enum fo_task_state state) {
    return job->counts[state];
}

uint32_t fo_job_vertex_task_count(const struct fo_job *job, uint32_t vertex,
                                  enum fo_task_state state) {
    return job->vertex_counts[(size_t)vertex * FO_TASK_STATE_COUNT + state];
}

enum fo_task_state fo_job_vertex_state(const struct fo_job *job, uint32_t vertex) {
    static const enum fo_task_state any[] = {FO_TASK_FAILED, FO_TASK_CANCELING, FO_TASK_CANCELED,
                                             FO_TASK_INITIALIZING, FO_TASK_RUNNING};
    uint32_t finished = fo_job_vertex_task_count(job, vertex, FO_TASK_FINISHED);

    for (size_t i = 0; i < sizeof any / sizeof *any; i++) {
        if (fo_job_vertex_task_count(job, vertex, any[i]) > 0)
            return any[i];
    }
    if (finished == job->graph->vertices[vertex].parallelism)
        return FO_TASK_FINISHED;
    return finished > 0 ? FO_TASK_RUNNING : FO_TASK_CREATED;
}

uint64_t fo_job_restarts(const struct fo_job *job) {
    return job->restarts_made;
}

uint64_t fo_job_restarted_tasks(const struct fo_job *job) {
    return job->restarted_tasks;
}

struct fo_budget fo_job_budget(const struct fo_job *job, int64_t now_ms) {
    return fo_strategy_budget(&job->strategy, now_ms);
}

static bool is_live(const struct fo_job *job) {
    return job->state == FO_JOB_RUNNING || job->state == FO_JOB_RESTARTING;
}

int64_t fo_job_next_restart_ms(const struct fo_job *job) {
    return is_live(job) ? fo_restarts_next_ms(&job->restarts) : FO_NEVER;
}

int64_t fo_next_deadline(const struct fo_job *job) {
    if (job->is_restored && !fo_job_state_is_terminal(job->state))
        return job->now_ms;
    if (!is_live(job))
        return FO_NEVER;
    if (job->gates.queue_count > 0)
        return job->now_ms;
    int64_t budget_ms = fo_strategy_budget(&job->strategy, job->now_ms).resets_at_ms;
    int64_t restart_ms = job->is_paused ? FO_NEVER : fo_restarts_next_ms(&job->restarts);
    return restart_ms < budget_ms ? restart_ms : budget_ms;
}

size_t fo_job_strategy_describe(const struct fo_job *job, char *text, size_t size) {
    return fo_strategy_describe(&job->strategy, text, size);
}

struct fo_task_list fo_job_decision_tasks(const struct fo_job *job) {
    return (struct fo_task_list){job->targets, job->target_count};
}

uint32_t fo_job_tasks_to_restart(struct fo_job *job, uint32_t task, struct fo_partition lost,
                                 uint32_t *tasks) {
    return fo_targets_list(job, task, lost, tasks);
}

bool fo_job_is_failure(const struct fo_job *job, const struct fo_event *event) {
    if (fo_job_cell(job->state, FO_IN_FAILURE).verdict != FO_JOB_CELL_STAY)
        return false;
    if (event->kind == FO_EVENT_GLOBAL_FAILURE)
        return true;
    if (event->kind != FO_EVENT_TASK_STATE || fo_job_check(job, event) != 0)
        return false;
    enum fo_task_state state = (enum fo_task_state)job->states[event->task];
    uint8_t verdict = fo_task_cell(state, event->state).verdict;
    return verdict == FO_CELL_FAIL || verdict == FO_CELL_FAIL_ALL;
}

uint32_t fo_job_history_count(const struct fo_job *job) {
    return job->history.count;
}

struct fo_history_entry fo_job_history(const struct fo_job *job, uint32_t index) {
    return fo_history_root_at(&job->history, index)->entry;
}

struct fo_history_entry fo_job_history_concurrent(const struct fo_job *job, uint32_t index,
                                                  uint32_t concurrent) {
    return fo_history_root_at(&job->history, index)->concurrent[concurrent];
}
