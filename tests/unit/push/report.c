/* SPDX-License-Identifier: Apache-2.0 */
/* Reports are read in two ways; whichever it is, they say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "exporter/engines/push/report.h"
#include "exporter/engines/push/report_quick.h"

enum { LINE_BYTES = 1024 };

static const struct ex_push_report *read_one(struct ex_push_batch *batch, const char *line) {
    struct fo_error error;

    assert_int_equal(ex_push_batch_read(batch, fo_str_of(line), false, &error), 0);
    assert_int_equal(batch->count, 1);
    return batch->items;
}

static void assert_same_text(struct fo_str a, struct fo_str b) {
    assert_int_equal(a.len, b.len);
    if (a.len > 0)
        assert_memory_equal(a.ptr, b.ptr, a.len);
}

static void assert_same_failure(const struct ex_evidence *a, const struct ex_evidence *b) {
    assert_int_equal(a->exit_code, b->exit_code);
    assert_int_equal(a->signal, b->signal);
    assert_int_equal(a->exception_count, b->exception_count);
    assert_same_text(a->message, b->message);
    assert_same_text(a->output_head, b->output_head);
    assert_same_text(a->output_tail, b->output_tail);
    assert_same_text(a->runtime, b->runtime);
    assert_same_text(a->platform_reason, b->platform_reason);
}

/* The same line with its first key escaped, which only the reader of all JSON understands. */
static void write_escaped(const char *line, char escaped[static LINE_BYTES]) {
    const char *quote = strchr(line, '"');

    assert_non_null(quote);
    (void)snprintf(escaped, LINE_BYTES, "%.*s\\u%04x%s", (int)(quote - line + 1), line,
                   (unsigned)quote[1], quote + 2);
}

static void assert_same(const char *line) {
    char escaped[LINE_BYTES];
    struct ex_push_batch batches[2];

    write_escaped(line, escaped);
    const struct ex_push_report *a = read_one(&batches[0], line);
    const struct ex_push_report *b = read_one(&batches[1], escaped);
    assert_int_equal(a->result, b->result);
    assert_string_equal(a->task, b->task);
    if (a->result == EX_PUSH_ACCEPTED) {
        assert_int_equal(a->attempt, b->attempt);
        assert_int_equal(a->sequence, b->sequence);
        assert_int_equal(a->state, b->state);
        assert_int_equal(!a->failure, !b->failure);
    }
    if (a->failure && b->failure)
        assert_same_failure(&a->failure->evidence, &b->failure->evidence);
    ex_push_batch_done(&batches[0]);
    ex_push_batch_done(&batches[1]);
}

#define START "{\"task\":\"a[1]\",\"attempt\":3,\"sequence\":4,\"state\":"
#define FAILED START "\"FAILED\",\"failure\":"

static const char *const plain[] = {
    START "\"RUNNING\"}",
    " { \"state\" : \"FINISHED\" , \"sequence\" : 0,\t\"attempt\":4294967295, \"task\":\"a\" } "
    "\r\n",
    START "\"FAILED\"}",
    FAILED "{}}",
    FAILED "{\"exit_code\":137,\"runtime\":\"python\",\"platform_reason\":\"Evicted\"}}",
    FAILED "{\"platform_reason\":\"OOMKilled\",\"output\":\"no \x7f memory\"}}",
    FAILED "{\"exit_code\":0}}",
};

static const char *const others[] = {
    FAILED "null}",
    FAILED "{\"exit_code\":-9}}",
    FAILED "{\"exit_code\":1.5}}",
    FAILED "{\"exit_code\":1e3}}",
    FAILED "{\"exit_code\":01}}",
    FAILED "{\"exit_code\":2147483648}}",
    FAILED "{\"exit_code\":\"1\"}}",
    FAILED "{\"exit_code\":1,\"exit_code\":1}}",
    FAILED "{\"signal\":9}}",
    FAILED "{\"exception\":\"a.B: c\"}}",
    FAILED "{\"output\":\"a\\nb\"}}",
    FAILED "{\"output\":\"\xc3\xa4\"}}",
    FAILED "{\"output\":\"\xff\"}}",
    FAILED "{,}}",
    FAILED "{\"runtime\":\"x\",}}",
    FAILED "{\"what\":[{\"is\":1}]}}",
    FAILED "[]}",
    START "\"RUNNING\"",
    START "\"RUNNING\"}}",
    START "\"RUNNING\"} x",
    START "\"running\"}",
    START "\"SCHEDULED\"}",
    START "\"RUNNING\",\"failure\":{}}",
    START "\"RUNNING\",\"task\":\"b\"}",
    START "\"RUNNING\",\"extra\":1}",
    START "\"RUNN\nING\"}",
    "{\"task\":\"a\",\"attempt\":1,\"sequence\":1}",
    "{\"task\":\"\",\"attempt\":1,\"sequence\":1,\"state\":\"RUNNING\"}",
    "{\"task\":\"a\",\"attempt\":4294967296,\"sequence\":1,\"state\":\"RUNNING\"}",
    "{\"task\":\"a\",\"attempt\":-1,\"sequence\":1,\"state\":\"RUNNING\"}",
    "{\"task\":\"a\",\"attempt\":1,\"sequence\":9223372036854775807,\"state\":\"RUNNING\"}",
    "{\"task\":\"a\",\"attempt\":1,\"sequence\":9223372036854775808,\"state\":\"RUNNING\"}",
    "{\"task\":\"a\",\"attempt\":1,\"sequence\":007,\"state\":\"RUNNING\"}",
};

static void test_plain(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        struct ex_push_said said;
        assert_true(ex_push_said_read(&said, fo_str_of(plain[i])));
        assert_same(plain[i]);
    }
}

static void test_others(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_same(others[i]);
}

/* Cut anywhere, it is no report. */
static void test_cut(void **state) {
    static const char line[] = FAILED "{\"exit_code\":137,\"runtime\":\"python\"}}";
    struct ex_push_said said;

    (void)state;
    for (size_t len = 0; len < sizeof line - 1; len++)
        assert_false(ex_push_said_read(&said, (struct fo_str){line, len}));
}

/* A task's name that is too long is not copied. */
static void test_long_name(void **state) {
    char line[LINE_BYTES];
    struct ex_push_batch batch;

    (void)state;
    (void)snprintf(line, sizeof line,
                   "{\"task\":\"%0*d\",\"attempt\":0,\"sequence\":0,\"state\":\"RUNNING\"}",
                   EX_PUSH_TASK_MAX_BYTES + 1, 1);
    assert_int_equal(read_one(&batch, line)->result, EX_PUSH_MALFORMED);
    ex_push_batch_done(&batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_long_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
