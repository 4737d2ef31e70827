/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/tree.h - YAML or JSON as a jansson tree that knows the line and the source text
 * of every node, so that a mistake can be shown as FILE:LINE: text.
 *
 * What is JSON is read as JSON, all else as YAML. Plain scalars of YAML follow the core schema of
 * YAML 1.2: true, false, null, whole numbers, floats; all else, and all that is quoted, is a
 * string. A number that JSON cannot hold (.inf, beyond 64 bits) stays a string. Values that are
 * strings by nature (Flink's) are read with ex_tree_*_text().
 *
 * Hostile input: limits on bytes, depth and nodes. An alias shares the node that it names, and
 * counts as all the nodes and texts under it, so that alias bombs run into the limits. Refused:
 * duplicate keys, keys that are not scalars, NUL in strings, tags but !!str, a second document,
 * anything but UTF-8, aliases of a node that contains them.
 *
 * Owns: the tree owns all its nodes. Threads: none while reading; afterwards immutable and readable
 * by any. */
#ifndef EX_CONFIG_TREE_H
#define EX_CONFIG_TREE_H

#include <jansson.h>

#include "failover/types.h"

struct ex_tree;

struct ex_tree_limits {
    size_t bytes;   /* of the file, and of its texts when aliases are written out */
    uint32_t nodes; /* values and keys */
};

/* What NULL as limits means, and the depth that nobody passes. */
#define EX_TREE_BYTES_MAX ((size_t)16 << 20)
#define EX_TREE_NODES_MAX 4000000u
#define EX_TREE_DEPTH_MAX 64

/* Reads a text; nothing of it is borrowed. An empty text is a tree whose root is null.
 * -EINVAL: not YAML or JSON, or refused (see above). -E2BIG: over a limit. -ENOMEM. All with line
 * and text in `reterr`, which may be NULL. */
FO_MUST_CHECK int ex_tree_parse(struct fo_str bytes, const struct ex_tree_limits *limits,
                                struct ex_tree **ret_tree, struct fo_error *reterr);

/* The same for a file, which may be a pipe. Also the negative errno of open() and read(), told with
 * line 0. The text does not repeat the path: the caller prints "PATH:LINE: text". */
FO_MUST_CHECK int ex_tree_load(const char *path, const struct ex_tree_limits *limits,
                               struct ex_tree **ret_tree, struct fo_error *reterr);

/* A fingerprint of the file that it was loaded from, of 48 bits; 0 when it was none. */
uint64_t ex_tree_hash(const struct ex_tree *tree);

/* NULL is allowed. Returns NULL. */
struct ex_tree *ex_tree_free(struct ex_tree *tree);

/* Borrowed; json_incref() what must outlive the tree (its line goes with the tree). Never NULL. */
json_t *ex_tree_root(const struct ex_tree *tree);

/* The line of a node, 1 = first; 0 = unknown: jansson has only one true, false and null, ask for
 * those by place. A node that an alias names has the line of its definition. */
int ex_tree_line(const struct ex_tree *tree, const json_t *node);
int ex_tree_key_line(const struct ex_tree *tree, const json_t *object, const char *key);
int ex_tree_item_line(const struct ex_tree *tree, const json_t *array, size_t index);

/* A scalar as it was written, unquoted; "" for null, containers and what is not there. Borrowed
 * from the tree. By place, `True` is "True"; by node it is "true" (see above). */
struct fo_str ex_tree_text(const struct ex_tree *tree, const json_t *node);
struct fo_str ex_tree_key_text(const struct ex_tree *tree, const json_t *object, const char *key);
struct fo_str ex_tree_item_text(const struct ex_tree *tree, const json_t *array, size_t index);

#endif
