/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/tree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ex_tree *must_parse(const char *text) {
    struct ex_tree *tree = NULL;
    struct fo_error error = {0};

    if (ex_tree_parse(fo_str_of(text), NULL, &tree, &error) != 0)
        fail_msg("line %d: %s", error.line, error.text);
    return tree;
}

static void must_refuse(const char *text, int code, int line, const char *why) {
    struct ex_tree *tree = NULL;
    struct fo_error error = {0};

    assert_int_equal(ex_tree_parse(fo_str_of(text), NULL, &tree, &error), code);
    assert_null(tree);
    assert_int_equal(error.code, code);
    assert_int_equal(error.line, line);
    if (!strstr(error.text, why))
        fail_msg("\"%s\" does not say \"%s\"", error.text, why);
}

static void assert_text(struct fo_str text, const char *expected) {
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}

static void reads_block_and_flow(void **state) {
    (void)state;
    struct ex_tree *tree = must_parse("name: wordcount\n"
                                      "delay: 10 s\n"
                                      "vertices:\n"
                                      "  - {id: a, parallelism: 2}\n"
                                      "  - id: b\n"
                                      "    env: {A: 0.10}\n");
    json_t *root = ex_tree_root(tree);
    const json_t *vertices = json_object_get(root, "vertices");
    const json_t *b = json_array_get(vertices, 1);

    assert_string_equal(json_string_value(json_object_get(root, "delay")), "10 s");
    assert_int_equal(ex_tree_key_line(tree, root, "delay"), 2);
    assert_int_equal(ex_tree_key_line(tree, root, "vertices"), 3);
    assert_int_equal(ex_tree_line(tree, vertices), 4);
    assert_int_equal(ex_tree_line(tree, b), 5);
    assert_int_equal(
        json_integer_value(json_object_get(json_array_get(vertices, 0), "parallelism")), 2);
    assert_text(ex_tree_key_text(tree, json_object_get(b, "env"), "A"), "0.10");
    assert_int_equal(ex_tree_key_line(tree, root, "nothing"), 0);
    ex_tree_free(tree);
}

static void resolves_scalars(void **state) {
    static const struct {
        const char *text;
        json_type type;
    } cases[] = {
        {"12", JSON_INTEGER},      {"-7", JSON_INTEGER},      {"+7", JSON_INTEGER},
        {"010", JSON_INTEGER},     {"0o17", JSON_INTEGER},    {"0xff", JSON_INTEGER},
        {"1.5", JSON_REAL},        {".5", JSON_REAL},         {"1e3", JSON_REAL},
        {"1.", JSON_REAL},         {".inf", JSON_STRING},     {".nan", JSON_STRING},
        {"1e400", JSON_STRING},    {"nan", JSON_STRING},      {"99999999999999999999", JSON_STRING},
        {"true", JSON_TRUE},       {"False", JSON_FALSE},     {"yes", JSON_STRING},
        {"~", JSON_NULL},          {"", JSON_NULL},           {"Null", JSON_NULL},
        {"'12'", JSON_STRING},     {"\"true\"", JSON_STRING}, {"!!str 12", JSON_STRING},
        {"10 s", JSON_STRING},     {"1_000", JSON_STRING},    {"0x", JSON_STRING},
        {"1e", JSON_STRING},       {".", JSON_STRING},        {"-", JSON_ARRAY},
        {"12:30:45", JSON_STRING},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "a:\n  %s\n", cases[i].text);
        struct ex_tree *tree = must_parse(text);
        json_type type = json_typeof(json_object_get(ex_tree_root(tree), "a"));
        if (type != cases[i].type)
            fail_msg("%s: type %d instead of %d", cases[i].text, (int)type, (int)cases[i].type);
        ex_tree_free(tree);
    }
}

static void shared_values_have_lines_by_place(void **state) {
    (void)state;
    struct ex_tree *tree = must_parse("a: True\nb:\n  - false\n  - FALSE\n  - ~\nc: true\nd:\n");
    json_t *root = ex_tree_root(tree);
    const json_t *list = json_object_get(root, "b");

    assert_int_equal(ex_tree_line(tree, json_object_get(root, "a")), 0);
    assert_int_equal(ex_tree_key_line(tree, root, "c"), 6);
    assert_text(ex_tree_key_text(tree, root, "a"), "True");
    assert_text(ex_tree_key_text(tree, root, "c"), "true");
    assert_text(ex_tree_key_text(tree, root, "d"), "");
    assert_text(ex_tree_text(tree, json_object_get(root, "a")), "true");
    assert_int_equal(ex_tree_item_line(tree, list, 0), 3);
    assert_int_equal(ex_tree_item_line(tree, list, 1), 4);
    assert_int_equal(ex_tree_item_line(tree, list, 2), 5);
    assert_int_equal(ex_tree_item_line(tree, list, 3), 0);
    assert_text(ex_tree_item_text(tree, list, 1), "FALSE");
    assert_text(ex_tree_item_text(tree, list, 2), "");
    ex_tree_free(tree);
}

