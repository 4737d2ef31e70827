/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/group.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/metrics/overflow.h"
#include "exporter/metrics/page.h"
#include "exporter/metrics/series.h"

/* Copies the names, which later tell whether a family fits, and the escaped labels. */
static int copy_labels(struct ex_group *group, const struct fo_label *labels, size_t count) {
    struct ex_arena *arena = &group->arena;
    struct ex_buffer text;

    group->label_names = ex_arena_alloc(arena, sizeof *group->label_names * (count + 1));
    if (!group->label_names)
        return -ENOMEM;
    ex_buffer_init(&text, SIZE_MAX / 2);
    for (size_t i = 0; i < count; i++) {
        int failed = ex_arena_copy(arena, labels[i].key, &group->label_names[i]);
        if (failed)
            text.failure = failed;
        ex_series_append_label(group->metrics, &text, labels[i].key, labels[i].value);
    }
    group->label_count = (uint32_t)count;
    int failed =
        text.failure ? -ENOMEM : ex_arena_copy(arena, ex_buffer_str(&text), &group->labels);
    ex_buffer_done(&text);
    return failed;
}

static int check_limit(struct ex_metrics *metrics) {
    size_t before = atomic_fetch_add(&metrics->group_count, 1);

    if (before < metrics->limits.groups)
        return 0;
    atomic_fetch_sub(&metrics->group_count, 1);
    return -ENOSPC;
}

void ex_group_count_bytes(struct ex_group *group) {
    size_t slots = group->slots ? (size_t)group->slot_mask + 1 : 0;
    size_t bytes = sizeof *group + group->arena.size_bytes + slots * sizeof *group->slots;

    /* Groups hardly ever shrink; the sum is right when they do, because it wraps back. */
    atomic_fetch_add_explicit(&group->metrics->bytes, bytes - group->counted_bytes,
                              memory_order_relaxed);
    group->counted_bytes = bytes;
}

/* A group that is already among those that the limit knows. */
static int new_group(struct ex_metrics *metrics, const struct fo_label *labels, size_t label_count,
                     struct ex_group *old, struct ex_group **ret_group) {
    struct ex_group *group = calloc(1, sizeof *group);
    if (!group) {
        atomic_fetch_sub(&metrics->group_count, 1);
        return -ENOMEM;
    }
    group->metrics = metrics;
    group->old = old;
    group->arena.first_bytes = atomic_load_explicit(&metrics->group_bytes, memory_order_relaxed);
    int failed = copy_labels(group, labels, label_count);
    ex_group_count_bytes(group);
    if (failed) {
        ex_group_free(group);
        return failed;
    }
    *ret_group = group;
    return 0;
}

int ex_group_new(struct ex_metrics *metrics, const struct fo_label *labels, size_t label_count,
                 struct ex_group *old, struct ex_group **ret_group) {
    int failed = check_limit(metrics);

    return failed ? failed : new_group(metrics, labels, label_count, old, ret_group);
}

int ex_group_new_spare(struct ex_metrics *metrics, const struct fo_label *labels,
                       size_t label_count, struct ex_group **ret_group) {
    atomic_fetch_add(&metrics->group_count, 1);
    int failed = new_group(metrics, labels, label_count, NULL, ret_group);

    if (!failed)
        (*ret_group)->spare = true;
    return failed;
}

int ex_group_new_live(struct ex_metrics *metrics, struct ex_group **ret_group) {
    struct ex_group *group;
    int failed = ex_group_new(metrics, NULL, 0, NULL, &group);

    if (failed)
        return failed;
    group->live = true;
    ex_group_begin(group);
    ex_group_publish(group);
    *ret_group = group;
    return 0;
}

static void free_cell(struct ex_cell *cell) {
    struct ex_series *series = atomic_load_explicit(&cell->first, memory_order_relaxed);

    for (; series; series = atomic_load_explicit(&series->next, memory_order_relaxed)) {
        struct ex_extra *extra = atomic_load_explicit(&series->extra, memory_order_relaxed);
        if (extra) {
            free(extra->histogram.shown);
            free(extra->exemplar.shown);
        }
    }
    ex_openings_free(cell->seen);
}

void ex_group_free(struct ex_group *group) {
    struct ex_cell *cell = atomic_load_explicit(&group->first_cell, memory_order_relaxed);

    for (; cell; cell = atomic_load_explicit(&cell->next, memory_order_relaxed))
        free_cell(cell);
    atomic_fetch_sub(&group->metrics->group_count, 1);
    atomic_fetch_sub_explicit(&group->metrics->bytes, group->counted_bytes, memory_order_relaxed);
    ex_arena_done(&group->arena);
    free(group->slots_base);
    free(group);
}

/* ---- brackets ---- */

bool ex_group_open(struct ex_group *group) {
    uint64_t version = atomic_load_explicit(&group->version, memory_order_relaxed);

    if (version % 2 == 1)
        return false;
    atomic_store_explicit(&group->version, version + 1, memory_order_relaxed);
    return true;
}

