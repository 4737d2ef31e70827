/* SPDX-License-Identifier: Apache-2.0 */
/* GET /jobs/:id/decisions: a stream of server-sent events, or (?wait=30s) one answer to a poll. */
#include <errno.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/config/duration.h"
#include "exporter/config/number.h"
#include "exporter/engines/push/push.h"
#include "exporter/rest/reports.h"
#include "exporter/rest/rest.h"

enum {
    WAIT_MAX_MS = 60 * 1000,
    GRACE_MS = 10 * 1000, /* the poll's own end comes before the door's */
    FRAMES_MAX_BYTES = 32 * 1024 * 1024,
};

/* One that follows; a stream or a poll. */
struct follower {
    struct ex_push_follower own; /* first: the engine gives it back */
    struct ex_inbox_message message;
    struct ex_rest *rest;
    struct ex_http_stream *stream;   /* NULL: a poll */
    struct ex_http_pending *pending; /* of a poll */
    int64_t deadline_ms;
    uint64_t after;
    struct ex_buffer text; /* a frame; or the events of a poll */
    char job[EX_JOB_NAME_MAX + 1];
};

static struct follower *of(struct ex_push_follower *own) {
    return (struct follower *)(void *)own;
}

static void free_follower(struct follower *follower) {
    ex_buffer_done(&follower->text);
    free(follower);
}

/* ---- a stream ---- */

static bool tell_stream(struct ex_push_follower *own, const struct ex_push_told *event) {
    struct follower *follower = of(own);
    struct ex_buffer *frame = &follower->text;

    ex_buffer_reset(frame);
    ex_buffer_printf(frame, "event: %s\nid: %llu\ndata: ", event->action,
                     (unsigned long long)event->id);
    ex_buffer_append_str(frame, event->json);
    ex_buffer_append_text(frame, "\n\n");
    return frame->failure == 0 && ex_http_stream_push(follower->stream, ex_buffer_str(frame)) == 0;
}

static bool stream_is_there(struct ex_push_follower *own) {
    return !ex_http_stream_gone(of(own)->stream);
}

static void end_stream(struct ex_push_follower *own) {
    (void)ex_http_stream_close(of(own)->stream);
    free_follower(of(own));
}

/* ---- a poll ---- */

static bool tell_poll(struct ex_push_follower *own, const struct ex_push_told *event) {
    struct follower *follower = of(own);

    if (follower->text.len > 0)
        ex_buffer_append_char(&follower->text, ',');
    ex_buffer_append_str(&follower->text, event->json);
    follower->after = event->id;
    return follower->text.failure == 0;
}

static bool poll_is_there(struct ex_push_follower *own) {
    return ex_clock_ms() < of(own)->deadline_ms;
}

static void end_poll(struct ex_push_follower *own) {
    struct follower *follower = of(own);
    struct ex_http_response *response = ex_http_pending_response(follower->pending);
    struct ex_buffer body;
    size_t len;

    ex_buffer_init(&body, FRAMES_MAX_BYTES);
    ex_buffer_append_text(&body, "{\"events\":[");
    ex_buffer_append_str(&body, ex_buffer_str(&follower->text));
    ex_buffer_printf(&body, "],\"last_event_id\":%llu}", (unsigned long long)follower->after);
    if (body.failure == 0 && follower->text.failure == 0) {
        char *bytes = ex_buffer_take(&body, &len);
        ex_http_response_header(response, "Content-Type", "application/json; charset=utf-8");
        ex_http_response_take(response, bytes, len);
    } else {
        ex_http_response_error(response, 503, "out of memory");
    }
    ex_buffer_done(&body);
    ex_http_complete(follower->pending);
    free_follower(follower);
}

/* ---- on the way ---- */

static void refuse_poll(struct follower *follower, bool unknown) {
    struct ex_http_response *response = ex_http_pending_response(follower->pending);

    if (unknown)
        ex_http_response_error(response, 404, "Job %s not found", follower->job);
    else
        ex_http_response_error(response, 503, "the daemon is shutting down");
    ex_http_complete(follower->pending);
    free_follower(follower);
}

