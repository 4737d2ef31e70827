/* SPDX-License-Identifier: Apache-2.0 */
/* How attempts end: what kind of end it was, what the region makes of it, and the reports. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>

#include "exporter/base/clock.h"
#include "exporter/engines/local/internal.h"
#include "exporter/spawn/proctree.h"

enum {
    EXIT_SIGPIPE_SHELL = 128 + SIGPIPE, /* how a shell passes the signal on */
    LAST_WORDS_BYTES = 4096,
    MESSAGE_SIZE = 320,
    NOT_EXITED = -1,
    DYING_AGAIN_MS = 5,      /* until a neighbour that is dying is looked at again */
    DYING_LONGEST_MS = 2000, /* that a broken pipe waits for one */
};

/* ---- kinds of ends ------------------------------------------------------------------------- */

static bool has_consumers(const struct ex_attempt *attempt) {
    const struct ex_engine_job *job = attempt->job;
    struct fo_edge_list edges = fo_graph_outputs(job->spec->graph, attempt->vertex_index);

    for (uint32_t i = 0; i < edges.count; i++)
        if (!job->edges[edges.edges[i]].folder)
            return true;
    return false;
}

static bool text_says(struct fo_str text, const char *words) {
    size_t len = strlen(words);

    for (size_t i = 0; i + len <= text.len; i++)
        if (strncasecmp(text.ptr + i, words, len) == 0)
            return true;
    return false;
}

/* "BrokenPipeError: [Errno 32] Broken pipe", "write EPIPE", "java.io.IOException: Broken pipe" */
static bool last_words_say_broken(const struct ex_attempt *attempt) {
    struct fo_str text = ex_buffer_str(attempt->tail.len > 0 ? &attempt->tail : &attempt->head);

    if (text.len > LAST_WORDS_BYTES) {
        text.ptr += text.len - LAST_WORDS_BYTES;
        text.len = LAST_WORDS_BYTES;
    }
    return text_says(text, "broken pipe") || text_says(text, "EPIPE");
}

/* Only a task that writes to a pipe of ours can die of its other end. */
static bool died_of_broken_pipe(const struct ex_attempt *attempt) {
    int status = attempt->wait_status;

    if (!has_consumers(attempt))
        return false;
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGPIPE;
    return WEXITSTATUS(status) == EXIT_SIGPIPE_SHELL || WEXITSTATUS(status) == EPIPE ||
           last_words_say_broken(attempt);
}

static bool has_failed_for_sure(const struct ex_attempt *attempt) {
    return attempt->failure[0] != '\0' || attempt->lost || attempt->deadline_exceeded ||
           attempt->heartbeat_missed;
}

static enum ex_end end_of(const struct ex_attempt *attempt) {
    if (has_failed_for_sure(attempt))
        return EX_END_FAILURE;
    if (attempt->wait_status == 0)
        return EX_END_ZERO;
    return died_of_broken_pipe(attempt) ? EX_END_BROKEN : EX_END_FAILURE;
}

/* ---- reports ------------------------------------------------------------------------------- */

void ex_attempt_tell(struct ex_attempt *attempt, enum fo_task_state state) {
    struct ex_engine_job *job = attempt->job;
    const struct ex_report report = {
        .task = attempt->task, .attempt = attempt->attempt, .state = state};

    if (attempt->told == state || attempt->told == FO_TASK_RUNNING || attempt->cancelled ||
        job->closing)
        return;
    attempt->told = state;
    job->engine->config.sink->report(job->owner, &report);
}

static void describe_status(const struct ex_attempt *attempt, char *text, size_t size) {
    int status = attempt->wait_status;

    if (WIFEXITED(status)) {
        (void)snprintf(text, size, "exit status %d", WEXITSTATUS(status));
        return;
    }
    const char *name = sigabbrev_np(WTERMSIG(status));
    (void)snprintf(text, size, "killed by signal %d (%s%s)%s%s", WTERMSIG(status),
                   name ? "SIG" : "", name ? name : "unknown",
                   WCOREDUMP(status) ? ", core dumped" : "",
                   attempt->oom_kills > 0 ? ", out of memory in its cgroup" : "");
}

static void describe(const struct ex_attempt *attempt, char *text, size_t size) {
    char status[MESSAGE_SIZE / 2];

    if (attempt->failure[0] != '\0') {
        (void)snprintf(text, size, "%s", attempt->failure);
        return;
    }
    if (attempt->lost) {
        (void)snprintf(text, size, "the spawner died");
        return;
    }
    describe_status(attempt, status, sizeof status);
    if (attempt->deadline_exceeded)
        (void)snprintf(text, size, "stopped, it ran longer than its timeout: %s", status);
    else if (attempt->heartbeat_missed)
        (void)snprintf(text, size, "stopped, it gave no sign of life in time: %s", status);
    else
        (void)snprintf(text, size, "%s", status);
}