static void reads_json(void **state) {
    (void)state;
    static const char text[] =
        "\t{\n\t\"a\":[1,-2.5e3,true,null,\"x\"],\"b\":\n\t\t{\"c\":\"\"},\r\n"
        "\t\"esc\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\",\n"
        "\t\"clef\":\"\\uD834\\udd1e \\\\uD834\\\\udd1e\"\n}\n";
    struct ex_tree *tree = must_parse(text);
    json_t *expected = json_loads(text, 0, NULL);
    json_t *root = ex_tree_root(tree);

    assert_non_null(expected);
    assert_true(json_equal(root, expected));
    assert_string_equal(json_string_value(json_object_get(root, "clef")),
                        "\xF0\x9D\x84\x9E \\uD834\\udd1e");
    assert_int_equal(ex_tree_key_line(tree, root, "b"), 2);
    assert_int_equal(ex_tree_line(tree, json_object_get(root, "b")), 3);
    assert_int_equal(ex_tree_key_line(tree, root, "clef"), 5);
    json_decref(expected);
    ex_tree_free(tree);

    tree = must_parse("[{}, [],\n {\"a\"\n:\n 1.50, \"b\": [true,\nfalse]}\n, 7 ]");
    root = ex_tree_root(tree);
    const json_t *object = json_array_get(root, 2);
    assert_int_equal(ex_tree_item_line(tree, root, 1), 1);
    assert_int_equal(ex_tree_line(tree, object), 2);
    assert_int_equal(ex_tree_key_line(tree, object, "a"), 2);
    assert_int_equal(ex_tree_line(tree, json_object_get(object, "a")), 4);
    assert_text(ex_tree_key_text(tree, object, "a"), "1.50");
    assert_int_equal(ex_tree_item_line(tree, json_object_get(object, "b"), 1), 5);
    assert_int_equal(ex_tree_item_line(tree, root, 3), 6);
    assert_text(ex_tree_item_text(tree, root, 3), "7");
    ex_tree_free(tree);
}

static void aliases_share(void **state) {
    (void)state;
    struct ex_tree *tree = must_parse("a: &env\n  X: 1\nb: *env\nc: &n 7\nd: [*n, *env]\n");
    json_t *root = ex_tree_root(tree);

    assert_ptr_equal(json_object_get(root, "a"), json_object_get(root, "b"));
    assert_int_equal(json_integer_value(json_array_get(json_object_get(root, "d"), 0)), 7);
    assert_int_equal(ex_tree_key_line(tree, root, "b"), 3);
    ex_tree_free(tree);
}

static void empty_is_null(void **state) {
    static const char *const texts[] = {"", "\n\n", "# nothing\n", "---\n", "\xEF\xBB\xBF"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ex_tree *tree = must_parse(texts[i]);
        assert_true(json_is_null(ex_tree_root(tree)));
        ex_tree_free(tree);
    }
}

static void refuses_with_line(void **state) {
    (void)state;
    must_refuse("a: 1\nb: 2\na: 3\n", -EINVAL, 3, "twice");
    must_refuse("{\"a\":1,\n\"a\":2}", -EINVAL, 2, "\"a\" is there twice");
    must_refuse("a: 1\n---\nb: 2\n", -EINVAL, 2, "second document");
    must_refuse("? [a, b]\n: 1\n", -EINVAL, 1, "key");
    must_refuse("a: !!int 5\n", -EINVAL, 1, "tag");
    must_refuse("a: !x {b: 1}\n", -EINVAL, 1, "tag");
    must_refuse("a: \"x\\0y\"\n", -EINVAL, 1, "NUL");
    must_refuse("\"x\\0y\": 1\n", -EINVAL, 1, "NUL");
    must_refuse("a: 1\nb: *nobody\n", -EINVAL, 2, "*nobody");
    must_refuse("a: &r\n  - *r\n", -EINVAL, 2, "*r");
    must_refuse("a: 1\nb: \"\xFF\"\n", -EINVAL, 2, "UTF-8");
    must_refuse("a: \"\\uD834\"\n", -EINVAL, 1, "escape");
    must_refuse("a: [1, 2\nb: 3\n", -EINVAL, 2, "");
    must_refuse("a: b: c\n", -EINVAL, 1, "mapping values");
    must_refuse("a:\n\t- b\n", -EINVAL, 2, "token");
    must_refuse("\xFF\xFE"
                "a",
                -EINVAL, 1, "");
}

