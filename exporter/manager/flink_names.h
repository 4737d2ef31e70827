/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/flink_names.h - the figures of a job under the names that Flink's own reporter
 * gives them, for dashboards made for Flink. All are gauges there, times are milliseconds.
 * Owns: nothing; the registry owns the series. Threads: the job manager's [main]. */
#ifndef EX_MANAGER_FLINK_NAMES_H
#define EX_MANAGER_FLINK_NAMES_H

#include "exporter/metrics/metrics.h"
#include "failover/failover.h"

enum ex_flink_name {
    EX_FLINK_NUM_RESTARTS,
    EX_FLINK_FULL_RESTARTS, /* of Flink before 2.0 */
    EX_FLINK_NUM_JOB_FAILURE,
    EX_FLINK_UPTIME,
    EX_FLINK_DOWNTIME,
    EX_FLINK_INITIALIZING_TIME,
    EX_FLINK_CREATED_TIME,
    EX_FLINK_RUNNING_TIME,
    EX_FLINK_FAILING_TIME,
    EX_FLINK_CANCELLING_TIME,
    EX_FLINK_RESTARTING_TIME,
    EX_FLINK_NAMES
};

struct ex_flink_families {
    struct ex_family *items[EX_FLINK_NAMES];
};

/* Of one job. */
struct ex_flink_series {
    struct ex_series *items[EX_FLINK_NAMES]; /* all NULL: it has none */
};

struct ex_flink_figures {
    enum fo_job_state state;
    int64_t since_ms;   /* of the state */
    int64_t failing_ms; /* when the job last entered FAILING, if not RUNNING since; else 0 */
    uint64_t restarts;
    uint64_t failures;
};

/* As ex_metrics_family(). */
FO_MUST_CHECK int ex_flink_names_declare(struct ex_flink_families *families,
                                         struct ex_metrics *metrics, struct fo_error *reterr);

/* As ex_group_series(). The group gives the labels `engine` and `job_name`. */
FO_MUST_CHECK int ex_flink_names_open(struct ex_flink_series *series,
                                      const struct ex_flink_families *families,
                                      struct ex_group *group, const char *job_id);

/* Inside a bracket. Nothing happens for a job that has none. */
void ex_flink_names_show(const struct ex_flink_series *series,
                         const struct ex_flink_figures *figures, int64_t now_ms);

#endif
