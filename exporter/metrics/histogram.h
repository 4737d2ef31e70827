/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/histogram.h - what the words of a histogram mean, for the sources of this room.
 *
 * words: one count per classic bucket (not cumulative) and one for +Inf; the sum (bits of a
 * double); with native buckets also the schema, the zero count, and pairs of (index, count), by
 * index. Bucket `index` of schema s holds (b^(index-1), b^index] with b = 2^(2^-s). When there
 * would be more than EX_NATIVE_BUCKETS, neighbours are merged and the schema goes down by one.
 * Threads: told per function. */
#ifndef EX_METRICS_HISTOGRAM_H
#define EX_METRICS_HISTOGRAM_H

#include "exporter/metrics/model.h"

enum { EX_NATIVE_BUCKETS = 160, EX_NATIVE_SCHEMA = 3, EX_NATIVE_SCHEMA_MIN = -4 };

/* Up to this a value counts as zero, as the other clients have it. */
#define EX_NATIVE_ZERO_THRESHOLD 0x1p-128

/* Where things stand. */
static inline size_t ex_histogram_sum_at(const struct ex_family *family) {
    return family->spec.bucket_count + 1;
}
static inline size_t ex_histogram_schema_at(const struct ex_family *family) {
    return ex_histogram_sum_at(family) + 1;
}
static inline size_t ex_histogram_zeros_at(const struct ex_family *family) {
    return ex_histogram_schema_at(family) + 1;
}
static inline size_t ex_histogram_pairs_at(const struct ex_family *family) {
    return ex_histogram_zeros_at(family) + 1;
}

/* Gives a new series its words. -ENOMEM. [writer] */
int ex_histogram_init(struct ex_series *series);

/* The native bucket of a value above 0, at EX_NATIVE_SCHEMA. */
int ex_native_index(double value);

/* The classic bucket of a value. */
size_t ex_histogram_bucket(const struct ex_family *family, double value);

/* The index of the bucket that takes over `index` when the schema goes down by one. */
static inline int64_t ex_native_merged(int64_t index) {
    int64_t above = index + 1;

    return (above - (above & 1)) / 2;
}

#endif
