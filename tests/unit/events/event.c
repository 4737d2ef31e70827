/* SPDX-License-Identifier: Apache-2.0 */
/* The event record: what is written is read again, and nothing else is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporter/events/event.h"

static struct ex_event event; /* large */

static const struct fo_label labels[] = {{{"type", 4}, {"USER", 4}}, {{"a", 1}, {"\"\\\n\x01", 4}}};
static const struct fl_exception chain[] = {{{"java.io.IOException", 19}, {"disk", 4}},
                                            {{"E", 1}, {"", 0}}};

static struct fl_failure example(void) {
    return (struct fl_failure){
        .id = 7,
        .incident = 2,
        .time_ms = 1763683200123,
        .engine = fo_str_of("local"),
        .job_id = fo_str_of("0123"),
        .job_name = fo_str_of("word \"count\""),
        .task = fo_str_of("split[2]"),
        .vertex = fo_str_of("split"),
        .subtask = 2,
        .attempt = 3,
        .exit_code = -1,
        .signal = 9,
        .core_dumped = 1,
        .cgroup_oom_kill = FL_PROOF_YES,
        .deadline_exceeded = 1,
        .heartbeat_missed = 1,
        .secondary = 1,
        .runtime = fo_str_of("jvm"),
        .platform_reason = fo_str_of("OOMKilled"),
        .message = fo_str_of("killed by signal 9"),
        .output = {"a\0b\r\n\t", 6},
        .matched = fo_str_of("b"),
        .exceptions = chain,
        .exception_count = 2,
        .labels = labels,
        .label_count = 2,
    };
}

static void assert_str(struct fo_str left, struct fo_str right) {
    assert_true(fo_str_equal(left, right));
}

/* One line, and what it decodes to. */
static void decode(struct ex_buffer *line) {
    assert_int_equal(line->failure, 0);
    assert_ptr_equal(memchr(line->bytes, '\n', line->len), line->bytes + line->len - 1);
    assert_int_equal(ex_event_decode(ex_buffer_str(line), &event), 0);
}

static void test_failure(void **state) {
    struct fl_failure wanted = example();
    const struct fl_failure *got = &event.failure;
    struct ex_buffer line;

    (void)state;
    ex_buffer_init(&line, EX_EVENT_LINE_MAX_BYTES);
    ex_event_encode_failure(&line, &wanted, 11);
    decode(&line);
    assert_int_equal(event.kind, 0);
    assert_int_equal(event.completion, 11);
    assert_int_equal(got->id, 7);
    assert_int_equal(got->incident, 2);
    assert_int_equal(got->time_ms, wanted.time_ms);
    assert_str(got->job_name, wanted.job_name);
    assert_str(got->task, wanted.task);
    assert_int_equal(got->subtask, 2);
    assert_int_equal(got->attempt, 3);
    assert_int_equal(got->exit_code, -1);
    assert_int_equal(got->signal, 9);
    assert_int_equal(got->cgroup_oom_kill, FL_PROOF_YES);
    assert_true(got->core_dumped && got->deadline_exceeded && got->heartbeat_missed &&
                got->secondary);
    assert_str(got->output, wanted.output);
    assert_str(got->matched, wanted.matched);
    assert_int_equal(got->exception_count, 2);
    assert_str(got->exceptions[0].class_name, chain[0].class_name);
    assert_str(got->exceptions[0].message, chain[0].message);
    assert_int_equal(got->label_count, 2);
    assert_str(got->labels[1].value, labels[1].value);
    ex_event_done(&event);
    ex_buffer_done(&line);
}

static void test_others(void **state) {
    struct ex_buffer line;
    struct fl_event wanted = {.kind = FL_EVENT_EXHAUSTED,
                              .incident = 3,
                              .failure_id = 9,
                              .job_name = fo_str_of("j"),
                              .reason = fo_str_of("budget"),
                              .task = fo_str_of("v[0]"),
                              .duration_ms = 1500,
                              .labels = labels,
                              .label_count = 2};

    (void)state;
    ex_buffer_init(&line, EX_EVENT_LINE_MAX_BYTES);
    ex_event_encode(&line, &wanted);
    decode(&line);
    assert_int_equal(event.event.kind, FL_EVENT_EXHAUSTED);
    assert_str(event.event.reason, wanted.reason);
    assert_str(event.event.task, wanted.task);
    ex_event_done(&event);
    wanted.kind = FL_EVENT_RECOVERED;
    ex_buffer_reset(&line);
    ex_event_encode(&line, &wanted);
    decode(&line);
    assert_int_equal(event.event.duration_ms, 1500);
    ex_event_done(&event);
    wanted.kind = FL_EVENT_LABELLED;
    ex_buffer_reset(&line);
    ex_event_encode(&line, &wanted);
    decode(&line);
    assert_int_equal(event.event.failure_id, 9);
    assert_int_equal(event.event.label_count, 2);
    ex_event_done(&event);
    ex_buffer_done(&line);
}

