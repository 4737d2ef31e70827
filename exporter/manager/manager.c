/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/manager.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/random.h"
#include "exporter/manager/job.h"

enum { TICK_MS = 1000, SPARE_MESSAGES_MAX = 4096 };

/* ---- making and ending ---- */

/* The account's classes are those that verdicts of the catalogue can have. */
static int init_account(struct ex_manager *manager, struct ex_metrics *metrics,
                        struct fo_error *reterr) {
    size_t count = catalogue_class_count(manager->catalogue);
    struct ex_failure_class *classes = calloc(count + 1, sizeof *classes);

    if (!classes)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        catalogue_class_at(manager->catalogue, i, &classes[i].type, &classes[i].category);
    int ret = ex_failure_metrics_init(&manager->account, metrics, classes, count, reterr);
    free(classes);
    return ret;
}

static int copy_label_keys(struct ex_manager *manager, const struct ex_manager_config *config) {
    manager->label_keys = calloc((size_t)config->label_key_count + 1, sizeof *manager->label_keys);
    if (!manager->label_keys)
        return -ENOMEM;
    for (uint32_t i = 0; i < config->label_key_count; i++) {
        const struct fo_str *key = &config->label_keys[i];
        char *copy = strndup(key->ptr, key->len);
        if (!copy)
            return -ENOMEM;
        manager->label_keys[manager->label_key_count++] = (struct fo_str){copy, key->len};
    }
    return 0;
}

static void free_label_keys(struct ex_manager *manager) {
    for (uint32_t i = 0; i < manager->label_key_count; i++) {
        union {
            const char *owned;
            char *freed;
        } key = {manager->label_keys[i].ptr};
        free(key.freed);
    }
    free(manager->label_keys);
}

static int init(struct ex_manager *manager, const struct ex_manager_config *config,
                struct fo_error *reterr) {
    manager->random_state = ex_random_seed();
    manager->memo = ex_verdict_memo_new(ex_random_seed());
    int ret = copy_label_keys(manager, config);
    if (ret == 0)
        ret = counting_new(config->label_keys, config->label_key_count, &manager->counting);
    if (ret == 0)
        ret = catalogue_scratch_new(config->catalogue, &manager->scratch);
    if (ret == 0)
        ret = ex_job_families_init(&manager->families, config->metrics, config->label_keys,
                                   config->label_key_count, config->flink_names, reterr);
    if (ret == 0)
        ret = init_account(manager, config->metrics, reterr);
    if (ret == 0)
        ret = ex_store_metrics_init(&manager->persist.metrics, config->metrics, config->store,
                                    reterr);
    return ret;
}

/* An ended job changes no more. */
static void on_tick(uv_timer_t *timer) {
    const struct ex_manager *manager = timer->data;
    struct ex_job *job;

    TAILQ_FOREACH(job, &manager->jobs, link) {
        if (!job->closed)
            ex_job_metrics_tick(&job->metrics);
    }
}

static void start_tick(struct ex_manager *manager, bool needed) {
    (void)uv_timer_init(manager->loop, &manager->tick); /* cannot fail */
    manager->tick.data = manager;
    if (!needed)
        return;
    (void)uv_timer_start(&manager->tick, on_tick, TICK_MS, TICK_MS);
    uv_unref((uv_handle_t *)&manager->tick); /* it keeps no loop going */
}

int ex_manager_new(const struct ex_manager_config *config, struct ex_manager **ret_manager,
                   struct fo_error *reterr) {
    struct ex_manager *manager = calloc(1, sizeof *manager);

    if (!manager)
        return -ENOMEM;
    manager->loop = config->loop;
    int ret = ex_persist_init(&manager->persist, manager, config->store);
    if (ret < 0) {
        free(manager);
        return ret;
    }
    manager->catalogue = config->catalogue;
    manager->retention_ms = config->retention_ms;
    manager->observer = config->observer;
    manager->observer_ctx = config->observer_ctx;
    manager->tap = config->tap;
    manager->tap_ctx = config->tap_ctx;
    manager->next_failure_id = 1;
    TAILQ_INIT(&manager->jobs);
    ex_name_table_init(&manager->by_id, ex_random_seed());
    ex_name_table_init(&manager->by_name, ex_random_seed());
    STAILQ_INIT(&manager->messages);
    STAILQ_INIT(&manager->spare_messages);
    STAILQ_INIT(&manager->spare_steps);
    ex_ledger_init(&manager->ledger, config->store != NULL);
    (void)uv_idle_init(manager->loop, &manager->drainer); /* cannot fail */
    (void)uv_timer_init(manager->loop, &manager->settle);
    manager->drainer.data = manager;
    manager->settle.data = manager;
    start_tick(manager, config->flink_names);
    manager->handles += 3;
    manager->bank = config->bank;
    ex_deliveries_init(manager);
    ex_buffer_init(&manager->output, EX_FAILURE_OUTPUT_MAX_BYTES);
    ret = init(manager, config, reterr);
    if (ret < 0) {
        (void)ex_manager_free(manager);
        return ret;
    }
    *ret_manager = manager;
    return 0;
}

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

