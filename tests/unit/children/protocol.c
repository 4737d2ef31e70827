/* SPDX-License-Identifier: Apache-2.0 */
/* What a listener child says: taken when it is right, refused when it is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exporter/children/protocol.h"
#include "exporter/events/event.h"

static struct ex_child_line line;

static void take(const char *text, enum ex_child_line_kind kind) {
    assert_int_equal(ex_child_line_parse(fo_str_of(text), &line), 0);
    assert_int_equal(line.kind, kind);
}

static void assert_text(struct fo_str left, const char *right) {
    assert_true(fo_str_equal(left, fo_str_of(right)));
}

static void test_answers(void **state) {
    (void)state;
    take("{\"completion\":7,\"labels\":{\"team\":\"a\",\"x\":\"\"}}", EX_CHILD_ANSWER);
    assert_int_equal(line.completion, 7);
    assert_int_equal(line.label_count, 2);
    assert_text(line.labels[0].value, "a");
    ex_child_line_done(&line);
    take("{\"completion\":8}", EX_CHILD_ANSWER);
    assert_int_equal(line.label_count, 0);
    ex_child_line_done(&line);
    take("{\"completion\":9,\"tag\":\"t\"}", EX_CHILD_TAG);
    assert_text(line.text, "t");
    ex_child_line_done(&line);
    take("{\"completion\":9,\"error\":\"no\",\"labels\":{}}", EX_CHILD_ERROR);
    assert_text(line.text, "no");
    ex_child_line_done(&line);
    take("{\"delivered\":9}", EX_CHILD_DELIVERED);
    assert_int_equal(line.delivery, 9);
    ex_child_line_done(&line);
}

static void test_others(void **state) {
    (void)state;
    take("{\"log\":\"plain\"}", EX_CHILD_LOG);
    assert_int_equal(line.level, 1);
    ex_child_line_done(&line);
    take("{\"log\":{\"level\":\"error\",\"message\":\"m\"}}", EX_CHILD_LOG);
    assert_int_equal(line.level, 3);
    assert_text(line.text, "m");
    ex_child_line_done(&line);
    take("{\"metric\":{\"name\":\"n\",\"type\":\"histogram\",\"labels\":[\"a\"],"
         "\"buckets\":[1,2.5]}}",
         EX_CHILD_METRIC_NEW);
    assert_int_equal(line.metric.type, EX_CHILD_HISTOGRAM);
    assert_int_equal(line.metric.label_count, 1);
    assert_int_equal(line.metric.bucket_count, 2);
    ex_child_line_done(&line);
    take("{\"metric\":{\"name\":\"n\",\"values\":[\"v\"],\"value\":3}}", EX_CHILD_METRIC_UPDATE);
    assert_true(line.metric.value == 3.0);
    assert_text(line.metric.values[0], "v");
    ex_child_line_done(&line);
}

static void test_refused_lines(void **state) {
    static const char *const texts[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"completion\":0}",
        "{\"completion\":-1}",
        "{\"completion\":\"1\"}",
        "{\"completion\":1,\"labels\":[]}",
        "{\"completion\":1,\"labels\":{\"a\":1}}",
        "{\"delivered\":0}",
        "{\"delivered\":[1]}",
        "{\"delivered\":1.5}",
        "{\"log\":1}",
        "{\"log\":{}}",
        "{\"metric\":{}}",
        "{\"metric\":{\"name\":\"a b\",\"value\":1}}",
        "{\"metric\":{\"name\":\"a\",\"value\":\"1\"}}",
        "{\"metric\":{\"name\":\"a\",\"type\":\"summary\"}}",
        "{\"metric\":{\"name\":\"a\",\"type\":\"gauge\",\"labels\":[\"le\"]}}",
        "{\"metric\":{\"name\":\"a\",\"type\":\"histogram\",\"buckets\":[\"1\"]}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(ex_child_line_parse(fo_str_of(texts[i]), &line), -EINVAL);
    static char huge[EX_CHILD_LINE_MAX_BYTES + 1];
    assert_int_equal(ex_child_line_parse((struct fo_str){huge, sizeof huge}, &line), -E2BIG);
}

static void test_hello(void **state) {
    struct ex_child_hello hello;
    struct fo_error error;

    (void)state;
    const char *good = "{\"name\":\"n\",\"version\":\"1\",\"output_keys\":[\"a\",\"b\"],"
                       "\"events\":[\"failure\",\"recovered\"]}";
    assert_int_equal(ex_child_hello_parse(fo_str_of(good), &hello, &error), 0);
    assert_text(hello.keys[1], "b");
    assert_int_equal(hello.events, 1u << 0 | 1u << FL_EVENT_RECOVERED);
    ex_child_hello_done(&hello);
    assert_int_equal(ex_child_hello_parse(fo_str_of("{\"name\":\"n\"}"), &hello, &error), 0);
    assert_int_equal(hello.events, 1);
    assert_int_equal(hello.key_count, 0);
    assert_int_equal(hello.window, 0);
    ex_child_hello_done(&hello);
    good = "{\"name\":\"n\",\"acknowledges\":10000}";
    assert_int_equal(ex_child_hello_parse(fo_str_of(good), &hello, &error), 0);
    assert_int_equal(hello.window, EX_CHILD_WINDOW_MAX);
    ex_child_hello_done(&hello);
}

static void test_refused_hellos(void **state) {
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"nothing", "no JSON object"},
        {"{}", "no name"},
        {"{\"error\":\"boom\"}", "it says: boom"},
        {"{\"name\":\"n\",\"output_keys\":{}}", "no list"},
        {"{\"name\":\"n\",\"output_keys\":[1]}", "no text"},
        {"{\"name\":\"n\",\"output_keys\":[\"a\",\"a\"]}", "twice"},
        {"{\"name\":\"n\",\"events\":[\"birthday\"]}", "birthday"},
        {"{\"name\":\"n\",\"acknowledges\":true}", "no number"},
        {"{\"name\":\"n\",\"acknowledges\":0}", "no number"},
        {"{\"name\":\"n\",\"acknowledges\":10001}", "no number"},
    };
    struct ex_child_hello hello;
    struct fo_error error;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ex_child_hello_parse(fo_str_of(cases[i].text), &hello, &error), -EINVAL);
        assert_non_null(strstr(error.text, cases[i].why));
    }
}

static void test_labels(void **state) {
    (void)state;
    assert_true(ex_child_key_is_label(fo_str_of("team_1")));
    assert_true(ex_child_key_is_label(fo_str_of("type")));
    static const char *const bad[] = {"",         "1a", "a-b",      "__name__", "engine",
                                      "job_name", "le", "quantile", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(ex_child_key_is_label(fo_str_of(bad[i])));
}

static void test_config(void **state) {
    struct ex_buffer out;
    json_t *config = json_pack("{s:i}", "a", 1);

    (void)state;
    ex_buffer_init(&out, 1024);
    ex_child_write_config(&out, config);
    ex_child_write_config(&out, NULL);
    assert_string_equal(ex_buffer_text(&out), "{\"protocol\":1,\"config\":{\"a\":1}}\n"
                                              "{\"protocol\":1,\"config\":{}}\n");
    json_decref(config);
    ex_buffer_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),        cmocka_unit_test(test_others),
        cmocka_unit_test(test_refused_lines),  cmocka_unit_test(test_hello),
        cmocka_unit_test(test_refused_hellos), cmocka_unit_test(test_labels),
        cmocka_unit_test(test_config),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
