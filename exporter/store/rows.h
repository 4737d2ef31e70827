/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/store/rows.h - what can be written to the store and read from it: each kind of row is
 * some integers, then some byte strings, in a fixed order. Owns: nothing. Threads: any. */
#ifndef EX_STORE_ROWS_H
#define EX_STORE_ROWS_H

#include <stdbool.h>

#include "failover/types.h"

enum { EX_ROW_INTS_MAX = 16, EX_ROW_TEXTS_MAX = 5 };

/* A change. The comments list the integers | the texts. */
enum ex_write {
    /* The daemon's own: next failure id, next number of a job, epoch, rejections by reason (5). */
    EX_WRITE_DAEMON,
    /* A job that is new: number, submitted_ms, commands optional | id, engine, source, folder,
       path. */
    EX_WRITE_JOB,
    /* What changes of a job: number, ended_ms (wall clock, 0 = not), accepted, counted, recoveries,
       exhausted by reason (3), start of its counters (ms) | head, tail,
       the engine's own. */
    EX_WRITE_JOB_STATE,
    /* A range of its tasks: number, range | the core's, the manager's. */
    EX_WRITE_TASKS,
    EX_WRITE_JOB_GONE, /* number */
    /* A failure: id, number of its job, at_ms, final (0, 1), task, attempt, decision: what
       (EX_STORED_*), delay_ms, due_ms, restarted tasks, policy, id, exhausted, pid, budget: limit
       (-1 = none), remaining | event record, labels (before they are final, those that it came with), log
       path, runs of restarted tasks. */
    EX_WRITE_FAILURE,
    EX_WRITE_LABELLED,    /* its labels are final: id | labels */
    EX_WRITE_CLASS_COUNT, /* add: n | type, category */
    EX_WRITE_LABEL_COUNT, /* add: number of the job, n, start_ms | labels */
    EX_WRITE_EVENT,       /* at_ms | event record */
    /* An event that a listener has yet to acknowledge: number, kind, id of its failure (0 = none),
       at_ms | listener. A `labelled` is made of its failure again; any other kind is the event
       that was written just before it. */
    EX_WRITE_DELIVERY,
    EX_WRITE_DELIVERED, /* it is over: number */
    EX_WRITES,
};

/* Bits of a stored decision. */
enum {
    EX_STORED_DECIDED = 1,
    EX_STORED_RESTART = 2,
    EX_STORED_NEW_ATTEMPT = 4,
    EX_STORED_NON_RECOVERABLE = 8, /* the cause is */
};

/* A question, with up to two integers to ask by. The rows that come have the integers and texts of
 * the change that wrote them, unless said otherwise. */
enum ex_read {
    EX_READ_DAEMON,       /* also, last, when the counters began (ms) */
    EX_READ_JOBS,         /* oldest first; state follows by itself */
    EX_READ_JOB_STATE,    /* by number */
    EX_READ_TASKS,        /* by number, in order */
    EX_READ_LABEL_COUNTS, /* by number */
    EX_READ_CLASS_COUNTS, /**/
    EX_READ_FAILURE,      /* by id */
    EX_READ_PENDING,      /* failures that are not final, oldest first */
    EX_READ_FAILURES,     /* all from an id on, oldest first */
    EX_READ_EVENTS,       /* number, at_ms | record: all from a number on */
    /* Number, kind, id of the failure, at_ms | listener, record of the failure, its labels, record
       of the event: in the order of their numbers. Texts that are not there any more are empty. */
    EX_READ_DELIVERIES,
    EX_READS,
};

struct ex_row {
    int64_t ints[EX_ROW_INTS_MAX];
    struct fo_str texts[EX_ROW_TEXTS_MAX]; /* borrowed for the call */
};

struct ex_row_shape {
    const char *sql;
    uint8_t ints;
    uint8_t texts;
    uint8_t binary; /* bit i: texts[i] is bytes, not text */
};

/* The statement of a change: its parameters are the integers, then the texts. */
const struct ex_row_shape *ex_write_shape(enum ex_write kind);
/* The statement of a question: its columns are the integers, then the texts. */
const struct ex_row_shape *ex_read_shape(enum ex_read kind);

#endif
