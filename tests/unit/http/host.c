/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "exporter/http/host.h"

static const char *const names[] = {
    ":10912", NULL, "machine:10912", "https://Status.Example.com:8443/jobs?x", "a.test, b.test:1,",
};

static bool is_known(const char *header) {
    return ex_http_host_is_known(fo_str_of(header), names, sizeof names / sizeof *names);
}

static void test_known(void **state) {
    static const char *const headers[] = {
        "127.0.0.1",      "127.0.0.1:10912",    "192.0.2.1:1", "[::1]",
        "[::1]:10912",    "[fe80::1]:1",        "localhost",   "LOCALHOST:10912",
        "localhost.:1",   "a.localhost",        "machine",     "Machine:1",
        "machine.:10912", "status.example.com", "a.test",      "b.test:2",
    };

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        assert_true(is_known(headers[i]));
}

static void test_unknown(void **state) {
    static const char *const headers[] = {
        "",
        ":10912",
        ".",
        "[]",
        "[]:1",
        "[",
        "evil.example",
        "evil.example:10912",
        "localhost.evil.example",
        "evillocalhost",
        "127.0.0.1.evil.example",
        "status.example.com.evil.example",
        "x.status.example.com",
        "evil.example@localhost.",
        "user@a.test",
        "localhost, evil.example",
        "[::1.evil]:1",
        "[localhost]evil.example:1",
        "[::1]evil.example",
        "[::1",
        "https://a.test/",
        "a.test, b.test",
    };

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        assert_false(is_known(headers[i]));
    assert_false(ex_http_host_is_known((struct fo_str){NULL, 0}, names, 1));
}

static void test_long(void **state) {
    char header[EX_HTTP_HOST_MAX_BYTES + 16];

    (void)state;
    memset(header, 'a', sizeof header);
    memcpy(header + sizeof header - 11, ".localhost", 11);
    assert_false(is_known(header));
    assert_true(is_known(header + 16));
}

static void test_names_that_people_type(void **state) {
    static const char *const bad[] = {"",         ",",   "*",        "*.example.com",
                                      "a.test,*", "a/b", "https://a"};
    static const char *const good[] = {"a", "a.test", "a.test:80,[::1]:2", " a , b "};
    struct fo_error error;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(ex_http_host_check_names(bad[i], &error), -EINVAL);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(ex_http_host_check_names(good[i], &error), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_names_that_people_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
