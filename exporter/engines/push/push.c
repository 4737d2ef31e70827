/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/engines/push/push.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/random.h"
#include "exporter/config/fail.h"
#include "exporter/engines/push/internal.h"

enum {
    EVENT_JSON_MAX_BYTES = EX_PUSH_TASKS_MAX * (EX_VERTEX_ID_MAX + 96),
    IDS_PER_MS = 1000, /* so that those of a later daemon are higher */
};

static const uint32_t NO_ATTEMPT = UINT32_MAX; /* no task comes that far */

static struct ex_push_job *of(struct ex_engine_job *job) {
    return (struct ex_push_job *)(void *)job;
}

/* ---- signs of life ---- */

/* A job whose scheduler follows it lives; the others stand in the order of their silence. */
void ex_push_touch(struct ex_push_job *job) {
    struct ex_push *push = job->push;

    if (job->closed)
        return;
    job->seen_ms = ex_clock_ms();
    TAILQ_REMOVE(&push->watched, job, watch);
    TAILQ_INSERT_TAIL(&push->watched, job, watch);
}

/* Everything that it was to run counts as lost, and it need not confirm any more. */
static void lose_scheduler(struct ex_push_job *job) {
    int64_t silence_ms = ex_clock_ms() - job->seen_ms;
    uint32_t count = fo_graph_task_count(job->graph);
    uint32_t lost = 0;

    ex_push_touch(job);
    for (uint32_t task = 0; task < count; task++) {
        if (job->tasks[task].phase == EX_PUSH_DEPLOYED)
            ex_push_report_lost(job, task, silence_ms);
        else if (job->tasks[task].phase == EX_PUSH_STOPPING)
            ex_push_report_stopped(job, task);
        else
            continue;
        lost++;
    }
    if (lost == 0)
        return;
    ex_counter_add(job->push->metrics.schedulers_lost, 1);
    ex_log(EX_LOG_WARN, "A scheduler is silent; its tasks count as failed.",
           EX_TEXT("job_name", job->name), EX_INT("silence_ms", silence_ms), EX_INT("tasks", lost));
}

static void look_for_silence(struct ex_push *push, int64_t now_ms) {
    struct ex_push_job *job;

    while ((job = TAILQ_FIRST(&push->watched)) &&
           now_ms - job->seen_ms >= push->config.heartbeat_ms) {
        ex_push_check_followers(job);
        if (TAILQ_EMPTY(&job->followers))
            lose_scheduler(job);
        else
            ex_push_touch(job);
    }
}

/* ---- stops that take too long ---- */

static void drop_stop(struct ex_push_job *job) {
    struct ex_push_stop *stop = STAILQ_FIRST(&job->stops);

    STAILQ_REMOVE_HEAD(&job->stops, link);
    free(stop);
    if (STAILQ_EMPTY(&job->stops))
        TAILQ_REMOVE(&job->push->stopping, job, stopping);
}

static void look_for_late_stops(struct ex_push_job *job, int64_t now_ms) {
    struct ex_push_stop *stop;

    while ((stop = STAILQ_FIRST(&job->stops)) && stop->deadline_ms <= now_ms) {
        for (uint32_t i = 0; i < stop->count; i++) {
            const struct ex_push_task *task = &job->tasks[stop->attempts[i].task];
            if (task->phase == EX_PUSH_STOPPING && task->attempt == stop->attempts[i].attempt)
                ex_push_report_stopped(job, stop->attempts[i].task);
        }
        drop_stop(job);
    }
}

static int64_t stop_timeout_of(const struct ex_push_job *job,
                               const struct ex_task_attempt *attempts, uint32_t count) {
    int64_t longest_ms = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t vertex = fo_graph_task_vertex(job->graph, attempts[i].task);
        int64_t timeout_ms = job->spec->vertices[vertex].stop_timeout_ms;
        longest_ms = timeout_ms > longest_ms ? timeout_ms : longest_ms;
    }
    return longest_ms;
}

/* False without memory. */
static bool wait_for_stop(struct ex_push_job *job, const struct ex_task_attempt *attempts,
                          uint32_t count) {
    struct ex_push_stop *stop = malloc(sizeof *stop + count * sizeof *attempts);

    if (!stop)
        return false;
    stop->deadline_ms = ex_clock_ms() + stop_timeout_of(job, attempts, count);
    stop->count = count;
    memcpy(stop->attempts, attempts, count * sizeof *attempts);
    if (STAILQ_EMPTY(&job->stops))
        TAILQ_INSERT_TAIL(&job->push->stopping, job, stopping);
    STAILQ_INSERT_TAIL(&job->stops, stop, link);
    return true;
}

