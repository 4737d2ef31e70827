/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/cli/rule_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/config/tree.h"

static int line_of(const void *tree, const json_t *node) {
    return ex_tree_line(tree, node);
}

static int load_tree(const char *path, struct ex_tree **ret_tree, struct fo_error *reterr) {
    struct fo_error inner;
    int r = ex_tree_load(path, NULL, ret_tree, &inner);

    if (r == 0)
        return 0;
    *reterr = (struct fo_error){.code = r, .line = inner.line};
    if (inner.line > 0)
        (void)snprintf(reterr->text, sizeof reterr->text, "%s:%d: %.160s", path, inner.line,
                       inner.text);
    else
        (void)snprintf(reterr->text, sizeof reterr->text, "%s: %.160s", path, inner.text);
    return r;
}

static int load_sources(const char *const *paths, size_t count, struct ex_tree **trees,
                        struct catalogue_source *sources, struct fo_error *reterr) {
    for (size_t i = 0; i < count; i++) {
        int r = load_tree(paths[i], &trees[i], reterr);
        if (r != 0)
            return r;
        sources[1 + i] = (struct catalogue_source){.name = paths[i],
                                                   .root = ex_tree_root(trees[i]),
                                                   .line_of = line_of,
                                                   .line_ctx = trees[i]};
    }
    return 0;
}

int ex_rule_files_load(const char *const *paths, size_t count, struct catalogue **ret_catalogue,
                       struct fo_error *reterr) {
    struct catalogue_source *sources = calloc(count + 1, sizeof *sources);
    struct ex_tree **trees = calloc(count + 1, sizeof(struct ex_tree *));
    int r = -ENOMEM;

    *reterr = (struct fo_error){.code = r, .text = "out of memory"};
    if (sources && trees)
        r = load_sources(paths, count, trees, sources, reterr);
    if (r == 0)
        r = catalogue_new(sources, count + 1, NULL, ret_catalogue, reterr);
    for (size_t i = 0; trees && i < count; i++)
        (void)ex_tree_free(trees[i]);
    free(trees);
    free(sources);
    return r;
}
