/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "listeners/catalogue/compiled.h"

static const struct fo_str mask = {"***", 3};

static int cuts_grow(struct catalogue_scratch *scratch) {
    size_t capacity = scratch->cut_capacity ? 2 * scratch->cut_capacity : 64;
    struct catalogue_cut *cuts = realloc(scratch->cuts, capacity * sizeof *cuts);

    if (!cuts)
        return -ENOMEM;
    scratch->cuts = cuts;
    scratch->cut_capacity = capacity;
    return 0;
}

/* Every match of every length is reported, ends ascending. A cut swallows those that it overlaps,
 * so that the list stays sorted and its parts stay apart. */
static int on_secret(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                     void *ctx) {
    struct catalogue_scratch *scratch = ctx;
    struct catalogue_cut cut = {(size_t)from, (size_t)to};

    (void)id;
    (void)flags;
    while (scratch->cut_count > 0 && scratch->cuts[scratch->cut_count - 1].to > cut.from) {
        struct catalogue_cut *last = &scratch->cuts[--scratch->cut_count];
        cut.from = last->from < cut.from ? last->from : cut.from;
        cut.to = last->to > cut.to ? last->to : cut.to;
    }
    if (scratch->cut_count == scratch->cut_capacity && cuts_grow(scratch) != 0)
        return 1;
    scratch->cuts[scratch->cut_count++] = cut;
    return 0;
}

static int redacted_reserve(struct catalogue_scratch *scratch, size_t size) {
    if (scratch->redacted_capacity >= size)
        return 0;
    char *redacted = realloc(scratch->redacted, size);
    if (!redacted)
        return -ENOMEM;
    scratch->redacted = redacted;
    scratch->redacted_capacity = size;
    return 0;
}

static void append(struct catalogue_scratch *scratch, size_t *len, const char *bytes, size_t size) {
    memcpy(scratch->redacted + *len, bytes, size);
    *len += size;
}

/* Where a place in the text went to: a place in a cut goes to the mask's end. */
static size_t moved(const struct catalogue_scratch *scratch, size_t offset) {
    size_t place = offset;

    for (size_t i = 0; i < scratch->cut_count && scratch->cuts[i].from < offset; i++) {
        const struct catalogue_cut *cut = &scratch->cuts[i];
        place += mask.len;
        place -= (cut->to < offset ? cut->to : offset) - cut->from;
    }
    return place;
}

static int apply_cuts(struct catalogue_scratch *scratch, struct fo_str text, size_t *offset,
                      struct fo_str *ret_text) {
    size_t len = 0;
    size_t done = 0;

    if (redacted_reserve(scratch, text.len + scratch->cut_count * mask.len) != 0)
        return -ENOMEM;
    for (size_t i = 0; i < scratch->cut_count; i++) {
        append(scratch, &len, text.ptr + done, scratch->cuts[i].from - done);
        append(scratch, &len, mask.ptr, mask.len);
        done = scratch->cuts[i].to;
    }
    append(scratch, &len, text.ptr + done, text.len - done);
    *offset = moved(scratch, *offset);
    ret_text->ptr = scratch->redacted;
    ret_text->len = len;
    return 0;
}

int catalogue_redact_at(struct catalogue_scratch *scratch, struct fo_str text, size_t *offset,
                        struct fo_str *ret_text) {
    const hs_database_t *redactor = scratch->catalogue->redactor;

    *ret_text = text;
    if (!redactor || text.len == 0)
        return 0;
    scratch->cut_count = 0;
    int r = -ENOMEM;
    if (text.len <= INT_MAX && hs_scan(redactor, text.ptr, (unsigned)text.len, 0, scratch->matcher,
                                       on_secret, scratch) == HS_SUCCESS)
        r = scratch->cut_count > 0 ? apply_cuts(scratch, text, offset, ret_text) : 0;
    if (r != 0)
        *ret_text = (struct fo_str){NULL, 0};
    return r;
}

int catalogue_redact(const struct catalogue *catalogue, struct catalogue_scratch *scratch,
                     struct fo_str text, struct fo_str *ret_text) {
    size_t offset = 0;

    assert(scratch->catalogue == catalogue);
    (void)catalogue;
    return catalogue_redact_at(scratch, text, &offset, ret_text);
}
