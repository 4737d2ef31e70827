/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "listeners/catalogue/compiled.h"

static int matcher_scratch(const struct catalogue *catalogue, hs_scratch_t **ret_matcher) {
    const hs_database_t *const databases[] = {catalogue->builtin.database, catalogue->own.database,
                                              catalogue->redactor};
    hs_error_t outcome = HS_SUCCESS;

    for (size_t i = 0; outcome == HS_SUCCESS && i < sizeof databases / sizeof databases[0]; i++)
        if (databases[i])
            outcome = hs_alloc_scratch(databases[i], ret_matcher);
    return outcome == HS_SUCCESS ? 0 : -ENOMEM;
}

int catalogue_scratch_new(const struct catalogue *catalogue,
                          struct catalogue_scratch **ret_scratch) {
    struct catalogue_scratch *scratch = calloc(1, sizeof *scratch);
    size_t rules = catalogue->rule_count + 1;

    if (!scratch)
        return -ENOMEM;
    scratch->catalogue = catalogue;
    scratch->hits = calloc(rules, sizeof *scratch->hits);
    scratch->touched = calloc(rules, sizeof *scratch->touched);
    scratch->shown = malloc(CATALOGUE_SHOWN_BYTES);
    if (!scratch->hits || !scratch->touched || !scratch->shown ||
        matcher_scratch(catalogue, &scratch->matcher) != 0) {
        (void)catalogue_scratch_free(scratch);
        return -ENOMEM;
    }
    *ret_scratch = scratch;
    return 0;
}

struct catalogue_scratch *catalogue_scratch_free(struct catalogue_scratch *scratch) {
    if (!scratch)
        return NULL;
    (void)hs_free_scratch(scratch->matcher);
    free(scratch->hits);
    free(scratch->touched);
    free(scratch->text);
    free(scratch->shown);
    free(scratch->cuts);
    free(scratch->redacted);
    free(scratch);
    return NULL;
}
