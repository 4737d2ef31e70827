/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/series.h"

#include <errno.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "exporter/base/clock.h"
#include "exporter/metrics/group.h"
#include "exporter/metrics/histogram.h"
#include "exporter/metrics/labeltext.h"
#include "exporter/metrics/overflow.h"

static void escape_counted(struct ex_metrics *metrics, struct ex_buffer *text,
                           struct fo_str value) {
    struct ex_label_repair repair = ex_label_escape(text, value, metrics->limits.value_bytes);

    atomic_fetch_add_explicit(&metrics->invalid_values, repair.invalid, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->cut_values, repair.cut, memory_order_relaxed);
}

void ex_series_append_label(struct ex_metrics *metrics, struct ex_buffer *text, struct fo_str name,
                            struct fo_str value) {
    if (value.len == 0)
        return;
    ex_label_start(text, name);
    escape_counted(metrics, text, value);
    ex_buffer_append_char(text, '"');
}

/* ---- the table of a group ---- */

static uint32_t hash_of(const struct ex_group *group, const struct ex_key *key) {
    uint64_t hash = group->metrics->seed ^ key->family->id;

    for (size_t i = 0; i < key->count; i++)
        hash = XXH3_64bits_withSeed(key->values[i].ptr, key->values[i].len, hash);
    return (uint32_t)(hash ^ hash >> 32);
}

/* Steps over `text` when it comes next. */
static bool eat(struct fo_str *rest, struct fo_str text) {
    if (rest->len < text.len || memcmp(rest->ptr, text.ptr, text.len) != 0)
        return false;
    rest->ptr += text.len;
    rest->len -= text.len;
    return true;
}

/* Compares without building the text of the key. */
static bool has_key(const struct ex_series *series, const struct ex_key *key) {
    struct fo_str rest = {series->labels, series->labels_len};

    if (series->cell->family != key->family)
        return false;
    for (size_t i = 0; i < key->count; i++) {
        if (key->values[i].len == 0)
            continue;
        if (rest.len < series->labels_len && !eat(&rest, fo_str_of(",")))
            return false;
        if (!eat(&rest, ex_key_name(key->family, i)) || !eat(&rest, fo_str_of("=\"")) ||
            !eat(&rest, key->values[i]) || !eat(&rest, fo_str_of("\"")))
            return false;
    }
    return rest.len == 0;
}

/* NULL: the family has no series here yet. */
static struct ex_cell *find_cell(const struct ex_group *group, const struct ex_family *family) {
    struct ex_cell *cell = atomic_load_explicit(&group->first_cell, memory_order_relaxed);

    if (group->last_cell && group->last_cell->family == family)
        return group->last_cell;
    while (cell && cell->family != family)
        cell = atomic_load_explicit(&cell->next, memory_order_relaxed);
    return cell;
}

static struct ex_series *find_in_cell(const struct ex_cell *cell, const struct ex_key *key,
                                      uint32_t hash) {
    struct ex_series *series = atomic_load_explicit(&cell->first, memory_order_relaxed);

    while (series && !(series->hash == hash && has_key(series, key)))
        series = atomic_load_explicit(&series->next, memory_order_relaxed);
    return series;
}

static struct ex_series *find_in_table(const struct ex_group *group, const struct ex_key *key,
                                       uint32_t hash) {
    for (uint32_t i = hash & group->slot_mask;; i = (i + 1) & group->slot_mask) {
        const struct ex_slot *slot = &group->slots[i];
        if (!slot->series || (slot->hash == hash && has_key(slot->series, key)))
            return slot->series;
    }
}

struct ex_series *ex_series_find(const struct ex_group *group, const struct ex_key *key) {
    uint32_t hash = hash_of(group, key);

    if (group->slots)
        return find_in_table(group, key, hash);
    const struct ex_cell *cell = find_cell(group, key->family);
    return cell ? find_in_cell(cell, key, hash) : NULL;
}

static void insert(struct ex_group *group, struct ex_series *series) {
    uint32_t i = series->hash & group->slot_mask;

    while (group->slots[i].series)
        i = (i + 1) & group->slot_mask;
    group->slots[i] = (struct ex_slot){series, series->hash};
}