/* Every byte, in every place of a character: what is written is always JSON. */
static void test_no_utf8(void **state) {
    static const char *const broken[] = {
        "\xff",         "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xf0\x9f\x98", "a\x80z",   "\xc3"};
    struct ex_buffer line;

    (void)state;
    ex_buffer_init(&line, EX_EVENT_LINE_MAX_BYTES);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct fl_failure failure = example();
        failure.output = fo_str_of(broken[i]);
        ex_buffer_reset(&line);
        ex_event_encode_failure(&line, &failure, 0);
        decode(&line);
        assert_non_null(strstr(event.failure.output.ptr, "\xef\xbf\xbd"));
        assert_int_equal(event.completion, 0);
        ex_event_done(&event);
    }
    struct fl_failure failure = example();
    failure.output = fo_str_of("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
    ex_buffer_reset(&line);
    ex_event_encode_failure(&line, &failure, 0);
    decode(&line);
    assert_str(event.failure.output, failure.output);
    ex_event_done(&event);
    ex_buffer_done(&line);
}

static void test_refused(void **state) {
    static const char *const lines[] = {
        "",
        "[]",
        "{}",
        "{\"kind\":\"other\"}",
        "{\"kind\":1}",
        "{\"kind\":\"failure\",\"failure_id\":-1}",
        "{\"kind\":\"failure\",\"failure_id\":\"1\"}",
        "{\"kind\":\"failure\",\"attempt\":4294967296}",
        "{\"kind\":\"failure\",\"message\":[]}",
        "{\"kind\":\"failure\",\"labels\":[]}",
        "{\"kind\":\"failure\",\"labels\":{\"a\":1}}",
        "{\"kind\":\"failure\",\"exceptions\":[1]}",
        "{\"kind\":\"recovered\",\"duration_ms\":1.5}",
        "{\"kind\":\"failure\",\"kind\":\"failure\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_int_equal(ex_event_decode(fo_str_of(lines[i]), &event), -EINVAL);
    static char huge[EX_EVENT_LINE_MAX_BYTES + 1];
    assert_int_equal(ex_event_decode((struct fo_str){huge, sizeof huge}, &event), -E2BIG);
}

/* Both ends may be of different versions. */
static void test_tolerant(void **state) {
    (void)state;
    assert_int_equal(ex_event_decode(fo_str_of("{\"kind\":\"failure\",\"future\":{}}"), &event), 0);
    assert_int_equal(event.failure.exit_code, -1);
    ex_event_done(&event);
}

/* What needs no more than our own JSON is read without a tree, all else with one: the same. */
static void test_quick(void **state) {
    static char room[4096];
    struct fl_failure failure = example();
    struct ex_buffer line;
    struct ex_buffer again;

    (void)state;
    ex_buffer_init(&line, EX_EVENT_LINE_MAX_BYTES);
    ex_buffer_init(&again, EX_EVENT_LINE_MAX_BYTES);
    for (int plain = 0; plain < 2; plain++) {
        if (plain) {
            failure.output = fo_str_of("\"a\\b/\r\n\t");
            failure.label_count = 1;
        }
        ex_buffer_reset(&line);
        ex_buffer_reset(&again);
        ex_event_encode_failure(&line, &failure, 9);
        assert_true(line.len <= sizeof room);
        assert_int_equal(ex_event_decode_quick(ex_buffer_str(&line), room, &event), 0);
        assert_int_equal(event.root == NULL, plain);
        ex_event_encode_failure(&again, &event.failure, event.completion);
        ex_event_done(&event);
        assert_str(ex_buffer_str(&again), ex_buffer_str(&line));
    }
    for (size_t len = 0; len < line.len - 1; len++)
        assert_int_equal(ex_event_decode_quick((struct fo_str){line.bytes, len}, room, &event),
                         -EINVAL);
    ex_buffer_done(&line);
    ex_buffer_done(&again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failure),  cmocka_unit_test(test_others),
        cmocka_unit_test(test_no_utf8),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_tolerant), cmocka_unit_test(test_quick),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
