/* SPDX-License-Identifier: Apache-2.0 */
/* From libyaml's events to a tree. libyaml is asked for events, not documents, since its documents
 * would be whole in memory before the first limit could be checked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <yaml.h>

#include "exporter/config/fail.h"
#include "exporter/config/tree_build.h"

enum { ANCHORS_MAX = 256, ANCHOR_NAME_MAX = 64 };

struct anchor {
    char name[ANCHOR_NAME_MAX + 1];
    json_t *node; /* borrowed from the tree */
    uint32_t nodes;
    size_t bytes; /* of the texts under it */
    uint32_t height;
    bool complete; /* false inside of the node: an alias there would be a ring */
};

/* A container that is open. */
struct frame {
    json_t *container; /* borrowed from its parent, or the root */
    const char *key;   /* of the member whose value comes next; jansson's copy. NULL = key next */
    uint32_t nodes_before;
    size_t bytes_before;
    uint32_t height;       /* of what it holds so far */
    struct anchor *anchor; /* NULL = none */
};

struct reader {
    struct ex_tree *tree;
    yaml_parser_t parser;
    struct fo_error *reterr;
    struct frame frames[EX_TREE_DEPTH_MAX];
    uint32_t depth;
    struct anchor anchors[ANCHORS_MAX];
    uint32_t anchor_count;
    const struct ex_tree_limits *limits;
    uint32_t nodes; /* read so far; what aliases stand for counts each time */
    size_t bytes;   /* of their texts */
    uint32_t documents;
};

static int line_of_event(const yaml_event_t *event) {
    return (int)event->start_mark.line + 1;
}

static int no_memory(struct reader *reader) {
    return ex_fail(reader->reterr, -ENOMEM, 0, "out of memory");
}

static int count_nodes(struct reader *reader, uint32_t nodes, size_t bytes, int line) {
    const struct ex_tree_limits *limits = reader->limits;

    if (nodes > limits->nodes - reader->nodes)
        return ex_fail(reader->reterr, -E2BIG, line, "more than %u values", limits->nodes);
    if (bytes > limits->bytes - reader->bytes)
        return ex_fail(reader->reterr, -E2BIG, line, "more than %zu bytes, aliases written out",
                       limits->bytes);
    reader->nodes += nodes;
    reader->bytes += bytes;
    return 0;
}

static struct frame *innermost(struct reader *reader) {
    return reader->depth > 0 ? &reader->frames[reader->depth - 1] : NULL;
}

static void raise_height(struct reader *reader, uint32_t height) {
    struct frame *frame = innermost(reader);

    if (frame && frame->height < height)
        frame->height = height;
}

/* Hangs `node` (taken) where the next value belongs and marks its place. */
static int attach(struct reader *reader, json_t *node, int line, struct fo_str text) {
    struct ex_tree *tree = reader->tree;
    struct frame *frame = innermost(reader);
    struct ex_tree_place place = {NULL, 0};
    int failed = !node;

    if (!node)
        return no_memory(reader);
    if (!frame) {
        json_decref(tree->root);
        tree->root = node;
    } else if (json_is_array(frame->container)) {
        place.address = frame->container;
        place.position = EX_TREE_FIRST_ITEM + (uint32_t)json_array_size(frame->container);
        failed = json_array_append_new(frame->container, node);
    } else {
        place = (struct ex_tree_place){frame->key, EX_TREE_KEY_VALUE};
        failed = json_object_set_new_nocheck(frame->container, frame->key, node);
        frame->key = NULL;
    }
    if (failed || ex_tree_mark_value(tree, node, place, line, text) != 0)
        return no_memory(reader);
    return 0;
}

/* Names the node that was attached last. Later anchors of a name hide earlier ones. */
static int add_anchor(struct reader *reader, const yaml_char_t *name, json_t *node, int line,
                      struct anchor **ret_anchor) {
    size_t len = name ? strlen((const char *)name) : 0;

    *ret_anchor = NULL;
    if (len == 0)
        return 0;
    if (reader->anchor_count == ANCHORS_MAX || len > ANCHOR_NAME_MAX)
        return ex_fail(reader->reterr, -E2BIG, line,
                       "more than %d anchors, or one with a name over %d bytes", ANCHORS_MAX,
                       ANCHOR_NAME_MAX);
    struct anchor *anchor = &reader->anchors[reader->anchor_count++];
    *anchor = (struct anchor){.node = node, .nodes = 1, .bytes = json_string_length(node)};
    memcpy(anchor->name, name, len);
    *ret_anchor = anchor;
    return 0;
}

