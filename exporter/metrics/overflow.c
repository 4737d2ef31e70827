/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/overflow.h"

#include <errno.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/metrics/labeltext.h"

enum { WARN_EVERY_MS = 60 * 1000 };

static const struct fo_str overflow_value = {"__overflow__", 12};

/* The distinct values of one label in one cell, by their hash: two values of one hash count as one,
 * which costs nothing but an exact limit. */
struct value_set {
    uint64_t *slots; /* owned; 0 = empty */
    size_t slot_count;
    size_t count;
};

struct ex_openings {
    size_t spare_rows; /* beyond the limits */
    struct value_set
        labels[EX_LABELS_MAX]; /* of the family's own labels; only open ones are used */
};

static uint64_t value_hash(const struct ex_cell *cell, struct fo_str value) {
    uint64_t hash = XXH3_64bits_withSeed(value.ptr, value.len, cell->group->metrics->seed);

    return hash ? hash : 1;
}

static uint64_t *set_slot(const struct value_set *set, uint64_t hash) {
    size_t i = hash & (set->slot_count - 1);

    while (set->slots[i] && set->slots[i] != hash)
        i = (i + 1) & (set->slot_count - 1);
    return &set->slots[i];
}

static bool set_has(const struct value_set *set, uint64_t hash) {
    return set->count > 0 && *set_slot(set, hash) == hash;
}

static bool set_grow(struct value_set *set) {
    struct value_set grown = {.slot_count = set->slot_count ? set->slot_count * 2 : 64};

    grown.slots = calloc(grown.slot_count, sizeof *grown.slots);
    if (!grown.slots)
        return false;
    for (size_t i = 0; i < set->slot_count; i++) {
        if (set->slots[i])
            *set_slot(&grown, set->slots[i]) = set->slots[i];
    }
    grown.count = set->count;
    free(set->slots);
    *set = grown;
    return true;
}

/* Without memory a value is forgotten: it may then be found at fault a little early. */
static void set_add(struct value_set *set, uint64_t hash) {
    if (set->count * 4 >= set->slot_count * 3 && !set_grow(set))
        return;
    uint64_t *slot = set_slot(set, hash);
    if (*slot == 0) {
        *slot = hash;
        set->count++;
    }
}

void ex_openings_free(struct ex_openings *openings) {
    for (size_t i = 0; openings && i < EX_LABELS_MAX; i++)
        free(openings->labels[i].slots);
    free(openings);
}

/* The value of label `name` in escaped labels; empty when it is not there. */
static struct fo_str value_of(struct fo_str labels, struct fo_str name) {
    struct fo_str found;
    struct fo_str value;

    while (ex_label_next(&labels, &found, &value)) {
        if (fo_str_equal(found, name))
            return value;
    }
    return (struct fo_str){0};
}

void ex_openings_note(struct ex_cell *cell, const struct ex_series *series) {
    const struct ex_family *family = cell->family;
    size_t own = family->spec.label_count - family->spec.group_label_count;

    for (size_t i = 0; cell->seen && i < own; i++) {
        struct fo_str labels = {series->labels, series->labels_len};
        if (ex_key_is_open(family, i))
            set_add(&cell->seen->labels[i],
                    value_hash(cell, value_of(labels, ex_key_name(family, i))));
    }
}

/* Starts to remember values: not before the number of series makes a limit possible. */
static int start_noting(struct ex_cell *cell) {
    cell->seen = calloc(1, sizeof *cell->seen);
    if (!cell->seen)
        return -ENOMEM;
    struct ex_series *series = atomic_load_explicit(&cell->first, memory_order_relaxed);
    for (; series; series = atomic_load_explicit(&series->next, memory_order_relaxed))
        ex_openings_note(cell, series);
    return 0;
}

/* A key whose values may be replaced. */
struct changed_key {
    struct ex_key key;
    struct fo_str values[EX_LABELS_MAX]; /* what key.values points to */
};

/* Tells people which label it was; not more often than once a minute, whatever comes in. */
static void warn(const struct ex_cell *cell, size_t label, struct fo_str value) {
    struct ex_metrics *metrics = cell->group->metrics;
    int64_t now_ms = ex_clock_ms();
    int64_t warned_ms = atomic_load_explicit(&metrics->warned_ms, memory_order_relaxed);

    if (warned_ms != 0 && now_ms - warned_ms < WARN_EVERY_MS)
        return;
    if (!atomic_compare_exchange_strong(&metrics->warned_ms, &warned_ms, now_ms))
        return;
    ex_log(EX_LOG_WARN, "A metric reached a limit: this label goes to its overflow row.",
           EX_STR("family", cell->family->name), EX_STR("label", ex_key_name(cell->family, label)),
           EX_STR("value", value));
}

