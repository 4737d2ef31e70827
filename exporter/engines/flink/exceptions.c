/* SPDX-License-Identifier: Apache-2.0 */
/* The exception history of a job: every root entry is one failure, told once. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/engines/flink/internal.h"

enum {
    OUTPUT_HEAD_BYTES = 64 << 10,
    OUTPUT_TAIL_BYTES = 256 << 10,
    MESSAGE_BYTES = 1024,
    LABELS_MAX = 32,
    LABEL_KEY_BYTES = 256,
};

/* ---- which task ---------------------------------------------------------------------------- */

static uint32_t find_vertex(const struct ex_engine_job *record, struct fo_str name) {
    for (size_t i = 0; i < json_array_size(record->vertex_names); i++) {
        const json_t *known = json_array_get(record->vertex_names, i);
        if (json_string_length(known) == name.len &&
            memcmp(json_string_value(known), name.ptr, name.len) == 0)
            return (uint32_t)i;
    }
    return FO_NO_TASK;
}

/* Takes a number and the mark behind it off the front of a text. */
static bool take_number(const char **text, const char *mark, uint32_t *ret_number) {
    char *end;

    errno = 0;
    unsigned long number = strtoul(*text, &end, 10);
    if (!isdigit((unsigned char)**text) || errno != 0 || number > INT32_MAX ||
        strncmp(end, mark, strlen(mark)) != 0)
        return false;
    *text = end + strlen(mark);
    *ret_number = (uint32_t)number;
    return true;
}

/* "name (2/4) - execution #3": from the end, for the name may hold anything. */
static bool read_task_name(struct fo_str text, struct fo_str *ret_name, uint32_t *ret_subtask,
                           uint32_t *ret_attempt) {
    char tail[64];
    size_t open = text.len;
    uint32_t parallelism;

    while (open > 0 && text.ptr[open - 1] != '(')
        open--;
    if (open < 2 || text.ptr[open - 2] != ' ' || text.len - open >= sizeof tail)
        return false;
    memcpy(tail, text.ptr + open, text.len - open);
    tail[text.len - open] = '\0';
    const char *rest = tail;
    if (!take_number(&rest, "/", ret_subtask) ||
        !take_number(&rest, ") - execution #", &parallelism) ||
        !take_number(&rest, "", ret_attempt) || *ret_subtask == 0 || *rest != '\0')
        return false;
    *ret_subtask -= 1;
    *ret_name = (struct fo_str){text.ptr, open - 2};
    return true;
}

static void find_task(const struct ex_engine_job *record, struct fo_str text,
                      struct ex_report *report) {
    const struct fo_graph *graph = ex_job_spec(record->job)->graph;
    struct fo_str name;
    uint32_t subtask;
    uint32_t attempt;

    report->task = FO_NO_TASK;
    if (!read_task_name(text, &name, &subtask, &attempt))
        return;
    uint32_t vertex = find_vertex(record, name);
    if (vertex == FO_NO_TASK || vertex >= fo_graph_vertex_count(graph) ||
        subtask >= fo_graph_vertex_parallelism(graph, vertex))
        return;
    report->task = fo_graph_vertex_first_task(graph, vertex) + subtask;
    report->attempt = attempt;
}

/* ---- what it means ----------------------------------------------------------------------------
 */

static bool begins_with(struct fo_str text, const char *beginning) {
    size_t len = strlen(beginning);

    return text.len >= len && memcmp(text.ptr, beginning, len) == 0;
}

/* The job's end is an entry without a task, whose error wraps the one that led to it
 * (ExecutionFailureHandler). */
static enum fo_exhausted_reason read_reason(const json_t *entry) {
    static const char exception[] = "org.apache.flink.runtime.JobException: ";
    struct fo_str trace = ex_flink_text(entry, "stacktrace");

    if (ex_flink_text(entry, "taskName").len > 0 || !begins_with(trace, exception))
        return FO_EXHAUSTED_NOT;
    trace.ptr += sizeof exception - 1;
    trace.len -= sizeof exception - 1;
    if (begins_with(trace, "Recovery is suppressed by"))
        return FO_EXHAUSTED_BUDGET;
    return begins_with(trace, "The failure is not recoverable") ? FO_EXHAUSTED_NON_RECOVERABLE
                                                                : FO_EXHAUSTED_NOT;
}