/* ---- jobs ---- */

static void free_job(struct ex_push_job *job) {
    uint32_t count = job->tasks ? fo_graph_task_count(job->graph) : 0;

    ex_push_events_done(job);
    while (!STAILQ_EMPTY(&job->stops))
        drop_stop(job);
    for (uint32_t task = 0; task < count; task++)
        free(job->tasks[task].answer);
    free(job->tasks);
    (void)fo_graph_unref(job->graph);
    free(job);
}

static void forget(struct ex_push_job *job) {
    struct ex_push *push = job->push;

    push->closed_tasks -= fo_graph_task_count(job->graph);
    TAILQ_REMOVE(&push->closed, job, link);
    ex_push_directory_remove(push, job);
    free_job(job);
}

/* Those whose time is over, and the oldest of too many; none that still waits for an answer. */
static void forget_old(struct ex_push *push, int64_t now_ms) {
    struct ex_push_job *job = TAILQ_FIRST(&push->closed);

    while (job && (now_ms - job->seen_ms >= push->config.retention_ms ||
                   push->closed_tasks > EX_PUSH_ENDED_TASKS_KEPT)) {
        struct ex_push_job *next = TAILQ_NEXT(job, link);
        if (job->in_flight == 0)
            forget(job);
        job = next;
    }
}

static struct ex_push_job *make_job(struct ex_push *push, const char *id,
                                    const struct ex_job_spec *spec, void *owner) {
    struct ex_push_job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    job->push = push;
    job->graph = fo_graph_ref(spec->graph);
    job->spec = spec;
    job->owner = owner;
    job->seen_ms = ex_clock_ms();
    job->last_id = (uint64_t)ex_clock_wall_ms() * IDS_PER_MS;
    TAILQ_INIT(&job->events);
    STAILQ_INIT(&job->stops);
    TAILQ_INIT(&job->followers);
    (void)snprintf(job->id, sizeof job->id, "%s", id);
    (void)snprintf(job->name, sizeof job->name, "%s", spec->name);
    job->tasks = calloc(fo_graph_task_count(job->graph), sizeof *job->tasks);
    if (!job->tasks) {
        free_job(job);
        return NULL;
    }
    return job;
}

static int push_open_job(void *self, const char *job_id, const struct ex_job_spec *spec,
                         void *owner, struct ex_engine_job **ret_job, struct fo_error *reterr) {
    struct ex_push *push = self;

    if (fo_graph_task_count(spec->graph) > EX_PUSH_TASKS_MAX)
        return ex_fail(reterr, -E2BIG, 0, "vertices: more than %d tasks", EX_PUSH_TASKS_MAX);
    struct ex_push_job *job = make_job(push, job_id, spec, owner);
    if (!job)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    if (ex_push_directory_add(push, job) < 0) {
        free_job(job);
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    }
    TAILQ_INSERT_TAIL(&push->open, job, link);
    TAILQ_INSERT_TAIL(&push->watched, job, watch);
    *ret_job = (struct ex_engine_job *)(void *)job;
    return 0;
}

static void push_deploy(struct ex_engine_job *engine_job, const struct ex_task_attempt *attempts,
                        uint32_t count) {
    struct ex_push_job *job = of(engine_job);

    for (uint32_t i = 0; i < count; i++) {
        struct ex_push_task *task = &job->tasks[attempts[i].task];
        *task = (struct ex_push_task){
            .former_last = task->last,
            .answer = task->answer,
            .attempt = attempts[i].attempt,
            .former_attempt = task->taken != 0 ? task->attempt : NO_ATTEMPT,
            .phase = EX_PUSH_DEPLOYED,
            .told = FO_TASK_DEPLOYING,
        };
    }
    ex_push_emit(job, "deploy", ex_clock_ms(), attempts, count);
}

static void push_cancel(struct ex_engine_job *engine_job, const struct ex_task_attempt *attempts,
                        uint32_t count) {
    struct ex_push_job *job = of(engine_job);

    for (uint32_t i = 0; i < count; i++) {
        struct ex_push_task *task = &job->tasks[attempts[i].task];
        if (task->attempt == attempts[i].attempt && task->phase == EX_PUSH_DEPLOYED)
            task->phase = EX_PUSH_STOPPING;
    }
    ex_push_emit(job, "cancel", ex_clock_ms(), attempts, count);
    if (wait_for_stop(job, attempts, count))
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (job->tasks[attempts[i].task].phase == EX_PUSH_STOPPING)
            ex_push_report_stopped(job, attempts[i].task);
    }
}

