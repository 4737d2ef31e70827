/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "exporter/http/prefix.h"

static void test_good(void **state) {
    static const struct {
        const char *route_prefix, *external_url, *prefix;
    } cases[] = {
        {NULL, NULL, ""},
        {"/", NULL, ""},
        {"", NULL, ""},
        {"a", NULL, "/a"},
        {"/a//b/", NULL, "/a/b"},
        {NULL, "http://host", ""},
        {NULL, "https://host:1234/", ""},
        {NULL, "https://[::1]:1/fail-over_1.2~/x/", "/fail-over_1.2~/x"},
        {"/", "http://host/a", ""}, /* the proxy takes it off */
        {"/b", "http://host/a", "/b"},
    };
    char prefix[EX_HTTP_PREFIX_MAX_BYTES];
    struct fo_error error;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int ret = ex_http_prefix_of(cases[i].route_prefix, cases[i].external_url, prefix, &error);
        assert_int_equal(ret, 0);
        assert_string_equal(prefix, cases[i].prefix);
    }
}

static void test_bad(void **state) {
    static const char *const prefixes[] = {"/..",    "/a/./b",    "/a b",
                                           "/a%20b", "/\xc3\xa4", "/a?b",
                                           "/a#",    "/<b>",      "/1/2/3/4/5/6/7/8/9"};
    static const char *const urls[] = {
        "host/a",         "ftp://host/",    "http://",       "http:///a",
        "http://host/?a", "http://host/#a", "http://host?a", ""};
    char long_path[EX_HTTP_PREFIX_MAX_BYTES];
    char prefix[EX_HTTP_PREFIX_MAX_BYTES] = "kept";
    struct fo_error error;

    (void)state;
    memset(long_path, 'a', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(ex_http_prefix_of(long_path, NULL, prefix, &error), -EINVAL);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        assert_int_equal(ex_http_prefix_of(prefixes[i], NULL, prefix, &error), -EINVAL);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        assert_int_equal(ex_http_prefix_of(NULL, urls[i], prefix, &error), -EINVAL);
    assert_string_equal(prefix, "kept");
}

/* How many segments are left of a target, and the last of them. */
static size_t strip(const char *prefix, const char *path, struct fo_str *ret_last) {
    static char last[64];
    struct ex_http_target target;

    assert_int_equal(ex_http_target_parse(fo_str_of(path), &target), 0);
    ex_http_prefix_strip(prefix, &target);
    size_t count = target.segment_count;
    if (count > 0) {
        struct fo_str segment = target.segments[count - 1];
        memcpy(last, segment.ptr, segment.len);
        *ret_last = (struct fo_str){last, segment.len};
    }
    ex_http_target_done(&target);
    return count;
}

static void test_strip(void **state) {
    struct fo_str last;

    (void)state;
    assert_int_equal(strip("", "/metrics", &last), 1);
    assert_int_equal(strip("/a/b", "/a/b/jobs/x", &last), 2);
    assert_true(fo_str_equal(last, fo_str_of("x")));
    assert_int_equal(strip("/a/b", "/%61/b/x", &last), 1); /* the same path, written otherwise */
    assert_int_equal(strip("/a", "/a/", &last), 1);
    assert_int_equal(last.len, 0);
    assert_int_equal(strip("/a", "/a", &last), 0);
    assert_int_equal(strip("/a/b", "/a", &last), 0);
    assert_int_equal(strip("/a/b", "/a/x/b", &last), 0);
    assert_int_equal(strip("/a", "/metrics", &last), 0);
    assert_int_equal(strip("/a/b", "/a%2fb/metrics", &last), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_strip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
