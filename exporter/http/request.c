/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/request.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "exporter/base/clock.h"
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

struct joining {
    const char *name;
    size_t count;
    struct ex_buffer *joined;
};

static enum MHD_Result join(void *ctx, enum MHD_ValueKind kind, const char *name,
                            const char *value) {
    struct joining *joining = ctx;

    (void)kind;
    if (strcasecmp(name, joining->name) == 0) {
        ex_buffer_append_text(joining->joined, joining->count > 0 ? ", " : "");
        ex_buffer_append_text(joining->joined, value ? value : "");
        joining->count++;
    }
    return MHD_YES;
}

struct fo_str ex_http_request_header(struct ex_http_request *request, const char *name) {
    struct joining joining = {name, 0, &request->joined};

    ex_buffer_reset(&request->joined);
    (void)MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, join, &joining);
    if (joining.count == 0 || request->joined.failure != 0)
        return (struct fo_str){NULL, 0};
    return ex_buffer_str(&request->joined);
}

struct fo_str ex_http_request_body(const struct ex_http_request *request) {
    return ex_buffer_str(&request->body);
}

const struct ex_http_peer *ex_http_request_peer(const struct ex_http_request *request) {
    return &request->peer;
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

static void count_rejection(struct ex_http_server *server, enum ex_http_rejection reason) {
    atomic_fetch_add(&server->counters.rejected[reason], 1);
}

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

/* How many bytes the body is said to have; UINT64_MAX when that is not said. */
static uint64_t announced_length(struct ex_http_request *request) {
    struct fo_str length = ex_http_request_header(request, "Content-Length");
    uint64_t bytes = 0;

    if (!request->has_body)
        return 0;
    for (size_t i = 0; i < length.len; i++) {
        if (bytes > UINT64_MAX / 16)
            return UINT64_MAX;
        bytes = bytes * 10 + (uint64_t)(length.ptr[i] - '0'); /* libmicrohttpd saw only digits */
    }
    return length.ptr ? bytes : UINT64_MAX;
}

/* Sends the error in request->response. An answer in the middle of a body ends the connection, and
 * a client that is still writing may then never read it: a small body is read to its end first. */
static enum MHD_Result answer_error(struct ex_http_request *request) {
    bool waits = ex_http_request_header(request, "Expect").ptr != NULL;

    if (request->complete || waits || announced_length(request) > EX_HTTP_DRAIN_BYTES)
        return ex_http_request_answer(request, &request->response);
    request->stage = EX_HTTP_STAGE_REFUSED;
    ex_http_connection_enter(request->connection, EX_HTTP_READING_BODY);
    return MHD_YES;
}

static enum MHD_Result refuse(struct ex_http_request *request, int status,
                              enum ex_http_rejection reason, const char *text) {
    if (reason < EX_HTTP_REJECTIONS)
        count_rejection(request->server, reason);
    ex_http_response_error(&request->response, status, "%s", text);
    return answer_error(request);
}

/* A refusal that no counter of its own stands for. */
#define NO_REASON EX_HTTP_REJECTIONS

/* ---- Admission: each step answers, or lets pass ---- */

struct verdict {
    bool answered; /* or asleep: nothing more to do now */
    enum MHD_Result result;
};
static const struct verdict passed = {false, MHD_YES};

static struct verdict answered(enum MHD_Result result) {
    return (struct verdict){true, result};
}

static struct verdict check_target(struct ex_http_request *request) {
    switch (request->target_error) {
    case 0:
        return passed;
    case -E2BIG:
        return answered(refuse(request, 414, EX_HTTP_REJECTED_SIZE,
                               "The request target is longer than this server takes."));
    case -ENOMEM:
        return answered(refuse(request, 503, NO_REASON, "Out of memory."));
    default:
        return answered(
            refuse(request, 400, EX_HTTP_REJECTED_MALFORMED, "The request target is malformed."));
    }
}

/* libmicrohttpd is lenient about a request's framing; a proxy in front may not read it alike. */
static const char *framing_problem(struct ex_http_request *request) {
    struct fo_str coding = ex_http_request_header(request, "Transfer-Encoding");

    if (coding.ptr && (coding.len != 7 || strncasecmp(coding.ptr, "chunked", 7) != 0))
        return "The only transfer coding that this server knows is chunked.";
    bool chunked = coding.ptr != NULL;
    struct fo_str length = ex_http_request_header(request, "Content-Length");
    if (length.ptr && (chunked || memchr(length.ptr, ',', length.len)))
        return "The request has more than one length.";
    struct fo_str host = ex_http_request_header(request, "Host");
    if (host.ptr && memchr(host.ptr, ',', host.len))
        return "The request has more than one Host.";
    return NULL;
}

static struct verdict check_framing(struct ex_http_request *request) {
    const char *problem = framing_problem(request);

    return problem ? answered(refuse(request, 400, EX_HTTP_REJECTED_MALFORMED, problem)) : passed;
}

static struct verdict check_rate(struct ex_http_request *request) {
    if (ex_http_rate_take(&request->web->rate, (int64_t)ex_clock_ns()))
        return passed;
    return answered(
        refuse(request, 429, EX_HTTP_REJECTED_RATE, "Too many requests; try again later."));
}

static struct verdict refuse_user(struct ex_http_request *request) {
    count_rejection(request->server, EX_HTTP_REJECTED_AUTH);
    ex_http_response_error(&request->response, 401, "A user name and a password are needed.");
    ex_http_response_header(&request->response, "WWW-Authenticate",
                            "Basic realm=\"failover_exporter\", charset=\"UTF-8\"");
    return answered(answer_error(request));
}

/* Asks for the first time; the user's name is kept in the request. */
static enum ex_http_verdict ask_about_user(struct ex_http_request *request) {
    struct fo_str header = ex_http_request_header(request, "Authorization");
    struct fo_str name;
    struct fo_str password;

    if (ex_http_basic_parse(header, &name, &password, &request->credentials) != 0)
        return EX_HTTP_AUTH_WRONG;
    enum ex_http_verdict verdict =
        ex_http_auth_ask(request->server->auth, &request->web->settings, name, password,
                         request->connection, &request->job);
    if (password.len > 0)
        explicit_bzero(request->credentials + name.len + 1, password.len);
    request->peer.user = name;
    return verdict;
}

static struct verdict check_user(struct ex_http_request *request) {
    enum ex_http_verdict verdict = EX_HTTP_AUTH_BUSY;
    bool woken = request->job != NULL;

    if (request->web->settings.user_count == 0)
        return passed;
    verdict = woken ? ex_http_auth_result(request->job) : ask_about_user(request);
    if (woken)
        request->job = NULL;
    atomic_store(&request->connection->deadline_ms, 0);
    switch (verdict) {
    case EX_HTTP_AUTH_RIGHT:
        return passed;
    case EX_HTTP_AUTH_WRONG:
        return refuse_user(request);
    case EX_HTTP_AUTH_WAITING:
        if (!woken) {
            atomic_store(&request->connection->deadline_ms, ex_clock_ms() + EX_HTTP_DEFER_MS);
            return answered(MHD_YES);
        }
        break;
    case EX_HTTP_AUTH_BUSY:
        break;
    }
    return answered(refuse(request, 503, EX_HTTP_REJECTED_AUTH,
                           "Too many passwords are being checked; try again later."));
}

static struct verdict find_route(struct ex_http_request *request) {
    struct ex_http_server *server = request->server;
    struct ex_http_match match = ex_http_routes_match(server->routes, server->route_count,
                                                      &request->target, request->method);
    char allowed[64];

    request->route = match.route;
    if (match.allowed == 0)
        return answered(refuse(request, 404, NO_REASON, "Not found."));
    request->response.json_errors = match.json_errors;
    if (match.route) {
        request->response.json_errors = match.route->json_errors;
        return passed;
    }
    ex_http_methods_text(match.allowed, allowed);
    ex_http_response_error(&request->response, 405, "Method not allowed; allowed: %s.", allowed);
    ex_http_response_header(&request->response, "Allow", allowed);
    return answered(answer_error(request));
}

static struct verdict check_role(struct ex_http_request *request) {
    struct ex_http_server *server = request->server;

    request->peer.roles =
        server->authorize(server->authorize_ctx, request, &request->peer) & EX_HTTP_ROLES_ALL;
    if (request->route->roles == 0 || (request->route->roles & request->peer.roles) != 0)
        return passed;
    return answered(
        refuse(request, 403, EX_HTTP_REJECTED_AUTH, "This is not allowed for this client."));
}

static struct verdict check_length(struct ex_http_request *request) {
    size_t max = request->route->body_max_bytes;
    uint64_t announced = announced_length(request);

    if (!request->has_body)
        return passed;
    if (max == 0 || (announced > max && announced != UINT64_MAX))
        return answered(refuse(request, 413, EX_HTTP_REJECTED_SIZE,
                               "The body is larger than this path takes."));
    ex_buffer_init(&request->body, max);
    ex_http_connection_enter(request->connection, EX_HTTP_READING_BODY);
    return passed;
}

static struct verdict admit(struct ex_http_request *request) {
    static struct verdict (*const steps[])(struct ex_http_request *) = {
        check_target, check_framing, check_rate, check_user, find_route, check_role, check_length,
    };

    ex_http_connection_enter(request->connection, EX_HTTP_HANDLING);
    while (request->step < sizeof steps / sizeof steps[0]) {
        struct verdict verdict = steps[request->step](request);
        if (verdict.answered)
            return verdict;
        request->step++;
    }
    request->stage = EX_HTTP_STAGE_ADMITTED;
    return passed;
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
        return refuse(request, request->body.failure == -EMSGSIZE ? 413 : 503,
                      EX_HTTP_REJECTED_SIZE, "The body is larger than this path takes.");
    if (!count_in(request))
        return refuse(request, 503, EX_HTTP_REJECTED_REQUESTS, "Too many requests at once.");
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

static bool announces_body(struct ex_http_request *request) {
    struct fo_str length = ex_http_request_header(request, "Content-Length");

    return ex_http_request_header(request, "Transfer-Encoding").ptr ||
           (length.ptr && !fo_str_equal(length, fo_str_of("0")));
}

/* The header is complete. Without a body the same call comes again for the complete request, and
 * deciding then keeps the connection alive. */
static enum MHD_Result begin(struct ex_http_request *request, const char *method) {
    request->method = ex_http_method_of(method);
    request->has_body = announces_body(request);
    return request->has_body ? admit(request).result : MHD_YES;
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
    struct verdict verdict = admit(request);
    return verdict.answered || request->has_body ? verdict.result : handle(request);
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
    ex_buffer_init(&request->joined, EX_HTTP_CONNECTION_MEMORY_BYTES);
    ex_http_response_init(&request->response, server->json_errors);
    request->target_error = ex_http_target_parse(fo_str_of(uri), &request->target);
    return request;
}

void ex_http_on_completed(void *ctx, struct MHD_Connection *mhd, void **request_slot,
                          enum MHD_RequestTerminationCode code) {
    struct ex_http_request *request = *request_slot;

    (void)ctx;
    (void)mhd;
    (void)code;
    *request_slot = NULL;
    if (!request)
        return;
    if (request->turn == 0)
        count_rejection(request->server, EX_HTTP_REJECTED_MALFORMED);
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
    ex_buffer_done(&request->joined);
    free(request);
}
