/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of a Flink engine in the configuration. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "exporter/config/config.h"

static void reads_everything(void **state) {
    (void)state;
    struct ex_config *config = NULL;
    struct fo_error error = {0};

    assert_int_equal(ex_config_parse(fo_str_of("engines:\n"
                                               "  prod:\n"
                                               "    kind: flink\n"
                                               "    urls: [https://jm:8081/proxy/, other:1]\n"
                                               "    files: [jms.json]\n"
                                               "    interval: 2 s\n"
                                               "    checkpoints-interval: 1 min\n"
                                               "    timeout: 500 ms\n"
                                               "    answer-max: 1 MiB\n"
                                               "    max-exceptions: 7\n"
                                               "    label-prefix: \"\"\n"
                                               "    labels: [team, type]\n"
                                               "    tls: {ca: a, cert: b, key: c}\n"
                                               "    basic-auth: {user: u, password-file: p}\n"),
                                     ".", &config, &error),
                     0);
    const struct ex_flink_settings *flink = config->engines[0].flink;
    assert_string_equal(flink->urls[0], "https://jm:8081/proxy");
    assert_string_equal(flink->urls[1], "http://other:1");
    assert_string_equal(flink->files[0], "jms.json");
    assert_int_equal(flink->interval_ms, 2000);
    assert_int_equal(flink->checkpoints_interval_ms, 60000);
    assert_int_equal(flink->timeout_ms, 500);
    assert_int_equal(flink->answer_max_bytes, 1 << 20);
    assert_int_equal(flink->max_exceptions, 7);
    assert_string_equal(flink->label_prefix, "");
    assert_string_equal(flink->labels[1], "type");
    assert_string_equal(flink->key_file, "c");
    assert_false(flink->insecure);
    assert_string_equal(flink->user, "u");
    ex_config_unref(config);
}

static void refuses_with_the_line(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int line;
    } cases[] = {
        {"engines:\n  flink:\n    url: [jm]\n", 3},
        {"engines:\n  flink: {}\n", 2},
        {"engines:\n  flink:\n    urls:\n      - jm\n      - ftp://jm\n", 5},
        {"engines:\n  flink:\n    urls: [\"http://u:p@jm\"]\n", 3},
        {"engines:\n  flink:\n    urls: [\"http://jm?x=1\"]\n", 3},
        {"engines:\n  flink:\n    urls: [\"http://\"]\n", 3},
        {"engines:\n  flink:\n    urls: [jm]\n    interval: 1 ms\n", 4},
        {"engines:\n  flink:\n    urls: [jm]\n    max-exceptions: 0\n", 4},
        {"engines:\n  flink:\n    urls: [jm]\n    tls: {cert: a}\n", 4},
        {"engines:\n  flink:\n    urls: [jm]\n    tls: {verify: no}\n", 4},
        {"engines:\n  flink:\n    urls: [jm]\n    basic-auth: {user: a}\n", 4},
        {"engines:\n  flink:\n    urls: [jm]\n    label-prefix: 1-\n", 4},
        {"engines:\n  flink:\n    urls: [jm]\n    labels: [a-b]\n", 4},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ex_config *config = NULL;
        struct fo_error error = {0};
        int ret = ex_config_parse(fo_str_of(cases[i].text), ".", &config, &error);
        if (ret != -EINVAL || error.line != cases[i].line)
            fail_msg("%s: line %d, %s", cases[i].text, error.line, error.text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(refuses_with_the_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
