/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/push/report.h - reports of a scheduler: read, and answered.
 *     {"task": "v[2]", "attempt": 0, "sequence": 7, "state": "FAILED", "failure": {...}}
 * Owns: a batch owns everything in it. Threads: any, one after the other. */
#ifndef EX_ENGINES_PUSH_REPORT_H
#define EX_ENGINES_PUSH_REPORT_H

#include <sys/queue.h>

#include "exporter/base/buffer.h"
#include "exporter/config/job_file.h"
#include "exporter/engines/engine.h"

struct ex_push_job;

enum {
    EX_PUSH_BODY_MAX_BYTES = 8 * 1024 * 1024,
    EX_PUSH_LINE_MAX_BYTES = 1024 * 1024,
    EX_PUSH_LINES_MAX = 10 * 1000,
    EX_PUSH_DEPTH_MAX = 8, /* of objects and lists in a report */
    EX_PUSH_TASK_MAX_BYTES = EX_VERTEX_ID_MAX + 16,
    EX_PUSH_ANSWER_MAX_BYTES = 32 * 1024 * 1024,
    EX_PUSH_WHY_SIZE = 200,
};

/* What became of a report. */
enum ex_push_result {
    EX_PUSH_ACCEPTED,
    EX_PUSH_REPEATED,    /* was accepted before; the answer is that one's */
    EX_PUSH_MALFORMED,   /* cannot be read */
    EX_PUSH_UNKNOWN_JOB, /* of all reports of a batch */
    EX_PUSH_UNKNOWN_TASK,
    EX_PUSH_STALE_ATTEMPT, /* not the attempt to run now: its time is over, or not yet come */
    EX_PUSH_ILLEGAL_STATE, /* the attempt cannot be there from where it is */
    EX_PUSH_JOB_ENDED,
    EX_PUSH_LIMIT,   /* no room, or no memory: come again */
    EX_PUSH_STOPPED, /* the daemon ends */
    EX_PUSH_RESULTS
};
const char *ex_push_result_name(enum ex_push_result result); /* "accepted", ... */

/* What the scheduler is to do about a failure. */
struct ex_push_decision {
    uint32_t attempt; /* whose failure it was */
    bool restart;     /* else the job ends */
    uint64_t sequence;
    int64_t delay_ms;
    int64_t due_ms; /* since the epoch */
    uint32_t range_count;
    struct fo_task_range ranges[]; /* of tasks that restart, ascending */
};

struct ex_push_report {
    char task[EX_PUSH_TASK_MAX_BYTES + 1];
    uint32_t attempt;
    enum fo_task_state state;
    uint64_t sequence;
    struct ex_push_failure *failure; /* owned; set exactly when `state` is FAILED */
    enum ex_push_result result;
    bool early; /* the job manager was not asked: it has not counted the refusal */
    char *why;  /* owned; of one that is malformed. NULL: no memory */
    struct ex_push_decision *decision; /* owned; NULL: nothing was decided */

    /* the engine's, while it is in flight */
    LIST_ENTRY(ex_push_report) link;
    SLIST_ENTRY(ex_push_report) twin;
    SLIST_HEAD(, ex_push_report) twins; /* the same report, come in the meantime */
    struct ex_push_job *job;
    struct ex_push_batch *batch; /* NULL: a report of the engine itself */
    uint32_t number;             /* of the task */
};

/* Evidence with all its texts in one piece of memory. */
struct ex_push_failure {
    struct ex_evidence evidence;
    struct ex_exception exceptions[];
};

/* The reports of one request, in their order. */
struct ex_push_batch {
    struct ex_push_report *items; /* owned */
    size_t count;
    struct fo_graph *graph;                    /* of the job, once it was found; a reference */
    size_t unsettled;                          /* the engine's */
    void (*done)(struct ex_push_batch *batch); /* by whom it is given to the engine */
};

/* Reads a body: one object, or a line for each. A line that cannot be read becomes a malformed
 * report; blank ones are passed over. 0; -E2BIG: over a limit, -ENOMEM, with `reterr`; then the
 * batch is empty. */
FO_MUST_CHECK int ex_push_batch_read(struct ex_push_batch *batch, struct fo_str body, bool lines,
                                     struct fo_error *reterr);
void ex_push_batch_done(struct ex_push_batch *batch); /* a zeroed one is fine */

/* The failure that the engine itself reports of a silent scheduler's task. NULL without memory. */
struct ex_push_failure *ex_push_failure_silent(int64_t silence_ms);

/* The HTTP status that a report is answered with when it is alone. */
int ex_push_report_status(const struct ex_push_report *report);

/* What is wrong with a report, in words; borrowed from it or static. */
const char *ex_push_report_why(const struct ex_push_report *report);

/* Appends the answer to a report: {"decision":{...}}, or, when it was refused,
 * {"error":"...","reason":"stale_attempt","status":409}. All or nothing. */
void ex_push_report_answer(const struct ex_push_report *report, const struct fo_graph *graph,
                           struct ex_buffer *out);

/* Appends "task" as a quoted name. */
void ex_push_append_task(struct ex_buffer *out, const struct fo_graph *graph, uint32_t task);

#endif