static void drop_messages(struct ex_manager *manager) {
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

void ex_manager_on_handle_closed(uv_handle_t *handle) {
    struct ex_manager *manager = handle->data;

    if (--manager->handles == 0)
        free(manager);
}

struct ex_manager *ex_manager_free(struct ex_manager *manager) {
    if (!manager)
        return NULL;
    drop_messages(manager);
    ex_persist_close(&manager->persist); /* first: the jobs stay in the store */
    ex_ledger_close(&manager->ledger);
    while (!TAILQ_EMPTY(&manager->jobs))
        ex_job_remove(TAILQ_FIRST(&manager->jobs));
    ex_name_table_done(&manager->by_id);
    ex_name_table_done(&manager->by_name);
    ex_job_families_done(&manager->families);
    ex_manager_free_steps(manager);
    free(manager->attempts);
    free_label_keys(manager);
    (void)counting_free(manager->counting);
    (void)catalogue_scratch_free(manager->scratch);
    (void)ex_verdict_memo_free(manager->memo);
    ex_buffer_done(&manager->output);
    ex_deliveries_close(manager);
    uv_close((uv_handle_t *)&manager->drainer, ex_manager_on_handle_closed);
    uv_close((uv_handle_t *)&manager->settle, ex_manager_on_handle_closed);
    uv_close((uv_handle_t *)&manager->tick, ex_manager_on_handle_closed);
    return NULL;
}

struct ex_job *ex_manager_first_job(const struct ex_manager *manager) {
    return TAILQ_FIRST(&manager->jobs);
}

static struct ex_job *named(struct ex_name_node *node) {
    return (struct ex_job *)(void *)((char *)node - offsetof(struct ex_job, name_node));
}

/* A name may stand for a job on each engine: a live one is meant rather than an ended one. */
struct ex_job *ex_manager_find_job(const struct ex_manager *manager, struct fo_str id_or_name) {
    struct ex_name_node *node = ex_name_table_find(&manager->by_id, id_or_name);

    if (node)
        return (struct ex_job *)(void *)((char *)node - offsetof(struct ex_job, id_node));
    struct ex_name_node *newest = ex_name_table_find(&manager->by_name, id_or_name);
    for (node = newest; node; node = ex_name_table_next(node)) {
        if (!named(node)->closed)
            return named(node);
    }
    return newest ? named(newest) : NULL;
}

struct ex_job *ex_job_next(const struct ex_job *job) {
    return TAILQ_NEXT(job, link);
}

/* ---- what is refused ---- */

static void on_rejected(struct ex_entry *entry, bool durable) {
    struct ex_rejections *rejections = (struct ex_rejections *)entry; /* its first member */
    struct ex_manager *manager = rejections->manager;

    if (manager->rejections == rejections)
        manager->rejections = NULL;
    for (int i = 0; i < EX_REJECTIONS && durable; i++) {
        if (rejections->counts[i] > 0)
            ex_failure_metrics_reject(&manager->account, (enum ex_rejection)i,
                                      rejections->counts[i]);
    }
    free(rejections);
}

void ex_manager_reject(struct ex_manager *manager, enum ex_rejection reason, uint64_t count) {
    struct ex_rejections *rejections = manager->rejections;

    if (count == 0)
        return;
    ex_persist_rejected(manager, reason, count);
    if (rejections) {
        rejections->counts[reason] += count;
        return;
    }
    rejections = calloc(1, sizeof *rejections);
    if (!rejections) {
        ex_log_plain(EX_LOG_WARN, "No memory to show rejected failures.");
        return;
    }
    rejections->manager = manager;
    rejections->counts[reason] = count;
    rejections->entry.release = on_rejected;
    manager->rejections = rejections;
    ex_persist_write(&manager->persist, &manager->ledger, &rejections->entry);
}

void ex_manager_when_durable(struct ex_manager *manager, struct ex_entry *entry) {
    ex_persist_write(&manager->persist, &manager->ledger, entry);
}

/* ---- what engines say ---- */

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

static void on_settle_over(uv_timer_t *timer);

static void tell_if_stopped(struct ex_manager *manager) {
    struct ex_job *job;

    if (!manager->stopping || !manager->stopped)
        return;
    TAILQ_FOREACH(job, &manager->jobs, link) {
        if (!job->closed)
            return;
    }
    if (manager->pending > 0 || !ex_persist_is_idle(manager) || !ex_deliveries_are_over(manager)) {
        if (!uv_is_active((uv_handle_t *)&manager->settle))
            (void)uv_timer_start(&manager->settle, on_settle_over, EX_MANAGER_SETTLE_MS, 0);
        return;
    }
    (void)uv_timer_stop(&manager->settle);
    void (*stopped)(void *ctx) = manager->stopped;
    manager->stopped = NULL;
    stopped(manager->stopped_ctx);
}

/* Whoever has not answered or acknowledged by now is not waited for, nor is a disk that takes
 * nothing: what it has is as of one instant, and the next daemon goes on from there. */
static void on_settle_over(uv_timer_t *timer) {
    struct ex_manager *manager = timer->data;
    struct ex_job *job;

    if (!ex_persist_is_up(manager)) {
        ex_log_plain(EX_LOG_ERROR, "State cannot be written; the daemon ends as if it were killed, "
                                   "and goes on from what was written last.");
        _exit(EXIT_FAILURE);
    }

    manager->deliveries.waived = true;
    TAILQ_FOREACH(job, &manager->jobs, link) {
        ex_job_settle(job);
    }
    tell_if_stopped(manager);
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
    tell_if_stopped(manager);
}

void ex_manager_on_settled(struct ex_manager *manager) {
    if (manager->stopping && manager->pending == 0 && ex_persist_is_idle(manager) &&
        ex_deliveries_are_over(manager))
        (void)uv_idle_start(&manager->drainer, on_drain);
}

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
    (void)uv_idle_start(&job->manager->drainer, on_drain);
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

/* ---- what people say ---- */

struct ex_job *ex_manager_find_name(struct ex_manager *manager, const struct ex_engine *engine,
                                    const char *name) {
    struct ex_name_node *node = ex_name_table_find(&manager->by_name, fo_str_of(name));

    while (node && named(node)->engine != engine)
        node = ex_name_table_next(node);
    return node ? named(node) : NULL;
}

static int feed_task(struct ex_job *job, enum fo_event_kind kind, uint32_t task) {
    const struct fo_event event = {.kind = kind, .task = task};

    if (job->engine->ops->mirrors)
        return -ENOTSUP;
    return ex_job_feed(job, &(struct ex_input){.event = &event}, NULL, NULL);
}

static int feed(struct ex_job *job, enum fo_event_kind kind) {
    return feed_task(job, kind, FO_NO_TASK);
}

static int refuse(struct fo_error *reterr, int code, const char *name) {
    *reterr = (struct fo_error){.code = code};
    (void)snprintf(reterr->text, sizeof reterr->text,
                   code == -EEXIST ? "a job named \"%s\" is already running; cancel it first, or "
                                     "give this one another name"
                                   : "job \"%s\": the daemon is shutting down",
                   name);
    return code;
}

int ex_manager_submit(struct ex_manager *manager, const struct ex_engine *engine,
                      struct ex_job_spec *spec, struct ex_job **ret_job, struct fo_error *reterr) {
    struct ex_job *former = ex_manager_find_name(manager, engine, spec->name);
    struct ex_job *job;

    if (manager->stopping)
        return refuse(reterr, -ESHUTDOWN, spec->name);
    if (former && !former->closed)
        return refuse(reterr, -EEXIST, spec->name);
    if (former)
        ex_job_settle(former); /* its counters go with the new job's coming */
    const struct ex_job_birth birth = {
        .engine = engine, .spec = spec, .replaced = former, .submitted_ms = ex_clock_ms()};
    int ret = ex_job_new(manager, &birth, &job, reterr);
    if (ret < 0)
        return ret;
    if (former)
        ex_job_remove(former);
    ret = engine->ops->open_job(engine->self, job->id, spec, job, &job->engine_job, reterr);
    if (ret < 0) {
        ex_job_remove(job);
        return ret;
    }
    ex_persist_job(job);
    ex_job_tell(job, EX_CHANGE_SUBMITTED, NULL, NULL);
    *ret_job = job;
    return feed(job, FO_EVENT_START);
}

int ex_manager_cancel(struct ex_manager *manager, struct ex_job *job) {
    (void)manager;
    return feed(job, FO_EVENT_CANCEL);
}

int ex_manager_restart(struct ex_manager *manager, struct ex_job *job, uint32_t task) {
    (void)manager;
    return feed_task(job, FO_EVENT_RESTART, task);
}

int ex_manager_pause(struct ex_manager *manager, struct ex_job *job, bool pause) {
    (void)manager;
    return feed(job, pause ? FO_EVENT_PAUSE : FO_EVENT_RESUME);
}

void ex_manager_stop(struct ex_manager *manager, enum ex_stop_mode mode, void (*stopped)(void *ctx),
                     void *ctx) {
    struct ex_job *job;

    manager->stopping = true;
    manager->stopped = stopped;
    manager->stopped_ctx = ctx;
    ex_persist_flush(manager);
    if (!ex_persist_is_up(manager))
        (void)uv_timer_start(&manager->settle, on_settle_over, EX_MANAGER_SETTLE_MS, 0);
    TAILQ_FOREACH(job, &manager->jobs, link) {
        if (job->engine->ops->mirrors || (mode == EX_STOP_SUSPEND && ex_job_lives_on(job)))
            ex_job_let_go(job); /* it goes on where it is; nobody watches it for a while */
        else if (!job->closing)
            (void)feed(job, mode == EX_STOP_CANCEL ? FO_EVENT_CANCEL : FO_EVENT_SUSPEND);
    }
    tell_if_stopped(manager);
}
