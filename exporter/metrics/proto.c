/* SPDX-License-Identifier: Apache-2.0 */
/* io.prometheus.client.MetricFamily, written by hand: tags and types are named here, nothing else
 * of protobuf is needed. Nested messages are built in a buffer of their own, for their length
 * stands first. */
#include <math.h>

#include "exporter/metrics/exemplar.h"
#include "exporter/metrics/histogram.h"
#include "exporter/metrics/labeltext.h"
#include "exporter/metrics/style.h"

enum { WIRE_VARINT = 0, WIRE_DOUBLE = 1, WIRE_BYTES = 2 };
enum { FAMILY_NAME = 1, FAMILY_HELP = 2, FAMILY_TYPE = 3, FAMILY_METRIC = 4, FAMILY_UNIT = 5 };
enum { TYPE_COUNTER = 0, TYPE_GAUGE = 1, TYPE_HISTOGRAM = 4 };
enum { METRIC_LABEL = 1, METRIC_GAUGE = 2, METRIC_COUNTER = 3, METRIC_HISTOGRAM = 7 };
enum { LABEL_NAME = 1, LABEL_VALUE = 2 };
enum { GAUGE_VALUE = 1 };
enum { COUNTER_VALUE = 1, COUNTER_EXEMPLAR = 2, COUNTER_START = 3 };
enum {
    HISTOGRAM_COUNT = 1,
    HISTOGRAM_SUM = 2,
    HISTOGRAM_BUCKET = 3,
    HISTOGRAM_SCHEMA = 5,
    HISTOGRAM_ZERO_THRESHOLD = 6,
    HISTOGRAM_ZERO_COUNT = 7,
    HISTOGRAM_SPAN = 12,
    HISTOGRAM_DELTA = 13,
    HISTOGRAM_START = 15,
    HISTOGRAM_EXEMPLAR = 16,
};
enum { BUCKET_COUNT = 1, BUCKET_BOUND = 2, BUCKET_EXEMPLAR = 3 };
enum { SPAN_OFFSET = 1, SPAN_LENGTH = 2 };
enum { EXEMPLAR_LABEL = 1, EXEMPLAR_VALUE = 2, EXEMPLAR_TIME = 3 };
enum { TIME_SECONDS = 1, TIME_NANOS = 2 };
enum { NS_PER_MS = 1000000 };

/* ---- wire ---- */

