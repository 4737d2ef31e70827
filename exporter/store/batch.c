/* SPDX-License-Identifier: Apache-2.0 */
/* In memory only: numbers are in the machine's own form, nothing is aligned. */
#include "exporter/store/batch.h"

#include <xxhash.h>

/* Changes that add their n-th integer to the row of the integers before it and of the texts. */
static const uint8_t sum_places[EX_WRITES] = {
    [EX_WRITE_CLASS_COUNT] = 1,
    [EX_WRITE_LABEL_COUNT] = 2,
};

void ex_batch_init(struct ex_batch *batch) {
    *batch = (struct ex_batch){.failures = 0};
    ex_buffer_init(&batch->bytes, EX_BATCH_MAX_BYTES);
}

void ex_batch_done(struct ex_batch *batch) {
    ex_buffer_done(&batch->bytes);
}

void ex_batch_reset(struct ex_batch *batch) {
    ex_buffer_reset(&batch->bytes);
    batch->failures = 0;
    batch->events = 0;
    batch->history_bytes = 0;
    memset(batch->sums, 0, sizeof batch->sums);
}

bool ex_batch_is_empty(const struct ex_batch *batch) {
    return batch->bytes.len == 0;
}

static size_t row_size(const struct ex_row_shape *shape, const struct fo_str *texts) {
    size_t size = 1 + shape->ints * sizeof(int64_t);

    for (uint8_t i = 0; i < shape->texts; i++)
        size += sizeof(uint32_t) + texts[i].len;
    return size;
}

static char *put(char *to, const void *bytes, size_t size) {
    if (size > 0)
        memcpy(to, bytes, size);
    return to + size;
}

/* Where a sum is looked for. Two that share a place cost a row more, and nothing else. */
static uint32_t *sum_place(struct ex_batch *batch, enum ex_write kind, const int64_t *ints,
                           const struct fo_str *texts) {
    const struct ex_row_shape *shape = ex_write_shape(kind);
    XXH64_hash_t hash = XXH3_64bits_withSeed(ints, (sum_places[kind] - 1u) * sizeof *ints, kind);

    for (uint8_t i = 0; i < shape->texts; i++)
        hash = XXH3_64bits_withSeed(texts[i].ptr, texts[i].len, hash);
    return &batch->sums[hash % EX_BATCH_SUMS];
}

/* Adds to the change at `offset`, if that is about the same row. */
static bool add_to_sum(struct ex_batch *batch, size_t offset, enum ex_write kind,
                       const int64_t *ints, const struct fo_str *texts) {
    const struct ex_row_shape *shape = ex_write_shape(kind);
    size_t place = sum_places[kind] - 1u;
    char *sum = batch->bytes.bytes + offset + 1 + place * sizeof *ints;
    enum ex_write other;
    struct ex_row row;

    if (!ex_batch_next(batch, &offset, &other, &row) || other != kind ||
        memcmp(row.ints, ints, place * sizeof *ints) != 0)
        return false;
    for (uint8_t i = 0; i < shape->texts; i++) {
        if (!fo_str_equal(row.texts[i], texts[i]))
            return false;
    }
    int64_t total = row.ints[place] + ints[place];
    memcpy(sum, &total, sizeof total);
    return true;
}

/* True: the change has become one with another. If not, it is the one to look for. */
static bool is_summed(struct ex_batch *batch, enum ex_write kind, const int64_t *ints,
                      const struct fo_str *texts) {
    uint32_t *place = sum_place(batch, kind, ints, texts);

    if (*place > 0 && add_to_sum(batch, *place - 1, kind, ints, texts))
        return true;
    *place = (uint32_t)batch->bytes.len + 1; /* below EX_BATCH_MAX_BYTES */
    return false;
}

void ex_batch_add(struct ex_batch *batch, enum ex_write kind, const int64_t *ints,
                  const struct fo_str *texts) {
    const struct ex_row_shape *shape = ex_write_shape(kind);

    if (batch->bytes.failure != 0 || (sum_places[kind] > 0 && is_summed(batch, kind, ints, texts)))
        return;
    size_t size = row_size(shape, texts);
    char *row = ex_buffer_reserve(&batch->bytes, size);
    if (!row)
        return;
    *row++ = (char)kind;
    row = put(row, ints, shape->ints * sizeof *ints);
    for (uint8_t i = 0; i < shape->texts; i++) {
        uint32_t len = (uint32_t)texts[i].len; /* below EX_BATCH_MAX_BYTES */
        row = put(row, &len, sizeof len);
        row = put(row, texts[i].ptr, len);
    }
    ex_buffer_commit(&batch->bytes, size);
    batch->failures += kind == EX_WRITE_FAILURE;
    batch->events += kind == EX_WRITE_EVENT;
    if (kind == EX_WRITE_FAILURE || kind == EX_WRITE_EVENT)
        batch->history_bytes += EX_HISTORY_ROW_BYTES + texts[0].len;
}

static const char *take(const char *from, void *bytes, size_t size) {
    memcpy(bytes, from, size);
    return from + size;
}

bool ex_batch_next(const struct ex_batch *batch, size_t *offset, enum ex_write *ret_kind,
                   struct ex_row *ret_row) {
    if (*offset == batch->bytes.len)
        return false;
    const char *row = batch->bytes.bytes + *offset;
    *ret_kind = (enum ex_write) * row++;
    const struct ex_row_shape *shape = ex_write_shape(*ret_kind);
    row = take(row, ret_row->ints, shape->ints * sizeof *ret_row->ints);
    for (uint8_t i = 0; i < shape->texts; i++) {
        uint32_t len;
        row = take(row, &len, sizeof len);
        ret_row->texts[i] = (struct fo_str){row, len};
        row += len;
    }
    *offset = (size_t)(row - batch->bytes.bytes);
    return true;
}
