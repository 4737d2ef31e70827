/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/cli/client.h - one HTTP request to a running daemon, over its socket or over TCP.
 * Owns: the answer's bytes, until ex_client_answer_done(). Threads: [main]. */
#ifndef EX_CLI_CLIENT_H
#define EX_CLI_CLIENT_H

#include <stdbool.h>

#include "exporter/base/buffer.h"

/* Where the daemon is and how to be let in; texts may be NULL. */
struct ex_client {
    const char *socket;     /* path; wins over the others */
    const char *address;    /* "https://host:1234"; a user and password may stand in it */
    const char *token_file; /* its first line is sent as bearer token; only over TCP */
    const char *ca_file;    /* of the daemon's certificate; NULL = the system's */
    bool unverified;        /* any certificate will do: for what holds no secret */
    int64_t timeout_ms;
};

struct ex_client_request {
    const char *method;
    const char *path;         /* escaped, with its query */
    const char *content_type; /* NULL = no body */
    struct fo_str body;
};

struct ex_client_answer {
    long status;
    struct ex_buffer body;
};

/* -ECONNREFUSED: nobody answers there; -EINVAL, -EACCES...: the token file; -ENOMEM, -EMSGSIZE. All
 * in words in `reterr`. Whatever the status: the answer is to be ended when this returns 0. */
FO_MUST_CHECK int ex_client_ask(const struct ex_client *client,
                                const struct ex_client_request *request,
                                struct ex_client_answer *ret_answer, struct fo_error *reterr);
void ex_client_answer_done(struct ex_client_answer *answer);

/* Appends text as it may stand in a path or query. */
void ex_client_escape(struct ex_buffer *path, const char *text);

#endif
