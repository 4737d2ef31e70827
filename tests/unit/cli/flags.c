/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exporter/cli/flags.h"

struct values {
    bool fast;
    bool version;
    const char *name;
    struct ex_flag_list list;
    uint64_t count;
    int64_t wait_ms;
};

#define COUNT_OF(array_) ((int)(sizeof(array_) / sizeof *(array_)))

static int parse(struct values *values, int argc, const char **argv, int *ret_count,
                 struct fo_error *reterr) {
    const struct ex_flag flags[] = {
        {"fast", EX_FLAG_BOOL, &values->fast, "", ""},
        {"version", EX_FLAG_BOOL, &values->version, "", ""},
        {"a.name", EX_FLAG_TEXT, &values->name, "NAME", ""},
        {"list", EX_FLAG_LIST, &values->list, "ITEM", ""},
        {"count", EX_FLAG_COUNT, &values->count, "N", ""},
        {"wait", EX_FLAG_DURATION, &values->wait_ms, "TIME", ""},
    };

    return ex_flags_parse(flags, sizeof flags / sizeof *flags, argc, (char **)(uintptr_t)argv,
                          ret_count, reterr);
}

static void test_all_forms(void **state) {
    const char *argv[] = {"x", "--fast",    "one",        "--a.name", "n",     "--list=a", "--list",
                          "b", "--count=7", "--wait=2 s", "--",       "--two", NULL};
    struct values values = {0};
    struct fo_error error;
    int count;

    (void)state;
    assert_int_equal(parse(&values, COUNT_OF(argv) - 1, argv, &count, &error), 0);
    assert_true(values.fast);
    assert_string_equal(values.name, "n");
    assert_int_equal(values.list.count, 2);
    assert_string_equal(values.list.items[1], "b");
    assert_int_equal(values.count, 7);
    assert_int_equal(values.wait_ms, 2000);
    assert_int_equal(count, 2);
    assert_string_equal(argv[1], "one");
    assert_string_equal(argv[2], "--two");
}

static void test_no_form(void **state) {
    const char *argv[] = {"x", "--no-fast", NULL};
    struct values values = {.fast = true};
    struct fo_error error;
    int count;

    (void)state;
    assert_int_equal(parse(&values, 2, argv, &count, &error), 0);
    assert_false(values.fast);
}

static void test_environment_gives_way(void **state) {
    const char *argv[] = {"x", "--list=mine", NULL};
    struct values values = {0};
    struct fo_error error;
    int count;

    (void)state;
    assert_int_equal(setenv("FAILOVER_EXPORTER_A_NAME", "from outside", 1), 0);
    assert_int_equal(setenv("FAILOVER_EXPORTER_LIST", "theirs", 1), 0);
    assert_int_equal(parse(&values, 2, argv, &count, &error), 0);
    assert_string_equal(values.name, "from outside");
    assert_int_equal(values.list.count, 1);
    assert_string_equal(values.list.items[0], "mine");
    (void)unsetenv("FAILOVER_EXPORTER_A_NAME");
    (void)unsetenv("FAILOVER_EXPORTER_LIST");
}

static void test_environment_asks_for_no_version(void **state) {
    const char *argv[] = {"x", NULL};
    struct values values = {0};
    struct fo_error error;
    int count;

    (void)state;
    assert_int_equal(setenv("FAILOVER_EXPORTER_VERSION", "1.2.3", 1), 0);
    assert_int_equal(parse(&values, 1, argv, &count, &error), 0);
    assert_false(values.version);
    (void)unsetenv("FAILOVER_EXPORTER_VERSION");
}

static void test_refusals_name_flag_and_value(void **state) {
    static const struct {
        const char *flag;
        const char *said;
    } bad[] = {
        {"--fats", "--fats"},           {"--count=x", "x"},
        {"--count=-1", "-1"},           {"--wait=soon", "soon"},
        {"--fast=maybe", "maybe"},      {"--no-count", "--no-count"},
        {"--a.name", "--a.name needs"}, {"-f", "-f"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *argv[] = {"x", bad[i].flag, NULL};
        struct values values = {0};
        struct fo_error error;
        int count;
        assert_int_equal(parse(&values, 2, argv, &count, &error), -EINVAL);
        assert_non_null(strstr(error.text, bad[i].said));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_forms),
        cmocka_unit_test(test_no_form),
        cmocka_unit_test(test_environment_gives_way),
        cmocka_unit_test(test_environment_asks_for_no_version),
        cmocka_unit_test(test_refusals_name_flag_and_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
