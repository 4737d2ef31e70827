/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/model.h"

/* Stores are releases for the sake of the version of the group (model.h). */

void ex_counter_add(struct ex_series *series, uint64_t n) {
    atomic_fetch_add_explicit(&series->value, n, memory_order_release);
}

uint64_t ex_counter_value(const struct ex_series *series) {
    return atomic_load_explicit(&series->value, memory_order_relaxed);
}

void ex_counter_restore(struct ex_series *series, uint64_t value, int64_t start_ms) {
    atomic_store_explicit(&series->start_ms, start_ms, memory_order_release);
    atomic_fetch_add_explicit(&series->marks, 2, memory_order_release);
    atomic_store_explicit(&series->value, value, memory_order_release);
}

int64_t ex_series_start_ms(const struct ex_series *series) {
    return atomic_load_explicit(&series->start_ms, memory_order_relaxed);
}

void ex_series_set(struct ex_series *series, double value) {
    atomic_store_explicit(&series->value, ex_bits_of(value), memory_order_release);
}

double ex_series_value(const struct ex_series *series) {
    return ex_double_of(atomic_load_explicit(&series->value, memory_order_relaxed));
}

void ex_gauge_add(struct ex_series *series, double n) {
    ex_series_set(series, ex_series_value(series) + n);
}

void ex_series_hide(struct ex_series *series) {
    atomic_fetch_or_explicit(&series->marks, 1, memory_order_release);
}

void ex_series_show(struct ex_series *series) {
    atomic_fetch_and_explicit(&series->marks, (uint8_t)~1u, memory_order_release);
}
