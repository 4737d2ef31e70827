/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/rest/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/config/number.h"
#include "exporter/events/event.h"
#include "exporter/http/limits.h"

/* Both doors' streams. */
enum {
    STREAMS_MAX = 2 * EX_HTTP_STREAMS_MAX,
    FRAME_MAX_BYTES = EX_EVENT_LINE_MAX_BYTES + 128,
    RESET_MAX_BYTES = 128,
    IDS_PER_MS = 1000, /* so that those of a later daemon are higher */
};

struct ex_events {
    pthread_mutex_t lock; /* all below but `frame` */
    struct ex_http_stream *streams[STREAMS_MAX];
    size_t count;
    uint64_t last_id; /* of an event, told or not */
    bool closed;
    struct ex_buffer frame; /* [main] */
};

struct ex_events *ex_events_new(void) {
    struct ex_events *events = calloc(1, sizeof *events);

    if (events) {
        (void)pthread_mutex_init(&events->lock, NULL); /* cannot fail */
        ex_buffer_init(&events->frame, FRAME_MAX_BYTES);
        events->last_id = (uint64_t)ex_clock_wall_ms() * IDS_PER_MS;
    }
    return events;
}

void ex_events_close(struct ex_events *events) {
    if (!events)
        return;
    (void)pthread_mutex_lock(&events->lock);
    events->closed = true;
    while (events->count > 0)
        (void)ex_http_stream_close(events->streams[--events->count]);
    (void)pthread_mutex_unlock(&events->lock);
}

struct ex_events *ex_events_free(struct ex_events *events) {
    if (events) {
        ex_events_close(events);
        ex_buffer_done(&events->frame);
        (void)pthread_mutex_destroy(&events->lock);
        free(events);
    }
    return NULL;
}

/* Under the lock. */
static void drop(struct ex_events *events, size_t index) {
    (void)ex_http_stream_close(events->streams[index]);
    events->streams[index] = events->streams[--events->count];
}

/* The record stands on one line, as the field `data` must. */
static bool make_frame(struct ex_events *events, uint64_t id, const struct fl_failure *failure,
                       const struct fl_event *event) {
    struct ex_buffer *frame = &events->frame;

    ex_buffer_reset(frame);
    ex_buffer_printf(frame,
                     "event: %s\nid: %llu\ndata: ", ex_event_kind_name(event ? event->kind : 0),
                     (unsigned long long)id);
    if (event)
        ex_event_encode(frame, event);
    else
        ex_event_encode_failure(frame, failure, 0);
    ex_buffer_append_char(frame, '\n');
    return frame->failure == 0;
}

void ex_events_tell(void *ctx, const struct fl_failure *failure, const struct fl_event *event) {
    struct ex_events *events = ctx;

    (void)pthread_mutex_lock(&events->lock);
    events->last_id++;
    if (events->count > 0 && make_frame(events, events->last_id, failure, event)) {
        for (size_t i = events->count; i-- > 0;) {
            if (ex_http_stream_push(events->streams[i], ex_buffer_str(&events->frame)) < 0)
                drop(events, i);
        }
    }
    (void)pthread_mutex_unlock(&events->lock);
}

/* Under the lock: makes room where clients have gone since the last event. */
static int reserve(struct ex_events *events) {
    for (size_t i = events->count; i-- > 0;) {
        if (ex_http_stream_gone(events->streams[i]))
            drop(events, i);
    }
    if (events->closed)
        return -ESHUTDOWN;
    return events->count < STREAMS_MAX ? 0 : -EBUSY;
}

/* Under the lock: whether a client comes back, and not from the newest event. */
static bool has_missed(const struct ex_events *events, struct ex_http_request *request) {
    struct fo_str text = ex_http_request_header(request, "Last-Event-ID");
    uint64_t known;

    return text.len > 0 && (ex_number_u64(text, &known) < 0 || known != events->last_id);
}

/* Under the lock: takes the stream behind those that there are. */
static void add(struct ex_events *events, struct ex_http_request *request) {
    char frame[RESET_MAX_BYTES];
    size_t index = events->count++;

    if (!has_missed(events, request))
        return;
    int len = snprintf(frame, sizeof frame, "event: reset\nid: %llu\ndata: {}\n\n",
                       (unsigned long long)events->last_id);
    if (ex_http_stream_push(events->streams[index], (struct fo_str){frame, (size_t)len}) < 0)
        drop(events, index);
}

void ex_events_handle(void *ctx, struct ex_http_request *request,
                      struct ex_http_response *response) {
    static const struct ex_http_stream_options options = {.queue_max_bytes = 0};
    struct ex_events *events = ctx;

    (void)pthread_mutex_lock(&events->lock);
    int ret = reserve(events);
    if (ret == 0)
        ret = ex_http_stream_open(request, response, &options, &events->streams[events->count]);
    if (ret == 0)
        add(events, request);
    (void)pthread_mutex_unlock(&events->lock);
    if (ret < 0)
        ex_http_response_error(response, 503, "%s",
                               ret == -EBUSY ? "too many streams are open"
                                             : "the daemon is shutting down or out of memory");
}
