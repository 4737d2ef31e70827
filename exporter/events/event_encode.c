/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/events/event.h"
#include "exporter/events/json_text.h"

static const char *const kind_names[] = {
    [0] = "failure",
    [FL_EVENT_LABELLED] = "labelled",
    [FL_EVENT_EXHAUSTED] = "exhausted",
    [FL_EVENT_RECOVERED] = "recovered",
};
enum { KINDS = sizeof kind_names / sizeof *kind_names };

const char *ex_event_kind_name(int kind) {
    return kind >= 0 && kind < KINDS ? kind_names[kind] : NULL;
}

int ex_event_kind_find(const char *name) {
    for (int kind = 0; kind < KINDS; kind++) {
        if (strcmp(kind_names[kind], name) == 0)
            return kind;
    }
    return -1;
}

static void append_exceptions(struct ex_buffer *out, const struct fl_failure *failure) {
    uint32_t count = failure->exception_count;

    if (count > EX_EVENT_EXCEPTIONS_MAX)
        count = EX_EVENT_EXCEPTIONS_MAX;
    ex_json_key(out, "exceptions");
    ex_buffer_append_char(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        ex_buffer_append_text(out, i > 0 ? ",{" : "{");
        ex_json_string(out, "class", failure->exceptions[i].class_name);
        ex_json_string(out, "message", failure->exceptions[i].message);
        ex_buffer_append_char(out, '}');
    }
    ex_buffer_append_char(out, ']');
}

/* How the attempt died. */
static void append_evidence(struct ex_buffer *out, const struct fl_failure *failure) {
    static const char *const proofs[] = {
        [FL_PROOF_UNSUPPORTED] = "unsupported", [FL_PROOF_NO] = "no", [FL_PROOF_YES] = "yes"};

    if (failure->exit_code >= 0)
        ex_json_integer(out, "exit_code", failure->exit_code);
    if (failure->signal > 0)
        ex_json_integer(out, "signal", failure->signal);
    ex_json_bool(out, "core_dumped", failure->core_dumped != 0);
    ex_json_string(out, "cgroup_oom_kill", fo_str_of(proofs[failure->cgroup_oom_kill]));
    ex_json_bool(out, "deadline_exceeded", failure->deadline_exceeded != 0);
    ex_json_bool(out, "heartbeat_missed", failure->heartbeat_missed != 0);
    ex_json_bool(out, "secondary", failure->secondary != 0);
    ex_json_string(out, "runtime", failure->runtime);
    ex_json_string(out, "platform_reason", failure->platform_reason);
    ex_json_string(out, "message", failure->message);
    ex_json_string(out, "output", failure->output);
    ex_json_string(out, "matched", failure->matched);
}

static void append_job(struct ex_buffer *out, struct fo_str engine, struct fo_str id,
                       struct fo_str name) {
    ex_json_string(out, "engine", engine);
    ex_json_string(out, "job_id", id);
    ex_json_string(out, "job_name", name);
}

static void open_record(struct ex_buffer *out, int kind, uint64_t incident, int64_t time_ms) {
    ex_buffer_append_char(out, '{');
    ex_json_string(out, "kind", fo_str_of(kind_names[kind]));
    ex_json_integer(out, "incident", (int64_t)incident);
    ex_json_integer(out, "time_ms", time_ms);
}

void ex_event_encode_failure(struct ex_buffer *out, const struct fl_failure *failure,
                             uint64_t completion) {
    open_record(out, 0, failure->incident, failure->time_ms);
    if (completion != 0)
        ex_json_integer(out, "completion", (int64_t)completion);
    ex_json_integer(out, "failure_id", (int64_t)failure->id);
    append_job(out, failure->engine, failure->job_id, failure->job_name);
    if (failure->task.len > 0) {
        ex_json_string(out, "task", failure->task);
        ex_json_string(out, "vertex", failure->vertex);
        ex_json_integer(out, "subtask", failure->subtask);
        ex_json_integer(out, "attempt", failure->attempt);
    }
    ex_json_string(out, "failure_type",
                   fo_str_of(failure->failure_type == FL_FAILURE_GLOBAL ? "GLOBAL" : "TASK"));
    append_evidence(out, failure);
    append_exceptions(out, failure);
    ex_json_labels(out, "labels", failure->labels, failure->label_count);
    ex_buffer_append_text(out, "}\n");
}

void ex_event_encode(struct ex_buffer *out, const struct fl_event *event) {
    open_record(out, event->kind, event->incident, event->time_ms);
    if (event->failure_id != 0)
        ex_json_integer(out, "failure_id", (int64_t)event->failure_id);
    append_job(out, event->engine, event->job_id, event->job_name);
    if (event->kind == FL_EVENT_RECOVERED)
        ex_json_integer(out, "duration_ms", event->duration_ms);
    if (event->kind == FL_EVENT_EXHAUSTED)
        ex_json_string(out, "reason", event->reason);
    if (event->kind != FL_EVENT_RECOVERED) {
        ex_json_string(out, "task", event->task);
        ex_json_string(out, "message", event->message);
    }
    if (event->kind == FL_EVENT_LABELLED)
        ex_json_labels(out, "labels", event->labels, event->label_count);
    ex_buffer_append_text(out, "}\n");
}
