/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/rest/reports.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/engines/push/push.h"
#include "exporter/rest/content_type.h"
#include "exporter/rest/rest.h"

/* Room behind the answers' own limit for those that are cut short. */
enum { ANSWER_SLACK_BYTES = 4 * 1024 * 1024, SINGLE_BYTES = 64 * 1024, LINE_BYTES = 80 };

/* A request on its way: handler, job manager and engine, answer. */
struct reports {
    struct ex_push_batch batch; /* first: the engine gives it back */
    struct ex_inbox_message message;
    struct ex_http_pending *pending;
    struct ex_rest *rest;
    struct ex_manager *manager; /* while the batch is with the engine */
    size_t admitted;
    bool lines;
    char job[EX_JOB_NAME_MAX + 1];
};

static struct reports *of(struct ex_inbox_message *message) {
    return (struct reports *)(void *)((char *)message - offsetof(struct reports, message));
}

static void free_reports(struct reports *reports) {
    ex_push_dismiss(reports->rest->push, reports->admitted);
    ex_push_batch_done(&reports->batch);
    free(reports);
}

/* ---- counting ---- */

/* What cannot be read may have been a failure. */
static bool is_failure(const struct ex_push_report *report) {
    return report->state == FO_TASK_FAILED || report->result == EX_PUSH_MALFORMED;
}

static enum ex_rejection rejection_of(enum ex_push_result result) {
    switch (result) {
    case EX_PUSH_MALFORMED:
        return EX_REJECTED_MALFORMED;
    case EX_PUSH_UNKNOWN_JOB:
        return EX_REJECTED_UNKNOWN_JOB;
    case EX_PUSH_UNKNOWN_TASK:
        return EX_REJECTED_UNKNOWN_TASK;
    case EX_PUSH_LIMIT:
        return EX_REJECTED_LIMIT;
    case EX_PUSH_ACCEPTED:
    case EX_PUSH_REPEATED:
    case EX_PUSH_STALE_ATTEMPT:
    case EX_PUSH_ILLEGAL_STATE:
    case EX_PUSH_JOB_ENDED:
    case EX_PUSH_STOPPED:
    case EX_PUSH_RESULTS:
        break;
    }
    return EX_REJECTED_STALE_ATTEMPT;
}

static bool is_good(const struct ex_push_report *report) {
    return report->result == EX_PUSH_ACCEPTED || report->result == EX_PUSH_REPEATED;
}

/* Adds the results to the engine's account, and refused failures to that of all failures. [main] */
static void count(struct reports *reports) {
    size_t results[EX_PUSH_RESULTS] = {0};
    uint64_t rejected[EX_REJECTIONS] = {0};

    for (size_t i = 0; i < reports->batch.count; i++) {
        const struct ex_push_report *report = &reports->batch.items[i];
        results[report->result]++;
        if (report->early && !is_good(report) && is_failure(report))
            rejected[rejection_of(report->result)]++;
    }
    for (int i = 0; i < EX_PUSH_RESULTS; i++)
        ex_push_count(reports->rest->push, (enum ex_push_result)i, results[i]);
    for (int i = 0; i < EX_REJECTIONS && reports->manager; i++)
        ex_manager_reject(reports->manager, (enum ex_rejection)i, rejected[i]);
    if (reports->manager)
        ex_manager_reject(reports->manager, EX_REJECTED_LIMIT,
                          ex_push_turned_away(reports->rest->push));
}

/* ---- answering ---- */

static void answer_with(struct ex_http_response *response, struct ex_buffer *body,
                        const char *content_type) {
    size_t len;

    if (body->failure != 0) {
        ex_http_response_error(response, 503, "out of memory");
        ex_buffer_done(body);
        return;
    }
    char *bytes = ex_buffer_take(body, &len);
    ex_http_response_header(response, "Content-Type", content_type);
    ex_http_response_take(response, bytes, len);
}

static void answer_one(const struct reports *reports, struct ex_http_response *response) {
    const struct ex_push_report *report = reports->batch.items;
    struct ex_buffer body;

    if (reports->batch.count > 0 && !is_good(report)) {
        int status = ex_push_report_status(report);
        ex_http_response_error(response, status, "%s", ex_push_report_why(report));
        if (status == 503)
            ex_http_response_header(response, "Retry-After", "1");
        return;
    }
    ex_buffer_init(&body, EX_PUSH_ANSWER_MAX_BYTES + ANSWER_SLACK_BYTES);
    if (reports->batch.count > 0)
        ex_push_report_answer(report, reports->batch.graph, &body);
    else
        ex_buffer_append_text(&body, "{}");
    answer_with(response, &body, "application/json; charset=utf-8");
}

