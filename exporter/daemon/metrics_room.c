/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/metrics_room.h"

#include <errno.h>
#include <stdio.h>

#include "exporter/base/log.h"
#include "exporter/manager/job_metrics.h"

struct ex_metrics_limits ex_metrics_room_limits(const struct ex_config *config) {
    return (struct ex_metrics_limits){
        .value_bytes = config->metrics_value_bytes,
        .values_per_label = config->metrics_values_per_label,
        .series_per_family = config->metrics_series_per_family,
        .series_total = config->metrics_series_total,
        .bytes_total = config->metrics_bytes_total,
    };
}

static const char *limit_name(enum ex_fit_limit limit) {
    switch (limit) {
    case EX_FIT_FAMILY:
        return "metrics.limits.series-per-family of ";
    case EX_FIT_SERIES:
        return "metrics.limits.series-total";
    case EX_FIT_BYTES:
        return "metrics.limits.bytes-total";
    case EX_FIT_GROUPS:
        break;
    }
    return "the number of jobs itself";
}

int ex_metrics_room_text(const struct ex_config *config, bool flink_names,
                         char text[static EX_METRICS_ROOM_MAX_BYTES], size_t *ret_jobs) {
    const struct ex_metrics_limits limits = ex_metrics_room_limits(config);
    struct fo_error error;
    struct ex_group_fit fit;
    int ret = ex_job_metrics_fit(&limits, flink_names, &fit, &error);

    *ret_jobs = ret == 0 ? fit.groups : 0;
    if (ret == 0)
        (void)snprintf(text, EX_METRICS_ROOM_MAX_BYTES,
                       "a job shows %zu series (%zu bytes) and one more for each kind of failure; "
                       "%zu jobs have room, limited by %s%s",
                       fit.series, fit.bytes, fit.groups, limit_name(fit.limit), fit.family);
    else if (ret == -ENOSPC)
        (void)snprintf(text, EX_METRICS_ROOM_MAX_BYTES,
                       "metrics.limits: not one job has room for its series");
    return ret == -ENOSPC ? 0 : ret;
}

void ex_metrics_room_check(const struct ex_config *config, bool flink_names, size_t jobs) {
    char text[EX_METRICS_ROOM_MAX_BYTES];
    size_t room;

    if (ex_metrics_room_text(config, flink_names, text, &room) < 0 || jobs * 5 < room * 4)
        return;
    ex_log(EX_LOG_WARN,
           "The metrics have little room: a job beyond it counts in the row of its engine under "
           "job_name=\"__overflow__\".",
           EX_INT("jobs", (int64_t)jobs), EX_TEXT("why", text));
}
