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
    uint64_t hash;
};

/* Positions of the shared values: under a key, and as an item of an array. */
enum { EX_TREE_KEY_VALUE = 1, EX_TREE_FIRST_ITEM = 1 };

/* Remembers a place; a second mark of the same place is ignored. -ENOMEM. */
FO_MUST_CHECK int ex_tree_mark(struct ex_tree *tree, const void *address, uint32_t position,
                               int line, struct fo_str text);

/* Where a value hangs: under a key (jansson's copy, EX_TREE_KEY_VALUE) or in an array. */
struct ex_tree_place {
    const void *address;
    uint32_t position;
};

/* Remembers where a value was written: by its own address, or, if it is a shared one, by place. */
FO_MUST_CHECK int ex_tree_mark_value(struct ex_tree *tree, const json_t *value,
                                     struct ex_tree_place place, int line, struct fo_str text);

/* Whether jansson has only one such value. */
static inline bool ex_tree_is_shared(const json_t *value) {
    return json_is_boolean(value) || json_is_null(value);
}

/* jansson's own copy of the key; NULL when the object has no such member. */
const char *ex_tree_own_key(const json_t *object, const char *key);

/* A plain (unquoted) scalar as YAML 1.2's core schema resolves it; NULL = no memory. New. */
json_t *ex_tree_scalar(struct fo_str text);

/* Reads a text that is JSON. 1: done; 0: it is not JSON, or would be too large; -E2BIG, -ENOMEM. */
FO_MUST_CHECK int ex_tree_read_json(struct ex_tree *tree, struct fo_str bytes, uint32_t nodes_max,
                                    struct fo_error *reterr);

/* Reads the events of one document into `tree`. */
FO_MUST_CHECK int ex_tree_read_yaml(struct ex_tree *tree, struct fo_str bytes,
                                    const struct ex_tree_limits *limits, struct fo_error *reterr);

#endif