static void answer_lines(const struct reports *reports, struct ex_http_response *response) {
    struct ex_buffer body;

    ex_buffer_init(&body, EX_PUSH_ANSWER_MAX_BYTES + ANSWER_SLACK_BYTES);
    (void)ex_buffer_reserve(&body, reports->batch.count * LINE_BYTES); /* most fit: no growing */
    ex_buffer_append_text(&body, "");
    for (size_t i = 0; i < reports->batch.count; i++) {
        ex_push_report_answer(&reports->batch.items[i], reports->batch.graph, &body);
        ex_buffer_append_char(&body, '\n');
    }
    answer_with(response, &body, "application/x-ndjson");
}

/* Every report has its result. [main] */
static void on_done(struct ex_push_batch *batch) {
    struct reports *reports = (struct reports *)(void *)batch; /* its first member */
    struct ex_http_response *response = ex_http_pending_response(reports->pending);

    count(reports);
    if (reports->lines && reports->batch.count > 0)
        answer_lines(reports, response);
    else
        answer_one(reports, response);
    ex_http_complete(reports->pending);
    free_reports(reports);
}

static void refuse_all(struct reports *reports, enum ex_push_result result) {
    struct ex_http_response *response = ex_http_pending_response(reports->pending);

    for (size_t i = 0; i < reports->batch.count; i++) {
        if (reports->batch.items[i].result == EX_PUSH_ACCEPTED)
            reports->batch.items[i].result = result;
        reports->batch.items[i].early = true;
    }
    count(reports);
    if (result == EX_PUSH_UNKNOWN_JOB)
        ex_http_response_error(response, 404, "Job %s not found", reports->job);
    else
        ex_http_response_error(response, 503, "the daemon is shutting down");
    ex_http_complete(reports->pending);
    free_reports(reports);
}

/* [main], or any thread when the manager has gone */
static void on_message(struct ex_inbox_message *message, struct ex_manager *manager) {
    struct reports *reports = of(message);

    reports->manager = manager;
    reports->batch.done = on_done;
    if (!manager)
        refuse_all(reports, EX_PUSH_STOPPED);
    else if (ex_push_take(reports->rest->push, fo_str_of(reports->job), &reports->batch) < 0)
        refuse_all(reports, EX_PUSH_UNKNOWN_JOB);
}

/* ---- on the door's thread ---- */

static bool read_kind(struct reports *reports, struct ex_http_request *request,
                      struct ex_http_response *response) {
    static const char *const one[] = {"application/json", NULL};
    static const char *const lines[] = {"application/x-ndjson", "application/ndjson", NULL};
    struct fo_str type = ex_http_request_header(request, "Content-Type");

    reports->lines = ex_content_type_is(type, lines);
    if (reports->lines || ex_content_type_is(type, one) || ex_http_request_body(request).len == 0)
        return true;
    ex_http_response_error(response, 415,
                           "Content-Type is application/json or application/x-ndjson");
    return false;
}

static bool read_reports(struct reports *reports, struct ex_http_request *request,
                         struct ex_http_response *response) {
    struct fo_error error;
    int ret =
        ex_push_batch_read(&reports->batch, ex_http_request_body(request), reports->lines, &error);

    if (ret < 0) {
        ex_http_response_error(response, ret == -E2BIG ? 413 : 503, "%s", error.text);
        return false;
    }
    return true;
}

/* Too many are in flight: who reports comes again. */
static bool admit(struct reports *reports, struct ex_http_response *response) {
    size_t room = reports->batch.count > 0 ? reports->batch.count : 1;

    if (ex_push_admit(reports->rest->push, room)) {
        reports->admitted = room;
        return true;
    }
    size_t failures = 0;
    for (size_t i = 0; i < reports->batch.count; i++)
        failures += is_failure(&reports->batch.items[i]);
    ex_push_turn_away(reports->rest->push, failures);
    ex_push_count(reports->rest->push, EX_PUSH_LIMIT, reports->batch.count);
    ex_http_response_error(response, 503, "too many reports are being decided; come again");
    ex_http_response_header(response, "Retry-After", "1");
    return false;
}

static bool defer(struct reports *reports, struct ex_http_request *request,
                  struct ex_http_response *response) {
    reports->pending = ex_http_defer(request, 0);
    if (!reports->pending)
        ex_http_response_error(response, 503, "out of memory");
    return reports->pending;
}

void ex_reports_handle(void *ctx, struct ex_http_request *request,
                       struct ex_http_response *response) {
    struct reports *reports = calloc(1, sizeof *reports);
    struct fo_str job = ex_http_request_param(request, "id");

    if (!reports) {
        ex_http_response_error(response, 503, "out of memory");
        return;
    }
    reports->rest = ctx;
    reports->message.handle = on_message;
    if (job.len <= EX_JOB_NAME_MAX)
        memcpy(reports->job, job.ptr, job.len);
    if (job.len > EX_JOB_NAME_MAX)
        ex_http_response_error(response, 404, "no job has a name this long");
    else if (read_kind(reports, request, response) && read_reports(reports, request, response) &&
             admit(reports, response) && defer(reports, request, response)) {
        ex_inbox_post(reports->rest->inbox, &reports->message);
        return;
    }
    free_reports(reports);
}
