/* SPDX-License-Identifier: Apache-2.0 */
/* Every folder of tests/cases/jobs and tests/cases/config: `input.yaml` (or .json), and `error`
 * with "LINE: beginning of the text" where the input must be refused. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "exporter/config/config.h"
#include "exporter/config/job_file.h"

typedef int load_function(const char *path, struct fo_error *error);

static int load_job(const char *path, struct fo_error *error) {
    struct ex_job_spec *spec = NULL;
    int rc = ex_job_file_load(path, NULL, &spec, error);

    assert_true((rc == 0) == (spec != NULL));
    ex_job_spec_unref(spec);
    return rc;
}

static int load_config(const char *path, struct fo_error *error) {
    struct ex_config *config = NULL;
    int rc = ex_config_load(path, &config, error);

    assert_true((rc == 0) == (config != NULL));
    ex_config_unref(config);
    return rc;
}

static void read_expected(const char *folder, char *line, int size) {
    char path[1024];

    *line = '\0';
    (void)snprintf(path, sizeof path, "%s/error", folder);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    assert_non_null(fgets(line, size, file));
    assert_int_equal(fclose(file), 0);
    line[strcspn(line, "\n")] = '\0';
}

static bool check_case(const char *folder, load_function *load) {
    struct fo_error error = {0};
    char path[1024];
    char expected[512];
    char told[512] = "";

    read_expected(folder, expected, sizeof expected);
    (void)snprintf(path, sizeof path, "%s/input.yaml", folder);
    if (access(path, F_OK) != 0)
        (void)snprintf(path, sizeof path, "%s/input.json", folder);
    int rc = load(path, &error);
    if (rc != 0)
        (void)snprintf(told, sizeof told, "%d: %s", error.line, error.text);
    bool right = *expected ? strncmp(told, expected, strlen(expected)) == 0 : rc == 0;
    if (!right)
        print_error("%s\n  expected: %s\n  told:     %s\n", folder, expected, told);
    return right && (rc == 0 || error.code == rc);
}

static void check_cases(const char *root, load_function *load) {
    struct dirent **entries = NULL;
    int count = scandir(root, &entries, NULL, alphasort);
    int wrong = 0;

    assert_true(count > 20);
    for (int i = 0; i < count; i++) {
        char folder[512];
        (void)snprintf(folder, sizeof folder, "%s/%s", root, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            wrong += !check_case(folder, load);
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(wrong, 0);
}

static void jobs(void **state) {
    (void)state;
    check_cases(CASES "/jobs", load_job);
}

static void configurations(void **state) {
    (void)state;
    check_cases(CASES "/config", load_config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs),
        cmocka_unit_test(configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
