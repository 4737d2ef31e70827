/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/arena.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    BLOCK_MIN_BYTES = 512,
    ALIGNMENT = 8,
    LARGE_PAGE_BYTES = 2 * 1024 * 1024,
};

struct ex_arena_block {
    struct ex_arena_block *next;
    void *base; /* what to free */
    size_t size;
    size_t used;
    char bytes[];
};

/* What lies before the first whole page and behind the last is never touched, so it is no memory.
 */
void *ex_large_alloc(size_t size, void **ret_base) {
    bool large = size >= LARGE_PAGE_BYTES && size <= SIZE_MAX - LARGE_PAGE_BYTES;
    char *base = calloc(1, large ? size + LARGE_PAGE_BYTES : size);

    *ret_base = base;
    if (!base || !large)
        return base;
    char *memory = base + (-(uintptr_t)base & (LARGE_PAGE_BYTES - 1));
    (void)madvise(memory, size & ~((size_t)LARGE_PAGE_BYTES - 1), MADV_HUGEPAGE); /* a wish */
    return memory;
}

/* Blocks grow with what is there, so that little is left over in a small arena and a large one does
 * not need many. */
static size_t next_block_bytes(const struct ex_arena *arena, size_t needed) {
    size_t size = arena->size_bytes / 4;

    if (size < BLOCK_MIN_BYTES)
        size = BLOCK_MIN_BYTES;
    if (!arena->blocks && arena->first_bytes > 0)
        size = arena->first_bytes;
    if (size < needed)
        size = needed;
    size += sizeof(struct ex_arena_block);
    if (size >= LARGE_PAGE_BYTES / 2 && size <= SIZE_MAX - LARGE_PAGE_BYTES)
        size = (size + LARGE_PAGE_BYTES - 1) & ~((size_t)LARGE_PAGE_BYTES - 1);
    return size;
}

static struct ex_arena_block *add_block(struct ex_arena *arena, size_t needed) {
    size_t size = next_block_bytes(arena, needed);
    void *base;
    struct ex_arena_block *block = ex_large_alloc(size, &base);

    if (!block)
        return NULL;
    block->next = arena->blocks;
    block->base = base;
    block->size = size - sizeof *block;
    arena->blocks = block;
    arena->size_bytes += size;
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
        free(block->base);
        block = next;
    }
    *arena = (struct ex_arena){0};
}