/* [main], or any thread when the manager has gone */
static void on_message(struct ex_inbox_message *message, struct ex_manager *manager) {
    struct follower *follower =
        (struct follower *)(void *)((char *)message - offsetof(struct follower, message));

    if (manager && ex_push_follow(follower->rest->push, fo_str_of(follower->job), &follower->own,
                                  follower->after) == 0)
        return;
    if (follower->stream)
        end_stream(&follower->own);
    else
        refuse_poll(follower, manager);
}

/* ---- on the door's thread ---- */

static bool read_after(struct follower *follower, struct ex_http_request *request,
                       struct ex_http_response *response) {
    struct fo_str text = ex_http_request_query(request, "after", 0);
    uint64_t after = 0;

    if (!text.ptr)
        text = ex_http_request_header(request, "Last-Event-ID");
    if (text.len > 0 && ex_number_u64(text, &after) < 0) {
        ex_http_response_error(response, 400,
                               "Last-Event-ID (or after) is the id of an event, a whole number");
        return false;
    }
    follower->after = after;
    return true;
}

/* Absent: a stream. */
static bool read_wait(struct fo_str text, struct ex_http_response *response, int64_t *ret_ms) {
    *ret_ms = 0;
    if (!text.ptr || (ex_duration_parse_ms(text, ret_ms) == 0 && *ret_ms <= WAIT_MAX_MS))
        return true;
    ex_http_response_error(response, 400, "wait is a duration up to %d s, such as 30s",
                           WAIT_MAX_MS / 1000);
    return false;
}

static bool open_stream(struct follower *follower, struct ex_http_request *request,
                        struct ex_http_response *response) {
    static const struct ex_http_stream_options options = {.queue_max_bytes = FRAMES_MAX_BYTES};
    int ret = ex_http_stream_open(request, response, &options, &follower->stream);

    if (ret < 0) {
        ex_http_response_error(response, 503, "%s",
                               ret == -EBUSY ? "too many streams are open" : "out of memory");
        return false;
    }
    follower->own = (struct ex_push_follower){
        .tell = tell_stream, .is_there = stream_is_there, .end = end_stream};
    return true;
}

static bool open_poll(struct follower *follower, int64_t wait_ms, struct ex_http_request *request,
                      struct ex_http_response *response) {
    follower->deadline_ms = ex_clock_ms() + wait_ms;
    follower->pending = ex_http_defer(request, (uint64_t)(wait_ms + GRACE_MS));
    if (!follower->pending) {
        ex_http_response_error(response, 503, "out of memory");
        return false;
    }
    follower->own = (struct ex_push_follower){
        .once = true, .tell = tell_poll, .is_there = poll_is_there, .end = end_poll};
    return true;
}

static bool open_either(struct follower *follower, struct ex_http_request *request,
                        struct ex_http_response *response) {
    struct fo_str wait = ex_http_request_query(request, "wait", 0);
    int64_t wait_ms;

    if (!read_after(follower, request, response) || !read_wait(wait, response, &wait_ms))
        return false;
    return wait.ptr ? open_poll(follower, wait_ms, request, response)
                    : open_stream(follower, request, response);
}

void ex_decisions_handle(void *ctx, struct ex_http_request *request,
                         struct ex_http_response *response) {
    struct ex_rest *rest = ctx;
    struct fo_str job = ex_http_request_param(request, "id");
    struct follower *follower = NULL;

    if (job.len > EX_JOB_NAME_MAX || !ex_push_knows(rest->push, job)) {
        ex_http_response_error(response, 404, "no such job of the push engine");
        return;
    }
    follower = calloc(1, sizeof *follower);
    if (!follower) {
        ex_http_response_error(response, 503, "out of memory");
        return;
    }
    follower->rest = rest;
    follower->message.handle = on_message;
    ex_buffer_init(&follower->text, FRAMES_MAX_BYTES);
    memcpy(follower->job, job.ptr, job.len);
    if (open_either(follower, request, response))
        ex_inbox_post(rest->inbox, &follower->message);
    else
        free_follower(follower);
}
