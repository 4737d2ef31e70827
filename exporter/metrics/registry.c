/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "exporter/metrics/body.h"
#include "exporter/metrics/family.h"
#include "exporter/metrics/group.h"
#include "exporter/metrics/pack.h"
#include "exporter/metrics/page.h"
#include "exporter/metrics/self.h"

enum { VALUE_MIN_BYTES = 32, VALUE_MAX_BYTES = 1024 };

static const struct ex_metrics_limits defaults = {
    .value_bytes = 128,
    .values_per_label = 1000,
    .series_per_family = 250000,
    .series_total = 2000000,
    .bytes_total = (size_t)1 << 30,
    .families = 1000,
    .groups = 100000,
};

static size_t limit(size_t asked, size_t otherwise) {
    return asked ? asked : otherwise;
}

static struct ex_metrics_limits limits_of(const struct ex_metrics_limits *asked) {
    struct ex_metrics_limits limits = asked ? *asked : defaults;

    limits.value_bytes = limit(limits.value_bytes, defaults.value_bytes);
    if (limits.value_bytes < VALUE_MIN_BYTES)
        limits.value_bytes = VALUE_MIN_BYTES;
    if (limits.value_bytes > VALUE_MAX_BYTES)
        limits.value_bytes = VALUE_MAX_BYTES;
    limits.values_per_label = limit(limits.values_per_label, defaults.values_per_label);
    limits.series_per_family = limit(limits.series_per_family, defaults.series_per_family);
    limits.series_total = limit(limits.series_total, defaults.series_total);
    limits.bytes_total = limit(limits.bytes_total, defaults.bytes_total);
    limits.families = limit(limits.families, defaults.families);
    limits.groups = limit(limits.groups, defaults.groups);
    return limits;
}

int ex_metrics_new(const struct ex_metrics_limits *limits, uint64_t seed,
                   struct ex_metrics **ret_metrics) {
    struct ex_metrics *metrics = calloc(1, sizeof *metrics);

    if (!metrics)
        return -ENOMEM;
    metrics->limits = limits_of(limits);
    metrics->seed = seed;
    (void)pthread_mutex_init(&metrics->scrape_lock, NULL);
    metrics->page = ex_page_new();
    metrics->packer = ex_packer_new();
    if (!metrics->page || !metrics->packer || ex_self_init(metrics) != 0) {
        ex_metrics_free(metrics);
        return -ENOMEM;
    }
    *ret_metrics = metrics;
    return 0;
}

int ex_metrics_collector(struct ex_metrics *metrics, void (*collect)(void *arg), void *arg) {
    struct ex_collector *collector = malloc(sizeof *collector);

    if (!collector)
        return -ENOMEM;
    *collector = (struct ex_collector){collect, arg, metrics->collectors};
    metrics->collectors = collector;
    return 0;
}

static void free_collectors(struct ex_metrics *metrics) {
    while (metrics->collectors) {
        struct ex_collector *next = metrics->collectors->next;
        free(metrics->collectors);
        metrics->collectors = next;
    }
}

void ex_metrics_free(struct ex_metrics *metrics) {
    if (!metrics)
        return;
    ex_body_unref(metrics->shared.body);
    ex_groups_free(metrics);
    ex_page_free(metrics->page);
    ex_packer_free(metrics->packer);
    ex_families_free(metrics);
    free_collectors(metrics);
    ex_selection_done(&metrics->selection);
    (void)pthread_mutex_destroy(&metrics->scrape_lock);
    free(metrics);
}
