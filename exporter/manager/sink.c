/* SPDX-License-Identifier: Apache-2.0 */
/* What engines say: it waits in a queue until the loop comes round, and is then handled in order.
 */
#include <errno.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/manager/job.h"

enum { SPARE_MESSAGES_MAX = 4096 };

/* ---- messages ---- */

static void free_message(struct ex_manager *manager, struct ex_message *message) {
    if (manager->spare_message_count == SPARE_MESSAGES_MAX) {
        free(message);
        return;
    }
    STAILQ_INSERT_HEAD(&manager->spare_messages, message, link);
    manager->spare_message_count++;
}

/* NULL without memory. */
static struct ex_message *new_message(struct ex_manager *manager) {
    struct ex_message *message = STAILQ_FIRST(&manager->spare_messages);

    if (!message)
        return malloc(sizeof *message);
    STAILQ_REMOVE_HEAD(&manager->spare_messages, link);
    manager->spare_message_count--;
    return message;
}

void ex_manager_drop_messages(struct ex_manager *manager) {
    while (!STAILQ_EMPTY(&manager->messages)) {
        struct ex_message *message = STAILQ_FIRST(&manager->messages);
        STAILQ_REMOVE_HEAD(&manager->messages, link);
        ex_job_answer(message->job, message->token, &(struct ex_answer){.error = -ESHUTDOWN});
        (void)ex_failure_free(message->failure);
        free(message);
    }
    while (!STAILQ_EMPTY(&manager->spare_messages))
        free(new_message(manager));
}

/* ---- their handling ---- */

static enum ex_rejection rejection_of(int error) {
    if (error == -ENOENT)
        return EX_REJECTED_UNKNOWN_TASK;
    if (error == -EINVAL)
        return EX_REJECTED_MALFORMED;
    if (error == -ENOMEM)
        return EX_REJECTED_LIMIT;
    return EX_REJECTED_STALE_ATTEMPT;
}

/* Whether the attempt ends because we asked it to: then its end is no failure, however it looks. */
static bool is_asked_for(const struct ex_job *job, const struct fo_event *event) {
    return event->task < fo_graph_task_count(job->spec->graph) &&
           fo_job_task_attempt(job->core, event->task) == event->attempt &&
           fo_job_task_state(job->core, event->task) == FO_TASK_CANCELING;
}

static void handle_failure(struct ex_job *job, struct fo_event *event, struct ex_failure *failure,
                           void *token) {
    struct ex_manager *manager = job->manager;

    failure->id = manager->next_failure_id++;
    failure->at_ms = ex_clock_wall_ms();
    ex_failure_categorise(manager, failure);
    event->cause = (struct fo_cause){
        .failure_id = failure->id,
        .non_recoverable = failure->evidence.non_recoverable,
        .lost = failure->evidence.lost,
        .labels = failure->verdict.items,
        .label_count = failure->verdict.count,
    };
    int ret = ex_job_feed(job, &(struct ex_input){.event = event}, failure, token);
    if (ret < 0)
        ex_manager_reject(manager, rejection_of(ret), 1);
}

/* What its reporter can say again later is refused while too much waits for the disk. */
static bool refuse_report(struct ex_message *message) {
    struct ex_manager *manager = message->job->manager;

    if (!message->token || !ex_persist_is_full(manager))
        return false;
    if (message->failure)
        ex_manager_reject(manager, EX_REJECTED_LIMIT, 1);
    (void)ex_failure_free(message->failure);
    ex_job_answer(message->job, message->token, &(struct ex_answer){.error = -ENOSPC});
    return true;
}

static void handle_event(struct ex_message *message) {
    struct ex_job *job = message->job;
    struct fo_event *event = &message->event;
    struct ex_failure *failure = message->failure;

    if (refuse_report(message))
        return;
    /* Before the step, so that both are in one batch; a refused report changes no number that
     * counts: a later one is higher. */
    if (message->sequence > 0 && event->task < fo_graph_task_count(job->spec->graph) &&
        ex_job_note_sequence(job, event->task, message->sequence) == 0)
        ex_persist_mark_task(job, event->task);
    if (failure && !is_asked_for(job, event)) {
        handle_failure(job, event, failure, message->token);
        return;
    }
    (void)ex_failure_free(failure);
    int ret = ex_job_feed(job, &(struct ex_input){.event = event}, NULL, message->token);
    if (ret < 0 && !message->token && ret != -ESTALE && ret != -EALREADY)
        ex_job_log_refused(job, event->task, event->state, ret);
}

/* Handles what was said so far, one message at a time. From the loop, never from inside an engine's
 * call: so neither side is ever entered again while it is still at work. */
static void on_drain(uv_idle_t *drainer) {
    struct ex_manager *manager = drainer->data;

    (void)uv_idle_stop(drainer);
    while (!STAILQ_EMPTY(&manager->messages)) {
        struct ex_message *first = STAILQ_FIRST(&manager->messages);
        struct ex_message message = *first;
        STAILQ_REMOVE_HEAD(&manager->messages, link);
        free_message(manager, first); /* now: whoever is told of a job's end may free the manager */
        if (message.closed)
            ex_job_on_closed(message.job);
        else
            handle_event(&message);
    }
    ex_manager_end_if_quiet(manager);
}

void ex_manager_handle_soon(struct ex_manager *manager) {
    (void)uv_idle_start(&manager->drainer, on_drain);
}

/* ---- what an engine calls ---- */

static void post(struct ex_job *job, const struct ex_message *content) {
    struct ex_message *message = new_message(job->manager);

    if (!message) {
        /* Losing what an engine says would leave a task running for ever in our books. */
        ex_log_plain(EX_LOG_ERROR, "No memory for an engine's report; the daemon ends.");
        abort();
    }
    *message = *content;
    message->job = job;
    STAILQ_INSERT_TAIL(&job->manager->messages, message, link);
    ex_manager_handle_soon(job->manager);
}

static void on_report(void *owner, const struct ex_report *report) {
    struct ex_job *job = owner;
    struct ex_message message = {
        .event = {.kind = FO_EVENT_TASK_STATE,
                  .task = report->task,
                  .attempt = report->attempt,
                  .state = report->state,
                  .cause = {.lost = {.producer = FO_NO_TASK}}},
        .token = report->token,
        .sequence = report->sequence,
    };

    if (report->evidence && ex_failure_new(report, &message.failure) < 0) {
        ex_log_plain(EX_LOG_ERROR, "No memory for a failure; the daemon ends.");
        abort();
    }
    post(job, &message);
}

static void on_partition_lost(void *owner, struct fo_partition partition) {
    post(owner,
         &(struct ex_message){.event = {.kind = FO_EVENT_PARTITION_LOST, .partition = partition}});
}

static void on_job_closed(void *owner) {
    post(owner, &(struct ex_message){.closed = true});
}

const struct ex_engine_sink *ex_manager_sink(void) {
    static const struct ex_engine_sink sink = {
        .report = on_report,
        .partition_lost = on_partition_lost,
        .job_closed = on_job_closed,
    };

    return &sink;
}
