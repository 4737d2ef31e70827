/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/request.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/http/admission.h"
#include "exporter/http/prefix.h"
#include "exporter/http/route.h"

/* ---- What a handler sees ---- */

enum ex_http_method ex_http_request_method(const struct ex_http_request *request) {
    return request->method == EX_HTTP_HEAD ? EX_HTTP_GET : (enum ex_http_method)request->method;
}

struct fo_str ex_http_request_path(const struct ex_http_request *request) {
    return request->target.path;
}

struct fo_str ex_http_request_param(const struct ex_http_request *request, const char *name) {
    return ex_http_route_param(request->route, &request->target, name);
}

struct fo_str ex_http_request_query(const struct ex_http_request *request, const char *name,
                                    size_t index) {
    struct fo_str wanted = fo_str_of(name);

    for (size_t i = 0; i < request->target.query_count; i++) {
        const struct ex_http_pair *pair = &request->target.query[i];
        if (fo_str_equal(pair->name, wanted) && index-- == 0)
            return pair->value;
    }
    return (struct fo_str){NULL, 0};
}

bool ex_http_request_query_at(const struct ex_http_request *request, size_t index,
                              struct fo_str *ret_name, struct fo_str *ret_value) {
    if (index >= request->target.query_count)
        return false;
    *ret_name = request->target.query[index].name;
    *ret_value = request->target.query[index].value;
    return true;
}

/* A header that was sent several times, joined; kept until the request ends. */
struct ex_http_joined {
    struct ex_http_joined *next;
    char text[];
};

/* The values of one header. */
struct gathering {
    const char *name;
    size_t count;
    const char *last;
    struct ex_buffer joined;
};

static enum MHD_Result gather(void *ctx, enum MHD_ValueKind kind, const char *name,
                              const char *value) {
    struct gathering *gathering = ctx;

    (void)kind;
    if (strcasecmp(name, gathering->name) != 0)
        return MHD_YES;
    if (gathering->count == 1)
        ex_buffer_append_text(&gathering->joined, gathering->last);
    gathering->last = value ? value : "";
    if (gathering->count > 0) {
        ex_buffer_append_text(&gathering->joined, ", ");
        ex_buffer_append_text(&gathering->joined, gathering->last);
    }
    gathering->count++;
    return MHD_YES;
}

static struct fo_str keep_joined(struct ex_http_request *request, struct fo_str text) {
    struct ex_http_joined *joined = malloc(sizeof *joined + text.len + 1);

    if (!joined)
        return (struct fo_str){NULL, 0};
    joined->next = request->joined;
    memcpy(joined->text, text.ptr, text.len + 1);
    request->joined = joined;
    return (struct fo_str){joined->text, text.len};
}

struct fo_str ex_http_request_header(struct ex_http_request *request, const char *name) {
    struct gathering gathering = {.name = name};
    struct fo_str text = {NULL, 0};

    ex_buffer_init(&gathering.joined, EX_HTTP_CONNECTION_MEMORY_BYTES);
    (void)MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, gather, &gathering);
    if (gathering.count == 1)
        text = fo_str_of(gathering.last);
    else if (gathering.count > 1 && gathering.joined.failure == 0)
        text = keep_joined(request, ex_buffer_str(&gathering.joined));
    ex_buffer_done(&gathering.joined);
    return text;
}

struct fo_str ex_http_request_body(const struct ex_http_request *request) {
    return ex_buffer_str(&request->body);
}

const struct ex_http_peer *ex_http_request_peer(const struct ex_http_request *request) {
    return &request->peer;
}

void ex_http_request_withhold(struct ex_http_request *request, const char *reason) {
    request->withheld = reason;
}

const char *ex_http_request_withheld(const struct ex_http_request *request) {
    return request->withheld;
}