static enum ex_proof memory_proof(const struct ex_attempt *attempt) {
    if (attempt->oom_kills == EX_SPAWN_OOM_UNSUPPORTED)
        return EX_PROOF_UNSUPPORTED;
    return attempt->oom_kills > 0 ? EX_PROOF_YES : EX_PROOF_NO;
}

static void report_failed(struct ex_attempt *attempt, bool secondary) {
    const struct ex_engine_job *job = attempt->job;
    bool ran = attempt->failure[0] == '\0' && !attempt->lost;
    int status = attempt->wait_status;
    char message[MESSAGE_SIZE];

    describe(attempt, message, sizeof message);
    if (attempt->missing.producer == FO_NO_TASK)
        attempt->missing = ex_partitions_check(attempt);
    const struct ex_evidence evidence = {
        .exit_code = ran && WIFEXITED(status) ? WEXITSTATUS(status) : NOT_EXITED,
        .signal = ran && WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .core_dumped = ran && WIFSIGNALED(status) && WCOREDUMP(status),
        .deadline_exceeded = attempt->deadline_exceeded,
        .heartbeat_missed = attempt->heartbeat_missed,
        .secondary = secondary,
        .cgroup_oom_kill = memory_proof(attempt),
        .message = fo_str_of(message),
        .output_head = ex_buffer_str(&attempt->head),
        .output_tail = ex_buffer_str(&attempt->tail),
        .runtime = fo_str_of(attempt->vertex->runtime),
        .lost = attempt->missing,
        .pid = attempt->pid,
        .log_path = fo_str_of(attempt->head.len > 0 ? attempt->log_path : NULL),
    };
    const struct ex_report report = {.task = attempt->task,
                                     .attempt = attempt->attempt,
                                     .state = FO_TASK_FAILED,
                                     .evidence = &evidence};
    job->engine->config.sink->report(job->owner, &report);
}

/* What it wrote and may not show goes; its place is free for the next attempt. */
static void attempt_end(struct ex_attempt *attempt, enum fo_task_state state, bool secondary) {
    struct ex_engine_job *job = attempt->job;
    const struct ex_report report = {
        .task = attempt->task, .attempt = attempt->attempt, .state = state};

    if (state != FO_TASK_FINISHED) {
        ex_partitions_drop(attempt);
        ex_partitions_withdraw(job, attempt->task);
    }
    if (state == FO_TASK_FAILED)
        report_failed(attempt, secondary);
    else
        job->engine->config.sink->report(job->owner, &report);
    ex_attempt_free(attempt);
}

/* ---- judging ------------------------------------------------------------------------------- */

static void on_idle(uv_idle_t *idle) {
    (void)idle;
}

void ex_region_unsettle(struct ex_engine_job *job, uint32_t region) {
    if (!job->is_unsettled[region]) {
        job->is_unsettled[region] = true;
        job->unsettled[job->unsettled_count++] = region;
    }
    (void)uv_idle_start(&job->engine->idle, on_idle);
}

void ex_attempt_settle(struct ex_attempt *attempt) {
    struct ex_engine_job *job = attempt->job;

    if (job->closing) {
        ex_attempt_free(attempt);
        ex_local_job_continue_closing(job);
        return;
    }
    if (attempt->cancelled) {
        attempt_end(attempt, FO_TASK_CANCELED, false);
        return;
    }
    bool ran_well = attempt->wait_status == 0 && !has_failed_for_sure(attempt);
    if (attempt->output && !ran_well)
        ex_output_read(attempt->output, &attempt->head, &attempt->tail);
    job->endings[attempt->task] = (struct ex_ending){
        .end = end_of(attempt), .at_ms = attempt->ended_ms, .turn = attempt->ended_turn};
    ex_region_unsettle(job, fo_graph_task_region(job->spec->graph, attempt->task));
}

/* Whether an end has been read that is not yet complete; it may be the one that explains others. */
static bool is_incomplete(const struct ex_engine_job *job, struct fo_task_list tasks) {
    for (uint32_t i = 0; i < tasks.count; i++) {
        const struct ex_attempt *attempt = job->current[tasks.tasks[i]];
        if (attempt && !attempt->cancelled &&
            (attempt->stage == EX_ATTEMPT_EXITED || attempt->stage == EX_ATTEMPT_GONE))
            return true;
    }
    return false;
}

