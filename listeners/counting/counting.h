/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/counting/counting.h - the listener that counts: Flink's CountingFailureListener with
 * labels. It is told of every failure whose labels are final and adds one to the counter that the
 * values of the exported keys name. Linked into the daemon as plain functions.
 * Owns: a copy of the keys. Threads: none, the caller serialises. */
#ifndef LISTENERS_COUNTING_COUNTING_H
#define LISTENERS_COUNTING_COUNTING_H

#include "failover/types.h"

enum { COUNTING_KEYS_MAX = 64 };

struct counting;

/* Adds one to the counter with these values, one per exported key, in the order of the keys. */
typedef void counting_add(void *ctx, const struct fo_str *values);

/* -E2BIG: over COUNTING_KEYS_MAX keys. -ENOMEM. */
FO_MUST_CHECK int counting_new(const struct fo_str *keys, size_t key_count,
                               struct counting **ret_counting);
struct counting *counting_free(struct counting *counting); /* NULL allowed; returns NULL */

/* Counts one failure; a key that it has no label for counts as empty, a label that is no exported
 * key is not looked at. */
void counting_on_labelled(const struct counting *counting, const struct fo_label *labels,
                          size_t label_count, counting_add *add, void *ctx);

#endif
