/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/manager.h - the job manager: the only writer of job state. It asks the core,
 * tells the engines, labels failures, feeds the counters.
 *
 * It lives on one thread, that of its libuv loop; every function here is for that thread [main].
 * Owns: the jobs, their specs (a reference each), their failures. */
#ifndef EX_MANAGER_MANAGER_H
#define EX_MANAGER_MANAGER_H

#include <uv.h>

#include "exporter/engines/engine.h"
#include "exporter/manager/failure.h"
#include "exporter/manager/failure_metrics.h"
#include "failover/listener.h"

struct ex_manager;
struct ex_job;
struct ex_metrics;
struct catalogue;

/* Something that happened to a job, told once it has happened. */
enum ex_change_kind {
    EX_CHANGE_SUBMITTED,
    EX_CHANGE_JOB_STATE,  /* action */
    EX_CHANGE_TASK_STATE, /* action */
    EX_CHANGE_DECIDED,    /* action: the decision; failure: NULL when by hand */
    EX_CHANGE_LABELLED,   /* failure: its labels are final, it is counted */
    EX_CHANGE_RECOVERED,  /* action */
    EX_CHANGE_CLOSED,     /* the job has ended and nothing of it runs any more */
};
struct ex_change {
    enum ex_change_kind kind;
    const struct fo_action *action;
    const struct ex_failure *failure;
};
typedef void ex_observer(void *ctx, const struct ex_job *job, const struct ex_change *change);

/* Told every event record when it is made: a failure or another event, the other is NULL. */
typedef void ex_event_tap(void *ctx, const struct fl_failure *failure,
                          const struct fl_event *event);

struct ex_manager_config {
    uv_loop_t *loop;                   /* borrowed */
    struct ex_metrics *metrics;        /* borrowed */
    const struct catalogue *catalogue; /* borrowed */
    const struct fo_str *label_keys;   /* the exported keys of all started listeners; copied */
    uint32_t label_key_count;
    bool flink_names;       /* show jobs under Flink's names as well */
    struct ex_bank *bank;   /* borrowed; NULL = the catalogue is the only listener */
    struct ex_store *store; /* borrowed; NULL = state is in memory. ex_manager_on_stored() */
    int64_t retention_ms;   /* an ended job is shown for that long */
    ex_observer *observer;  /* NULL = nobody */
    void *observer_ctx;
    ex_event_tap *tap; /* NULL = nobody */
    void *tap_ctx;
};

/* 0; -ENOMEM; or what a metric family was refused for, in `reterr`. */
FO_MUST_CHECK int ex_manager_new(const struct ex_manager_config *config,
                                 struct ex_manager **ret_manager, struct fo_error *reterr);

/* Every job must have been closed (ex_manager_stop). The loop must still run once after it. */
struct ex_manager *ex_manager_free(struct ex_manager *manager); /* NULL allowed; returns NULL */

/* What an engine is given to report to. */
const struct ex_engine_sink *ex_manager_sink(void);

/* Counts failures that never came to be reported to the manager: received and rejected. */
void ex_manager_reject(struct ex_manager *manager, enum ex_rejection reason, uint64_t count);

/* ---- what survives ---- */

/* What the store's `changed` is to call; `ctx` is the manager. [any] */
void ex_manager_on_stored(void *ctx);

/* How the jobs of an earlier daemon are taken back. */
struct ex_recovery {
    const struct ex_engines *engines;
    const struct ex_config *config;
    bool same_boot; /* the machine has not been started since */
    /* Whether a job is to go on; false: it is over, and forgotten. NULL = all are. */
    bool (*goes_on)(void *ctx, const struct ex_job_spec *spec);
    void *ctx;
};

/* Reads what the store holds, once, before it is started and before anything else is done with the
 * manager: counters, jobs, failures. Jobs that cannot be made again are logged and left as they
 * are. 0, -EINVAL: the store is damaged; -ENOMEM; or what the system says, in `reterr`. */