static void insert_all(struct ex_group *group) {
    struct ex_cell *cell = atomic_load_explicit(&group->first_cell, memory_order_relaxed);

    for (; cell; cell = atomic_load_explicit(&cell->next, memory_order_relaxed)) {
        struct ex_series *series = atomic_load_explicit(&cell->first, memory_order_relaxed);
        for (; series; series = atomic_load_explicit(&series->next, memory_order_relaxed))
            insert(group, series);
    }
}

/* Keeps at least a fifth of the slots empty. */
static int reserve_slot(struct ex_group *group) {
    size_t count = group->slots ? (size_t)group->slot_mask + 1 : EX_TABLE_MIN_SERIES;

    if (group->series_count < EX_TABLE_MIN_SERIES ||
        (group->slots && ((size_t)group->series_count + 1) * 5 <= count * 4))
        return 0;
    if (count * 2 > UINT32_MAX)
        return -ENOMEM;
    void *base;
    struct ex_slot *slots = ex_large_alloc(count * 2 * sizeof *slots, &base);
    if (!slots)
        return -ENOMEM;
    free(group->slots_base);
    group->slots = slots;
    group->slots_base = base;
    group->slot_mask = (uint32_t)(count * 2 - 1);
    insert_all(group);
    return 0;
}

/* ---- cells ---- */

static bool fits(const struct ex_group *group, const struct ex_family *family) {
    if (group->label_count != family->spec.group_label_count)
        return false;
    for (size_t i = 0; i < group->label_count; i++) {
        if (!fo_str_equal(group->label_names[i], fo_str_of(family->spec.labels[i])))
            return false;
    }
    return true;
}

int ex_group_cell(struct ex_group *group, struct ex_family *family, struct ex_cell **ret_cell) {
    struct ex_cell *cell = find_cell(group, family);

    if (!cell) {
        if (!fits(group, family))
            return -EINVAL;
        cell = ex_arena_alloc(&group->arena, sizeof *cell);
        if (!cell)
            return -ENOMEM;
        cell->family = family;
        cell->group = group;
        atomic_store_explicit(group->last_cell ? &group->last_cell->next : &group->first_cell, cell,
                              memory_order_release);
        group->last_cell = cell;
    }
    *ret_cell = cell;
    return 0;
}

/* ---- creation ---- */

static int label_text(const struct ex_key *key, struct ex_buffer *text) {
    for (size_t i = 0; i < key->count; i++) {
        if (key->values[i].len == 0)
            continue;
        ex_label_start(text, ex_key_name(key->family, i));
        ex_buffer_append_str(text, key->values[i]);
        ex_buffer_append_char(text, '"');
    }
    return text->failure;
}

static struct ex_series *new_series(struct ex_cell *cell, const struct ex_key *key,
                                    struct fo_str labels) {
    struct ex_series *series = ex_arena_alloc(&cell->group->arena, sizeof *series + labels.len);

    if (!series)
        return NULL;
    series->cell = cell;
    series->hash = hash_of(cell->group, key);
    series->labels_len = (uint16_t)labels.len;
    if (labels.len > 0)
        memcpy(series->labels, labels.ptr, labels.len);
    atomic_init(&series->start_ms, ex_clock_wall_ms());
    if (cell->family->spec.type == EX_INFO)
        atomic_init(&series->value, ex_bits_of(1));
    return series;
}

/* Makes a finished series known: to the table, to the limits and, last, to the scraper. */
static void join(struct ex_cell *cell, struct ex_series *series) {
    struct ex_group *group = cell->group;
    size_t lines = cell->family->series_weight;
    bool opened = ex_group_open(group);

    if (group->slots)
        insert(group, series);
    group->series_count++;
    cell->count++;
    atomic_fetch_add_explicit(&cell->family->series, lines, memory_order_relaxed);
    atomic_fetch_add_explicit(&group->metrics->series, lines, memory_order_relaxed);
    atomic_store_explicit(cell->last ? &cell->last->next : &cell->first, series,
                          memory_order_release);
    cell->last = series;
    ex_openings_note(cell, series);
    ex_group_close(group, opened);
}