static struct ex_evidence read_evidence(const json_t *entry) {
    struct fo_str trace = ex_flink_text(entry, "stacktrace");
    struct fo_str name = ex_flink_text(entry, "exceptionName");
    struct ex_evidence evidence = {
        .exit_code = -1,
        .lost = {.producer = FO_NO_TASK},
        .runtime = fo_str_of("jvm"),
        .output_head = {trace.ptr, trace.len},
    };

    if (trace.len > OUTPUT_HEAD_BYTES) {
        size_t left = trace.len - OUTPUT_HEAD_BYTES;
        size_t kept = left < OUTPUT_TAIL_BYTES ? left : OUTPUT_TAIL_BYTES;
        evidence.output_head.len = OUTPUT_HEAD_BYTES;
        evidence.output_tail = (struct fo_str){trace.ptr + trace.len - kept, kept};
    }
    const char *end = trace.len > 0 ? memchr(trace.ptr, '\n', trace.len) : NULL;
    evidence.message = trace.len > 0 ? trace : name;
    if (end)
        evidence.message.len = (size_t)(end - trace.ptr);
    if (evidence.message.len > MESSAGE_BYTES)
        evidence.message.len = MESSAGE_BYTES;
    return evidence;
}

/* Flink's own labels, each under the prefix; `keys` holds their names. */
static uint32_t read_labels(const struct ex_engine_job *record, const json_t *entry,
                            struct fo_label labels[static LABELS_MAX],
                            char keys[static LABELS_MAX][LABEL_KEY_BYTES]) {
    const char *prefix = record->jm->flink->config.settings->label_prefix;
    json_t *given = json_object_get(entry, "failureLabels");
    const char *key;
    json_t *value;
    uint32_t count = 0;

    json_object_foreach(given, key, value) {
        if (count == LABELS_MAX)
            break;
        if (!json_is_string(value))
            continue;
        (void)snprintf(keys[count], LABEL_KEY_BYTES, "%s%s", prefix, key);
        labels[count] = (struct fo_label){fo_str_of(keys[count]),
                                          {json_string_value(value), json_string_length(value)}};
        count++;
    }
    return count;
}

/* ---- telling ------------------------------------------------------------------------------------
 */

/* What is to be known after a restart of ours is kept with the job before the failure is told, so
 * that both become durable together. */
static void keep_seen(struct ex_engine_job *record) {
    struct ex_buffer bytes;

    ex_buffer_init(&bytes, EX_MIRROR_STATE_MAX_BYTES);
    ex_flink_seen_save(&record->seen, &bytes);
    if (bytes.failure < 0 || ex_mirror_keep(record->job, ex_buffer_str(&bytes)) < 0)
        ex_log(EX_LOG_WARN, "What has been seen of a job cannot be kept.",
               EX_TEXT("job_id", record->id));
    ex_buffer_done(&bytes);
}

static void tell(struct ex_engine_job *record, const json_t *entry,
                 enum fo_exhausted_reason reason) {
    char keys[LABELS_MAX][LABEL_KEY_BYTES];
    struct fo_label labels[LABELS_MAX];
    struct ex_evidence evidence = read_evidence(entry);
    struct ex_mirror_report report = {
        .report = {.state = FO_TASK_FAILED, .evidence = &evidence},
        .at_ms = ex_flink_number(entry, "timestamp", 0),
        .exhausted = reason,
        .labels = labels,
        .label_count = read_labels(record, entry, labels, keys),
    };

    evidence.non_recoverable = reason == FO_EXHAUSTED_NON_RECOVERABLE;
    find_task(record, ex_flink_text(entry, "taskName"), &report.report);
    keep_seen(record);
    int ret = ex_mirror_fail(record->job, &report);
    if (ret < 0)
        ex_log(EX_LOG_ERROR, "A failure of Flink was refused.", EX_TEXT("job_id", record->id),
               EX_TEXT("error", uv_strerror(ret)));
}

static uint64_t hash_of(const json_t *entry) {
    int64_t at_ms = ex_flink_number(entry, "timestamp", 0);
    struct fo_str name = ex_flink_text(entry, "exceptionName");
    struct fo_str task = ex_flink_text(entry, "taskName");
    uint64_t hash = XXH3_64bits_withSeed(name.ptr, name.len, (uint64_t)at_ms);

    return XXH3_64bits_withSeed(task.ptr, task.len, hash);
}

