/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/http/request.h"

/* Two references: the request's and the producer's. Bytes [sent, queue.len) wait to be read. */
struct ex_http_stream {
    atomic_uint refs;
    struct ex_http_connection *connection;
    uint64_t turn;
    char *content_type;
    char *keepalive;
    int64_t keepalive_ms;

    pthread_mutex_t lock; /* all below; taken before the connection's */
    struct ex_buffer queue;
    size_t sent;
    int64_t moved_ms; /* when it last was empty, or a piece of it went out */
    bool gone;        /* nobody reads any more */
    bool slow;        /* and that is why */
    bool closing;     /* nobody writes any more */
};

static const char default_type[] = "text/event-stream";
static const char default_keepalive[] = ":\n\n";

struct ex_http_stream *ex_http_stream_ref(struct ex_http_stream *stream) {
    atomic_fetch_add(&stream->refs, 1);
    return stream;
}

void ex_http_stream_unref(struct ex_http_stream *stream) {
    if (atomic_fetch_sub(&stream->refs, 1) != 1)
        return;
    (void)pthread_mutex_destroy(&stream->lock);
    ex_buffer_done(&stream->queue);
    free(stream->content_type);
    free(stream->keepalive);
    ex_http_connection_unref(stream->connection);
    free(stream);
}

static size_t waiting(const struct ex_http_stream *stream) {
    return stream->queue.len - stream->sent;
}

/* Lets go of everything that nobody will read. */
static void drop(struct ex_http_stream *stream) {
    stream->gone = true;
    stream->sent = 0;
    ex_buffer_done(&stream->queue);
}

static bool enqueue(struct ex_http_stream *stream, struct fo_str piece) {
    struct ex_buffer *queue = &stream->queue;

    if (waiting(stream) == 0)
        stream->moved_ms = ex_clock_ms();
    if (stream->sent > 0 && piece.len > queue->ceiling - queue->len) {
        memmove(queue->bytes, queue->bytes + stream->sent, waiting(stream));
        ex_buffer_truncate(queue, waiting(stream));
        stream->sent = 0;
    }
    ex_buffer_append_str(queue, piece);
    return queue->failure == 0;
}

/* ---- The producer's side ---- */

static struct ex_http_stream *stream_new(struct ex_http_request *request,
                                         const struct ex_http_stream_options *options) {
    struct ex_http_stream *stream = calloc(1, sizeof *stream);

    if (!stream)
        return NULL;
    if (pthread_mutex_init(&stream->lock, NULL) != 0) {
        free(stream);
        return NULL;
    }
    atomic_init(&stream->refs, 1);
    stream->connection = ex_http_connection_ref(request->connection);
    stream->turn = request->turn;
    stream->content_type = strdup(options->content_type ? options->content_type : default_type);
    stream->keepalive = strdup(options->keepalive ? options->keepalive : default_keepalive);
    stream->keepalive_ms =
        options->keepalive_ms ? (int64_t)options->keepalive_ms : EX_HTTP_KEEPALIVE_MS;
    stream->moved_ms = ex_clock_ms();
    ex_buffer_init(&stream->queue, options->queue_max_bytes ? options->queue_max_bytes
                                                            : EX_HTTP_STREAM_QUEUE_BYTES);
    if (!stream->content_type || !stream->keepalive) {
        ex_http_stream_unref(stream);
        return NULL;
    }
    return stream;
}

int ex_http_stream_open(struct ex_http_request *request, struct ex_http_response *response,
                        const struct ex_http_stream_options *options,
                        struct ex_http_stream **ret_stream) {
    static const struct ex_http_stream_options defaults = {0};
    struct ex_http_counters *counters = &request->server->counters;

    if (atomic_fetch_add(&counters->streams, 1) >= EX_HTTP_STREAMS_MAX) {
        atomic_fetch_sub(&counters->streams, 1);
        return -EBUSY;
    }
    struct ex_http_stream *stream = stream_new(request, options ? options : &defaults);
    if (!stream) {
        atomic_fetch_sub(&counters->streams, 1);
        return -ENOMEM;
    }
    ex_http_response_header(response, "Content-Type", stream->content_type);
    request->stream = stream;
    *ret_stream = ex_http_stream_ref(stream);
    return 0;
}

