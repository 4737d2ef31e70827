/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/flink/metrics.h - the families of this engine.
 * Owns: nothing; the registry owns the series. Threads: [main]. */
#ifndef EX_ENGINES_FLINK_METRICS_H
#define EX_ENGINES_FLINK_METRICS_H

#include "exporter/metrics/metrics.h"

enum ex_flink_job_family {
    EX_FLINK_GAPS,
    EX_FLINK_CONCURRENT,
    EX_FLINK_CHECKPOINT_TIME,
    EX_FLINK_CHECKPOINT_FAILURES,
    EX_FLINK_BUDGET_ESTIMATED,
    EX_FLINK_JOB_FAMILIES,
};

enum ex_flink_jm_family {
    EX_FLINK_UP,
    EX_FLINK_TASKMANAGERS,
    EX_FLINK_SLOTS,
    EX_FLINK_SLOTS_FREE,
    EX_FLINK_JOBS,
    EX_FLINK_POLLS,
    EX_FLINK_FAILED_REQUESTS,
    EX_FLINK_POLL_SECONDS,
    EX_FLINK_JM_FAMILIES,
};

struct ex_flink_families {
    struct ex_metrics *metrics;
    struct ex_family *of_jobs[EX_FLINK_JOB_FAMILIES];
    struct ex_family *of_jms[EX_FLINK_JM_FAMILIES];
};

/* A job's, in the job's own group: values change inside its brackets. */
struct ex_flink_job_series {
    struct ex_group *group; /* NULL: the job is beyond a limit of series, and shows none of these */
    struct ex_series *items[EX_FLINK_JOB_FAMILIES];
    uint64_t checkpoint_failures; /* as Flink told them last */
};

FO_MUST_CHECK int ex_flink_job_series_open(const struct ex_flink_families *families,
                                           struct ex_group *group,
                                           struct ex_flink_job_series *ret_series);

/* One bracket each. */
void ex_flink_job_series_add(struct ex_flink_job_series *series, enum ex_flink_job_family family,
                             uint64_t n);
void ex_flink_job_series_set(struct ex_flink_job_series *series, enum ex_flink_job_family family,
                             double value);
/* The last completed checkpoint, 0 = none; failed ones, as a count that may begin anew. */
void ex_flink_job_series_checkpoints(struct ex_flink_job_series *series, int64_t completed_ms,
                                     uint64_t failed);

/* A JobManager's, in a group of its own: values may change at any time, each by itself. */
struct ex_flink_jm_series {
    struct ex_group *group;
    struct ex_series *items[EX_FLINK_JM_FAMILIES];
};

FO_MUST_CHECK int ex_flink_jm_series_open(const struct ex_flink_families *families,
                                          const char *engine, const char *url,
                                          struct ex_flink_jm_series *ret_series);
void ex_flink_jm_series_set(struct ex_flink_jm_series *series, enum ex_flink_jm_family family,
                            double value);
void ex_flink_jm_series_add(struct ex_flink_jm_series *series, enum ex_flink_jm_family family);
void ex_flink_jm_series_close(struct ex_flink_jm_series *series);

#endif
