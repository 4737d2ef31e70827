/* SPDX-License-Identifier: Apache-2.0 */
/* One input as everything that this room reads: a tree, a configuration, a job, a value. What must
 * hold of every input: no crash; a result or an error with text, never both; lines within the
 * input; a tree that is written as JSON and read again is the same tree. */
#include <stdio.h>
#include <stdlib.h>

#include "exporter/config/config.h"
#include "exporter/config/duration.h"
#include "exporter/config/job_file.h"
#include "exporter/config/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ex_tree_limits limits = {.bytes = 65536, .nodes = 20000};

static void must(bool holds, const char *what) {
    if (holds)
        return;
    (void)fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static int count_lines(struct fo_str input) {
    int lines = 1;

    /* YAML has more line breaks than \n; each takes a byte at least. */
    for (size_t i = 0; i < input.len; i++)
        lines += input.ptr[i] == '\n' || input.ptr[i] == '\r' || (input.ptr[i] & 0x80);
    return lines;
}

static void check_error(int rc, const void *result, const struct fo_error *error,
                        struct fo_str input) {
    must((rc == 0) == (result != NULL), "a result or an error");
    if (rc == 0)
        return;
    must(error->code == rc, "the error has the code");
    must(memchr(error->text, '\0', sizeof error->text) && *error->text, "the error has a text");
    must(error->line >= 0 && error->line <= count_lines(input), "the line is in the input");
}

/* The limit on nodes bounds this even where aliases share. */
static void visit(const struct ex_tree *tree, json_t *node, int lines) {
    const char *key = NULL;
    json_t *value = NULL;
    size_t i = 0;

    json_object_foreach(node, key, value) {
        int line = ex_tree_key_line(tree, node, key);
        must(line >= 1 && line <= lines, "a key has a line");
        must(ex_tree_key_text(tree, node, key).ptr, "a member has a text");
        visit(tree, value, lines);
    }
    json_array_foreach(node, i, value) {
        int line = ex_tree_item_line(tree, node, i);
        must(line >= 1 && line <= lines, "an item has a line");
        must(ex_tree_item_text(tree, node, i).ptr, "an item has a text");
        visit(tree, value, lines);
    }
}

static void check_again(json_t *root) {
    char *text = json_dumps(root, JSON_COMPACT);
    struct ex_tree *again = NULL;

    must(text && ex_tree_parse(fo_str_of(text), NULL, &again, NULL) == 0, "its JSON can be read");
    must(json_equal(ex_tree_root(again), root), "its JSON is the same tree");
    ex_tree_free(again);
    free(text);
}

static void read_tree(struct fo_str input) {
    struct ex_tree *tree = NULL;
    struct fo_error error = {0};
    int rc = ex_tree_parse(input, &limits, &tree, &error);

    check_error(rc, tree, &error, input);
    if (rc != 0)
        return;
    visit(tree, ex_tree_root(tree), count_lines(input));
    if (json_is_object(ex_tree_root(tree)) || json_is_array(ex_tree_root(tree)))
        check_again(ex_tree_root(tree));
    ex_tree_free(tree);
}

static void read_job(struct fo_str input, const struct ex_job_origin *origin,
                     const struct ex_config *config) {
    struct ex_job_spec *spec = NULL;
    struct fo_error error = {0};
    int rc = ex_job_parse(input, origin, config, &spec, &error);

    check_error(rc, spec, &error, input);
    ex_job_spec_unref(spec);
}

static void read_config_and_job(struct fo_str input) {
    static const struct ex_job_origin origin = {.working_directory = "/"};
    struct ex_config *config = NULL;
    struct fo_error error = {0};
    int rc = ex_config_parse(input, ".", &config, &error);

    check_error(rc, config, &error, input);
    read_job(input, &origin, config);
    read_job(input, NULL, NULL);
    ex_config_unref(config);
}

static void read_value(struct fo_str input) {
    struct ex_duration duration = {-1, 0};
    char ns[EX_DURATION_NS_SIZE];
    uint64_t bytes = 0;
    double real = 0;

    if (ex_duration_parse(input, &duration) == 0) {
        must(duration.seconds >= 0 && duration.nanos < 1000000000, "a duration is not negative");
        ex_duration_format_ns(duration, ns);
        must(strspn(ns, "0123456789") == strlen(ns), "nanoseconds are digits");
    }
    if (ex_number_double(input, &real) == 0)
        must(real - real == 0, "a number is finite");
    (void)!ex_number_bytes(input, &bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fo_str input = {(const char *)data, size};

    if (size > limits.bytes)
        return 0;
    read_tree(input);
    read_value(input);
    /* A job with millions of tasks is right, but slow to build. */
    if (size < 8192)
        read_config_and_job(input);
    return 0;
}
