/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the matchers of a catalogue. The built-in rules were compiled when the program was built,
 * all of them, for any processor: what is switched off is left out when matches come in. Only where
 * the library is another version than it was then, and for the rules of a user's files, expressions
 * are compiled at the start, or taken from the cache. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "listeners/catalogue/builtin_database.h"
#include "listeners/catalogue/compiled.h"
#include "listeners/catalogue/patterns.h"
#include "listeners/catalogue/reader.h"

/* The rules of one matcher, and their places among the rules in force. */
struct share {
    const struct catalogue_rule **rules; /* owned */
    uint32_t *places;                    /* owned */
    size_t count;
};

static int no_memory(struct fo_error *reterr) {
    return catalogue_error(reterr, -ENOMEM, NULL, "out of memory");
}

static int unsupported(struct fo_error *reterr, const struct catalogue_rule *rule,
                       const char *why) {
    return catalogue_error(reterr, -EINVAL, rule, "unsupported expression: %s", why);
}

static int share_init(struct share *share, size_t most) {
    share->rules = calloc(most + 1, sizeof(const struct catalogue_rule *));
    share->places = calloc(most + 1, sizeof *share->places);
    return share->rules && share->places ? 0 : -ENOMEM;
}

static void share_done(struct share *share) {
    free(share->rules);
    free(share->places);
}

/* All built-in rules, or none when none of them is in force. */
static void share_builtin(const struct catalogue *catalogue, struct share *share) {
    for (size_t i = 0; i < catalogue_builtin_rule_count; i++) {
        share->rules[i] = &catalogue_builtin_rules[i];
        share->places[i] = CATALOGUE_NO_RULE;
    }
    for (uint32_t i = 0; i < catalogue->rule_count; i++) {
        if (!catalogue->rules[i]->builtin)
            continue;
        share->places[catalogue->rules[i] - catalogue_builtin_rules] = i;
        share->count = catalogue_builtin_rule_count;
    }
}

static void share_own(const struct catalogue *catalogue, struct share *share) {
    for (uint32_t i = 0; i < catalogue->rule_count; i++) {
        if (catalogue->rules[i]->builtin)
            continue;
        share->rules[share->count] = catalogue->rules[i];
        share->places[share->count++] = i;
    }
}

static size_t expressions_of(const struct catalogue_rule *rule) {
    return rule->match.message_regex.count + rule->match.exception.count;
}

/* What is to be done with a match of each expression, by its number. */
static int list_expressions(struct catalogue *catalogue, const struct share *share,
                            struct catalogue_matcher *matcher) {
    size_t count = 0;

    for (size_t i = 0; i < share->count; i++)
        count += expressions_of(share->rules[i]);
    matcher->expressions =
        catalogue_arena_alloc(&catalogue->arena, count, sizeof *matcher->expressions);
    if (!matcher->expressions)
        return -ENOMEM;
    for (size_t i = 0; i < share->count; i++) {
        const struct catalogue_rule_match *match = &share->rules[i]->match;
        for (size_t j = 0; j < match->message_regex.count; j++)
            matcher->expressions[matcher->expression_count++] =
                (struct catalogue_expression){CATALOGUE_TEXT, share->places[i], 0};
        for (size_t j = 0; j < match->exception.count; j++)
            matcher->expressions[matcher->expression_count++] = (struct catalogue_expression){
                CATALOGUE_EXCEPTION, share->places[i], match->exception.items[j].len};
    }
    return 0;
}

static int add_patterns(const struct share *share, struct catalogue_patterns *patterns,
                        struct fo_error *reterr) {
    unsigned number = 0;

    for (size_t i = 0; i < share->count; i++) {
        const char *why = NULL;
        int r = catalogue_patterns_add_rule(patterns, share->rules[i], number, &why);
        if (r != 0)
            return why ? unsupported(reterr, share->rules[i], why) : no_memory(reterr);
        number += (unsigned)expressions_of(share->rules[i]);
    }
    return 0;
}

static const struct catalogue_rule *rule_of(const struct share *share, unsigned number) {
    size_t i = 0;

    for (; number >= expressions_of(share->rules[i]); i++)
        number -= (unsigned)expressions_of(share->rules[i]);
    return share->rules[i];
}

static int compile_patterns(const struct share *share, const struct catalogue_patterns *patterns,
                            hs_database_t **ret_database, struct fo_error *reterr) {
    unsigned culprit = 0;
    char why[CATALOGUE_WHY_SIZE] = "";
    int r = catalogue_patterns_compile(patterns, NULL, ret_database, &culprit, why);

    if (r == -ENOMEM)
        return no_memory(reterr);
    if (r != 0 && culprit != UINT_MAX)
        return unsupported(reterr, rule_of(share, culprit), why);
    if (r != 0)
        return catalogue_error(reterr, -E2BIG, NULL, "the rules' expressions together: %s", why);
    return 0;
}

