/* SPDX-License-Identifier: Apache-2.0 */
/* One job of a cluster: when it is looked at, and the chain of requests that is. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/clean_text.h"
#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/random.h"
#include "exporter/engines/flink/internal.h"

enum { STATUS_NOT_FOUND = 404, START_SLACK_MS = 60000 };

/* ---- life ------------------------------------------------------------------------------------ */

static void free_record(struct ex_engine_job *record) {
    struct ex_flink_jm *jm = record->jm;

    if (record->is_queued)
        STAILQ_REMOVE(&jm->queue, record, ex_engine_job, queued);
    LIST_REMOVE(record, bucket);
    TAILQ_REMOVE(&jm->jobs, record, link);
    ex_flink_seen_done(&record->seen);
    json_decref(record->config);
    json_decref(record->vertex_ids);
    json_decref(record->vertex_names);
    free(record->task_counts);
    free(record->name);
    free(record);
    ex_flink_jm_check_gone(jm);
}

static void end_chain(struct ex_engine_job *record) {
    record->in_chain = false;
    ex_flink_jm_chain_done(record->jm);
}

static void stop_chain(struct ex_engine_job *record) {
    if (!record->fetch)
        return;
    ex_fetch_give_up(record->fetch);
    record->fetch = NULL;
    end_chain(record);
}

void ex_flink_job_let_go(struct ex_engine_job *record) {
    record->job = NULL;
    record->is_done = true;
    stop_chain(record);
    if (record->is_gone)
        free_record(record);
}

void ex_flink_job_forget(struct ex_engine_job *record) {
    stop_chain(record);
    if (!record->job) {
        free_record(record);
        return;
    }
    record->is_gone = true;
    record->is_done = true;
    if (fo_job_state_is_terminal(fo_job_state(ex_job_core(record->job))))
        return; /* it is about to be let go of */
    record->mirror.since_ms[FO_JOB_SUSPENDED] = ex_clock_ms();
    record->mirror.state = FO_JOB_SUSPENDED;
    record->mirror.task_counts = NULL;
    ex_log(EX_LOG_WARN, "A job is not listed any more, and had not ended.",
           EX_TEXT("job_name", ex_job_spec(record->job)->name), EX_TEXT("job_id", record->id));
    if (ex_mirror_update(record->job, &record->mirror) < 0)
        ex_log_plain(EX_LOG_ERROR, "No memory to end a job that is gone.");
}

void ex_flink_job_missed(struct ex_engine_job *record) {
    if (++record->missed >= EX_FLINK_MISSES_MAX || record->is_done)
        ex_flink_job_forget(record);
}

/* ---- the overview ------------------------------------------------------------------------------
 */

static bool is_job_id(struct fo_str id) {
    for (size_t i = 0; i < id.len; i++) {
        if (!isdigit((unsigned char)id.ptr[i]) && !(id.ptr[i] >= 'a' && id.ptr[i] <= 'f'))
            return false;
    }
    return id.len == EX_JOB_ID_LEN;
}

static int read_state(struct fo_str name, enum fo_job_state *ret_state) {
    for (int state = 0; state < FO_JOB_STATE_COUNT; state++) {
        if (fo_str_equal(name, fo_str_of(fo_job_state_name((enum fo_job_state)state)))) {
            *ret_state = (enum fo_job_state)state;
            return 0;
        }
    }
    return -EINVAL;
}

static char *read_name(struct fo_str given) {
    struct ex_buffer name;
    size_t len;

    if (given.len > EX_FLINK_NAME_MAX_BYTES / 4)
        given.len = EX_FLINK_NAME_MAX_BYTES / 4;
    ex_buffer_init(&name, EX_FLINK_NAME_MAX_BYTES);
    ex_clean_terminal(&name, given.len > 0 ? given : fo_str_of("(no name)"));
    if (name.failure < 0)
        ex_buffer_done(&name);
    return ex_buffer_take(&name, &len);
}

/* Whether it began while somebody was watching: then everything that its history tells is new. By
 * Flink's clock, against the jobs that were there before it; by ours only where there is nothing to
 * compare with. */
static bool began_under_watch(const struct ex_flink_jm *jm, int64_t start_ms) {
    if (start_ms > jm->flink->started_ms)
        return true;
    return jm->is_known && start_ms + START_SLACK_MS >= jm->newest_start_ms;
}

