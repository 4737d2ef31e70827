/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/catalogue/expression.h - the expressions that rules may use: the subset that POSIX
 * extended expressions, RE2, PCRE2 and Python read alike, so that a rule can be tried anywhere.
 *   characters, `.`, `^` and `$` (ends of a line), `|`, `( )`, `[ ]` and `[^ ]` with ranges, `*`,
 *   `+`, `?`, `{n}`, `{n,}`, `{n,m}`, a backslash before punctuation, and `(?i)` as the very first.
 * Not in it: look-around, back references, lazy quantifiers, `\d` and the like, `[:alpha:]`, a
 * single backslash inside brackets (two are one), an empty alternative.
 * Threads: any. */
#ifndef LISTENERS_CATALOGUE_EXPRESSION_H
#define LISTENERS_CATALOGUE_EXPRESSION_H

#include "listeners/catalogue/catalogue.h"

/* An expression in the matcher's own dialect, terminated. */
struct catalogue_pattern {
    char text[8 * CATALOGUE_EXPRESSION_MAX_BYTES];
    size_t len;
    bool caseless;
};

/* Translates an expression so that no match can span a line. 0, or -EINVAL: it is outside the
 * subset and *ret_why, a constant, says in which way. */
FO_MUST_CHECK int catalogue_expression_translate(struct fo_str expression,
                                                 struct catalogue_pattern *ret_pattern,
                                                 const char **ret_why);

/* A pattern that matches exactly `name`, wherever it stands. 0 or -EINVAL, as above. */
FO_MUST_CHECK int catalogue_expression_quote(struct fo_str name,
                                             struct catalogue_pattern *ret_pattern,
                                             const char **ret_why);

#endif
