/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of expressions on their way to the matcher, and that nothing comes of it: cut or
 * whole, compiled with the program or at the start, the same rules decide. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "listeners/catalogue/builtin_database.h"
#include "listeners/catalogue/patterns.h"
#include "tests/unit/catalogue/support.h"

enum { TAIL_MASK = (1U << CATALOGUE_TAIL_BITS) - 1 };

/* The name of an exception with its package, as a rule writes it and as the matcher does. */
#define NAME "([a-z][A-Za-z0-9_]*\\.)+[A-Z][A-Za-z0-9_$]*(Exception|Error)"
#define NAME_PATTERN "(?:[a-z][A-Za-z0-9_]*\\x2e)+[A-Z][A-Za-z0-9_\\x24]*(?:Exception|Error)"

/* ---- cutting ---- */

/* The patterns, a space after each, a `~` before those that have a tail. */
static void assert_patterns(enum catalogue_expression_kind kind, const char *source,
                            const char *expected) {
    struct catalogue_patterns patterns = {0};
    const char *why = NULL;
    char text[256] = "";

    assert_int_equal(catalogue_patterns_add(&patterns, kind, fo_str_of(source), 7, &why), 0);
    for (size_t i = 0; i < patterns.count; i++) {
        size_t len = strlen(text);
        assert_int_equal(patterns.ids[i] >> CATALOGUE_TAIL_BITS, 7);
        (void)snprintf(text + len, sizeof text - len, "%s%s ",
                       (patterns.ids[i] & TAIL_MASK) != 0 ? "~" : "", patterns.texts[i]);
    }
    assert_string_equal(text, expected);
    catalogue_patterns_done(&patterns);
}

static void test_cut(void **state) {
    (void)state;
    assert_patterns(CATALOGUE_TEXT, "FooException", "~FooE ");
    assert_patterns(CATALOGUE_TEXT, "a|(b|c)d|FooError", "a (?:b|c)d ~FooE ");
    assert_patterns(CATALOGUE_TEXT, "(Foo|Ba(r|z)?)(Exception|Error)([^A-Za-z]|$)",
                    "~(?:Foo|Ba(?:r|z)?)E ");
    assert_patterns(CATALOGUE_TEXT, "Foo(Error|Exception)(:|$)", "~FooE ");
    assert_patterns(CATALOGUE_TEXT, "a\\|FooException", "~a\\x7cFooE ");
    assert_patterns(CATALOGUE_EXCEPTION, "a.b.FooException", "~a\\x2eb\\x2eFooE ");
    assert_patterns(CATALOGUE_EXCEPTION, "KeyError", "~KeyE ");
    assert_patterns(CATALOGUE_TEXT, "^Caused by: " NAME "(:|$)", "~^Caused by\\x3a  ");
}

/* What would be left could stand anywhere, or the letters' case is not known. */
static void test_uncut(void **state) {
    (void)state;
    assert_patterns(CATALOGUE_TEXT, "Exception", "Exception ");
    assert_patterns(CATALOGUE_TEXT, "^Error", "^Error ");
    assert_patterns(CATALOGUE_TEXT, "(^|[^a])Error", "(?:^|[^\\x0aa])Error ");
    assert_patterns(CATALOGUE_TEXT, "[a-z]*Error", "[a-z]*Error ");
    assert_patterns(CATALOGUE_TEXT, "FooException:", "FooException\\x3a ");
    assert_patterns(CATALOGUE_TEXT, "(?i)FooError|b", "FooError b ");
    assert_patterns(CATALOGUE_EXCEPTION, "panic", "panic ");
    assert_patterns(CATALOGUE_TEXT, "^" NAME "(:|$)", "^" NAME_PATTERN "(?:\\x3a|$) ");
    assert_patterns(CATALOGUE_TEXT, "Caused by: " NAME, "Caused by\\x3a " NAME_PATTERN " ");
}

static void test_refused(void **state) {
    struct catalogue_patterns patterns = {0};
    const char *why = NULL;

    (void)state;
    assert_int_equal(catalogue_patterns_add(&patterns, CATALOGUE_TEXT, fo_str_of("a(b"), 0, &why),
                     -EINVAL);
    assert_non_null(why);
    assert_int_equal(patterns.count, 0);
    catalogue_patterns_done(&patterns);
}

/* ---- the same matches as without ---- */

#define RULE_OF(id_, regex_)                                                                       \
    "- {id: " id_ ", priority: 5, match: {message_regex: '" regex_ "'}, "                          \
    "labels: {type: USER, category: data, cause: bad_row, retry: never}}\n"