static int new_record(struct ex_flink_jm *jm, const json_t *entry,
                      struct ex_engine_job **ret_record) {
    struct ex_engine_job *record = calloc(1, sizeof *record);
    char *name = read_name(ex_flink_text(entry, "name"));

    if (!record || !name) {
        free(record);
        free(name);
        return -ENOMEM;
    }
    record->jm = jm;
    record->name = name;
    record->start_ms = ex_flink_number(entry, "start-time", 0);
    record->done_modified_ms = -1;
    record->has_checkpoints = true;
    record->settled_ms = ex_clock_ms() + EX_FLINK_HOT_MS;
    record->counts_from_first = began_under_watch(jm, record->start_ms);
    memcpy(record->id, ex_flink_text(entry, "jid").ptr, EX_JOB_ID_LEN);
    TAILQ_INSERT_TAIL(&jm->jobs, record, link);
    ex_flink_insert(jm->flink, record);
    *ret_record = record;
    return 0;
}

/* Of a job that several JobManagers list (those of one highly available cluster), the first that
 * answers has the say. */
static bool is_anothers(struct ex_flink_jm *jm, struct ex_engine_job *record) {
    if (record->jm == jm)
        return false;
    if (record->jm->is_up || record->is_queued || record->in_chain)
        return true;
    TAILQ_REMOVE(&record->jm->jobs, record, link);
    TAILQ_INSERT_TAIL(&jm->jobs, record, link);
    record->jm = jm;
    return false;
}

static bool wants_all(const struct ex_engine_job *record, int64_t now_ms) {
    return !record->job || record->listed_modified_ms != record->done_modified_ms ||
           record->listed_state != record->mirror.state || now_ms < record->hot_until_ms ||
           now_ms >= record->refresh_ms;
}

static bool wants_checkpoints(const struct ex_engine_job *record, int64_t now_ms) {
    return record->has_checkpoints && record->listed_state == FO_JOB_RUNNING &&
           now_ms >= record->checkpoints_ms;
}

static void queue_if_due(struct ex_engine_job *record, int64_t now_ms) {
    if (record->is_done || record->is_queued || record->in_chain)
        return;
    if (record->listed_modified_ms != record->done_modified_ms)
        record->hot_until_ms = now_ms + EX_FLINK_HOT_MS;
    record->wants_all = wants_all(record, now_ms);
    if (!record->wants_all && !wants_checkpoints(record, now_ms))
        return;
    record->is_queued = true;
    STAILQ_INSERT_TAIL(&record->jm->queue, record, queued);
}

int ex_flink_job_listed(struct ex_flink_jm *jm, const json_t *entry, int64_t now_ms) {
    struct fo_str id = ex_flink_text(entry, "jid");
    enum fo_job_state state;

    if (!is_job_id(id) || read_state(ex_flink_text(entry, "state"), &state) < 0)
        return -EINVAL;
    struct ex_engine_job *record = ex_flink_find(jm->flink, id.ptr);
    int ret = record ? 0 : new_record(jm, entry, &record);
    if (ret < 0 || is_anothers(jm, record) || record->is_gone)
        return ret;
    record->poll = jm->poll;
    record->missed = 0;
    record->listed_state = state;
    record->listed_modified_ms = ex_flink_number(entry, "last-modification", 0);
    queue_if_due(record, now_ms);
    return 0;
}

/* ---- the chain
 * ----------------------------------------------------------------------------------- */

static void ask(struct ex_engine_job *record);

static void finish(struct ex_engine_job *record) {
    const struct ex_flink *flink = record->jm->flink;
    int64_t now_ms = ex_clock_ms();

    record->done_modified_ms = record->chain_modified_ms;
    record->refresh_ms =
        now_ms + EX_FLINK_REFRESH_MS -
        (int64_t)(ex_random_next(&record->jm->flink->random_state) % (EX_FLINK_REFRESH_MS / 4));
    if (record->step > EX_FLINK_CHECKPOINTS)
        record->checkpoints_ms = now_ms + flink->config.settings->checkpoints_interval_ms;
}

