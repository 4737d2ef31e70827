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
        .restart_strategy = strategy_names[decisions->restart_strategy.kind],
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

int ex_job_new(struct ex_manager *manager, const struct ex_engine *engine, struct ex_job_spec *spec,
               struct ex_job *replaced, struct ex_job **ret_job, struct fo_error *reterr) {
    struct ex_job *job = calloc(1, sizeof *job);

    if (!job)
        return -ENOMEM;
    job->manager = manager;
    job->engine = engine;
    job->spec = ex_job_spec_ref(spec);
    job->submitted_ms = ex_clock_ms();
    ex_random_hex(job->id, EX_JOB_ID_LEN / 2);
    int ret = make_task_times(job);
    if (ret < 0)
        goto fail;
    ret = fo_job_new(&spec->decisions, spec->graph, NULL, job->submitted_ms, &job->core, reterr);
    if (ret < 0)
        goto fail;
    ret = make_metrics(job, replaced);
    if (ret < 0)
        goto fail_core;
    ret = uv_timer_init(manager->loop, &job->timer);
    if (ret < 0)
        goto fail_metrics;
    job->timer.data = job;
    TAILQ_INSERT_TAIL(&manager->jobs, job, link);
    *ret_job = job;
    return 0;

fail_metrics:
    ex_job_metrics_done(&job->metrics);
fail_core:
    (void)fo_job_free(job->core);
fail:
    free(job->task_times);
    (void)ex_job_spec_unref(job->spec);
    free(job);
    return ret;
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
    free(job->task_times);
    free(job);
}

void ex_job_remove(struct ex_job *job) {
    ex_job_settle(job);
    TAILQ_REMOVE(&job->manager->jobs, job, link);
    ex_job_metrics_done(&job->metrics);
    uv_close((uv_handle_t *)&job->timer, on_timer_closed);
}

/* ---- failures ---- */

/* Drops the failures that the history no longer speaks of. */
static void prune_failures(struct ex_job *job) {
    uint64_t oldest_root =
        fo_job_history_count(job->core) > 0 ? fo_job_history(job->core, 0).failure_id : UINT64_MAX;

    while (job->failures != job->newest_failure && job->failures->labelled &&
           (job->failures->id < oldest_root || job->failures_kept > EX_JOB_FAILURES_KEPT_MAX)) {
        struct ex_failure *next = job->failures->next;
        (void)ex_failure_free(job->failures);
        job->failures = next;
        job->failures_kept--;
    }
}

static void keep_failure(struct ex_job *job, struct ex_failure *failure) {
    if (job->newest_failure)
        job->newest_failure->next = failure;
    else
        job->failures = failure;
    job->newest_failure = failure;
    failure->job = job;
    job->failures_kept++;
    job->failure_count++;
}

static void log_decision(const struct ex_job *job, const struct ex_failure *failure,
                         const struct fo_decision *decision) {
    char task[FO_ID_MAX + 16];

    ex_log(EX_LOG_WARN, decision->restart ? "Task failed; restarting." : "Task failed; giving up.",
           EX_TEXT("job_name", job->spec->name),
           EX_TEXT("task", ex_job_task_name(job, failure->task, task, sizeof task)),
           EX_INT("attempt", failure->attempt), EX_STR("cause", failure->evidence.message),
           EX_STR("category", ex_failure_label(failure, "category")),
           EX_INT("restarted_tasks", decision->restart_count),
           EX_INT("delay_ms", decision->delay_ms));
}

static void on_decision(struct ex_job *job, const struct fo_action *action,
                        struct ex_failure *failure) {
    const struct fo_decision *decision = &action->decision;

    ex_job_metrics_count_exhausted(&job->metrics, decision->exhausted);
    if (failure && !decision->manual) {
        failure->decision = *decision;
        failure->decided = true;
        log_decision(job, failure, decision);
    }
    if (failure && !decision->restart)
        ex_job_tell_exhausted(job, failure);
    ex_job_tell(job, EX_CHANGE_DECIDED, action, decision->manual ? NULL : failure);
}

