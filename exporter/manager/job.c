/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/random.h"
#include "exporter/config/task_name.h"

static const char *const strategy_names[] = {
    [FO_STRATEGY_NONE] = "none",
    [FO_STRATEGY_FIXED_DELAY] = "fixed-delay",
    [FO_STRATEGY_FAILURE_RATE] = "failure-rate",
    [FO_STRATEGY_EXPONENTIAL_DELAY] = "exponential-delay",
};

/* ---- reading ---- */

const char *ex_job_id(const struct ex_job *job) {
    return job->id;
}

const char *ex_job_engine_name(const struct ex_job *job) {
    return job->engine->name;
}

const struct ex_job_spec *ex_job_spec(const struct ex_job *job) {
    return job->spec;
}

const struct fo_job *ex_job_core(const struct ex_job *job) {
    return job->core;
}

int64_t ex_job_submitted_ms(const struct ex_job *job) {
    return job->submitted_ms;
}

bool ex_job_is_closed(const struct ex_job *job) {
    return job->closed;
}

const struct ex_failure *ex_job_failures(const struct ex_job *job) {
    return job->failures;
}

const struct ex_failure *ex_job_newest_failure(const struct ex_job *job) {
    return job->newest_failure;
}

uint64_t ex_job_failure_count(const struct ex_job *job) {
    return job->failure_count;
}

const char *ex_job_task_name(const struct ex_job *job, uint32_t task, char *text, size_t size) {
    if (task == FO_NO_TASK) {
        (void)snprintf(text, size, "the job");
        return text;
    }
    return ex_task_name_print(job->spec->graph, task, text, size);
}

void ex_job_tell(const struct ex_job *job, enum ex_change_kind kind, const struct fo_action *action,
                 const struct ex_failure *failure) {
    const struct ex_change change = {.kind = kind, .action = action, .failure = failure};

    if (job->manager->observer)
        job->manager->observer(job->manager->observer_ctx, job, &change);
}

/* ---- life ---- */

static int make_metrics(struct ex_job *job, struct ex_job *replaced) {
    const struct fo_job_config *decisions = &job->spec->decisions;
    const struct ex_job_identity identity = {
        .engine = job->engine->name,
        .job_name = job->spec->name,
        .job_id = job->id,
        .restart_strategy = job->spec->strategy_unknown
                                ? "unknown"
                                : strategy_names[decisions->restart_strategy.kind],
        .failover_strategy = decisions->failover_strategy == FO_FAILOVER_FULL ? "full" : "region",
    };

    return ex_job_metrics_init(&job->metrics, &job->manager->families, &identity, job->core,
                               replaced ? &replaced->metrics : NULL);
}

static int make_task_times(struct ex_job *job) {
    uint32_t count = fo_graph_task_count(job->spec->graph);

    job->task_times = calloc(count, sizeof *job->task_times);
    if (!job->task_times)
        return -ENOMEM;
    for (uint32_t task = 0; task < count; task++)
        job->task_times[task].since_ms = job->submitted_ms;
    job->tasks_changed_ms = job->submitted_ms;
    return 0;
}

int ex_job_note_sequence(struct ex_job *job, uint32_t task, uint64_t sequence) {
    if (!job->sequences)
        job->sequences = calloc(fo_graph_task_count(job->spec->graph), sizeof *job->sequences);
    if (!job->sequences)
        return -ENOMEM;
    if (sequence > job->sequences[task].current)
        job->sequences[task].current = sequence;
    return 0;
}

void ex_job_keep_failure(struct ex_job *job, struct ex_failure *failure) {
    if (job->newest_failure)
        job->newest_failure->next = failure;
    else
        job->failures = failure;
    job->newest_failure = failure;
    failure->job = job;
    job->failures_kept++;
}

static void free_failures(struct ex_job *job) {
    while (job->failures) {
        struct ex_failure *next = job->failures->next;
        (void)ex_failure_free(job->failures);
        job->failures = next;
    }
}

static void on_timer_closed(uv_handle_t *handle) {
    struct ex_job *job = handle->data;

    free_failures(job);
    (void)fo_job_free(job->core);
    (void)ex_job_spec_unref(job->spec);
    ex_buffer_done(&job->engine_state);
    free(job->task_times);
    free(job->sequences);
    ex_marks_done(&job->marks);
    free(job);
}

static int list_job(struct ex_job *job) {
    struct ex_manager *manager = job->manager;

    job->id_node.name = fo_str_of(job->id);
    job->name_node.name = fo_str_of(job->spec->name);
    int ret = ex_name_table_add(&manager->by_id, &job->id_node);
    if (ret < 0)
        return ret;
    ret = ex_name_table_add(&manager->by_name, &job->name_node);
    if (ret < 0) {
        ex_name_table_remove(&manager->by_id, &job->id_node);
        return ret;
    }
    TAILQ_INSERT_TAIL(&manager->jobs, job, link);
    return 0;
}

