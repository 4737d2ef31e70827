/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/plugin_metrics.h - metrics of a listener's own (fl.metrics/1), shown as
 * failover_plugin_<listener>_<name>. What a listener wants is refused quietly where it is wrong or
 * too much: false. Owns: names; the series live in the registry. Threads: [main]. */
#ifndef EX_CHILDREN_PLUGIN_METRICS_H
#define EX_CHILDREN_PLUGIN_METRICS_H

#include <stdbool.h>

#include "exporter/children/protocol.h"
#include "exporter/metrics/metrics.h"

enum { EX_PLUGIN_METRICS_MAX = 32, EX_PLUGIN_SERIES_MAX = 1000 };

struct ex_plugin_metric {
    char name[EX_CHILD_METRIC_NAME_MAX_BYTES + 1];
    enum ex_child_metric_type type;
    uint32_t label_count;
    struct ex_family *family;
};

struct ex_plugin_metrics {
    struct ex_metrics *metrics; /* borrowed */
    const char *listener;       /* borrowed */
    struct ex_plugin_metric items[EX_PLUGIN_METRICS_MAX];
    uint32_t count;
};

/* A metric that is there already is taken as it is: a listener says it again after a restart. */
bool ex_plugin_metrics_declare(struct ex_plugin_metrics *own, const struct ex_child_metric *metric);
bool ex_plugin_metrics_update(struct ex_plugin_metrics *own, struct ex_group *group,
                              const struct ex_child_metric *metric);

#endif
