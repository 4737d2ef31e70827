/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/engines/push/metrics.h"

#define COUNT_OF(array_) (sizeof(array_) / sizeof *(array_))

static const char *const result_labels[] = {"result"};
static const double batch_buckets[] = {0, 1, 10, 100, 1000, 10000};

static const struct ex_family_spec reports_spec = {
    .name = "failover_push_reports",
    .help = "Reports of schedulers, by what became of them.",
    .type = EX_COUNTER,
    .stability = EX_STABLE,
    .labels = result_labels,
    .label_count = 1,
    .closed_labels = 1,
    .cardinality = "10",
};
static const struct ex_family_spec in_flight_spec = {
    .name = "failover_push_reports_in_flight",
    .help = "Reports of schedulers that were taken and not yet answered.",
    .type = EX_GAUGE,
    .stability = EX_STABLE,
};
static const struct ex_family_spec followers_spec = {
    .name = "failover_push_followers",
    .help = "Schedulers that follow the decisions of a job, by a stream or by asking, now.",
    .type = EX_GAUGE,
    .stability = EX_STABLE,
};
static const struct ex_family_spec events_spec = {
    .name = "failover_push_events",
    .help = "Events for schedulers: what to deploy, to cancel, and what was decided.",
    .type = EX_COUNTER,
    .stability = EX_STABLE,
};
static const struct ex_family_spec lost_spec = {
    .name = "failover_push_schedulers_lost",
    .help = "Times that a scheduler was silent for so long that its tasks were failed.",
    .type = EX_COUNTER,
    .stability = EX_STABLE,
};
static const struct ex_family_spec batch_spec = {
    .name = "failover_push_batch_reports",
    .help = "Reports in one request; 0 is a mere sign of life.",
    .type = EX_HISTOGRAM,
    .stability = EX_STABLE,
    .buckets = batch_buckets,
    .bucket_count = COUNT_OF(batch_buckets),
};

int ex_push_metrics_init(struct ex_push_metrics *own, struct ex_metrics *metrics,
                         struct fo_error *reterr) {
    const struct {
        const struct ex_family_spec *spec;
        struct ex_series **place;
    } plain[] = {
        {&in_flight_spec, &own->in_flight}, {&followers_spec, &own->followers},
        {&events_spec, &own->events},       {&lost_spec, &own->schedulers_lost},
        {&batch_spec, &own->batch_reports},
    };
    struct ex_family *family;
    int ret = ex_group_new_live(metrics, &own->group);

    if (ret == 0)
        ret = ex_metrics_family(metrics, &reports_spec, &family, reterr);
    for (int i = 0; i < EX_PUSH_RESULTS && ret == 0; i++) {
        const struct fo_str name = fo_str_of(ex_push_result_name((enum ex_push_result)i));
        ret = ex_group_series(own->group, family, &name, &own->reports[i]);
    }
    for (size_t i = 0; i < COUNT_OF(plain) && ret == 0; i++) {
        ret = ex_metrics_family(metrics, plain[i].spec, &family, reterr);
        if (ret == 0)
            ret = ex_group_series(own->group, family, NULL, plain[i].place);
    }
    return ret;
}
