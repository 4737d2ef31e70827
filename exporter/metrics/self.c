/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/self.h"

#include <errno.h>

#include "exporter/metrics/series.h"

/* Up to OVERFLOW with one series for each family that there is. */
enum { SERIES, SERIES_LIMIT, OVERFLOW, INVALID, CUT, BYTES, BYTES_LIMIT };

static const char *const family_label[] = {"family"};

#define ABOUT_FAMILIES                                                                             \
    .labels = family_label, .label_count = 1, .closed_labels = 1, .cardinality = "families",       \
    .collector = "registry"

static const struct ex_family_spec specs[EX_SELF_FAMILIES] = {
    [SERIES] = {.name = "failover_series",
                .help = "Series that exist, by family. A histogram counts with each of its lines.",
                .type = EX_GAUGE,
                .stability = EX_STABLE,
                ABOUT_FAMILIES},
    [SERIES_LIMIT] = {.name = "failover_series_limit",
                      .help = "Series that a family may have.",
                      .type = EX_GAUGE,
                      .stability = EX_STABLE,
                      ABOUT_FAMILIES},
    [OVERFLOW] = {.name = "failover_series_overflow",
                  .help = "Updates that went to an overflow row, or nowhere, because of a limit.",
                  .type = EX_COUNTER,
                  .stability = EX_STABLE,
                  ABOUT_FAMILIES},
    [INVALID] = {.name = "failover_label_values_invalid",
                 .help = "Label values that held invalid UTF-8, which was replaced.",
                 .type = EX_COUNTER,
                 .collector = "registry"},
    [CUT] = {.name = "failover_label_values_cut",
             .help = "Label values that were too long and were cut.",
             .type = EX_COUNTER,
             .collector = "registry"},
    [BYTES] = {.name = "failover_series_bytes",
               .help = "Memory of the series, without what is kept of the pages with them.",
               .type = EX_GAUGE,
               .stability = EX_STABLE,
               .unit = "bytes",
               .collector = "registry"},
    [BYTES_LIMIT] = {.name = "failover_series_limit_bytes",
                     .help = "Memory that the series may have.",
                     .type = EX_GAUGE,
                     .stability = EX_STABLE,
                     .unit = "bytes",
                     .collector = "registry"},
};

/* Runs at the start of each scrape. */
static void collect(void *arg) {
    struct ex_metrics *metrics = arg;
    struct ex_family *family = atomic_load_explicit(&metrics->first_family, memory_order_acquire);

    for (; family; family = atomic_load_explicit(&family->next, memory_order_acquire)) {
        ex_series_set(family->self[SERIES], (double)atomic_load(&family->series));
        ex_series_set(family->self[SERIES_LIMIT], (double)family->series_limit);
        atomic_store_explicit(&family->self[OVERFLOW]->value, atomic_load(&family->overflow),
                              memory_order_release);
    }
    atomic_store_explicit(&metrics->self_series[INVALID]->value,
                          atomic_load(&metrics->invalid_values), memory_order_release);
    atomic_store_explicit(&metrics->self_series[CUT]->value, atomic_load(&metrics->cut_values),
                          memory_order_release);
    ex_series_set(metrics->self_series[BYTES], (double)atomic_load(&metrics->bytes));
    ex_series_set(metrics->self_series[BYTES_LIMIT], (double)metrics->limits.bytes_total);
}

int ex_self_add_rows(struct ex_metrics *metrics, struct ex_family *family) {
    int failed = 0;

    for (size_t i = SERIES; i <= OVERFLOW && metrics->self && !failed; i++) {
        struct ex_key key = {
            .family = metrics->self_families[i], .values = &family->name, .count = 1};
        family->self[i] = ex_series_find(metrics->self, &key); /* of a declaration that failed */
        if (!family->self[i])
            failed = ex_series_create(metrics->self, &key, &family->self[i]);
    }
    return failed;
}

int ex_self_init(struct ex_metrics *metrics) {
    struct ex_group *self;
    int failed = ex_group_new_live(metrics, &self);

    for (size_t i = 0; i < EX_SELF_FAMILIES && !failed; i++)
        failed = ex_metrics_family(metrics, &specs[i], &metrics->self_families[i], NULL);
    if (failed)
        return failed;
    metrics->self = self;
    for (size_t i = 0; i < EX_SELF_FAMILIES && !failed; i++)
        failed = ex_self_add_rows(metrics, metrics->self_families[i]);
    for (size_t i = INVALID; i < EX_SELF_FAMILIES && !failed; i++)
        failed = ex_group_series(self, metrics->self_families[i], NULL, &metrics->self_series[i]);
    return failed ? failed : ex_metrics_collector(metrics, collect, metrics);
}
