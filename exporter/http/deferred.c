/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/http/request.h"

/* Who speaks first decides: the one who completes the answer, or the server that gives up on it. */
enum { WAITING, COMPLETED, ABANDONED };

/* Two references: the request's and the caller's. */
struct ex_http_pending {
    atomic_uint refs;
    atomic_int state;
    struct ex_http_response response; /* the caller's until COMPLETED, then the request's */
    struct ex_http_connection *connection;
    uint64_t turn;
};

static void unref(struct ex_http_pending *pending) {
    if (atomic_fetch_sub(&pending->refs, 1) != 1)
        return;
    ex_http_response_done(&pending->response);
    ex_http_connection_unref(pending->connection);
    free(pending);
}

struct ex_http_pending *ex_http_defer(struct ex_http_request *request, uint64_t timeout_ms) {
    struct ex_http_pending *pending = calloc(1, sizeof *pending);
    int64_t wait_ms =
        timeout_ms > 0 && timeout_ms < INT32_MAX ? (int64_t)timeout_ms : EX_HTTP_DEFER_MS;

    if (!pending)
        return NULL;
    atomic_init(&pending->refs, 2);
    ex_http_response_init(&pending->response, request->response.json_errors);
    pending->connection = ex_http_connection_ref(request->connection);
    pending->turn = request->turn;
    request->pending = pending;
    atomic_store(&request->connection->deadline_ms, ex_clock_ms() + wait_ms);
    (void)ex_http_connection_sleep(request->connection);
    return pending;
}

struct ex_http_response *ex_http_pending_response(struct ex_http_pending *pending) {
    return &pending->response;
}

void ex_http_complete(struct ex_http_pending *pending) {
    int waiting = WAITING;

    if (atomic_compare_exchange_strong(&pending->state, &waiting, COMPLETED))
        ex_http_connection_wake(pending->connection, pending->turn);
    unref(pending);
}

enum MHD_Result ex_http_pending_answer(struct ex_http_request *request) {
    struct ex_http_pending *pending = request->pending;
    int waiting = WAITING;
    struct ex_http_response *response = &pending->response;

    atomic_store(&request->connection->deadline_ms, 0);
    if (atomic_compare_exchange_strong(&pending->state, &waiting, ABANDONED)) {
        response = &request->response;
        ex_http_response_error(response, 503, "The answer took too long.");
    }
    enum MHD_Result result = ex_http_request_answer(request, response);
    request->pending = NULL;
    unref(pending);
    return result;
}

void ex_http_pending_abandon(struct ex_http_request *request) {
    int waiting = WAITING;

    (void)atomic_compare_exchange_strong(&request->pending->state, &waiting, ABANDONED);
    unref(request->pending);
    request->pending = NULL;
}
