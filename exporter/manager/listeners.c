/* SPDX-License-Identifier: Apache-2.0 */
/* A failure's round of the listeners, after its decision: asked, labelled, counted once. */
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/config/task_name.h"
#include "exporter/events/event.h"
#include "exporter/manager/job.h"

enum { TASK_NAME_BYTES = FO_ID_MAX + 16, EXCEPTIONS_TOLD = 32 };

/* ---- counting ---- */

static void count_in_job(void *ctx, const struct fo_str *values) {
    const struct ex_failure *failure = ctx;
    const struct ex_failure_trace trace = {
        .job_id = failure->job->id,
        .failure_id = failure->id,
        .time_ms = failure->at_ms,
    };

    ex_job_metrics_count_failure(&failure->job->metrics, values, &trace);
}

static uint32_t append(const struct ex_label_set *set,
                       struct fo_label labels[static EX_BANK_LABELS_MAX], uint32_t count) {
    for (uint32_t i = 0; i < set->count && count < EX_BANK_LABELS_MAX; i++)
        labels[count++] = set->items[i];
    return count;
}

static uint32_t merge(struct ex_manager *manager, struct ex_failure *failure,
                      struct fo_label labels[static EX_BANK_LABELS_MAX]) {
    const struct ex_label_set *verdict = &failure->verdict;
    uint32_t count = manager->bank ? ex_bank_take(manager->bank, &failure->ticket, verdict->items,
                                                  verdict->count, labels)
                                   : append(verdict, labels, 0);

    return append(&failure->passed, labels, count);
}

static struct fl_event event_of(const struct ex_job *job, enum fl_event_kind kind) {
    return (struct fl_event){
        .size = sizeof(struct fl_event),
        .abi = FL_ABI,
        .kind = (int32_t)kind,
        .time_ms = ex_clock_wall_ms(),
        .engine = fo_str_of(job->engine->name),
        .job_id = fo_str_of(job->id),
        .job_name = fo_str_of(job->spec->name),
    };
}

/* An event about a failure; `task` holds the name as long as the event is used. */
static struct fl_event event_about(const struct ex_job *job, enum fl_event_kind kind,
                                   const struct ex_failure *failure,
                                   char task[static TASK_NAME_BYTES]) {
    struct fl_event event = event_of(job, kind);

    event.incident = failure->decision.incident;
    event.failure_id = failure->id;
    event.message = failure->evidence.message;
    if (failure->task != FO_NO_TASK)
        event.task = fo_str_of(ex_job_task_name(job, failure->task, task, TASK_NAME_BYTES));
    return event;
}

static void tell(const struct ex_manager *manager, const struct fl_event *event) {
    if (manager->bank)
        ex_bank_tell(manager->bank, event);
    if (manager->tap)
        manager->tap(manager->tap_ctx, NULL, event);
}

static struct fl_event labelled_event(const struct ex_job *job, const struct ex_failure *failure,
                                      char task[static TASK_NAME_BYTES]) {
    struct fl_event event = event_about(job, FL_EVENT_LABELLED, failure, task);

    event.labels = failure->labels.items;
    event.label_count = failure->labels.count;
    return event;
}

static void tell_labelled(const struct ex_job *job, const struct ex_failure *failure) {
    char task[TASK_NAME_BYTES];
    struct fl_event event = labelled_event(job, failure, task);

    tell(job->manager, &event);
    ex_job_tell(job, EX_CHANGE_LABELLED, NULL, failure);
}

/* To listeners that acknowledge, once that it is final is durable. */
static void deliver_labelled(const struct ex_job *job, const struct ex_failure *failure) {
    char task[TASK_NAME_BYTES];

    if (!ex_deliveries_are_wanted(job->manager, FL_EVENT_LABELLED))
        return;
    struct fl_event event = labelled_event(job, failure, task);
    ex_deliveries_add(job->manager, &event);
}

/* The labels are final: the failure is counted, once, when that is durable. */
static void finish(struct ex_job *job, struct ex_failure *failure) {
    struct fo_label labels[EX_BANK_LABELS_MAX];
    uint32_t label_count = merge(job->manager, failure, labels);

    if (ex_label_set_copy(&failure->labels, labels, label_count) < 0)
        ex_log_plain(EX_LOG_WARN, "No memory for the labels of a failure; it shows none.");
    ex_ticket_done(&failure->ticket);
    failure->is_final = true;
    ex_persist_counted(job, failure);
    deliver_labelled(job, failure);
}

