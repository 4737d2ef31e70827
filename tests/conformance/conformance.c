/* SPDX-License-Identifier: Apache-2.0 */
/* conformance FILE... - runs conformance cases, whatever file holds them, through the real core.
 * Prints each failure, then "N passed, N failed"; exit status 1 when anything failed. */
#include "tests/conformance/conformance.h"

#include <stdio.h>

struct kind {
    const char *sign;   /* a field that only this kind has */
    const char *values; /* and the texts it may have, parted by spaces; NULL = any value */
    bool (*run)(struct cf_result *result, const json_t *json);
};

static const struct kind kinds[] = {
    {"input", NULL, cf_run_duration},
    {"events", NULL, cf_run_strategy},
    {"expect_regions", NULL, cf_run_regions},
    {"expect_components", NULL, cf_run_scc},
    {"expect_num_components", NULL, cf_run_scc},
    {"expect_restart", NULL, cf_run_failover},
    {"steps", NULL, cf_run_scheduler},
    {"history", NULL, cf_run_exception},
    {"kind", "restart-strategy failover-strategy", cf_run_config},
    {"kind", "config-list load filter label", cf_run_enricher},
};

struct counts {
    unsigned passed;
    unsigned failed;
};

static bool has_word(const char *words, const char *word) {
    size_t len = strlen(word);

    for (const char *at = strstr(words, word); at && len > 0; at = strstr(at + 1, word)) {
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    }
    return false;
}

static const struct kind *find_kind(const json_t *json) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const json_t *sign = json_object_get(json, kinds[i].sign);
        if (!sign)
            continue;
        if (!kinds[i].values ||
            (json_is_string(sign) && has_word(kinds[i].values, json_string_value(sign))))
            return &kinds[i];
    }
    return NULL;
}

static bool run_case(struct cf_result *result, const json_t *json) {
    const struct kind *kind = find_kind(json);

    if (!json_is_object(json))
        return cf_fail(result, "not an object");
    if (!kind)
        return cf_fail(result, "unknown kind of case, or no expectation");
    return kind->run(result, json);
}

static const char *name_of(const json_t *json) {
    const json_t *name = json_object_get(json, "name");

    if (!name)
        name = json_object_get(json, "input");
    return json_is_string(name) ? json_string_value(name) : "(no name)";
}

static void run_file(const char *path, struct counts *counts) {
    json_error_t error;
    json_t *cases = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    const json_t *json = NULL;
    size_t index = 0;

    if (!json_is_array(cases) || json_array_size(cases) == 0) {
        (void)fprintf(stderr, "%s: %s\n", path, cases ? "not a list of cases" : error.text);
        counts->failed++;
    }
    json_array_foreach(cases, index, json) {
        struct cf_result result = {.why = ""};
        if (run_case(&result, json)) {
            counts->passed++;
            continue;
        }
        counts->failed++;
        (void)printf("%s: case %zu, %s: %s\n", path, index + 1, name_of(json), result.why);
    }
    json_decref(cases);
}

int main(int argc, char **argv) {
    struct counts counts = {0, 0};

    if (argc < 2) {
        (void)fprintf(stderr, "usage: conformance FILE...\n");
        return 1;
    }
    for (int i = 1; i < argc; i++)
        run_file(argv[i], &counts);
    (void)printf("%u passed, %u failed\n", counts.passed, counts.failed);
    return counts.failed > 0 ? 1 : 0;
}
