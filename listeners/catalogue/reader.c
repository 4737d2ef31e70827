/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/reader.h"

#include <errno.h>

#include "listeners/catalogue/read_value.h"

enum { ID_MAX_BYTES = 128 };

static bool cause_known(const struct catalogue_reader *reader, struct fo_str cause) {
    for (size_t i = 0; i < reader->causes.count; i++)
        if (fo_str_equal(reader->causes.items[i], cause))
            return true;
    return catalogue_cause_known(cause);
}

static int read_flag(struct catalogue_reader *reader, const char *key, json_t *node,
                     bool *ret_flag) {
    struct fo_str text = catalogue_node_text(node);

    if (json_is_true(node) || (text.ptr && fo_str_equal(text, fo_str_of("true"))))
        *ret_flag = true;
    else if (json_is_false(node) || (text.ptr && fo_str_equal(text, fo_str_of("false"))))
        *ret_flag = false;
    else
        return catalogue_refuse(reader, "label `%s` must be true or false", key);
    return 0;
}

static int read_label(struct catalogue_reader *reader, const char *key, json_t *node,
                      struct catalogue_rule_labels *labels) {
    if (strcmp(key, "secondary") == 0)
        return read_flag(reader, key, node, &labels->secondary);
    if (strcmp(key, "wrapper") == 0)
        return read_flag(reader, key, node, &labels->wrapper);
    if (strcmp(key, "type") == 0)
        return catalogue_read_text(reader, key, node, &labels->type);
    if (strcmp(key, "category") == 0)
        return catalogue_read_text(reader, key, node, &labels->category);
    if (strcmp(key, "cause") == 0)
        return catalogue_read_text(reader, key, node, &labels->cause);
    if (strcmp(key, "retry") == 0)
        return catalogue_read_text(reader, key, node, &labels->retry);
    return catalogue_refuse(reader, "unknown label `%.40s`", key);
}

static int check_label(struct catalogue_reader *reader, json_t *labels, const char *key,
                       struct fo_str value, bool known) {
    catalogue_look_at(reader, json_object_get(labels, key));
    if (value.len == 0)
        return catalogue_refuse(reader, "label `%s` is missing or empty", key);
    if (known)
        return 0;
    return catalogue_refuse(reader, "label `%s` cannot be `%.*s`%s", key, (int)value.len, value.ptr,
                            strcmp(key, "cause") == 0 ? ": declare it under `causes`" : "");
}

static int read_labels(struct catalogue_reader *reader, json_t *node, struct catalogue_rule *rule) {
    struct catalogue_rule_labels *labels = &rule->labels;
    const char *name = NULL;
    json_t *value = NULL;
    int r = 0;

    catalogue_look_at(reader, node);
    if (!json_is_object(node))
        return catalogue_refuse(reader, "`labels` must be a map");
    json_object_foreach(node, name, value) {
        catalogue_look_at(reader, value);
        r = read_label(reader, name, value, labels);
        if (r != 0)
            return r;
    }
    r = check_label(reader, node, "type", labels->type, catalogue_type_known(labels->type));
    if (r == 0)
        r = check_label(reader, node, "category", labels->category,
                        catalogue_category_known(labels->category));
    if (r == 0)
        r = check_label(reader, node, "cause", labels->cause, cause_known(reader, labels->cause));
    if (r == 0)
        r = check_label(reader, node, "retry", labels->retry, catalogue_retry_known(labels->retry));
    return r;
}

static int read_priority(struct catalogue_reader *reader, json_t *node,
                         struct catalogue_rule *rule) {
    json_int_t number = json_integer_value(node);

    if (!json_is_integer(node) || number < 0 || number > CATALOGUE_PRIORITY_MAX)
        return catalogue_refuse(reader, "`priority` must be a whole number from 0 to %d",
                                CATALOGUE_PRIORITY_MAX);
    rule->priority = (int)number;
    return 0;
}

/* What only people read. */
static int read_remark(struct catalogue_reader *reader, json_t *node, struct catalogue_rule *rule) {
    (void)rule;
    return json_is_string(node)
               ? 0
               : catalogue_refuse(reader, "`rationale`, `source` and `verified` must be text");
}

