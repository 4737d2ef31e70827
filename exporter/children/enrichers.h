/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/enrichers.h - Flink's rules for failure enrichers (FailureEnricherUtils): which
 * are loaded, whose output keys conflict, which labels count, how labels are merged.
 * Pure functions; texts are borrowed throughout. Owns: nothing. Threads: any. */
#ifndef EX_CHILDREN_ENRICHERS_H
#define EX_CHILDREN_ENRICHERS_H

#include <stdbool.h>

#include "failover/types.h"

/* Takes the next name of a configured list (`jobmanager.failure-enrichers`): split at commas with
 * surrounding white space, empty items dropped. `rest` goes on. False at the end. */
bool ex_enricher_list_next(struct fo_str *rest, struct fo_str *ret_name);

/* The names of a list as a set, in the order of their first mention; `names` has room for `room`.
 * Returns their count, which may be more than `room`: then those that fit are written. */
size_t ex_enricher_list_parse(struct fo_str list, struct fo_str *names, size_t room);

struct ex_enricher {
    struct fo_str class_name; /* two of one class do not conflict */
    const struct fo_str *output_keys;
    size_t output_key_count;
};

#define EX_NO_ENRICHER SIZE_MAX

struct ex_enricher_conflict {
    size_t other; /* of another class, that declares `key` as well; EX_NO_ENRICHER = none */
    struct fo_str key;
};

/* For each enricher the first one that it conflicts with; all that conflict are to be ignored.
 * `conflicts` has room for `count`. */
void ex_enricher_find_conflicts(const struct ex_enricher *enrichers, size_t count,
                                struct ex_enricher_conflict *conflicts);

/* Moves the labels with a declared key to the front, the others behind, both in their order kept.
 * Returns how many are declared. */
size_t ex_enricher_sort_labels(const struct ex_enricher *enricher, struct fo_label *labels,
                               size_t count);

/* Appends `labels` to the `*count` in `merged`, which has room for all. -EEXIST: a key is there
 * already; `merged` is unchanged, *ret_key names it. */
FO_MUST_CHECK int ex_enricher_merge_labels(struct fo_label *merged, size_t *count,
                                           const struct fo_label *labels, size_t label_count,
                                           struct fo_str *ret_key);

#endif
