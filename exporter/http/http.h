/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/http.h - a small HTTP/1.1 server over libmicrohttpd: the daemon's two doors.
 *
 * It knows nothing of metrics or jobs: routes are handed in. It owns everything between the socket
 * and a handler: listening, TLS, passwords, roles, limits, deadlines, routing, HEAD, errors.
 *
 * A handler answers in one of three ways:
 *   at once    it fills the response and returns;
 *   deferred   it calls ex_http_defer(), hands the pending answer to any thread and returns;
 *   streamed   it calls ex_http_stream_open(), and any thread pushes pieces until it closes.
 *
 * Threads. [main] the thread that starts and stops the server. [handler] inside a handler, which
 * runs on one of the server's few threads and must not block. [any] any thread, at any time.
 * All limits and deadlines stand in exporter/http/limits.h. */
#ifndef EX_HTTP_HTTP_H
#define EX_HTTP_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "failover/types.h"

struct ex_http_server;
struct ex_http_request;
struct ex_http_response;
struct ex_http_pending;
struct ex_http_stream;

/* ---- Routes ---- */

/* Bits: a route may take several. A GET route answers HEAD as well, without being told. */
enum ex_http_method {
    EX_HTTP_GET = 1 << 0,
    EX_HTTP_HEAD = 1 << 1,
    EX_HTTP_POST = 1 << 2,
    EX_HTTP_PUT = 1 << 3,
    EX_HTTP_PATCH = 1 << 4,
    EX_HTTP_DELETE = 1 << 5,
};

/* Bits: what a client may do. */
enum ex_http_role {
    EX_HTTP_ROLE_READ = 1 << 0,
    EX_HTTP_ROLE_REPORT = 1 << 1,
    EX_HTTP_ROLE_CONTROL = 1 << 2,
    EX_HTTP_ROLES_ALL = EX_HTTP_ROLE_READ | EX_HTTP_ROLE_REPORT | EX_HTTP_ROLE_CONTROL,
};

typedef void ex_http_handler(void *ctx, struct ex_http_request *request,
                             struct ex_http_response *response);

/* One path. Segments are compared after percent-decoding, once; `:name` takes one segment that is
 * not empty. "/jobs" and "/jobs/" are different paths. The first route in the list whose pattern
 * fits the path decides; routes with that same pattern add further methods. So "/jobs/overview"
 * stands before "/jobs/:id". */
struct ex_http_route {
    const char *pattern;   /* "/jobs/:id/exceptions"; borrowed as long as the server */
    unsigned methods;      /* enum ex_http_method; others get 405 with Allow */
    unsigned roles;        /* a client needs one of these; 0 = for everybody */
    bool json_errors;      /* errors are {"errors":["..."]} instead of a line of text */
    size_t body_max_bytes; /* 413 beyond; 0 = this route takes no body */
    ex_http_handler *handler;
    void *ctx;
};

/* ---- Requests: everything borrowed until the handler returns [handler] ---- */

/* A HEAD request is shown as the GET that it mirrors. */
enum ex_http_method ex_http_request_method(const struct ex_http_request *request);

/* The path as sent, without the query. */
struct fo_str ex_http_request_path(const struct ex_http_request *request);

/* The segment that `:name` took, decoded. ptr is NULL when the pattern has no such name. */
struct fo_str ex_http_request_param(const struct ex_http_request *request, const char *name);

/* Query values, decoded, in the order sent: number `index` of those called `name` ("name[]" is a
 * name like any other). ptr is NULL when there are no more. */
struct fo_str ex_http_request_query(const struct ex_http_request *request, const char *name,
                                    size_t index);
/* Pair number `index` whatever its name; false when there are no more. */
bool ex_http_request_query_at(const struct ex_http_request *request, size_t index,
                              struct fo_str *ret_name, struct fo_str *ret_value);

/* A header by its name in any case; one that was sent several times is joined with ", ".
 * ptr is NULL when absent. */
struct fo_str ex_http_request_header(struct ex_http_request *request, const char *name);

struct fo_str ex_http_request_body(const struct ex_http_request *request);

/* Who asks. */
struct ex_http_peer {
    bool local_socket; /* over a unix socket: uid, gid and pid are the peer's */
    bool loopback;     /* over TCP from 127.0.0.0/8 or ::1 */
    bool tls;
    bool certified; /* showed a client certificate that the configured CA vouches for */
    uid_t uid;      /* these three only with local_socket */
    gid_t gid;
    pid_t pid;
    char address[64];   /* "192.0.2.1:1234", "[::1]:1234" or "unix" */
    struct fo_str user; /* whose password was right; empty when no passwords are configured */
    unsigned roles;     /* what ex_http_config.authorize granted */
};
const struct ex_http_peer *ex_http_request_peer(const struct ex_http_request *request);

/* Why a client may do less than another in its place would: words that a 403 then says, and the way
 * out; kept, not copied. NULL when nothing was withheld. */
void ex_http_request_withhold(struct ex_http_request *request, const char *reason);
const char *ex_http_request_withheld(const struct ex_http_request *request);

