/* SPDX-License-Identifier: Apache-2.0 */
/* Fails the first allocation of a reading, then the second, and so on until one succeeds: every
 * failure must be told as -ENOMEM, and (under the sanitizer) leak nothing. The linker puts the
 * __wrap_ functions below in the place of the allocating ones; jansson takes its own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exporter/config/config.h"
#include "exporter/config/job_file.h"

static long allocations_left = -1; /* -1 = never fails */

static bool fails(void) {
    if (allocations_left < 0)
        return false;
    if (allocations_left == 0) {
        errno = ENOMEM;
        return true; /* and so do all that follow */
    }
    allocations_left--;
    return false;
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
int __real_vasprintf(char **ret_text, const char *format, va_list args);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
int __wrap_vasprintf(char **ret_text, const char *format, va_list args) FO_PRINTF(2, 0);
int __wrap_asprintf(char **ret_text, const char *format, ...) FO_PRINTF(2, 3);
/* NOLINTEND(bugprone-reserved-identifier) */

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size) {
    if (size > 0 && fails())
        return NULL;
    return __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size) {
    return fails() ? NULL : __real_reallocarray(memory, count, size);
}

char *__wrap_strdup(const char *text) {
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size) {
    return fails() ? NULL : __real_strndup(text, size);
}

int __wrap_vasprintf(char **ret_text, const char *format, va_list args) {
    return fails() ? -1 : __real_vasprintf(ret_text, format, args);
}

int __wrap_asprintf(char **ret_text, const char *format, ...) {
    va_list args;

    va_start(args, format);
    int len = __wrap_vasprintf(ret_text, format, args);
    va_end(args);
    return len;
}

/* One reading; whether it succeeded. */
typedef bool reading_function(const void *input);

static void starve(reading_function *read, const void *input) {
    json_set_alloc_funcs(__wrap_malloc, free);
    for (long allowed = 0; allowed < 100000; allowed++) {
        allocations_left = allowed;
        bool done = read(input);
        allocations_left = -1;
        if (done) {
            print_message("%ld allocations\n", allowed);
            assert_true(allowed > 10);
            return;
        }
    }
    fail_msg("never enough");
}

static bool check(int rc, const void *result, const struct fo_error *error) {
    allocations_left = -1;
    if (rc == 0) {
        assert_non_null(result);
        return true;
    }
    if (rc != -ENOMEM || error->code != -ENOMEM)
        fail_msg("%d, line %d: %s", rc, error->line, error->text);
    assert_null(result);
    return false;
}

static bool read_tree(const void *input) {
    struct ex_tree *tree = NULL;
    struct fo_error error = {0};
    int rc = ex_tree_parse(fo_str_of(input), NULL, &tree, &error);
    bool done = check(rc, tree, &error);

    ex_tree_free(tree);
    return done;
}

static bool read_config(const void *input) {
    struct ex_config *config = NULL;
    struct fo_error error = {0};
    int rc = ex_config_load(input, &config, &error);
    bool done = check(rc, config, &error);

    ex_config_unref(config);
    return done;
}

static bool read_job(const void *input) {
    struct ex_job_spec *spec = NULL;
    struct fo_error error = {0};
    int rc = ex_job_file_load(input, NULL, &spec, &error);
    bool done = check(rc, spec, &error);

    ex_job_spec_unref(spec);
    return done;
}

static void trees(void **state) {
    (void)state;
    starve(read_tree, "{\"a\": [1, 2.5, true, null, \"x\"], \"b\": {\"c\": {}}}");
    starve(read_tree, "a: &a [1, 2.5, true, ~, x]\nb: {c: *a, d: .inf, e: 'q'}\n");
}

static void configurations(void **state) {
    (void)state;
    starve(read_config, CASES "/config/design/input.yaml");
    starve(read_config, CASES "/config/flink/input.yaml");
}

static void jobs(void **state) {
    (void)state;
    starve(read_job, CASES "/jobs/full/input.yaml");
    starve(read_job, CASES "/jobs/push/input.yaml");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees),
        cmocka_unit_test(configurations),
        cmocka_unit_test(jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
