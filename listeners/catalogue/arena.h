/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/catalogue/arena.h - memory that lives as long as its catalogue and is freed as one.
 * Owns: its chunks. Threads: none, the caller serialises. */
#ifndef LISTENERS_CATALOGUE_ARENA_H
#define LISTENERS_CATALOGUE_ARENA_H

#include "failover/types.h"

struct catalogue_chunk;

/* Starts all zero. */
struct catalogue_arena {
    struct catalogue_chunk *newest; /* owned */
};

/* `count` zeroed items of `size` bytes, aligned for anything; NULL: no memory. */
void *catalogue_arena_alloc(struct catalogue_arena *arena, size_t count, size_t size);

/* Copies text and terminates it. `ret_copy->ptr` is NULL: no memory. */
struct fo_str catalogue_arena_copy(struct catalogue_arena *arena, struct fo_str text);

void catalogue_arena_done(struct catalogue_arena *arena);

#endif
