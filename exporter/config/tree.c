/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "exporter/base/hash48.h"
#include "exporter/config/fail.h"
#include "exporter/config/tree_build.h"

enum { FIRST_CAPACITY = 64, READ_BYTES = 65536 };

static size_t mark_slot(const struct ex_tree *tree, const void *address, uint32_t position) {
    uint64_t hash = ((uint64_t)(uintptr_t)address ^ tree->seed) * UINT64_C(0x9E3779B97F4A7C15);

    hash = (hash ^ (hash >> 29) ^ position) * UINT64_C(0xBF58476D1CE4E5B9);
    return (size_t)(hash ^ (hash >> 32)) & (tree->mark_capacity - 1);
}

/* The mark of a place, or the empty slot where it belongs. There always is an empty slot. */
static struct ex_tree_mark *mark_at(const struct ex_tree *tree, const void *address,
                                    uint32_t position) {
    size_t slot = mark_slot(tree, address, position);

    for (;;) {
        struct ex_tree_mark *mark = &tree->marks[slot];
        if (!mark->address || (mark->address == address && mark->position == position))
            return mark;
        slot = (slot + 1) & (tree->mark_capacity - 1);
    }
}

static int grow_marks(struct ex_tree *tree) {
    size_t old_capacity = tree->mark_capacity;
    struct ex_tree_mark *old = tree->marks;
    size_t capacity = old_capacity ? old_capacity * 2 : FIRST_CAPACITY;
    struct ex_tree_mark *marks = calloc(capacity, sizeof *marks);

    if (!marks)
        return -ENOMEM;
    tree->marks = marks;
    tree->mark_capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].address)
            *mark_at(tree, old[i].address, old[i].position) = old[i];
    }
    free(old);
    return 0;
}

int ex_tree_mark(struct ex_tree *tree, const void *address, uint32_t position, int line,
                 struct fo_str text) {
    if (tree->mark_count + 1 > tree->mark_capacity / 4 * 3) {
        int rc = grow_marks(tree);
        if (rc != 0)
            return rc;
    }
    struct ex_tree_mark *mark = mark_at(tree, address, position);
    if (mark->address)
        return 0;
    size_t text_at = tree->texts.len;
    ex_buffer_append_str(&tree->texts, text);
    if (tree->texts.failure)
        return -ENOMEM;
    *mark = (struct ex_tree_mark){address, position, line, text_at, text.len};
    tree->mark_count++;
    return 0;
}

int ex_tree_mark_value(struct ex_tree *tree, const json_t *value, struct ex_tree_place place,
                       int line, struct fo_str text) {
    if (!ex_tree_is_shared(value))
        return ex_tree_mark(tree, value, 0, line, text);
    return place.address ? ex_tree_mark(tree, place.address, place.position, line, text) : 0;
}

static const struct ex_tree_mark *find_mark(const struct ex_tree *tree, const void *address,
                                            uint32_t position) {
    const struct ex_tree_mark *mark =
        address && tree->mark_count > 0 ? mark_at(tree, address, position) : NULL;

    return mark && mark->address ? mark : NULL;
}

const char *ex_tree_own_key(const json_t *object, const char *key) {
    /* jansson's iterators take the object without const, but only read it. */
    union {
        const json_t *object;
        json_t *readable;
    } same = {object};
    void *member = json_object_iter_at(same.readable, key);

    return member ? json_object_iter_key(member) : NULL;
}

static const struct ex_tree_mark *find_value(const struct ex_tree *tree, const json_t *value,
                                             const void *place, uint32_t position) {
    return ex_tree_is_shared(value) ? find_mark(tree, place, position) : find_mark(tree, value, 0);
}

static const struct ex_tree_mark *find_member(const struct ex_tree *tree, const json_t *object,
                                              const char *key) {
    return find_value(tree, json_object_get(object, key), ex_tree_own_key(object, key),
                      EX_TREE_KEY_VALUE);
}

static const struct ex_tree_mark *find_item(const struct ex_tree *tree, const json_t *array,
                                            size_t index) {
    return find_value(tree, json_array_get(array, index), array,
                      EX_TREE_FIRST_ITEM + (uint32_t)index);
}

static int line_of(const struct ex_tree_mark *mark) {
    return mark ? mark->line : 0;
}

static struct fo_str text_of(const struct ex_tree *tree, const struct ex_tree_mark *mark,
                             const json_t *value) {
    if (json_is_string(value))
        return (struct fo_str){json_string_value(value), json_string_length(value)};
    /* An alias of a boolean has no text of its own. */
    if (!mark || mark->text_len == 0)
        return fo_str_of(json_is_true(value) ? "true" : json_is_false(value) ? "false" : "");
    return (struct fo_str){ex_buffer_text(&tree->texts) + mark->text_at, mark->text_len};
}

