/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/rest/rest.h - the routes of the REST API: Flink's read half for both doors, and what
 * changes things for the control door.
 *
 * A request never makes the job manager slow. Its handler puts the answer off and posts a message;
 * on the manager's thread a copy is taken or the thing is done; the JSON is made of the copy on a
 * thread of libuv's pool.
 * Owns: nothing but requests under way. Threads: [main] makes it; handlers run on the doors'. */
#ifndef EX_REST_REST_H
#define EX_REST_REST_H

#include "exporter/config/config.h"
#include "exporter/http/http.h"
#include "exporter/manager/inbox.h"
#include "exporter/manager/manager.h"

enum {
    EX_REST_ROUTES_MAX = 64,
    EX_REST_JOB_MAX_BYTES = 1024 * 1024, /* of a job file in a request */
    EX_REST_PLAN_TASKS_MAX = 100 * 1000, /* of a job that what-if is asked of */
    EX_REST_QUESTIONS_MAX = EX_REST_ROUTES_MAX / 2,
};

struct ex_events;
struct ex_push;
struct ex_question;

/* Filled by the daemon, then borrowed as long as a server has its routes or the loop runs. */
struct ex_rest {
    uv_loop_t *loop; /* of the manager; borrowed, as all of these */
    struct ex_inbox *inbox;
    const struct ex_config *config;   /* its profile decides which fields there are */
    struct ex_events *events;         /* who listens to /events */
    const struct ex_engines *engines; /* where jobs are started */
    struct ex_push *push;             /* the one that is reported to; NULL: nothing is */
    /* [main] The two orders to the daemon; 0, or a negative errno with words. */
    int (*reload)(void *ctx, struct fo_error *reterr);
    void (*quit)(void *ctx);
    void *ctx;
    struct ex_rest_question {
        const struct ex_question *question;
        struct ex_rest *rest;
    } questions[EX_REST_QUESTIONS_MAX]; /* what the routes point to; private */
};

/* Makes the private part of what was filled. */
void ex_rest_init(struct ex_rest *rest);

/* Writes the routes of the read half, with and without /v1, to `routes` (room for
 * EX_REST_ROUTES_MAX) and returns their count. `roles`: who may read, as of a route. */
size_t ex_rest_read_routes(struct ex_rest *rest, unsigned roles, struct ex_http_route *routes);

/* All: the read half for every role, to start jobs and what concerns the push engine for `report`
 * and `control`, the rest for `control`. */
size_t ex_rest_control_routes(struct ex_rest *rest, struct ex_http_route *routes);

#endif