int ex_series_create(struct ex_group *group, const struct ex_key *key,
                     struct ex_series **ret_series) {
    struct ex_cell *cell;
    struct ex_buffer text;
    struct ex_series *series = NULL;
    int failed = ex_group_cell(group, key->family, &cell);

    if (failed)
        return failed;
    ex_buffer_init(&text, UINT16_MAX);
    if (label_text(key, &text) == 0 && reserve_slot(group) == 0)
        series = new_series(cell, key, ex_buffer_str(&text));
    ex_buffer_done(&text);
    if (!series)
        return -ENOMEM;
    if (cell->family->spec.type == EX_HISTOGRAM)
        failed = ex_histogram_init(series);
    if (failed)
        return failed; /* its memory waits in the arena for the end of the group */
    join(cell, series);
    ex_group_count_bytes(group);
    *ret_series = series;
    return 0;
}

/* ---- lookup ---- */

static int find_or_create(struct ex_group *group, const struct ex_key *key,
                          struct ex_series **ret_series) {
    struct ex_series *series = ex_series_find(group, key);

    if (!series)
        return ex_overflow_create(group, key, ret_series);
    *ret_series = series;
    return 0;
}

/* For values that are not plain: goes on with their escaped forms. */
static int find_escaped(struct ex_group *group, const struct ex_key *key,
                        struct ex_series **ret_series) {
    struct fo_str escaped[EX_LABELS_MAX];
    struct ex_key clean = {key->family, escaped, key->count};
    size_t ends[EX_LABELS_MAX];
    struct ex_buffer text;

    ex_buffer_init(&text, SIZE_MAX / 2);
    for (size_t i = 0; i < key->count; i++) {
        escape_counted(group->metrics, &text, key->values[i]);
        ends[i] = text.len;
    }
    for (size_t i = 0, start = 0; i < key->count; start = ends[i++])
        escaped[i] = (struct fo_str){ex_buffer_text(&text) + start, ends[i] - start};
    int failed = text.failure ? -ENOMEM : find_or_create(group, &clean, ret_series);
    ex_buffer_done(&text);
    return failed;
}

int ex_group_series(struct ex_group *group, struct ex_family *family, const struct fo_str *values,
                    struct ex_series **ret_series) {
    struct ex_key key = {.family = family, .values = values};

    key.count = family->spec.label_count - family->spec.group_label_count;
    for (size_t i = 0; i < key.count; i++) {
        if (!ex_label_is_plain(values[i], group->metrics->limits.value_bytes))
            return find_escaped(group, &key, ret_series);
    }
    return find_or_create(group, &key, ret_series);
}

/* ---- what only some series have ---- */

int ex_series_extra(struct ex_series *series, struct ex_extra **ret_extra) {
    struct ex_extra *extra = atomic_load_explicit(&series->extra, memory_order_relaxed);

    if (!extra) {
        extra = ex_arena_alloc(&series->cell->group->arena, sizeof *extra);
        if (!extra)
            return -ENOMEM;
        atomic_store_explicit(&series->extra, extra, memory_order_release);
    }
    *ret_extra = extra;
    return 0;
}

struct ex_words *ex_track_reserve(struct ex_series *series, struct ex_track *track,
                                  size_t capacity) {
    struct ex_words *old = atomic_load_explicit(&track->live, memory_order_relaxed);

    if (old && old->capacity >= capacity)
        return old;
    struct ex_words *words = ex_arena_alloc(&series->cell->group->arena,
                                            sizeof *words + capacity * sizeof words->word[0]);
    if (!words)
        return NULL;
    words->capacity = (uint32_t)capacity;
    uint_fast32_t used = old ? atomic_load_explicit(&old->used, memory_order_relaxed) : 0;
    for (size_t i = 0; i < used; i++)
        atomic_init(&words->word[i], atomic_load_explicit(&old->word[i], memory_order_relaxed));
    atomic_init(&words->used, used);
    atomic_store_explicit(&track->live, words, memory_order_release);
    return words;
}
