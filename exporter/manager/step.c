/* SPDX-License-Identifier: Apache-2.0 */
/* One step of a job: the core is asked, the answer is written down, and what it asks for is carried
 * out once that is durable. */
#include <errno.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/random.h"
#include "exporter/manager/job.h"

enum { ACTIONS_KEPT_MAX = 1024 };

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

static void on_decision(struct ex_job *job, const struct fo_action *action,
                        struct ex_failure *failure, int64_t now_ms) {
    const struct fo_decision *decision = &action->decision;

    ex_job_metrics_count_exhausted(&job->metrics, decision->exhausted);
    if (failure && !decision->manual)
        ex_job_log_decision(job, failure, decision, now_ms);
    if (failure && !decision->restart)
        ex_job_tell_exhausted(job, failure);
    ex_job_tell(job, EX_CHANGE_DECIDED, action, decision->manual ? NULL : failure);
}

/* ---- carrying out ---- */

static void on_job_state(struct ex_job *job, const struct fo_action *action, int64_t now_ms) {
    ex_job_log_state(job, action->job_from, action->job_to, now_ms);
    ex_job_tell(job, EX_CHANGE_JOB_STATE, action, NULL);
}

static void on_recovered(struct ex_job *job, const struct fo_action *action, int64_t now_ms) {
    int64_t duration_ms = action->incident.ended_ms - action->incident.began_ms;

    ex_job_metrics_count_recovery(&job->metrics, duration_ms);
    ex_job_log_recovered(job, action->incident.id, duration_ms, now_ms);
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
static void tell_changes(const struct ex_step *step) {
    struct ex_job *job = step->job;

    for (size_t i = 0; i < step->actions.count; i++) {
        const struct fo_action *action = &step->actions.items[i];
        switch (action->kind) {
        case FO_ACTION_DEPLOY:
        case FO_ACTION_CANCEL:
        case FO_ACTION_WITHDRAW:
            break; /* command_engine() */
        case FO_ACTION_TASK_STATE:
            ex_job_tell(job, EX_CHANGE_TASK_STATE, action, NULL);
            break;
        case FO_ACTION_JOB_STATE:
            on_job_state(job, action, step->now_ms);
            break;
        case FO_ACTION_DECISION:
            on_decision(job, action, step->failure, step->now_ms);
            break;
        case FO_ACTION_RECOVERED:
            on_recovered(job, action, step->now_ms);
            break;
        }
    }
}

static void command_engine(const struct ex_step *step) {
    const struct fo_actions *actions = &step->actions;
    struct batch batch = {.count = 0};

    for (size_t i = 0; i < actions->count; i++) {
        enum fo_action_kind kind = actions->items[i].kind;
        if (kind == FO_ACTION_DEPLOY || kind == FO_ACTION_CANCEL || kind == FO_ACTION_WITHDRAW)
            add_to_batch(step->job, &batch, &actions->items[i]);
    }
    tell_engine(step->job, &batch);
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

void ex_job_close(struct ex_job *job) {
    if (job->closing)
        return;
    job->closing = true;
    job->engine->ops->close_job(job->engine_job);
}

void ex_job_let_go(struct ex_job *job) {
    if (!job->closing && job->engine->ops->suspend)
        job->engine->ops->suspend(job->engine_job);
    ex_job_close(job);
}

bool ex_job_lives_on(const struct ex_job *job) {
    return job->engine->ops->tasks_live_on && job->number > 0;
}

/* By this step: the core may have gone on since, to what is not durable. */
static void close_if_ended(const struct ex_step *step) {
    struct ex_job *job = step->job;

    for (size_t i = 0; i < step->actions.count; i++) {
        const struct fo_action *action = &step->actions.items[i];
        bool suspends = action->job_to == FO_JOB_SUSPENDED;
        if (action->kind != FO_ACTION_JOB_STATE ||
            !(suspends || fo_job_state_is_terminal(action->job_to)))
            continue;
        if (suspends)
            ex_job_let_go(job);
        else
            ex_job_close(job);
    }
}

void ex_job_answer(const struct ex_job *job, void *token, const struct ex_answer *answer) {
    if (token)
        job->engine->ops->answered(token, answer);
}

static void answer(const struct ex_step *step) {
    struct ex_answer answer = {.failure_id = step->failure ? step->failure->id : 0};

    for (size_t i = 0; i < step->actions.count; i++) {
        const struct fo_action *action = &step->actions.items[i];
        if (action->kind != FO_ACTION_DECISION)
            continue;
        answer.decision = &action->decision;
        answer.restart = (struct fo_task_list){step->restart, step->restart_count};
    }
    ex_job_answer(step->job, step->token, &answer);
}

/* ---- the life of a step ---- */

static struct ex_step *take_step(struct ex_job *job, struct ex_failure *failure, void *token) {
    struct ex_step *step = STAILQ_FIRST(&job->manager->spare_steps);

    if (step)
        STAILQ_REMOVE_HEAD(&job->manager->spare_steps, spare);
    else
        step = calloc(1, sizeof *step);
    if (step) {
        step->job = job;
        step->failure = failure;
        step->token = token;
        step->restart_count = 0;
    }
    return step;
}

static void free_step(struct ex_step *step) {
    fo_actions_done(&step->actions, NULL);
    free(step->restart);
    free(step);
}

/* A step that took much memory is not kept: the next one is small. */
static void give_step_back(struct ex_step *step) {
    if (step->actions.capacity > ACTIONS_KEPT_MAX || step->restart_capacity > ACTIONS_KEPT_MAX) {
        free_step(step);
        return;
    }
    step->actions.count = 0;
    STAILQ_INSERT_HEAD(&step->job->manager->spare_steps, step, spare);
}

void ex_manager_free_steps(struct ex_manager *manager) {
    while (!STAILQ_EMPTY(&manager->spare_steps)) {
        struct ex_step *step = STAILQ_FIRST(&manager->spare_steps);
        STAILQ_REMOVE_HEAD(&manager->spare_steps, spare);
        free_step(step);
    }
}

static void carry_out(struct ex_step *step) {
    struct ex_job *job = step->job;

    ex_job_metrics_begin(&job->metrics);
    if (step->failure) {
        ex_failure_metrics_accept(&job->manager->account, step->seconds);
        ex_job_keep_failure(job, step->failure);
        job->failure_count++;
    }
    tell_changes(step);
    if (step->failure)
        ex_failure_offer(job, step->failure);
    prune_failures(job);
    ex_job_metrics_show(&job->metrics, &step->view);
    ex_job_metrics_end(&job->metrics);
    answer(step);
    command_engine(step); /* after the bracket, which must be short: this starts processes */
    close_if_ended(step);
}

static void on_release(struct ex_entry *entry, bool durable) {
    struct ex_step *step = (struct ex_step *)entry; /* its first member */

    if (durable) {
        carry_out(step);
    } else {
        ex_job_answer(step->job, step->token, &(struct ex_answer){.error = -ESHUTDOWN});
        (void)ex_failure_free(step->failure);
    }
    give_step_back(step);
}

/* ---- writing it down ---- */

static void note_task_state(struct ex_job *job, const struct fo_action *action, int64_t now_ms) {
    struct ex_task_times *times = &job->task_times[action->task];

    times->since_ms = now_ms;
    if (action->task_to == FO_TASK_DEPLOYING)
        times->deploying_ms = now_ms;
    else if (action->task_to == FO_TASK_CREATED || action->task_to == FO_TASK_SCHEDULED)
        times->deploying_ms = 0;
    if (action->task_to == FO_TASK_CREATED && job->sequences)
        job->sequences[action->task] =
            (struct ex_sequences){.former = job->sequences[action->task].current};
    job->tasks_changed_ms = now_ms;
    ex_persist_mark_task(job, action->task);
}

static void note_decision(const struct ex_step *step, const struct fo_action *action) {
    struct ex_job *job = step->job;
    struct ex_failure *failure = step->failure;
    const struct fo_decision *decision = &action->decision;
    struct fo_task_list tasks = fo_job_decision_tasks(job->core);

    for (uint32_t i = 0; i < tasks.count; i++)
        ex_persist_mark_task(job, tasks.tasks[i]);
    if (decision->exhausted != FO_EXHAUSTED_NOT)
        job->tally.exhausted[decision->exhausted - 1]++;
    if (decision->manual)
        ex_by_hand_add(&job->by_hand, (struct ex_restart_by_hand){step->now_ms, action->task,
                                                                  decision->restart_count});
    if (!failure || decision->manual)
        return;
    failure->decision = *decision;
    failure->decided = true;
    if (!decision->restart)
        ex_job_store_exhausted(job, failure);
}

static void note_recovered(struct ex_job *job, const struct fo_action *action, int64_t now_ms) {
    job->tally.recoveries++;
    ex_job_store_recovered(job, action->incident.id, now_ms - action->incident.began_ms);
}

/* All that the step has changed, into our books and the next batch. */
static void write_down(struct ex_step *step) {
    struct ex_job *job = step->job;

    for (size_t i = 0; i < step->actions.count; i++) {
        const struct fo_action *action = &step->actions.items[i];
        if (action->kind == FO_ACTION_TASK_STATE)
            note_task_state(job, action, step->now_ms);
        else if (action->kind == FO_ACTION_DECISION)
            note_decision(step, action);
        else if (action->kind == FO_ACTION_RECOVERED)
            note_recovered(job, action, step->now_ms);
    }
    if (step->failure) {
        job->tally.accepted++;
        ex_failure_keep_decision(step->failure, fo_job_decision_tasks(job->core),
                                 fo_job_budget(job->core, step->now_ms));
        ex_failure_finish_early(job, step->failure);
        ex_persist_failure(job, step->failure);
    }
    step->view = ex_job_view_of(job->core, step->now_ms);
    ex_persist_mark(job);
}

/* ---- stepping ---- */

/* The core has gone on: what it asks for must not get lost. */
static _Noreturn void die_without_memory(void) {
    ex_log_plain(EX_LOG_ERROR, "No memory to carry out what was decided; the daemon ends.");
    abort();
}

/* Room for a batch of every action of the step, before anything is carried out. */
static void reserve_attempts(struct ex_manager *manager, const struct fo_actions *actions) {
    if (actions->count <= manager->attempts_capacity)
        return;
    struct ex_task_attempt *attempts =
        realloc(manager->attempts, actions->capacity * sizeof *attempts);
    if (!attempts)
        die_without_memory();
    manager->attempts = attempts;
    manager->attempts_capacity = actions->capacity;
}

/* Of somebody who waits for the answer; the core says it until its next step only. */
static void copy_decision(struct ex_step *step) {
    struct fo_task_list tasks = fo_job_decision_tasks(step->job->core);

    if (!step->token || !step->failure || tasks.count == 0)
        return;
    if (tasks.count > step->restart_capacity) {
        free(step->restart);
        step->restart = malloc(tasks.count * sizeof *tasks.tasks);
        step->restart_capacity = tasks.count;
    }
    if (!step->restart)
        die_without_memory();
    memcpy(step->restart, tasks.tasks, tasks.count * sizeof *tasks.tasks);
    step->restart_count = tasks.count;
}

static int ask_core(struct ex_step *step, const struct ex_input *input) {
    struct fo_job *core = step->job->core;
    uint64_t random = ex_random_next(&step->job->manager->random_state);

    if (input->mirror)
        return fo_job_mirror(core, input->mirror, step->now_ms, &step->actions);
    if (input->mirror_failure)
        return fo_job_mirror_failure(core, input->mirror_failure, step->now_ms, random,
                                     &step->actions);
    return fo_job_step(core, input->event, step->now_ms, random, &step->actions);
}

static int take(struct ex_step *step, const struct ex_input *input) {
    struct ex_manager *manager = step->job->manager;
    uint64_t started_ns = ex_clock_ns();

    step->now_ms = ex_clock_ms();
    int ret = ask_core(step, input);
    if (ret < 0)
        return ret;
    copy_decision(step);
    reserve_attempts(manager, &step->actions);
    step->seconds = (double)(ex_clock_ns() - started_ns) / 1e9;
    write_down(step);
    return 0;
}

int ex_job_feed(struct ex_job *job, const struct ex_input *input, struct ex_failure *failure,
                void *token) {
    struct ex_step *step = take_step(job, failure, token);
    int ret = step ? take(step, input) : -ENOMEM;

    if (ret < 0) {
        (void)ex_failure_free(failure);
        ex_job_answer(job, token, &(struct ex_answer){.error = ret});
        if (step)
            give_step_back(step);
        return ret;
    }
    arm_timer(job, step->now_ms);
    step->entry.release = on_release;
    ex_persist_write(&job->manager->persist, &job->manager->ledger, &step->entry);
    return 0;
}

static void on_timer(uv_timer_t *timer) {
    struct ex_job *job = timer->data;
    const struct fo_event event = {.kind = FO_EVENT_TIME};

    int ret = ex_job_feed(job, &(struct ex_input){.event = &event}, NULL, NULL);
    if (ret < 0)
        ex_log(EX_LOG_ERROR, "A due restart could not be handled.",
               EX_TEXT("job_name", job->spec->name), EX_TEXT("error", uv_strerror(ret)));
}