static void go_on(struct ex_engine_job *record) {
    record->step++;
    bool skips = record->step == EX_FLINK_CHECKPOINTS &&
                 (!record->job || !wants_checkpoints(record, ex_clock_ms()));
    if (skips || record->step == EX_FLINK_CHAIN_ENDS) {
        finish(record);
        end_chain(record);
    } else {
        ask(record);
    }
}

/* ---- what is answered
 * ------------------------------------------------------------------------------ */

static void take_restarts(struct ex_engine_job *record, const json_t *answer) {
    const json_t *metric = json_array_get(answer, 0);
    struct fo_str value = ex_flink_text(metric, "value");
    char *end;

    record->restarts_answered = false;
    if (value.len == 0)
        return;
    errno = 0;
    unsigned long long restarts = strtoull(value.ptr, &end, 10);
    if (!isdigit((unsigned char)value.ptr[0]) || *end != '\0' || errno != 0)
        return;
    record->restarts_answered = true;
    ex_flink_seen_restarts(&record->seen, restarts);
}

/* The counts of one vertex; they must add up to the parallelism that the job was opened with. */
static int read_counts(const struct fo_graph *graph, uint32_t vertex, const json_t *told,
                       uint32_t counts[static FO_TASK_STATE_COUNT]) {
    const json_t *tasks = json_object_get(told, "tasks");
    uint64_t sum = 0;

    for (int state = 0; state < FO_TASK_STATE_COUNT; state++) {
        int64_t count = ex_flink_number(tasks, fo_task_state_name((enum fo_task_state)state), 0);
        if (count < 0 || count > FO_PARALLELISM_MAX)
            return -EINVAL;
        counts[state] = (uint32_t)count;
        sum += (uint64_t)count;
    }
    return sum == fo_graph_vertex_parallelism(graph, vertex) ? 0 : -EINVAL;
}

static int take_counts(struct ex_engine_job *record, const json_t *vertices) {
    const struct fo_graph *graph = ex_job_spec(record->job)->graph;
    uint32_t count = fo_graph_vertex_count(graph);
    int ret = json_array_size(vertices) == count ? 0 : -EINVAL;

    if (!record->task_counts)
        record->task_counts = calloc((size_t)count * FO_TASK_STATE_COUNT, sizeof(uint32_t));
    if (!record->task_counts)
        return -ENOMEM;
    for (uint32_t i = 0; i < count && ret == 0; i++) {
        const json_t *told = json_array_get(vertices, i);
        const json_t *id = json_object_get(told, "id");
        ret =
            json_equal(id, json_array_get(record->vertex_ids, i))
                ? read_counts(graph, i, told, &record->task_counts[(size_t)i * FO_TASK_STATE_COUNT])
                : -EINVAL;
    }
    return ret;
}

/* A job whose parallelism has changed keeps its graph: its counters matter more. */
static void take_tasks(struct ex_engine_job *record, const json_t *vertices) {
    int ret = take_counts(record, vertices);

    record->mirror.task_counts = ret == 0 ? record->task_counts : NULL;
    if (ret == 0 || record->warned_rescaled || json_array_size(vertices) == 0)
        return;
    record->warned_rescaled = true;
    ex_log(EX_LOG_WARN,
           "The graph of a job is another one than at first; its tasks are not followed any more.",
           EX_TEXT("job_name", ex_job_spec(record->job)->name), EX_TEXT("job_id", record->id));
}

static int take_details(struct ex_engine_job *record, const json_t *details) {
    const json_t *times = json_object_get(details, "timestamps");
    struct fo_mirror *mirror = &record->mirror;

    if (read_state(ex_flink_text(details, "state"), &mirror->state) < 0)
        return -EINVAL;
    for (int state = 0; state < FO_JOB_STATE_COUNT; state++)
        mirror->since_ms[state] =
            ex_flink_number(times, fo_job_state_name((enum fo_job_state)state), 0);
    mirror->changed_ms = record->chain_modified_ms;
    take_tasks(record, json_object_get(details, "vertices"));
    return 0;
}

/* Failures first, then the state that they led to. A job that has just FAILED is kept in FAILING
 * until its last entry is there, which another cache may hold back. */
