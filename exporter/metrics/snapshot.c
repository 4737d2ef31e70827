/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/snapshot.h"

#include <errno.h>
#include <stdlib.h>

enum { LOOKS = 64, TRACKS_FOLLOW = 1 << 8, PREFETCH_BYTES = 2048 };

struct ex_counted {
    struct ex_cell *cell;
    uint32_t count;
};

void ex_snapshot_done(struct ex_snapshot *snapshot) {
    free(snapshot->cells);
    free(snapshot->words);
    *snapshot = (struct ex_snapshot){0};
}

/* ---- gathering ---- */

static int reserve_words(struct ex_snapshot *snapshot, size_t count) {
    if (snapshot->word_capacity - snapshot->word_count >= count)
        return 0;
    size_t capacity = 2 * snapshot->word_capacity + count + 1024;
    uint64_t *words = realloc(snapshot->words, capacity * sizeof *words);
    if (!words)
        return -ENOMEM;
    snapshot->words = words;
    snapshot->word_capacity = capacity;
    return 0;
}

static int add_cell(struct ex_snapshot *snapshot, struct ex_cell *cell) {
    if (snapshot->cell_count == snapshot->cell_capacity) {
        size_t capacity = snapshot->cell_capacity ? snapshot->cell_capacity * 2 : 64;
        struct ex_counted *cells = realloc(snapshot->cells, capacity * sizeof *cells);
        if (!cells)
            return -ENOMEM;
        snapshot->cells = cells;
        snapshot->cell_capacity = capacity;
    }
    snapshot->cells[snapshot->cell_count++] = (struct ex_counted){.cell = cell};
    return 0;
}

/* The length, then the words. */
static int gather_track(struct ex_snapshot *snapshot, struct ex_track *track) {
    struct ex_words *words = atomic_load_explicit(&track->live, memory_order_acquire);
    size_t used = words ? atomic_load_explicit(&words->used, memory_order_acquire) : 0;
    int failed = reserve_words(snapshot, used + 1);

    if (failed)
        return failed;
    snapshot->words[snapshot->word_count++] = used;
    for (size_t i = 0; i < used; i++) {
        snapshot->words[snapshot->word_count++] =
            atomic_load_explicit(&words->word[i], memory_order_acquire);
    }
    return 0;
}

/* The value; then the marks, and above them whether tracks follow. */
static int gather_series(struct ex_snapshot *snapshot, struct ex_series *series) {
    struct ex_extra *extra = atomic_load_explicit(&series->extra, memory_order_acquire);
    uint64_t marks = atomic_load_explicit(&series->marks, memory_order_acquire);
    int failed = reserve_words(snapshot, 2);

    if (failed)
        return failed;
    snapshot->words[snapshot->word_count++] =
        atomic_load_explicit(&series->value, memory_order_acquire);
    snapshot->words[snapshot->word_count++] = marks | (extra ? TRACKS_FOLLOW : 0);
    if (!extra)
        return 0;
    failed = gather_track(snapshot, &extra->histogram);
    return failed ? failed : gather_track(snapshot, &extra->exemplar);
}

static int gather(struct ex_snapshot *snapshot, struct ex_group *group, size_t family_count) {
    struct ex_cell *cell = atomic_load_explicit(&group->first_cell, memory_order_acquire);

    snapshot->cell_count = 0;
    snapshot->word_count = 0;
    snapshot->skipped = false;
    for (; cell; cell = atomic_load_explicit(&cell->next, memory_order_acquire)) {
        if (cell->family->id >= family_count) {
            snapshot->skipped = true;
            continue;
        }
        if (cell->family->left_out)
            continue;
        int failed = add_cell(snapshot, cell);
        struct ex_series *series = atomic_load_explicit(&cell->first, memory_order_acquire);
        while (series && !failed) {
            failed = gather_series(snapshot, series);
            snapshot->cells[snapshot->cell_count - 1].count++;
            /* the series of a group lie behind each other */
            __builtin_prefetch((const char *)series + PREFETCH_BYTES);
            series = atomic_load_explicit(&series->next, memory_order_acquire);
        }
        if (failed)
            return failed;
    }
    return 0;
}

/* ---- taking over ---- */

static int take_track(struct ex_track *track, const uint64_t **at, bool *changed) {
    size_t len = *(*at)++;
    const uint64_t *words = *at;

    *at += len;
    if (len == 0 ||
        (track->shown_len == len && memcmp(track->shown, words, len * sizeof *words) == 0))
        return 0;
    if (len > track->shown_len) {
        uint64_t *shown = realloc(track->shown, len * sizeof *shown);
        if (!shown)
            return -ENOMEM;
        track->shown = shown;
    }
    memcpy(track->shown, words, len * sizeof *words);
    track->shown_len = len;
    *changed = true;
    return 0;
}

static int take_series(struct ex_series *series, const uint64_t **at, bool *changed) {
    uint64_t value = *(*at)++;
    uint64_t more = *(*at)++;
    uint8_t marks = more & UINT8_MAX;

    if (series->shown != value || series->shown_marks != marks) {
        series->shown = value;
        series->shown_marks = marks;
        *changed = true;
    }
    if (!(more & TRACKS_FOLLOW))
        return 0;
    struct ex_extra *extra = atomic_load_explicit(&series->extra, memory_order_acquire);
    int failed = take_track(&extra->histogram, at, changed);
    return failed ? failed : take_track(&extra->exemplar, at, changed);
}

/* The series of a cell that were counted are its first ones; later ones wait. */
static int take_cell(const struct ex_counted *counted, const uint64_t **at, bool *changed) {
    struct ex_cell *cell = counted->cell;
    struct ex_series *series = atomic_load_explicit(&cell->first, memory_order_acquire);
    int failed = 0;

    *changed = cell->shown_count != counted->count;
    for (uint32_t i = 0; i < counted->count && !failed; i++) {
        failed = take_series(series, at, changed);
        series = atomic_load_explicit(&series->next, memory_order_acquire);
    }
    if (!failed)
        cell->shown_count = counted->count;
    return failed;
}

int ex_snapshot_take(struct ex_snapshot *snapshot, struct ex_group *group, size_t family_count,
                     void (*changed)(void *arg, const struct ex_cell *cell), void *arg) {
    uint64_t version = 0;
    bool whole = false;

    for (int look = 0; look < LOOKS && !whole; look++) {
        version = atomic_load_explicit(&group->version, memory_order_acquire);
        if (version == group->seen_version && !group->live)
            return 0;
        if (version % 2 == 1)
            continue;
        int failed = gather(snapshot, group, family_count);
        if (failed)
            return failed;
        whole = atomic_load_explicit(&group->version, memory_order_relaxed) == version;
    }
    const uint64_t *at = snapshot->words;
    for (size_t i = 0; whole && i < snapshot->cell_count; i++) {
        bool different;
        int failed = take_cell(&snapshot->cells[i], &at, &different);
        if (different)
            changed(arg, snapshot->cells[i].cell);
        if (failed)
            return failed;
    }
    if (whole && !snapshot->skipped)
        group->seen_version = version;
    return 0;
}
