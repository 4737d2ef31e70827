/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/engines/flink/metrics.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/engines/flink/flink.h"

enum { LABELS = 2, MS_PER_S = 1000 };

static const char *const job_labels[] = {"engine", "job_name"};
static const char *const jm_labels[] = {"engine", "jobmanager"};

#define OF_JOB(name_, help_, type_, unit_)                                                         \
    {                                                                                              \
        .name = (name_), .help = (help_), .type = (type_), .stability = EX_EXPERIMENTAL,           \
        .unit = (unit_), .labels = job_labels, .label_count = LABELS, .group_label_count = LABELS, \
        .cardinality = "jobs of Flink"                                                             \
    }
#define OF_JM(name_, help_, type_, unit_)                                                          \
    {                                                                                              \
        .name = (name_), .help = (help_), .type = (type_), .stability = EX_EXPERIMENTAL,           \
        .unit = (unit_), .labels = jm_labels, .label_count = LABELS, .group_label_count = LABELS,  \
        .cardinality = "JobManagers"                                                               \
    }

static const struct ex_family_spec job_specs[EX_FLINK_JOB_FAMILIES] = {
    [EX_FLINK_GAPS] = OF_JOB(
        "failover_engine_gaps",
        "Failures that happened, but fell out of the engine's history before they were read.",
        EX_COUNTER, NULL),
    [EX_FLINK_CONCURRENT] =
        OF_JOB("failover_flink_concurrent_exceptions",
               "Exceptions that Flink lists beside a failure; they are no failures of their own.",
               EX_COUNTER, NULL),
    [EX_FLINK_CHECKPOINT_TIME] =
        OF_JOB("failover_flink_last_completed_checkpoint_timestamp_seconds",
               "When the newest completed checkpoint was complete; absent before the first.",
               EX_GAUGE, "seconds"),
    [EX_FLINK_CHECKPOINT_FAILURES] =
        OF_JOB("failover_flink_checkpoint_failures", "Checkpoints that failed.", EX_COUNTER, NULL),
    [EX_FLINK_BUDGET_ESTIMATED] =
        OF_JOB("failover_flink_restart_budget_estimated",
               "1: failover_job_restart_budget_* is worked out by Flink's rules from the job's "
               "settings and its restarts; 0: the settings are not known, there is none.",
               EX_GAUGE, NULL),
};

static const struct ex_family_spec jm_specs[EX_FLINK_JM_FAMILIES] = {
    [EX_FLINK_UP] = OF_JM("failover_flink_jobmanager_up",
                          "1 if the JobManager answered the last poll.", EX_GAUGE, NULL),
    [EX_FLINK_TASKMANAGERS] =
        OF_JM("failover_flink_taskmanagers", "TaskManagers of the cluster.", EX_GAUGE, NULL),
    [EX_FLINK_SLOTS] = OF_JM("failover_flink_slots", "Slots of the cluster.", EX_GAUGE, NULL),
    [EX_FLINK_SLOTS_FREE] = OF_JM("failover_flink_slots_available",
                                  "Slots of the cluster that are free.", EX_GAUGE, NULL),
    [EX_FLINK_JOBS] =
        OF_JM("failover_flink_jobs", "Jobs that the JobManager lists, ended ones among them.",
              EX_GAUGE, NULL),
    [EX_FLINK_POLLS] =
        OF_JM("failover_flink_polls", "Polls that the JobManager answered.", EX_COUNTER, NULL),
    [EX_FLINK_FAILED_REQUESTS] =
        OF_JM("failover_flink_failed_requests",
              "Requests without an answer that could be used, 404 for what does not exist aside.",
              EX_COUNTER, NULL),
    [EX_FLINK_POLL_SECONDS] =
        OF_JM("failover_flink_last_poll_seconds",
              "What the last poll took, with all questions about jobs.", EX_GAUGE, "seconds"),
};

