/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/verdict_memo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct ex_verdict_memo *memo;

static int setup(void **state) {
    (void)state;
    memo = ex_verdict_memo_new(7);
    return memo ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    memo = ex_verdict_memo_free(memo);
    return 0;
}

static struct catalogue_input input_of(const char *runtime, const char *reason) {
    return (struct catalogue_input){.exited = true,
                                    .exit_code = 137,
                                    .runtime = fo_str_of(runtime),
                                    .platform_reason = fo_str_of(reason)};
}

static struct catalogue_verdict verdict_of(const char *type, const char *matched) {
    return (struct catalogue_verdict){.type = fo_str_of(type),
                                      .category = fo_str_of("oom"),
                                      .cause = fo_str_of("killed"),
                                      .retry = fo_str_of("default"),
                                      .decided_by.matched = fo_str_of(matched)};
}

static const struct ex_memo_verdict *find(const struct catalogue_input *input) {
    const struct ex_memo_key key = ex_memo_key_of(input);

    return ex_verdict_memo_find(memo, &key);
}

static void keep(const struct catalogue_input *input, const struct catalogue_verdict *verdict) {
    const struct ex_memo_key key = ex_memo_key_of(input);

    ex_verdict_memo_keep(memo, &key, verdict);
}

static void test_the_same_fields_get_the_same_verdict(void **state) {
    const struct catalogue_input input = input_of("python", "Evicted");
    const struct catalogue_verdict verdict = verdict_of("SYSTEM", "Evicted");

    (void)state;
    assert_null(find(&input));
    keep(&input, &verdict);
    const struct ex_memo_verdict *known = find(&input);
    assert_non_null(known);
    assert_int_equal(known->label_count, 4);
    assert_true(fo_str_equal(known->labels[0].value, fo_str_of("SYSTEM")));
    assert_true(fo_str_equal(known->matched, fo_str_of("Evicted")));
}

static void assert_forgotten(const struct catalogue_input *input, const char *matched) {
    const struct catalogue_verdict verdict = verdict_of("USER", matched);

    keep(input, &verdict);
    assert_null(find(input));
}

static void test_each_field_counts(void **state) {
    struct catalogue_input input = input_of("ab", "c");
    const struct catalogue_verdict verdict = verdict_of("USER", "");
    const struct catalogue_input moved = input_of("a", "bc");

    (void)state;
    keep(&input, &verdict);
    assert_non_null(find(&input));
    assert_null(find(&moved));
    input.exit_code = 1;
    assert_null(find(&input));
    input.exit_code = 137;
    input.exited = false;
    assert_null(find(&input));
    input.exited = true;
    input.signal = 9;
    assert_null(find(&input));
    input.signal = 0;
    input.evidence = CATALOGUE_HEARTBEAT_MISSED;
    assert_null(find(&input));
    input.evidence = 0;
    assert_non_null(find(&input));
}

static void test_what_is_not_remembered(void **state) {
    const struct fo_str exception = fo_str_of("a.B");
    char text[EX_MEMO_KEY_BYTES + EX_MEMO_MATCHED_BYTES];
    struct catalogue_input input = input_of("", "");

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_forgotten(&input, text);
    input.head = fo_str_of("output");
    assert_forgotten(&input, "");
    input.head = fo_str_of("");
    input.exceptions = &exception;
    input.exception_count = 1;
    assert_forgotten(&input, "");
    input.exception_count = 0;
    input.platform_reason = fo_str_of(text);
    assert_forgotten(&input, "");
}

/* There are few places: what stands in one is not taken for another's, and the newest verdict is
 * never lost to an older one. */
static void test_places_are_taken_over(void **state) {
    const struct catalogue_verdict verdict = verdict_of("USER", "");

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct catalogue_input input = input_of("", "");
        input.exit_code = i;
        assert_null(find(&input));
        keep(&input, &verdict);
        assert_non_null(find(&input));
    }
}

static void test_without_memory_nothing_is_known(void **state) {
    const struct catalogue_input input = input_of("", "");
    const struct catalogue_verdict verdict = verdict_of("USER", "");
    const struct ex_memo_key key = ex_memo_key_of(&input);

    (void)state;
    ex_verdict_memo_keep(NULL, &key, &verdict);
    assert_null(ex_verdict_memo_find(NULL, &key));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_same_fields_get_the_same_verdict, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_field_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_places_are_taken_over, setup, teardown),
        cmocka_unit_test(test_without_memory_nothing_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
