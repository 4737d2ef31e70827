/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/job_copy.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/base/buffer.h"
#include "exporter/base/clock.h"
#include "exporter/manager/job.h"

/* ---- what every copy has ---- */

void ex_job_copy_init(struct ex_job_copy *copy, const struct ex_job *job) {
    const struct fo_job *core = job->core;
    int64_t now_ms = ex_clock_ms();

    *copy = (struct ex_job_copy){
        .spec = ex_job_spec_ref(job->spec),
        .now_ms = now_ms,
        .submitted_ms = job->submitted_ms,
        .next_restart_ms = fo_job_next_restart_ms(core),
        .restarts = fo_job_restarts(core),
        .failures = job->failure_count,
        .budget = fo_job_budget(core, now_ms),
        .paused = fo_job_is_paused(core),
        .state = fo_job_state(core),
        .by_hand = job->by_hand,
    };
    memcpy(copy->id, job->id, sizeof copy->id);
    for (int state = 0; state < FO_JOB_STATE_COUNT; state++)
        copy->state_since_ms[state] = fo_job_state_since_ms(core, (enum fo_job_state)state);
    for (int state = 0; state < FO_TASK_STATE_COUNT; state++)
        copy->task_counts[state] = fo_job_task_count(core, (enum fo_task_state)state);
    int64_t end_ms = ex_job_copy_end_ms(copy);
    copy->modified_ms = end_ms > job->tasks_changed_ms ? end_ms : job->tasks_changed_ms;
}

static void free_exceptions(struct ex_exception_copy *exceptions, uint32_t count) {
    for (uint32_t i = 0; exceptions && i < count; i++) {
        free_exceptions(exceptions[i].concurrent, exceptions[i].concurrent_count);
        (void)ex_failure_free(exceptions[i].failure);
    }
    free(exceptions);
}

static void drop_exceptions(struct ex_job_copy *copy) {
    free_exceptions(copy->roots, copy->root_count);
    free_exceptions(copy->newest_root, 1);
    free_exceptions(copy->current, copy->current_count);
    copy->roots = copy->newest_root = copy->current = NULL;
    copy->root_count = copy->current_count = 0;
}

void ex_job_copy_done(struct ex_job_copy *copy) {
    free(copy->tasks);
    free(copy->vertex_states);
    free(copy->saved);
    (void)ex_failure_free(copy->newest);
    drop_exceptions(copy);
    (void)ex_job_spec_unref(copy->spec);
    *copy = (struct ex_job_copy){0};
}

int64_t ex_job_copy_start_ms(const struct ex_job_copy *copy) {
    return copy->state_since_ms[FO_JOB_INITIALIZING];
}

int64_t ex_job_copy_end_ms(const struct ex_job_copy *copy) {
    return fo_job_state_is_terminal(copy->state) ? copy->state_since_ms[copy->state] : -1;
}

int64_t ex_job_copy_duration_ms(const struct ex_job_copy *copy) {
    int64_t end_ms = ex_job_copy_end_ms(copy);

    return (end_ms >= 0 ? end_ms : copy->now_ms) - ex_job_copy_start_ms(copy);
}

int ex_manager_copy_jobs(const struct ex_manager *manager, struct ex_job_copy **ret_copies,
                         size_t *ret_count) {
    const struct ex_job *job;
    size_t count = 0;

    TAILQ_FOREACH(job, &manager->jobs, link)
    count++;
    struct ex_job_copy *copies = calloc(count + 1, sizeof *copies);
    if (!copies)
        return -ENOMEM;
    *ret_copies = copies;
    *ret_count = count;
    TAILQ_FOREACH(job, &manager->jobs, link)
    ex_job_copy_init(copies++, job);
    return 0;
}

/* ---- tasks ---- */

int ex_job_copy_tasks(struct ex_job_copy *copy, const struct ex_job *job) {
    const struct fo_graph *graph = job->spec->graph;
    uint32_t task_count = fo_graph_task_count(graph);
    uint32_t vertex_count = fo_graph_vertex_count(graph);
    struct ex_task_copy *tasks = malloc(task_count * sizeof *tasks);
    enum fo_task_state *vertex_states = malloc(vertex_count * sizeof *vertex_states);

    if (!tasks || !vertex_states) {
        free(tasks);
        free(vertex_states);
        return -ENOMEM;
    }
    for (uint32_t task = 0; task < task_count; task++)
        tasks[task] = (struct ex_task_copy){
            .state = fo_job_task_state(job->core, task),
            .attempt = fo_job_task_attempt(job->core, task),
            .since_ms = job->task_times[task].since_ms,
            .deploying_ms = job->task_times[task].deploying_ms,
        };
    for (uint32_t vertex = 0; vertex < vertex_count; vertex++)
        vertex_states[vertex] = fo_job_vertex_state(job->core, vertex);
    copy->tasks = tasks;
    copy->vertex_states = vertex_states;
    return 0;
}

/* ---- the newest failure ---- */

int ex_job_copy_newest(struct ex_job_copy *copy, const struct ex_job *job) {
    return job->newest_failure ? ex_failure_copy_brief(job->newest_failure, &copy->newest) : 0;
}

/* ---- the core ---- */

static int append(void *ctx, const void *bytes, size_t size) {
    struct ex_buffer *buffer = ctx;

    ex_buffer_append(buffer, bytes, size);
    return buffer->failure;
}

