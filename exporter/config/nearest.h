/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/nearest.h - the known word that a mistyped one probably meant.
 * Owns: nothing. Threads: any. */
#ifndef EX_CONFIG_NEAREST_H
#define EX_CONFIG_NEAREST_H

#include "failover/types.h"

/* Longer words are compared by their first bytes, so that a hostile word costs no more. */
enum { EX_NEAREST_BYTES_MAX = 96 };

/* A word at most so far from a known one was probably meant to be it. */
enum { EX_NEAREST_TYPING = 2 };

struct ex_nearest {
    struct fo_str word;
    struct fo_str best; /* borrowed from the candidates; empty = none was tried */
    size_t distance;
};

static inline struct ex_nearest ex_nearest_to(struct fo_str word) {
    return (struct ex_nearest){.word = word, .distance = SIZE_MAX};
}

/* Keeps `candidate` if it is nearer than all before: insertions, deletions, replacements and
 * swapped neighbours count 1 each. Of equals the first stays. */
void ex_nearest_try(struct ex_nearest *nearest, struct fo_str candidate);

#endif
