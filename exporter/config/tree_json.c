/* SPDX-License-Identifier: Apache-2.0 */
/* JSON by jansson, which is exact where YAML is not (surrogates, a line break before a colon), and
 * then the lines, which jansson does not keep: a walk over tree and text side by side. It rests on
 * two facts: the text is right, for jansson has read it, and objects keep the order of the file. */
#include <errno.h>

#include "exporter/config/fail.h"
#include "exporter/config/tree_build.h"

struct walk {
    struct ex_tree *tree;
    const char *at;
    const char *end;
    int line;
    uint32_t nodes_left;
    struct fo_error *reterr;
};

static void skip_space(struct walk *walk) {
    for (; walk->at < walk->end && strchr(" \t\r\n", *walk->at); walk->at++)
        walk->line += *walk->at == '\n';
}

static int count_node(struct walk *walk) {
    if (walk->nodes_left == 0)
        return ex_fail(walk->reterr, -E2BIG, walk->line, "too many values");
    walk->nodes_left--;
    return 0;
}

/* Over one of `{}[],:`, with the white space before and after it. */
static void skip_mark(struct walk *walk) {
    skip_space(walk);
    walk->at++;
    skip_space(walk);
}

/* Over a string; strings of JSON hold no line breaks. */
static void skip_string(struct walk *walk) {
    walk->at++;
    while (walk->at < walk->end && *walk->at != '"')
        walk->at += *walk->at == '\\' ? 2 : 1;
    walk->at++;
}

/* Over a number or a word; what it is. */
static struct fo_str skip_token(struct walk *walk) {
    const char *begin = walk->at;

    while (walk->at < walk->end && !strchr(" \t\r\n,]}", *walk->at))
        walk->at++;
    return (struct fo_str){begin, (size_t)(walk->at - begin)};
}

static int mark_value(struct walk *walk, json_t *value, struct ex_tree_place place, int depth);

static int mark_members(struct walk *walk, json_t *object, int depth) {
    const char *key = NULL;
    json_t *value = NULL;

    skip_mark(walk);
    json_object_foreach(object, key, value) {
        int rc = count_node(walk);
        if (rc == 0 && ex_tree_mark(walk->tree, key, 0, walk->line, fo_str_of(NULL)) != 0)
            rc = ex_fail(walk->reterr, -ENOMEM, 0, "out of memory");
        if (rc != 0)
            return rc;
        skip_string(walk);
        skip_mark(walk);
        rc = mark_value(walk, value, (struct ex_tree_place){key, EX_TREE_KEY_VALUE}, depth + 1);
        if (rc != 0)
            return rc;
        skip_mark(walk);
    }
    if (json_object_size(object) == 0)
        skip_mark(walk);
    return 0;
}

static int mark_items(struct walk *walk, json_t *array, int depth) {
    json_t *value = NULL;
    size_t i = 0;

    skip_mark(walk);
    json_array_foreach(array, i, value) {
        struct ex_tree_place place = {array, EX_TREE_FIRST_ITEM + (uint32_t)i};
        int rc = mark_value(walk, value, place, depth + 1);
        if (rc != 0)
            return rc;
        skip_mark(walk);
    }
    if (json_array_size(array) == 0)
        skip_mark(walk);
    return 0;
}

/* Marks a value and what is in it; `at` stands on its first byte, and behind its last afterwards.
 * A container's members end with a mark each, the last one's being the closing bracket. */
static int mark_value(struct walk *walk, json_t *value, struct ex_tree_place place, int depth) {
    struct fo_str text = {NULL, 0};
    int line = walk->line;

    if (depth > EX_TREE_DEPTH_MAX)
        return ex_fail(walk->reterr, -E2BIG, line, "nested deeper than %d", EX_TREE_DEPTH_MAX);
    int rc = count_node(walk);
    if (rc != 0)
        return rc;
    if (json_is_string(value))
        skip_string(walk);
    else if (!json_is_object(value) && !json_is_array(value))
        text = skip_token(walk);
    if (ex_tree_mark_value(walk->tree, value, place, line, text) != 0)
        return ex_fail(walk->reterr, -ENOMEM, 0, "out of memory");
    if (json_is_object(value))
        return mark_members(walk, value, depth);
    return json_is_array(value) ? mark_items(walk, value, depth) : 0;
}

/* jansson has no limit on nodes: every value but the first has one of these bytes before it. */
static bool may_hold(struct fo_str bytes, uint32_t nodes_max) {
    size_t count = 1;

    for (size_t i = 0; i < bytes.len; i++)
        count += bytes.ptr[i] == ',' || bytes.ptr[i] == '[' || bytes.ptr[i] == ':';
    return count <= nodes_max;
}

int ex_tree_read_json(struct ex_tree *tree, struct fo_str bytes, uint32_t nodes_max,
                      struct fo_error *reterr) {
    struct walk walk = {
        .tree = tree,
        .at = bytes.ptr,
        .end = bytes.ptr + bytes.len,
        .line = 1,
        .nodes_left = nodes_max,
        .reterr = reterr,
    };

    skip_space(&walk);
    if (walk.at == walk.end || (*walk.at != '{' && *walk.at != '[') || !may_hold(bytes, nodes_max))
        return 0;
    json_t *root = json_loadb(bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    if (!root)
        return 0;
    json_decref(tree->root);
    tree->root = root;
    int rc = mark_value(&walk, root, (struct ex_tree_place){NULL, 0}, 1);
    return rc == 0 ? 1 : rc;
}
