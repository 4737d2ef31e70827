/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/store_metrics.h"

#include "exporter/base/log.h"

static const char *const reason_labels[] = {"reason"};
static const char *const kind_labels[] = {"kind"};
static const double commit_buckets[] = {1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025,
                                        0.05, 0.1,    0.25, 0.5,  1,      2.5,  5,    10};

static const struct ex_family_spec up_spec = {
    .name = "failover_store_up",
    .help = "1 while state can be written; 0: nothing is acted on until it can.",
    .type = EX_GAUGE,
    .stability = EX_STABLE,
};
static const struct ex_family_spec commit_spec = {
    .name = "failover_store_commit_seconds",
    .help = "What it took to make a batch of changes durable.",
    .type = EX_HISTOGRAM,
    .stability = EX_STABLE,
    .unit = "seconds",
    .buckets = commit_buckets,
    .bucket_count = sizeof commit_buckets / sizeof *commit_buckets,
    .native = true,
};
static const struct ex_family_spec bytes_spec = {
    .name = "failover_store_bytes",
    .help = "Size of the store's files; 0 when state is in memory.",
    .type = EX_GAUGE,
    .stability = EX_STABLE,
    .unit = "bytes",
};
static const struct ex_family_spec errors_spec = {
    .name = "failover_store_errors",
    .help = "Attempts to write that failed; each is made again.",
    .type = EX_COUNTER,
    .stability = EX_EXPERIMENTAL,
    .labels = reason_labels,
    .label_count = 1,
    .closed_labels = 1,
    .cardinality = "5",
};
static const struct ex_family_spec rows_spec = {
    .name = "failover_store_rows",
    .help = "Failures and other events that are kept.",
    .type = EX_GAUGE,
    .stability = EX_EXPERIMENTAL,
    .labels = kind_labels,
    .label_count = 1,
    .closed_labels = 1,
    .cardinality = "2",
};
static const struct ex_family_spec deleted_spec = {
    .name = "failover_store_deleted_rows",
    .help = "Failures and other events that were deleted because they were too old or too many.",
    .type = EX_COUNTER,
    .stability = EX_EXPERIMENTAL,
};

static int open_one(struct ex_store_metrics *own, struct ex_metrics *metrics,
                    const struct ex_family_spec *spec, struct ex_series **ret_series,
                    struct fo_error *reterr) {
    struct ex_family *family;
    int ret = ex_metrics_family(metrics, spec, &family, reterr);

    return ret < 0 ? ret : ex_group_series(own->group, family, NULL, ret_series);
}

static int open_errors(struct ex_store_metrics *own, struct ex_metrics *metrics,
                       struct fo_error *reterr) {
    struct ex_family *family;
    int ret = ex_metrics_family(metrics, &errors_spec, &family, reterr);

    for (int i = 0; i < EX_STORE_TROUBLES && ret == 0; i++) {
        struct fo_str reason = fo_str_of(ex_store_trouble_name((enum ex_store_trouble)i));
        ret = ex_group_series(own->group, family, &reason, &own->errors[i]);
    }
    return ret;
}

static int open_rows(struct ex_store_metrics *own, struct ex_metrics *metrics,
                     struct fo_error *reterr) {
    const struct fo_str failure = fo_str_of("failure");
    const struct fo_str event = fo_str_of("event");
    struct ex_family *family;
    int ret = ex_metrics_family(metrics, &rows_spec, &family, reterr);

    if (ret == 0)
        ret = ex_group_series(own->group, family, &failure, &own->failures);
    return ret == 0 ? ex_group_series(own->group, family, &event, &own->events) : ret;
}

int ex_store_metrics_init(struct ex_store_metrics *own, struct ex_metrics *metrics,
                          struct ex_store *store, struct fo_error *reterr) {
    int ret = ex_group_new(metrics, NULL, 0, NULL, &own->group);

    if (ret < 0)
        return ret;
    ex_group_begin(own->group);
    ret = open_one(own, metrics, &up_spec, &own->up, reterr);
    if (ret == 0)
        ret = open_one(own, metrics, &commit_spec, &own->commit_seconds, reterr);
    if (ret == 0)
        ret = open_one(own, metrics, &bytes_spec, &own->bytes, reterr);
    if (ret == 0)
        ret = open_one(own, metrics, &deleted_spec, &own->deleted, reterr);
    if (ret == 0)
        ret = open_errors(own, metrics, reterr);
    if (ret == 0)
        ret = open_rows(own, metrics, reterr);
    if (ret == 0)
        ex_series_set(own->up, 1);
    ex_group_publish(own->group);
    if (ret == 0 && store)
        ex_store_metrics_show(own, store, NULL);
    return ret;
}

static void log_change(struct ex_store_metrics *own, const struct ex_store_status *status) {
    if (status->up == !own->was_down)
        return;
    own->was_down = !status->up;
    if (own->was_down)
        ex_log(EX_LOG_ERROR,
               "State cannot be written; nothing is acted on until it can. It is tried again.",
               EX_TEXT("error", status->text));
    else
        ex_log_plain(EX_LOG_INFO, "State can be written again.");
}

static void show_growth(struct ex_series *series, uint64_t now, uint64_t *shown) {
    ex_counter_add(series, now - *shown);
    *shown = now;
}

void ex_store_metrics_show(struct ex_store_metrics *own, struct ex_store *store,
                           const uint64_t *commit_ns) {
    struct ex_store_status status;

    ex_store_status(store, &status);
    ex_group_begin(own->group);
    ex_series_set(own->up, status.up);
    ex_series_set(own->bytes, (double)status.file_bytes);
    ex_series_set(own->failures, (double)status.failures);
    ex_series_set(own->events, (double)status.events);
    show_growth(own->deleted, status.deleted, &own->deleted_shown);
    for (int i = 0; i < EX_STORE_TROUBLES; i++)
        show_growth(own->errors[i], status.troubles[i], &own->errors_shown[i]);
    if (commit_ns)
        ex_histogram_observe(own->commit_seconds, (double)*commit_ns / 1e9);
    ex_group_publish(own->group);
    log_change(own, &status);
}