unsigned ex_http_authorize_default(void *ctx, struct ex_http_request *request,
                                   const struct ex_http_peer *peer) {
    (void)ctx;
    (void)request;
    if (peer->local_socket && (peer->uid == geteuid() || peer->uid == 0))
        return EX_HTTP_ROLES_ALL;
    return peer->loopback || peer->certified || peer->user.len > 0 ? EX_HTTP_ROLE_READ : 0;
}

/* ---- Answers ---- */

enum MHD_Result ex_http_request_queue(struct ex_http_request *request, int status,
                                      struct MHD_Response *built) {
    struct ex_http_server *server = request->server;
    bool last = atomic_load(&server->draining) ||
                request->connection->generation != atomic_load(&server->generation);

    request->stage = EX_HTTP_STAGE_ANSWERED;
    for (size_t i = 0; i < request->web->settings.header_count; i++) {
        const struct ex_http_header *header = &request->web->settings.headers[i];
        (void)MHD_del_response_header(built, header->name,
                                      MHD_get_response_header(built, header->name));
        if (MHD_add_response_header(built, header->name, header->value) == MHD_NO)
            return MHD_NO;
    }
    if (last && MHD_add_response_header(built, "Connection", "close") == MHD_NO)
        return MHD_NO;
    if (status >= 100 && status < 600)
        atomic_fetch_add(&server->counters.responses[status / 100], 1);
    return MHD_queue_response(request->mhd, (unsigned)status, built);
}

enum MHD_Result ex_http_request_answer(struct ex_http_request *request,
                                       struct ex_http_response *response) {
    ex_http_connection_enter(request->connection, EX_HTTP_WRITING);
    struct MHD_Response *built = ex_http_response_build(response);
    enum MHD_Result result =
        built ? ex_http_request_queue(request, response->status, built) : MHD_NO;
    if (built)
        MHD_destroy_response(built);
    ex_http_response_done(response);
    return result;
}

/* ---- Handling ---- */

/* Counts the request among the parallel ones; one that only writes slowly makes place for others,
 * though not for this one. */
static bool count_in(struct ex_http_request *request) {
    struct ex_http_server *server = request->server;

    if (atomic_fetch_add(&server->counters.in_flight, 1) >= server->max_requests) {
        atomic_fetch_sub(&server->counters.in_flight, 1);
        ex_http_table_end_slow_write(&server->table);
        return false;
    }
    request->counted = true;
    return true;
}

static void count_out(struct ex_http_request *request) {
    if (request->counted)
        atomic_fetch_sub(&request->server->counters.in_flight, 1);
    request->counted = false;
}

static enum MHD_Result handle(struct ex_http_request *request) {
    const struct ex_http_route *route = request->route;

    if (request->body.failure != 0)
        return ex_http_request_refuse(request, request->body.failure == -EMSGSIZE ? 413 : 503,
                                      EX_HTTP_REJECTED_SIZE,
                                      "The body is larger than this path takes.");
    if (!count_in(request))
        return ex_http_request_refuse(request, 503, EX_HTTP_REJECTED_REQUESTS,
                                      "Too many requests at once.");
    ex_http_connection_enter(request->connection, EX_HTTP_HANDLING);
    route->handler(route->ctx, request, &request->response);
    if (request->pending) {
        request->stage = EX_HTTP_STAGE_DEFERRED;
        return MHD_YES;
    }
    if (request->stream) {
        count_out(request);
        return ex_http_stream_answer(request, &request->response);
    }
    return ex_http_request_answer(request, &request->response);
}

/* A piece of the body. What is too long is thrown away, so that the error can be read; who goes on
 * and on is cut off. */
static enum MHD_Result receive(struct ex_http_request *request, const char *upload,
                               size_t *upload_size) {
    if (request->stage == EX_HTTP_STAGE_ADMITTED)
        ex_buffer_append(&request->body, upload, *upload_size);
    if (request->stage != EX_HTTP_STAGE_ADMITTED || request->body.failure != 0)
        request->drained += *upload_size;
    *upload_size = 0;
    return request->drained <= EX_HTTP_DRAIN_BYTES ? MHD_YES : MHD_NO;
}

