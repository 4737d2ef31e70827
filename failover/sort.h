/* SPDX-License-Identifier: Apache-2.0 */
/* failover/sort.h - sorts numbers in place: no memory, no bad case.
 * Owns: nothing. Threads: any. */
#ifndef FAILOVER_SORT_H
#define FAILOVER_SORT_H

#include <stdbool.h>
#include <stdint.h>

/* Whether item `a` belongs before item `b`. */
typedef bool (*fo_before)(const void *ctx, uint32_t a, uint32_t b);

/* Heap sort; not stable, so `before` should order everything. */
void fo_sort(uint32_t *items, uint32_t count, fo_before before, const void *ctx);

/* Ascending; costs one look at what is in order already. */
void fo_sort_ascending(uint32_t *items, uint32_t count);

#endif