int ex_flink_families_new(struct ex_metrics *metrics, struct ex_flink_families **ret_families,
                          struct fo_error *reterr) {
    struct ex_flink_families *families = calloc(1, sizeof *families);
    int ret = families ? 0 : -ENOMEM;

    for (int i = 0; i < EX_FLINK_JOB_FAMILIES && ret == 0; i++)
        ret = ex_metrics_family(metrics, &job_specs[i], &families->of_jobs[i], reterr);
    for (int i = 0; i < EX_FLINK_JM_FAMILIES && ret == 0; i++)
        ret = ex_metrics_family(metrics, &jm_specs[i], &families->of_jms[i], reterr);
    if (ret < 0) {
        free(families);
        return ret;
    }
    families->metrics = metrics;
    *ret_families = families;
    return 0;
}

struct ex_flink_families *ex_flink_families_free(struct ex_flink_families *families) {
    free(families);
    return NULL;
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static int open_all(struct ex_group *group, struct ex_family *const *families, int count,
                    struct ex_series **ret_items) {
    for (int i = 0; i < count; i++) {
        int ret = ex_group_series(group, families[i], NULL, &ret_items[i]);
        if (ret < 0)
            return ret;
    }
    return 0;
}

int ex_flink_job_series_open(const struct ex_flink_families *families, struct ex_group *group,
                             struct ex_flink_job_series *ret_series) {
    *ret_series = (struct ex_flink_job_series){.group = group};
    if (!group)
        return 0;
    int ret = open_all(group, families->of_jobs, EX_FLINK_JOB_FAMILIES, ret_series->items);
    if (ret < 0)
        return ret;
    ex_series_hide(ret_series->items[EX_FLINK_CHECKPOINT_TIME]);
    return 0;
}

void ex_flink_job_series_add(struct ex_flink_job_series *series, enum ex_flink_job_family family,
                             uint64_t n) {
    if (n == 0 || !series->group)
        return;
    ex_group_begin(series->group);
    ex_counter_add(series->items[family], n);
    ex_group_publish(series->group);
}

void ex_flink_job_series_set(struct ex_flink_job_series *series, enum ex_flink_job_family family,
                             double value) {
    if (!series->group)
        return;
    ex_group_begin(series->group);
    ex_series_set(series->items[family], value);
    ex_group_publish(series->group);
}

void ex_flink_job_series_checkpoints(struct ex_flink_job_series *series, int64_t completed_ms,
                                     uint64_t failed) {
    uint64_t before = series->checkpoint_failures;

    if (!series->group)
        return;
    ex_group_begin(series->group);
    if (completed_ms > 0) {
        ex_series_set(series->items[EX_FLINK_CHECKPOINT_TIME], (double)completed_ms / MS_PER_S);
        ex_series_show(series->items[EX_FLINK_CHECKPOINT_TIME]);
    }
    ex_counter_add(series->items[EX_FLINK_CHECKPOINT_FAILURES],
                   failed >= before ? failed - before : failed);
    series->checkpoint_failures = failed;
    ex_group_publish(series->group);
}

/* ---- JobManagers --------------------------------------------------------------------------- */

int ex_flink_jm_series_open(const struct ex_flink_families *families, const char *engine,
                            const char *url, struct ex_flink_jm_series *ret_series) {
    const struct fo_label labels[LABELS] = {{fo_str_of(jm_labels[0]), fo_str_of(engine)},
                                            {fo_str_of(jm_labels[1]), fo_str_of(url)}};
    struct ex_flink_jm_series series = {0};
    int ret = ex_group_new(families->metrics, labels, LABELS, NULL, &series.group);

    if (ret < 0)
        return ret;
    ret = open_all(series.group, families->of_jms, EX_FLINK_JM_FAMILIES, series.items);
    if (ret < 0) {
        ex_group_retire(series.group);
        return ret;
    }
    ex_group_publish(series.group);
    *ret_series = series;
    return 0;
}

void ex_flink_jm_series_set(struct ex_flink_jm_series *series, enum ex_flink_jm_family family,
                            double value) {
    ex_group_begin(series->group);
    ex_series_set(series->items[family], value);
    ex_group_publish(series->group);
}

void ex_flink_jm_series_add(struct ex_flink_jm_series *series, enum ex_flink_jm_family family) {
    ex_group_begin(series->group);
    ex_counter_add(series->items[family], 1);
    ex_group_publish(series->group);
}

void ex_flink_jm_series_close(struct ex_flink_jm_series *series) {
    ex_group_retire(series->group);
}
