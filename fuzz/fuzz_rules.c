/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files of any content: taken or refused with a reason, and what is taken can be checked. */
#include <jansson.h>
#include <stdlib.h>

#include "listeners/catalogue/catalogue.h"

static void ignore(void *ctx, const struct catalogue_finding *finding) {
    (void)ctx;
    (void)finding;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *root = json_loadb((const char *)data, size, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    const struct catalogue_source source = {.name = "fuzz", .root = root};
    struct catalogue *catalogue = NULL;
    struct fo_error error = {.code = 0};

    if (!root)
        return 0;
    int r = catalogue_new(&source, 1, NULL, &catalogue, &error);
    if (r == 0)
        (void)catalogue_check(catalogue, ignore, NULL);
    else if (error.code != r || error.text[0] == 0 || catalogue)
        abort();
    (void)catalogue_free(catalogue);
    json_decref(root);
    return 0;
}
