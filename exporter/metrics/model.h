/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/model.h - how the registry is built; for the sources of this room only.
 *
 * Two sides share these structs. The writer of a group creates series and changes values. The
 * scraper, whoever holds ex_metrics.scrape_lock, reads them. No lock is taken by both:
 *
 * - A list that the scraper walks (families, cells, series) only ever grows at its end, by a
 * release store of a finished element; what is in it does not move.
 * - A value is one atomic word. A group's version is odd while a change is going on. The scraper
 *   copies all words of a group, looks at the version again and drops the copy when it moved. Words
 *   are stored with release and loaded with acquire, so that whoever sees a word of a change also
 *   sees the odd version that came before it: no fence is needed, and none that thread sanitizers
 *   do not know.
 * - New and retired groups reach the scraper through two stacks; the scraper frees what is retired.
 *   When nobody scrapes, the writer takes the scrape lock itself, if it is free, to do that.
 *
 * What the scraper took over is kept beside the live word (`shown`), and only the scraper touches
 * that. So a line is rendered again exactly when it would look different. */
#ifndef EX_METRICS_MODEL_H
#define EX_METRICS_MODEL_H

#include <pthread.h>
#include <stdatomic.h>

#include "exporter/base/buffer.h"
#include "exporter/metrics/arena.h"
#include "exporter/metrics/metrics.h"
#include "exporter/metrics/render.h"
#include "exporter/metrics/selection.h"

enum {
    EX_LABELS_MAX = 24,                   /* of one family */
    EX_BUCKETS_MAX = 64,                  /* classic, of one histogram */
    EX_TABLE_MIN_SERIES = 64,             /* a smaller group is searched without a table */
    EX_FIRST_BLOCK_MAX_BYTES = 16 * 1024, /* of a group that is expected to be like the last one */
    EX_CHUNK_GROUPS = 16,       /* groups whose lines of a family are one piece of the page */
    EX_NAME_MAX_BYTES = 128,    /* of a family or label name */
    EX_HEADS = 3,               /* kept styles */
    EX_SELF_FAMILIES = 7,       /* what the registry says of itself */
    EX_SPARE_OVERFLOW_ROWS = 64 /* of a cell, beyond the limits, before all open labels overflow */
};

struct ex_family {
    struct ex_family_spec spec; /* owned copy; its texts are in `texts` */
    struct ex_arena texts;
    struct fo_str name;         /* spec.name */
    struct fo_str sample_name;  /* with _total or _info */
    struct fo_str *label_names; /* spec.labels, with their lengths */
    struct fo_str *bounds;      /* histogram: the text of each le, with +Inf */
    size_t id;                  /* 0, 1, ... in order of declaration */
    size_t series_weight;       /* lines of one series */
    size_t series_limit;
    bool left_out; /* of the page */
    _Atomic(struct ex_family *) next;
    atomic_size_t series; /* lines that exist */
    atomic_uint_fast64_t overflow;
    struct ex_blob *heads[EX_HEADS]; /* scraper: its metadata, per kept style; NULL = not made */
    struct ex_series *self[3];       /* scraper: rows about it in failover_series* */
};

/* A run of words that grows: a histogram's, or an exemplar's. */
struct ex_words {
    uint32_t capacity;
    atomic_uint_fast32_t used;
    atomic_uint_fast64_t word[];
};

struct ex_track {
    _Atomic(struct ex_words *) live; /* NULL: nothing yet */
    uint64_t *shown;                 /* scraper: owned copy */
    size_t shown_len;
};

/* What only histograms and series with exemplars have. */
struct ex_extra {
    struct ex_track histogram; /* words: histogram.h */
    struct ex_track exemplar;  /* words: exemplar.h */
};

