/* SPDX-License-Identifier: Apache-2.0 */
/* The categoriser with all built-in rules over any output, and redaction with it. The first bytes
 * choose the facts, the rest is output, split at a place that they choose as well. */
#include <stdlib.h>

#include "listeners/catalogue/catalogue.h"

enum { FACTS = 6 };

static struct catalogue *catalogue;
static struct catalogue_scratch *scratch;

static void require(int holds) {
    if (!holds)
        abort();
}

static void start(void) {
    const struct fo_str redact[] = {fo_str_of("password=[^ ]*"), fo_str_of("[0-9]+$")};
    const struct catalogue_source builtin = {.root = NULL};
    const struct catalogue_options options = {.redact = redact, .redact_count = 2};
    struct fo_error error;

    require(catalogue_new(&builtin, 1, &options, &catalogue, &error) == 0);
    require(catalogue_scratch_new(catalogue, &scratch) == 0);
}

static void check_shown(struct fo_str text) {
    require(text.len <= CATALOGUE_SHOWN_MAX_BYTES);
    require(text.len == 0 || !memmem(text.ptr, text.len, "password=", strlen("password=")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct catalogue_verdict verdict;

    if (!catalogue)
        start();
    if (size < FACTS)
        return 0;
    const char *text = (const char *)data + FACTS;
    size_t len = size - FACTS;
    size_t split = data[0] < 128 ? len : len * (data[0] - 128U) / 128;
    const struct fo_str reported = {text, len < 40 ? len : 40};
    const struct catalogue_input input = {
        .head = {text, split},
        .tail = {text + split, len - split},
        .cut = data[1] & 1,
        .exited = data[1] & 2,
        .exit_code = (signed char)data[2],
        .signal = data[3] % 70,
        .evidence = data[4],
        .exceptions = &reported,
        .exception_count = data[1] & 4 ? 1 : 0,
        .runtime = {text, data[5] < len ? data[5] : 0},
        .platform_reason = {text, data[1] & 8 && len >= 20 ? 20 : 0},
    };
    require(catalogue_classify(catalogue, &input, scratch, &verdict) == 0);
    require(verdict.type.len > 0 && verdict.category.len > 0 && verdict.cause.len > 0);
    require(verdict.chain_count <= CATALOGUE_CHAIN_MAX);
    check_shown(verdict.decided_by.matched);
    for (size_t i = 0; i < verdict.runner_up_count; i++)
        check_shown(verdict.runners_up[i].matched);
    for (size_t i = 0; i < verdict.chain_count; i++)
        check_shown(verdict.chain[i].message);
    return 0;
}
