/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/http/target.h"

static int parse(const char *text, struct ex_http_target *ret_target) {
    return ex_http_target_parse(fo_str_of(text), ret_target);
}

static void assert_str(struct fo_str given, const char *expected) {
    assert_int_equal(given.len, strlen(expected));
    assert_memory_equal(given.ptr, expected, given.len);
}

static void assert_segments(const char *text, size_t count, const char *const *expected) {
    struct ex_http_target target;

    assert_int_equal(parse(text, &target), 0);
    assert_int_equal(target.segment_count, count);
    for (size_t i = 0; i < count; i++)
        assert_str(target.segments[i], expected[i]);
    ex_http_target_done(&target);
}

static void test_paths(void **state) {
    (void)state;
    assert_segments("/", 1, (const char *const[]){""});
    assert_segments("/metrics", 1, (const char *const[]){"metrics"});
    assert_segments("/jobs/", 2, (const char *const[]){"jobs", ""});
    assert_segments("//jobs", 2, (const char *const[]){"", "jobs"});
    assert_segments("/jobs/a%2Fb%20c/x", 3, (const char *const[]){"jobs", "a/b c", "x"});
    assert_segments("/a%252e", 1, (const char *const[]){"a%2e"}); /* decoded once */
    assert_segments("/a+b", 1, (const char *const[]){"a+b"});
    assert_segments("/%C3%A9", 1, (const char *const[]){"\xc3\xa9"});
    assert_segments("http://host:1/a/b", 2, (const char *const[]){"a", "b"});
    assert_segments("https://host", 1, (const char *const[]){""});
}

static void test_query(void **state) {
    static const char *const expected[][2] = {
        {"name[]", "a b"}, {"name[]", "c=d"}, {"e", ""}, {"f", ""}, {"", "g"}, {"h", "\n&"},
    };
    struct ex_http_target target;

    (void)state;
    assert_int_equal(parse("/m?name[]=a+b&name%5B%5D=c%3Dd&e&&f=&=g&h=%0A%26", &target), 0);
    assert_int_equal(target.query_count, 6);
    for (size_t i = 0; i < target.query_count; i++) {
        assert_str(target.query[i].name, expected[i][0]);
        assert_str(target.query[i].value, expected[i][1]);
    }
    assert_str(target.path, "/m");
    ex_http_target_done(&target);
}

static void test_malformed(void **state) {
    static const char *const targets[] = {
        "",        "metrics",    "*",       "host:1",        "/a b",         "/a\x01",    "/a#b",
        "/%",      "/%4",        "/%4g",    "/%00",          "/?a=%00",      "/..",       "/a/../b",
        "/.",      "/%2e%2e/a",  "/%2E",    "/a%0ab",        "/%7f",         "/\xc3\xa9", "/%c3",
        "/%c0%af", "/%ed%a0%80", "/?a=%ff", "/%f4%90%80%80", "ftp://host/a",
    };
    struct ex_http_target target;

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        if (parse(targets[i], &target) != -EINVAL)
            fail_msg("%s was taken", targets[i]);
    }
}

/* Puts `count` times `piece` behind `start`. */
static char *repeat(const char *start, const char *piece, size_t count) {
    size_t len = strlen(start);
    size_t piece_len = strlen(piece);
    char *text = malloc(len + count * piece_len + 1);

    assert_non_null(text);
    memcpy(text, start, len);
    for (size_t i = 0; i < count; i++)
        memcpy(text + len + i * piece_len, piece, piece_len);
    text[len + count * piece_len] = '\0';
    return text;
}

static void assert_limit(const char *start, const char *piece, size_t most) {
    struct ex_http_target target;
    char *fits = repeat(start, piece, most);
    char *too_long = repeat(start, piece, most + 1);

    assert_int_equal(parse(fits, &target), 0);
    ex_http_target_done(&target);
    assert_int_equal(parse(too_long, &target), -E2BIG);
    free(fits);
    free(too_long);
}

static void test_limits(void **state) {
    (void)state;
    assert_limit("/", "a", EX_HTTP_TARGET_MAX_BYTES - 1);
    assert_limit("", "/a", EX_HTTP_PATH_SEGMENTS_MAX);
    assert_limit("/?a", "&b", EX_HTTP_QUERY_MAX - 1);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
