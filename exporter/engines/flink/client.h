/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/flink/client.h - GET over HTTP on the loop: one libcurl multi handle, any number
 * of requests at once, none of which holds up another. Each has one time limit for everything and a
 * limit of bytes; redirects are not followed.
 * Owns: connections and requests. Threads: [main]. */
#ifndef EX_ENGINES_FLINK_CLIENT_H
#define EX_ENGINES_FLINK_CLIENT_H

#include <uv.h>

#include "exporter/base/buffer.h"
#include "exporter/config/engine_flink.h"

struct ex_client;
struct ex_fetch;

/* How a request ended; borrowed for the call. */
struct ex_fetched {
    int error;          /* 0: there is an answer. -ETIMEDOUT, -EMSGSIZE: over the limit of bytes;
                           -EACCES: a secret cannot be read; -EIO: everything else */
    long status;        /* of HTTP */
    struct fo_str body; /* of the answer */
    const char *why;    /* for people, when `error` */
};
typedef void ex_fetch_done(void *ctx, const struct ex_fetched *fetched);

/* `settings` are borrowed as long as the client. 0, -ENOMEM, -EIO. */
FO_MUST_CHECK int ex_client_new(uv_loop_t *loop, const struct ex_flink_settings *settings,
                                struct ex_client **ret_client);

/* Gives up what is under way, without a word to who asked. The loop must run once more. NULL
 * allowed; returns NULL. */
struct ex_client *ex_client_free(struct ex_client *client);

/* `done` is called exactly once, from the loop, unless the client is freed or the request is given
 * up before. -ENOMEM. */
FO_MUST_CHECK int ex_client_get(struct ex_client *client, const char *url, ex_fetch_done *done,
                                void *ctx, struct ex_fetch **ret_fetch);
void ex_fetch_give_up(struct ex_fetch *fetch);

#endif
