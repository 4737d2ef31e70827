/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/job_families.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/manager/job_overflow.h"

#define COUNT_OF(array_) (sizeof(array_) / sizeof *(array_))

enum { LABEL_KEYS_MAX = 64 };

static const char *const job_labels[] = {"engine", "job_name"};
static const char *const state_labels[] = {"engine", "job_name", "state"};
static const char *const reason_labels[] = {"engine", "job_name", "reason"};
static const char *const info_labels[] = {"engine", "job_name", "job_id", "restart_strategy",
                                          "failover_strategy"};
static const double recovery_buckets[] = {0.1, 0.25, 0.5, 1,   2.5, 5,    10,
                                          30,  60,   120, 300, 600, 1800, 3600};

#define JOB_FAMILY(name_, help_, type_, unit_)                                                     \
    {                                                                                              \
        .name = (name_), .help = (help_), .type = (type_), .stability = EX_STABLE,                 \
        .unit = (unit_), .labels = job_labels, .label_count = EX_JOB_LABELS,                       \
        .group_label_count = EX_JOB_LABELS, .cardinality = "jobs"                                  \
    }
#define CLOSED_FAMILY(name_, help_, type_, labels_, cardinality_)                                  \
    {                                                                                              \
        .name = (name_), .help = (help_), .type = (type_), .stability = EX_STABLE,                 \
        .labels = (labels_), .label_count = EX_JOB_LABELS + 1, .group_label_count = EX_JOB_LABELS, \
        .closed_labels = 1u << EX_JOB_LABELS, .cardinality = (cardinality_)                        \
    }

static const struct ex_family_spec family_specs[] = {
    JOB_FAMILY("failover_job_failures", "Failures of the job's tasks and of the job as a whole.",
               EX_COUNTER, NULL),
    JOB_FAMILY("failover_job_restarts",
               "Restarts decided, partial and full alike (numRestarts of Flink).", EX_COUNTER,
               NULL),
    JOB_FAMILY("failover_job_restarted_tasks", "Task attempts made by restarts.", EX_COUNTER, NULL),
    JOB_FAMILY("failover_job_recoveries",
               "Times that all restarted tasks of the job were running again.", EX_COUNTER, NULL),
    CLOSED_FAMILY("failover_job_exhausted", "Times that the job gave up.", EX_COUNTER,
                  reason_labels, "jobs x 3"),
    CLOSED_FAMILY("failover_job_state", "1 for the state that the job is in, 0 for the others.",
                  EX_GAUGE, state_labels, "jobs x 11"),
    JOB_FAMILY("failover_job_state_timestamp_seconds", "When the job entered its state.", EX_GAUGE,
               "seconds"),
    JOB_FAMILY("failover_job_next_restart_timestamp_seconds",
               "When the next restart is due; 0 when none is.", EX_GAUGE, "seconds"),
    JOB_FAMILY("failover_job_regions", "Pipelined regions of the job.", EX_GAUGE, NULL),
    JOB_FAMILY("failover_job_largest_region_tasks", "Tasks of the job's largest region.", EX_GAUGE,
               NULL),
    JOB_FAMILY("failover_job_restart_budget_remaining",
               "Failures that the restart strategy would still answer by a restart; absent when "
               "unlimited.",
               EX_GAUGE, NULL),
    JOB_FAMILY("failover_job_restart_budget_limit",
               "What the restart strategy allows in all or per interval; absent when unlimited.",
               EX_GAUGE, NULL),
    CLOSED_FAMILY("failover_job_tasks", "Tasks of the job by state.", EX_GAUGE, state_labels,
                  "jobs x 10"),
    {.name = "failover_job_recovery_seconds",
     .help = "From the first failure of an incident until all restarted tasks were running again.",
     .type = EX_HISTOGRAM,
     .stability = EX_STABLE,
     .unit = "seconds",
     .labels = job_labels,
     .label_count = EX_JOB_LABELS,
     .group_label_count = EX_JOB_LABELS,
     .buckets = recovery_buckets,
     .bucket_count = COUNT_OF(recovery_buckets),
     .native = true,
     .cardinality = "jobs"},
    {.name = "failover_job",
     .help = "What the job is and how it restarts.",
     .type = EX_INFO,
     .stability = EX_STABLE,
     .labels = info_labels,
     .label_count = COUNT_OF(info_labels),
     .group_label_count = EX_JOB_LABELS,
     .cardinality = "jobs"},
};

