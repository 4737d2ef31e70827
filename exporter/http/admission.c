/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/admission.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "exporter/base/clock.h"
#include "exporter/http/prefix.h"
#include "exporter/http/route.h"

void ex_http_request_count(struct ex_http_request *request, enum ex_http_rejection reason) {
    if (reason < EX_HTTP_REJECTIONS)
        atomic_fetch_add(&request->server->counters.rejected[reason], 1);
}

bool ex_http_announces_body(struct ex_http_request *request) {
    struct fo_str length = ex_http_request_header(request, "Content-Length");

    return ex_http_request_header(request, "Transfer-Encoding").ptr ||
           (length.ptr && !fo_str_equal(length, fo_str_of("0")));
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

enum MHD_Result ex_http_request_refuse(struct ex_http_request *request, int status,
                                       enum ex_http_rejection reason, const char *text) {
    ex_http_request_count(request, reason);
    ex_http_response_error(&request->response, status, "%s", text);
    return answer_error(request);
}

/* ---- Admission: each step answers, or lets pass ---- */

static const struct ex_http_step passed = {false, MHD_YES};

static struct ex_http_step answered(enum MHD_Result result) {
    return (struct ex_http_step){true, result};
}

static struct ex_http_step check_target(struct ex_http_request *request) {
    switch (request->target_error) {
    case 0:
        return passed;
    case -E2BIG:
        return answered(
            ex_http_request_refuse(request, 414, EX_HTTP_REJECTED_SIZE,
                                   "The request target is longer than this server takes."));
    case -ENOMEM:
        return answered(ex_http_request_refuse(request, 503, EX_HTTP_NO_REASON, "Out of memory."));
    default:
        return answered(ex_http_request_refuse(request, 400, EX_HTTP_REJECTED_MALFORMED,
                                               "The request target is malformed."));
    }
}

/* RFC 9110: the characters of a header's name. */
#define TOKEN_CHARS "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* "Content-Length : 5" is no header to libmicrohttpd and one to others; so is what stands behind a
 * carriage return alone. Stops at the first of these. */
static enum MHD_Result look_at_header(void *ctx, enum MHD_ValueKind kind, const char *name,
                                      const char *value) {
    bool *bad = ctx;

    (void)kind;
    *bad = name[0] == '\0' || name[strspn(name, TOKEN_CHARS)] != '\0';
    for (; value && *value && !*bad; value++)
        *bad = ((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f;
    return *bad ? MHD_NO : MHD_YES;
}

/* libmicrohttpd is lenient about a request's framing; a proxy in front may not read it alike. */
static const char *framing_problem(struct ex_http_request *request) {
    bool bad = false;

    (void)MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, look_at_header, &bad);
    if (bad)
        return "A header has a name or a value with characters that have no place in it.";
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

/* Where such a request ends is a matter of opinion: nothing after it is believed. */
static struct ex_http_step check_framing(struct ex_http_request *request) {
    const char *problem = framing_problem(request);

    if (!problem)
        return passed;
    ex_http_request_count(request, EX_HTTP_REJECTED_MALFORMED);
    ex_http_response_error(&request->response, 400, "%s", problem);
    ex_http_response_header(&request->response, "Connection", "close");
    return answered(answer_error(request));
}

static struct ex_http_step check_rate(struct ex_http_request *request) {
    if (ex_http_rate_take(&request->web->rate, (int64_t)ex_clock_ns()))
        return passed;
    return answered(ex_http_request_refuse(request, 429, EX_HTTP_REJECTED_RATE,
                                           "Too many requests; try again later."));
}

static struct ex_http_step refuse_user(struct ex_http_request *request) {
    ex_http_request_count(request, EX_HTTP_REJECTED_AUTH);
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

static struct ex_http_step check_user(struct ex_http_request *request) {
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
    return answered(
        ex_http_request_refuse(request, 503, EX_HTTP_REJECTED_AUTH,
                               "Too many passwords are being checked; try again later."));
}

/* "/", or the prefix without its '/': what people type, and the links of a page do not work from.
 */
static bool wants_first_page(const struct ex_http_request *request) {
    const char *prefix = request->server->prefix;
    struct fo_str path = request->target.path;

    return *prefix && (fo_str_equal(path, fo_str_of("/")) || fo_str_equal(path, fo_str_of(prefix)));
}

static struct ex_http_step send_to_first_page(struct ex_http_request *request) {
    char location[EX_HTTP_PREFIX_MAX_BYTES + 1];

    (void)snprintf(location, sizeof location, "%s/", request->server->prefix);
    ex_http_response_error(&request->response, 302, "It is at %s", location);
    ex_http_response_header(&request->response, "Location", location);
    return answered(answer_error(request));
}

static struct ex_http_step find_route(struct ex_http_request *request) {
    struct ex_http_server *server = request->server;
    struct ex_http_match match = ex_http_routes_match(server->routes, server->route_count,
                                                      &request->target, request->method);
    char allowed[64];

    request->route = match.route;
    if (match.allowed == 0 && wants_first_page(request))
        return send_to_first_page(request);
    if (match.allowed == 0)
        return answered(ex_http_request_refuse(request, 404, EX_HTTP_NO_REASON, "Not found."));
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

static struct ex_http_step check_role(struct ex_http_request *request) {
    struct ex_http_server *server = request->server;

    request->peer.roles =
        server->authorize(server->authorize_ctx, request, &request->peer) & EX_HTTP_ROLES_ALL;
    if (request->route->roles == 0 || (request->route->roles & request->peer.roles) != 0)
        return passed;
    return answered(ex_http_request_refuse(
        request, 403, EX_HTTP_REJECTED_AUTH,
        request->withheld ? request->withheld : "This is not allowed for this client."));
}

static struct ex_http_step check_length(struct ex_http_request *request) {
    size_t max = request->route->body_max_bytes;
    uint64_t announced = announced_length(request);

    if (!request->has_body)
        return passed;
    if (max == 0 || (announced > max && announced != UINT64_MAX))
        return answered(ex_http_request_refuse(request, 413, EX_HTTP_REJECTED_SIZE,
                                               "The body is larger than this path takes."));
    ex_buffer_init(&request->body, max);
    ex_http_connection_enter(request->connection, EX_HTTP_READING_BODY);
    return passed;
}

struct ex_http_step ex_http_admit(struct ex_http_request *request) {
    static struct ex_http_step (*const steps[])(struct ex_http_request *) = {
        check_target, check_framing, check_rate, check_user, find_route, check_role, check_length,
    };

    ex_http_connection_enter(request->connection, EX_HTTP_HANDLING);
    while (request->step < sizeof steps / sizeof steps[0]) {
        struct ex_http_step step = steps[request->step](request);
        if (step.answered)
            return step;
        request->step++;
    }
    request->stage = EX_HTTP_STAGE_ADMITTED;
    return passed;
}
