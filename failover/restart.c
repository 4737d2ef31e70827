/* SPDX-License-Identifier: Apache-2.0 */
#include "failover/restart.h"

#include <errno.h>

#include "failover/memory.h"

void fo_restarts_init(struct fo_restarts *restarts, const struct fo_allocator *allocator) {
    memset(restarts, 0, sizeof *restarts);
    restarts->allocator = *allocator;
}

void fo_restarts_done(struct fo_restarts *restarts) {
    for (size_t i = 0; i < restarts->capacity; i++)
        fo_memory_free(&restarts->allocator, restarts->items[i].runs);
    fo_memory_free(&restarts->allocator, restarts->items);
    fo_memory_free(&restarts->allocator, restarts->heap);
}

/* ---- the heap of due times --------------------------------------------------------------- */

/* Ties break by the order of the decisions. */
static bool is_earlier(struct fo_due a, struct fo_due b) {
    return a.due_ms != b.due_ms ? a.due_ms < b.due_ms : a.serial < b.serial;
}

static void heap_push(struct fo_restarts *restarts, struct fo_due due) {
    uint32_t at = restarts->heap_count++;

    while (at > 0 && is_earlier(due, restarts->heap[(at - 1) / 2])) {
        restarts->heap[at] = restarts->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    restarts->heap[at] = due;
}

static void heap_pop(struct fo_restarts *restarts) {
    struct fo_due last = restarts->heap[--restarts->heap_count];
    uint32_t count = restarts->heap_count;
    uint32_t at = 0;

    for (uint32_t child = 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && is_earlier(restarts->heap[child + 1], restarts->heap[child]))
            child++;
        if (!is_earlier(restarts->heap[child], last))
            break;
        restarts->heap[at] = restarts->heap[child];
        at = child;
    }
    restarts->heap[at] = last;
}

int64_t fo_restarts_next_ms(const struct fo_restarts *restarts) {
    return restarts->heap_count > 0 ? restarts->heap[0].due_ms : FO_NEVER;
}

/* ---- the list ---------------------------------------------------------------------------- */

int fo_restarts_reserve(struct fo_restarts *restarts, size_t run_count) {
    size_t before = restarts->capacity;
    struct fo_restart *items =
        fo_array_grow(&restarts->allocator, restarts->items, &restarts->capacity,
                      (size_t)restarts->count + 1, sizeof *items);
    if (!items)
        return -ENOMEM;
    restarts->items = items;
    memset(items + before, 0, (restarts->capacity - before) * sizeof *items);
    struct fo_due *heap =
        fo_array_grow(&restarts->allocator, restarts->heap, &restarts->heap_capacity,
                      (size_t)restarts->heap_count + restarts->count + 1, sizeof *heap);
    if (!heap)
        return -ENOMEM;
    restarts->heap = heap;
    struct fo_restart *next = &items[restarts->count];
    struct fo_task_range *runs = fo_array_grow(&restarts->allocator, next->runs,
                                               &next->run_capacity, run_count, sizeof *runs);
    if (!runs)
        return -ENOMEM;
    next->runs = runs;
    return 0;
}

uint32_t fo_restarts_count_runs(struct fo_task_list tasks) {
    uint32_t runs = tasks.count > 0;

    for (uint32_t i = 1; i < tasks.count; i++)
        runs += tasks.tasks[i] != tasks.tasks[i - 1] + 1;
    return runs;
}

struct fo_restart *fo_restarts_add(struct fo_restarts *restarts, uint64_t serial, int64_t due_ms,
                                   struct fo_task_list tasks) {
    struct fo_restart *restart = &restarts->items[restarts->count++];
    struct fo_task_range *run = restart->runs;

    *run = (struct fo_task_range){tasks.tasks[0], 1};
    for (uint32_t i = 1; i < tasks.count; i++) {
        if (tasks.tasks[i] == run->first + run->count)
            run->count++;
        else
            *++run = (struct fo_task_range){tasks.tasks[i], 1};
    }
    restart->run_count = (uint32_t)(run - restart->runs) + 1;
    restart->serial = serial;
    restart->is_over = false;
    restart->due_ms = due_ms;
    restart->owned = tasks.count;
    restart->live = 0;
    restart->overtaken_live = 0;
    restarts->waiting += tasks.count;
    heap_push(restarts, (struct fo_due){due_ms, serial});
    return restart;
}

