/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/failure_metrics.h"

#include <errno.h>

#define COUNT_OF(array_) (sizeof(array_) / sizeof *(array_))

static const char *const reason_labels[] = {"reason"};
static const char *const class_labels[] = {"type", "category"};
static const double decision_buckets[] = {1e-6, 2.5e-6, 5e-6,   1e-5, 2.5e-5, 5e-5,  1e-4, 2.5e-4,
                                          5e-4, 1e-3,   2.5e-3, 5e-3, 0.01,   0.025, 0.05, 0.1};

static const char *const rejection_names[EX_REJECTIONS] = {
    [EX_REJECTED_STALE_ATTEMPT] = "stale_attempt",
    [EX_REJECTED_UNKNOWN_JOB] = "unknown_job",
    [EX_REJECTED_UNKNOWN_TASK] = "unknown_task",
    [EX_REJECTED_MALFORMED] = "malformed",
    [EX_REJECTED_LIMIT] = "limit",
};

static const struct ex_family_spec received_spec = {
    .name = "failover_failures_received",
    .help = "Failures reported; the sum of those accepted and those rejected.",
    .type = EX_COUNTER,
    .stability = EX_STABLE,
};
static const struct ex_family_spec rejected_spec = {
    .name = "failover_failures_rejected",
    .help = "Reported failures that were not accepted.",
    .type = EX_COUNTER,
    .stability = EX_STABLE,
    .labels = reason_labels,
    .label_count = 1,
    .closed_labels = 1,
    .cardinality = "5",
};
static const struct ex_family_spec counted_spec = {
    .name = "failover_failures_counted",
    .help = "Accepted failures whose labels are final and that stand in the counters.",
    .type = EX_COUNTER,
    .stability = EX_STABLE,
};
static const struct ex_family_spec pending_spec = {
    .name = "failover_failures_pending",
    .help = "Accepted failures that still wait for labels.",
    .type = EX_GAUGE,
    .stability = EX_STABLE,
};
static const struct ex_family_spec by_class_spec = {
    .name = "failover_failures_by_class",
    .help = "Counted failures by the verdict of the built-in categoriser.",
    .type = EX_COUNTER,
    .stability = EX_STABLE,
    .labels = class_labels,
    .label_count = COUNT_OF(class_labels),
    .closed_labels = 3,
    .cardinality = "classes of the catalogue",
};
static const struct ex_family_spec decision_spec = {
    .name = "failover_decision_seconds",
    .help = "From the report of a failure to the decision.",
    .type = EX_HISTOGRAM,
    .stability = EX_STABLE,
    .unit = "seconds",
    .buckets = decision_buckets,
    .bucket_count = COUNT_OF(decision_buckets),
    .native = true,
};

/* Declares a family without labels and opens its one series. */
static int open_single(struct ex_failure_metrics *account, struct ex_metrics *metrics,
                       const struct ex_family_spec *spec, struct ex_series **ret_series,
                       struct fo_error *reterr) {
    struct ex_family *family;
    int ret = ex_metrics_family(metrics, spec, &family, reterr);

    if (ret < 0)
        return ret;
    return ex_group_series(account->group, family, NULL, ret_series);
}

static int open_rejections(struct ex_failure_metrics *account, struct ex_metrics *metrics,
                           struct fo_error *reterr) {
    struct ex_family *family;
    int ret = ex_metrics_family(metrics, &rejected_spec, &family, reterr);

    for (int i = 0; i < EX_REJECTIONS && ret == 0; i++) {
        struct fo_str reason = fo_str_of(rejection_names[i]);
        ret = ex_group_series(account->group, family, &reason, &account->rejected[i]);
    }
    return ret;
}

static int open_class(struct ex_failure_metrics *account, const struct ex_failure_class *class,
                      struct ex_series **ret_series) {
    const struct fo_str values[] = {class->type, class->category};

    return ex_group_series(account->group, account->by_class, values, ret_series);
}