int ex_job_copy_core(struct ex_job_copy *copy, const struct ex_job *job) {
    static const size_t saved_max_bytes = (size_t)64 << 20;
    struct ex_buffer saved;

    ex_buffer_init(&saved, saved_max_bytes);
    int ret = fo_job_save(job->core, append, &saved);
    if (ret == 0)
        copy->saved = ex_buffer_take(&saved, &copy->saved_len);
    ex_buffer_done(&saved);
    return ret;
}

/* ---- exceptions ---- */

static const struct ex_failure *find_failure(const struct ex_job *job, uint64_t id) {
    const struct ex_failure *failure = job->failures;

    while (failure && failure->id < id)
        failure = failure->next;
    return failure && failure->id == id ? failure : NULL;
}

static int copy_entry(const struct ex_job *job, struct fo_history_entry entry,
                      struct ex_exception_copy *ret_copy) {
    const struct ex_failure *failure = find_failure(job, entry.failure_id);

    *ret_copy = (struct ex_exception_copy){
        .at_ms = entry.at_ms, .task = entry.task, .attempt = entry.attempt};
    return failure ? ex_failure_copy(failure, &ret_copy->failure) : 0;
}

static int copy_root(const struct ex_job *job, uint32_t index, struct ex_exception_copy *ret_copy) {
    struct fo_history_entry entry = fo_job_history(job->core, index);
    int ret = copy_entry(job, entry, ret_copy);

    if (ret < 0 || entry.concurrent_count == 0)
        return ret;
    ret_copy->concurrent = calloc(entry.concurrent_count, sizeof *ret_copy->concurrent);
    if (!ret_copy->concurrent)
        return -ENOMEM;
    ret_copy->concurrent_count = entry.concurrent_count;
    for (uint32_t i = 0; i < entry.concurrent_count && ret == 0; i++)
        ret = copy_entry(job, fo_job_history_concurrent(job->core, index, i),
                         &ret_copy->concurrent[i]);
    return ret;
}

static int copy_chosen(struct ex_job_copy *copy, const struct ex_job *job,
                       const struct ex_exception_filter *filter, size_t limit) {
    uint32_t count = fo_job_history_count(job->core);
    size_t *indices = calloc(count + 1, sizeof *indices);
    struct ex_exception_labels *labels = calloc(count + 1, sizeof *labels);
    int ret = indices && labels ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < count && ret == 0; i++) {
        const struct ex_failure *failure =
            find_failure(job, fo_job_history(job->core, i).failure_id);
        if (failure && failure->labelled)
            labels[i] = (struct ex_exception_labels){failure->labels.items, failure->labels.count};
    }
    if (ret == 0) {
        struct ex_exception_choice choice =
            ex_exceptions_choose(labels, count, filter, limit, indices);
        copy->roots_truncated = choice.truncated;
        copy->roots = calloc(choice.count + 1, sizeof *copy->roots);
        copy->root_count = copy->roots ? (uint32_t)choice.count : 0;
        ret = copy->roots ? 0 : -ENOMEM;
    }
    for (uint32_t i = 0; i < copy->root_count && ret == 0; i++)
        ret = copy_root(job, (uint32_t)indices[i], &copy->roots[i]);
    free(indices);
    free(labels);
    return ret;
}

static int copy_newest_root(struct ex_job_copy *copy, const struct ex_job *job) {
    uint32_t count = fo_job_history_count(job->core);

    if (count == 0)
        return 0;
    copy->newest_root = calloc(1, sizeof *copy->newest_root);
    return copy->newest_root
               ? copy_entry(job, fo_job_history(job->core, count - 1), copy->newest_root)
               : -ENOMEM;
}

/* Whether the failure is that of an attempt that is still its task's current one. */
static bool is_current(const struct ex_job *job, const struct ex_failure *failure) {
    return failure->task != FO_NO_TASK &&
           fo_job_task_attempt(job->core, failure->task) == failure->attempt &&
           fo_job_task_state(job->core, failure->task) == FO_TASK_FAILED;
}

static int by_task(const void *left, const void *right) {
    const struct ex_exception_copy *a = left;
    const struct ex_exception_copy *b = right;

    return (a->task > b->task) - (a->task < b->task);
}

static int copy_current(struct ex_job_copy *copy, const struct ex_job *job) {
    int ret = 0;

    copy->current = calloc((size_t)job->failures_kept + 1, sizeof *copy->current);
    if (!copy->current)
        return -ENOMEM;
    for (const struct ex_failure *failure = job->failures; failure && ret == 0;
         failure = failure->next) {
        if (!is_current(job, failure))
            continue;
        struct ex_exception_copy *entry = &copy->current[copy->current_count++];
        *entry = (struct ex_exception_copy){
            .at_ms = failure->at_ms, .task = failure->task, .attempt = failure->attempt};
        ret = ex_failure_copy(failure, &entry->failure);
    }
    qsort(copy->current, copy->current_count, sizeof *copy->current, by_task);
    return ret;
}

int ex_job_copy_exceptions(struct ex_job_copy *copy, const struct ex_job *job,
                           const struct ex_exception_filter *filter, size_t limit) {
    int ret = copy_chosen(copy, job, filter, limit);

    if (ret == 0)
        ret = copy_newest_root(copy, job);
    if (ret == 0)
        ret = copy_current(copy, job);
    if (ret < 0)
        drop_exceptions(copy);
    return ret;
}
