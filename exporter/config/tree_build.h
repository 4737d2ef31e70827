/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/tree_build.h - inside of the tree: what its reader writes and its queries read.
 * For tree*.c only. */
#ifndef EX_CONFIG_TREE_BUILD_H
#define EX_CONFIG_TREE_BUILD_H

#include <stdbool.h>

#include "exporter/base/buffer.h"
#include "exporter/config/tree.h"

/* Where something was written. The identity is an address: of a node, of jansson's own copy of a
 * key (it does not move while the member lives), or, for the values that all trees share (true,
 * false, null), the key or the array with a position. */
struct ex_tree_mark {
    const void *address; /* NULL = empty slot */
    uint32_t position;   /* 0 = the address itself */
    int line;
    size_t text_at; /* in texts */
    size_t text_len;
};

struct ex_tree {
    json_t *root;
    struct ex_tree_mark *marks; /* open addressing */
    size_t mark_count;
    size_t mark_capacity; /* power of two, or 0 */
    uint64_t seed;
    struct ex_buffer texts;
};

/* Positions of the shared values: under a key, and as an item of an array. */
enum { EX_TREE_KEY_VALUE = 1, EX_TREE_FIRST_ITEM = 1 };

/* Remembers a place; a second mark of the same place is ignored. -ENOMEM. */
FO_MUST_CHECK int ex_tree_mark(struct ex_tree *tree, const void *address, uint32_t position,
                               int line, struct fo_str text);

/* Whether jansson has only one such value. */
static inline bool ex_tree_is_shared(const json_t *value) {
    return json_is_boolean(value) || json_is_null(value);
}

/* jansson's own copy of the key; NULL when the object has no such member. */
const char *ex_tree_own_key(const json_t *object, const char *key);

/* The first byte that is not white space. */
static inline size_t ex_tree_skip_space(struct fo_str bytes, size_t at) {
    while (at < bytes.len && (bytes.ptr[at] == ' ' || bytes.ptr[at] == '\t' ||
                              bytes.ptr[at] == '\r' || bytes.ptr[at] == '\n'))
        at++;
    return at;
}

/* Whether a text that begins so may be JSON: an object or an array (or YAML's flow style). */
static inline bool ex_tree_is_flow(struct fo_str bytes, size_t first) {
    return first < bytes.len && (bytes.ptr[first] == '{' || bytes.ptr[first] == '[');
}

/* A plain (unquoted) scalar as YAML 1.2's core schema resolves it; NULL = no memory. New. */
json_t *ex_tree_scalar(struct fo_str text);

/* Copies a text that looks like JSON with \uD83D\uDE00 written as \U0001F600, the one spelling of
 * JSON that YAML does not know. 1: copied to `out`; 0: nothing to do; -ENOMEM. */
FO_MUST_CHECK int ex_tree_join_surrogates(struct fo_str bytes, struct ex_buffer *out);

/* Reads the events of one document into `tree`. */
FO_MUST_CHECK int ex_tree_read(struct ex_tree *tree, struct fo_str bytes, uint32_t nodes_max,
                               struct fo_error *reterr);

#endif