/* Shows the results of those that are finished; one that cannot be shown is a failure, and all is
 * to be judged again. */
static bool region_publish(struct ex_engine_job *job, struct fo_task_list tasks) {
    for (uint32_t i = 0; i < tasks.count; i++) {
        struct ex_attempt *attempt = job->current[tasks.tasks[i]];
        if (job->verdicts[i] != EX_VERDICT_FINISHED || !attempt)
            continue;
        int err = ex_partitions_publish(attempt);
        if (!err)
            continue;
        (void)snprintf(attempt->failure, sizeof attempt->failure, "cannot publish its results: %s",
                       uv_strerror(err));
        job->endings[tasks.tasks[i]].end = EX_END_FAILURE;
        return false;
    }
    return true;
}

static void region_report(struct ex_engine_job *job, struct fo_task_list tasks,
                          enum ex_verdict verdict) {
    for (uint32_t i = 0; i < tasks.count; i++) {
        struct ex_attempt *attempt = job->current[tasks.tasks[i]];
        if (job->verdicts[i] != verdict || !attempt)
            continue;
        bool finished = verdict == EX_VERDICT_FINISHED;
        job->endings[tasks.tasks[i]].end = finished ? EX_END_FINISHED : EX_END_FAILED;
        if (finished)
            ex_attempt_tell(attempt, FO_TASK_RUNNING);
        attempt_end(attempt, finished ? FO_TASK_FINISHED : FO_TASK_FAILED,
                    verdict == EX_VERDICT_SECONDARY);
    }
}

static void judge_again(uv_timer_t *timer) {
    struct ex_engine_job *job = timer->data;

    for (uint32_t region = 0; region < fo_graph_region_count(job->spec->graph); region++)
        if (job->is_held[region])
            ex_region_unsettle(job, region);
}

/* The timer is the job's, for all regions that hold a broken pipe. */
static void region_hold(struct ex_engine_job *job, uint32_t region, int64_t again_ms,
                        int64_t now_ms) {
    job->is_held[region] = again_ms != FO_NEVER;
    if (again_ms != FO_NEVER && !uv_is_active((uv_handle_t *)&job->judge_again))
        (void)uv_timer_start(&job->judge_again, judge_again, (uint64_t)(again_ms - now_ms), 0);
}

/* When a broken pipe is to be blamed although a neighbour is dying: the kernel closes a process's
 * descriptors some time before its end can be told, on a busy machine longer than the judge holds.
 */
static bool explanation_comes(const struct ex_engine_job *job, struct fo_task_list tasks,
                              int64_t now_ms) {
    bool broken = false;

    for (uint32_t i = 0; i < tasks.count; i++) {
        const struct ex_ending *ending = &job->endings[tasks.tasks[i]];
        broken |= job->verdicts[i] == EX_VERDICT_FAILED && ending->end == EX_END_BROKEN &&
                  now_ms - ending->at_ms < DYING_LONGEST_MS;
    }
    for (uint32_t i = 0; i < tasks.count && broken; i++) {
        const struct ex_attempt *attempt = job->current[tasks.tasks[i]];
        if (attempt && attempt->stage == EX_ATTEMPT_ALIVE && ex_process_is_dying(attempt->pid))
            return true;
    }
    return false;
}

static void region_settle(struct ex_engine_job *job, uint32_t region) {
    struct fo_task_list tasks = fo_graph_region_tasks(job->spec->graph, region);
    int64_t now_ms = ex_clock_ms();

    if (is_incomplete(job, tasks))
        return; /* its completion brings us back */
    do {
        int64_t again_ms =
            ex_judge_region(job->spec->graph, region, job->endings, now_ms, job->verdicts);
        if (explanation_comes(job, tasks, now_ms)) {
            region_hold(job, region, now_ms + DYING_AGAIN_MS, now_ms);
            return;
        }
        region_hold(job, region, again_ms, now_ms);
    } while (!region_publish(job, tasks));
    region_report(job, tasks, EX_VERDICT_FINISHED);
    region_report(job, tasks, EX_VERDICT_FAILED);
    region_report(job, tasks, EX_VERDICT_SECONDARY);
}

void ex_jobs_settle(struct ex_local *engine) {
    struct ex_engine_job *job = NULL;

    LIST_FOREACH(job, &engine->jobs, entry) {
        while (job->unsettled_count > 0 && !job->closing) {
            uint32_t region = job->unsettled[--job->unsettled_count];
            job->is_unsettled[region] = false;
            region_settle(job, region);
        }
    }
}
