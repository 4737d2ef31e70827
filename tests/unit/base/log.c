/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "exporter/base/log.h"

/* What `write_line` puts on standard error. */
static const char *captured(void (*write_line)(void)) {
    static char text[65536];
    int ends[2];
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    (void)dup2(ends[1], STDERR_FILENO);
    write_line();
    (void)dup2(saved, STDERR_FILENO);
    (void)close(ends[1]);
    ssize_t len = read(ends[0], text, sizeof text - 1);
    (void)close(ends[0]);
    (void)close(saved);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void write_hostile(void) {
    ex_log(EX_LOG_WARN, "Hello.",
           EX_TEXT("name", "a\nlevel=error \"x\" \x1b[31m\xc2\x9b\xe2\x80\xae"), EX_INT("n", -3));
}

static void test_a_value_cannot_forge_a_line(void **state) {
    (void)state;
    ex_log_configure(EX_LOG_INFO, EX_LOG_LOGFMT);
    const char *line = captured(write_hostile);
    assert_non_null(strstr(line,
                           "level=warn msg=\"Hello.\" "
                           "name=\"a\\nlevel=error \\\"x\\\" \\u001b[31m\\u009b\\u202e\" n=-3\n"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void test_json(void **state) {
    (void)state;
    ex_log_configure(EX_LOG_INFO, EX_LOG_JSON);
    const char *line = captured(write_hostile);
    assert_int_equal(strncmp(line, "{\"time\":\"", 9), 0);
    assert_non_null(strstr(line, "\"level\":\"warn\",\"msg\":\"Hello.\",\"name\":\"a\\n"));
    assert_non_null(strstr(line, "\"n\":-3}\n"));
}

static void write_long(void) {
    static char text[40000];

    memset(text, 'x', sizeof text - 1);
    ex_log(EX_LOG_INFO, "Long.", EX_TEXT("text", text));
}

static void test_a_long_line_is_cut_and_ends(void **state) {
    (void)state;
    ex_log_configure(EX_LOG_INFO, EX_LOG_LOGFMT);
    const char *line = captured(write_long);
    assert_in_range(strlen(line), 1000, 20000);
    assert_int_equal(line[strlen(line) - 1], '\n');
}

static void test_levels(void **state) {
    (void)state;
    ex_log_configure(EX_LOG_ERROR, EX_LOG_LOGFMT);
    assert_string_equal(captured(write_hostile), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_cannot_forge_a_line),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_a_long_line_is_cut_and_ends),
        cmocka_unit_test(test_levels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