static int read_key(struct reader *reader, const yaml_event_t *event, int line) {
    struct frame *frame = innermost(reader);
    const char *key = (const char *)event->data.scalar.value;

    if (memchr(key, '\0', event->data.scalar.length))
        return ex_fail(reader->reterr, -EINVAL, line, "a key with a NUL in it");
    if (event->data.scalar.anchor || event->data.scalar.tag)
        return ex_fail(reader->reterr, -EINVAL, line, "a key with an anchor or a tag");
    if (json_object_get(frame->container, key))
        return ex_fail(reader->reterr, -EINVAL, line, "the key \"%.*s\" is there twice",
                       EX_SHOWN_MAX, key);
    if (json_object_set_new(frame->container, key, json_null()) != 0)
        return no_memory(reader);
    frame->key = ex_tree_own_key(frame->container, key);
    if (ex_tree_mark(reader->tree, frame->key, 0, line, fo_str_of(NULL)) != 0)
        return no_memory(reader);
    return 0;
}

static int is_string_tag(const yaml_char_t *tag) {
    return strcmp((const char *)tag, YAML_STR_TAG) == 0 || strcmp((const char *)tag, "!") == 0;
}

static int check_tag(struct reader *reader, const yaml_char_t *tag, int line) {
    if (!tag || is_string_tag(tag))
        return 0;
    return ex_fail(reader->reterr, -EINVAL, line, "the tag %.*s is not supported", EX_SHOWN_MAX,
                   (const char *)tag);
}

static int read_scalar(struct reader *reader, const yaml_event_t *event, int line) {
    struct fo_str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    bool plain = event->data.scalar.plain_implicit && !event->data.scalar.tag;
    struct anchor *anchor = NULL;

    int rc = check_tag(reader, event->data.scalar.tag, line);
    if (rc != 0)
        return rc;
    if (text.len > 0 && memchr(text.ptr, '\0', text.len))
        return ex_fail(reader->reterr, -EINVAL, line, "a string with a NUL in it");
    json_t *node = plain ? ex_tree_scalar(text) : json_stringn(text.ptr, text.len);
    bool is_number = json_is_number(node) || json_is_boolean(node);
    rc = attach(reader, node, line, is_number ? text : fo_str_of(NULL));
    if (rc != 0)
        return rc;
    rc = add_anchor(reader, event->data.scalar.anchor, node, line, &anchor);
    if (anchor)
        anchor->complete = true;
    return rc;
}

static int read_alias(struct reader *reader, const yaml_event_t *event, int line) {
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *anchor = NULL;

    for (uint32_t i = reader->anchor_count; i > 0 && !anchor; i--) {
        if (strcmp(reader->anchors[i - 1].name, name) == 0)
            anchor = &reader->anchors[i - 1];
    }
    if (!anchor || !anchor->complete)
        return ex_fail(reader->reterr, -EINVAL, line, "the alias *%.*s names nothing before it",
                       EX_SHOWN_MAX, name);
    if (reader->depth + anchor->height > EX_TREE_DEPTH_MAX)
        return ex_fail(reader->reterr, -E2BIG, line, "nested deeper than %d", EX_TREE_DEPTH_MAX);
    /* One node was counted for the alias itself. */
    int rc = count_nodes(reader, anchor->nodes - 1, anchor->bytes, line);
    if (rc != 0)
        return rc;
    raise_height(reader, anchor->height);
    return attach(reader, json_incref(anchor->node), line, fo_str_of(NULL));
}

static int open_container(struct reader *reader, json_t *node, const yaml_char_t *tag,
                          const yaml_char_t *anchor_name, int line) {
    struct anchor *anchor = NULL;

    if (tag || reader->depth == EX_TREE_DEPTH_MAX) {
        json_decref(node);
        return tag ? ex_fail(reader->reterr, -EINVAL, line, "the tag %.*s is not supported",
                             EX_SHOWN_MAX, (const char *)tag)
                   : ex_fail(reader->reterr, -E2BIG, line, "nested deeper than %d",
                             EX_TREE_DEPTH_MAX);
    }
    int rc = attach(reader, node, line, fo_str_of(NULL));
    if (rc == 0)
        rc = add_anchor(reader, anchor_name, node, line, &anchor);
    if (rc != 0)
        return rc;
    reader->frames[reader->depth++] = (struct frame){.container = node,
                                                     .nodes_before = reader->nodes - 1,
                                                     .bytes_before = reader->bytes,
                                                     .anchor = anchor};
    return 0;
}

static void close_container(struct reader *reader) {
    const struct frame *frame = &reader->frames[--reader->depth];
    uint32_t height = frame->height + 1;

    if (frame->anchor) {
        frame->anchor->nodes = reader->nodes - frame->nodes_before;
        frame->anchor->bytes = reader->bytes - frame->bytes_before;
        frame->anchor->height = height;
        frame->anchor->complete = true;
    }
    raise_height(reader, height);
}

