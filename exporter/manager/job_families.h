/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/job_families.h - the families that every job has. Owns: the rows in which jobs
 * count that have no series of their own. Threads: the job manager's [main]. */
#ifndef EX_MANAGER_JOB_FAMILIES_H
#define EX_MANAGER_JOB_FAMILIES_H

#include <sys/queue.h>

#include "exporter/manager/flink_names.h"
#include "exporter/metrics/metrics.h"
#include "failover/failover.h"

struct ex_job_metrics;

/* The per-job families, declared once. */
struct ex_job_families {
    struct ex_metrics *metrics;
    struct ex_family *num_job_failure; /* labels: engine, job_name, then the listeners' keys */
    uint32_t label_key_count;
    struct ex_family *failures;
    struct ex_family *restarts;
    struct ex_family *restarted_tasks;
    struct ex_family *recoveries;
    struct ex_family *exhausted;
    struct ex_family *state;
    struct ex_family *state_timestamp;
    struct ex_family *next_restart_timestamp;
    struct ex_family *regions;
    struct ex_family *largest_region;
    struct ex_family *budget_remaining;
    struct ex_family *budget_limit;
    struct ex_family *tasks;
    struct ex_family *recovery_seconds;
    struct ex_family *info;
    bool has_flink_names;
    struct ex_flink_families flink;
    struct ex_series *overflow_jobs[FO_JOB_STATE_COUNT];
    TAILQ_HEAD(ex_overflowing, ex_job_metrics) overflowing; /* those who came first, first */
    SLIST_HEAD(ex_overflow_rows, ex_overflow_row) rows;     /* owned */
    int64_t warned_ms;                                      /* of an overflow; 0 = never */
};

/* Declares them; `label_keys` are the exported keys of all started listeners; `flink_names`: also
 * those of flink_names.h. As ex_metrics_family(). */
FO_MUST_CHECK int ex_job_families_init(struct ex_job_families *families, struct ex_metrics *metrics,
                                       const struct fo_str *label_keys, uint32_t label_key_count,
                                       bool flink_names, struct fo_error *reterr);
void ex_job_families_done(struct ex_job_families *families); /* no job is left */

/* What all series of a job begin with; borrows both texts. */
enum { EX_JOB_LABELS = 2 };
void ex_job_labels(const char *engine, const char *job_name,
                   struct fo_label ret_labels[static EX_JOB_LABELS]);

#endif
