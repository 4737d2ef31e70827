/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/catalogue_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/config/fail.h"
#include "exporter/config/nearest.h"
#include "exporter/config/tree.h"

enum { FILES_MAX = 64, PATH_MAX_BYTES = 4096, TEXTS_MAX = 1024 };

/* What catalogue_new() is given, and the trees that it leads into. */
struct ingredients {
    struct catalogue_source sources[FILES_MAX + 1];
    struct ex_tree *trees[FILES_MAX + 1]; /* NULL for the built-in rules */
    char *names[FILES_MAX + 1];
    size_t count;
    struct fo_str disabled[TEXTS_MAX];
    struct fo_str redact[TEXTS_MAX];
};

static int line_of(const void *tree, const json_t *node) {
    return ex_tree_line(tree, node);
}

static int fail(struct fo_error *reterr, int code, const char *path) {
    struct fo_error cause = *reterr;

    (void)snprintf(reterr->text, sizeof reterr->text, "%.100s:%d: %.120s", path, cause.line,
                   cause.text);
    reterr->line = 0;
    reterr->code = code;
    return code;
}

static int add_file(struct ingredients *ingredients, const char *folder, const char *name,
                    struct fo_error *reterr) {
    size_t i = ingredients->count;
    char path[PATH_MAX_BYTES];

    (void)snprintf(path, sizeof path, "%s%s%s", *name == '/' ? "" : folder, *name == '/' ? "" : "/",
                   name);
    int ret = ex_tree_load(path, NULL, &ingredients->trees[i], reterr);
    if (ret < 0)
        return fail(reterr, ret, path);
    ingredients->count++;
    ingredients->names[i] = strdup(path);
    if (!ingredients->names[i])
        return -ENOMEM;
    ingredients->sources[i] = (struct catalogue_source){
        .name = ingredients->names[i],
        .root = ex_tree_root(ingredients->trees[i]),
        .line_of = line_of,
        .line_ctx = ingredients->trees[i],
    };
    return 0;
}

static int add_files(struct ingredients *ingredients, const char *folder, const json_t *files,
                     struct fo_error *reterr) {
    size_t index;
    json_t *file;

    json_array_foreach(files, index, file) {
        if (ingredients->count >= FILES_MAX) {
            (void)snprintf(reterr->text, sizeof reterr->text, "more than %d rule files", FILES_MAX);
            return -E2BIG;
        }
        int ret = add_file(ingredients, folder, json_string_value(file), reterr);
        if (ret < 0)
            return ret;
    }
    return 0;
}

static size_t list_texts(const json_t *list, struct fo_str *ret_texts) {
    size_t count = json_array_size(list);

    if (count > TEXTS_MAX)
        count = TEXTS_MAX;
    for (size_t i = 0; i < count; i++)
        ret_texts[i] = fo_str_of(json_string_value(json_array_get(list, i)));
    return count;
}

static int make(struct ingredients *ingredients, const struct ex_config *config,
                const char *cache_dir, struct catalogue **ret_catalogue, struct fo_error *reterr) {
    const struct ex_listener_config *own = ex_config_listener(config, fo_str_of("catalogue"));
    const struct catalogue_options options = {
        .disabled = ingredients->disabled,
        .disabled_count = own ? list_texts(own->disable, ingredients->disabled) : 0,
        .redact = ingredients->redact,
        .redact_count = own ? list_texts(own->redact, ingredients->redact) : 0,
        .cache_dir = cache_dir,
    };
    int ret = own ? add_files(ingredients, config->folder, own->before, reterr) : 0;

    ingredients->count++; /* a source without a tree is the built-in rules */
    if (ret == 0 && own)
        ret = add_files(ingredients, config->folder, own->files, reterr);
    if (ret == 0)
        ret = catalogue_new(ingredients->sources, ingredients->count, &options, ret_catalogue,
                            reterr);
    return ret;
}

/* ---- policies: which causes there are is known only now ---- */

static int check_cause(const struct catalogue *catalogue, struct fo_str cause, int line,
                       struct fo_error *reterr) {
    struct ex_nearest nearest = ex_nearest_to(cause);
    size_t count = catalogue_cause_count(catalogue);

    for (size_t i = 0; i < count; i++) {
        struct fo_str known = catalogue_cause_at(catalogue, i);
        if (fo_str_equal(known, cause))
            return 0;
        ex_nearest_try(&nearest, known);
    }
    return ex_fail(reterr, -EINVAL, line,
                   "policy: \"%.*s\" is the cause of no rule; the nearest is \"%.*s\"",
                   ex_shown(cause), cause.ptr, ex_shown(nearest.best), nearest.best.ptr);
}

static int check_policy(const struct catalogue *catalogue, const struct fo_policy *policy, int line,
                        struct fo_error *reterr) {
    int ret = 0;

    for (uint32_t i = 0; i < policy->match_count; i++) {
        const struct fo_match *match = &policy->matches[i];
        if (!fo_str_equal(match->key, fo_str_of("cause")))
            continue;
        for (uint32_t j = 0; j < match->value_count && ret == 0; j++)
            ret = check_cause(catalogue, match->values[j], line, reterr);
    }
    return ret;
}

static int check_policies(const struct catalogue *catalogue, const struct ex_policies *policies,
                          struct fo_error *reterr) {
    int ret = 0;

    for (uint32_t i = 0; policies && i < policies->count && ret == 0; i++)
        ret = check_policy(catalogue, &policies->items[i], policies->lines[i], reterr);
    return ret;
}

/* ---- all together ---- */

int ex_catalogue_load(const struct ex_config *config, const char *cache_dir,
                      struct catalogue **ret_catalogue, struct fo_error *reterr) {
    struct ingredients *ingredients = calloc(1, sizeof *ingredients);

    if (!ingredients)
        return -ENOMEM;
    struct catalogue *catalogue = NULL;
    int ret = make(ingredients, config, cache_dir, &catalogue, reterr);
    for (size_t i = 0; i < ingredients->count; i++) {
        (void)ex_tree_free(ingredients->trees[i]);
        free(ingredients->names[i]);
    }
    free(ingredients);
    if (ret == 0)
        ret = check_policies(catalogue, config->policies, reterr);
    if (ret == 0)
        *ret_catalogue = catalogue;
    else
        (void)catalogue_free(catalogue);
    return ret;
}