/* In the order of family_specs. */
static void list_families(struct ex_job_families *families,
                          struct ex_family **ret_places[COUNT_OF(family_specs)]) {
    struct ex_family **places[] = {
        &families->failures,
        &families->restarts,
        &families->restarted_tasks,
        &families->recoveries,
        &families->exhausted,
        &families->state,
        &families->state_timestamp,
        &families->next_restart_timestamp,
        &families->regions,
        &families->largest_region,
        &families->budget_remaining,
        &families->budget_limit,
        &families->tasks,
        &families->recovery_seconds,
        &families->info,
    };

    _Static_assert(COUNT_OF(places) == COUNT_OF(family_specs), "one place per family");
    memcpy(ret_places, places, sizeof places);
}

static int declare_num_job_failure(struct ex_job_families *families,
                                   const struct fo_str *label_keys, struct fo_error *reterr) {
    const char *labels[EX_JOB_LABELS + LABEL_KEYS_MAX] = {job_labels[0], job_labels[1]};
    char *keys[LABEL_KEYS_MAX] = {NULL};
    uint32_t count = families->label_key_count;
    int ret = count > LABEL_KEYS_MAX ? -E2BIG : 0;

    for (uint32_t i = 0; i < count && ret == 0; i++) {
        keys[i] = strndup(label_keys[i].ptr, label_keys[i].len);
        if (!keys[i])
            ret = -ENOMEM;
        labels[EX_JOB_LABELS + i] = keys[i];
    }
    if (ret == 0) {
        const struct ex_family_spec spec = {
            .name = "numJobFailure",
            .help = "Failures by the labels that the failure listeners gave them.",
            .type = EX_COUNTER,
            .stability = EX_STABLE,
            .labels = labels,
            .label_count = EX_JOB_LABELS + count,
            .group_label_count = EX_JOB_LABELS,
            .cardinality = "jobs x label values, limited",
        };
        ret = ex_metrics_family(families->metrics, &spec, &families->num_job_failure, reterr);
    }
    for (uint32_t i = 0; i < LABEL_KEYS_MAX; i++)
        free(keys[i]);
    return ret;
}

int ex_job_families_init(struct ex_job_families *families, struct ex_metrics *metrics,
                         const struct fo_str *label_keys, uint32_t label_key_count,
                         bool flink_names, struct fo_error *reterr) {
    struct ex_family **places[COUNT_OF(family_specs)];

    *families = (struct ex_job_families){.metrics = metrics, .label_key_count = label_key_count};
    list_families(families, places);
    for (size_t i = 0; i < COUNT_OF(family_specs); i++) {
        int ret = ex_metrics_family(metrics, &family_specs[i], places[i], reterr);
        if (ret < 0)
            return ret;
    }
    int ret = declare_num_job_failure(families, label_keys, reterr);
    families->has_flink_names = flink_names;
    if (ret == 0 && flink_names)
        ret = ex_flink_names_declare(&families->flink, metrics, reterr);
    return ret < 0 ? ret : ex_job_overflow_init(families, reterr);
}

void ex_job_families_done(struct ex_job_families *families) {
    ex_job_overflow_done(families);
}

void ex_job_labels(const char *engine, const char *job_name,
                   struct fo_label ret_labels[static EX_JOB_LABELS]) {
    ret_labels[0] = (struct fo_label){fo_str_of(job_labels[0]), fo_str_of(engine)};
    ret_labels[1] = (struct fo_label){fo_str_of(job_labels[1]), fo_str_of(job_name)};
}