static void take_exceptions(struct ex_engine_job *record, const json_t *answer) {
    ex_flink_job_exceptions(record, answer);
    record->mirror.restarts = record->seen.restarts;
    struct fo_mirror told = record->mirror;
    if (told.state == FO_JOB_FAILED && !record->saw_end && ex_clock_ms() < record->hot_until_ms)
        told.state = FO_JOB_FAILING;
    int ret = ex_mirror_update(record->job, &told);
    if (ret < 0)
        ex_log(EX_LOG_ERROR, "What Flink says of a job was refused.", EX_TEXT("job_id", record->id),
               EX_TEXT("error", uv_strerror(ret)));
    else if (fo_job_state_is_terminal(told.state))
        record->is_done = true;
}

static void take_checkpoints(struct ex_engine_job *record, const json_t *answer) {
    const json_t *counts = json_object_get(answer, "counts");
    const json_t *completed = json_object_get(json_object_get(answer, "latest"), "completed");
    int64_t failed = ex_flink_number(counts, "failed", 0);

    record->has_checkpoints = json_is_object(counts);
    ex_flink_job_series_checkpoints(&record->series,
                                    ex_flink_number(completed, "latest_ack_timestamp", 0),
                                    failed > 0 ? (uint64_t)failed : 0);
}

/* A job that cannot be opened is asked about again only if it was too early. */
static int open_with(struct ex_engine_job *record, const json_t *details) {
    int ret = ex_flink_job_open(record, details);

    if (ret < 0 && ret != -EAGAIN && ret != -ENOMEM)
        record->is_done = true;
    return ret;
}

/* 0: the chain goes on. */
static int take_answer(struct ex_engine_job *record, json_t *answer) {
    switch (record->step) {
    case EX_FLINK_CONFIG:
        json_decref(record->config);
        record->config = json_incref(answer);
        return 0;
    case EX_FLINK_RESTARTS:
        take_restarts(record, answer);
        return 0;
    case EX_FLINK_DETAILS: {
        int ret = json_is_object(answer) ? 0 : -EINVAL;
        if (ret == 0 && !record->job)
            ret = open_with(record, answer);
        return ret == 0 ? take_details(record, answer) : ret;
    }
    case EX_FLINK_EXCEPTIONS:
        if (!json_is_array(json_object_get(json_object_get(answer, "exceptionHistory"), "entries")))
            return -EINVAL;
        take_exceptions(record, answer);
        return 0;
    case EX_FLINK_CHECKPOINTS:
        take_checkpoints(record, answer);
        return 0;
    case EX_FLINK_CHAIN_ENDS:
        break;
    }
    return 0;
}

static void on_answer(void *ctx, const struct ex_fetched *fetched) {
    struct ex_engine_job *record = ctx;
    json_t *answer = ex_flink_read(record->jm, record->id, fetched);
    bool is_missing = fetched->error == 0 && fetched->status == STATUS_NOT_FOUND;

    record->fetch = NULL;
    int ret = answer || is_missing ? take_answer(record, answer) : -EIO;
    json_decref(answer);
    if (ret < 0)
        end_chain(record); /* it is still due at the next turn */
    else
        go_on(record);
}

static void ask(struct ex_engine_job *record) {
    static const char *const paths[] = {
        [EX_FLINK_CONFIG] = "/config",
        [EX_FLINK_RESTARTS] = "/metrics?get=numRestarts",
        [EX_FLINK_DETAILS] = "",
        [EX_FLINK_EXCEPTIONS] = "/exceptions?maxExceptions=",
        [EX_FLINK_CHECKPOINTS] = "/checkpoints",
    };
    struct ex_flink *flink = record->jm->flink;
    char url[EX_FLINK_URL_BYTES];
    int len =
        snprintf(url, sizeof url, "%s/jobs/%s%s", record->jm->url, record->id, paths[record->step]);

    if (record->step == EX_FLINK_EXCEPTIONS)
        (void)snprintf(url + len, sizeof url - (size_t)len, "%u",
                       (unsigned)flink->config.settings->max_exceptions);
    if (ex_client_get(flink->client, url, on_answer, record, &record->fetch) < 0)
        end_chain(record);
}

void ex_flink_job_start(struct ex_engine_job *record) {
    record->in_chain = true;
    record->chain_modified_ms = record->listed_modified_ms;
    if (!record->job)
        record->step = EX_FLINK_CONFIG;
    else
        record->step = record->wants_all ? EX_FLINK_RESTARTS : EX_FLINK_CHECKPOINTS;
    ask(record);
}
