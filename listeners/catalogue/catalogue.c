/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/catalogue.h"

#include <errno.h>
#include <stdlib.h>

#include "failover/version.h"
#include "listeners/catalogue/compiled.h"
#include "listeners/catalogue/expression.h"
#include "listeners/catalogue/reader.h"

static int no_memory(struct fo_error *reterr) {
    return catalogue_error(reterr, -ENOMEM, NULL, "out of memory");
}

/* ---- expressions ------------------------------------------------------------------------------
 */

static int add_expression(struct catalogue *catalogue, enum catalogue_expression_kind kind,
                          uint32_t rule, struct fo_str source, struct fo_error *reterr) {
    struct catalogue_expression *expression = &catalogue->expressions[catalogue->expression_count];
    struct catalogue_pattern pattern;
    const char *why = NULL;
    int r = kind == CATALOGUE_EXCEPTION ? catalogue_expression_quote(source, &pattern, &why)
                                        : catalogue_expression_translate(source, &pattern, &why);

    if (r != 0)
        return catalogue_error(reterr, r, catalogue->rules[rule], "unsupported expression: %s",
                               why);
    struct fo_str text = {pattern.text, pattern.len};
    expression->pattern = catalogue_arena_copy(&catalogue->arena, text);
    if (!expression->pattern.ptr)
        return no_memory(reterr);
    expression->kind = kind;
    expression->rule = rule;
    expression->name_len = source.len;
    expression->flags = HS_FLAG_MULTILINE | (pattern.caseless ? HS_FLAG_CASELESS : 0);
    catalogue->expression_count++;
    return 0;
}

static int add_rule_expressions(struct catalogue *catalogue, uint32_t index,
                                struct fo_error *reterr) {
    const struct catalogue_rule_match *match = &catalogue->rules[index]->match;
    int r = 0;

    for (size_t i = 0; r == 0 && i < match->message_regex.count; i++)
        r = add_expression(catalogue, CATALOGUE_TEXT, index, match->message_regex.items[i], reterr);
    for (size_t i = 0; r == 0 && i < match->exception.count; i++)
        r = add_expression(catalogue, CATALOGUE_EXCEPTION, index, match->exception.items[i],
                           reterr);
    return r;
}

static int add_expressions(struct catalogue *catalogue, struct fo_error *reterr) {
    size_t count = 0;
    int r = 0;

    for (size_t i = 0; i < catalogue->rule_count; i++)
        count += catalogue->rules[i]->match.message_regex.count +
                 catalogue->rules[i]->match.exception.count;
    catalogue->expressions =
        catalogue_arena_alloc(&catalogue->arena, count, sizeof *catalogue->expressions);
    if (!catalogue->expressions)
        return no_memory(reterr);
    for (uint32_t i = 0; r == 0 && i < catalogue->rule_count; i++)
        r = add_rule_expressions(catalogue, i, reterr);
    return r;
}

static int compile(struct catalogue *catalogue, struct fo_error *reterr) {
    size_t culprit = 0;
    char why[CATALOGUE_WHY_SIZE] = "";
    int r = catalogue_compile(catalogue->expressions, catalogue->expression_count,
                              &catalogue->database, &culprit, why);

    if (r == -ENOMEM)
        return no_memory(reterr);
    if (r != 0 && culprit < catalogue->expression_count)
        return catalogue_error(reterr, r, catalogue->rules[catalogue->expressions[culprit].rule],
                               "unsupported expression: %s", why);
    if (r != 0)
        return catalogue_error(reterr, -E2BIG, NULL, "the rules' expressions together: %s", why);
    return 0;
}

static int load_or_compile(struct catalogue *catalogue, const char *cache_dir,
                           struct fo_error *reterr) {
    char key[CATALOGUE_HASH_SIZE];

    if (catalogue->expression_count == 0)
        return 0; /* nothing to look for in the output */
    if (!cache_dir)
        return compile(catalogue, reterr);
    if (catalogue_hash_database(catalogue, key) != 0)
        return no_memory(reterr);
    catalogue->database = catalogue_cache_load(cache_dir, key);
    if (catalogue->database)
        return 0;
    int r = compile(catalogue, reterr);
    if (r == 0)
        catalogue_cache_save(cache_dir, key, catalogue->database);
    return r;
}

static int compile_redactor(struct catalogue *catalogue, const struct catalogue_options *options,
                            struct fo_error *reterr) {
    size_t count = options->redact_count;
    struct catalogue_expression *expressions =
        catalogue_arena_alloc(&catalogue->arena, count, sizeof *expressions);
    size_t culprit = 0;
    char why[CATALOGUE_WHY_SIZE] = "";

    if (!expressions)
        return no_memory(reterr);
    for (size_t i = 0; i < count; i++) {
        struct catalogue_pattern pattern;
        const char *reason = NULL;
        if (catalogue_expression_translate(options->redact[i], &pattern, &reason) != 0)
            return catalogue_error(reterr, -EINVAL, NULL, "redact `%.*s`: %s",
                                   (int)options->redact[i].len, options->redact[i].ptr, reason);
        struct fo_str text = {pattern.text, pattern.len};
        expressions[i].pattern = catalogue_arena_copy(&catalogue->arena, text);
        expressions[i].flags =
            HS_FLAG_MULTILINE | HS_FLAG_SOM_LEFTMOST | (pattern.caseless ? HS_FLAG_CASELESS : 0);
        if (!expressions[i].pattern.ptr)
            return no_memory(reterr);
    }
    int r = catalogue_compile(expressions, count, &catalogue->redactor, &culprit, why);
    if (r == -EINVAL && culprit < count)
        return catalogue_error(reterr, r, NULL, "redact `%.*s`: %s",
                               (int)options->redact[culprit].len, options->redact[culprit].ptr,
                               why);
    return r != 0 ? catalogue_error(reterr, r, NULL, "redact: %s", why) : 0;
}

