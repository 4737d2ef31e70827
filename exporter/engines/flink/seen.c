/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/engines/flink/seen.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

static const uint64_t format = 0x31304e4545534b46; /* "FKSEEN01" */

void ex_flink_seen_done(struct ex_flink_seen *seen) {
    free(seen->entries);
    *seen = (struct ex_flink_seen){0};
}

/* ---- entries ------------------------------------------------------------------------------- */

/* Newest first: that is what is asked for. */
static struct ex_flink_seen_entry *find(const struct ex_flink_seen *seen, uint64_t hash) {
    for (uint64_t i = seen->count; i > 0; i--) {
        if (seen->entries[i - 1].hash == hash)
            return &seen->entries[i - 1];
    }
    return NULL;
}

bool ex_flink_seen_has(const struct ex_flink_seen *seen, uint64_t hash) {
    return find(seen, hash) != NULL;
}

static int make_room(struct ex_flink_seen *seen) {
    if (seen->count < seen->capacity)
        return 0;
    if (seen->count == EX_FLINK_SEEN_MAX) {
        seen->count--;
        memmove(seen->entries, seen->entries + 1, seen->count * sizeof *seen->entries);
        return 0;
    }
    uint64_t capacity = seen->capacity > 0 ? seen->capacity * 2 : FIRST_CAPACITY;
    struct ex_flink_seen_entry *entries = realloc(seen->entries, capacity * sizeof *entries);
    if (!entries)
        return -ENOMEM;
    seen->entries = entries;
    seen->capacity = capacity;
    return 0;
}

struct ex_flink_seen_entry *ex_flink_seen_note(struct ex_flink_seen *seen, uint64_t hash,
                                               bool *ret_is_new) {
    struct ex_flink_seen_entry *entry = find(seen, hash);

    *ret_is_new = !entry;
    if (entry)
        return entry;
    if (make_room(seen) < 0)
        return NULL;
    entry = &seen->entries[seen->count++];
    *entry = (struct ex_flink_seen_entry){.hash = hash};
    return entry;
}

/* ---- restarts ------------------------------------------------------------------------------ */

static void raise_restarts(struct ex_flink_seen *seen, uint64_t restarts) {
    if (restarts > seen->restarts)
        seen->restarts = restarts;
}

void ex_flink_seen_restarts(struct ex_flink_seen *seen, uint64_t value) {
    if (value < seen->value)
        seen->base = seen->restarts; /* another JobManager has taken over, and counts from 0 */
    seen->value = value;
    raise_restarts(seen, seen->base + value);
}

void ex_flink_seen_root(struct ex_flink_seen *seen) {
    seen->roots++;
    raise_restarts(seen, seen->start + seen->roots + seen->gaps);
}

uint64_t ex_flink_seen_missing(const struct ex_flink_seen *seen) {
    uint64_t counted = seen->base + seen->value;
    uint64_t explained = seen->start + seen->roots + seen->gaps;

    return counted > explained ? counted - explained : 0;
}

void ex_flink_seen_gaps(struct ex_flink_seen *seen, uint64_t count) {
    seen->gaps += count;
}

void ex_flink_seen_before(struct ex_flink_seen *seen, uint64_t count) {
    seen->start += count;
}

/* ---- keeping ------------------------------------------------------------------------------- */

struct saved {
    uint64_t format, count, restarts, base, value, start, roots, gaps;
};

void ex_flink_seen_save(const struct ex_flink_seen *seen, struct ex_buffer *out) {
    const struct saved saved = {format,      seen->count, seen->restarts, seen->base,
                                seen->value, seen->start, seen->roots,    seen->gaps};

    ex_buffer_append(out, &saved, sizeof saved);
    ex_buffer_append(out, seen->entries, seen->count * sizeof *seen->entries);
}

int ex_flink_seen_load(struct ex_flink_seen *seen, struct fo_str bytes) {
    struct saved saved;

    if (bytes.len < sizeof saved)
        return -EINVAL;
    memcpy(&saved, bytes.ptr, sizeof saved);
    if (saved.format != format || saved.count > EX_FLINK_SEEN_MAX ||
        bytes.len != sizeof saved + saved.count * sizeof *seen->entries)
        return -EINVAL;
    struct ex_flink_seen_entry *entries = malloc(saved.count * sizeof *entries + 1);
    if (!entries)
        return -ENOMEM;
    memcpy(entries, bytes.ptr + sizeof saved, saved.count * sizeof *entries);
    free(seen->entries);
    *seen =
        (struct ex_flink_seen){entries,     saved.count, saved.count, saved.restarts, saved.base,
                               saved.value, saved.start, saved.roots, saved.gaps};
    return 0;
}
