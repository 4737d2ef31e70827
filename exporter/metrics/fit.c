/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "exporter/metrics/model.h"

/* One limit that allows `groups` of them; the least counts. */
static void narrow(struct ex_group_fit *fit, size_t groups, enum ex_fit_limit limit,
                   const struct ex_family *family) {
    if (groups >= fit->groups)
        return;
    fit->groups = groups;
    fit->limit = limit;
    (void)snprintf(fit->family, sizeof fit->family, "%s", family ? family->sample_name.ptr : "");
}

void ex_group_fit(const struct ex_group *group, struct ex_group_fit *ret_fit) {
    const struct ex_metrics_limits *limits = &group->metrics->limits;
    struct ex_group_fit fit = {.groups = SIZE_MAX, .bytes = group->counted_bytes};
    const struct ex_cell *cell = atomic_load_explicit(&group->first_cell, memory_order_relaxed);

    for (; cell; cell = atomic_load_explicit(&cell->next, memory_order_relaxed)) {
        size_t lines = cell->count * cell->family->series_weight;
        fit.series += lines;
        if (lines > 0)
            narrow(&fit, cell->family->series_limit / lines, EX_FIT_FAMILY, cell->family);
    }
    if (fit.series > 0)
        narrow(&fit, limits->series_total / fit.series, EX_FIT_SERIES, NULL);
    narrow(&fit, limits->bytes_total / fit.bytes, EX_FIT_BYTES, NULL);
    narrow(&fit, limits->groups, EX_FIT_GROUPS, NULL);
    *ret_fit = fit;
}
