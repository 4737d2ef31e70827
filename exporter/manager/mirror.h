/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/mirror.h - jobs that somebody else decides about, such as those of a Flink
 * cluster. Their engine finds them, and tells what has become of them; from there on they are jobs
 * like all others: numbered failures, the categoriser, listeners, metrics, REST, what-if.
 * Such a job ends when its master says that it has (or when the manager stops): then close_job of
 * its engine is called, and the engine answers job_closed.
 *
 * Owns: nothing; the job is the manager's. Threads: [main]. */
#ifndef EX_MANAGER_MIRROR_H
#define EX_MANAGER_MIRROR_H

#include "exporter/manager/manager.h"
#include "exporter/metrics/metrics.h"

enum { EX_MIRROR_STATE_MAX_BYTES = 64 * 1024 };

struct ex_mirror {
    const struct ex_engine *engine; /* borrowed as long as the manager */
    const char *id;                 /* EX_JOB_ID_LEN lower-case hex digits */
    int64_t submitted_ms;
    struct ex_engine_job *engine_job; /* that close_job is called with */
};

/* Whether a live job of the engine has the name. */
bool ex_mirror_name_is_taken(struct ex_manager *manager, const struct ex_engine *engine,
                             const char *name);

/* The job of this engine and id, live, ended or of an earlier life of the daemon; NULL = none. */
struct ex_job *ex_mirror_find(struct ex_manager *manager, const struct ex_engine *engine,
                              const char *id);

/* Makes the job; takes a reference to the spec. -EEXIST: a live job has the name; -ESHUTDOWN;
 * -ENOMEM; or what the core refuses, in `reterr`. */
FO_MUST_CHECK int ex_mirror_open(struct ex_manager *manager, const struct ex_mirror *mirror,
                                 struct ex_job_spec *spec, struct ex_job **ret_job,
                                 struct fo_error *reterr);

/* Takes up a job that ex_mirror_find() has found and that nobody watches just now. */
void ex_mirror_reopen(struct ex_job *job, struct ex_engine_job *engine_job);

/* As fo_job_mirror(). */
FO_MUST_CHECK int ex_mirror_update(struct ex_job *job, const struct fo_mirror *state);

struct ex_mirror_report {
    struct ex_report report; /* task (FO_NO_TASK = global), attempt, evidence */
    int64_t at_ms;
    enum fo_exhausted_reason exhausted;
    const struct fo_label *labels; /* that it comes with; borrowed for the call */
    uint32_t label_count;
};

/* Accepts a failure. Errors: fo_job_mirror_failure(); it is counted as rejected then. */
FO_MUST_CHECK int ex_mirror_fail(struct ex_job *job, const struct ex_mirror_report *report);

/* What the engine needs to go on with the job after a restart of the daemon: opaque bytes, kept
 * with the job as of the next update or failure. -EMSGSIZE, -ENOMEM: it stays as it was. */
FO_MUST_CHECK int ex_mirror_keep(struct ex_job *job, struct fo_str state);
struct fo_str ex_mirror_kept(const struct ex_job *job); /* borrowed; empty = nothing */

/* The job's group of series, for families of the engine's own; changed inside its brackets. NULL:
 * the job has none of its own, for a limit is reached. */
struct ex_group *ex_mirror_group(const struct ex_job *job);

#endif
