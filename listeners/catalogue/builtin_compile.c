/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles the built-in rules while the program is being built:
 *
 *     builtin_compile OUTPUT
 *
 * For no processor in particular, so that what is built here runs elsewhere and is the same
 * wherever it is built. The matcher's own code still uses what the processor at hand can do. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listeners/catalogue/patterns.h"

static int compile(const struct catalogue_patterns *patterns, hs_database_t **ret_database) {
    static const hs_platform_info_t any = {.tune = HS_TUNE_FAMILY_GENERIC};
    char why[CATALOGUE_WHY_SIZE] = "out of memory";
    unsigned culprit = 0;
    int r = catalogue_patterns_compile(patterns, &any, ret_database, &culprit, why);

    if (r != 0)
        (void)fprintf(stderr, "expression %u: %s\n", culprit, why);
    return r;
}

static int add_rules(struct catalogue_patterns *patterns) {
    unsigned number = 0;

    for (size_t i = 0; i < catalogue_builtin_rule_count; i++) {
        const struct catalogue_rule *rule = &catalogue_builtin_rules[i];
        const char *why = "out of memory";
        int r = catalogue_patterns_add_rule(patterns, rule, number, &why);
        if (r != 0) {
            (void)fprintf(stderr, "%s:%d: rule %s: unsupported expression: %s\n", rule->file.ptr,
                          rule->line, rule->id.ptr, why);
            return r;
        }
        number += (unsigned)(rule->match.message_regex.count + rule->match.exception.count);
    }
    return 0;
}

static int write_file(const char *path, const char *bytes, size_t size) {
    FILE *file = fopen(path, "wbe");

    if (!file)
        return -errno;
    int r = fwrite(bytes, 1, size, file) == size ? 0 : -EIO;
    if (fclose(file) != 0 && r == 0)
        r = -EIO;
    return r;
}

static int write_database(const char *path, const hs_database_t *database) {
    char *bytes = NULL;
    size_t size = 0;

    if (hs_serialize_database(database, &bytes, &size) != HS_SUCCESS)
        return -ENOMEM;
    int r = write_file(path, bytes, size);
    if (r != 0)
        (void)fprintf(stderr, "%s could not be written\n", path);
    free(bytes);
    return r;
}

int main(int argc, char **argv) {
    struct catalogue_patterns patterns = {0};
    hs_database_t *database = NULL;

    if (argc != 2)
        return 2;
    int r = add_rules(&patterns);
    if (r == 0)
        r = compile(&patterns, &database);
    if (r == 0)
        r = write_database(argv[1], database);
    (void)hs_free_database(database);
    catalogue_patterns_done(&patterns);
    return r == 0 ? 0 : 1;
}
