/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/rest/call.h - a request on its way: handler, job manager, worker. Private to this room.
 * Owns: itself and all it points to. Threads: one after the other, as the steps say. */
#ifndef EX_REST_CALL_H
#define EX_REST_CALL_H

#include <jansson.h>

#include "exporter/config/job_file.h"
#include "exporter/manager/job_copy.h"
#include "exporter/rest/rest.h"

enum {
    EX_REST_FILTER_MAX_BYTES = 4096, /* of failureLabelFilter */
    EX_REST_TASK_MAX_BYTES = EX_VERTEX_ID_MAX + 16,
};

struct ex_call;

/* What a route asks. */
struct ex_question {
    const char *pattern; /* begins with /v1; the path without it is served as well */
    enum ex_http_method method;
    /* Takes copies, or does what was asked. 0, -ENOENT when there is no such job, -ENOMEM; or
     * EX_CALL_ANSWERED. [main] */
    int (*ask)(struct ex_call *call, struct ex_manager *manager);
    /* Makes the answer of the copies; NULL without memory. Not used when ask() has answered. [any]
     */
    json_t *(*build)(const struct ex_call *call);
    /* Reads more of the request than the id of the job; NULL = nothing. A refusal is written to the
     * response and makes it false. [handler] */
    bool (*read)(struct ex_call *call, struct ex_http_request *request,
                 struct ex_http_response *response);
    uint32_t body_max_bytes; /* 0 = takes no body */
    unsigned roles;          /* that may ask it as well as those of its half */
};

struct ex_question_list {
    const struct ex_question *items;
    size_t count;
};

struct ex_call {
    struct ex_inbox_message message;
    struct ex_entry durable; /* what was done for it is */
    uv_work_t work;
    struct ex_http_pending *pending;
    struct ex_rest *rest;
    const struct ex_question *question;
    char job[EX_JOB_NAME_MAX + 1];         /* id or name; empty: the question is about all */
    char task[EX_REST_TASK_MAX_BYTES + 1]; /* task or vertex; empty = none named */
    char filter_text[EX_REST_FILTER_MAX_BYTES + 1];
    struct ex_exception_filter filter; /* points into filter_text */
    size_t limit;                      /* of exceptions */
    uint32_t task_number;              /* of `task` */
    struct ex_job_spec *spec;          /* to be submitted */
    struct ex_job_copy copy;           /* of the job, */
    struct ex_job_copy *copies;        /* or of all */
    size_t copy_count;
    uint32_t attempt; /* of a log */
    uint64_t offset;  /* in it */
    char *path;       /* of it */
    bool writes;      /* it may still grow */
    bool quits;       /* the daemon is to end once this is answered */
};

/* The handler of every question; its context is a struct ex_rest_question. */
ex_http_handler ex_call_handle;

/* The questions of the two halves, in an order in which their routes may stand. */
extern const struct ex_question_list ex_rest_reading;
extern const struct ex_question_list ex_rest_controlling;

/* The response of a call that is under way. */
struct ex_http_response *ex_call_response(struct ex_call *call);

/* Sets status and JSON text (taken; NULL = 503, no memory). */
void ex_call_answer(struct ex_http_response *response, int status, json_t *json);

/* What ask() returns once the response is filled; and an error that does so. */
enum { EX_CALL_ANSWERED = 1 };
int ex_call_refuse(struct ex_call *call, int status, const char *text);

/* Copies a text from the request; false and a 400 that calls it `what` when it is too long. */
bool ex_call_keep(char *target, size_t size, struct fo_str text, const char *what,
                  struct ex_http_response *response);

#endif
