/* SPDX-License-Identifier: Apache-2.0 */
/* Holds docs/configuration.md against the program: its tables of settings are those of the option
 * table, its examples can be read. `test_config_reference --write` writes the tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exporter/base/buffer.h"
#include "exporter/config/config.h"
#include "exporter/config/job_file.h"

enum { PAGE_MAX = 1 << 20 };

static char *read_page(void) {
    char *page = calloc(1, PAGE_MAX);
    FILE *file = fopen(PAGE, "re");

    assert_non_null(page);
    assert_non_null(file);
    assert_true(fread(page, 1, PAGE_MAX - 1, file) > 0);
    assert_int_equal(fclose(file), 0);
    return page;
}

static void add_type(struct ex_buffer *out, const struct ex_option *option) {
    static const char *const names[] = {
        [EX_OPTION_STRING] = "text",        [EX_OPTION_INT] = "whole number",
        [EX_OPTION_DURATION] = "duration",  [EX_OPTION_DOUBLE] = "number",
        [EX_OPTION_BOOL] = "true or false", [EX_OPTION_SIZE] = "size",
    };
    const char *unit = option->type == EX_OPTION_DURATION ? " ms"
                       : option->type == EX_OPTION_SIZE   ? " bytes"
                                                          : "";

    ex_buffer_append_text(out, names[option->type]);
    if (option->least > 0)
        ex_buffer_printf(out, ", %s %.0f%s", option->above_least ? "more than" : "at least",
                         option->least, unit);
    if (option->most > 0 && option->type == EX_OPTION_DURATION)
        ex_buffer_printf(out, ", at most %.0f days", option->most / 86400000);
    else if (option->most > 0)
        ex_buffer_printf(out, ", at most %.0f%s", option->most, unit);
}

static void add_row(struct ex_buffer *out, const struct ex_option *option) {
    ex_buffer_printf(out, "| `%s`", option->key);
    if (option->old_key)
        ex_buffer_printf(out, " (old: `%s`)", option->old_key);
    ex_buffer_append_text(out, " | ");
    add_type(out, option);
    if (option->fallback)
        ex_buffer_printf(out, " | `%s` | ", option->fallback);
    else
        ex_buffer_append_text(out, " | unset | ");
    ex_buffer_printf(out, "%s%s |\n", option->meaning, option->of_job ? ". *Job*" : "");
}

static void render(struct ex_buffer *out, bool ours) {
    ex_buffer_append_text(out, "| key | type | default | meaning |\n| --- | --- | --- | --- |\n");
    for (unsigned i = 0; i < EX_OPTION_COUNT; i++) {
        const struct ex_option *option = ex_option((enum ex_option_id)i);
        if (option->ours == ours)
            add_row(out, option);
    }
}

/* The text between the marks of a table. */
static struct fo_str find_table(const char *page, const char *whose) {
    char mark[64];

    (void)snprintf(mark, sizeof mark, "<!-- options of %s: begin -->\n", whose);
    const char *begin = strstr(page, mark);
    assert_non_null(begin);
    begin += strlen(mark);
    const char *end = strstr(begin, "<!-- options of ");
    assert_non_null(end);
    return (struct fo_str){begin, (size_t)(end - begin)};
}

static void check_table(const char *page, const char *whose, bool ours) {
    struct fo_str table = find_table(page, whose);
    struct ex_buffer rendered;

    ex_buffer_init(&rendered, PAGE_MAX);
    render(&rendered, ours);
    if (!fo_str_equal(table, ex_buffer_str(&rendered)))
        fail_msg("the settings of %s have changed: run test_config_reference --write", whose);
    ex_buffer_done(&rendered);
}

static void tables_are_those_of_the_program(void **state) {
    char *page = read_page();
    (void)state;

    check_table(page, "Flink", false);
    check_table(page, "ours", true);
    free(page);
}

static void check_example(struct fo_str example) {
    const struct ex_job_origin origin = {.working_directory = "/"};
    struct ex_config *config = NULL;
    struct ex_job_spec *spec = NULL;
    struct fo_error error = {0};
    int rc = -EINVAL;

    if (strncmp(example.ptr, "# configuration\n", strlen("# configuration\n")) == 0)
        rc = ex_config_parse(example, ".", &config, &error);
    else if (strncmp(example.ptr, "# job\n", strlen("# job\n")) == 0)
        rc = ex_job_parse(example, &origin, NULL, &spec, &error);
    if (rc != 0)
        fail_msg("example, line %d: %s", error.line, error.text);
    ex_config_unref(config);
    ex_job_spec_unref(spec);
}

static void examples_can_be_read(void **state) {
    char *page = read_page();
    const char *at = page;
    int count = 0;
    (void)state;

    for (at = strstr(at, "```yaml\n"); at; at = strstr(at, "```yaml\n")) {
        at += strlen("```yaml\n");
        const char *end = strstr(at, "```");
        assert_non_null(end);
        check_example((struct fo_str){at, (size_t)(end - at)});
        at = end + 3;
        count++;
    }
    assert_int_equal(count, 2);
    free(page);
}

static void write_table(struct ex_buffer *out, const char *page, const char *whose, bool ours,
                        const char **rest) {
    struct fo_str table = find_table(page, whose);

    ex_buffer_append(out, *rest, (size_t)(table.ptr - *rest));
    render(out, ours);
    *rest = table.ptr + table.len;
}

static int write_page(void) {
    char *page = read_page();
    const char *rest = page;
    struct ex_buffer out;

    ex_buffer_init(&out, PAGE_MAX);
    write_table(&out, page, "Flink", false, &rest);
    write_table(&out, page, "ours", true, &rest);
    ex_buffer_append_text(&out, rest);
    FILE *file = fopen(PAGE, "we");
    bool written = file && fputs(ex_buffer_text(&out), file) != EOF;
    if (file && fclose(file) != 0)
        written = false;
    ex_buffer_done(&out);
    free(page);
    return written ? 0 : 1;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_those_of_the_program),
        cmocka_unit_test(examples_can_be_read),
    };

    if (argc > 1 && strcmp(argv[1], "--write") == 0)
        return write_page();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