static char *repeated(const char *part, size_t times) {
    size_t len = strlen(part);
    char *text = malloc(len * times + 1);

    assert_non_null(text);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * len, part, len);
    text[len * times] = '\0';
    return text;
}

static void stops_bombs(void **state) {
    (void)state;
    char *deep = repeated("[", 100000);
    must_refuse(deep, -E2BIG, 1, "nested");
    free(deep);
    deep = repeated("[", 200);
    char *shut = repeated("]", 200);
    char both[512];
    (void)snprintf(both, sizeof both, "%s%s", deep, shut);
    must_refuse(both, -E2BIG, 1, "nested");
    free(shut);
    free(deep);
    deep = repeated("- ", 100000);
    must_refuse(deep, -E2BIG, 1, "nested");
    free(deep);
    deep = repeated("{a: ", 100000);
    must_refuse(deep, -E2BIG, 1, "nested");
    free(deep);

    char laughs[2048] = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 12; i++) {
        size_t len = strlen(laughs);
        (void)snprintf(laughs + len, sizeof laughs - len,
                       "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
                       i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    must_refuse(laughs, -E2BIG, 7, "values");

    char *text = repeated("x", 100000);
    char *copies = repeated(", *t", 300);
    size_t size = 100000 + 1200 + 64;
    char *bomb = malloc(size);
    assert_non_null(bomb);
    (void)snprintf(bomb, size, "a: &t %s\nb: [*t%s]\n", text, copies);
    must_refuse(bomb, -E2BIG, 2, "aliases written out");
    free(bomb);
    free(copies);
    free(text);

    char nested[4096] = "a0: &a0 [x]\n";
    for (int i = 1; i < 80; i++) {
        size_t len = strlen(nested);
        (void)snprintf(nested + len, sizeof nested - len, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    }
    must_refuse(nested, -E2BIG, EX_TREE_DEPTH_MAX, "nested");
}

static void honours_limits(void **state) {
    struct ex_tree_limits limits = {.bytes = 8, .nodes = 3};
    struct ex_tree *tree = NULL;
    struct fo_error error;
    (void)state;

    assert_int_equal(ex_tree_parse(fo_str_of("a: 12345"), &limits, &tree, &error), 0);
    tree = ex_tree_free(tree);
    assert_int_equal(ex_tree_parse(fo_str_of("a: 123456"), &limits, &tree, &error), -E2BIG);
    assert_int_equal(ex_tree_parse(fo_str_of("[1,2,3]"), &limits, &tree, &error), -E2BIG);
    assert_int_equal(ex_tree_parse(fo_str_of("[1,2]"), &limits, &tree, NULL), 0);
    ex_tree_free(tree);
}

static void loads_files(void **state) {
    char path[] = "/tmp/tree-XXXXXX";
    struct ex_tree *tree = NULL;
    struct fo_error error;
    (void)state;

    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_true(fputs("a: 1\nb: [\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(ex_tree_load(path, NULL, &tree, &error), -EINVAL);
    assert_true(error.line >= 2);
    struct ex_tree_limits limits = {.bytes = 9, .nodes = 9};
    assert_int_equal(ex_tree_load(path, &limits, &tree, &error), -E2BIG);
    assert_int_equal(remove(path), 0);
    assert_int_equal(ex_tree_load(path, NULL, &tree, &error), -ENOENT);
    assert_int_equal(error.line, 0);
    assert_non_null(strstr(error.text, "No such file"));
    assert_int_equal(ex_tree_load("/tmp", NULL, &tree, &error), -EISDIR);
    assert_int_equal(ex_tree_load("/dev/null", NULL, &tree, &error), 0);
    ex_tree_free(tree);
}

static void many_nodes_keep_their_lines(void **state) {
    (void)state;
    char *text = repeated("- {k: 1.50, v: true}\n", 20000);
    struct ex_tree *tree = must_parse(text);
    const json_t *root = ex_tree_root(tree);

    assert_int_equal(json_array_size(root), 20000);
    for (size_t i = 0; i < 20000; i++) {
        const json_t *item = json_array_get(root, i);
        assert_int_equal(ex_tree_item_line(tree, root, i), i + 1);
        assert_int_equal(ex_tree_key_line(tree, item, "v"), i + 1);
        assert_text(ex_tree_key_text(tree, item, "k"), "1.50");
    }
    ex_tree_free(tree);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_block_and_flow),
        cmocka_unit_test(resolves_scalars),
        cmocka_unit_test(shared_values_have_lines_by_place),
        cmocka_unit_test(reads_json),
        cmocka_unit_test(aliases_share),
        cmocka_unit_test(empty_is_null),
        cmocka_unit_test(refuses_with_line),
        cmocka_unit_test(stops_bombs),
        cmocka_unit_test(honours_limits),
        cmocka_unit_test(loads_files),
        cmocka_unit_test(many_nodes_keep_their_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
