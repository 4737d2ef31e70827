/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "listeners/catalogue/compiled.h"

/* The matcher wants its expressions as parallel arrays. */
struct columns {
    const char **patterns;
    unsigned *flags;
    unsigned *ids;
};

static int columns_fill(const struct catalogue_expression *expressions, size_t count,
                        struct columns *columns) {
    columns->patterns = calloc(count, sizeof *columns->patterns);
    columns->flags = calloc(count, sizeof *columns->flags);
    columns->ids = calloc(count, sizeof *columns->ids);
    if (!columns->patterns || !columns->flags || !columns->ids)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        columns->patterns[i] = expressions[i].pattern.ptr;
        columns->flags[i] = expressions[i].flags;
        columns->ids[i] = (unsigned)i;
    }
    return 0;
}

static void columns_done(struct columns *columns) {
    free(columns->patterns);
    free(columns->flags);
    free(columns->ids);
}

static int columns_compile(const struct columns *columns, size_t count,
                           hs_database_t **ret_database, size_t *ret_culprit,
                           char ret_why[static CATALOGUE_WHY_SIZE]) {
    hs_compile_error_t *error = NULL;
    hs_error_t outcome =
        hs_compile_multi(columns->patterns, columns->flags, columns->ids, (unsigned)count,
                         HS_MODE_BLOCK, NULL, ret_database, &error);

    if (outcome == HS_SUCCESS)
        return 0;
    if (outcome == HS_NOMEM || !error) {
        (void)hs_free_compile_error(error);
        return -ENOMEM;
    }
    *ret_culprit = error->expression >= 0 ? (size_t)error->expression : count;
    (void)snprintf(ret_why, CATALOGUE_WHY_SIZE, "%s", error->message);
    (void)hs_free_compile_error(error);
    return -EINVAL;
}

int catalogue_compile(const struct catalogue_expression *expressions, size_t count,
                      hs_database_t **ret_database, size_t *ret_culprit,
                      char ret_why[static CATALOGUE_WHY_SIZE]) {
    struct columns columns = {NULL, NULL, NULL};
    int r = columns_fill(expressions, count, &columns);

    if (r == 0)
        r = columns_compile(&columns, count, ret_database, ret_culprit, ret_why);
    columns_done(&columns);
    return r;
}
