/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/flink_names.h"

static const char *const labels[] = {"engine", "job_name", "job_id"};
enum { GROUP_LABELS = 2, LABELS = 3, ENDED = -1 };

static const struct {
    const char *name;
    const char *help;
} names[EX_FLINK_NAMES] = {
    [EX_FLINK_NUM_RESTARTS] = {"flink_jobmanager_job_numRestarts",
                               "Restarts decided, partial and full alike."},
    [EX_FLINK_FULL_RESTARTS] = {"flink_jobmanager_job_fullRestarts", "The same as numRestarts."},
    [EX_FLINK_NUM_JOB_FAILURE] = {"flink_jobmanager_job_numJobFailure", "Failures of the job."},
    [EX_FLINK_UPTIME] = {"flink_jobmanager_job_uptime",
                         "Milliseconds that the job has been running; -1 once it has ended."},
    [EX_FLINK_DOWNTIME] = {"flink_jobmanager_job_downtime",
                           "Milliseconds since the job failed, until it runs again; -1 once it "
                           "has ended."},
    [EX_FLINK_INITIALIZING_TIME] = {"flink_jobmanager_job_initializingTime",
                                    "Milliseconds in this state."},
    [EX_FLINK_CREATED_TIME] = {"flink_jobmanager_job_createdTime", "Milliseconds in this state."},
    [EX_FLINK_RUNNING_TIME] = {"flink_jobmanager_job_runningTime", "Milliseconds in this state."},
    [EX_FLINK_FAILING_TIME] = {"flink_jobmanager_job_failingTime", "Milliseconds in this state."},
    [EX_FLINK_CANCELLING_TIME] = {"flink_jobmanager_job_cancellingTime",
                                  "Milliseconds in this state."},
    [EX_FLINK_RESTARTING_TIME] = {"flink_jobmanager_job_restartingTime",
                                  "Milliseconds in this state."},
};

int ex_flink_names_declare(struct ex_flink_families *families, struct ex_metrics *metrics,
                           struct fo_error *reterr) {
    int ret = 0;

    for (int i = 0; i < EX_FLINK_NAMES && ret == 0; i++) {
        const struct ex_family_spec spec = {
            .name = names[i].name,
            .help = names[i].help,
            .type = EX_GAUGE,
            .stability = EX_EXPERIMENTAL,
            .labels = labels,
            .label_count = LABELS,
            .group_label_count = GROUP_LABELS,
            .cardinality = "jobs",
        };
        ret = ex_metrics_family(metrics, &spec, &families->items[i], reterr);
    }
    return ret;
}

int ex_flink_names_open(struct ex_flink_series *series, const struct ex_flink_families *families,
                        struct ex_group *group, const char *job_id) {
    const struct fo_str id = fo_str_of(job_id);
    int ret = 0;

    for (int i = 0; i < EX_FLINK_NAMES && ret == 0; i++)
        ret = ex_group_series(group, families->items[i], &id, &series->items[i]);
    return ret;
}

/* A clock that was set back must not show as a negative time. */
static double time_since(int64_t since_ms, int64_t now_ms) {
    return now_ms > since_ms ? (double)(now_ms - since_ms) : 0;
}

static void show_states(const struct ex_flink_series *series,
                        const struct ex_flink_figures *figures, int64_t now_ms) {
    static const struct {
        enum ex_flink_name name;
        enum fo_job_state state;
    } states[] = {
        {EX_FLINK_INITIALIZING_TIME, FO_JOB_INITIALIZING},
        {EX_FLINK_CREATED_TIME, FO_JOB_CREATED},
        {EX_FLINK_RUNNING_TIME, FO_JOB_RUNNING},
        {EX_FLINK_FAILING_TIME, FO_JOB_FAILING},
        {EX_FLINK_CANCELLING_TIME, FO_JOB_CANCELLING},
        {EX_FLINK_RESTARTING_TIME, FO_JOB_RESTARTING},
    };

    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        ex_series_set(series->items[states[i].name], states[i].state == figures->state
                                                         ? time_since(figures->since_ms, now_ms)
                                                         : 0);
}

void ex_flink_names_show(const struct ex_flink_series *series,
                         const struct ex_flink_figures *figures, int64_t now_ms) {
    bool ended = fo_job_state_is_terminal(figures->state);
    double uptime = figures->state == FO_JOB_RUNNING ? time_since(figures->since_ms, now_ms) : 0;
    double downtime = figures->failing_ms > 0 ? time_since(figures->failing_ms, now_ms) : 0;

    if (!series->items[0])
        return;
    ex_series_set(series->items[EX_FLINK_NUM_RESTARTS], (double)figures->restarts);
    ex_series_set(series->items[EX_FLINK_FULL_RESTARTS], (double)figures->restarts);
    ex_series_set(series->items[EX_FLINK_NUM_JOB_FAILURE], (double)figures->failures);
    ex_series_set(series->items[EX_FLINK_UPTIME], ended ? ENDED : uptime);
    ex_series_set(series->items[EX_FLINK_DOWNTIME], ended ? ENDED : downtime);
    show_states(series, figures, now_ms);
}
