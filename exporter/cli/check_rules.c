/* SPDX-License-Identifier: Apache-2.0 */
/* check rules [FILE...]: each FILE behind the built-in rules, as a user's; without one the built-in
 * rules alone. */
#include <stdio.h>

#include "exporter/cli/cli.h"
#include "exporter/cli/rule_files.h"

static void print_finding(void *ctx, const struct catalogue_finding *finding) {
    (void)ctx;
    (void)printf("%.*s:%d: rule %.*s: %s\n", (int)finding->file.len, finding->file.ptr,
                 finding->line, (int)finding->rule.len, finding->rule.ptr, finding->text);
}

int ex_cli_check_rules(int argc, char **argv) {
    struct catalogue *catalogue = NULL;
    struct fo_error error;
    size_t count = argc > 1 ? (size_t)argc - 1 : 0;

    if (ex_rule_files_load((const char *const *)argv + 1, count, &catalogue, &error) != 0) {
        ex_cli_complain(NULL, &error);
        return EX_EXIT_FAILED;
    }
    int findings = catalogue_check(catalogue, print_finding, NULL);
    if (findings == 0)
        (void)printf("%zu rules, all right\n", catalogue_rule_count(catalogue));
    (void)catalogue_free(catalogue);
    return findings == 0 ? EX_EXIT_OK : EX_EXIT_FAILED;
}
