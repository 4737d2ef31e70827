/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/arena.h"

#include <stdlib.h>

enum { CHUNK_BYTES = 64 * 1024, ALIGNMENT = 16 };

struct catalogue_chunk {
    struct catalogue_chunk *older;
    size_t used;
    size_t capacity;
    _Alignas(ALIGNMENT) char bytes[];
};

static struct catalogue_chunk *chunk_for(struct catalogue_arena *arena, size_t size) {
    struct catalogue_chunk *chunk = arena->newest;
    size_t capacity = size > CHUNK_BYTES ? size : CHUNK_BYTES;

    if (chunk && chunk->capacity - chunk->used >= size)
        return chunk;
    chunk = calloc(1, sizeof *chunk + capacity);
    if (!chunk)
        return NULL;
    chunk->capacity = capacity;
    chunk->older = arena->newest;
    arena->newest = chunk;
    return chunk;
}

void *catalogue_arena_alloc(struct catalogue_arena *arena, size_t count, size_t size) {
    size_t bytes = 0;

    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct catalogue_chunk *chunk = chunk_for(arena, bytes);
    if (!chunk)
        return NULL;
    void *memory = chunk->bytes + chunk->used;
    chunk->used += bytes;
    return memory;
}

struct fo_str catalogue_arena_copy(struct catalogue_arena *arena, struct fo_str text) {
    struct fo_str copy = {NULL, 0};
    char *bytes = catalogue_arena_alloc(arena, text.len + 1, 1);

    if (!bytes)
        return copy;
    if (text.len > 0)
        memcpy(bytes, text.ptr, text.len);
    copy.ptr = bytes;
    copy.len = text.len;
    return copy;
}

void catalogue_arena_done(struct catalogue_arena *arena) {
    while (arena->newest) {
        struct catalogue_chunk *older = arena->newest->older;
        free(arena->newest);
        arena->newest = older;
    }
}