static void put_varint(struct ex_buffer *out, uint64_t value) {
    unsigned char bytes[10];
    size_t len = 0;

    while (value >= 0x80) {
        bytes[len++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    bytes[len++] = (unsigned char)value;
    ex_buffer_append(out, bytes, len);
}

static uint64_t zigzag(int64_t value) {
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static void put_uint(struct ex_buffer *out, unsigned field, uint64_t value) {
    put_varint(out, field << 3 | WIRE_VARINT);
    put_varint(out, value);
}

static void put_double(struct ex_buffer *out, unsigned field, double value) {
    unsigned char bytes[sizeof(uint64_t)];
    uint64_t bits = ex_bits_of(value);

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(bits >> (8 * i));
    put_varint(out, field << 3 | WIRE_DOUBLE);
    ex_buffer_append(out, bytes, sizeof bytes);
}

static void put_bytes(struct ex_buffer *out, unsigned field, struct fo_str bytes) {
    put_varint(out, field << 3 | WIRE_BYTES);
    put_varint(out, bytes.len);
    ex_buffer_append_str(out, bytes);
}

/* Moves a finished message into another; `message` is empty afterwards, and a failure goes along.
 */
static void put_message(struct ex_buffer *out, unsigned field, struct ex_buffer *message) {
    if (message->failure)
        out->failure = message->failure;
    put_bytes(out, field, ex_buffer_str(message));
    ex_buffer_reset(message);
}

/* ---- parts ---- */

/* Buffers for the levels of nesting, kept over the series of a cell. */
struct parts {
    struct ex_buffer metric;
    struct ex_buffer value;  /* counter, gauge, histogram */
    struct ex_buffer bucket; /* or span */
    struct ex_buffer leaf;   /* label pair, exemplar, time */
    struct ex_buffer text;
};

static void parts_init(struct parts *parts) {
    ex_buffer_init(&parts->metric, SIZE_MAX / 2);
    ex_buffer_init(&parts->value, SIZE_MAX / 2);
    ex_buffer_init(&parts->bucket, SIZE_MAX / 2);
    ex_buffer_init(&parts->leaf, SIZE_MAX / 2);
    ex_buffer_init(&parts->text, SIZE_MAX / 2);
}

static void parts_done(struct parts *parts) {
    ex_buffer_done(&parts->metric);
    ex_buffer_done(&parts->value);
    ex_buffer_done(&parts->bucket);
    ex_buffer_done(&parts->leaf);
    ex_buffer_done(&parts->text);
}

/* Escaped labels as label pairs. */
static void put_labels(struct ex_buffer *out, unsigned field, struct fo_str labels,
                       struct ex_buffer *pair, struct ex_buffer *text) {
    struct fo_str name;
    struct fo_str value;

    while (ex_label_next(&labels, &name, &value)) {
        put_bytes(pair, LABEL_NAME, name);
        ex_label_unescape(text, value);
        put_message(pair, LABEL_VALUE, text);
        put_message(out, field, pair);
    }
}

static void put_time(struct ex_buffer *out, unsigned field, int64_t ms, struct ex_buffer *leaf) {
    int64_t seconds = ms / 1000 - (ms % 1000 < 0);

    put_uint(leaf, TIME_SECONDS, (uint64_t)seconds);
    put_uint(leaf, TIME_NANOS, (uint64_t)(ms - seconds * 1000) * NS_PER_MS);
    put_message(out, field, leaf);
}

static void put_exemplar(struct ex_buffer *out, unsigned field, const struct ex_exemplar *exemplar,
                         struct parts *parts) {
    struct ex_buffer message;

    ex_buffer_init(&message, SIZE_MAX / 2);
    put_labels(&message, EXEMPLAR_LABEL, exemplar->labels, &parts->leaf, &parts->text);
    put_double(&message, EXEMPLAR_VALUE, exemplar->value);
    put_time(&message, EXEMPLAR_TIME, exemplar->time_ms, &parts->leaf);
    put_message(out, field, &message);
    ex_buffer_done(&message);
}

/* ---- values ---- */

static void put_counter(struct parts *parts, const struct ex_series *series) {
    struct ex_buffer *out = &parts->value;
    bool real = series->cell->family->spec.real;
    struct ex_exemplar exemplar;

    put_double(out, COUNTER_VALUE, real ? ex_double_of(series->shown) : (double)series->shown);
    if (ex_exemplar_shown(series, &exemplar))
        put_exemplar(out, COUNTER_EXEMPLAR, &exemplar, parts);
    put_time(out, COUNTER_START, ex_series_start_ms(series), &parts->leaf);
    put_message(&parts->metric, METRIC_COUNTER, out);
}

static void put_gauge(struct parts *parts, const struct ex_series *series) {
    put_double(&parts->value, GAUGE_VALUE, ex_double_of(series->shown));
    put_message(&parts->metric, METRIC_GAUGE, &parts->value);
}

/* Runs of neighbouring buckets. The first offset is the index itself, each later one the number of
 * buckets left out since the run before. */
static void put_spans(struct parts *parts, const uint64_t *pairs, size_t count) {
    int64_t expected = 0;

    for (size_t i = 0; i < count;) {
        int64_t start = (int64_t)pairs[2 * i];
        size_t length = 1;
        while (i + length < count && (int64_t)pairs[2 * (i + length)] == start + (int64_t)length)
            length++;
        put_uint(&parts->bucket, SPAN_OFFSET, zigzag(start - expected));
        put_uint(&parts->bucket, SPAN_LENGTH, length);
        put_message(&parts->value, HISTOGRAM_SPAN, &parts->bucket);
        expected = start + (int64_t)length;
        i += length;
    }
}

static void put_native(struct parts *parts, const struct ex_family *family, const uint64_t *words,
                       size_t word_count) {
    struct ex_buffer *out = &parts->value;
    size_t first = ex_histogram_pairs_at(family);
    size_t count = (word_count - first) / 2;
    int64_t before = 0;

    put_uint(out, HISTOGRAM_SCHEMA, zigzag((int64_t)words[ex_histogram_schema_at(family)]));
    put_double(out, HISTOGRAM_ZERO_THRESHOLD, EX_NATIVE_ZERO_THRESHOLD);
    put_uint(out, HISTOGRAM_ZERO_COUNT, words[ex_histogram_zeros_at(family)]);
    put_spans(parts, words + first, count);
    for (size_t i = 0; i < count; i++) {
        int64_t now = (int64_t)words[first + 2 * i + 1];
        put_varint(&parts->bucket, zigzag(now - before));
        before = now;
    }
    if (count > 0)
        put_message(out, HISTOGRAM_DELTA, &parts->bucket);
}

static void put_buckets(struct parts *parts, const struct ex_family *family, const uint64_t *words,
                        const struct ex_exemplar *exemplar) {
    size_t marked = exemplar ? ex_histogram_bucket(family, exemplar->value) : SIZE_MAX;
    uint64_t cumulative = 0;

    for (size_t i = 0; i <= family->spec.bucket_count; i++) {
        bool last = i == family->spec.bucket_count;
        cumulative += words[i];
        put_uint(&parts->bucket, BUCKET_COUNT, cumulative);
        put_double(&parts->bucket, BUCKET_BOUND, last ? HUGE_VAL : family->spec.buckets[i]);
        if (i == marked)
            put_exemplar(&parts->bucket, BUCKET_EXEMPLAR, exemplar, parts);
        put_message(&parts->value, HISTOGRAM_BUCKET, &parts->bucket);
    }
}

static void put_histogram(struct parts *parts, const struct ex_series *series) {
    const struct ex_family *family = series->cell->family;
    const struct ex_extra *extra = atomic_load_explicit(&series->extra, memory_order_acquire);
    const uint64_t *words = extra->histogram.shown;
    struct ex_exemplar exemplar;
    bool marked = ex_exemplar_shown(series, &exemplar);
    uint64_t count = 0;

    for (size_t i = 0; i <= family->spec.bucket_count; i++)
        count += words[i];
    put_uint(&parts->value, HISTOGRAM_COUNT, count);
    put_double(&parts->value, HISTOGRAM_SUM, ex_double_of(words[ex_histogram_sum_at(family)]));
    put_buckets(parts, family, words, marked ? &exemplar : NULL);
    if (family->spec.native)
        put_native(parts, family, words, extra->histogram.shown_len);
    put_time(&parts->value, HISTOGRAM_START, ex_series_start_ms(series), &parts->leaf);
    if (marked && family->spec.native)
        put_exemplar(&parts->value, HISTOGRAM_EXEMPLAR, &exemplar, parts);
    put_message(&parts->metric, METRIC_HISTOGRAM, &parts->value);
}

static void put_value(struct parts *parts, const struct ex_series *series) {
    switch (series->cell->family->spec.type) {
    case EX_COUNTER:
        put_counter(parts, series);
        break;
    case EX_HISTOGRAM:
        put_histogram(parts, series);
        break;
    case EX_GAUGE:
    case EX_INFO:
        put_gauge(parts, series);
        break;
    }
}

void ex_proto_cell(struct ex_buffer *out, const struct ex_cell *cell) {
    const struct ex_series *series = atomic_load_explicit(&cell->first, memory_order_acquire);
    struct ex_buffer group;
    struct parts parts;

    parts_init(&parts);
    ex_buffer_init(&group, SIZE_MAX / 2);
    put_labels(&group, METRIC_LABEL, cell->group->labels, &parts.leaf, &parts.text);
    for (uint32_t i = 0; i < cell->shown_count; i++) {
        if (!ex_style_hides(series)) {
            ex_buffer_append_str(&parts.metric, ex_buffer_str(&group));
            put_labels(&parts.metric, METRIC_LABEL,
                       (struct fo_str){series->labels, series->labels_len}, &parts.leaf,
                       &parts.text);
            put_value(&parts, series);
            put_message(out, FAMILY_METRIC, &parts.metric);
        }
        series = atomic_load_explicit(&series->next, memory_order_acquire);
    }
    if (group.failure)
        out->failure = group.failure;
    ex_buffer_done(&group);
    parts_done(&parts);
}

/* ---- the family ---- */

static uint64_t type_number(enum ex_family_type type) {
    if (type == EX_COUNTER)
        return TYPE_COUNTER;
    return type == EX_HISTOGRAM ? TYPE_HISTOGRAM : TYPE_GAUGE;
}

void ex_proto_head(struct ex_buffer *out, const struct ex_family *family,
                   const struct ex_style *style, size_t cells_len) {
    char scratch[EX_STYLE_NAME_MAX_BYTES];
    struct ex_buffer head;

    ex_buffer_init(&head, SIZE_MAX / 2);
    put_bytes(&head, FAMILY_NAME, ex_style_name(style, family, scratch));
    put_bytes(&head, FAMILY_HELP, fo_str_of(family->spec.help));
    put_uint(&head, FAMILY_TYPE, type_number(family->spec.type));
    if (family->spec.unit)
        put_bytes(&head, FAMILY_UNIT, fo_str_of(family->spec.unit));
    put_varint(out, head.len + cells_len);
    ex_buffer_append_str(out, ex_buffer_str(&head));
    if (head.failure)
        out->failure = head.failure;
    ex_buffer_done(&head);
}