/* What a lookup and an update touch stands together, next to the labels. */
struct ex_series {
    _Atomic(struct ex_series *) next; /* of the cell */
    _Atomic(struct ex_extra *) extra;
    _Atomic(int64_t) start_ms;
    uint64_t shown;             /* scraper */
    atomic_uint_fast64_t value; /* counter: its count; otherwise the bits of a double */
    struct ex_cell *cell;
    uint32_t hash;
    uint16_t labels_len;
    _Atomic(uint8_t) marks; /* bit 0: hidden; the others count restored start times */
    uint8_t shown_marks;    /* scraper */
    char labels[];          /* its own labels, escaped: name="value",... Never changes. */
};

/* The series of one family in one group. */
struct ex_cell {
    struct ex_family *family;
    struct ex_group *group;
    _Atomic(struct ex_cell *) next; /* of the group */
    _Atomic(struct ex_series *) first;
    struct ex_series *last;   /* writer */
    struct ex_openings *seen; /* writer: distinct values; NULL while there are few. overflow.c */
    uint32_t count;           /* writer */
    uint32_t shown_count;     /* scraper: how many series it took over */
};

/* The hash stands beside the pointer, so that a wrong series is not fetched to see that it is. */
struct ex_slot {
    struct ex_series *series; /* NULL = empty */
    uint32_t hash;
};

struct ex_group {
    struct ex_metrics *metrics;
    atomic_uint_fast64_t version; /* odd: a change is going on */
    _Atomic(struct ex_cell *) first_cell;
    struct ex_cell *last_cell; /* writer */
    struct ex_slot *slots;     /* writer: open-addressing table; NULL while there are few */
    void *slots_base;          /* writer: owned; what it lies in */
    uint32_t slot_mask;        /* number of slots - 1, or 0 */
    uint32_t series_count;
    bool live;
    bool spare;           /* limits do not hold it */
    size_t counted_bytes; /* writer: its share of ex_metrics.bytes */
    bool announced;       /* writer: the scraper knows it, or will */
    struct ex_group *old;
    struct ex_arena arena; /* writer */
    struct ex_group *next_added;
    struct ex_group *next_retired;
    uint64_t seen_version;  /* scraper */
    struct ex_chunk *chunk; /* scraper; NULL = not taken in yet */
    uint32_t chunk_slot;    /* scraper */
    uint32_t label_count;
    struct fo_str *label_names; /* in the arena */
    struct fo_str labels;       /* escaped, in the arena */
};

struct ex_collector {
    void (*collect)(void *arg);
    void *arg;
    struct ex_collector *next;
};

/* The newest page, for others who asked for the same one before it was begun. */
struct ex_shared_body {
    struct ex_body *body; /* referenced; NULL = none */
    uint64_t number;      /* of the scrape that made it */
    unsigned kind;        /* what was asked for */
};

struct ex_metrics {
    struct ex_metrics_limits limits;
    uint64_t seed;
    struct ex_selection selection;
    _Atomic(struct ex_family *) first_family;
    struct ex_family *last_family; /* the declaring thread */
    atomic_size_t family_count;
    atomic_size_t group_count;
    atomic_size_t series;
    atomic_size_t bytes;       /* of all groups: their arenas and tables */
    atomic_size_t group_bytes; /* what the last group came to when it was published */
    atomic_uint_fast64_t invalid_values;
    atomic_uint_fast64_t cut_values;
    _Atomic(int64_t) warned_ms;       /* of an overflow; 0 = never */
    _Atomic(struct ex_group *) added; /* stacks; the newest first */
    _Atomic(struct ex_group *) retired;
    struct ex_collector *collectors;
    struct ex_group *self; /* the registry's own figures; live */
    struct ex_family *self_families[EX_SELF_FAMILIES];
    struct ex_series *self_series[EX_SELF_FAMILIES]; /* those of a family with one series */

    atomic_uint_fast64_t scrapes;         /* started so far */
    atomic_uint_fast32_t waiting_scrapes; /* that want scrape_lock */

    pthread_mutex_t scrape_lock; /* from here on: scraper */
    struct ex_shared_body shared;
    struct ex_packer *packer;
    struct ex_group *waiting; /* added, not on the page yet; the oldest first */
    struct ex_page *page;
};

static inline uint64_t ex_bits_of(double value) {
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double ex_double_of(uint64_t bits) {
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