/* ---- carrying out ---- */

static void on_task_state(struct ex_job *job, const struct fo_action *action, int64_t now_ms) {
    struct ex_task_times *times = &job->task_times[action->task];

    times->since_ms = now_ms;
    if (action->task_to == FO_TASK_DEPLOYING)
        times->deploying_ms = now_ms;
    else if (action->task_to == FO_TASK_CREATED || action->task_to == FO_TASK_SCHEDULED)
        times->deploying_ms = 0;
    job->tasks_changed_ms = now_ms;
    ex_job_tell(job, EX_CHANGE_TASK_STATE, action, NULL);
}

static void on_job_state(struct ex_job *job, const struct fo_action *action) {
    ex_log(EX_LOG_INFO, "Job switched state.", EX_TEXT("job_name", job->spec->name),
           EX_TEXT("job_id", job->id), EX_TEXT("from", fo_job_state_name(action->job_from)),
           EX_TEXT("to", fo_job_state_name(action->job_to)));
    ex_job_tell(job, EX_CHANGE_JOB_STATE, action, NULL);
}

static void on_recovered(struct ex_job *job, const struct fo_action *action, int64_t now_ms) {
    int64_t duration_ms = now_ms - action->incident.began_ms;

    ex_job_metrics_count_recovery(&job->metrics, duration_ms);
    ex_log(EX_LOG_INFO, "Job recovered.", EX_TEXT("job_name", job->spec->name),
           EX_INT("incident", (int64_t)action->incident.id), EX_INT("duration_ms", duration_ms));
    ex_job_tell_recovered(job, action->incident.id, duration_ms);
    ex_job_tell(job, EX_CHANGE_RECOVERED, action, NULL);
}

/* What the engine is asked for is told in batches of one kind, however many changes of state stand
 * between: tasks that start together are wired together. */
struct batch {
    enum fo_action_kind kind;
    uint32_t count; /* of manager->attempts */
};

static void tell_engine(struct ex_job *job, struct batch *batch) {
    const struct ex_engine_ops *ops = job->engine->ops;
    const struct ex_task_attempt *attempts = job->manager->attempts;
    uint32_t count = batch->count;

    if (count == 0)
        return;
    batch->count = 0;
    if (batch->kind == FO_ACTION_DEPLOY)
        ops->deploy(job->engine_job, attempts, count);
    else if (batch->kind == FO_ACTION_CANCEL)
        ops->cancel(job->engine_job, attempts, count);
    else
        ops->withdraw(job->engine_job, attempts, count);
}

static void add_to_batch(struct ex_job *job, struct batch *batch, const struct fo_action *action) {
    if (batch->kind != action->kind)
        tell_engine(job, batch);
    batch->kind = action->kind;
    job->manager->attempts[batch->count++] =
        (struct ex_task_attempt){action->task, action->attempt};
}

/* What has changed, told to observers, listeners and counters. */
static void tell_changes(struct ex_job *job, struct ex_failure *failure, int64_t now_ms) {
    const struct fo_actions *actions = &job->manager->actions;

    for (size_t i = 0; i < actions->count; i++) {
        const struct fo_action *action = &actions->items[i];
        switch (action->kind) {
        case FO_ACTION_DEPLOY:
        case FO_ACTION_CANCEL:
        case FO_ACTION_WITHDRAW:
            break; /* command_engine() */
        case FO_ACTION_TASK_STATE:
            on_task_state(job, action, now_ms);
            break;
        case FO_ACTION_JOB_STATE:
            on_job_state(job, action);
            break;
        case FO_ACTION_DECISION:
            on_decision(job, action, failure);
            break;
        case FO_ACTION_RECOVERED:
            on_recovered(job, action, now_ms);
            break;
        }
    }
}

