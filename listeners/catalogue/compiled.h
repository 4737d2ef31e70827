/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/catalogue/compiled.h - what a catalogue and a scratch are made of; for this room only.
 * All expressions of the built-in rules stand in one matcher, those of the user's rules in another,
 * so that one scan each serves every rule: the regular expressions of `message_regex` and the names
 * of `exception`. The scans leave in the scratch, for each rule that they touched, where its newest
 * match ended; everything else about a rule is compared afterwards. Threads: a catalogue never
 * changes; a scratch belongs to one thread.
 */
#ifndef LISTENERS_CATALOGUE_COMPILED_H
#define LISTENERS_CATALOGUE_COMPILED_H

#include <hs/hs.h>

#include "listeners/catalogue/arena.h"
#include "listeners/catalogue/patterns.h"
#include "listeners/catalogue/rule.h"

enum { CATALOGUE_HASH_SIZE = 33 };

#define CATALOGUE_NO_RULE UINT32_MAX

struct catalogue_expression {
    enum catalogue_expression_kind kind;
    uint32_t rule;   /* its place among those in force; CATALOGUE_NO_RULE: it is switched off */
    size_t name_len; /* of an exception's name */
};

struct catalogue_matcher {
    hs_database_t *database;                  /* owned; NULL: there is nothing to look for */
    struct catalogue_expression *expressions; /* by number */
    size_t expression_count;
};

/* Rules without text, by the first kind of fact that they ask for. */
enum catalogue_fact {
    CATALOGUE_BY_EVIDENCE,
    CATALOGUE_BY_PLATFORM,
    CATALOGUE_BY_SIGNAL,
    CATALOGUE_BY_EXIT,
    CATALOGUE_BY_RUNTIME,
    CATALOGUE_FACT_COUNT
};

/* Room for all that one verdict shows. */
enum {
    CATALOGUE_SHOWN_BYTES =
        (1 + CATALOGUE_RUNNERS_UP_MAX + CATALOGUE_CHAIN_MAX) * CATALOGUE_SHOWN_MAX_BYTES
};

struct catalogue_rule_list {
    uint32_t *items;
    size_t count;
};

struct catalogue_class {
    struct fo_str type;
    struct fo_str category;
};

struct catalogue {
    struct catalogue_arena arena;
    const struct catalogue_rule **rules; /* those in force, in file order */
    size_t rule_count;
    struct catalogue_rule_list by_fact[CATALOGUE_FACT_COUNT];
    struct catalogue_matcher builtin;
    struct catalogue_matcher own; /* of the user's rules */
    hs_database_t *redactor;      /* owned; NULL: nothing is redacted */
    struct catalogue_class *classes;
    size_t class_count;
    char hash[CATALOGUE_HASH_SIZE];
};

/* Where the newest match of a rule ended; 0: none. Of use when `generation` is the scan's. */
struct catalogue_hit {
    uint32_t generation;
    uint32_t text_end;
    uint32_t exception_end;
};

/* A stretch of text to be redacted. */
struct catalogue_cut {
    size_t from, to;
};

struct catalogue_scratch {
    const struct catalogue *catalogue;
    hs_scratch_t *matcher;      /* owned */
    struct catalogue_hit *hits; /* one per rule */
    uint32_t *touched;          /* rules with hits in this scan */
    size_t touched_count;
    uint32_t generation;
    char *text; /* owned; the output in one piece, when it came in several */
    size_t text_capacity;
    char *shown; /* owned; what the verdict shows, when that is not a part of the text */
    size_t shown_used;
    struct catalogue_cut *cuts; /* owned */
    size_t cut_count, cut_capacity;
    char *redacted; /* owned */
    size_t redacted_capacity;
};

/* Fills in the rules in force. */
FO_MUST_CHECK int catalogue_collect(struct catalogue *catalogue,
                                    const struct catalogue_source *sources, size_t source_count,
                                    const struct catalogue_options *options,
                                    struct fo_error *reterr);

/* The hash of the rules in force, and the key of the compiled form of rules' expressions. 0 or
 * -ENOMEM. */
FO_MUST_CHECK int catalogue_hash_rules(struct catalogue *catalogue);
FO_MUST_CHECK int catalogue_hash_expressions(const struct catalogue_rule *const *rules,
                                             size_t count,
                                             char ret_key[static CATALOGUE_HASH_SIZE]);

/* Make the matchers of the rules in force, and that of what must not be shown. 0, or -EINVAL,
 * -E2BIG, -ENOMEM with *reterr naming file, line and rule. */
FO_MUST_CHECK int catalogue_load_matchers(struct catalogue *catalogue,
                                          const struct catalogue_options *options,
                                          struct fo_error *reterr);
FO_MUST_CHECK int catalogue_load_redactor(struct catalogue *catalogue,
                                          const struct catalogue_options *options,
                                          struct fo_error *reterr);

/* The compiled form in the cache folder, by the key of what it was made of. `load` answers NULL
 * when there is none to be trusted; `save` does what it can. */
hs_database_t *catalogue_cache_load(const char *cache_dir, const char *key);
void catalogue_cache_save(const char *cache_dir, const char *key, const hs_database_t *database);

/* As catalogue_redact(); *offset, a place in `text`, is moved to where it is in *ret_text. */
FO_MUST_CHECK int catalogue_redact_at(struct catalogue_scratch *scratch, struct fo_str text,
                                      size_t *offset, struct fo_str *ret_text);

/* The output in one piece: line ends as plain newlines, then the reported exceptions. Borrowed from
 * the input or the scratch. 0 or -ENOMEM. */
FO_MUST_CHECK int catalogue_text_join(struct catalogue_scratch *scratch,
                                      const struct catalogue_input *input, struct fo_str *ret_text);

/* A copy that lives as long as the verdict. */
struct fo_str catalogue_show_copy(struct catalogue_scratch *scratch, struct fo_str text);

/* `text` as a verdict may show it, around `focus`: redacted, cut to CATALOGUE_SHOWN_MAX_BYTES. */
struct fo_str catalogue_show(struct catalogue_scratch *scratch, struct fo_str text, size_t focus);

/* Told of a piece of the text: whole lines. */
typedef void catalogue_piece_fn(void *ctx, const char *from, size_t len);

/* The newest exception chain in `text`, outermost first, parts of `text`; and the runtime that its
 * words give away, empty when none does. Returns the chain's length. On the way it hands over what
 * built-in rules are to search, in order: all of the text but stack frames of a JVM that another
 * one follows. The outermost frame of each trace stays, it says that there was a trace. */
size_t catalogue_trace_read(struct fo_str text, catalogue_piece_fn *found, void *ctx,
                            struct catalogue_exception ret_chain[static CATALOGUE_CHAIN_MAX],
                            struct fo_str *ret_runtime);

/* The chain of exceptions as a platform reported it; as above. */
size_t catalogue_trace_reported(const struct fo_str *exceptions, size_t count,
                                struct catalogue_exception ret_chain[static CATALOGUE_CHAIN_MAX]);

/* Whether the name that ends at `end` names an exception there, rather than standing in a stack
 * frame or inside a longer name. */
bool catalogue_exception_named(struct fo_str text, size_t end, size_t name_len);

#endif