static int open_classes(struct ex_failure_metrics *account, struct ex_metrics *metrics,
                        const struct ex_failure_class *classes, size_t class_count,
                        struct fo_error *reterr) {
    int ret = ex_metrics_family(metrics, &by_class_spec, &account->by_class, reterr);

    for (size_t i = 0; i < class_count && ret == 0; i++) {
        struct ex_series *series;
        ret = open_class(account, &classes[i], &series);
    }
    return ret;
}

int ex_failure_metrics_init(struct ex_failure_metrics *account, struct ex_metrics *metrics,
                            const struct ex_failure_class *classes, size_t class_count,
                            struct fo_error *reterr) {
    *account = (struct ex_failure_metrics){0};
    int ret = ex_group_new(metrics, NULL, 0, NULL, &account->group);
    if (ret < 0)
        return ret;
    ex_group_begin(account->group);
    ret = open_single(account, metrics, &received_spec, &account->received, reterr);
    if (ret == 0)
        ret = open_rejections(account, metrics, reterr);
    if (ret == 0)
        ret = open_single(account, metrics, &counted_spec, &account->counted, reterr);
    if (ret == 0)
        ret = open_single(account, metrics, &pending_spec, &account->pending, reterr);
    if (ret == 0)
        ret = open_classes(account, metrics, classes, class_count, reterr);
    if (ret == 0)
        ret = open_single(account, metrics, &decision_spec, &account->decision_seconds, reterr);
    ex_group_publish(account->group);
    return ret;
}

void ex_failure_metrics_reject(struct ex_failure_metrics *account, enum ex_rejection reason,
                               uint64_t count) {
    ex_group_begin(account->group);
    ex_counter_add(account->received, count);
    ex_counter_add(account->rejected[reason], count);
    ex_group_publish(account->group);
}

void ex_failure_metrics_accept(struct ex_failure_metrics *account, double decision_seconds) {
    ex_group_begin(account->group);
    ex_counter_add(account->received, 1);
    ex_gauge_add(account->pending, 1);
    ex_histogram_observe(account->decision_seconds, decision_seconds);
    ex_group_publish(account->group);
}

void ex_failure_metrics_count(struct ex_failure_metrics *account,
                              const struct ex_failure_class *class) {
    struct ex_series *series;

    ex_group_begin(account->group);
    ex_gauge_add(account->pending, -1);
    ex_counter_add(account->counted, 1);
    if (open_class(account, class, &series) == 0)
        ex_counter_add(series, 1);
    ex_group_publish(account->group);
}

/* ---- what an earlier daemon has counted ---- */

static void restore(struct ex_series *series, uint64_t count, int64_t start_ms) {
    ex_counter_restore(series, ex_counter_value(series) + count, start_ms);
}

void ex_failure_metrics_restore_pending(struct ex_failure_metrics *account) {
    ex_group_begin(account->group);
    ex_counter_add(account->received, 1);
    ex_gauge_add(account->pending, 1);
    ex_group_publish(account->group);
}

void ex_failure_metrics_restore_class(struct ex_failure_metrics *account,
                                      const struct ex_failure_class *class, uint64_t count,
                                      int64_t start_ms) {
    struct ex_series *series;

    ex_group_begin(account->group);
    restore(account->received, count, start_ms);
    restore(account->counted, count, start_ms);
    if (open_class(account, class, &series) == 0)
        restore(series, count, start_ms);
    ex_group_publish(account->group);
}

void ex_failure_metrics_restore_rejected(struct ex_failure_metrics *account,
                                         const uint64_t counts[static EX_REJECTIONS],
                                         int64_t start_ms) {
    ex_group_begin(account->group);
    for (int i = 0; i < EX_REJECTIONS; i++) {
        restore(account->received, counts[i], start_ms);
        restore(account->rejected[i], counts[i], start_ms);
    }
    ex_group_publish(account->group);
}
