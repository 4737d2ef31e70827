/* SPDX-License-Identifier: Apache-2.0 */
/* What people and scripts get: a line per line, text made fit for JSON and terminals, output of any
 * length in bounded memory. */
#include "exporter/cli/classify_ndjson.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exporter/base/clean_text.h"
#include "exporter/cli/capture.h"
#include "tests/unit/catalogue/support.h"

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

static const char rules[] =
    "- id: disk\n  priority: 2\n  match: {message_regex: 'No space left'}\n"
    "  labels: {type: SYSTEM, category: disk, cause: disk_full, retry: elsewhere, secondary: "
    "true}\n"
    "- id: killed\n  priority: 1\n  match: {signal: SIGKILL, evidence: cgroup_oom_kill}\n"
    "  labels: {type: SYSTEM, category: oom, cause: cgroup_limit, retry: escalate}\n"
    "- id: named\n  priority: 1\n  match: {exception: XError}\n"
    "  labels: {type: USER, category: data, cause: bad_input, retry: never}\n"
    "- id: yarn\n  priority: 1\n  match: {runtime: yarn, exit_code: -103}\n"
    "  labels: {type: SYSTEM, category: oom, cause: container_limit, retry: escalate}\n"
    "- id: evicted\n  priority: 1\n  match: {platform_reason: Evicted}\n"
    "  labels: {type: SYSTEM, category: infra, cause: node_lost, retry: elsewhere}\n";

/* A file that holds the text, at its beginning. */
static FILE *file_of(struct fo_str text) {
    FILE *file = tmpfile();

    assert_non_null(file);
    assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
    assert_int_equal(fflush(file), 0);
    rewind(file);
    return file;
}

/* Returns the number of bad lines; *ret_answer is the caller's to free. */
static int answer(struct fo_str text, char **ret_answer) {
    FILE *in = file_of(text);
    size_t size = 0;
    FILE *out = open_memstream(ret_answer, &size);
    struct bench bench;

    assert_non_null(out);
    bench_init(&bench, rules, NULL);
    int bad = ex_classify_ndjson(bench.catalogue, bench.scratch, fileno(in), out);
    bench_done(&bench);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(fclose(in), 0);
    return bad;
}

#define DISK                                                                                       \
    "\"labels\":{\"type\":\"SYSTEM\",\"category\":\"disk\",\"cause\":\"disk_full\",\"retry\":"     \
    "\"elsewhere\",\"secondary\":\"true\"},\"rule\":\"disk\"}\n"
#define UNKNOWN                                                                                    \
    "\"labels\":{\"type\":\"UNKNOWN\",\"category\":\"unknown\",\"cause\":\"unknown\",\"retry\":"   \
    "\"default\"},\"rule\":null}\n"