static void push_withdraw(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                          uint32_t count) {
    ex_push_emit(of(job), "withdraw", ex_clock_ms(), attempts, count);
}

/* ---- a job of an earlier daemon ---- */

static uint8_t phase_of(enum fo_task_state state) {
    if (state == FO_TASK_CANCELING)
        return EX_PUSH_STOPPING;
    return fo_task_state_is_terminal(state) ? EX_PUSH_OVER : EX_PUSH_DEPLOYED;
}

/* What intake.c hands over is one more. */
static uint64_t number_of(uint64_t sequence) {
    return sequence > 0 ? sequence - 1 : 0;
}

/* The answer to a failure, should it be reported again: it was the last report of its attempt.
 * Without memory that one is answered without the decision. */
static struct ex_push_decision *answer_of(const struct ex_resumed_task *known) {
    const struct fo_decision *decision = known->decision;
    size_t size = known->restarted_count * sizeof *known->restarted;
    struct ex_push_decision *answer = decision ? malloc(sizeof *answer + size) : NULL;

    if (!answer)
        return NULL;
    *answer = (struct ex_push_decision){
        .attempt = known->decision_attempt,
        .sequence = number_of(known->decision_attempt == known->attempt ? known->sequence
                                                                        : known->former_sequence),
        .delay_ms = decision->delay_ms,
        .due_ms = decision->due_ms,
        .restart = decision->restart,
        .range_count = known->restarted_count,
    };
    if (size > 0)
        memcpy(answer->ranges, known->restarted, size);
    return answer;
}

/* Of an attempt that has yet to be deployed nothing was reported: the one before stands. */
static void resume_task(struct ex_push_task *task, const struct ex_resumed_task *known) {
    bool waits = known->state == FO_TASK_CREATED;

    if (waits && known->attempt == 0)
        return;
    uint64_t taken = waits ? known->former_sequence : known->sequence;
    bool has_former = !waits && known->attempt > 0 && known->former_sequence > 0;
    *task = (struct ex_push_task){
        .last = number_of(taken),
        .taken = taken > 0 ? UINT64_MAX : 0, /* what is older counts as taken */
        .former_last = number_of(known->former_sequence),
        .answer = answer_of(known),
        .attempt = waits ? known->attempt - 1 : known->attempt,
        .former_attempt = has_former ? known->attempt - 1 : NO_ATTEMPT,
        .phase = waits ? EX_PUSH_OVER : phase_of(known->state),
        .told = (uint8_t)known->state,
    };
}

/* Its scheduler finds that its events are not known any more, and is told the state as a whole. */
static void push_resume(struct ex_engine_job *engine_job, const struct ex_resumed_task *tasks,
                        bool same_boot) {
    struct ex_push_job *job = of(engine_job);
    uint32_t count = fo_graph_task_count(job->graph);

    (void)same_boot;
    for (uint32_t task = 0; task < count; task++) {
        const struct ex_task_attempt attempt = {task, tasks[task].attempt};
        resume_task(&job->tasks[task], &tasks[task]);
        if (job->tasks[task].phase == EX_PUSH_STOPPING && !wait_for_stop(job, &attempt, 1))
            ex_push_report_stopped(job, task);
    }
}

static void push_suspend(struct ex_engine_job *job) {
    of(job)->suspended = true;
}

static void push_close_job(struct ex_engine_job *engine_job) {
    struct ex_push_job *job = of(engine_job);
    struct ex_push *push = job->push;
    void *owner = job->owner;

    if (!job->suspended)
        ex_push_emit(job, "close", ex_clock_ms(), NULL, 0);
    ex_push_end_job_followers(job);
    while (!STAILQ_EMPTY(&job->stops))
        drop_stop(job);
    TAILQ_REMOVE(&push->watched, job, watch);
    TAILQ_REMOVE(&push->open, job, link);
    TAILQ_INSERT_TAIL(&push->closed, job, link);
    push->closed_tasks += fo_graph_task_count(job->graph);
    job->closed = true;
    job->seen_ms = ex_clock_ms();
    job->spec = NULL;
    job->owner = NULL;
    push->config.sink->job_closed(owner);
}