void ex_failure_finish_early(struct ex_job *job, struct ex_failure *failure) {
    if (!job->manager->bank || !ex_bank_has_to_ask(job->manager->bank))
        finish(job, failure);
}

/* Inside the job's metrics bracket. */
static void count(struct ex_job *job, struct ex_failure *failure) {
    struct ex_manager *manager = job->manager;
    const struct ex_failure_class class = {
        .type = ex_failure_label(failure, "type"),
        .category = ex_failure_label(failure, "category"),
    };

    failure->labelled = true;
    counting_on_labelled(manager->counting, failure->labels.items, failure->labels.count,
                         count_in_job, failure);
    ex_failure_metrics_count(&manager->account, &class);
    tell_labelled(job, failure);
}

/* ---- the round ---- */

/* Later than the decision: in a bracket of its own. */
static void on_counting(struct ex_entry *entry, bool durable) {
    struct ex_failure *failure =
        (struct ex_failure *)((char *)entry - offsetof(struct ex_failure, counting));
    struct ex_job *job = failure->job;

    if (!durable)
        return;
    ex_job_metrics_begin(&job->metrics);
    count(job, failure);
    ex_job_metrics_end(&job->metrics);
}

static void settle(struct ex_failure *failure) {
    struct ex_manager *manager = failure->job->manager;

    finish(failure->job, failure);
    ex_persist_labelled(failure->job, failure);
    failure->counting.release = on_counting;
    ex_persist_write(&manager->persist, &manager->ledger, &failure->counting);
}

static void end_round(struct ex_failure *failure) {
    struct ex_manager *manager = failure->job->manager;

    manager->pending--;
    settle(failure);
    ex_manager_on_settled(manager);
}

static void on_final(struct ex_ticket *ticket) {
    end_round((struct ex_failure *)((char *)ticket - offsetof(struct ex_failure, ticket)));
}

void ex_job_settle(struct ex_job *job) {
    for (struct ex_failure *failure = job->failures; failure; failure = failure->next) {
        if (!failure->is_final)
            end_round(failure);
    }
}

static uint32_t list_exceptions(const struct ex_evidence *evidence,
                                struct fl_exception ret_list[static EXCEPTIONS_TOLD]) {
    uint32_t told = evidence->exception_count;

    if (told > EXCEPTIONS_TOLD)
        told = EXCEPTIONS_TOLD;
    for (uint32_t i = 0; i < told; i++)
        ret_list[i] = (struct fl_exception){evidence->exceptions[i].class_name,
                                            evidence->exceptions[i].message};
    return told;
}

static void describe_task(const struct ex_job *job, const struct ex_failure *failure, char *text,
                          struct fl_failure *told) {
    if (failure->task == FO_NO_TASK) {
        told->failure_type = FL_FAILURE_GLOBAL;
        return;
    }
    told->failure_type = FL_FAILURE_TASK;
    told->task = fo_str_of(ex_job_task_name(job, failure->task, text, TASK_NAME_BYTES));
    const char *bracket = strrchr(text, '[');
    told->vertex = (struct fo_str){text, bracket ? (size_t)(bracket - text) : told->task.len};
    told->subtask = bracket ? (uint32_t)strtoul(bracket + 1, NULL, 10) : 0; /* text of ours */
    told->attempt = failure->attempt;
}

static void describe_evidence(struct ex_manager *manager, const struct ex_failure *failure,
                              struct fl_failure *told) {
    const struct ex_evidence *evidence = &failure->evidence;

    ex_buffer_reset(&manager->output);
    ex_buffer_append_str(&manager->output, evidence->output_head);
    ex_buffer_append_str(&manager->output, evidence->output_tail);
    told->exit_code = evidence->exit_code;
    told->signal = evidence->signal;
    told->core_dumped = evidence->core_dumped;
    told->cgroup_oom_kill = (int32_t)evidence->cgroup_oom_kill; /* the enums agree */
    told->deadline_exceeded = evidence->deadline_exceeded;
    told->heartbeat_missed = evidence->heartbeat_missed;
    told->secondary = evidence->secondary;
    told->runtime = evidence->runtime;
    told->platform_reason = evidence->platform_reason;
    told->message = evidence->message;
    told->output = ex_buffer_str(&manager->output);
    told->matched = fo_str_of(failure->matched);
}

