/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/arena.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    BLOCK_MIN_BYTES = 512,
    ALIGNMENT = 8,
    LARGE_PAGE_BYTES = 2 * 1024 * 1024,
    LARGE_FROM_BYTES = 2 * LARGE_PAGE_BYTES, /* such a block is a mapping of its own */
};

struct ex_arena_block {
    struct ex_arena_block *next;
    size_t size;
    size_t used;
    char bytes[];
};

void ex_arena_prefer_large_pages(void *memory, size_t size) {
    size_t before = -(uintptr_t)memory & (LARGE_PAGE_BYTES - 1); /* up to the first whole one */

    if (size >= LARGE_FROM_BYTES) /* it is only a wish */
        (void)madvise((char *)memory + before, (size - before) & ~((size_t)LARGE_PAGE_BYTES - 1),
                      MADV_HUGEPAGE);
}

/* Blocks grow with what is there, so that little is left over in a small arena and a large one does
 * not need many. */
static struct ex_arena_block *add_block(struct ex_arena *arena, size_t needed) {
    size_t quarter = arena->size_bytes / 4;
    size_t size = quarter > BLOCK_MIN_BYTES ? quarter : BLOCK_MIN_BYTES;

    if (!arena->blocks && arena->first_bytes > 0)
        size = arena->first_bytes;
    if (size < needed)
        size = needed;
    struct ex_arena_block *block = calloc(1, sizeof *block + size);
    if (!block)
        return NULL;
    ex_arena_prefer_large_pages(block, sizeof *block + size);
    block->next = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->size_bytes += sizeof *block + size;
    return block;
}

void *ex_arena_alloc(struct ex_arena *arena, size_t len) {
    struct ex_arena_block *block = arena->blocks;

    if (len > SIZE_MAX / 2)
        return NULL;
    len = (len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (!block || block->size - block->used < len)
        block = add_block(arena, len);
    if (!block)
        return NULL;
    void *memory = block->bytes + block->used;
    block->used += len;
    arena->used_bytes += len;
    return memory;
}

int ex_arena_copy(struct ex_arena *arena, struct fo_str text, struct fo_str *ret_copy) {
    char *copy = ex_arena_alloc(arena, text.len + 1);

    if (!copy)
        return -ENOMEM;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    *ret_copy = (struct fo_str){copy, text.len};
    return 0;
}

void ex_arena_done(struct ex_arena *arena) {
    for (struct ex_arena_block *block = arena->blocks; block;) {
        struct ex_arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (struct ex_arena){0};
}
