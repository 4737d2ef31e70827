/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/arena.h - memory that is all given back at once, when its group goes.
 * Owns: its blocks. Threads: none, the caller serialises. */
#ifndef EX_METRICS_ARENA_H
#define EX_METRICS_ARENA_H

#include "failover/types.h"

struct ex_arena_block;

struct ex_arena {
    struct ex_arena_block *blocks; /* owned; the newest first */
    size_t size_bytes;             /* of all blocks */
    size_t used_bytes;             /* handed out */
    size_t first_bytes;            /* what the first block should hold; 0 = little */
};

/* Zeroed memory, aligned for any of our structs; lives until ex_arena_done(). NULL: no memory. */
void *ex_arena_alloc(struct ex_arena *arena, size_t len);

/* Copies text into the arena, with a NUL behind it. -ENOMEM. */
FO_MUST_CHECK int ex_arena_copy(struct ex_arena *arena, struct fo_str text,
                                struct fo_str *ret_copy);

void ex_arena_done(struct ex_arena *arena);

/* Zeroed memory that lies on whole large pages where there is enough of it and the kernel grants
 * them: a lookup anywhere in it costs no walk through page tables then. The caller ends it with
 * free(*ret_base). NULL: no memory. */
void *ex_large_alloc(size_t size, void **ret_base);

#endif
