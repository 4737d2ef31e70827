/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/push/push.h - the engine whose tasks run anywhere: an outside scheduler reports
 * how they are, and obeys. It learns what to do from the answers to its reports and from the
 * decisions of a job, numbered events of which the newest are kept.
 *
 * A report is known by (job, task, attempt, sequence): a second one gets the first one's answer and
 * does nothing. An attempt that is not the one to run now is refused. A scheduler that is silent
 * for too long has its tasks failed; one that does not stop tasks in time is not waited for.
 *
 * It knows nothing of HTTP: the REST room brings reports and follows decisions.
 * Owns: its jobs, also for a while after their end, so that reports may be repeated.
 * Threads: [main] unless said otherwise. */
#ifndef EX_ENGINES_PUSH_H
#define EX_ENGINES_PUSH_H

#include <sys/queue.h>
#include <uv.h>

#include "exporter/base/buffer.h"
#include "exporter/engines/engine.h"
#include "exporter/engines/push/report.h"

struct ex_metrics;
struct ex_push;
struct ex_push_job;

enum {
    EX_PUSH_TASKS_MAX = 100 * 1000,     /* of a job */
    EX_PUSH_EVENTS_KEPT = 64,           /* of a job, */
    EX_PUSH_EVENT_TASKS_KEPT = 4096,    /* and tasks in them, though never less than one event */
    EX_PUSH_EVENT_TASKS_MAX = 1000,     /* of an event; more are told in several */
    EX_PUSH_REPORTS_IN_FLIGHT = 65536,  /* taken and not yet answered, of all jobs */
    EX_PUSH_ENDED_TASKS_KEPT = 1000000, /* of jobs that have ended, all together */
    EX_PUSH_TICK_MS = 100,              /* how often somebody looks at who is late */
};

struct ex_push_config {
    uv_loop_t *loop;                   /* borrowed until close() and one more turn of the loop */
    const struct ex_engine_sink *sink; /* borrowed until close() */
    struct ex_metrics *metrics;        /* borrowed until close() */
    int64_t heartbeat_ms;              /* silence after which a scheduler is lost */
    int64_t retention_ms;              /* how long the reports of an ended job may be repeated */
};

const struct ex_engine_ops *ex_push_ops(void);

/* Makes the `self` of one or several ex_engines with these ops: they share their jobs. Each of them
 * ends with close(), the last of which ends it. 0; -ENOMEM; what a metric was refused for. */
FO_MUST_CHECK int ex_push_new(const struct ex_push_config *config, unsigned engines,
                              struct ex_push **ret_push, struct fo_error *reterr);

/* Whether a job of that id or name is known, live or just ended. [any] */
bool ex_push_knows(struct ex_push *push, struct fo_str id_or_name);

/* ---- reports ---- */

/* Takes room for so many reports; false: too many are in flight, come again. [any] */
bool ex_push_admit(struct ex_push *push, size_t count);
/* Remembers failures that found none, to be counted. [any] */
void ex_push_turn_away(struct ex_push *push, size_t failures);
/* Those since it was last asked. */
size_t ex_push_turned_away(struct ex_push *push);
/* Gives room back. [any] */
void ex_push_dismiss(struct ex_push *push, size_t count);

/* Counts reports that never came to be taken. [any] */
void ex_push_count(struct ex_push *push, enum ex_push_result result, size_t count);

/* Takes the reports of a batch (borrowed until then) and calls done(batch) once each has its
 * result: maybe before this returns. No reports at all are a sign of life.
 * -ENOENT: no such job; done() is not called. */
FO_MUST_CHECK int ex_push_take(struct ex_push *push, struct fo_str id_or_name,
                               struct ex_push_batch *batch);

/* ---- decisions ---- */

/* An event as it is told. Borrowed for the call. */
struct ex_push_told {
    uint64_t id;
    const char *action; /* deploy, cancel, withdraw, restart, fail, reset, close */
    struct fo_str json; /* one line: an object that says all of it */
};

/* Who wants to be told; embedded by the REST room. A follower is a sign of life. */
struct ex_push_follower {
    TAILQ_ENTRY(ex_push_follower) link; /* the engine's */
    bool once;                          /* wants what there is, or else the next event */
    /* Tells an event. False: it wants no more. */
    bool (*tell)(struct ex_push_follower *follower, const struct ex_push_told *event);
    /* Asked now and then; false: it follows no longer. */
    bool (*is_there)(struct ex_push_follower *follower);
    /* The last that it hears, exactly once: it has said false, or nothing more will be told because
     * the job or the engine has ended. It may be gone when this returns. */
    void (*end)(struct ex_push_follower *follower);
};

/* Tells what came after event `after`; or, when that is no longer known, the state as a whole
 * (`reset`); then all that happens. 0; -ENOENT: no such job, the follower is not taken. */
FO_MUST_CHECK int ex_push_follow(struct ex_push *push, struct fo_str id_or_name,
                                 struct ex_push_follower *follower, uint64_t after);

/* Ends all followers; later ones end at once. Before the doors are closed. NULL is allowed. */
void ex_push_end_followers(struct ex_push *push);

#endif
