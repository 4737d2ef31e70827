/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one attempt: waiting, starting, alive, exited, gone, complete. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/engines/local/internal.h"

enum { LATE_MS = 100 };

/* ---- time ---------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static int64_t earlier(int64_t a_ms, int64_t b_ms) {
    return a_ms < b_ms ? a_ms : b_ms;
}

/* Nothing more is due. */
static void timer_clear(struct ex_attempt *attempt) {
    attempt->kill_at_ms = FO_NEVER;
    attempt->timeout_at_ms = FO_NEVER;
    attempt->watchdog_at_ms = FO_NEVER;
    (void)uv_timer_stop(&attempt->timer);
}

static int64_t next_deadline_ms(const struct ex_attempt *attempt) {
    return earlier(attempt->kill_at_ms, earlier(attempt->timeout_at_ms, attempt->watchdog_at_ms));
}

static void timer_arm(struct ex_attempt *attempt) {
    int64_t next_ms = next_deadline_ms(attempt);
    int64_t wait_ms = next_ms == FO_NEVER ? 0 : next_ms - ex_clock_ms();

    if (next_ms == FO_NEVER)
        (void)uv_timer_stop(&attempt->timer);
    else
        (void)uv_timer_start(&attempt->timer, on_timer, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

static void signal_send(struct ex_attempt *attempt, int number, enum ex_spawn_scope scope) {
    ex_spawner_signal(attempt->job->engine->config.spawner, &attempt->watch, number, scope);
}

void ex_attempt_kill(struct ex_attempt *attempt) {
    attempt->kill_at_ms = FO_NEVER;
    attempt->stopping = true;
    signal_send(attempt, SIGKILL, EX_SPAWN_EVERYTHING);
}

/* A stopped process takes the signal only when it goes on. */
static void attempt_stop(struct ex_attempt *attempt) {
    if (attempt->stopping)
        return;
    attempt->stopping = true;
    attempt->timeout_at_ms = FO_NEVER;
    attempt->watchdog_at_ms = FO_NEVER;
    if (attempt->vertex->stop_timeout_ms <= 0) {
        ex_attempt_kill(attempt);
        return;
    }
    signal_send(attempt, SIGTERM, EX_SPAWN_GROUP);
    signal_send(attempt, SIGCONT, EX_SPAWN_GROUP);
    attempt->kill_at_ms = ex_clock_ms() + attempt->vertex->stop_timeout_ms;
    timer_arm(attempt);
}

/* This process was stopped, or starved, until long after a deadline. What its task did meanwhile
 * lies ready to be read, perhaps its end: that comes first, once. */
static bool is_late(struct ex_attempt *attempt, int64_t now_ms) {
    bool late = now_ms - next_deadline_ms(attempt) > LATE_MS;

    attempt->timer_late = late && !attempt->timer_late;
    return attempt->timer_late;
}

static void on_timer(uv_timer_t *timer) {
    struct ex_attempt *attempt = timer->data;
    int64_t now_ms = ex_clock_ms();

    if (is_late(attempt, now_ms)) {
        (void)uv_timer_start(timer, on_timer, 1, 0); /* 0 would be before the loop reads */
        return;
    }
    if (attempt->watchdog_at_ms <= now_ms && attempt->notify)
        ex_notify_read(attempt->notify); /* it may be we who are late */
    if (attempt->kill_at_ms <= now_ms) {
        ex_attempt_kill(attempt);
    } else if (attempt->timeout_at_ms <= now_ms) {
        attempt->deadline_exceeded = true;
        attempt_stop(attempt);
    } else if (attempt->watchdog_at_ms <= now_ms) {
        attempt->heartbeat_missed = true;
        attempt_stop(attempt);
    }
    timer_arm(attempt);
}

void ex_attempt_alive(struct ex_attempt *attempt) {
    if (attempt->watchdog_at_ms == FO_NEVER)
        return;
    attempt->watchdog_at_ms = ex_clock_ms() + attempt->vertex->watchdog_ms;
    timer_arm(attempt);
}

/* Signs of life are expected from now on, not while it is still getting ready. */
static void attempt_running(struct ex_attempt *attempt) {
    if (attempt->told == FO_TASK_RUNNING)
        return;
    ex_attempt_tell(attempt, FO_TASK_RUNNING);
    if (attempt->vertex->watchdog_ms > 0 && !attempt->stopping) {
        attempt->watchdog_at_ms = ex_clock_ms() + attempt->vertex->watchdog_ms;
        timer_arm(attempt);
    }
}

void ex_attempt_ready(struct ex_attempt *attempt) {
    if (attempt->vertex->ready == EX_READY_NOTIFY)
        attempt_running(attempt);
}

/* ---- the end ------------------------------------------------------------------------------- */

static void attempt_complete(void *ctx) {
    struct ex_attempt *attempt = ctx;

    attempt->stage = EX_ATTEMPT_COMPLETE;
    ex_attempt_settle(attempt);
}

/* Nothing of it is alive: what it printed is collected, then it is complete. */
static void attempt_gone(struct ex_attempt *attempt) {
    attempt->stage = EX_ATTEMPT_GONE;
    attempt->notify = ex_notify_close(attempt->notify);
    timer_clear(attempt);
    ex_channels_done(attempt);
    if (attempt->output_fd != -1)
        (void)close(attempt->output_fd);
    attempt->output_fd = -1;
    if (attempt->output)
        ex_output_finish(attempt->output, attempt_complete, attempt);
    else
        attempt_complete(attempt);
}

/* Its own deadlines are over; the stop timeout goes on for those that it leaves behind. */
static void attempt_ended(struct ex_attempt *attempt) {
    attempt->stage = EX_ATTEMPT_EXITED;
    attempt->timeout_at_ms = FO_NEVER;
    attempt->watchdog_at_ms = FO_NEVER;
    attempt->ended_ms = ex_clock_ms();
    attempt->ended_turn = attempt->job->engine->turn;
}

static void attempt_not_started(struct ex_attempt *attempt, const char *what, int err) {
    (void)snprintf(attempt->failure, sizeof attempt->failure, "cannot start: %s: %s", what,
                   uv_strerror(err));
    attempt_ended(attempt);
    attempt_gone(attempt);
}

static void on_timer_closed(uv_handle_t *handle) {
    free(handle->data);
}

void ex_attempt_free(struct ex_attempt *attempt) {
    struct ex_engine_job *job = attempt->job;

    if (job->current[attempt->task] == attempt)
        job->current[attempt->task] = NULL;
    TAILQ_REMOVE(&job->attempts, attempt, entry);
    ex_channels_done(attempt);
    attempt->output = ex_output_free(attempt->output);
    ex_buffer_done(&attempt->head);
    ex_buffer_done(&attempt->tail);
    free(attempt->log_path);
    free(attempt->state_path);
    uv_close((uv_handle_t *)&attempt->timer, on_timer_closed);
}

/* ---- what the spawner tells ---------------------------------------------------------------- */

static void note_limits(struct ex_local *engine, uint32_t flags) {
    const uint32_t limits = EX_SPAWN_FLAG_NO_MEMORY | EX_SPAWN_FLAG_NO_CPU | EX_SPAWN_FLAG_NO_PIDS;

    if (!(flags & limits) || engine->limits_noted)
        return;
    engine->limits_noted = true;
    ex_log(EX_LOG_WARN, "Limits of tasks are not kept: no cgroup can be made for them here.",
           EX_TEXT("memory", flags & EX_SPAWN_FLAG_NO_MEMORY ? "not kept" : "kept"),
           EX_TEXT("cpu", flags & EX_SPAWN_FLAG_NO_CPU ? "not kept" : "kept"),
           EX_TEXT("pids", flags & EX_SPAWN_FLAG_NO_PIDS ? "not kept" : "kept"));
}

static void on_started(struct ex_attempt *attempt, const struct ex_spawn_report *report) {
    attempt->stage = EX_ATTEMPT_ALIVE;
    attempt->pid = report->pid;
    note_limits(attempt->job->engine, report->flags);
    if (!attempt->stopping && attempt->vertex->timeout_ms > 0)
        attempt->timeout_at_ms = ex_clock_ms() + attempt->vertex->timeout_ms;
    timer_arm(attempt);
    if (attempt->vertex->ready == EX_READY_NOTIFY)
        ex_attempt_tell(attempt, FO_TASK_INITIALIZING);
    else
        attempt_running(attempt);
}

/* The attempt ends with its leader. What the leader leaves behind is killed at once, unless it is
 * being stopped: then it has until the stop timeout, like everybody in the group. */
static void on_exited(struct ex_attempt *attempt, const struct ex_spawn_report *report) {
    attempt->wait_status = report->wait_status;
    attempt->oom_kills = report->oom_kills;
    if (attempt->notify)
        ex_notify_read(attempt->notify); /* its last words */
    attempt_ended(attempt);
    if (report->flags & EX_SPAWN_FLAG_GONE)
        attempt_gone(attempt);
    else if (!attempt->stopping)
        ex_attempt_kill(attempt);
}

static void on_spawn_report(struct ex_spawn_watch *watch, const struct ex_spawn_report *report) {
    struct ex_attempt *attempt =
        (struct ex_attempt *)((char *)watch - offsetof(struct ex_attempt, watch));
    struct ex_local *engine = attempt->job->engine;

    if (attempt->stage == EX_ATTEMPT_STARTING)
        engine->starting--;
    switch (report->header.kind) {
    case EX_SPAWN_STARTED:
        on_started(attempt, report);
        break;
    case EX_SPAWN_NOT_STARTED:
        attempt_not_started(attempt,
                            report->step == EX_SPAWN_STEP_EXEC ? attempt->vertex->command[0]
                                                               : ex_spawn_step_name(report->step),
                            -report->error);
        break;
    case EX_SPAWN_EXITED:
        on_exited(attempt, report);
        break;
    case EX_SPAWN_GONE:
        attempt_gone(attempt);
        break;
    case EX_SPAWN_LOST:
        attempt->lost = attempt->stage < EX_ATTEMPT_EXITED;
        if (attempt->lost)
            attempt_ended(attempt);
        attempt_gone(attempt);
        break;
    default:
        break;
    }
    ex_attempts_start(engine);
}

/* ---- starting ------------------------------------------------------------------------------ */

static int paths_make(struct ex_attempt *attempt) {
    const struct ex_engine_job *job = attempt->job;
    char name[EX_NAME_SIZE];

    ex_name_escape(attempt->vertex->id, name);
    if (asprintf(&attempt->log_path, EX_LOCAL_LOG_FORMAT, job->folder, name, attempt->subtask,
                 attempt->attempt) == -1) {
        attempt->log_path = NULL;
        return -ENOMEM;
    }
    if (asprintf(&attempt->state_path, "%s/state/%s.%" PRIu32, job->folder, name,
                 attempt->subtask) == -1) {
        attempt->state_path = NULL;
        return -ENOMEM;
    }
    if (attempt->attempt >= EX_LOCAL_LOGS_KEPT) {
        char old[EX_LOCAL_PATH_SIZE];
        if (ex_path_print(old, EX_LOCAL_LOG_FORMAT, job->folder, name, attempt->subtask,
                          attempt->attempt - EX_LOCAL_LOGS_KEPT))
            ex_output_remove(old);
    }
    return ex_folder_make(attempt->state_path, &job->engine->user);
}

static int output_open(struct ex_attempt *attempt) {
    struct ex_local *engine = attempt->job->engine;
    int err = ex_output_open(engine->pump, attempt->log_path, EX_LOCAL_LOG_PIECE_BYTES,
                             &attempt->output, &attempt->output_fd);

    /* So that the task can open /dev/stderr anew. */
    if (!err && engine->user.change &&
        fchown(attempt->output_fd, engine->user.uid, engine->user.gid) == -1)
        return -errno;
    return err;
}

/* All that an attempt needs but its pipes. */
static bool attempt_prepare(struct ex_attempt *attempt) {
    bool notifies = attempt->vertex->ready == EX_READY_NOTIFY || attempt->vertex->watchdog_ms > 0;
    const char *what = "folders and log";

    attempt->missing = ex_partitions_check(attempt);
    if (attempt->missing.producer != FO_NO_TASK) {
        attempt_not_started(attempt, "a blocking partition that it reads", -ENOENT);
        return false;
    }
    ex_partitions_withdraw(attempt->job, attempt->task);
    int err = paths_make(attempt);
    if (!err)
        err = output_open(attempt);
    if (!err) {
        what = "blocking partitions";
        err = ex_partitions_prepare(attempt);
    }
    if (!err && notifies) {
        what = "notify socket";
        err = ex_notify_open(attempt, &attempt->notify);
    }
    if (!err) {
        what = "channels";
        err = ex_channels_init(attempt);
    }
    if (err)
        attempt_not_started(attempt, what, err);
    return err == 0;
}

/* Takes the attempts at the head of the line that are of one region; those that could be prepared
 * come into `group`. */
static void group_take(struct ex_local *engine, struct ex_attempt_list *group) {
    struct ex_attempt *attempt = TAILQ_FIRST(&engine->waiting);
    struct ex_engine_job *job = attempt->job;
    const struct fo_graph *graph = job->spec->graph;
    uint32_t region = fo_graph_task_region(graph, attempt->task);

    while (attempt && attempt->job == job && fo_graph_task_region(graph, attempt->task) == region) {
        TAILQ_REMOVE(&engine->waiting, attempt, waiting);
        attempt->stage = EX_ATTEMPT_STARTING;
        if (attempt_prepare(attempt))
            TAILQ_INSERT_TAIL(group, attempt, waiting);
        attempt = TAILQ_FIRST(&engine->waiting);
    }
}

/* All of a region's pipes are made before the first of its tasks takes its ends. */
static void group_start(struct ex_local *engine) {
    struct ex_attempt_list group = TAILQ_HEAD_INITIALIZER(group);
    struct ex_attempt *attempt = NULL;
    int wiring = 0;

    group_take(engine, &group);
    TAILQ_FOREACH(attempt, &group, waiting) {
        if (!wiring)
            wiring = ex_channels_make(attempt);
    }
    for (attempt = TAILQ_FIRST(&group); attempt; attempt = TAILQ_FIRST(&group)) {
        TAILQ_REMOVE(&group, attempt, waiting);
        int err = wiring ? wiring : ex_attempt_launch(attempt);
        if (err)
            attempt_not_started(attempt, wiring ? "channels" : "request", err);
        else
            engine->starting++;
    }
}

void ex_attempts_start(struct ex_local *engine) {
    while (!TAILQ_EMPTY(&engine->waiting) && engine->starting < EX_LOCAL_STARTING_MAX)
        group_start(engine);
}

static struct ex_attempt *attempt_new(struct ex_engine_job *job, struct ex_task_attempt order) {
    const struct fo_graph *graph = job->spec->graph;
    struct ex_attempt *attempt = calloc(1, sizeof *attempt);

    if (!attempt)
        return NULL;
    attempt->job = job;
    attempt->task = order.task;
    attempt->attempt = order.attempt;
    attempt->subtask = fo_graph_task_subtask(graph, order.task);
    attempt->vertex_index = fo_graph_task_vertex(graph, order.task);
    attempt->vertex = &job->spec->vertices[attempt->vertex_index];
    attempt->watch.report = on_spawn_report;
    attempt->told = FO_TASK_DEPLOYING;
    attempt->output_fd = -1;
    attempt->oom_kills = EX_SPAWN_OOM_UNSUPPORTED;
    attempt->missing.producer = FO_NO_TASK;
    ex_buffer_init(&attempt->head, EX_OUTPUT_HEAD_BYTES);
    ex_buffer_init(&attempt->tail, EX_OUTPUT_TAIL_BYTES);
    (void)uv_timer_init(job->engine->config.loop, &attempt->timer);
    attempt->timer.data = attempt;
    timer_clear(attempt);
    return attempt;
}

/* Puts an attempt in line behind those of its region that are of the same call. */
static void attempt_enqueue(struct ex_attempt *attempt) {
    struct ex_engine_job *job = attempt->job;

    job->current[attempt->task] = attempt;
    job->endings[attempt->task] = (struct ex_ending){.end = EX_END_NOT_YET};
    TAILQ_INSERT_TAIL(&job->attempts, attempt, entry);
    TAILQ_INSERT_TAIL(&job->engine->waiting, attempt, waiting);
}

static void attempt_refuse(struct ex_engine_job *job, struct ex_task_attempt order,
                           const char *message) {
    const struct ex_evidence evidence = {
        .exit_code = -1, .lost.producer = FO_NO_TASK, .message = fo_str_of(message)};
    const struct ex_report report = {.task = order.task,
                                     .attempt = order.attempt,
                                     .state = FO_TASK_FAILED,
                                     .evidence = &evidence};

    job->engine->config.sink->report(job->owner, &report);
}

static int by_region(const void *a, const void *b, void *graph) {
    uint32_t left = fo_graph_task_region(graph, ((const struct ex_task_attempt *)a)->task);
    uint32_t right = fo_graph_task_region(graph, ((const struct ex_task_attempt *)b)->task);

    return (left > right) - (left < right);
}

void ex_attempts_deploy(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                        uint32_t count) {
    struct ex_task_attempt *sorted = malloc(((size_t)count + 1) * sizeof *sorted);

    if (sorted) {
        memcpy(sorted, attempts, (size_t)count * sizeof *sorted);
        qsort_r(sorted, count, sizeof *sorted, by_region, job->spec->graph);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct ex_task_attempt order = sorted ? sorted[i] : attempts[i];
        struct ex_attempt *attempt = NULL;
        if (job->current[order.task])
            attempt_refuse(job, order, "cannot start: an earlier attempt is still there");
        else if (!(sorted && (attempt = attempt_new(job, order))))
            attempt_refuse(job, order, "cannot start: out of memory");
        else
            attempt_enqueue(attempt);
    }
    free(sorted);
    ex_attempts_start(job->engine);
}

void ex_attempt_cancel(struct ex_attempt *attempt) {
    attempt->cancelled = true;
    attempt->job->endings[attempt->task].end = EX_END_CANCELLED;
    switch (attempt->stage) {
    case EX_ATTEMPT_WAITING:
        TAILQ_REMOVE(&attempt->job->engine->waiting, attempt, waiting);
        attempt->stage = EX_ATTEMPT_COMPLETE;
        ex_attempt_settle(attempt);
        break;
    case EX_ATTEMPT_STARTING:
    case EX_ATTEMPT_ALIVE:
        attempt_stop(attempt);
        break;
    case EX_ATTEMPT_COMPLETE:
        ex_attempt_settle(attempt);
        break;
    case EX_ATTEMPT_EXITED:
    case EX_ATTEMPT_GONE:
        /* On its way; its neighbours waited for it to be judged with them. */
        ex_region_unsettle(attempt->job,
                           fo_graph_task_region(attempt->job->spec->graph, attempt->task));
        break;
    }
}