/* ---- what is looked up without a scan -----------------------------------------------------------
 */

static enum catalogue_fact fact_of(const struct catalogue_rule_match *match) {
    if (match->evidence != 0)
        return CATALOGUE_BY_EVIDENCE;
    if (match->platform_reason.count > 0)
        return CATALOGUE_BY_PLATFORM;
    if (match->signals != 0)
        return CATALOGUE_BY_SIGNAL;
    if (match->exit_code.count > 0 || match->exit_nonzero)
        return CATALOGUE_BY_EXIT;
    return CATALOGUE_BY_RUNTIME;
}

static int list_facts(struct catalogue *catalogue) {
    for (size_t fact = 0; fact < CATALOGUE_FACT_COUNT; fact++) {
        catalogue->by_fact[fact].items = catalogue_arena_alloc(
            &catalogue->arena, catalogue->rule_count, sizeof *catalogue->by_fact[fact].items);
        if (!catalogue->by_fact[fact].items)
            return -ENOMEM;
    }
    for (uint32_t i = 0; i < catalogue->rule_count; i++) {
        if (catalogue_rule_needs_text(catalogue->rules[i]))
            continue;
        struct catalogue_rule_list *list =
            &catalogue->by_fact[fact_of(&catalogue->rules[i]->match)];
        list->items[list->count++] = i;
    }
    return 0;
}

static void add_class(struct catalogue *catalogue, struct fo_str type, struct fo_str category) {
    for (size_t i = 0; i < catalogue->class_count; i++)
        if (fo_str_equal(catalogue->classes[i].type, type) &&
            fo_str_equal(catalogue->classes[i].category, category))
            return;
    catalogue->classes[catalogue->class_count++] = (struct catalogue_class){type, category};
}

static int list_classes(struct catalogue *catalogue) {
    catalogue->classes = catalogue_arena_alloc(&catalogue->arena, catalogue->rule_count + 1,
                                               sizeof *catalogue->classes);
    if (!catalogue->classes)
        return -ENOMEM;
    add_class(catalogue, fo_str_of("UNKNOWN"), fo_str_of("unknown"));
    for (size_t i = 0; i < catalogue->rule_count; i++)
        add_class(catalogue, catalogue->rules[i]->labels.type,
                  catalogue->rules[i]->labels.category);
    return 0;
}

/* ---- life ---------------------------------------------------------------------------------------
 */

static int build(struct catalogue *catalogue, const struct catalogue_source *sources,
                 size_t source_count, const struct catalogue_options *options,
                 struct fo_error *reterr) {
    int r = catalogue_collect(catalogue, sources, source_count, options, reterr);

    if (r == 0 && (catalogue_hash_rules(catalogue) != 0 || list_facts(catalogue) != 0 ||
                   list_classes(catalogue) != 0))
        r = no_memory(reterr);
    if (r == 0)
        r = add_expressions(catalogue, reterr);
    if (r == 0)
        r = load_or_compile(catalogue, options->cache_dir, reterr);
    if (r == 0 && options->redact_count > 0)
        r = compile_redactor(catalogue, options, reterr);
    return r;
}

int catalogue_new(const struct catalogue_source *sources, size_t source_count,
                  const struct catalogue_options *options, struct catalogue **ret_catalogue,
                  struct fo_error *reterr) {
    static const struct catalogue_options none;
    struct catalogue *catalogue = calloc(1, sizeof *catalogue);

    if (!catalogue)
        return no_memory(reterr);
    int r = build(catalogue, sources, source_count, options ? options : &none, reterr);
    if (r != 0) {
        (void)catalogue_free(catalogue);
        return r;
    }
    *ret_catalogue = catalogue;
    return 0;
}

struct catalogue *catalogue_free(struct catalogue *catalogue) {
    if (!catalogue)
        return NULL;
    (void)hs_free_database(catalogue->database);
    (void)hs_free_database(catalogue->redactor);
    catalogue_arena_done(&catalogue->arena);
    free(catalogue);
    return NULL;
}

const char *catalogue_version(const struct catalogue *catalogue) {
    (void)catalogue;
    return FO_VERSION;
}

const char *catalogue_hash(const struct catalogue *catalogue) {
    return catalogue->hash;
}

size_t catalogue_rule_count(const struct catalogue *catalogue) {
    return catalogue->rule_count;
}

size_t catalogue_class_count(const struct catalogue *catalogue) {
    return catalogue->class_count;
}

void catalogue_class_at(const struct catalogue *catalogue, size_t index, struct fo_str *ret_type,
                        struct fo_str *ret_category) {
    *ret_type = catalogue->classes[index].type;
    *ret_category = catalogue->classes[index].category;
}

size_t catalogue_cause_count(const struct catalogue *catalogue) {
    return catalogue_builtin_cause_count + catalogue->rule_count + 1;
}

struct fo_str catalogue_cause_at(const struct catalogue *catalogue, size_t index) {
    if (index < catalogue_builtin_cause_count)
        return catalogue_builtin_causes[index];
    index -= catalogue_builtin_cause_count;
    return index < catalogue->rule_count ? catalogue->rules[index]->labels.cause
                                         : fo_str_of("unknown");
}