static void test_answers(void **state) {
    static const struct {
        const char *line;
        const char *answer; /* or how it begins */
        int bad;
    } cases[] = {
        {"{\"id\":\"a\",\"output\":\"x\\nNo space left\\n\",\"exit_code\":1}",
         "{\"id\":\"a\"," DISK, 0},
        {"{\"id\":7}", "{\"id\":7," UNKNOWN, 0},
        {"{\"id\":null,\"output\":null,\"exit_code\":null,\"signal\":null,\"evidence\":null}",
         "{\"id\":null," UNKNOWN, 0},
        {"{\"id\":1,\"signal\":9,\"evidence\":[\"new\",\"cgroup_oom_kill\"]}",
         "{\"id\":1,\"labels\":{\"type\":\"SYSTEM\",\"category\":\"oom\"", 0},
        {"{\"id\":1,\"signal\":\"SIGKILL\",\"evidence\":[\"cgroup_oom_kill\"]}",
         "{\"id\":1,\"labels\":{\"type\":\"SYSTEM\",\"category\":\"oom\"", 0},
        {"{\"id\":1,\"signal\":0}", "{\"id\":1," UNKNOWN, 0},
        {"{\"id\":1,\"exception\":\"a.XError: text\"}", "{\"id\":1,\"labels\":{\"type\":\"USER\"",
         0},
        {"{\"id\":1,\"exception\":[\"a.B\",\"a.XError\"]}",
         "{\"id\":1,\"labels\":{\"type\":\"USER\"", 0},
        {"{\"id\":1,\"runtime\":\"yarn\",\"exit_code\":-103}",
         "{\"id\":1,\"labels\":{\"type\":\"SYSTEM\",\"category\":\"oom\"", 0},
        {"{\"id\":1,\"platform_reason\":\"Evicted\",\"more\":{}}",
         "{\"id\":1,\"labels\":{\"type\":\"SYSTEM\",\"category\":\"infra\"", 0},
        {"{\"id\":1,\"output\":\"\\u0000\\ud800 No space left\"}", "{\"id\":1," DISK, 0},
        {"{\"id\":1,\"output\":\"\xFF\xFE No space left\"}", "{\"id\":1," DISK, 0},
        {"{\"id\":1,\"output\":\"\\\\ud800 No space left\"}\r", "{\"id\":1," DISK, 0},
        {"  ", "", 0},
        {"{}", "{\"id\":null,\"error\":", 1},
        {"[]", "{\"id\":null,\"error\":", 1},
        {"{\"id\":1,", "{\"id\":null,\"error\":", 1},
        {"{\"id\":1} {\"id\":2}", "{\"id\":null,\"error\":", 1},
        {"{\"id\":1,\"output\":5}", "{\"id\":1,\"error\":\"`output` must be text\"}\n", 1},
        {"{\"id\":1,\"exit_code\":\"1\"}",
         "{\"id\":1,\"error\":\"`exit_code` must be a whole number\"}\n", 1},
        {"{\"id\":1,\"exit_code\":1e99}", "{\"id\":1,\"error\":\"`exit_code`", 1},
        {"{\"id\":1,\"exit_code\":99999999999}", "{\"id\":1,\"error\":\"`exit_code`", 1},
        {"{\"id\":1,\"signal\":\"SIGNOT\"}", "{\"id\":1,\"error\":\"`signal`", 1},
        {"{\"id\":1,\"signal\":true}", "{\"id\":1,\"error\":\"`signal`", 1},
        {"{\"id\":1,\"signal\":-9}", "{\"id\":1,\"error\":\"`signal`", 1},
        {"{\"id\":1,\"exception\":[1]}", "{\"id\":1,\"error\":\"`exception`", 1},
        {"{\"id\":1,\"evidence\":\"cgroup_oom_kill\"}", "{\"id\":1,\"error\":\"`evidence`", 1},
        {"{\"id\":1,\"evidence\":[1]}", "{\"id\":1,\"error\":\"`evidence`", 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = NULL;
        int bad = answer(fo_str_of(cases[i].line), &text);
        if (bad != cases[i].bad || strncmp(text, cases[i].answer, strlen(cases[i].answer)) != 0)
            fail_msg("%s: %d, %s", cases[i].line, bad, text);
        free(text);
    }
}

static void test_order_and_blank_lines(void **state) {
    char *text = NULL;

    (void)state;
    assert_int_equal(answer(fo_str_of("\n{\"id\":1}\r\n\nnonsense\n{\"id\":3}"), &text), 1);
    assert_int_equal(strncmp(text, "{\"id\":1," UNKNOWN "{\"id\":null,\"error\":", 60), 0);
    assert_non_null(strstr(text, "\n{\"id\":3," UNKNOWN));
    free(text);
    assert_int_equal(answer(fo_str_of(""), &text), 0);
    assert_string_equal(text, "");
    free(text);
}

/* A line over many reads, and one that is too long followed by one that is not. */
static void test_long_lines(void **state) {
    static const char begin[] = "{\"id\":1,\"output\":\"";
    static const char end[] = "No space left\"}\n";
    size_t size = EX_CLASSIFY_LINE_MAX_BYTES + sizeof begin + sizeof end;
    char *line = malloc(size);
    char *text = NULL;

    (void)state;
    assert_non_null(line);
    (void)memset(line, 'x', size);
    put_text(line, begin);
    size_t len = (size_t)1 << 20;
    put_text(line + len, end);
    assert_int_equal(answer((struct fo_str){line, len + sizeof end - 1}, &text), 0);
    assert_string_equal(text, "{\"id\":1," DISK);
    free(text);

    (void)memset(line + len, 'x', sizeof end);
    put_text(line + size - 10, "\n{\"id\":2}\n");
    assert_int_equal(answer((struct fo_str){line, size}, &text), 1);
    assert_string_equal(text, "{\"id\":null,\"error\":\"the line is longer than 128 MiB\"}\n"
                              "{\"id\":2," UNKNOWN);
    free(text);
    free(line);
}

/* Who asks line by line gets each answer before asking on. */
static void test_interactive(void **state) {
    int ask[2];
    int reply[2];
    struct bench bench;
    char line[256] = "";

    (void)state;
    assert_int_equal(pipe2(ask, O_CLOEXEC), 0);
    assert_int_equal(pipe2(reply, O_CLOEXEC), 0);
    bench_init(&bench, rules, NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ask[1]);
        FILE *out = fdopen(reply[1], "w");
        _exit(out ? ex_classify_ndjson(bench.catalogue, bench.scratch, ask[0], out) : 1);
    }
    assert_int_equal(write(ask[1], "{\"id\":1}\n", 9), 9);
    assert_true(read(reply[0], line, sizeof line - 1) > 0);
    assert_string_equal(line, "{\"id\":1," UNKNOWN);
    (void)close(ask[1]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)close(ask[0]);
    (void)close(reply[0]);
    (void)close(reply[1]);
    bench_done(&bench);
}