int ex_http_stream_push(struct ex_http_stream *stream, struct fo_str piece) {
    (void)pthread_mutex_lock(&stream->lock);
    if (!stream->gone && !enqueue(stream, piece)) {
        stream->slow = true;
        drop(stream);
    }
    bool gone = stream->gone;
    (void)pthread_mutex_unlock(&stream->lock);
    ex_http_connection_wake(stream->connection, stream->turn);
    return gone ? -EPIPE : 0;
}

bool ex_http_stream_gone(struct ex_http_stream *stream) {
    (void)pthread_mutex_lock(&stream->lock);
    bool gone = stream->gone;
    (void)pthread_mutex_unlock(&stream->lock);
    return gone;
}

struct ex_http_stream *ex_http_stream_close(struct ex_http_stream *stream) {
    if (stream) {
        ex_http_stream_end(stream);
        ex_http_stream_unref(stream);
    }
    return NULL;
}

/* ---- The server's side ---- */

/* Called under the stream's lock, so that no push slips in between the look and the sleep. */
static ssize_t read_queue(struct ex_http_stream *stream, char *buffer, size_t room) {
    size_t len = waiting(stream) < room ? waiting(stream) : room;

    if (stream->gone)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (len > 0) {
        memcpy(buffer, stream->queue.bytes + stream->sent, len);
        stream->sent += len;
        stream->moved_ms = ex_clock_ms();
        if (waiting(stream) == 0) {
            ex_buffer_truncate(&stream->queue, 0);
            stream->sent = 0;
        }
        return (ssize_t)len;
    }
    if (stream->closing)
        return MHD_CONTENT_READER_END_OF_STREAM;
    return ex_http_connection_sleep(stream->connection) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t read_stream(void *ctx, uint64_t position, char *buffer, size_t room) {
    struct ex_http_stream *stream = ctx;

    (void)position;
    (void)pthread_mutex_lock(&stream->lock);
    ssize_t result = read_queue(stream, buffer, room);
    (void)pthread_mutex_unlock(&stream->lock);
    return result;
}

static void end_stream(void *ctx) {
    ex_http_stream_unref(ctx);
}

enum MHD_Result ex_http_stream_answer(struct ex_http_request *request,
                                      struct ex_http_response *response) {
    struct ex_http_stream *stream = request->stream;
    enum { BLOCK_BYTES = 16 * 1024 };

    struct MHD_Response *built = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, ex_http_stream_ref(stream), end_stream);
    if (!built) {
        ex_http_stream_unref(stream);
        return MHD_NO;
    }
    enum MHD_Result result = MHD_NO;
    if (!response->failed && ex_http_response_add_headers(response, built) == 0) {
        ex_http_connection_stream(request->connection, stream);
        result = ex_http_request_queue(request, response->status, built);
    }
    MHD_destroy_response(built);
    return result;
}

void ex_http_stream_abandon(struct ex_http_request *request) {
    struct ex_http_stream *stream = request->stream;
    struct ex_http_counters *counters = &request->server->counters;

    ex_http_connection_stream(request->connection, NULL);
    (void)pthread_mutex_lock(&stream->lock);
    if (stream->slow)
        atomic_fetch_add(&counters->rejected[EX_HTTP_REJECTED_STREAM], 1);
    drop(stream);
    (void)pthread_mutex_unlock(&stream->lock);
    atomic_fetch_sub(&counters->streams, 1);
    request->stream = NULL;
    ex_http_stream_unref(stream);
}

void ex_http_stream_end(struct ex_http_stream *stream) {
    (void)pthread_mutex_lock(&stream->lock);
    stream->closing = true;
    (void)pthread_mutex_unlock(&stream->lock);
    ex_http_connection_wake(stream->connection, stream->turn);
}

bool ex_http_stream_tick(struct ex_http_stream *stream, int64_t now_ms, int64_t write_ms) {
    bool spoke = false;

    (void)pthread_mutex_lock(&stream->lock);
    if (waiting(stream) > 0) {
        stream->slow = stream->slow || now_ms - stream->moved_ms >= write_ms;
    } else if (!stream->gone && now_ms - stream->moved_ms >= stream->keepalive_ms) {
        spoke = enqueue(stream, fo_str_of(stream->keepalive));
    }
    if (stream->slow)
        drop(stream);
    bool end = stream->gone;
    (void)pthread_mutex_unlock(&stream->lock);
    if (spoke)
        ex_http_connection_wake(stream->connection, stream->turn);
    return end;
}
