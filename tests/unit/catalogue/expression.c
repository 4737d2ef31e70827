/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/expression.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/catalogue/support.h"

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

static void test_translations(void **state) {
    static const char *const pairs[][2] = {
        {"abc 1_", "abc 1_"},
        {"a.b*c+d?", "a.b*c+d?"},
        {"^a|b$", "^a|b$"},
        {"(^|x)y", "(?:^|x)y"},
        {"a\\.b\\(c\\)\\{", "a\\x2eb\\x28c\\x29\\x7b"},
        {"a{2}b{2,}c{2,3}", "a{2,2}b{2,}c{2,3}"},
        {"[a-c_]", "[a-c_]"},
        {"[^]]x", "[^\\x0a\\x5d]x"},
        {"[]a-]", "[\\x5da\\x2d]"},
        {"[a\\\\b]", "[a\\x5cb]"},
        {"(?i)abc", "abc"},
        {"\xC3\xA9", "\\xc3\\xa9"},
        {"a]b}", "a\\x5db\\x7d"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct catalogue_pattern pattern;
        const char *why = NULL;
        if (catalogue_expression_translate(fo_str_of(pairs[i][0]), &pattern, &why) != 0)
            fail_msg("%s: %s", pairs[i][0], why);
        assert_string_equal(pattern.text, pairs[i][1]);
        assert_int_equal(pattern.caseless, strncmp(pairs[i][0], "(?i)", 4) == 0);
    }
}

static void test_refusals(void **state) {
    static const char *const refused[] = {
        "",           "(?i)",    "a(?=b)", "(?:a)",       "(?P<n>a)", "\\1",     "\\d",
        "\\w+",       "\\bword", "a*?",    "a+?",         "a??",      "a**",     "a{2}?",
        "^*",         "*a",      "|a",     "a|",          "a||b",     "()",      "(|a)",
        "(a",         "a)",      "[a",     "[[:alpha:]]", "[\\d]",    "[z-a]",   "a{",
        "a{,3}",      "a{3,2}",  "a{256}", "{2}",         "a\nb",     "\\<word", "a(?i)b",
        "[\xC3\xA9]", "\\",      "a\\`",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct catalogue_pattern pattern;
        const char *why = NULL;
        if (catalogue_expression_translate(fo_str_of(refused[i]), &pattern, &why) != -EINVAL)
            fail_msg("taken: %s", refused[i]);
        assert_non_null(why);
    }
}

static void test_size(void **state) {
    char longest[CATALOGUE_EXPRESSION_MAX_BYTES + 2];
    struct catalogue_pattern pattern;
    const char *why = NULL;

    (void)state;
    (void)memset(longest, '%', sizeof longest);
    struct fo_str text = {longest, CATALOGUE_EXPRESSION_MAX_BYTES};
    assert_int_equal(catalogue_expression_translate(text, &pattern, &why), 0);
    assert_int_equal(pattern.len, 4 * CATALOGUE_EXPRESSION_MAX_BYTES);
    text.len++;
    assert_int_equal(catalogue_expression_translate(text, &pattern, &why), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_translations),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