/* ---- the engine ---- */

/* While this process stood still, stopped or starved, nobody could make himself heard: that is no
 * silence of a scheduler, and nobody was slow to stop. */
static void excuse_standstill(struct ex_push *push, int64_t now_ms) {
    int64_t stood_ms = now_ms - push->ticked_ms - EX_PUSH_TICK_MS;
    struct ex_push_job *job = NULL;
    struct ex_push_stop *stop = NULL;

    push->ticked_ms = now_ms;
    if (stood_ms < EX_PUSH_TICK_MS)
        return;
    TAILQ_FOREACH(job, &push->watched, watch) {
        job->seen_ms += stood_ms;
        if (job->seen_ms > now_ms)
            job->seen_ms = now_ms;
    }
    TAILQ_FOREACH(job, &push->stopping, stopping)
    STAILQ_FOREACH(stop, &job->stops, link)
    stop->deadline_ms += stood_ms;
}

static void on_tick(uv_timer_t *timer) {
    struct ex_push *push = timer->data;
    struct ex_push_job *job = TAILQ_FIRST(&push->stopping);
    int64_t now_ms = ex_clock_ms();

    excuse_standstill(push, now_ms);
    while (job) {
        struct ex_push_job *next = TAILQ_NEXT(job, stopping);
        look_for_late_stops(job, now_ms);
        job = next;
    }
    look_for_silence(push, now_ms);
    forget_old(push, now_ms);
    for (job = TAILQ_FIRST(&push->followed); job;) {
        struct ex_push_job *next = TAILQ_NEXT(job, followed);
        ex_push_check_followers(job);
        job = next;
    }
}

void ex_push_end_if_idle(struct ex_push *push) {
    if (push->engines > 0 || !push->timer_closed || push->in_flight > 0)
        return;
    while (!TAILQ_EMPTY(&push->closed))
        forget(TAILQ_FIRST(&push->closed));
    ex_buffer_done(&push->json);
    free(push->attempts);
    ex_name_table_done(&push->by_id);
    ex_name_table_done(&push->by_name);
    (void)pthread_mutex_destroy(&push->lock);
    free(push);
}

static void on_timer_closed(uv_handle_t *handle) {
    struct ex_push *push = handle->data;

    push->timer_closed = true;
    ex_push_end_if_idle(push);
}

static void push_close(void *self) {
    struct ex_push *push = self;

    if (--push->engines > 0)
        return;
    ex_push_end_followers(push);
    uv_close((uv_handle_t *)&push->timer, on_timer_closed);
}

int ex_push_new(const struct ex_push_config *config, unsigned engines, struct ex_push **ret_push,
                struct fo_error *reterr) {
    struct ex_push *push = calloc(1, sizeof *push);

    if (!push)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    int ret = ex_push_metrics_init(&push->metrics, config->metrics, reterr);
    if (ret < 0) {
        free(push);
        return ret;
    }
    push->config = *config;
    push->engines = engines;
    push->seed = ex_random_seed();
    ex_name_table_init(&push->by_id, ex_random_seed());
    ex_name_table_init(&push->by_name, ex_random_seed());
    TAILQ_INIT(&push->open);
    TAILQ_INIT(&push->closed);
    TAILQ_INIT(&push->watched);
    TAILQ_INIT(&push->stopping);
    TAILQ_INIT(&push->followed);
    (void)pthread_mutex_init(&push->lock, NULL); /* cannot fail */
    ex_buffer_init(&push->json, EVENT_JSON_MAX_BYTES);
    (void)uv_timer_init(config->loop, &push->timer);
    push->timer.data = push;
    push->ticked_ms = ex_clock_ms();
    (void)uv_timer_start(&push->timer, on_tick, EX_PUSH_TICK_MS, EX_PUSH_TICK_MS);
    uv_unref((uv_handle_t *)&push->timer);
    *ret_push = push;
    return 0;
}

const struct ex_engine_ops *ex_push_ops(void) {
    static const struct ex_engine_ops ops = {
        .kind = "push",
        .tasks_live_on = true,
        .open_job = push_open_job,
        .deploy = push_deploy,
        .cancel = push_cancel,
        .withdraw = push_withdraw,
        .answered = ex_push_answered,
        .resume = push_resume,
        .suspend = push_suspend,
        .close_job = push_close_job,
        .close = push_close,
    };

    return &ops;
}