FO_MUST_CHECK int ex_manager_recover(struct ex_manager *manager, const struct ex_recovery *recovery,
                                     struct fo_error *reterr);

/* Lets what was recovered go on, once the store is started: jobs as they stood, failures whose
 * labels were not final through their listeners again. */
void ex_manager_go_on(struct ex_manager *manager);

/* The epoch that the store keeps; a new one is written with the next batch. */
int64_t ex_manager_epoch(const struct ex_manager *manager);
void ex_manager_set_epoch(struct ex_manager *manager, int64_t epoch);

/* Has `entry` released once all that was done so far is durable; that may be before this returns.
 * The entry is not copied. */
void ex_manager_when_durable(struct ex_manager *manager, struct ex_entry *entry);

/* Starts a job on an engine (borrowed as long as the manager). The spec is ref'ed.
 * -EEXIST: a live job of that name. -ENOMEM; or the engine's refusal, in `reterr`. */
FO_MUST_CHECK int ex_manager_submit(struct ex_manager *manager, const struct ex_engine *engine,
                                    struct ex_job_spec *spec, struct ex_job **ret_job,
                                    struct fo_error *reterr);

/* Orders to a job that is only mirrored (mirror.h): -ENOTSUP. */

/* 0; -EALREADY: the job has ended. */
FO_MUST_CHECK int ex_manager_cancel(struct ex_manager *manager, struct ex_job *job);

/* Restarts a task with all that its failure would restart, or (FO_NO_TASK) everything. Nobody is
 * charged. 0; -EALREADY: the job has ended; -ENOENT: no such task; -EINVAL: not in this state. */
FO_MUST_CHECK int ex_manager_restart(struct ex_manager *manager, struct ex_job *job, uint32_t task);

/* Holds restarts that come due, or lets them go on. 0; -EALREADY: the job has ended. */
FO_MUST_CHECK int ex_manager_pause(struct ex_manager *manager, struct ex_job *job, bool pause);

/* Ends all jobs, by suspending them or by cancelling them; `stopped` is called (once, maybe before
 * this returns) when nothing runs any more and every failure is counted; listeners that have yet to
 * answer are waited for no longer than EX_MANAGER_SETTLE_MS. Submissions are refused from now on.
 */
enum ex_stop_mode { EX_STOP_SUSPEND, EX_STOP_CANCEL };
enum { EX_MANAGER_SETTLE_MS = 1000 };
void ex_manager_stop(struct ex_manager *manager, enum ex_stop_mode mode, void (*stopped)(void *ctx),
                     void *ctx);

/* ---- reading; everything borrowed until the manager's next turn ---- */

struct ex_job *ex_manager_first_job(const struct ex_manager *manager); /* NULL: none */
/* By id; or else by name: the live job, or the newest of those that ended. NULL: none. */
struct ex_job *ex_manager_find_job(const struct ex_manager *manager, struct fo_str id_or_name);
/* The job that stands for this name on this engine, ended or not. NULL: none. */
struct ex_job *ex_manager_find_name(struct ex_manager *manager, const struct ex_engine *engine,
                                    const char *name);
struct ex_job *ex_job_next(const struct ex_job *job);
const char *ex_job_id(const struct ex_job *job);
const char *ex_job_engine_name(const struct ex_job *job);
const struct ex_job_spec *ex_job_spec(const struct ex_job *job);
const struct fo_job *ex_job_core(const struct ex_job *job);
int64_t ex_job_submitted_ms(const struct ex_job *job);
bool ex_job_is_closed(const struct ex_job *job);

/* The kept failures, oldest first, by `next`; and the newest. NULL: none. */
const struct ex_failure *ex_job_failures(const struct ex_job *job);
const struct ex_failure *ex_job_newest_failure(const struct ex_job *job);
uint64_t ex_job_failure_count(const struct ex_job *job); /* all, kept or not */

/* "vertex[2]" of a task of the job, or "the job" for FO_NO_TASK; cut at `size`. Returns `text`. */
const char *ex_job_task_name(const struct ex_job *job, uint32_t task, char *text, size_t size);

#endif