/* The header is complete. Without a body the same call comes again for the complete request, and
 * deciding then keeps the connection alive. */
static enum MHD_Result begin(struct ex_http_request *request, const char *method) {
    request->method = ex_http_method_of(method);
    request->has_body = ex_http_announces_body(request);
    return request->has_body ? ex_http_admit(request).result : MHD_YES;
}

/* Called for a complete header, then for the complete request, then whenever it was woken. */
static enum MHD_Result advance(struct ex_http_request *request) {
    switch (request->stage) {
    case EX_HTTP_STAGE_HEADER:
        break;
    case EX_HTTP_STAGE_ADMITTED:
        request->complete = true;
        return handle(request);
    case EX_HTTP_STAGE_REFUSED:
        return ex_http_request_answer(request, &request->response);
    case EX_HTTP_STAGE_DEFERRED:
        return ex_http_pending_answer(request);
    case EX_HTTP_STAGE_ANSWERED:
        return MHD_YES;
    }
    request->complete = !request->has_body;
    struct ex_http_step step = ex_http_admit(request);
    return step.answered || request->has_body ? step.result : handle(request);
}

// NOLINTNEXTLINE(readability-function-size): its parameters are libmicrohttpd's
enum MHD_Result ex_http_on_access(void *ctx, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request_slot) {
    struct ex_http_request *request = *request_slot;

    (void)ctx;
    (void)mhd;
    (void)url;
    (void)version;
    if (!request || atomic_load(&request->connection->doomed))
        return MHD_NO;
    if (*upload_size > 0)
        return receive(request, upload, upload_size);
    if (request->turn == 0) {
        request->turn = ex_http_connection_next_turn(request->connection);
        return begin(request, method);
    }
    return advance(request);
}

/* ---- Beginning and end ---- */

void *ex_http_on_request_line(void *ctx, const char *uri, struct MHD_Connection *mhd) {
    struct ex_http_server *server = ctx;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct ex_http_connection *connection = info ? info->socket_context : NULL;
    struct ex_http_request *request = connection ? calloc(1, sizeof *request) : NULL;

    if (!request)
        return NULL; /* the access handler then ends the connection */
    request->server = server;
    request->connection = ex_http_connection_ref(connection);
    request->mhd = mhd;
    request->web = ex_http_server_web(server);
    request->peer = connection->peer;
    ex_buffer_init(&request->body, 0);
    ex_http_response_init(&request->response, server->json_errors);
    request->target_error = ex_http_target_parse(fo_str_of(uri), &request->target);
    if (request->target_error == 0)
        ex_http_prefix_strip(server->prefix, &request->target);
    return request;
}

void ex_http_on_completed(void *ctx, struct MHD_Connection *mhd, void **request_slot,
                          enum MHD_RequestTerminationCode code) {
    struct ex_http_request *request = *request_slot;

    (void)ctx;
    (void)mhd;
    *request_slot = NULL;
    if (!request)
        return;
    /* libmicrohttpd answered it, or hung up; not the client, and not we. */
    if (request->turn == 0 && code == MHD_REQUEST_TERMINATED_WITH_ERROR &&
        !atomic_load(&request->connection->doomed))
        ex_http_request_count(request, EX_HTTP_REJECTED_MALFORMED);
    count_out(request);
    if (request->pending)
        ex_http_pending_abandon(request);
    if (request->stream)
        ex_http_stream_abandon(request);
    if (request->job)
        (void)ex_http_auth_result(request->job);
    atomic_store(&request->connection->deadline_ms, 0);
    ex_http_connection_enter(request->connection, EX_HTTP_IDLE);
    ex_http_web_unref(request->web);
    free(request->credentials);
    ex_http_connection_unref(request->connection);
    ex_http_response_done(&request->response);
    ex_http_target_done(&request->target);
    ex_buffer_done(&request->body);
    while (request->joined) {
        struct ex_http_joined *joined = request->joined;
        request->joined = joined->next;
        free(joined);
    }
    free(request);
}
