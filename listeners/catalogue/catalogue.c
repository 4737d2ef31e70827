/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/catalogue.h"

#include <errno.h>
#include <stdlib.h>

#include "failover/version.h"
#include "listeners/catalogue/compiled.h"
#include "listeners/catalogue/reader.h"

static int no_memory(struct fo_error *reterr) {
    return catalogue_error(reterr, -ENOMEM, NULL, "out of memory");
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
        r = catalogue_load_matchers(catalogue, options, reterr);
    if (r == 0)
        r = catalogue_load_redactor(catalogue, options, reterr);
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
    (void)hs_free_database(catalogue->builtin.database);
    (void)hs_free_database(catalogue->own.database);
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
