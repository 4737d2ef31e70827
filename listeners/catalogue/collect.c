/* SPDX-License-Identifier: Apache-2.0 */
/* From sources to the list of rules in force, and the hash by which a set of rules is known. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "listeners/catalogue/compiled.h"
#include "listeners/catalogue/reader.h"

static int no_memory(struct fo_error *reterr) {
    return catalogue_error(reterr, -ENOMEM, NULL, "out of memory");
}

static int read_sources(struct catalogue *catalogue, const struct catalogue_source *sources,
                        size_t count, struct catalogue_reading *readings, struct fo_error *reterr) {
    for (size_t i = 0; i < count; i++) {
        if (!sources[i].root) {
            readings[i].rules = catalogue_builtin_rules;
            readings[i].rule_count = catalogue_builtin_rule_count;
            continue;
        }
        int r = catalogue_read(&catalogue->arena, &sources[i], &readings[i], reterr);
        if (r != 0)
            return r;
    }
    return 0;
}

static int list_rules(struct catalogue *catalogue, const struct catalogue_reading *readings,
                      size_t count, struct fo_error *reterr) {
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += readings[i].rule_count;
    if (total > CATALOGUE_RULES_MAX)
        return catalogue_error(reterr, -E2BIG, NULL, "more than %d rules", CATALOGUE_RULES_MAX);
    catalogue->rules =
        catalogue_arena_alloc(&catalogue->arena, total, sizeof(const struct catalogue_rule *));
    if (!catalogue->rules)
        return no_memory(reterr);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < readings[i].rule_count; j++)
            catalogue->rules[catalogue->rule_count++] = &readings[i].rules[j];
    return 0;
}

static int compare_ids(const void *a, const void *b) {
    const struct catalogue_rule *left = *(const struct catalogue_rule *const *)a;
    const struct catalogue_rule *right = *(const struct catalogue_rule *const *)b;

    return catalogue_text_compare(&left->id, &right->id);
}

static int check_unique(const struct catalogue_rule *const *sorted, size_t count,
                        struct fo_error *reterr) {
    for (size_t i = 1; i < count; i++)
        if (compare_ids(&sorted[i - 1], &sorted[i]) == 0)
            return catalogue_error(
                reterr, -EEXIST, sorted[i], "duplicate id, used at %.*s:%d as well",
                (int)sorted[i - 1]->file.len, sorted[i - 1]->file.ptr, sorted[i - 1]->line);
    return 0;
}

static int check_disabled(const struct catalogue_rule *const *sorted, size_t count,
                          const struct catalogue_options *options, struct fo_error *reterr) {
    for (size_t i = 0; i < options->disabled_count; i++) {
        struct catalogue_rule wanted = {.id = options->disabled[i]};
        const struct catalogue_rule *key = &wanted;
        if (!bsearch(&key, sorted, count, sizeof(const struct catalogue_rule *), compare_ids))
            return catalogue_error(reterr, -EINVAL, NULL, "no rule `%.*s` to disable",
                                   (int)wanted.id.len, wanted.id.ptr);
    }
    return 0;
}

static int check_ids(const struct catalogue *catalogue, const struct catalogue_options *options,
                     struct fo_error *reterr) {
    size_t count = catalogue->rule_count;
    const struct catalogue_rule **sorted = calloc(count + 1, sizeof(const struct catalogue_rule *));

    if (!sorted)
        return no_memory(reterr);
    if (count > 0)
        memcpy(sorted, catalogue->rules, count * sizeof(const struct catalogue_rule *));
    qsort(sorted, count, sizeof(const struct catalogue_rule *), compare_ids);
    int r = check_unique(sorted, count, reterr);
    if (r == 0)
        r = check_disabled(sorted, count, options, reterr);
    free(sorted);
    return r;
}

static bool disabled(const struct catalogue_options *options, struct fo_str id) {
    for (size_t i = 0; i < options->disabled_count; i++)
        if (fo_str_equal(options->disabled[i], id))
            return true;
    return false;
}

static void drop_disabled(struct catalogue *catalogue, const struct catalogue_options *options) {
    size_t kept = 0;

    for (size_t i = 0; i < catalogue->rule_count; i++)
        if (!disabled(options, catalogue->rules[i]->id))
            catalogue->rules[kept++] = catalogue->rules[i];
    catalogue->rule_count = kept;
}

int catalogue_collect(struct catalogue *catalogue, const struct catalogue_source *sources,
                      size_t source_count, const struct catalogue_options *options,
                      struct fo_error *reterr) {
    struct catalogue_reading *readings = calloc(source_count + 1, sizeof *readings);

    if (!readings)
        return no_memory(reterr);
    int r = read_sources(catalogue, sources, source_count, readings, reterr);
    if (r == 0)
        r = list_rules(catalogue, readings, source_count, reterr);
    free(readings);
    if (r == 0)
        r = check_ids(catalogue, options, reterr);
    if (r == 0)
        drop_disabled(catalogue, options);
    return r;
}

/* ---- the hash: lengths before texts, so that no two sets of rules feed it the same bytes --------
 */

