/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/catalogue/support.h"

#include <stdlib.h>
#include <string.h>

#include "exporter/config/tree.h"

static int line_of(const void *tree, const json_t *node) {
    return ex_tree_line(tree, node);
}

int try_rules(const char *yaml, const struct catalogue_options *options,
              struct catalogue **ret_catalogue, struct fo_error *reterr) {
    struct ex_tree *tree = NULL;

    assert_int_equal(ex_tree_parse(fo_str_of(yaml), NULL, &tree, reterr), 0);
    const struct catalogue_source source = {
        .name = "user.yaml", .root = ex_tree_root(tree), .line_of = line_of, .line_ctx = tree};
    int r = catalogue_new(&source, 1, options, ret_catalogue, reterr);
    (void)ex_tree_free(tree);
    return r;
}

void bench_init(struct bench *bench, const char *yaml, const struct catalogue_options *options) {
    const struct catalogue_source builtin = {.root = NULL};
    struct fo_error error = {.text = ""};
    int r = yaml ? try_rules(yaml, options, &bench->catalogue, &error)
                 : catalogue_new(&builtin, 1, options, &bench->catalogue, &error);

    if (r != 0)
        fail_msg("%s", error.text);
    assert_int_equal(catalogue_scratch_new(bench->catalogue, &bench->scratch), 0);
}

void bench_done(struct bench *bench) {
    bench->scratch = catalogue_scratch_free(bench->scratch);
    bench->catalogue = catalogue_free(bench->catalogue);
}

const char *judge(struct bench *bench, const struct catalogue_input *input) {
    assert_int_equal(catalogue_classify(bench->catalogue, input, bench->scratch, &bench->verdict),
                     0);
    return bench->verdict.decided_by.rule.len > 0 ? bench->verdict.decided_by.rule.ptr : "";
}

const char *judge_output(struct bench *bench, const char *output) {
    const struct catalogue_input input = {.head = fo_str_of(output)};
    return judge(bench, &input);
}

void put_text(char *at, const char *text) {
    struct fo_str str = fo_str_of(text);
    (void)memcpy(at, str.ptr, str.len);
}

void assert_str(struct fo_str text, const char *expected) {
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}
