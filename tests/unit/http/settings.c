/* SPDX-License-Identifier: Apache-2.0 */
/* What a web configuration file means; which files are good and bad is in tests/cases/web_config.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "exporter/http/tls_names.h"
#include "exporter/http/web_settings.h"

#define HASH "$2b$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u"

static int parse(const char *text, struct ex_http_web_settings *ret_settings,
                 struct fo_error *reterr) {
    return ex_http_web_settings_parse(fo_str_of(text), "/etc/web", ret_settings, reterr);
}

static void test_defaults(void **state) {
    struct ex_http_web_settings settings;
    struct fo_error error;

    (void)state;
    assert_int_equal(parse("", &settings, &error), 0);
    assert_false(settings.tls);
    assert_int_equal(settings.min_version, 12);
    assert_int_equal(settings.max_version, 13);
    assert_true(settings.prefer_server_suites);
    assert_true(settings.http2);
    assert_false(settings.http2_given);
    assert_int_equal(settings.user_count, 0);
    assert_int_equal(settings.rate_interval_ns, 0);
    ex_http_web_settings_done(&settings);
}

static void test_all_keys(void **state) {
    static const char text[] = "tls_server_config:\n"
                               "  cert_file: a.pem\n"
                               "  key: |\n"
                               "    the key\n"
                               "  client_ca_file: /ca.pem\n"
                               "  client_auth_type: RequireAndVerifyClientCert\n"
                               "  client_allowed_sans: [a.example, 127.0.0.1]\n"
                               "  min_version: TLS11\n"
                               "  max_version: TLS12\n"
                               "  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n"
                               "  curve_preferences: [X25519, CurveP256]\n"
                               "  prefer_server_cipher_suites: no\n"
                               "http_server_config:\n"
                               "  http2: off\n"
                               "  headers: {X-Frame-Options: deny, X-XSS-Protection: '0'}\n"
                               "basic_auth_users: {alice: " HASH "}\n"
                               "rate_limit: {interval: 250ms, burst: 7}\n";
    struct ex_http_web_settings settings;
    struct fo_error error;

    (void)state;
    assert_int_equal(parse(text, &settings, &error), 0);
    assert_true(settings.tls);
    assert_string_equal(settings.cert.file, "/etc/web/a.pem");
    assert_string_equal(settings.key.text, "the key\n");
    assert_string_equal(settings.client_ca.file, "/ca.pem");
    assert_int_equal(settings.client_auth, EX_HTTP_REQUIRE_AND_VERIFY_CLIENT_CERT);
    assert_int_equal(settings.san_count, 2);
    assert_string_equal(settings.sans[1], "127.0.0.1");
    assert_int_equal(settings.min_version, 11);
    assert_int_equal(settings.max_version, 12);
    assert_int_equal(settings.suite_count, 1);
    assert_int_equal(settings.suites[0],
                     ex_http_tls_suite(fo_str_of("TLS_RSA_WITH_AES_128_CBC_SHA")));
    assert_int_equal(settings.curve_count, 2);
    assert_false(settings.prefer_server_suites);
    assert_false(settings.http2);
    assert_true(settings.http2_given);
    assert_int_equal(settings.header_count, 2);
    assert_string_equal(settings.headers[0].name, "X-Frame-Options");
    assert_string_equal(settings.headers[1].value, "0");
    assert_string_equal(settings.users[0].name, "alice");
    assert_string_equal(settings.users[0].hash, HASH);
    assert_int_equal(settings.rate_interval_ns, 250000000);
    assert_int_equal(settings.rate_burst, 7);
    ex_http_web_settings_done(&settings);
}

static void test_lines(void **state) {
    static const struct {
        const char *text;
        int line;
        const char *word;
    } cases[] = {
        {"tls_server_config:\n  cert_file: a\n  key_fil: b\n", 3, "key_file"}, /* the nearest */
        {"\n\nhttp_server_config:\n  headers:\n    X-Frame-Options: x\n", 5, "X-Frame-Options"},
        {"tls_server_config:\n  cipher_suites:\n    - TLS_AES_128_GCM_SHA256\n    - X\n", 4, "X"},
        {"basic_auth_users:\n  alice: hunter2\n", 2, "alice"},
        {"tls_server_config:\n  min_version: TLS13\n  max_version: TLS12\n  cert: a\n  key: b\n", 1,
         "min_version"},
        {"tls_server_config: {cert: a, cert_file: a, key: b}\n", 1, "both"},
    };
    struct ex_http_web_settings settings;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fo_error error = {0};
        assert_int_equal(parse(cases[i].text, &settings, &error), -EINVAL);
        assert_int_equal(error.line, cases[i].line);
        assert_non_null(strstr(error.text, cases[i].word));
        assert_null(strstr(error.text, "hunter2")); /* what should be a hash may be a password */
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_all_keys),
        cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