struct fo_restart *fo_restarts_find(struct fo_restarts *restarts, uint64_t serial) {
    uint32_t low = 0;
    uint32_t high = restarts->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (restarts->items[middle].serial < serial)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == restarts->count || restarts->items[low].serial != serial ||
        restarts->items[low].owned == 0)
        return NULL;
    return &restarts->items[low];
}

void fo_restarts_forget(struct fo_restarts *restarts, struct fo_restart *restart) {
    restarts->waiting -= restart->owned;
    restarts->overtaken_live -= restart->overtaken_live;
    restarts->over -= restart->is_over;
    restarts->forgotten++;
    restart->owned = 0;
    restart->overtaken_live = 0;
    restart->is_over = false;
}

void fo_restarts_forget_all(struct fo_restarts *restarts) {
    for (uint32_t i = 0; i < restarts->count; i++) {
        if (restarts->items[i].owned > 0)
            fo_restarts_forget(restarts, &restarts->items[i]);
    }
}

/* Whether the heap should know it: not what is over and waits for tasks to end. */
static bool is_timed(const struct fo_restart *restart) {
    return !restart->is_over || restart->live == 0;
}

void fo_restarts_trim(struct fo_restarts *restarts) {
    uint32_t kept = 0;

    while (restarts->heap_count > 0 && !fo_restarts_find(restarts, restarts->heap[0].serial))
        heap_pop(restarts);
    if (restarts->forgotten <= restarts->count / 2)
        return;
    restarts->heap_count = 0;
    for (uint32_t i = 0; i < restarts->count; i++) {
        struct fo_restart moved = restarts->items[i];
        if (moved.owned == 0)
            continue;
        restarts->items[i] = restarts->items[kept];
        restarts->items[kept++] = moved;
        if (is_timed(&moved))
            heap_push(restarts, (struct fo_due){moved.due_ms, moved.serial});
    }
    restarts->count = kept;
    restarts->forgotten = 0;
}

/* ---- owners and the living --------------------------------------------------------------- */

void fo_restarts_overtake(struct fo_restarts *restarts, uint64_t serial, bool is_live) {
    struct fo_restart *restart = fo_restarts_find(restarts, serial);

    if (!restart)
        return;
    restart->owned--;
    restarts->waiting--;
    if (is_live) {
        restart->overtaken_live++;
        restarts->overtaken_live++;
    }
    if (restart->owned == 0)
        fo_restarts_forget(restarts, restart);
}

static bool has_task(const struct fo_restart *restart, uint32_t task) {
    uint32_t low = 0;
    uint32_t high = restart->run_count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (restart->runs[middle].first <= task)
            low = middle;
        else
            high = middle;
    }
    return task - restart->runs[low].first < restart->runs[low].count;
}

static void note_end(struct fo_restarts *restarts, struct fo_restart *restart) {
    restart->live--;
    if (restart->live == 0 && restart->is_over)
        heap_push(restarts, (struct fo_due){restart->due_ms, restart->serial});
}

void fo_restarts_task_ended(struct fo_restarts *restarts, uint32_t task, uint64_t cancelled_by,
                            uint64_t serial) {
    struct fo_restart *owner = fo_restarts_find(restarts, serial);

    if (owner)
        note_end(restarts, owner);
    for (uint32_t i = 0; restarts->overtaken_live > 0 && i < restarts->count; i++) {
        struct fo_restart *earlier = &restarts->items[i];
        if (earlier->overtaken_live > 0 && earlier != owner && earlier->serial >= cancelled_by &&
            has_task(earlier, task)) {
            earlier->overtaken_live--;
            restarts->overtaken_live--;
            note_end(restarts, earlier);
        }
    }
}

struct fo_restart *fo_restarts_next_due(struct fo_restarts *restarts, int64_t now_ms) {
    while (restarts->heap_count > 0 && restarts->heap[0].due_ms <= now_ms) {
        struct fo_restart *restart = fo_restarts_find(restarts, restarts->heap[0].serial);
        heap_pop(restarts);
        if (!restart)
            continue;
        if (restart->live == 0)
            return restart;
        restarts->over += !restart->is_over;
        restart->is_over = true;
    }
    return NULL;
}
