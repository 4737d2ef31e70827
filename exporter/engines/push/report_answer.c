/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/engines/push/report.h"
#include "exporter/events/json_text.h"

static const struct {
    const char *name;
    int status;
    const char *why;
} results[EX_PUSH_RESULTS] = {
    [EX_PUSH_ACCEPTED] = {"accepted", 200, ""},
    [EX_PUSH_REPEATED] = {"repeated", 200, ""},
    [EX_PUSH_MALFORMED] = {"malformed", 400, "the report cannot be read"},
    [EX_PUSH_UNKNOWN_JOB] = {"unknown_job", 404, "no such job"},
    [EX_PUSH_UNKNOWN_TASK] = {"unknown_task", 404, "`task`: the job has no such task"},
    [EX_PUSH_STALE_ATTEMPT] = {"stale_attempt", 409,
                               "`attempt`: this is not the attempt to run now"},
    [EX_PUSH_ILLEGAL_STATE] = {"illegal_state", 409,
                               "`state`: the attempt cannot come there from where it is"},
    [EX_PUSH_JOB_ENDED] = {"job_ended", 409, "the job has ended"},
    [EX_PUSH_LIMIT] = {"limit", 503, "too many reports, or no memory; come again"},
    [EX_PUSH_STOPPED] = {"stopped", 503, "the daemon is shutting down"},
};

const char *ex_push_result_name(enum ex_push_result result) {
    return results[result].name;
}

int ex_push_report_status(const struct ex_push_report *report) {
    return results[report->result].status;
}

const char *ex_push_report_why(const struct ex_push_report *report) {
    return report->why ? report->why : results[report->result].why;
}

void ex_push_append_task(struct ex_buffer *out, const struct fo_graph *graph, uint32_t task) {
    uint32_t vertex = fo_graph_task_vertex(graph, task);

    ex_buffer_append_char(out, '"');
    ex_buffer_append_str(out, fo_graph_vertex_id(graph, vertex)); /* plain: needs no escaping */
    ex_buffer_append_char(out, '[');
    ex_buffer_append_u64(out, fo_graph_task_subtask(graph, task));
    ex_buffer_append_text(out, "]\"");
}

/* False: they are too many, and were taken back. */
static bool append_tasks(const struct ex_push_decision *decision, const struct fo_graph *graph,
                         struct ex_buffer *out) {
    size_t start = out->len;
    const char *comma = "";

    for (uint32_t i = 0; i < decision->range_count; i++) {
        const struct fo_task_range *range = &decision->ranges[i];
        for (uint32_t k = 0; k < range->count && out->len < EX_PUSH_ANSWER_MAX_BYTES; k++) {
            ex_buffer_append_text(out, comma);
            ex_push_append_task(out, graph, range->first + k);
            comma = ",";
        }
    }
    if (out->len < EX_PUSH_ANSWER_MAX_BYTES)
        return true;
    ex_buffer_truncate(out, start);
    return false;
}

/* A list that does not fit is left out, and that is told: the decisions tell the tasks as well. */
static void append_decision(const struct ex_push_decision *decision, const struct fo_graph *graph,
                            struct ex_buffer *out) {
    bool whole = true;

    ex_buffer_append_text(out, "{\"decision\":{\"action\":");
    ex_buffer_append_text(out, !decision           ? "\"none\""
                               : decision->restart ? "\"restart\""
                                                   : "\"fail\"");
    ex_buffer_append_text(out, ",\"restart\":[");
    if (decision)
        whole = append_tasks(decision, graph, out);
    ex_buffer_append_text(out, whole ? "],\"delay_ms\":" : "],\"truncated\":true,\"delay_ms\":");
    ex_buffer_append_i64(out, decision ? decision->delay_ms : 0);
    ex_buffer_append_text(out, "}}");
}

static void append_refusal(const struct ex_push_report *report, struct ex_buffer *out) {
    ex_buffer_append_char(out, '{');
    ex_json_string(out, "error", fo_str_of(ex_push_report_why(report)));
    ex_json_string(out, "reason", fo_str_of(ex_push_result_name(report->result)));
    ex_json_integer(out, "status", ex_push_report_status(report));
    ex_buffer_append_char(out, '}');
}

void ex_push_report_answer(const struct ex_push_report *report, const struct fo_graph *graph,
                           struct ex_buffer *out) {
    if (report->result == EX_PUSH_ACCEPTED || report->result == EX_PUSH_REPEATED)
        append_decision(report->decision, graph, out);
    else
        append_refusal(report, out);
}
