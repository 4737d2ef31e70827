/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/catalogue/rule.h - one rule, and the closed sets that its labels come from.
 * Built-in rules are constant tables made from the rule files when the program is built; those of a
 * user's files live in the arena of their catalogue.
 * Threads: any; a rule never changes once it is read. */
#ifndef LISTENERS_CATALOGUE_RULE_H
#define LISTENERS_CATALOGUE_RULE_H

#include "listeners/catalogue/catalogue.h"

struct catalogue_texts {
    const struct fo_str *items;
    size_t count;
};

struct catalogue_numbers {
    const int *items;
    size_t count;
};

struct catalogue_examples {
    const struct catalogue_input *items;
    size_t count;
};

/* All keys given must hold; the values of one are alternatives. */
struct catalogue_rule_match {
    struct catalogue_texts message_regex;
    struct catalogue_texts exception;
    struct catalogue_texts runtime;
    struct catalogue_texts platform_reason;
    struct catalogue_numbers exit_code;
    bool exit_nonzero;
    uint64_t signals; /* bit n - 1 for signal n */
    unsigned evidence;
};

struct catalogue_rule_labels {
    struct fo_str type, category, cause, retry;
    bool secondary, wrapper;
};

struct catalogue_rule {
    struct fo_str id;
    struct fo_str file;
    int line;
    bool builtin; /* it stands in catalogue_builtin_rules */
    int priority;
    struct catalogue_rule_match match;
    struct catalogue_rule_labels labels;
    struct catalogue_examples positive, negative;
};

enum {
    CATALOGUE_PRIORITY_MAX = 1000, /* the least is 0 */
    CATALOGUE_SIGNAL_MAX = 64
};

/* A rule that rests on an exit code or a signal alone is asked only when nothing better matched. */
bool catalogue_rule_rests_on_exit(const struct catalogue_rule *rule);

/* A rule that only the scan of the output can bring up. */
bool catalogue_rule_needs_text(const struct catalogue_rule *rule);

/* Whether a label's value is in its closed set. A cause is known when a built-in rule has it. */
bool catalogue_type_known(struct fo_str value);
bool catalogue_category_known(struct fo_str value);
bool catalogue_retry_known(struct fo_str value);
bool catalogue_cause_known(struct fo_str value);

/* The word of the lowest bit. */
struct fo_str catalogue_evidence_word(unsigned evidence);

/* Order of texts as of bytes, for qsort() and bsearch() over struct fo_str. */
int catalogue_text_compare(const void *a, const void *b);

/* The name under which rules know a runtime: `java` is `jvm`. Returns `runtime` itself, or a
 * constant. */
struct fo_str catalogue_runtime_name(struct fo_str runtime);

/* The built-in rules and, sorted, their causes: generated. */
extern const struct catalogue_rule catalogue_builtin_rules[];
extern const size_t catalogue_builtin_rule_count;
extern const struct fo_str catalogue_builtin_causes[];
extern const size_t catalogue_builtin_cause_count;

#endif