static int compile(const struct share *share, hs_database_t **ret_database,
                   struct fo_error *reterr) {
    struct catalogue_patterns patterns = {0};
    int r = add_patterns(share, &patterns, reterr);

    if (r == 0)
        r = compile_patterns(share, &patterns, ret_database, reterr);
    catalogue_patterns_done(&patterns);
    return r;
}

/* What is in the cache was compiled once, and so is in order. */
static int make_database(const struct share *share, const char *cache_dir,
                         hs_database_t **ret_database, struct fo_error *reterr) {
    char key[CATALOGUE_HASH_SIZE];

    if (!cache_dir)
        return compile(share, ret_database, reterr);
    if (catalogue_hash_expressions(share->rules, share->count, key) != 0)
        return no_memory(reterr);
    *ret_database = catalogue_cache_load(cache_dir, key);
    if (*ret_database)
        return 0;
    int r = compile(share, ret_database, reterr);
    if (r == 0)
        catalogue_cache_save(cache_dir, key, *ret_database);
    return r;
}

/* NULL: what was compiled when the program was built does not fit the library. */
static hs_database_t *builtin_database(void) {
    struct fo_str bytes = catalogue_builtin_database();
    hs_database_t *database = NULL;

    if (hs_deserialize_database(bytes.ptr, bytes.len, &database) != HS_SUCCESS)
        return NULL;
    return database;
}

static int make_matcher(struct catalogue *catalogue, const struct share *share, bool prepared,
                        const char *cache_dir, struct catalogue_matcher *matcher,
                        struct fo_error *reterr) {
    if (list_expressions(catalogue, share, matcher) != 0)
        return no_memory(reterr);
    if (matcher->expression_count == 0)
        return 0; /* nothing to look for in the output */
    if (prepared)
        matcher->database = builtin_database();
    if (matcher->database)
        return 0;
    return make_database(share, cache_dir, &matcher->database, reterr);
}

static int load_builtin(struct catalogue *catalogue, const struct catalogue_options *options,
                        struct fo_error *reterr) {
    struct share share = {0};

    if (share_init(&share, catalogue_builtin_rule_count) != 0) {
        share_done(&share);
        return no_memory(reterr);
    }
    share_builtin(catalogue, &share);
    int r = make_matcher(catalogue, &share, !options->compile_builtin, options->cache_dir,
                         &catalogue->builtin, reterr);
    share_done(&share);
    return r;
}

static int load_own(struct catalogue *catalogue, const struct catalogue_options *options,
                    struct fo_error *reterr) {
    struct share share = {0};

    if (share_init(&share, catalogue->rule_count) != 0) {
        share_done(&share);
        return no_memory(reterr);
    }
    share_own(catalogue, &share);
    int r = make_matcher(catalogue, &share, false, options->cache_dir, &catalogue->own, reterr);
    share_done(&share);
    return r;
}

int catalogue_load_matchers(struct catalogue *catalogue, const struct catalogue_options *options,
                            struct fo_error *reterr) {
    int r = load_builtin(catalogue, options, reterr);

    return r == 0 ? load_own(catalogue, options, reterr) : r;
}

/* ---- the redactor -------------------------------------------------------------------------------
 */

static int redact_error(const struct catalogue_options *options, unsigned number, int code,
                        const char *why, struct fo_error *reterr) {
    struct fo_str source = {NULL, 0};

    if (code == -ENOMEM)
        return no_memory(reterr);
    if (number == UINT_MAX)
        return catalogue_error(reterr, code, NULL, "redact: %s", why);
    source = options->redact[number];
    return catalogue_error(reterr, code, NULL, "redact `%.*s`: %s", (int)source.len, source.ptr,
                           why);
}

int catalogue_load_redactor(struct catalogue *catalogue, const struct catalogue_options *options,
                            struct fo_error *reterr) {
    struct catalogue_patterns patterns = {0};
    unsigned number = 0;
    char why[CATALOGUE_WHY_SIZE] = "";
    const char *reason = why;
    int r = 0;

    for (; r == 0 && number < options->redact_count; number++)
        r = catalogue_patterns_add_whole(&patterns, options->redact[number], number, &reason);
    if (r != 0)
        number--;
    else if (options->redact_count > 0)
        r = catalogue_patterns_compile(&patterns, NULL, &catalogue->redactor, &number, why);
    catalogue_patterns_done(&patterns);
    return r == 0 ? 0 : redact_error(options, number, r, reason, reterr);
}
