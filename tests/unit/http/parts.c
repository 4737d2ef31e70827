/* SPDX-License-Identifier: Apache-2.0 */
/* The small parts: addresses, Go's durations, the token bucket, credentials, TLS names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "exporter/http/auth.h"
#include "exporter/http/go_duration.h"
#include "exporter/http/listen.h"
#include "exporter/http/rate.h"
#include "exporter/http/tls_names.h"

static void test_addresses(void **state) {
    static const struct {
        const char *text, *host;
        unsigned port;
    } good[] = {
        {":9999", "", 9999},         {"127.0.0.1:0", "127.0.0.1", 0}, {"[::1]:80", "::1", 80},
        {"[::]:65535", "::", 65535}, {"localhost:1", "localhost", 1},
    };
    static const char *const bad[] = {"",    "9999",   ":",       ":x",       ":65536",
                                      ":-1", "::1:80", "[::1]80", "[::1]",    ":99999999",
                                      ":1 ", "[a]:1",  "[]:1",    "1.2.3.4:", "http://a"};
    struct ex_http_tcp_address address;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(ex_http_tcp_address_parse(good[i].text, &address), 0);
        assert_string_equal(address.host, good[i].host);
        assert_int_equal(address.port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (ex_http_tcp_address_parse(bad[i], &address) != -EINVAL)
            fail_msg("%s was taken", bad[i]);
    }
}

static void test_go_durations(void **state) {
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"0", 0},
        {"17", 17},
        {"1ns", 1},
        {"2us", 2000},
        {"3\xc2\xb5s", 3000},
        {"4ms", 4000000},
        {"1.5s", 1500000000},
        {"1m30s", 90000000000},
        {"1h", INT64_C(3600000000000)},
        {"0.5ms", 500000},
    };
    static const char *const bad[] = {"", "s", "1x", "-1s", "1s ", " 1s", "1d", ".s", "1.2.3s"};
    int64_t ns = -1;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(ex_http_go_duration_parse(fo_str_of(good[i].text), &ns), 0);
        assert_int_equal(ns, good[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (ex_http_go_duration_parse(fo_str_of(bad[i]), &ns) != -EINVAL)
            fail_msg("%s was taken", bad[i]);
    }
    assert_int_equal(ex_http_go_duration_parse(fo_str_of("9999999999h"), &ns), -ERANGE);
}

static void test_rate(void **state) {
    struct ex_http_rate none = {0};
    struct ex_http_rate closed = {.interval_ns = 100, .burst = 0};
    struct ex_http_rate rate = {.interval_ns = 100, .burst = 3};
    struct ex_http_rate huge = {.interval_ns = INT64_MAX, .burst = INT64_MAX};

    (void)state;
    assert_true(ex_http_rate_take(&none, 0));
    assert_false(ex_http_rate_take(&closed, 1000));
    for (int i = 0; i < 3; i++)
        assert_true(ex_http_rate_take(&rate, 1000));
    assert_false(ex_http_rate_take(&rate, 1000));
    assert_false(ex_http_rate_take(&rate, 1099));
    assert_true(ex_http_rate_take(&rate, 1100)); /* one token is back */
    assert_false(ex_http_rate_take(&rate, 1100));
    for (int i = 0; i < 3; i++)
        assert_true(ex_http_rate_take(&rate, 9000)); /* never more than the burst */
    assert_false(ex_http_rate_take(&rate, 9000));
    assert_true(ex_http_rate_take(&huge, 1));
    assert_false(ex_http_rate_take(&huge, 2));
}

static void test_credentials(void **state) {
    static const char *const bad[] = {"",           "Basic",     "Basic ",
                                      "Bearer abc", "Basic !!!", "Basic YWxpY2U=" /* no colon */};
    struct fo_str name;
    struct fo_str password;
    char *storage = NULL;

    (void)state;
    /* alice:a:b - the first colon divides */
    assert_int_equal(
        ex_http_basic_parse(fo_str_of("basic YWxpY2U6YTpi"), &name, &password, &storage), 0);
    assert_true(fo_str_equal(name, fo_str_of("alice")));
    assert_true(fo_str_equal(password, fo_str_of("a:b")));
    free(storage);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        storage = NULL;
        if (ex_http_basic_parse(fo_str_of(bad[i]), &name, &password, &storage) != -EINVAL)
            fail_msg("%s was taken", bad[i]);
        assert_null(storage);
    }
}

static void test_bcrypt(void **state) {
    static const char good[] = "$2y$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u";
    char text[sizeof good + 1];

    (void)state;
    assert_true(ex_http_is_bcrypt(good));
    for (size_t i = 0; i < sizeof good - 1; i++) {
        memcpy(text, good, sizeof good);
        text[i] = '!';
        assert_false(ex_http_is_bcrypt(text));
    }
    memcpy(text, good, sizeof good);
    text[4] = '3';
    text[5] = '2';
    assert_false(ex_http_is_bcrypt(text));
    memcpy(text + 4, "03", 2);
    assert_false(ex_http_is_bcrypt(text));
    text[sizeof good - 2] = '\0';
    assert_false(ex_http_is_bcrypt(text));
}

static void assert_priority(const struct ex_http_web_settings *settings, const char *expected) {
    struct ex_buffer text;

    ex_buffer_init(&text, 4096);
    ex_http_tls_priority(settings, &text);
    assert_string_equal(ex_buffer_text(&text), expected);
    ex_buffer_done(&text);
}

static void test_tls_names(void **state) {
    struct ex_http_web_settings settings = {
        .min_version = 12, .max_version = 13, .prefer_server_suites = true};
    int suite = ex_http_tls_suite(fo_str_of("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));

    (void)state;
    assert_priority(&settings, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE");
    settings = (struct ex_http_web_settings){.min_version = 12, .max_version = 12};
    settings.curves[settings.curve_count++] = (unsigned char)ex_http_tls_curve(fo_str_of("X25519"));
    assert_priority(&settings, "NORMAL:-VERS-ALL:+VERS-TLS1.2:-GROUP-ALL:+GROUP-X25519");
    assert_true(suite >= 0);
    settings.suites[settings.suite_count++] = (unsigned char)suite;
    assert_true(ex_http_tls_suite_allowed(settings.suites, 1, 0xc02f));
    assert_false(ex_http_tls_suite_allowed(settings.suites, 1, 0xc030));
    assert_true(ex_http_tls_suite_allowed(settings.suites, 1, 0x1302));
    assert_true(ex_http_tls_suite_allowed(settings.suites, 0, 0xc030));
    assert_int_equal(ex_http_tls_suite(fo_str_of("TLS_RSA_WITH_RC4_128_SHA")), -1);
    assert_int_equal(ex_http_tls_version(fo_str_of("TLS11")), 11);
    assert_int_equal(ex_http_tls_version(fo_str_of("SSL30")), -1);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_go_durations),
        cmocka_unit_test(test_rate),      cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_bcrypt),    cmocka_unit_test(test_tls_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
