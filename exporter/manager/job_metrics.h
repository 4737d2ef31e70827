/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/job_metrics.h - one job's series of the families that every job has.
 * A job that does not fit under the registry's limits counts in a row of all such (job_overflow.h).
 * Owns: the job's group of series. Threads: the job manager's [main]. */
#ifndef EX_MANAGER_JOB_METRICS_H
#define EX_MANAGER_JOB_METRICS_H

#include "exporter/manager/job_families.h"

/* How many jobs there is room for under `limits`, by what each shows from its start; failures by
 * label come on top. Errors: -ENOSPC, not even one; memory. */
FO_MUST_CHECK int ex_job_metrics_fit(const struct ex_metrics_limits *limits, bool flink_names,
                                     struct ex_group_fit *ret_fit, struct fo_error *reterr);

enum { EX_EXHAUSTED_REASONS = 3 };

/* Borrowed as long as the job's metrics. */
struct ex_job_identity {
    const char *engine;
    const char *job_name;
    const char *job_id;
    const char *restart_strategy; /* configuration names: "fixed-delay"; or "unknown" */
    const char *failover_strategy;
};

/* What a job shows of its core, as it stood after a step: the core may have gone on since, and what
 * is shown must be durable. */
struct ex_job_view {
    enum fo_job_state state;
    int64_t since_ms;   /* of the state */
    int64_t failing_ms; /* since when it fails; 0 = it has run since, or never failed */
    int64_t next_restart_ms;
    struct fo_budget budget;
    uint32_t tasks[FO_TASK_STATE_COUNT];
    uint64_t restarts;
    uint64_t restarted_tasks;
};

struct ex_job_metrics {
    struct ex_job_families *families;
    struct ex_job_identity identity;
    const struct fo_job *core;        /* borrowed */
    bool overflows;                   /* group and counters are those of the row of all such */
    TAILQ_ENTRY(ex_job_metrics) link; /* of families->overflowing */
    int shown_state;                  /* in overflow_jobs; FO_JOB_STATE_COUNT = none yet */
    struct ex_group *group;
    struct ex_series *failures;
    struct ex_series *restarts;
    struct ex_series *restarted_tasks;
    struct ex_series *recoveries;
    struct ex_series *exhausted[EX_EXHAUSTED_REASONS];
    struct ex_series *state[FO_JOB_STATE_COUNT];
    struct ex_series *state_timestamp;
    struct ex_series *next_restart_timestamp;
    struct ex_series *regions;
    struct ex_series *largest_region;
    struct ex_series *budget_remaining;
    struct ex_series *budget_limit;
    struct ex_series *tasks[FO_TASK_STATE_COUNT];
    struct ex_series *recovery_seconds;
    struct ex_flink_series flink;
    struct ex_job_view shown;
};

/* Makes the series of a job, all zero; they are seen from the first update on. `replaced` (NULL for
 * none) belongs to an ended job of the same name and goes in the same instant; its `group` is NULL
 * afterwards. Where a limit does not allow series of its own it counts in the row of all such.
 * `metrics` must stay where it is, `core` and what `identity` points to as long. -ENOMEM. */
FO_MUST_CHECK int ex_job_metrics_init(struct ex_job_metrics *metrics,
                                      struct ex_job_families *families,
                                      const struct ex_job_identity *identity,
                                      const struct fo_job *core, struct ex_job_metrics *replaced);
void ex_job_metrics_done(struct ex_job_metrics *metrics); /* the series go */

/* For job_overflow.c: makes the counters of the row, beyond all limits, and shows them. -ENOMEM. */
FO_MUST_CHECK int ex_job_metrics_open_row(struct ex_job_metrics *row,
                                          struct ex_job_families *families, const char *engine,
                                          const char *job_name);

/* And lets a job count there. */
void ex_job_metrics_share(struct ex_job_metrics *metrics, const struct ex_job_metrics *row);

struct ex_job_view ex_job_view_of(const struct fo_job *core, int64_t now_ms);

/* Brackets what happened at one instant. Nothing happens once the series have gone. */
void ex_job_metrics_begin(struct ex_job_metrics *metrics);
void ex_job_metrics_end(struct ex_job_metrics *metrics);

/* Inside a bracket: brings every gauge and the core's counters up to date. */
void ex_job_metrics_show(struct ex_job_metrics *metrics, const struct ex_job_view *view);

/* Brings up to date what changes with time alone, in a bracket of its own. */
void ex_job_metrics_tick(struct ex_job_metrics *metrics);

/* What was counted of a job by an earlier daemon, since `start_ms`. */
struct ex_job_tally {
    uint64_t accepted;
    uint64_t counted;
    uint64_t recoveries;
    uint64_t exhausted[EX_EXHAUSTED_REASONS];
    int64_t start_ms;
};

/* Inside a bracket, before anything else is counted; `view` is what the core begins with. */
void ex_job_metrics_restore(struct ex_job_metrics *metrics, const struct ex_job_tally *tally,
                            const struct ex_job_view *view);
/* Adds what was counted with these labels; `values` as of ex_job_metrics_count_failure(). */
void ex_job_metrics_restore_labels(struct ex_job_metrics *metrics, const struct fo_str *values,
                                   uint64_t count, int64_t start_ms);

/* What the exemplar of a counted failure says: the way from the counter to the one failure. */
struct ex_failure_trace {
    const char *job_id;
    uint64_t failure_id;
    int64_t time_ms; /* wall clock */
};

/* Inside a bracket. `values` has one value per exported key, in their order. */
void ex_job_metrics_count_failure(struct ex_job_metrics *metrics, const struct fo_str *values,
                                  const struct ex_failure_trace *trace);
void ex_job_metrics_count_exhausted(struct ex_job_metrics *metrics,
                                    enum fo_exhausted_reason reason);
void ex_job_metrics_count_recovery(struct ex_job_metrics *metrics, int64_t duration_ms);

/* "budget", "non_recoverable", "policy". */
const char *ex_exhausted_reason_name(enum fo_exhausted_reason reason);

#endif