void ex_group_close(struct ex_group *group, bool opened) {
    if (opened)
        atomic_fetch_add_explicit(&group->version, 1, memory_order_release);
}

void ex_group_begin(struct ex_group *group) {
    (void)ex_group_open(group);
}

static void push_retired(struct ex_group *group) {
    struct ex_metrics *metrics = group->metrics;
    struct ex_group *top = atomic_load(&metrics->retired);

    do {
        group->next_retired = top;
    } while (!atomic_compare_exchange_weak(&metrics->retired, &top, group));
}

static void push_added(struct ex_group *group) {
    struct ex_metrics *metrics = group->metrics;
    struct ex_group *top = atomic_load(&metrics->added);

    do {
        group->next_added = top;
    } while (!atomic_compare_exchange_weak(&metrics->added, &top, group));
}

/* The limits let go of a group's series when its writer does, not when the scraper gets to it. */
static void release_series(struct ex_group *group) {
    struct ex_cell *cell = atomic_load_explicit(&group->first_cell, memory_order_relaxed);

    for (; cell; cell = atomic_load_explicit(&cell->next, memory_order_relaxed)) {
        size_t lines = cell->count * cell->family->series_weight;
        atomic_fetch_sub_explicit(&cell->family->series, lines, memory_order_relaxed);
        atomic_fetch_sub_explicit(&group->metrics->series, lines, memory_order_relaxed);
    }
}

/* Jobs are much alike: the next group starts with the memory that this one came to. */
static void remember_size(struct ex_group *group) {
    size_t size = group->arena.used_bytes;

    if (group->live)
        return;
    if (size > EX_FIRST_BLOCK_MAX_BYTES)
        size = EX_FIRST_BLOCK_MAX_BYTES;
    atomic_store_explicit(&group->metrics->group_bytes, size, memory_order_relaxed);
}

void ex_group_publish(struct ex_group *group) {
    uint64_t version = atomic_load_explicit(&group->version, memory_order_relaxed);

    ex_group_close(group, version % 2 == 1);
    if (group->announced)
        return;
    group->announced = true;
    remember_size(group);
    if (group->old) {
        release_series(group->old);
        if (!group->old->announced) {
            ex_group_free(group->old);
            group->old = NULL;
        }
    }
    bool replaces = group->old != NULL;
    push_added(group);
    if (replaces)
        ex_metrics_tidy(group->metrics);
}

void ex_group_retire(struct ex_group *group) {
    if (!group)
        return;
    struct ex_metrics *metrics = group->metrics;
    release_series(group);
    if (!group->announced) {
        ex_group_free(group);
        return;
    }
    push_retired(group);
    ex_metrics_tidy(metrics);
}

/* ---- the scraper's end of the stacks ---- */

/* Appends what was pushed, the oldest first, to those that still wait. */
static void take_added(struct ex_metrics *metrics) {
    struct ex_group *newest = atomic_exchange(&metrics->added, NULL);
    struct ex_group *oldest = NULL;
    struct ex_group **end = &metrics->waiting;

    while (newest) {
        struct ex_group *next = newest->next_added;
        newest->next_added = oldest;
        oldest = newest;
        newest = next;
    }
    while (*end)
        end = &(*end)->next_added;
    *end = oldest;
}

static void drop(struct ex_metrics *metrics, struct ex_group *group) {
    ex_page_remove(metrics->page, group);
    ex_group_free(group);
}

/* Added ones first: a group whose writer retired an older one of the same name before it is never
 * on the page together with that. One that was added and retired since the first stack was taken is
 * not known yet: it waits for the next time. */
int ex_metrics_take_in(struct ex_metrics *metrics) {
    int failed = 0;

    take_added(metrics);
    struct ex_group *retired = atomic_exchange(&metrics->retired, NULL);
    while (metrics->waiting && !failed) {
        struct ex_group *group = metrics->waiting;
        failed = ex_page_add(metrics->page, group);
        if (failed)
            break;
        metrics->waiting = group->next_added;
        if (group->old)
            drop(metrics, group->old);
        group->old = NULL;
    }
    while (retired) {
        struct ex_group *next = retired->next_retired;
        if (retired->chunk)
            drop(metrics, retired);
        else
            push_retired(retired);
        retired = next;
    }
    return failed;
}

/* So that retired groups do not pile up while nobody scrapes. Whoever holds the lock does it
 * otherwise, at the latest at the next scrape. */
void ex_metrics_tidy(struct ex_metrics *metrics) {
    if (pthread_mutex_trylock(&metrics->scrape_lock) != 0)
        return;
    (void)ex_metrics_take_in(metrics);
    (void)pthread_mutex_unlock(&metrics->scrape_lock);
}

void ex_groups_free(struct ex_metrics *metrics) {
    if (!metrics->page)
        return;
    (void)ex_metrics_take_in(metrics);
    ex_page_drain(metrics->page, ex_group_free);
    while (metrics->waiting) {
        struct ex_group *next = metrics->waiting->next_added;
        ex_group_free(metrics->waiting);
        metrics->waiting = next;
    }
}