static void feed(XXH3_state_t *state, struct fo_str text) {
    uint64_t len = text.len;

    (void)XXH3_128bits_update(state, &len, sizeof len);
    if (text.len > 0)
        (void)XXH3_128bits_update(state, text.ptr, text.len);
}

static void feed_number(XXH3_state_t *state, uint64_t number) {
    (void)XXH3_128bits_update(state, &number, sizeof number);
}

static void feed_texts(XXH3_state_t *state, const struct catalogue_texts *texts) {
    feed_number(state, texts->count);
    for (size_t i = 0; i < texts->count; i++)
        feed(state, texts->items[i]);
}

static void feed_rule(XXH3_state_t *state, const struct catalogue_rule *rule) {
    const struct catalogue_rule_match *match = &rule->match;
    const struct catalogue_rule_labels *labels = &rule->labels;

    feed(state, rule->id);
    feed_number(state, (uint64_t)rule->priority);
    feed_texts(state, &match->message_regex);
    feed_texts(state, &match->exception);
    feed_texts(state, &match->runtime);
    feed_texts(state, &match->platform_reason);
    feed_number(state, match->exit_code.count);
    for (size_t i = 0; i < match->exit_code.count; i++)
        feed_number(state, (uint64_t)match->exit_code.items[i]);
    feed_number(state, match->exit_nonzero);
    feed_number(state, match->signals);
    feed_number(state, match->evidence);
    feed(state, labels->type);
    feed(state, labels->category);
    feed(state, labels->cause);
    feed(state, labels->retry);
    feed_number(state, labels->secondary);
    feed_number(state, labels->wrapper);
}

static void print_hash(const XXH3_state_t *state, char ret_hash[static CATALOGUE_HASH_SIZE]) {
    XXH128_hash_t hash = XXH3_128bits_digest(state);

    (void)snprintf(ret_hash, CATALOGUE_HASH_SIZE, "%016llx%016llx", (unsigned long long)hash.high64,
                   (unsigned long long)hash.low64);
}

int catalogue_hash_rules(struct catalogue *catalogue) {
    XXH3_state_t *state = XXH3_createState();

    if (!state)
        return -ENOMEM;
    (void)XXH3_128bits_reset(state);
    for (size_t i = 0; i < catalogue->rule_count; i++)
        feed_rule(state, catalogue->rules[i]);
    print_hash(state, catalogue->hash);
    (void)XXH3_freeState(state);
    return 0;
}

/* A database fits the expressions, what we make of them, one version of the matcher and one kind of
 * processor. */
int catalogue_hash_expressions(const struct catalogue_rule *const *rules, size_t count,
                               char ret_key[static CATALOGUE_HASH_SIZE]) {
    XXH3_state_t *state = XXH3_createState();
    hs_platform_info_t platform;

    if (!state)
        return -ENOMEM;
    (void)XXH3_128bits_reset(state);
    memset(&platform, 0, sizeof platform);
    (void)hs_populate_platform(&platform);
    feed(state, fo_str_of(CATALOGUE_TRANSLATION));
    feed(state, fo_str_of(hs_version()));
    feed_number(state, platform.tune);
    feed_number(state, platform.cpu_features);
    for (size_t i = 0; i < count; i++) {
        feed_texts(state, &rules[i]->match.message_regex);
        feed_texts(state, &rules[i]->match.exception);
    }
    print_hash(state, ret_key);
    (void)XXH3_freeState(state);
    return 0;
}
