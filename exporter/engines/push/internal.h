/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/push/internal.h - the inside of the push engine. Private to this room. */
#ifndef EX_ENGINES_PUSH_INTERNAL_H
#define EX_ENGINES_PUSH_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "exporter/base/name_table.h"
#include "exporter/engines/push/metrics.h"
#include "exporter/engines/push/push.h"

enum { EX_PUSH_IN_FLIGHT_BUCKETS = 8192 };

/* Where the engine's current attempt of a task is. */
enum ex_push_phase {
    EX_PUSH_NEVER,    /* no attempt was deployed yet */
    EX_PUSH_DEPLOYED, /* it is to run */
    EX_PUSH_STOPPING, /* it is to be stopped */
    EX_PUSH_OVER,     /* it has ended */
};

/* A million of these must be cheap. Which reports of the current attempt were taken: the highest
 * sequence, and of the 64 below which; older ones count as taken. */
struct ex_push_task {
    uint64_t last;
    uint64_t taken;                  /* bit i: last - i; 0: none yet */
    uint64_t former_last;            /* the highest of the attempt before, if that took any */
    struct ex_push_decision *answer; /* to its newest failure; owned, NULL = none */
    uint32_t attempt;
    uint32_t former_attempt; /* FO_NO_TASK: none, or it took none */
    uint8_t phase;           /* enum ex_push_phase */
    uint8_t told;            /* enum fo_task_state: what it was last reported to be */
};

struct ex_push_event {
    TAILQ_ENTRY(ex_push_event) link;
    uint64_t id;
    int64_t due_ms;
    const char *action;
    uint32_t count;
    struct ex_task_attempt tasks[];
};

/* Attempts that were told to stop together, and when they are no longer waited for. */
struct ex_push_stop {
    STAILQ_ENTRY(ex_push_stop) link;
    int64_t deadline_ms;
    uint32_t count;
    struct ex_task_attempt attempts[];
};

/* An ex_engine_job while it is open; kept a while after that, closed. */
struct ex_push_job {
    TAILQ_ENTRY(ex_push_job) link;     /* of all, or of the closed ones */
    TAILQ_ENTRY(ex_push_job) watch;    /* of those whose scheduler may fall silent */
    TAILQ_ENTRY(ex_push_job) stopping; /* of those with `stops` */
    TAILQ_ENTRY(ex_push_job) followed; /* of those with `followers` */
    struct ex_name_node id_node;       /* in the directory */
    struct ex_name_node name_node;
    struct ex_push *push;
    struct fo_graph *graph;
    const struct ex_job_spec *spec; /* NULL once closed */
    void *owner;
    char id[EX_JOB_ID_LEN + 1];
    char name[EX_JOB_NAME_MAX + 1];
    int64_t seen_ms; /* the last sign of life; of a closed job when it was closed */
    struct ex_push_task *tasks;
    TAILQ_HEAD(ex_push_events, ex_push_event) events; /* oldest first */
    uint32_t event_count;
    uint32_t event_tasks;
    uint64_t last_id;
    TAILQ_HEAD(ex_push_followers, ex_push_follower) followers;
    STAILQ_HEAD(, ex_push_stop) stops;
    uint32_t in_flight; /* reports */
    bool suspended;     /* a later daemon takes it up again */
    bool closed;
};

TAILQ_HEAD(ex_push_jobs, ex_push_job);

struct ex_push {
    struct ex_push_config config;
    struct ex_push_metrics metrics;
    uv_timer_t timer;
    int64_t ticked_ms;
    unsigned engines; /* not yet closed */
    bool timer_closed;
    bool deaf; /* followers are ended at once */
    struct ex_push_jobs open;
    struct ex_push_jobs closed;  /* the longest closed first */
    struct ex_push_jobs watched; /* the longest silent first */
    struct ex_push_jobs stopping;
    struct ex_push_jobs followed;
    size_t closed_tasks;
    size_t in_flight; /* reports that the manager has */
    uint64_t seed;
    LIST_HEAD(, ex_push_report) reports[EX_PUSH_IN_FLIGHT_BUCKETS]; /* those, by what they are */
    struct ex_buffer json;                                          /* of an event */
    struct ex_task_attempt *attempts;                               /* room for a decision's */
    uint32_t attempts_capacity;
    atomic_size_t admitted;
    atomic_size_t turned_away;
    pthread_mutex_t lock; /* the directory: written by [main] only */
    struct ex_name_table by_id;
    struct ex_name_table by_name;
};

/* ---- directory.c ---- */

FO_MUST_CHECK int ex_push_directory_add(struct ex_push *push, struct ex_push_job *job);
void ex_push_directory_remove(struct ex_push *push, struct ex_push_job *job);
/* By id; else the newest of that name. NULL: none. [main] */
struct ex_push_job *ex_push_directory_find(struct ex_push *push, struct fo_str id_or_name);

/* ---- push.c ---- */

/* The scheduler lives. */
void ex_push_touch(struct ex_push_job *job);
/* Ends the engine once nothing needs it any more. */
void ex_push_end_if_idle(struct ex_push *push);

/* ---- intake.c ---- */

/* The reports that the engine itself makes: a silent scheduler's task has failed, and one that was
 * told to stop counts as stopped. */
void ex_push_report_lost(struct ex_push_job *job, uint32_t task, int64_t silence_ms);
void ex_push_report_stopped(struct ex_push_job *job, uint32_t task);
/* As of ex_engine_ops. */
void ex_push_answered(void *token, const struct ex_answer *answer);

/* ---- events.c ---- */

/* Tells and keeps; tasks are copied. Without memory the next event is a `reset`. */
void ex_push_emit(struct ex_push_job *job, const char *action, int64_t due_ms,
                  const struct ex_task_attempt *tasks, uint32_t count);
void ex_push_end_job_followers(struct ex_push_job *job);
/* Asks the followers whether they are still there. */
void ex_push_check_followers(struct ex_push_job *job);
void ex_push_events_done(struct ex_push_job *job);

#endif