static void set_id(struct ex_job *job, const char *id) {
    if (id)
        (void)snprintf(job->id, sizeof job->id, "%s", id);
    else
        ex_random_hex(job->id, EX_JOB_ID_LEN / 2);
}

static int make_core(struct ex_job *job, const struct ex_job_birth *birth,
                     struct fo_error *reterr) {
    const struct fo_job_config *decisions = &job->spec->decisions;
    struct fo_graph *graph = job->spec->graph;
    bool lives_on = birth->engine->ops->tasks_live_on;

    if (birth->saved.len == 0)
        return fo_job_new(decisions, graph, NULL, job->submitted_ms, &job->core, reterr);
    return (lives_on ? fo_job_restore_running : fo_job_restore)(
        decisions, graph, NULL, ex_clock_ms(), birth->saved, &job->core);
}

int ex_job_new(struct ex_manager *manager, const struct ex_job_birth *birth,
               struct ex_job **ret_job, struct fo_error *reterr) {
    struct ex_job *job = calloc(1, sizeof *job);

    if (!job)
        return -ENOMEM;
    job->manager = manager;
    job->engine = birth->engine;
    job->spec = ex_job_spec_ref(birth->spec);
    job->submitted_ms = birth->submitted_ms;
    job->tally.start_ms = ex_clock_ms();
    ex_buffer_init(&job->engine_state, EX_MIRROR_STATE_MAX_BYTES);
    set_id(job, birth->id);
    int ret = make_task_times(job);
    if (ret == 0)
        ret = ex_marks_init(&job->marks, fo_graph_task_count(job->spec->graph));
    if (ret == 0)
        ret = make_core(job, birth, reterr);
    if (ret < 0)
        goto fail;
    ret = make_metrics(job, birth->replaced);
    if (ret < 0)
        goto fail_core;
    ret = uv_timer_init(manager->loop, &job->timer);
    if (ret < 0)
        goto fail_metrics;
    job->timer.data = job;
    ret = list_job(job);
    if (ret < 0)
        goto fail_timer;
    *ret_job = job;
    return 0;

fail_timer:
    uv_close((uv_handle_t *)&job->timer, on_timer_closed); /* frees it, but for its metrics */
    ex_job_metrics_done(&job->metrics);
    return ret;
fail_metrics:
    ex_job_metrics_done(&job->metrics);
fail_core:
    (void)fo_job_free(job->core);
fail:
    ex_marks_done(&job->marks);
    free(job->task_times);
    (void)ex_job_spec_unref(job->spec);
    free(job);
    return ret;
}

/* Every entry about it has been released before this one. */
static void on_gone(struct ex_entry *entry, bool durable) {
    struct ex_job *job = (struct ex_job *)((char *)entry - offsetof(struct ex_job, going));

    (void)durable;
    uv_close((uv_handle_t *)&job->timer, on_timer_closed);
}

/* Off every list; its counters go. */
static void unlist_job(struct ex_job *job) {
    TAILQ_REMOVE(&job->manager->jobs, job, link);
    ex_name_table_remove(&job->manager->by_id, &job->id_node);
    ex_name_table_remove(&job->manager->by_name, &job->name_node);
    ex_job_metrics_done(&job->metrics);
    (void)uv_timer_stop(&job->timer);
    job->gone = true;
}

void ex_job_forget(struct ex_job *job) {
    unlist_job(job);
    uv_close((uv_handle_t *)&job->timer, on_timer_closed);
}

void ex_job_remove(struct ex_job *job) {
    struct ex_manager *manager = job->manager;

    ex_job_settle(job);
    unlist_job(job);
    ex_persist_job_gone(job);
    job->going.release = on_gone;
    ex_persist_write(&manager->persist, &manager->ledger, &job->going);
}

/* ---- ending ---- */

static void on_retention_over(uv_timer_t *timer) {
    ex_job_remove(timer->data);
}

void ex_job_retain(struct ex_job *job, int64_t retention_ms) {
    (void)uv_timer_start(&job->timer, on_retention_over, (uint64_t)retention_ms, 0);
}

void ex_job_on_closed(struct ex_job *job) {
    job->closed = true;
    job->engine_job = NULL;
    if (fo_job_state_is_terminal(fo_job_state(job->core))) {
        job->ended_ms = ex_clock_wall_ms();
        ex_persist_mark(job);
    }
    ex_job_tell(job, EX_CHANGE_CLOSED, NULL, NULL);
    ex_job_retain(job, job->manager->retention_ms);
}