static void test_clean_text(void **state) {
    static const struct {
        void (*clean)(struct ex_buffer *, struct fo_str);
        const char *text;
        const char *expected;
    } cases[] = {
        {ex_clean_utf8, "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
         "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {ex_clean_utf8, "\xFFx\xC3", "\xEF\xBF\xBDx\xEF\xBF\xBD"},
        {ex_clean_utf8, "\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {ex_clean_utf8, "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {ex_clean_utf8, "\x1B[31m", "\x1B[31m"},
        {ex_clean_terminal, "\x1B[31m\ta\x7F\xC2\x9B", "?[31m\ta??"},
        {ex_clean_terminal, "a\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\xA7", "a??\xE2\x80\xA7"},
        {ex_clean_terminal, "\xC3\xA9\xC2", "\xC3\xA9\xEF\xBF\xBD"},
        {ex_clean_json, "\\ud83d\\ude00 \\ud83dx \\ude00 \\n \\\\ud800 \\",
         "\\ud83d\\ude00 \\ufffdx \\ufffd \\n \\\\ud800 \\"},
        {ex_clean_json, "\\\xFF", "\\\xEF\xBF\xBD"},
        {ex_clean_json, "\\u12", "\\u12"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ex_buffer buffer;
        ex_buffer_init(&buffer, 1024);
        cases[i].clean(&buffer, fo_str_of(cases[i].text));
        assert_string_equal(ex_buffer_text(&buffer), cases[i].expected);
        ex_buffer_done(&buffer);
    }
}

static void check_capture(size_t size) {
    char *text = malloc(size + 1);
    struct ex_capture capture = {NULL, 0, NULL, 0, false};
    size_t head_max = CATALOGUE_HEAD_MAX_BYTES;
    size_t tail_max = CATALOGUE_TAIL_MAX_BYTES;

    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(i * 2654435761U >> 16);
    FILE *file = file_of((struct fo_str){text, size});
    assert_int_equal(ex_capture_read(&capture, fileno(file)), 0);
    assert_int_equal(fclose(file), 0);
    struct fo_str head = ex_capture_head(&capture);
    struct fo_str tail = ex_capture_tail(&capture);
    assert_int_equal(head.len, size < head_max ? size : head_max);
    size_t rest = size - head.len;
    assert_int_equal(tail.len, rest < tail_max ? rest : tail_max);
    assert_int_equal(capture.cut, rest > tail_max);
    assert_memory_equal(head.ptr, text, head.len);
    if (tail.len > 0)
        assert_memory_equal(tail.ptr, text + size - tail.len, tail.len);
    ex_capture_done(&capture);
    free(text);
}

static void test_capture(void **state) {
    static const size_t sizes[] = {0,      1,      65535,  65536,  65537,  327680,
                                   327681, 589824, 851968, 851969, 3145728};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++)
        check_capture(sizes[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),    cmocka_unit_test(test_order_and_blank_lines),
        cmocka_unit_test(test_long_lines), cmocka_unit_test(test_interactive),
        cmocka_unit_test(test_clean_text), cmocka_unit_test(test_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
