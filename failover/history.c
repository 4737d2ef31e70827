/* SPDX-License-Identifier: Apache-2.0 */
#include "failover/history.h"

#include <errno.h>

#include "failover/memory.h"

void fo_history_init(struct fo_history *history, uint32_t bound,
                     const struct fo_allocator *allocator) {
    memset(history, 0, sizeof *history);
    history->allocator = *allocator;
    history->bound = bound;
}

void fo_history_done(struct fo_history *history) {
    for (size_t i = 0; i < history->capacity; i++)
        fo_memory_free(&history->allocator, history->roots[i].concurrent);
    fo_memory_free(&history->allocator, history->roots);
}

static uint32_t slot_of(const struct fo_history *history, uint32_t index) {
    uint64_t slot = (uint64_t)history->first + index;

    return (uint32_t)(slot < history->bound ? slot : slot - history->bound);
}

const struct fo_history_root *fo_history_root_at(const struct fo_history *history, uint32_t index) {
    return &history->roots[slot_of(history, index)];
}

/* Room for one root more; the ring is not full, so it begins at 0 and can simply grow. */
static int reserve_root(struct fo_history *history) {
    size_t before = history->capacity;

    if (history->count == history->bound || history->count < history->capacity)
        return 0;
    struct fo_history_root *roots =
        fo_array_grow(&history->allocator, history->roots, &history->capacity,
                      (size_t)history->count + 1, sizeof *roots);
    if (!roots)
        return -ENOMEM;
    memset(roots + before, 0, (history->capacity - before) * sizeof *roots);
    history->roots = roots;
    return 0;
}

static int reserve_concurrent(struct fo_history *history, uint32_t index, size_t count) {
    struct fo_history_root *root = &history->roots[slot_of(history, index)];
    struct fo_history_entry *grown = fo_array_grow(
        &history->allocator, root->concurrent, &root->concurrent_capacity, count, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    root->concurrent = grown;
    return 0;
}

int fo_history_reserve(struct fo_history *history, uint32_t concurrent) {
    if (history->bound == 0)
        return 0;
    int rc = reserve_root(history);
    if (rc == 0 && history->count > 0) {
        uint32_t newest = history->count - 1;
        rc = reserve_concurrent(
            history, newest,
            (size_t)fo_history_root_at(history, newest)->entry.concurrent_count + concurrent);
    }
    if (rc == 0)
        rc = reserve_concurrent(history, history->count == history->bound ? 0 : history->count,
                                concurrent);
    return rc;
}

void fo_history_add_root(struct fo_history *history, const struct fo_history_entry *entry) {
    if (history->bound == 0)
        return;
    if (history->count == history->bound) {
        history->first = slot_of(history, 1);
        history->count--;
    }
    struct fo_history_root *root = &history->roots[slot_of(history, history->count++)];
    root->entry = *entry;
    root->entry.concurrent_count = 0;
}

void fo_history_add_concurrent(struct fo_history *history, const struct fo_history_entry *entry) {
    if (history->count == 0)
        return;
    struct fo_history_root *root = &history->roots[slot_of(history, history->count - 1)];
    root->concurrent[root->entry.concurrent_count++] = *entry;
}
