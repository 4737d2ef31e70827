/* SPDX-License-Identifier: Apache-2.0 */
/* The exception history of a job. */
#include "exporter/base/buffer.h"
#include "exporter/rest/shapes.h"
#include "exporter/rest/texts.h"

/* Evidence is bounded where it comes in; this is far beyond. */
static const size_t stacktrace_max_bytes = (size_t)4 << 20;

/* ---- what a failure is called ---- */

/* Tasks that are not programs of Java's kind have no class of exception: the way they ended stands
 * for it. */
static struct fo_str exception_name(const struct ex_evidence *evidence) {
    if (evidence->exception_count > 0 && evidence->exceptions[0].class_name.len > 0)
        return evidence->exceptions[0].class_name;
    if (evidence->cgroup_oom_kill == EX_PROOF_YES)
        return fo_str_of("failover.MemoryKill");
    if (evidence->deadline_exceeded)
        return fo_str_of("failover.DeadlineExceeded");
    if (evidence->heartbeat_missed)
        return fo_str_of("failover.HeartbeatMissed");
    if (evidence->signal != 0)
        return fo_str_of("failover.KilledBySignal");
    return fo_str_of(evidence->exit_code >= 0 ? "failover.ExitStatus" : "failover.Failure");
}

static void append_link(struct ex_buffer *text, struct fo_str name, struct fo_str message) {
    ex_buffer_append_str(text, name);
    if (message.len > 0)
        ex_buffer_append_text(text, ": ");
    ex_buffer_append_str(text, message);
    ex_buffer_append_char(text, '\n');
}

/* The exception chain as Java prints it, or the way it ended; then the output that was kept. */
static json_t *stacktrace(const struct ex_evidence *evidence) {
    struct ex_buffer text;

    ex_buffer_init(&text, stacktrace_max_bytes);
    if (evidence->exception_count == 0)
        append_link(&text, exception_name(evidence), evidence->message);
    for (uint32_t i = 0; i < evidence->exception_count; i++) {
        ex_buffer_append_text(&text, i > 0 ? "Caused by: " : "");
        append_link(&text, evidence->exceptions[i].class_name, evidence->exceptions[i].message);
    }
    ex_buffer_append_str(&text, evidence->output_head);
    ex_buffer_append_str(&text, evidence->output_tail);
    json_t *json = text.failure == 0 ? ex_rest_text(ex_buffer_str(&text)) : NULL;
    ex_buffer_done(&text);
    return json;
}

static const struct ex_evidence *evidence_of(const struct ex_exception_copy *entry) {
    static const struct ex_evidence missing = {
        .exit_code = -1,
        .message = {"Unknown cause (compare FLINK-21376).",
                    sizeof "Unknown cause (compare FLINK-21376)." - 1},
    };

    return entry->failure ? &entry->failure->evidence : &missing;
}

/* ---- history ---- */

/* Always there; empty until the labels are final. */
static json_t *show_labels(const struct ex_exception_copy *entry) {
    const struct ex_failure *failure = entry->failure;
    uint32_t count = failure && failure->labelled ? failure->labels.count : 0;
    json_t *shown = json_object();
    int ret = 0;

    for (uint32_t i = 0; i < count; i++) {
        json_t *key = ex_rest_text(failure->labels.items[i].key);
        ret |= json_object_set_new(shown, json_string_value(key),
                                   ex_rest_text(failure->labels.items[i].value));
        json_decref(key);
    }
    if (ret == 0)
        return shown;
    json_decref(shown);
    return NULL;
}

static json_t *show_entry(const struct ex_job_copy *job, const struct ex_exception_copy *entry) {
    const struct ex_evidence *evidence = evidence_of(entry);
    json_t *shown =
        json_pack("{s:o, s:o, s:I, s:o}", "exceptionName", ex_rest_text(exception_name(evidence)),
                  "stacktrace", stacktrace(evidence), "timestamp", (json_int_t)entry->at_ms,
                  "failureLabels", show_labels(entry));

    if (entry->task != FO_NO_TASK)
        (void)json_object_set_new(shown, "taskName",
                                  ex_rest_task_name(job->spec->graph, entry->task, entry->attempt));
    return shown;
}

static json_t *show_root(const struct ex_job_copy *job, const struct ex_exception_copy *root) {
    json_t *concurrent = json_array();
    int ret = 0;

    for (uint32_t i = 0; i < root->concurrent_count && ret == 0; i++)
        ret = json_array_append_new(concurrent, show_entry(job, &root->concurrent[i]));
    json_t *shown = show_entry(job, root);
    ret |= json_object_set_new(shown, "concurrentExceptions", concurrent);
    if (ret == 0)
        return shown;
    json_decref(shown);
    return NULL;
}

static json_t *show_history(const struct ex_job_copy *job) {
    json_t *entries = json_array();
    int ret = 0;

    for (uint32_t i = 0; i < job->root_count && ret == 0; i++)
        ret = json_array_append_new(entries, show_root(job, &job->roots[i]));
    if (ret != 0) {
        json_decref(entries);
        return NULL;
    }
    return json_pack("{s:o, s:b}", "entries", entries, "truncated", (int)job->roots_truncated);
}

/* ---- what 1.x says besides ---- */

static json_t *show_current(const struct ex_job_copy *job, const struct ex_exception_copy *entry) {
    return json_pack("{s:o, s:o, s:s, s:s, s:I, s:s}", "exception", stacktrace(evidence_of(entry)),
                     "task", ex_rest_task_name(job->spec->graph, entry->task, -1), "location",
                     "(unassigned)", "endpoint", "(unassigned)", "timestamp",
                     (json_int_t)entry->at_ms, "taskManagerId", "(unassigned)");
}

static json_t *show_all_current(const struct ex_job_copy *job, size_t limit) {
    json_t *list = json_array();
    int ret = 0;

    for (uint32_t i = 0; i < job->current_count && i < limit && ret == 0; i++)
        ret = json_array_append_new(list, show_current(job, &job->current[i]));
    if (ret == 0)
        return list;
    json_decref(list);
    return NULL;
}

json_t *ex_rest_exceptions(const struct ex_job_copy *job, size_t limit,
                           enum ex_flink_profile profile) {
    const struct ex_exception_copy *newest = job->newest_root;
    json_t *history = show_history(job);

    if (profile == EX_FLINK_2)
        return json_pack("{s:o}", "exceptionHistory", history);
    return json_pack("{s:o, s:o, s:o, s:b, s:o}", "root-exception",
                     newest ? stacktrace(evidence_of(newest)) : json_null(), "timestamp",
                     newest ? json_integer(newest->at_ms) : json_null(), "all-exceptions",
                     show_all_current(job, limit), "truncated", (int)(job->current_count > limit),
                     "exceptionHistory", history);
}
