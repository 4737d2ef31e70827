/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/histogram.h"

#include <errno.h>
#include <math.h>

#include "exporter/metrics/group.h"
#include "exporter/metrics/series.h"

enum { FIRST_PAIRS = 8, BUCKETS_PER_OCTAVE = 1 << EX_NATIVE_SCHEMA };

/* 0.5 * 2^(i/8). */
static const double octave[BUCKETS_PER_OCTAVE] = {
    0.5,
    0.5452538663326288,
    0.5946035575013605,
    0.6484197773255048,
    0.7071067811865475,
    0.7711054127039704,
    0.8408964152537144,
    0.9170040432046711,
};

static uint64_t get(const struct ex_words *words, size_t i) {
    return atomic_load_explicit(&words->word[i], memory_order_relaxed);
}

static void set(struct ex_words *words, size_t i, uint64_t value) {
    atomic_store_explicit(&words->word[i], value, memory_order_release);
}

int ex_histogram_init(struct ex_series *series) {
    const struct ex_family *family = series->cell->family;
    size_t fixed =
        family->spec.native ? ex_histogram_pairs_at(family) : ex_histogram_schema_at(family);
    struct ex_extra *extra;
    int failed = ex_series_extra(series, &extra);

    if (failed)
        return failed;
    struct ex_words *words = ex_track_reserve(series, &extra->histogram, fixed);
    if (!words)
        return -ENOMEM;
    if (family->spec.native)
        set(words, ex_histogram_schema_at(family), EX_NATIVE_SCHEMA);
    atomic_store_explicit(&words->used, fixed, memory_order_release);
    return 0;
}

size_t ex_histogram_bucket(const struct ex_family *family, double value) {
    size_t i = 0;

    while (i < family->spec.bucket_count && value > family->spec.buckets[i])
        i++;
    return i;
}

int ex_native_index(double value) {
    int exponent;
    double fraction = frexp(value, &exponent);
    int i = 0;

    while (i < BUCKETS_PER_OCTAVE && octave[i] < fraction)
        i++;
    return i + (exponent - 1) * BUCKETS_PER_OCTAVE;
}

static int64_t index_at(int64_t index, int64_t schema) {
    for (int64_t s = EX_NATIVE_SCHEMA; s > schema; s--)
        index = ex_native_merged(index);
    return index;
}

/* Where the pair of `index` is, or would have to be put. */
static size_t pair_position(const struct ex_words *words, size_t first, size_t used,
                            int64_t index) {
    size_t low = 0;
    size_t high = (used - first) / 2;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if ((int64_t)get(words, first + 2 * middle) < index)
            low = middle + 1;
        else
            high = middle;
    }
    return first + 2 * low;
}

/* Merges pairs of neighbours. */
static void lower_schema(const struct ex_family *family, struct ex_words *words) {
    size_t first = ex_histogram_pairs_at(family);
    size_t used = atomic_load_explicit(&words->used, memory_order_relaxed);
    size_t end = first;

    for (size_t i = first; i < used; i += 2) {
        int64_t index = ex_native_merged((int64_t)get(words, i));
        uint64_t count = get(words, i + 1);
        if (end > first && (int64_t)get(words, end - 2) == index) {
            set(words, end - 1, get(words, end - 1) + count);
            continue;
        }
        set(words, end, (uint64_t)index);
        set(words, end + 1, count);
        end += 2;
    }
    atomic_store_explicit(&words->used, end, memory_order_release);
    size_t schema_at = ex_histogram_schema_at(family);
    set(words, schema_at, get(words, schema_at) - 1);
}

static void insert_pair(struct ex_words *words, size_t at, int64_t index) {
    size_t used = atomic_load_explicit(&words->used, memory_order_relaxed);

    for (size_t i = used; i > at; i--)
        set(words, i + 1, get(words, i - 1));
    set(words, at, (uint64_t)index);
    set(words, at + 1, 1);
    atomic_store_explicit(&words->used, used + 2, memory_order_release);
}

/* Without memory for one more bucket resolution is what gives way, not the count. */
static void count_native(struct ex_series *series, struct ex_track *track, double value) {
    const struct ex_family *family = series->cell->family;
    struct ex_words *words = atomic_load_explicit(&track->live, memory_order_relaxed);
    size_t first = ex_histogram_pairs_at(family);

    for (;;) {
        size_t used = atomic_load_explicit(&words->used, memory_order_relaxed);
        int64_t schema = (int64_t)get(words, ex_histogram_schema_at(family));
        int64_t index = index_at(ex_native_index(value), schema);
        size_t at = pair_position(words, first, used, index);
        if (at < used && (int64_t)get(words, at) == index) {
            set(words, at + 1, get(words, at + 1) + 1);
            return;
        }
        size_t pairs = (used - first) / 2;
        size_t room = used + 2 > words->capacity ? used + 2 * (pairs + FIRST_PAIRS) : used + 2;
        struct ex_words *larger = ex_track_reserve(series, track, room);
        if (larger && (pairs < EX_NATIVE_BUCKETS || schema == EX_NATIVE_SCHEMA_MIN)) {
            insert_pair(larger, at, index);
            return;
        }
        if (pairs == 0 || schema == EX_NATIVE_SCHEMA_MIN)
            return;
        words = larger ? larger : words;
        lower_schema(family, words);
    }
}

void ex_histogram_observe(struct ex_series *series, double value) {
    const struct ex_family *family = series->cell->family;
    struct ex_extra *extra = atomic_load_explicit(&series->extra, memory_order_relaxed);
    struct ex_words *words = atomic_load_explicit(&extra->histogram.live, memory_order_relaxed);

    if (!isfinite(value))
        return;
    value = value < 0 ? 0 : value;
    bool opened = ex_group_open(series->cell->group);
    size_t bucket = ex_histogram_bucket(family, value);
    set(words, bucket, get(words, bucket) + 1);
    size_t sum_at = ex_histogram_sum_at(family);
    set(words, sum_at, ex_bits_of(ex_double_of(get(words, sum_at)) + value));
    if (family->spec.native && value <= EX_NATIVE_ZERO_THRESHOLD)
        set(words, ex_histogram_zeros_at(family), get(words, ex_histogram_zeros_at(family)) + 1);
    else if (family->spec.native)
        count_native(series, &extra->histogram, value);
    ex_group_close(series->cell->group, opened);
}