/* ---- Responses: [handler], or the thread that completes a deferred answer ---- */

/* Default 200. */
void ex_http_response_status(struct ex_http_response *response, int status);

/* Copied. Content-Type has no default; Cache-Control: no-store and X-Content-Type-Options: nosniff
 * are added unless set here. A name or value with a byte that has no place in a header turns the
 * answer into a 500: text from a request never forges a header. */
void ex_http_response_header(struct ex_http_response *response, const char *name,
                             const char *value);

/* The body, in one of these ways; the last call counts.
 * copy: copied. take: from malloc(), taken. borrow, pieces: borrowed until `release(ctx)` is
 * called, exactly once, from any thread, when the last byte was sent or the client was dropped;
 * nothing is copied but the list of pieces itself. `release` may be NULL for what lives forever. */
void ex_http_response_copy(struct ex_http_response *response, struct fo_str body);
void ex_http_response_take(struct ex_http_response *response, char *body, size_t len);
void ex_http_response_borrow(struct ex_http_response *response, struct fo_str body,
                             void (*release)(void *ctx), void *ctx);
void ex_http_response_pieces(struct ex_http_response *response, const struct fo_str *pieces,
                             size_t count, void (*release)(void *ctx), void *ctx);

/* Replaces what was set so far by an error: JSON or text, as the route says. The text may hold
 * anything, it is escaped. */
void ex_http_response_error(struct ex_http_response *response, int status, const char *format, ...)
    FO_PRINTF(3, 4);

/* ---- Deferred answers ---- */

/* Puts the answer off; the handler's own response is then ignored. [handler], at most once, and not
 * together with a stream. It counts as a parallel request until it is sent. After `timeout_ms` (0 =
 * EX_HTTP_DEFER_MS) the client gets 503. Returns the pending answer, owned by the caller until
 * ex_http_complete(), which must follow exactly once, whatever became of the client or the server
 * in the meantime. NULL without memory: answer at once. */
struct ex_http_pending *ex_http_defer(struct ex_http_request *request, uint64_t timeout_ms);

/* The response to fill before ex_http_complete(); by one thread at a time. [any] */
struct ex_http_response *ex_http_pending_response(struct ex_http_pending *pending);

/* Sends it, if the client still waits. `pending` is gone afterwards. [any] */
void ex_http_complete(struct ex_http_pending *pending);

/* ---- Streamed answers (server-sent events) ---- */

struct ex_http_stream_options {
    const char *content_type; /* NULL = "text/event-stream" */
    size_t queue_max_bytes;   /* 0 = EX_HTTP_STREAM_QUEUE_BYTES */
    const char *keepalive;    /* sent into silence, and finds dead clients; NULL = ":\n\n" */
    uint64_t keepalive_ms;    /* 0 = EX_HTTP_KEEPALIVE_MS */
};

/* Starts an endless answer with status 200 and the headers already set on `response`. [handler]
 * 0: *ret_stream is the caller's until ex_http_stream_close(). -EBUSY: too many streams; -ENOMEM.
 * After an error the handler answers as usual (ex_http_response_error). */
FO_MUST_CHECK int ex_http_stream_open(struct ex_http_request *request,
                                      struct ex_http_response *response,
                                      const struct ex_http_stream_options *options,
                                      struct ex_http_stream **ret_stream);

/* Queues a piece, whole or not at all; never blocks. [any] -EPIPE: the client is gone, or was
 * dropped because this piece did not fit into its queue; further pushes change nothing. */
FO_MUST_CHECK int ex_http_stream_push(struct ex_http_stream *stream, struct fo_str piece);

/* Whether the client is gone, for a producer that has nothing to push. [any] */
bool ex_http_stream_gone(struct ex_http_stream *stream);

/* Ends the answer once everything queued was sent. `stream` is gone afterwards. NULL is allowed.
 * [any] Returns NULL. */
struct ex_http_stream *ex_http_stream_close(struct ex_http_stream *stream);

/* ---- Server ---- */

/* What a client may do, asked once per request after the web configuration's own checks passed and
 * before its route's roles are compared. `peer->roles` is still 0. It may say why it is not more,
 * by ex_http_request_withhold(). [handler] */
typedef unsigned ex_http_authorize(void *ctx, struct ex_http_request *request,
                                   const struct ex_http_peer *peer);

/* In milliseconds, from the start of each phase; those of limits.h unless a test is in a hurry. */
struct ex_http_deadlines {
    int64_t header_ms;
    int64_t body_ms;
    int64_t write_ms;
    int64_t slow_write_ms;
    int64_t idle_ms;
    int64_t grace_ms; /* a connection without a request does not make place before */
};

