/* SPDX-License-Identifier: Apache-2.0 */
/* failover/memory.h - memory through the embedder's allocator, every size checked for overflow.
 * Owns: nothing. Threads: as the allocator. */
#ifndef FAILOVER_MEMORY_H
#define FAILOVER_MEMORY_H

#include "failover/failover.h"

/* The allocator to keep: a copy of `allocator`, or realloc() and free() for NULL. */
struct fo_allocator fo_allocator_or_default(const struct fo_allocator *allocator);

/* A zeroed array, never NULL for a count of 0; NULL when memory is short or the size overflows. */
void *fo_array_new(const struct fo_allocator *allocator, size_t count, size_t item_bytes);

/* Ends memory of this allocator. NULL is allowed. */
void fo_memory_free(const struct fo_allocator *allocator, void *memory);

/* `array` with room for at least `want` items, grown by halves so that appends cost little; what it
 * holds is kept, what is new is not zeroed. NULL, and everything as it was, when memory is short.
 */
void *fo_array_grow(const struct fo_allocator *allocator, void *array, size_t *capacity,
                    size_t want, size_t item_bytes);

#endif
