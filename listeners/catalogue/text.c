/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "listeners/catalogue/compiled.h"

enum { GAP_BYTES = 3 };

/* Between head and tail where output is missing: the NULs keep `$` and `^` from seeing an end of
 * line where a line was cut. */
static const struct fo_str gap = {"\0\n\0", GAP_BYTES};
static const struct fo_str newline = {"\n", 1};

struct pieces {
    struct fo_str head, tail;
    bool cut;
};

static struct fo_str first_bytes(struct fo_str text, size_t most) {
    text.len = text.len < most ? text.len : most;
    return text;
}

static struct fo_str last_bytes(struct fo_str text, size_t most) {
    if (text.len > most) {
        text.ptr += text.len - most;
        text.len = most;
    }
    return text;
}

/* Holds the limits. A head that is too long and has no tail is split; a tail alone is a head. */
static struct pieces pieces_of(const struct catalogue_input *input) {
    struct pieces pieces = {input->head, input->tail, input->cut};
    size_t most = CATALOGUE_HEAD_MAX_BYTES;

    if (pieces.head.len > most && pieces.tail.len == 0) {
        pieces.tail.ptr = pieces.head.ptr + most;
        pieces.tail.len = pieces.head.len - most;
    } else if (pieces.head.len > most) {
        pieces.cut = true;
    }
    pieces.cut = pieces.cut || pieces.tail.len > CATALOGUE_TAIL_MAX_BYTES;
    pieces.head = first_bytes(pieces.head, most);
    pieces.tail = last_bytes(pieces.tail, CATALOGUE_TAIL_MAX_BYTES);
    if (pieces.head.len == 0 && !pieces.cut) {
        pieces.head = pieces.tail;
        pieces.tail.len = 0;
    }
    return pieces;
}

/* A platform's reason is text to be searched when it is a sentence rather than a word. */
static bool is_sentence(struct fo_str text) {
    return text.len > 0 && memchr(text.ptr, ' ', text.len) != NULL;
}

static bool has_return(struct fo_str text) {
    return text.len > 0 && memchr(text.ptr, '\r', text.len) != NULL;
}

static int reserve(struct catalogue_scratch *scratch, const struct pieces *pieces) {
    size_t size = pieces->head.len + pieces->tail.len + GAP_BYTES +
                  (size_t)2 * CATALOGUE_EXCEPTIONS_MAX_BYTES;

    if (scratch->text_capacity >= size)
        return 0;
    char *text = realloc(scratch->text, size);
    if (!text)
        return -ENOMEM;
    scratch->text = text;
    scratch->text_capacity = size;
    return 0;
}

static void append(struct catalogue_scratch *scratch, size_t *len, struct fo_str text) {
    if (text.len > 0)
        memcpy(scratch->text + *len, text.ptr, text.len);
    *len += text.len;
}

/* Appends as a line of its own; what does not fit any more is left out. */
static void append_line(struct catalogue_scratch *scratch, size_t *len, struct fo_str line,
                        size_t most) {
    if (*len >= most)
        return;
    if (*len > 0 && scratch->text[*len - 1] != '\n')
        append(scratch, len, newline);
    append(scratch, len, first_bytes(line, most - *len));
}

/* Drops each `\r` that ends a line, in place. */
static size_t drop_returns(char *text, size_t len) {
    const char *next = text;
    const char *end = text + len;
    char *kept = text;

    while (next < end) {
        const char *found = memchr(next, '\r', (size_t)(end - next));
        size_t run = (size_t)((found ? found : end) - next);
        memmove(kept, next, run);
        kept += run;
        next += run;
        if (found && found + 1 < end && found[1] != '\n')
            *kept++ = '\r';
        next += found ? 1 : 0;
    }
    return (size_t)(kept - text);
}

int catalogue_text_join(struct catalogue_scratch *scratch, const struct catalogue_input *input,
                        struct fo_str *ret_text) {
    struct pieces pieces = pieces_of(input);
    bool sentence = is_sentence(input->platform_reason);
    size_t len = 0;

    if (pieces.tail.len == 0 && input->exception_count == 0 && !sentence &&
        !has_return(pieces.head)) {
        *ret_text = pieces.head;
        return 0;
    }
    int r = reserve(scratch, &pieces);
    if (r != 0)
        return r;
    append(scratch, &len, pieces.head);
    if (pieces.cut && pieces.tail.len > 0)
        append(scratch, &len, gap);
    append(scratch, &len, pieces.tail);
    size_t most = len + CATALOGUE_EXCEPTIONS_MAX_BYTES;
    if (sentence)
        append_line(scratch, &len, input->platform_reason, most);
    for (size_t i = 0; i < input->exception_count; i++)
        append_line(scratch, &len, input->exceptions[i], most);
    ret_text->ptr = scratch->text;
    ret_text->len = drop_returns(scratch->text, len);
    return 0;
}
