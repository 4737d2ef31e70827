/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/compiled.h"

/* The part of `text` of the size allowed that holds `focus`, with some of what came before it. */
static struct fo_str window(struct fo_str text, size_t focus) {
    size_t most = CATALOGUE_SHOWN_MAX_BYTES;

    if (text.len <= most)
        return text;
    size_t from = focus > most / 2 ? focus - most / 2 : 0;
    if (from > text.len - most)
        from = text.len - most;
    text.ptr += from;
    text.len = most;
    return text;
}

struct fo_str catalogue_show_copy(struct catalogue_scratch *scratch, struct fo_str text) {
    struct fo_str copy = {scratch->shown + scratch->shown_used, text.len};

    if (text.len > CATALOGUE_SHOWN_BYTES - scratch->shown_used)
        return (struct fo_str){NULL, 0};
    memcpy(scratch->shown + scratch->shown_used, text.ptr, text.len);
    scratch->shown_used += text.len;
    return copy;
}

/* Redaction sees all of the text, so that no secret is cut off from the word it is known by. */
struct fo_str catalogue_show(struct catalogue_scratch *scratch, struct fo_str text, size_t focus) {
    struct fo_str safe;

    if (catalogue_redact_at(scratch, text, &focus, &safe) != 0)
        return fo_str_of("***");
    if (safe.ptr == text.ptr)
        return window(safe, focus);
    return catalogue_show_copy(scratch, window(safe, focus));
}
