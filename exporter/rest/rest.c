/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/rest/rest.h"

#include "exporter/engines/push/report.h"
#include "exporter/rest/call.h"
#include "exporter/rest/events.h"
#include "exporter/rest/reports.h"

static const char prefix[] = "/v1";

static struct ex_rest_question *add_questions(struct ex_rest *rest, struct ex_rest_question *next,
                                              const struct ex_question_list *list) {
    for (size_t i = 0; i < list->count; i++)
        *next++ = (struct ex_rest_question){&list->items[i], rest};
    return next;
}

/* The questions of both halves stand one behind the other. */
void ex_rest_init(struct ex_rest *rest) {
    (void)add_questions(rest, add_questions(rest, rest->questions, &ex_rest_reading),
                        &ex_rest_controlling);
}

/* Two routes for each question. */
static size_t add_routes(struct ex_rest_question *questions, size_t count, unsigned roles,
                         struct ex_http_route *routes) {
    size_t added = 0;

    for (size_t i = 0; i < count; i++) {
        const struct ex_question *question = questions[i].question;
        struct ex_http_route route = {
            .pattern = question->pattern,
            .methods = question->method,
            .roles = roles | question->roles,
            .json_errors = true,
            .body_max_bytes = question->body_max_bytes,
            .handler = ex_call_handle,
            .ctx = &questions[i],
        };
        routes[added++] = route;
        route.pattern += sizeof prefix - 1;
        routes[added++] = route;
    }
    return added;
}

/* Not a question: its answer has no end. */
static size_t add_events(const struct ex_rest *rest, unsigned roles, struct ex_http_route *routes) {
    routes[0] = (struct ex_http_route){
        .pattern = "/events",
        .methods = EX_HTTP_GET,
        .roles = roles,
        .json_errors = true,
        .handler = ex_events_handle,
        .ctx = rest->events,
    };
    return 1;
}

/* What outside schedulers ask. */
static size_t add_push(struct ex_rest *rest, struct ex_http_route *routes) {
    static const struct {
        const char *pattern;
        enum ex_http_method method;
        size_t body_max_bytes;
        ex_http_handler *handler;
    } asked[] = {
        {"/v1/jobs/:id/reports", EX_HTTP_POST, EX_PUSH_BODY_MAX_BYTES, ex_reports_handle},
        {"/v1/jobs/:id/decisions", EX_HTTP_GET, 0, ex_decisions_handle},
    };
    size_t added = 0;

    for (size_t i = 0; rest->push && i < sizeof asked / sizeof *asked; i++) {
        struct ex_http_route route = {
            .pattern = asked[i].pattern,
            .methods = asked[i].method,
            .roles = EX_HTTP_ROLE_REPORT | EX_HTTP_ROLE_CONTROL,
            .json_errors = true,
            .body_max_bytes = asked[i].body_max_bytes,
            .handler = asked[i].handler,
            .ctx = rest,
        };
        routes[added++] = route;
        route.pattern += sizeof prefix - 1;
        routes[added++] = route;
    }
    return added;
}

size_t ex_rest_read_routes(struct ex_rest *rest, unsigned roles, struct ex_http_route *routes) {
    size_t added = add_routes(rest->questions, ex_rest_reading.count, roles, routes);

    return added + add_events(rest, roles, routes + added);
}

size_t ex_rest_control_routes(struct ex_rest *rest, struct ex_http_route *routes) {
    size_t added = ex_rest_read_routes(rest, EX_HTTP_ROLES_ALL, routes);

    added += add_routes(rest->questions + ex_rest_reading.count, ex_rest_controlling.count,
                        EX_HTTP_ROLE_CONTROL, routes + added);
    return added + add_push(rest, routes + added);
}
