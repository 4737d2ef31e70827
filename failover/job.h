/* SPDX-License-Identifier: Apache-2.0 */
/* failover/job.h - the inside of a job, and one step of it, for the core only.
 *
 * A step is a transaction: it is checked, then all memory it can need is reserved, and only then is
 * anything changed. Deploying is the exception: when memory for its actions is short, regions stay
 * queued, and fo_next_deadline() asks for the next step at once.
 * Owns: all arrays, a reference to the graph. Threads: none, the caller serialises. */
#ifndef FAILOVER_JOB_H
#define FAILOVER_JOB_H

#include "failover/failover_strategy.h"
#include "failover/gates.h"
#include "failover/graph.h"
#include "failover/history.h"
#include "failover/job_table.h"
#include "failover/lost.h"
#include "failover/policy.h"
#include "failover/restart.h"
#include "failover/strategy.h"
#include "failover/task_table.h"

/* The failure of a current attempt. */
struct fo_attempt_failure {
    uint64_t failure_id;
    int64_t at_ms;
    uint32_t task;
};

/* From the first failure until all that was restarted runs again. */
struct fo_incident {
    bool is_open;
    uint64_t id;
    int64_t began_ms;
    uint64_t first_serial; /* the first decision in it: a task taken since has a higher version */
    uint32_t unwell;       /* tasks taken since that neither run nor are FINISHED */
};

struct fo_job {
    struct fo_allocator allocator;
    struct fo_graph *graph;
    int64_t now_ms; /* of the last step; never goes back */

    enum fo_job_state state;
    enum fo_job_state state_before_suspend;
    int64_t since_ms[FO_JOB_STATE_COUNT];
    bool is_paused;

    uint8_t *states; /* task -> enum fo_task_state */
    uint32_t *attempts;
    uint64_t *versions; /* task -> serial of the decision that took it last; 0 = none */
    uint64_t *notes;    /* FAILED task -> its place in `failures`; CANCELING task -> serial of the
                           decision that cancelled it */
    uint32_t counts[FO_TASK_STATE_COUNT];
    uint32_t *vertex_counts; /* vertex x state */

    struct fo_attempt_failure *failures; /* of tasks in FAILED, in no order */
    size_t failure_capacity;
    uint32_t failure_count;

    enum fo_failover_kind failover_kind;
    bool has_hooks;
    struct fo_strategy_hooks hooks;
    struct fo_strategy strategy;
    struct fo_policies policies;
    struct fo_lost lost;
    struct fo_walk walk;
    struct fo_gates gates;
    struct fo_restarts restarts;
    struct fo_history history;
    struct fo_incident incident;

    uint32_t *targets; /* tasks of the decision made last, ascending */
    size_t target_capacity;
    uint32_t target_count;

    uint64_t last_serial;
    uint64_t decisions;
    uint64_t restarts_made; /* numRestarts */
    uint64_t restarted_tasks;
    uint64_t end_failure_id;  /* that ends the job, while FAILING */
    bool is_restored;         /* and has made no step since */
    bool is_mirror;           /* somebody else decides */
    int64_t mirror_failed_ms; /* of the newest failure that was told, on the master's clock */
};

/* One step under way. */
struct fo_step {
    struct fo_job *job;
    const struct fo_event *event;
    int64_t now_ms; /* of the job once it is changed */
    uint64_t random;
    int32_t policy; /* that matches the event's cause; -1 = none */
    struct fo_actions *out;
    size_t first_action; /* out->count at the beginning */
    uint64_t promised;   /* actions that there is room for */
};

/* ---- job.c --------------------------------------------------------------------------------- */

/* Whether the event is legal now: 0, or what fo_job_step() would answer. */
FO_MUST_CHECK int fo_job_check(const struct fo_job *job, const struct fo_event *event);

/* ---- actions.c ---------------------------------------------------------------------------- */

/* Makes room for `count` actions on top of all that was promised in this step before. -ENOMEM. */
FO_MUST_CHECK int fo_actions_promise(struct fo_step *step, uint64_t count);
/* Appends an action that was promised. */
void fo_actions_push(struct fo_step *step, const struct fo_action *action);

/* ---- transition.c: states and all that is counted by them ---------------------------------- */

/* Makes the transition that the job table has for `input`, if any; true when made. */
bool fo_step_job(struct fo_step *step, enum fo_job_input input);

/* Moves a task as its cell says; the cell must be a move. At most two actions. */
void fo_step_task(struct fo_step *step, uint32_t task, struct fo_task_cell cell);

/* Gives an order to a task: two actions at most, or none when there is nothing to do. */
void fo_step_order(struct fo_step *step, uint32_t task, enum fo_task_order order);

/* FO_ORDER_CANCEL to a task, with FO_ACTION_CANCEL when it has been deployed; the same bound. */
void fo_step_cancel(struct fo_step *step, uint32_t task);
void fo_step_cancel_all(struct fo_step *step);

/* Puts a task into a state and counts it there; nobody is told. */
void fo_task_put(struct fo_job *job, uint32_t task, enum fo_task_state to);

/* ---- failure.c: failures and what is decided ----------------------------------------------- */

/* Writes the tasks that a failure of `task` (FO_NO_TASK: of everything) restarts, ascending, to
 * `tasks`, and returns their count. */
uint32_t fo_targets_list(struct fo_job *job, uint32_t task, struct fo_partition lost,
                         uint32_t *tasks);

/* Makes room in job->targets for what the same call of fo_targets_list() would write. -ENOMEM. */
FO_MUST_CHECK int fo_targets_reserve(struct fo_job *job, uint32_t task, struct fo_partition lost,
                                     uint32_t *ret_count);

/* Opens the incident, which began at `at_ms`, unless one is open. */
void fo_incident_open(struct fo_job *job, int64_t at_ms);

/* A failure of `task`, in FAILED since now, or of everything (FO_NO_TASK). */
void fo_step_failure(struct fo_step *step, uint32_t task);
/* A restart by hand. */
void fo_step_restart(struct fo_step *step, uint32_t task);

/* Memory for a failure or a restart by hand. -ENOMEM. */
FO_MUST_CHECK int fo_failure_reserve(struct fo_step *step, uint32_t task, bool by_hand);

/* Keeps the failure of a task that becomes FAILED, and forgets it. Memory is reserved. */
void fo_failures_add(struct fo_job *job, uint32_t task, uint64_t failure_id);
void fo_failures_remove(struct fo_job *job, uint32_t task);
/* Adds them all to the newest root of the history. */
void fo_failures_archive_all(struct fo_job *job);

/* ---- schedule.c: what happens by itself ----------------------------------------------------- */

/* Carries out the restarts that are due. */
void fo_step_restarts(struct fo_step *step);
/* Deploys queued regions whose inputs are ready. */
void fo_step_deploy(struct fo_step *step);
/* The end of every step: restarts, deployment, recovery, the end of the job. */
void fo_step_settle(struct fo_step *step);
/* A bound of the actions that restarts due by `now_ms` can make. */
uint64_t fo_restarts_actions(const struct fo_job *job, int64_t now_ms);

#endif
