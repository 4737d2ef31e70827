/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/verdict_memo.h - the categoriser's newest verdicts on failures that came without
 * output and exceptions: what is said of those depends on a few short fields, and a scheduler
 * reports thousands of them that are alike. The same fields get the same verdict, or the
 * categoriser is asked again. Private to the job manager [main].
 * Owns: copies of the fields; labels are borrowed from the one catalogue it serves. */
#ifndef EX_MANAGER_VERDICT_MEMO_H
#define EX_MANAGER_VERDICT_MEMO_H

#include "exporter/engines/engine.h"
#include "listeners/catalogue/catalogue.h"

enum { EX_MEMO_KEY_BYTES = 256, EX_MEMO_MATCHED_BYTES = 256 };

struct ex_verdict_memo;

/* What a verdict depends on. */
struct ex_memo_key {
    size_t len; /* 0: more than is remembered */
    char bytes[EX_MEMO_KEY_BYTES];
};

/* A verdict in short. */
struct ex_memo_verdict {
    struct fo_label labels[CATALOGUE_LABELS_MAX];
    uint32_t label_count;
    struct fo_str matched; /* borrowed until the next is remembered */
};

/* `seed` keeps reporters from choosing fields that displace one another. NULL: no memory. */
struct ex_verdict_memo *ex_verdict_memo_new(uint64_t seed);
struct ex_verdict_memo *ex_verdict_memo_free(struct ex_verdict_memo *memo); /* NULL allowed */

struct ex_memo_key ex_memo_key_of(const struct catalogue_input *input);
/* NULL: not known. A memo that is NULL knows nothing. */
const struct ex_memo_verdict *ex_verdict_memo_find(const struct ex_verdict_memo *memo,
                                                   const struct ex_memo_key *key);
/* Remembers a verdict in the place of another, if it says nothing beyond labels and match. */
void ex_verdict_memo_keep(struct ex_verdict_memo *memo, const struct ex_memo_key *key,
                          const struct catalogue_verdict *verdict);

#endif