/* The id comes first, whatever the order of the keys, since every error names it. */
static int read_id(struct catalogue_reader *reader, json_t *node, struct catalogue_rule *rule) {
    json_t *id = json_object_get(node, "id");
    int r = id ? catalogue_read_text(reader, "id", id, &rule->id)
               : catalogue_refuse(reader, "a rule has no `id`");

    if (r != 0)
        return r;
    if (rule->id.len == 0 || rule->id.len > ID_MAX_BYTES)
        return catalogue_refuse(reader, "an `id` has 1 to %d bytes", ID_MAX_BYTES);
    for (size_t i = 0; i < rule->id.len; i++)
        if (rule->id.ptr[i] <= ' ' || rule->id.ptr[i] > '~')
            return catalogue_refuse(reader, "an `id` is printable ASCII without spaces");
    reader->at.id = rule->id;
    return 0;
}

static int skip_id(struct catalogue_reader *reader, json_t *node, struct catalogue_rule *rule) {
    (void)reader;
    (void)node;
    (void)rule;
    return 0;
}

static int read_rule(struct catalogue_reader *reader, json_t *node, struct catalogue_rule *rule) {
    static const struct catalogue_key keys[] = {
        {"id", skip_id},           {"priority", read_priority},     {"match", catalogue_read_match},
        {"labels", read_labels},   {"rationale", read_remark},      {"source", read_remark},
        {"verified", read_remark}, {"tests", catalogue_read_tests},
    };
    static const char *const required[] = {"priority", "match", "labels"};

    reader->at.id = (struct fo_str){NULL, 0};
    catalogue_look_at(reader, node);
    if (!json_is_object(node))
        return catalogue_refuse(reader, "a rule must be a map");
    rule->file = reader->at.file;
    rule->line = reader->at.line;
    int r = read_id(reader, node, rule);
    for (size_t i = 0; r == 0 && i < sizeof required / sizeof required[0]; i++)
        if (!json_object_get(node, required[i]))
            r = catalogue_refuse(reader, "`%s` is missing", required[i]);
    return r == 0 ? catalogue_read_map(reader, node, keys, sizeof keys / sizeof keys[0], rule) : r;
}

static int read_rules(struct catalogue_reader *reader, json_t *node,
                      struct catalogue_reading *ret_reading) {
    size_t count = json_array_size(node);

    catalogue_look_at(reader, node);
    if (!json_is_array(node))
        return catalogue_refuse(reader, "rules must be a list");
    if (count > CATALOGUE_RULES_MAX)
        return catalogue_error(reader->reterr, -E2BIG, &reader->at, "more than %d rules",
                               CATALOGUE_RULES_MAX);
    struct catalogue_rule *rules = catalogue_arena_alloc(reader->arena, count, sizeof *rules);
    if (!rules)
        return catalogue_no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        int r = read_rule(reader, json_array_get(node, i), &rules[i]);
        if (r != 0)
            return r;
    }
    ret_reading->rules = rules;
    ret_reading->rule_count = count;
    return 0;
}

static int read_map(struct catalogue_reader *reader, json_t *root,
                    struct catalogue_reading *ret_reading) {
    json_t *causes = json_object_get(root, "causes");
    json_t *rules = json_object_get(root, "rules");
    const char *name = NULL;
    json_t *value = NULL;

    json_object_foreach(root, name, value) {
        catalogue_look_at(reader, value);
        if (strcmp(name, "causes") != 0 && strcmp(name, "rules") != 0)
            return catalogue_refuse(reader, "unknown key `%.40s`", name);
    }
    if (!rules)
        return catalogue_refuse(reader, "`rules` is missing");
    int r = causes ? catalogue_check_list(reader, "causes", causes) : 0;
    if (r == 0 && causes)
        r = catalogue_read_texts(reader, "causes", causes, &reader->causes);
    return r == 0 ? read_rules(reader, rules, ret_reading) : r;
}

int catalogue_read(struct catalogue_arena *arena, const struct catalogue_source *source,
                   struct catalogue_reading *ret_reading, struct fo_error *reterr) {
    struct catalogue_reader reader = {.arena = arena, .source = source, .reterr = reterr};
    json_t *root = source->root;

    reader.at.file = catalogue_arena_copy(arena, fo_str_of(source->name));
    if (!reader.at.file.ptr)
        return catalogue_no_memory(&reader);
    if (json_is_object(root))
        return read_map(&reader, root, ret_reading);
    return read_rules(&reader, root, ret_reading);
}
