/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/response.h - an answer being filled, and how it becomes libmicrohttpd's.
 * Owns: its headers and a taken body; of a borrowed body, the duty to release it.
 * Threads: none, the caller serialises. */
#ifndef EX_HTTP_RESPONSE_H
#define EX_HTTP_RESPONSE_H

#include "exporter/http/http.h"
#include "exporter/http/limits.h"

struct MHD_IoVec;
struct MHD_Response;

struct ex_http_header {
    char *name;
    char *value;
};

struct ex_http_response {
    int status;
    bool json_errors;
    bool failed; /* something could not be set: 500 */
    struct ex_http_header headers[EX_HTTP_RESPONSE_HEADERS_MAX];
    size_t header_count;
    char *taken; /* the body, from malloc(); or NULL */
    size_t len;
    struct MHD_IoVec *pieces; /* or a list of borrowed pieces, none of them empty; or NULL */
    size_t piece_count;
    void (*release)(void *ctx); /* of the pieces */
    void *release_ctx;
};

void ex_http_response_init(struct ex_http_response *response, bool json_errors);
void ex_http_response_done(struct ex_http_response *response);

/* Printable ASCII only, so that nothing ends the header's line. */
bool ex_http_is_header_value(const char *value);

/* The value set under that name in any case, or NULL. Borrowed. */
const char *ex_http_response_get(const struct ex_http_response *response, const char *name);

/* Makes libmicrohttpd's response of the body, which is taken, and the headers. NULL: no memory, and
 * what was borrowed has been released. A failed response becomes a 500 first. */
struct MHD_Response *ex_http_response_build(struct ex_http_response *response);

/* Copies the headers onto `built`, those that every answer has included. -ENOMEM. */
FO_MUST_CHECK int ex_http_response_add_headers(const struct ex_http_response *response,
                                               struct MHD_Response *built);

#endif
