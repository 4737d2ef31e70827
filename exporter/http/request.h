/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/request.h - one request, from its first line to the last byte of its answer.
 *
 * libmicrohttpd's thread drives it: a request line begins it, the access handler is called again
 * and again, the completion callback ends it. In between it may sleep. Its stages only go forward.
 * Threads: that one; others reach it only through a pending answer or a stream. */
#ifndef EX_HTTP_REQUEST_H
#define EX_HTTP_REQUEST_H

#include <microhttpd.h>

#include "exporter/base/buffer.h"
#include "exporter/http/response.h"
#include "exporter/http/server.h"
#include "exporter/http/target.h"

enum ex_http_stage {
    EX_HTTP_STAGE_HEADER,   /* nothing decided yet */
    EX_HTTP_STAGE_ADMITTED, /* allowed; its body may still come */
    EX_HTTP_STAGE_REFUSED,  /* its error is ready; the rest of its body is thrown away first */
    EX_HTTP_STAGE_DEFERRED, /* the handler has returned, the answer is pending */
    EX_HTTP_STAGE_ANSWERED,
};

struct ex_http_request {
    struct ex_http_server *server;
    struct ex_http_connection *connection;
    struct MHD_Connection *mhd;
    uint64_t turn;
    enum ex_http_stage stage;
    size_t step; /* of the admission, the next one */
    bool has_body;
    bool complete;    /* header and body were read */
    uint64_t drained; /* bytes thrown away */
    bool counted;     /* among the parallel requests */
    int target_error;
    unsigned method;
    struct ex_http_target target;
    const struct ex_http_route *route;
    struct ex_http_web *web;      /* a reference: the configuration when it began */
    struct ex_http_auth_job *job; /* a reference, while its password is being verified */
    char *credentials;            /* owned; peer.user points into it */
    struct ex_http_peer peer;
    const char *withheld; /* why peer.roles are not more; NULL = they are all that there is */
    struct ex_buffer body;
    struct ex_http_joined *joined; /* owned */
    struct ex_http_response response;
    struct ex_http_pending *pending; /* a reference */
    struct ex_http_stream *stream;   /* a reference */
};

/* libmicrohttpd's callbacks; `ctx` is the server. */
void *ex_http_on_request_line(void *ctx, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result ex_http_on_access(void *ctx, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request);
void ex_http_on_completed(void *ctx, struct MHD_Connection *mhd, void **request,
                          enum MHD_RequestTerminationCode code);

/* For deferred.c and stream.c. */

/* Sends `response`, which is done afterwards. */
enum MHD_Result ex_http_request_answer(struct ex_http_request *request,
                                       struct ex_http_response *response);

/* The last step of that, with a response of libmicrohttpd's. */
enum MHD_Result ex_http_request_queue(struct ex_http_request *request, int status,
                                      struct MHD_Response *built);

/* Sends the pending answer, or 503 when nobody gave it in time. */
enum MHD_Result ex_http_pending_answer(struct ex_http_request *request);
void ex_http_pending_abandon(struct ex_http_request *request);

/* Starts sending the stream. */
enum MHD_Result ex_http_stream_answer(struct ex_http_request *request,
                                      struct ex_http_response *response);
void ex_http_stream_abandon(struct ex_http_request *request);

#endif
