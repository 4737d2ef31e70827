/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/children/plugin_metrics.h"

#include <stdio.h>

#include "exporter/base/log.h"

enum { FAMILY_NAME_BYTES = 256 };

static struct ex_plugin_metric *find(struct ex_plugin_metrics *own, const char *name) {
    for (uint32_t i = 0; i < own->count; i++) {
        if (strcmp(own->items[i].name, name) == 0)
            return &own->items[i];
    }
    return NULL;
}

/* A family's name allows less than a listener's: all else becomes '_'. */
static void write_name(char *text, size_t size, const char *listener, const char *metric) {
    (void)snprintf(text, size, "failover_plugin_%s_%s", listener, metric);
    for (char *c = text; *c; c++) {
        if (*c == '-' || *c == '.')
            *c = '_';
    }
}

bool ex_plugin_metrics_declare(struct ex_plugin_metrics *own,
                               const struct ex_child_metric *metric) {
    static const enum ex_family_type types[] = {EX_COUNTER, EX_GAUGE, EX_HISTOGRAM};
    char name[FAMILY_NAME_BYTES];
    struct fo_error error;
    const struct ex_plugin_metric *known = find(own, metric->name);

    if (known)
        return known->type == metric->type && known->label_count == metric->label_count;
    if (own->count == EX_PLUGIN_METRICS_MAX)
        return false;
    struct ex_plugin_metric *item = &own->items[own->count];
    write_name(name, sizeof name, own->listener, metric->name);
    const struct ex_family_spec spec = {
        .name = name,
        .help = metric->help && *metric->help ? metric->help : "A metric of a listener's own.",
        .type = types[metric->type],
        .stability = EX_EXPERIMENTAL,
        .labels = metric->label_names,
        .label_count = metric->label_count,
        .buckets = metric->buckets,
        .bucket_count = metric->type == EX_CHILD_HISTOGRAM ? metric->bucket_count : 0,
        .real = metric->type == EX_CHILD_COUNTER,
        .series_limit = EX_PLUGIN_SERIES_MAX,
        .collector = "plugins",
        .cardinality = "as the listener makes them, at most 1000",
    };
    if (ex_metrics_family(own->metrics, &spec, &item->family, &error) < 0) {
        ex_log(EX_LOG_WARN, "A metric of a listener is refused.", EX_TEXT("metric", name),
               EX_TEXT("why", error.text));
        return false;
    }
    (void)snprintf(item->name, sizeof item->name, "%s", metric->name);
    item->type = metric->type;
    item->label_count = metric->label_count;
    own->count++;
    return true;
}

bool ex_plugin_metrics_update(struct ex_plugin_metrics *own, struct ex_group *group,
                              const struct ex_child_metric *metric) {
    const struct ex_plugin_metric *item = find(own, metric->name);
    struct ex_series *series;

    if (!item || item->label_count != metric->label_count ||
        (item->type == EX_CHILD_COUNTER && metric->value < 0))
        return false;
    ex_group_begin(group);
    bool found = ex_group_series(group, item->family, metric->values, &series) == 0;
    if (found && item->type == EX_CHILD_COUNTER)
        ex_series_set(series, ex_series_value(series) + metric->value);
    else if (found && item->type == EX_CHILD_GAUGE)
        ex_series_set(series, metric->value);
    else if (found)
        ex_histogram_observe(series, metric->value);
    ex_group_publish(group);
    return found;
}