static void test_tails(void **state) {
    static const char rules[] = RULE_OF("plain", "AbcException")
        RULE_OF("either", "(Dog|Cat)(Error|Exception)([^A-Za-z]|$)")
            RULE_OF("colon", "X[yz]Error(:|$)|other words")
                RULE_OF("name", "^Caused by: " NAME "(:|$)");
    static const struct {
        const char *output, *rule;
    } cases[] = {{"AbcException", "plain"},
                 {"xAbcExceptions", "plain"},
                 {"AbcExceptio", ""},
                 {"AbcE", ""},
                 {"AbcError", ""},
                 {"AbcE\nxception", ""},
                 {"a DogException", "either"},
                 {"CatError.", "either"},
                 {"CatError\nb", "either"},
                 {"CatErrors", ""},
                 {"CatErro", ""},
                 {"XyError: a", "colon"},
                 {"XzError", "colon"},
                 {"XzError\n", "colon"},
                 {"XzError at", ""},
                 {"XzException: a", ""},
                 {"other words", "colon"},
                 {"CatEError", ""},
                 {"CatEr CatError 1", "either"},
                 {"Caused by: a.BError: x", "name"},
                 {"Caused by: a.b_1.c.B$DException", "name"},
                 {"Caused by: a.BError\nx", "name"},
                 {"Caused by: a.BError at", ""},
                 {"Caused by: a.BErrors: x", ""},
                 {"Caused by: a.Error: x", ""},
                 {"Caused by: BError: x", ""},
                 {"Caused by: a..BError: x", ""},
                 {"Caused by: a$b.BError: x", ""},
                 {"Caused by: a.B.CError: x", ""},
                 {"Caused by: a.\nBError: x", ""},
                 {"Caused by: a.", ""},
                 {"Caused by: ", ""},
                 {" Caused by: a.BError: x", ""}};
    struct bench bench;

    (void)state;
    bench_init(&bench, rules, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(judge_output(&bench, cases[i].output), cases[i].rule);
    /* The newest match decides, and one with its tail ends where the expression ends. */
    assert_string_equal(judge_output(&bench, "CatError: AbcException"), "plain");
    assert_string_equal(judge_output(&bench, "AbcException XyError: a"), "colon");
    bench_done(&bench);
}

/* ---- compiled with the program ---- */

static void test_builtin_fits(void **state) {
    struct fo_str bytes = catalogue_builtin_database();
    hs_database_t *database = NULL;

    (void)state;
    assert_true(bytes.len > 0);
    assert_int_equal(hs_deserialize_database(bytes.ptr, bytes.len, &database), HS_SUCCESS);
    assert_int_equal(hs_free_database(database), HS_SUCCESS);
}

static void assert_same_verdicts(struct bench *left, struct bench *right,
                                 const struct catalogue_examples *examples) {
    for (size_t i = 0; i < examples->count; i++) {
        const char *rule = judge(left, &examples->items[i]);
        assert_string_equal(judge(right, &examples->items[i]), rule);
        assert_int_equal(left->verdict.runner_up_count, right->verdict.runner_up_count);
        for (size_t j = 0; j < left->verdict.runner_up_count; j++)
            assert_string_equal(right->verdict.runners_up[j].rule.ptr,
                                left->verdict.runners_up[j].rule.ptr);
    }
}

static void test_builtin_decides_alike(void **state) {
    const struct catalogue_options compile = {.compile_builtin = true};
    struct bench prepared;
    struct bench compiled;

    (void)state;
    bench_init(&prepared, NULL, NULL);
    bench_init(&compiled, NULL, &compile);
    for (size_t i = 0; i < catalogue_builtin_rule_count; i++) {
        assert_same_verdicts(&prepared, &compiled, &catalogue_builtin_rules[i].positive);
        assert_same_verdicts(&prepared, &compiled, &catalogue_builtin_rules[i].negative);
    }
    bench_done(&compiled);
    bench_done(&prepared);
}

static void test_builtin_disabled(void **state) {
    static const char output[] = "java.lang.OutOfMemoryError: Java heap space";
    const struct fo_str disabled = fo_str_of("jvm.heap");
    const struct catalogue_options options = {.disabled = &disabled, .disabled_count = 1};
    struct bench bench;

    (void)state;
    bench_init(&bench, NULL, NULL);
    assert_string_equal(judge_output(&bench, output), "jvm.heap");
    bench_done(&bench);
    bench_init(&bench, NULL, &options);
    assert_string_not_equal(judge_output(&bench, output), "jvm.heap");
    for (size_t i = 0; i < bench.verdict.runner_up_count; i++)
        assert_string_not_equal(bench.verdict.runners_up[i].rule.ptr, "jvm.heap");
    bench_done(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_uncut),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_builtin_fits),
        cmocka_unit_test(test_builtin_decides_alike),
        cmocka_unit_test(test_builtin_disabled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