struct ex_http_config {
    const char *name;             /* of this door, for log lines */
    const char *const *addresses; /* ":9999", "[::1]:9999", "127.0.0.1:0", "unix:/path" */
    size_t address_count;
    mode_t unix_mode;       /* of the unix sockets; 0 = 0600 */
    const int *descriptors; /* listening sockets from outside; taken by ex_http_start() */
    size_t descriptor_count;
    const char *prefix;          /* of ex_http_prefix_of(): routes are below it; NULL = none */
    const char *web_config_path; /* NULL = none: no TLS, no passwords */
    unsigned max_requests;       /* parallel requests, 503 beyond; 0 = EX_HTTP_REQUESTS_MAX */
    unsigned max_connections;    /* 0 = EX_HTTP_CONNECTIONS_MAX */
    unsigned threads;            /* 0 = EX_HTTP_THREADS */
    const struct ex_http_deadlines *deadlines; /* NULL = those of limits.h; copied */
    bool json_errors;             /* for errors that belong to no route: 404, 401, 429, ... */
    ex_http_authorize *authorize; /* NULL = ex_http_authorize_default */
    void *authorize_ctx;
};

/* Read for loopback, for a right password and for a client certificate; everything for a unix peer
 * with our own user id or root; nothing for others. */
unsigned ex_http_authorize_default(void *ctx, struct ex_http_request *request,
                                   const struct ex_http_peer *peer);

/* Binds, reads the web configuration, starts. Routes are copied, what they point to is borrowed
 * until ex_http_stop() returns. SIGPIPE must be ignored or blocked in the process. [main]
 * 0: the caller ends *ret_server with ex_http_stop(). Errors are told in `reterr`: -EINVAL an
 * address or a route, or the web configuration (with its line); -EADDRINUSE and the like from the
 * system; -ENOMEM. Then nothing listens, and `descriptors` are closed. */
FO_MUST_CHECK int ex_http_start(const struct ex_http_config *config,
                                const struct ex_http_route *routes, size_t route_count,
                                struct ex_http_server **ret_server, struct fo_error *reterr);

/* Stops accepting, lets running requests finish for up to `drain_ms`, then ends what is left:
 * deferred answers get 503. Streams are told to end at once, and what they have queued still goes
 * out. A pending answer or a stream still held elsewhere stays valid until it is completed or
 * closed, and goes nowhere. NULL is allowed. Returns NULL. [main] */
struct ex_http_server *ex_http_stop(struct ex_http_server *server, uint64_t drain_ms);

/* Where listener number `index` can be reached: "127.0.0.1:43111", "[::]:9999", "unix:/path";
 * addresses first, then descriptors, in their order. NULL when there are no more. Borrowed as long
 * as the server. [any] */
const char *ex_http_address(const struct ex_http_server *server, size_t index);

/* Whether it speaks TLS just now. [any] */
bool ex_http_encrypts(struct ex_http_server *server);

/* Reads the web configuration again, certificates and passwords included. On an error the old one
 * stays in force, `reterr` says why, and the failure shows in the counters. [any] */
FO_MUST_CHECK int ex_http_reload(struct ex_http_server *server, struct fo_error *reterr);

/* Whether the file would be accepted by ex_http_start(). 0 or a negative errno. [any] */
FO_MUST_CHECK int ex_http_check_web_config(const char *path, struct fo_error *reterr);

/* ---- Counters, for the daemon's own metrics; read with atomic_load [any] ---- */

enum ex_http_rejection {
    EX_HTTP_REJECTED_CONNECTIONS, /* a connection refused, or one that had to make place */
    EX_HTTP_REJECTED_REQUESTS,    /* 503: too many parallel requests */
    EX_HTTP_REJECTED_RATE,        /* 429: the web configuration's rate limit */
    EX_HTTP_REJECTED_AUTH,        /* 401 and 403 */
    EX_HTTP_REJECTED_TLS,         /* client certificates that were not accepted */
    EX_HTTP_REJECTED_SIZE,        /* 413 and 414 */
    EX_HTTP_REJECTED_MALFORMED,   /* no request that could be understood */
    EX_HTTP_REJECTED_DEADLINE,    /* header, body or write took too long */
    EX_HTTP_REJECTED_STREAM,      /* a stream whose reader was too slow */
    EX_HTTP_REJECTIONS
};
/* "connections", "requests", ...: the label of a rejection. */
const char *ex_http_rejection_name(enum ex_http_rejection rejection);

struct ex_http_counters {
    _Atomic uint64_t responses[6]; /* by the first digit of the status; 0 is never used */
    _Atomic uint64_t rejected[EX_HTTP_REJECTIONS];
    _Atomic uint64_t in_flight;    /* requests now */
    _Atomic uint64_t connections;  /* now */
    _Atomic uint64_t streams;      /* now */
    _Atomic uint64_t reloads_good; /* of the web configuration, the first load included */
    _Atomic uint64_t reloads_bad;
    _Atomic int64_t last_reload_success_ms; /* wall clock; 0 = no web configuration */
    atomic_bool last_reload_successful;
    _Atomic uint64_t web_config_hash; /* of the file in force, 48 bits; 0 = no web configuration */
};
/* Borrowed as long as the server. */
const struct ex_http_counters *ex_http_counters(const struct ex_http_server *server);

#endif