/* Replaces each value that is new to a label which has no room for one. */
static bool replace_full_labels(const struct ex_cell *cell, struct changed_key *changed) {
    const struct ex_key *key = &changed->key;
    size_t limit = cell->group->metrics->limits.values_per_label;
    bool replaced = false;

    for (size_t i = 0; i < key->count; i++) {
        const struct value_set *set = &cell->seen->labels[i];
        if (ex_key_is_open(key->family, i) && set->count >= limit &&
            !set_has(set, value_hash(cell, key->values[i]))) {
            warn(cell, i, key->values[i]);
            changed->values[i] = overflow_value;
            replaced = true;
        }
    }
    return replaced;
}

/* The label to blame for one series too many: one with a new value before one without, then the one
 * with the most values. Returns key->count when no label is open. */
static size_t label_at_fault(const struct ex_cell *cell, const struct ex_key *key) {
    size_t worst = key->count;
    size_t worst_score = 0;

    for (size_t i = 0; i < key->count; i++) {
        const struct value_set *set = &cell->seen->labels[i];
        if (!ex_key_is_open(key->family, i) || fo_str_equal(key->values[i], overflow_value))
            continue;
        bool known = set_has(set, value_hash(cell, key->values[i]));
        size_t score = 1 + set->count + (known ? 0 : SIZE_MAX / 2);
        if (score > worst_score) {
            worst = i;
            worst_score = score;
        }
    }
    return worst;
}

static void replace_open_labels(struct changed_key *changed) {
    for (size_t i = 0; i < changed->key.count; i++) {
        if (ex_key_is_open(changed->key.family, i))
            changed->values[i] = overflow_value;
    }
}

static bool is_full(const struct ex_cell *cell) {
    const struct ex_metrics *metrics = cell->group->metrics;
    const struct ex_family *family = cell->family;
    size_t lines = family->series_weight;

    if (cell->group->spare)
        return cell->count >= metrics->limits.values_per_label;
    return atomic_load_explicit(&family->series, memory_order_relaxed) + lines >
               family->series_limit ||
           atomic_load_explicit(&metrics->series, memory_order_relaxed) + lines >
               metrics->limits.series_total ||
           atomic_load_explicit(&metrics->bytes, memory_order_relaxed) >=
               metrics->limits.bytes_total;
}

/* A row beyond the limits: first with the label at fault replaced, then with all of them. */
static int spare_row(struct ex_cell *cell, struct changed_key *changed,
                     struct ex_series **ret_series) {
    const struct ex_key *key = &changed->key;
    size_t fault = label_at_fault(cell, key);

    if (fault < key->count) {
        warn(cell, fault, key->values[fault]);
        changed->values[fault] = overflow_value;
        *ret_series = ex_series_find(cell->group, key);
        if (*ret_series)
            return 0;
    }
    if (cell->seen->spare_rows >= EX_SPARE_OVERFLOW_ROWS) {
        replace_open_labels(changed);
        *ret_series = ex_series_find(cell->group, key);
        if (*ret_series)
            return 0;
    }
    cell->seen->spare_rows++;
    return ex_series_create(cell->group, key, ret_series);
}

static bool has_open_label(const struct ex_key *key) {
    for (size_t i = 0; i < key->count; i++) {
        if (ex_key_is_open(key->family, i))
            return true;
    }
    return false;
}

/* What several series add up to only makes sense for these. */
static bool adds_up(const struct ex_family *family) {
    return family->spec.type == EX_COUNTER || family->spec.type == EX_HISTOGRAM;
}

/* For a key that does not fit as it is. */
static int create_limited(struct ex_cell *cell, const struct ex_key *key, bool full,
                          struct ex_series **ret_series) {
    struct changed_key changed = {.key = *key};
    bool open = has_open_label(key);

    for (size_t i = 0; i < key->count; i++)
        changed.values[i] = key->values[i];
    changed.key.values = changed.values;
    bool replaced = open && replace_full_labels(cell, &changed);
    if (!full && !replaced)
        return ex_series_create(cell->group, key, ret_series);
    atomic_fetch_add_explicit(&key->family->overflow, 1, memory_order_relaxed);
    if (!open || !adds_up(key->family))
        return -ENOSPC;
    struct ex_series *row = replaced ? ex_series_find(cell->group, &changed.key) : NULL;
    if (!row)
        return full ? spare_row(cell, &changed, ret_series)
                    : ex_series_create(cell->group, &changed.key, ret_series);
    *ret_series = row;
    return 0;
}

int ex_overflow_create(struct ex_group *group, const struct ex_key *key,
                       struct ex_series **ret_series) {
    struct ex_cell *cell;
    bool open = has_open_label(key);
    int failed = ex_group_cell(group, key->family, &cell);

    if (failed)
        return failed;
    bool full = is_full(cell);
    if (!full && !(open && cell->count >= group->metrics->limits.values_per_label))
        return ex_series_create(group, key, ret_series);
    if (open && !cell->seen)
        failed = start_noting(cell);
    return failed ? failed : create_limited(cell, key, full, ret_series);
}