/* Whether the next node is a key. */
static bool expects_key(struct reader *reader) {
    struct frame *frame = innermost(reader);

    return frame && json_is_object(frame->container) && !frame->key;
}

static int read_node(struct reader *reader, const yaml_event_t *event) {
    int line = line_of_event(event);
    size_t len = event->type == YAML_SCALAR_EVENT ? event->data.scalar.length : 0;
    int rc = count_nodes(reader, 1, len, line);

    if (rc != 0)
        return rc;
    if (expects_key(reader)) {
        if (event->type != YAML_SCALAR_EVENT)
            return ex_fail(reader->reterr, -EINVAL, line, "a key must be a plain word");
        return read_key(reader, event, line);
    }
    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(reader, event, line);
    if (event->type == YAML_ALIAS_EVENT)
        return read_alias(reader, event, line);
    if (event->type == YAML_MAPPING_START_EVENT)
        return open_container(reader, json_object(), event->data.mapping_start.tag,
                              event->data.mapping_start.anchor, line);
    return open_container(reader, json_array(), event->data.sequence_start.tag,
                          event->data.sequence_start.anchor, line);
}

static int read_event(struct reader *reader, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (reader->documents++ > 0)
            return ex_fail(reader->reterr, -EINVAL, line_of_event(event),
                           "a second document in the file");
        return 0;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        close_container(reader);
        return 0;
    case YAML_SCALAR_EVENT:
    case YAML_ALIAS_EVENT:
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        return read_node(reader, event);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return 0;
}

/* A line break of YAML: \r\n counts by its \n; then there are NEL, LS and PS. */
static bool ends_line(struct fo_str rest) {
    if (rest.ptr[0] == '\r')
        return rest.len < 2 || rest.ptr[1] != '\n';
    return rest.ptr[0] == '\n' || (rest.len >= 2 && memcmp(rest.ptr, "\xC2\x85", 2) == 0) ||
           (rest.len >= 3 &&
            (memcmp(rest.ptr, "\xE2\x80\xA8", 3) == 0 || memcmp(rest.ptr, "\xE2\x80\xA9", 3) == 0));
}

static int count_lines(struct fo_str bytes, size_t end) {
    int lines = 0;

    for (size_t i = 0; i < end && i < bytes.len; i++)
        lines += ends_line((struct fo_str){bytes.ptr + i, bytes.len - i});
    return lines;
}

/* The line of the last byte that is not white space. libyaml goes one further at the end. */
static int last_line(struct fo_str bytes) {
    size_t end = bytes.len;

    while (end > 0 && (unsigned char)bytes.ptr[end - 1] <= ' ')
        end--;
    return count_lines(bytes, end);
}

/* libyaml's complaint. The reader's (bad bytes) come with an offset instead of a mark. */
static int refuse_syntax(struct reader *reader, struct fo_str bytes) {
    const yaml_parser_t *parser = &reader->parser;
    int lines = (int)parser->problem_mark.line;

    if (parser->error == YAML_MEMORY_ERROR)
        return no_memory(reader);
    if (parser->error == YAML_READER_ERROR)
        lines = count_lines(bytes, parser->problem_offset);
    int last = last_line(bytes);
    if (lines > last)
        lines = last;
    char begun[48] = "";
    if (parser->context && (int)parser->context_mark.line < lines)
        (void)snprintf(begun, sizeof begun, " (begun on line %d)",
                       (int)parser->context_mark.line + 1);
    return ex_fail(reader->reterr, -EINVAL, lines + 1, "%s%s%s%s",
                   parser->problem ? parser->problem : "not YAML", parser->context ? " " : "",
                   parser->context ? parser->context : "", begun);
}

static int read_events(struct reader *reader, struct fo_str bytes) {
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reader->parser, &event))
            return refuse_syntax(reader, bytes);
        yaml_event_type_t type = event.type;
        int rc = read_event(reader, &event);
        yaml_event_delete(&event);
        if (rc != 0 || type == YAML_STREAM_END_EVENT)
            return rc;
    }
}

int ex_tree_read_yaml(struct ex_tree *tree, struct fo_str bytes,
                      const struct ex_tree_limits *limits, struct fo_error *reterr) {
    struct reader *reader = calloc(1, sizeof *reader);

    if (!reader || !yaml_parser_initialize(&reader->parser)) {
        free(reader);
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    }
    reader->tree = tree;
    reader->reterr = reterr;
    reader->limits = limits;
    if (bytes.len >= 3 && memcmp(bytes.ptr, "\xEF\xBB\xBF", 3) == 0)
        bytes = (struct fo_str){bytes.ptr + 3, bytes.len - 3};
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)bytes.ptr, bytes.len);
    int rc = read_events(reader, bytes);
    yaml_parser_delete(&reader->parser);
    free(reader);
    return rc;
}