json_t *ex_tree_root(const struct ex_tree *tree) {
    return tree->root;
}

int ex_tree_line(const struct ex_tree *tree, const json_t *node) {
    return line_of(find_mark(tree, node, 0));
}

int ex_tree_key_line(const struct ex_tree *tree, const json_t *object, const char *key) {
    return line_of(find_mark(tree, ex_tree_own_key(object, key), 0));
}

int ex_tree_item_line(const struct ex_tree *tree, const json_t *array, size_t index) {
    return line_of(find_item(tree, array, index));
}

struct fo_str ex_tree_text(const struct ex_tree *tree, const json_t *node) {
    return text_of(tree, find_mark(tree, node, 0), node);
}

struct fo_str ex_tree_key_text(const struct ex_tree *tree, const json_t *object, const char *key) {
    return text_of(tree, find_member(tree, object, key), json_object_get(object, key));
}

struct fo_str ex_tree_item_text(const struct ex_tree *tree, const json_t *array, size_t index) {
    return text_of(tree, find_item(tree, array, index), json_array_get(array, index));
}

struct ex_tree *ex_tree_free(struct ex_tree *tree) {
    if (!tree)
        return NULL;
    json_decref(tree->root);
    free(tree->marks);
    ex_buffer_done(&tree->texts);
    free(tree);
    return NULL;
}

static int tree_new(struct ex_tree **ret_tree) {
    struct ex_tree *tree = calloc(1, sizeof *tree);

    if (!tree)
        return -ENOMEM;
    /* The seed only spreads addresses; without it the table is still right. */
    if (getrandom(&tree->seed, sizeof tree->seed, GRND_NONBLOCK) == -1)
        tree->seed = (uint64_t)(uintptr_t)tree;
    tree->root = json_null();
    ex_buffer_init(&tree->texts, SIZE_MAX / 4);
    *ret_tree = tree;
    return 0;
}

static const struct ex_tree_limits default_limits = {EX_TREE_BYTES_MAX, EX_TREE_NODES_MAX};

int ex_tree_parse(struct fo_str bytes, const struct ex_tree_limits *limits,
                  struct ex_tree **ret_tree, struct fo_error *reterr) {
    struct ex_tree *tree = NULL;

    limits = limits ? limits : &default_limits;
    bytes.ptr = bytes.ptr ? bytes.ptr : "";
    if (bytes.len > limits->bytes)
        return ex_fail(reterr, -E2BIG, 0, "larger than %zu bytes", limits->bytes);
    if (tree_new(&tree) != 0)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    int rc = ex_tree_read_json(tree, bytes, limits->nodes, reterr);
    if (rc == 0)
        rc = ex_tree_read_yaml(tree, bytes, limits, reterr);
    if (rc < 0) {
        ex_tree_free(tree);
        return rc;
    }
    *ret_tree = tree;
    return 0;
}

/* Reads until the end or one byte past the ceiling's last allowed one. */
static int read_all(int fd, struct ex_buffer *buffer) {
    while (buffer->len < buffer->ceiling) {
        size_t room = buffer->ceiling - buffer->len;
        char *bytes = ex_buffer_reserve(buffer, room < READ_BYTES ? room : READ_BYTES);
        if (!bytes)
            return buffer->failure;
        ssize_t got = read(fd, bytes, room < READ_BYTES ? room : READ_BYTES);
        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return -errno;
        if (got == 0)
            return 0;
        ex_buffer_commit(buffer, (size_t)got);
    }
    return 0;
}

static int read_file(const char *path, struct ex_buffer *buffer) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd == -1)
        return -errno;
    int rc = read_all(fd, buffer);
    (void)close(fd);
    return rc;
}

int ex_tree_load(const char *path, const struct ex_tree_limits *limits, struct ex_tree **ret_tree,
                 struct fo_error *reterr) {
    struct ex_buffer buffer;

    limits = limits ? limits : &default_limits;
    ex_buffer_init(&buffer, limits->bytes + 1);
    int rc = read_file(path, &buffer);
    rc = rc != 0 ? ex_fail(reterr, rc, 0, "cannot read: %s", strerrordesc_np(-rc))
                 : ex_tree_parse(ex_buffer_str(&buffer), limits, ret_tree, reterr);
    if (rc == 0)
        (*ret_tree)->hash = ex_hash48(ex_buffer_str(&buffer));
    ex_buffer_done(&buffer);
    return rc;
}

uint64_t ex_tree_hash(const struct ex_tree *tree) {
    return tree->hash;
}
