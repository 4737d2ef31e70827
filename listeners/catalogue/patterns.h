/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/catalogue/patterns.h - from the expressions of rules to the patterns of the matcher.
 *
 * The matcher looks for short words of the patterns and follows up only those that it finds, and
 * patterns whose words end alike it follows up one after the other. Nearly two hundred ended in
 * `Exception` or `Error`: each exception in an output cost as much as a kilobyte of anything else.
 * So each alternative of an expression is a pattern of its own, and one that ends in such a word
 * stops at its `E`: the rest is its tail, compared by hand where the pattern matched. So is an
 * exception's whole name with its package, which the matcher would follow letter by letter. What
 * matches is the same.
 * Threads: a list of patterns belongs to one; catalogue_tail_end() [any]. */
#ifndef LISTENERS_CATALOGUE_PATTERNS_H
#define LISTENERS_CATALOGUE_PATTERNS_H

#include <hs/hs.h>

#include "listeners/catalogue/arena.h"
#include "listeners/catalogue/expression.h"
#include "listeners/catalogue/rule.h"

enum { CATALOGUE_WHY_SIZE = 96, CATALOGUE_TAIL_BITS = 5 };

enum catalogue_expression_kind { CATALOGUE_TEXT, CATALOGUE_EXCEPTION };

/* Parallel arrays, as the matcher wants them. Starts all zero. */
struct catalogue_patterns {
    struct catalogue_arena arena; /* of the texts */
    const char **texts;           /* owned */
    unsigned *flags;              /* owned; the matcher's */
    unsigned *ids;                /* owned; number of the expression, then its tail */
    size_t count, capacity;
    struct catalogue_pattern pattern; /* being made; too large to be cleared for each */
};

/* Adds the patterns of the expression that is known by `number`; the second, as one pattern that
 * reports where its matches begin. 0; -ENOMEM; or -EINVAL: it is outside the subset of
 * expression.h and *ret_why, a constant, says in which way. */
FO_MUST_CHECK int catalogue_patterns_add(struct catalogue_patterns *patterns,
                                         enum catalogue_expression_kind kind, struct fo_str source,
                                         unsigned number, const char **ret_why);
FO_MUST_CHECK int catalogue_patterns_add_whole(struct catalogue_patterns *patterns,
                                               struct fo_str source, unsigned number,
                                               const char **ret_why);

/* Adds all expressions of a rule, numbered from `number` on in the order in which they stand there:
 * those of `message_regex`, then those of `exception`. As above. */
FO_MUST_CHECK int catalogue_patterns_add_rule(struct catalogue_patterns *patterns,
                                              const struct catalogue_rule *rule, unsigned number,
                                              const char **ret_why);
void catalogue_patterns_done(struct catalogue_patterns *patterns);

/* Compiles patterns for a platform, NULL = this one. 0 and a database that the caller owns;
 * -ENOMEM; or -EINVAL with the number of the expression at fault (UINT_MAX: all together) and the
 * reason. */
FO_MUST_CHECK int catalogue_patterns_compile(const struct catalogue_patterns *patterns,
                                             const hs_platform_info_t *platform,
                                             hs_database_t **ret_database, unsigned *ret_culprit,
                                             char ret_why[static CATALOGUE_WHY_SIZE]);

/* Where the match of a pattern that ended at `end` ends with its tail; 0 when the tail is not
 * there. `tail`: the low CATALOGUE_TAIL_BITS bits of the pattern's id. */
size_t catalogue_tail_end(unsigned tail, struct fo_str text, size_t end);

#endif
