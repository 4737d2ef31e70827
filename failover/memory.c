/* SPDX-License-Identifier: Apache-2.0 */
#include "failover/memory.h"

#include <stdlib.h>

static void *resize_with_libc(void *ctx, void *memory, size_t size) {
    (void)ctx;
    if (size == 0) {
        free(memory);
        return NULL;
    }
    return realloc(memory, size);
}

struct fo_allocator fo_allocator_or_default(const struct fo_allocator *allocator) {
    static const struct fo_allocator libc = {.resize = resize_with_libc};

    return allocator ? *allocator : libc;
}

void *fo_array_new(const struct fo_allocator *allocator, size_t count, size_t item_bytes) {
    size_t bytes = 0;

    if (__builtin_mul_overflow(count ? count : 1, item_bytes, &bytes))
        return NULL;
    void *array = allocator->resize(allocator->ctx, NULL, bytes);
    if (array)
        memset(array, 0, bytes);
    return array;
}

void fo_memory_free(const struct fo_allocator *allocator, void *memory) {
    if (memory)
        (void)allocator->resize(allocator->ctx, memory, 0);
}

void *fo_array_grow(const struct fo_allocator *allocator, void *array, size_t *capacity,
                    size_t want, size_t item_bytes) {
    size_t items = *capacity + *capacity / 2;
    size_t bytes = 0;

    if (array && want <= *capacity)
        return array;
    if (items < want || items == 0)
        items = want ? want : 1;
    if (__builtin_mul_overflow(items, item_bytes, &bytes))
        return NULL;
    void *grown = allocator->resize(allocator->ctx, array, bytes);
    if (grown)
        *capacity = items;
    return grown;
}
