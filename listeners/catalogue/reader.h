/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/catalogue/reader.h - reads the rules of one source out of its tree.
 * Threads: none, the caller serialises. */
#ifndef LISTENERS_CATALOGUE_READER_H
#define LISTENERS_CATALOGUE_READER_H

#include "listeners/catalogue/arena.h"
#include "listeners/catalogue/rule.h"

/* What one source holds; in the arena. */
struct catalogue_reading {
    const struct catalogue_rule *rules;
    size_t rule_count;
};

/* Reads and checks a source that has a tree. Labels' causes must be built-in or declared in this
 * source. 0, or -EINVAL, -E2BIG, -ENOMEM with *reterr naming file, line and rule. */
FO_MUST_CHECK int catalogue_read(struct catalogue_arena *arena,
                                 const struct catalogue_source *source,
                                 struct catalogue_reading *ret_reading, struct fo_error *reterr);

/* Fills *reterr with "FILE:LINE: rule ID: " (as far as known) and the reason; returns `code`. */
int catalogue_error(struct fo_error *reterr, int code, const struct catalogue_rule *rule,
                    const char *format, ...) FO_PRINTF(4, 5);

#endif