/* `counts`: it happened while we were there, or while somebody who told us so was. */
static void take_entry(struct ex_engine_job *record, const json_t *entry, bool counts) {
    uint64_t concurrent = json_array_size(json_object_get(entry, "concurrentExceptions"));
    enum fo_exhausted_reason reason = read_reason(entry);
    bool is_new;
    struct ex_flink_seen_entry *noted = ex_flink_seen_note(&record->seen, hash_of(entry), &is_new);

    if (!noted)
        return; /* no memory: it is still new the next time */
    uint64_t more = concurrent > noted->concurrent ? concurrent - noted->concurrent : 0;
    noted->concurrent += more;
    if (!counts)
        return;
    ex_flink_job_series_add(&record->series, EX_FLINK_CONCURRENT, more);
    if (!is_new)
        return;
    if (reason == FO_EXHAUSTED_NOT)
        ex_flink_seen_root(&record->seen);
    tell(record, entry, reason);
}

/* ---- what was never seen
 * -------------------------------------------------------------------------- */

/* Nothing of what is shown was known, and something may have fallen out of it. */
static bool has_run_over(const struct ex_engine_job *record, const json_t *history) {
    const json_t *entries = json_object_get(history, "entries");
    size_t count = json_array_size(entries);

    if (record->seen.count == 0 || count == 0 ||
        (count < EX_FLINK_HISTORY_LEAST && !json_is_true(json_object_get(history, "truncated"))))
        return false;
    return !ex_flink_seen_has(&record->seen, hash_of(json_array_get(entries, count - 1)));
}

/* Restarts that stay without an entry. Flink's answers come from caches of several seconds, each of
 * its own age: what is missing now may be there with the next look. So what counts is the least
 * that was missing in a while. */
static uint64_t find_gaps(struct ex_engine_job *record) {
    uint64_t missing = ex_flink_seen_missing(&record->seen);
    int64_t now_ms = ex_clock_ms();

    if (!record->counts_from_first && !record->seen_loaded && now_ms < record->settled_ms) {
        ex_flink_seen_before(&record->seen, missing);
        return 0;
    }
    if (missing == 0 || record->missing == 0) {
        record->missing = missing;
        record->missing_since_ms = now_ms;
    }
    if (missing < record->missing)
        record->missing = missing;
    if (missing == 0)
        return 0;
    record->hot_until_ms = now_ms + EX_FLINK_HOT_MS;
    if (now_ms < record->missing_since_ms + EX_FLINK_CACHE_MS)
        return 0;
    uint64_t gaps = record->missing;
    record->missing = 0;
    ex_flink_seen_gaps(&record->seen, gaps);
    return gaps;
}

static void count_gaps(struct ex_engine_job *record, bool ran_over) {
    uint64_t gaps = 0;

    if (record->restarts_answered && record->mirror.state == FO_JOB_RUNNING)
        gaps = find_gaps(record);
    else if (ran_over && !record->restarts_answered)
        gaps = 1; /* at least; nobody says how many */
    if (gaps == 0)
        return;
    ex_flink_job_series_add(&record->series, EX_FLINK_GAPS, gaps);
    ex_log(EX_LOG_WARN, "Failures fell out of Flink's history before they were read.",
           EX_TEXT("job_name", ex_job_spec(record->job)->name), EX_TEXT("job_id", record->id),
           EX_INT("failures", (int64_t)gaps));
}

void ex_flink_job_exceptions(struct ex_engine_job *record, const json_t *answer) {
    const json_t *history = json_object_get(answer, "exceptionHistory");
    const json_t *entries = json_object_get(history, "entries");
    bool counts = record->counts_from_first || record->seen_loaded || record->has_looked;
    bool ran_over = has_run_over(record, history);

    record->saw_end = false;
    for (size_t i = json_array_size(entries); i-- > 0;) {
        const json_t *entry = json_array_get(entries, i);
        record->saw_end = record->saw_end || ex_flink_text(entry, "taskName").len == 0;
        take_entry(record, entry, counts);
    }
    record->has_looked = true;
    count_gaps(record, ran_over);
    keep_seen(record);
}