static void command_engine(struct ex_job *job) {
    const struct fo_actions *actions = &job->manager->actions;
    struct batch batch = {.count = 0};

    for (size_t i = 0; i < actions->count; i++) {
        enum fo_action_kind kind = actions->items[i].kind;
        if (kind == FO_ACTION_DEPLOY || kind == FO_ACTION_CANCEL || kind == FO_ACTION_WITHDRAW)
            add_to_batch(job, &batch, &actions->items[i]);
    }
    tell_engine(job, &batch);
}

static void on_timer(uv_timer_t *timer);

/* Sleeps until the core changes by itself. */
static void arm_timer(struct ex_job *job, int64_t now_ms) {
    int64_t deadline_ms = fo_next_deadline(job->core);

    if (deadline_ms == FO_NEVER) {
        (void)uv_timer_stop(&job->timer);
        return;
    }
    uint64_t wait_ms = deadline_ms > now_ms ? (uint64_t)(deadline_ms - now_ms) : 0;
    uv_update_time(job->manager->loop);
    (void)uv_timer_start(&job->timer, on_timer, wait_ms, 0);
}

static void close_if_ended(struct ex_job *job) {
    enum fo_job_state state = fo_job_state(job->core);

    if (job->closing || !(fo_job_state_is_terminal(state) || state == FO_JOB_SUSPENDED))
        return;
    job->closing = true;
    job->engine->ops->close_job(job->engine_job);
}

/* Room for a batch of every action of the step, before anything is carried out. */
static int reserve_attempts(struct ex_manager *manager) {
    if (manager->actions.count <= manager->attempts_capacity)
        return 0;
    struct ex_task_attempt *attempts =
        realloc(manager->attempts, manager->actions.capacity * sizeof *attempts);
    if (!attempts)
        return -ENOMEM;
    manager->attempts = attempts;
    manager->attempts_capacity = manager->actions.capacity;
    return 0;
}

int ex_job_feed(struct ex_job *job, struct fo_event *event, struct ex_failure *failure) {
    struct ex_manager *manager = job->manager;
    int64_t now_ms = ex_clock_ms();
    uint64_t started_ns = ex_clock_ns();

    manager->actions.count = 0;
    int ret = fo_job_step(job->core, event, now_ms, ex_random_next(&manager->random_state),
                          &manager->actions);
    if (ret < 0 || (ret = reserve_attempts(manager)) < 0) {
        (void)ex_failure_free(failure);
        return ret;
    }
    ex_job_metrics_begin(&job->metrics);
    if (failure) {
        ex_failure_metrics_accept(&manager->account, (double)(ex_clock_ns() - started_ns) / 1e9);
        keep_failure(job, failure);
    }
    tell_changes(job, failure, now_ms);
    if (failure)
        ex_failure_offer(job, failure);
    prune_failures(job);
    ex_job_metrics_end(&job->metrics, job->core, now_ms);
    command_engine(job); /* after the bracket, which must be short: this starts processes */
    arm_timer(job, now_ms);
    close_if_ended(job);
    return 0;
}

static void on_timer(uv_timer_t *timer) {
    struct ex_job *job = timer->data;
    struct fo_event event = {.kind = FO_EVENT_TIME};

    int ret = ex_job_feed(job, &event, NULL);
    if (ret < 0)
        ex_log(EX_LOG_ERROR, "A due restart could not be handled.",
               EX_TEXT("job_name", job->spec->name), EX_TEXT("error", uv_strerror(ret)));
}

static void on_retention_over(uv_timer_t *timer) {
    ex_job_remove(timer->data);
}

void ex_job_on_closed(struct ex_job *job) {
    struct ex_manager *manager = job->manager;

    job->closed = true;
    job->engine_job = NULL;
    ex_job_tell(job, EX_CHANGE_CLOSED, NULL, NULL);
    (void)uv_timer_start(&job->timer, on_retention_over, (uint64_t)manager->retention_ms, 0);
}
