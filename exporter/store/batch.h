/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/store/batch.h - changes that belong into one transaction, on their way to the writer.
 * Owns: copies of all that was added. Threads: none, it is handed over as a whole. */
#ifndef EX_STORE_BATCH_H
#define EX_STORE_BATCH_H

#include <stdbool.h>

#include "exporter/base/buffer.h"
#include "exporter/store/rows.h"

enum {
    EX_BATCH_MAX_BYTES = 512 * 1024 * 1024,
    EX_HISTORY_ROW_BYTES = 64, /* what a row of the history takes beside its record */
    EX_BATCH_SUMS = 256,
};

struct ex_batch {
    struct ex_buffer bytes;
    uint32_t failures;            /* how many rows of them there are, */
    uint32_t events;              /* and of events, */
    uint64_t history_bytes;       /* and how many bytes in both, about: what retention counts */
    uint32_t sums[EX_BATCH_SUMS]; /* where the newest sum of a bucket is, + 1; 0 = none */
};

void ex_batch_init(struct ex_batch *batch);
void ex_batch_done(struct ex_batch *batch);
void ex_batch_reset(struct ex_batch *batch);
bool ex_batch_is_empty(const struct ex_batch *batch);

/* Adds a change with the integers and texts of its kind (EX_WRITE_*); either may be NULL where it
 * has none. What adds to the same row as a change before it mostly becomes one with that.
 * `batch->bytes.failure` says, for all together, that memory was short. */
void ex_batch_add(struct ex_batch *batch, enum ex_write kind, const int64_t *ints,
                  const struct fo_str *texts);

/* Reads the next change at `*offset`, which moves on; texts are borrowed. False at the end. */
bool ex_batch_next(const struct ex_batch *batch, size_t *offset, enum ex_write *ret_kind,
                   struct ex_row *ret_row);

#endif