/* What is told of a failure; `exceptions` and `task` hold parts of it. */
static struct fl_failure describe(const struct ex_job *job, const struct ex_failure *failure,
                                  struct fl_exception exceptions[static EXCEPTIONS_TOLD],
                                  char task[static TASK_NAME_BYTES]) {
    struct fl_failure told = {
        .size = sizeof told,
        .abi = FL_ABI,
        .id = failure->id,
        .incident = failure->decision.incident,
        .time_ms = failure->at_ms,
        .engine = fo_str_of(job->engine->name),
        .job_id = fo_str_of(job->id),
        .job_name = fo_str_of(job->spec->name),
        .exceptions = exceptions,
        .exception_count = list_exceptions(&failure->evidence, exceptions),
        .labels = failure->verdict.items,
        .label_count = failure->verdict.count,
    };

    describe_task(job, failure, task, &told);
    describe_evidence(job->manager, failure, &told);
    return told;
}

void ex_failure_encode(const struct ex_job *job, const struct ex_failure *failure,
                       struct ex_buffer *out) {
    struct fl_exception exceptions[EXCEPTIONS_TOLD];
    char task[TASK_NAME_BYTES];
    struct fl_failure told = describe(job, failure, exceptions, task);

    ex_event_encode_failure(out, &told, 0);
}

static bool ask(struct ex_job *job, struct ex_failure *failure) {
    struct ex_manager *manager = job->manager;
    struct fl_exception exceptions[EXCEPTIONS_TOLD];
    char task[TASK_NAME_BYTES];
    struct fl_failure told = describe(job, failure, exceptions, task);

    if (manager->tap)
        manager->tap(manager->tap_ctx, &told, NULL);
    failure->ticket.final = on_final;
    return !failure->is_final && manager->bank &&
           ex_bank_ask(manager->bank, &told, &failure->ticket);
}

void ex_failure_offer(struct ex_job *job, struct ex_failure *failure) {
    struct ex_manager *manager = job->manager;
    bool waits = (manager->bank || manager->tap) && ask(job, failure);

    if (waits)
        manager->pending++;
    else if (failure->is_final)
        count(job, failure);
    else
        settle(failure);
}

/* ---- other events ---- */

static struct fl_event exhausted_event(const struct ex_job *job, const struct ex_failure *failure,
                                       char task[static TASK_NAME_BYTES]) {
    struct fl_event event = event_about(job, FL_EVENT_EXHAUSTED, failure, task);

    event.reason = fo_str_of(ex_exhausted_reason_name(failure->decision.exhausted));
    return event;
}

static struct fl_event recovered_event(const struct ex_job *job, uint64_t incident,
                                       int64_t duration_ms) {
    struct fl_event event = event_of(job, FL_EVENT_RECOVERED);

    event.incident = incident;
    event.duration_ms = duration_ms;
    return event;
}

void ex_job_tell_exhausted(const struct ex_job *job, const struct ex_failure *failure) {
    char task[TASK_NAME_BYTES];
    struct fl_event event = exhausted_event(job, failure, task);

    tell(job->manager, &event);
}

void ex_job_tell_recovered(const struct ex_job *job, uint64_t incident, int64_t duration_ms) {
    struct fl_event event = recovered_event(job, incident, duration_ms);

    tell(job->manager, &event);
}

void ex_job_store_exhausted(const struct ex_job *job, const struct ex_failure *failure) {
    char task[TASK_NAME_BYTES];
    struct fl_event event = exhausted_event(job, failure, task);

    ex_persist_event(job->manager, &event);
    ex_deliveries_add(job->manager, &event);
}

void ex_job_store_recovered(const struct ex_job *job, uint64_t incident, int64_t duration_ms) {
    struct fl_event event = recovered_event(job, incident, duration_ms);

    ex_persist_event(job->manager, &event);
    ex_deliveries_add(job->manager, &event);
}
