/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/reader.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "listeners/catalogue/expression.h"

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

enum { ID_MAX_BYTES = 128, ALTERNATIVES_MAX = 1000, TEXT_MAX_BYTES = 64 * 1024 };

struct reader {
    struct catalogue_arena *arena;
    const struct catalogue_source *source;
    struct catalogue_texts causes;
    struct catalogue_rule at; /* names file, line and rule of what is being read */
    struct fo_error *reterr;
};

int catalogue_error(struct fo_error *reterr, int code, const struct catalogue_rule *rule,
                    const char *format, ...) {
    size_t size = sizeof reterr->text;
    va_list arguments;
    int len = 0;

    reterr->code = code;
    reterr->line = rule ? rule->line : 0;
    reterr->text[0] = 0;
    if (rule && rule->line > 0)
        len = snprintf(reterr->text, size, "%.*s:%d: ", (int)rule->file.len, rule->file.ptr,
                       rule->line);
    else if (rule)
        len = snprintf(reterr->text, size, "%.*s: ", (int)rule->file.len, rule->file.ptr);
    if (rule && rule->id.len > 0 && (size_t)len < size)
        len += snprintf(reterr->text + len, size - (size_t)len, "rule %.*s: ", (int)rule->id.len,
                        rule->id.ptr);
    va_start(arguments, format);
    if ((size_t)len < size)
        (void)vsnprintf(reterr->text + len, size - (size_t)len, format, arguments);
    va_end(arguments);
    return code;
}

/* Remembers the line of a node for the errors to come. */
static void look_at(struct reader *reader, json_t *node) {
    int line =
        reader->source->line_of ? reader->source->line_of(reader->source->line_ctx, node) : 0;
    if (line > 0)
        reader->at.line = line;
}

#define refuse(reader_, ...)                                                                       \
    catalogue_error((reader_)->reterr, -EINVAL, &(reader_)->at, __VA_ARGS__)

static int no_memory(struct reader *reader) {
    return catalogue_error(reader->reterr, -ENOMEM, &reader->at, "out of memory");
}

static struct fo_str text_of(json_t *node) {
    struct fo_str text = {json_string_value(node), json_string_length(node)};
    return text;
}

static int copy_text(struct reader *reader, const char *key, json_t *node,
                     struct fo_str *ret_text) {
    look_at(reader, node);
    if (!json_is_string(node))
        return refuse(reader, "`%s` must be text", key);
    if (json_string_length(node) > TEXT_MAX_BYTES)
        return refuse(reader, "`%s` is longer than %d bytes", key, TEXT_MAX_BYTES);
    struct fo_str copy = catalogue_arena_copy(reader->arena, text_of(node));
    if (!copy.ptr)
        return no_memory(reader);
    *ret_text = copy;
    return 0;
}

/* A list, or one value that stands for a list of one. */
static size_t list_count(json_t *node) {
    return json_is_array(node) ? json_array_size(node) : 1;
}

static json_t *list_at(json_t *node, size_t index) {
    return json_is_array(node) ? json_array_get(node, index) : node;
}

static int check_list(struct reader *reader, const char *key, json_t *node) {
    look_at(reader, node);
    if (list_count(node) > ALTERNATIVES_MAX)
        return refuse(reader, "`%s` has more than %d values", key, ALTERNATIVES_MAX);
    return 0;
}

/* An empty list would be a key that never holds. */
static int check_alternatives(struct reader *reader, const char *key, json_t *node) {
    int r = check_list(reader, key, node);
    if (r == 0 && list_count(node) == 0)
        return refuse(reader, "`%s` is an empty list", key);
    return r;
}

static int read_texts(struct reader *reader, const char *key, json_t *node,
                      struct catalogue_texts *ret_texts) {
    size_t count = list_count(node);
    struct fo_str *items = catalogue_arena_alloc(reader->arena, count, sizeof *items);

    if (!items)
        return no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        int r = copy_text(reader, key, list_at(node, i), &items[i]);
        if (r != 0)
            return r;
        if (items[i].len == 0)
            return refuse(reader, "`%s` holds an empty text", key);
    }
    ret_texts->items = items;
    ret_texts->count = count;
    return 0;
}

static int read_regexes(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    int r = read_texts(reader, "message_regex", node, &rule->match.message_regex);

    for (size_t i = 0; r == 0 && i < rule->match.message_regex.count; i++) {
        struct catalogue_pattern pattern;
        const char *why = NULL;
        look_at(reader, list_at(node, i));
        if (catalogue_expression_translate(rule->match.message_regex.items[i], &pattern, &why) != 0)
            return refuse(reader, "unsupported expression: %s", why);
    }
    return r;
}

static int read_exceptions(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    int r = read_texts(reader, "exception", node, &rule->match.exception);

    for (size_t i = 0; r == 0 && i < rule->match.exception.count; i++) {
        struct fo_str name = rule->match.exception.items[i];
        look_at(reader, list_at(node, i));
        if (name.len > CATALOGUE_EXPRESSION_MAX_BYTES)
            return refuse(reader, "an exception's name is longer than %d bytes",
                          CATALOGUE_EXPRESSION_MAX_BYTES);
    }
    return r;
}

static int read_runtimes(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    return read_texts(reader, "runtime", node, &rule->match.runtime);
}

static int read_platform(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    return read_texts(reader, "platform_reason", node, &rule->match.platform_reason);
}

static int read_exit_codes(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    size_t count = list_count(node);
    int *items = catalogue_arena_alloc(reader->arena, count, sizeof *items);
    size_t used = 0;

    if (!items)
        return no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        json_t *value = list_at(node, i);
        json_int_t number = json_integer_value(value);
        look_at(reader, value);
        if (json_is_string(value) && fo_str_equal(text_of(value), fo_str_of("nonzero")))
            rule->match.exit_nonzero = true;
        else if (!json_is_integer(value) || number < INT32_MIN || number > INT32_MAX)
            return refuse(reader, "`exit_code` takes whole numbers or `nonzero`");
        else
            items[used++] = (int)number;
    }
    rule->match.exit_code.items = items;
    rule->match.exit_code.count = used;
    return 0;
}

static int read_signal(struct reader *reader, json_t *node, int *ret_number) {
    json_int_t number = json_integer_value(node);

    look_at(reader, node);
    if (json_is_string(node))
        number = catalogue_signal_of(text_of(node));
    if (number < 1 || number > CATALOGUE_SIGNAL_MAX)
        return refuse(reader, "`signal` takes names such as SIGKILL, or numbers 1 to %d",
                      CATALOGUE_SIGNAL_MAX);
    *ret_number = (int)number;
    return 0;
}

static int read_signals(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    for (size_t i = 0; i < list_count(node); i++) {
        int number = 0;
        int r = read_signal(reader, list_at(node, i), &number);
        if (r != 0)
            return r;
        rule->match.signals |= UINT64_C(1) << (number - 1);
    }
    return 0;
}

static int read_evidence(struct reader *reader, json_t *node, unsigned *ret_evidence) {
    for (size_t i = 0; i < list_count(node); i++) {
        json_t *word = list_at(node, i);
        unsigned bit = json_is_string(word) ? catalogue_evidence_of(text_of(word)) : 0;
        look_at(reader, word);
        if (bit == 0)
            return refuse(reader, "`evidence` takes stop_requested, deadline_exceeded, "
                                  "cgroup_oom_kill, heartbeat_missed");
        *ret_evidence |= bit;
    }
    return 0;
}

static int read_match_evidence(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    return read_evidence(reader, node, &rule->match.evidence);
}

static int read_match(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    static const struct {
        const char *name;
        int (*read)(struct reader *, json_t *, struct catalogue_rule *);
    } keys[] = {
        {"message_regex", read_regexes},   {"exception", read_exceptions},
        {"exit_code", read_exit_codes},    {"signal", read_signals},
        {"runtime", read_runtimes},        {"platform_reason", read_platform},
        {"evidence", read_match_evidence},
    };
    const char *name = NULL;
    json_t *value = NULL;

    look_at(reader, node);
    if (!json_is_object(node) || json_object_size(node) == 0)
        return refuse(reader, "`match` must be a map with one key at least");
    json_object_foreach(node, name, value) {
        size_t i = 0;
        while (i < COUNT(keys) && strcmp(keys[i].name, name) != 0)
            i++;
        look_at(reader, value);
        if (i == COUNT(keys))
            return refuse(reader, "unknown key `%.40s` in `match`", name);
        int r = check_alternatives(reader, name, value);
        if (r == 0)
            r = keys[i].read(reader, value, rule);
        if (r != 0)
            return r;
    }
    return 0;
}

static bool cause_known(const struct reader *reader, struct fo_str cause) {
    for (size_t i = 0; i < reader->causes.count; i++)
        if (fo_str_equal(reader->causes.items[i], cause))
            return true;
    return catalogue_cause_known(cause);
}

static int read_flag(struct reader *reader, const char *key, json_t *node, bool *ret_flag) {
    struct fo_str text = text_of(node);

    if (json_is_true(node) || (text.ptr && fo_str_equal(text, fo_str_of("true"))))
        *ret_flag = true;
    else if (json_is_false(node) || (text.ptr && fo_str_equal(text, fo_str_of("false"))))
        *ret_flag = false;
    else
        return refuse(reader, "label `%s` must be true or false", key);
    return 0;
}

static int read_label(struct reader *reader, const char *key, json_t *node,
                      struct catalogue_rule_labels *labels) {
    if (strcmp(key, "secondary") == 0)
        return read_flag(reader, key, node, &labels->secondary);
    if (strcmp(key, "wrapper") == 0)
        return read_flag(reader, key, node, &labels->wrapper);
    if (strcmp(key, "type") == 0)
        return copy_text(reader, key, node, &labels->type);
    if (strcmp(key, "category") == 0)
        return copy_text(reader, key, node, &labels->category);
    if (strcmp(key, "cause") == 0)
        return copy_text(reader, key, node, &labels->cause);
    if (strcmp(key, "retry") == 0)
        return copy_text(reader, key, node, &labels->retry);
    return refuse(reader, "unknown label `%.40s`", key);
}

static int check_label(struct reader *reader, json_t *labels, const char *key, struct fo_str value,
                       bool known) {
    look_at(reader, json_object_get(labels, key));
    if (value.len == 0)
        return refuse(reader, "label `%s` is missing or empty", key);
    if (known)
        return 0;
    return refuse(reader, "label `%s` cannot be `%.*s`%s", key, (int)value.len, value.ptr,
                  strcmp(key, "cause") == 0 ? ": declare it under `causes`" : "");
}

static int read_labels(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    struct catalogue_rule_labels *labels = &rule->labels;
    const char *name = NULL;
    json_t *value = NULL;
    int r = 0;

    look_at(reader, node);
    if (!json_is_object(node))
        return refuse(reader, "`labels` must be a map");
    json_object_foreach(node, name, value) {
        look_at(reader, value);
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

static int read_example_exit(struct reader *reader, json_t *node, struct catalogue_input *example) {
    json_int_t number = json_integer_value(node);

    if (!json_is_integer(node) || number < INT32_MIN || number > INT32_MAX)
        return refuse(reader, "`exit_code` of an example must be a whole number");
    example->exited = true;
    example->exit_code = (int)number;
    return 0;
}

static int read_example_key(struct reader *reader, const char *key, json_t *node,
                            struct catalogue_input *example) {
    struct catalogue_texts exceptions;
    int r = 0;

    if (strcmp(key, "line") == 0 || strcmp(key, "output") == 0)
        return copy_text(reader, key, node, &example->head);
    if (strcmp(key, "runtime") == 0)
        return copy_text(reader, key, node, &example->runtime);
    if (strcmp(key, "platform_reason") == 0)
        return copy_text(reader, key, node, &example->platform_reason);
    if (strcmp(key, "exit_code") == 0)
        return read_example_exit(reader, node, example);
    if (strcmp(key, "signal") == 0)
        return read_signal(reader, node, &example->signal);
    if (strcmp(key, "evidence") == 0)
        return read_evidence(reader, node, &example->evidence);
    if (strcmp(key, "exception") != 0)
        return refuse(reader, "unknown key `%.40s` in an example", key);
    r = read_texts(reader, key, node, &exceptions);
    if (r == 0) {
        example->exceptions = exceptions.items;
        example->exception_count = exceptions.count;
    }
    return r;
}

static int read_example(struct reader *reader, json_t *node, struct catalogue_input *example) {
    const char *name = NULL;
    json_t *value = NULL;

    look_at(reader, node);
    if (!json_is_object(node))
        return refuse(reader, "an example must be a map");
    json_object_foreach(node, name, value) {
        look_at(reader, value);
        int r = check_list(reader, name, value);
        if (r == 0)
            r = read_example_key(reader, name, value, example);
        if (r != 0)
            return r;
    }
    return 0;
}

static int read_examples(struct reader *reader, const char *key, json_t *node,
                         struct catalogue_examples *ret_examples) {
    size_t count = list_count(node);
    int r = check_list(reader, key, node);

    if (r != 0)
        return r;
    struct catalogue_input *items = catalogue_arena_alloc(reader->arena, count, sizeof *items);
    if (!items)
        return no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        r = read_example(reader, list_at(node, i), &items[i]);
        if (r != 0)
            return r;
    }
    ret_examples->items = items;
    ret_examples->count = count;
    return 0;
}

static int read_tests(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    const char *name = NULL;
    json_t *value = NULL;

    look_at(reader, node);
    if (!json_is_object(node))
        return refuse(reader, "`tests` must be a map");
    json_object_foreach(node, name, value) {
        int r = -EINVAL;
        look_at(reader, value);
        if (strcmp(name, "positive") == 0)
            r = read_examples(reader, name, value, &rule->positive);
        else if (strcmp(name, "negative") == 0)
            r = read_examples(reader, name, value, &rule->negative);
        else
            return refuse(reader, "unknown key `%.40s` in `tests`", name);
        if (r != 0)
            return r;
    }
    return 0;
}

static int read_priority(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    json_int_t number = json_integer_value(node);

    if (!json_is_integer(node) || number < 0 || number > CATALOGUE_PRIORITY_MAX)
        return refuse(reader, "`priority` must be a whole number from 0 to %d",
                      CATALOGUE_PRIORITY_MAX);
    rule->priority = (int)number;
    return 0;
}

/* What only people read. */
static int read_remark(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    (void)rule;
    return json_is_string(node)
               ? 0
               : refuse(reader, "`rationale`, `source` and `verified` must be text");
}

/* The id comes first, whatever the order of the keys, since every error names it. */
static int read_id(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    json_t *id = json_object_get(node, "id");
    int r = id ? copy_text(reader, "id", id, &rule->id) : refuse(reader, "a rule has no `id`");

    if (r != 0)
        return r;
    if (rule->id.len == 0 || rule->id.len > ID_MAX_BYTES)
        return refuse(reader, "an `id` has 1 to %d bytes", ID_MAX_BYTES);
    for (size_t i = 0; i < rule->id.len; i++)
        if (rule->id.ptr[i] <= ' ' || rule->id.ptr[i] > '~')
            return refuse(reader, "an `id` is printable ASCII without spaces");
    reader->at.id = rule->id;
    return 0;
}

static int skip_id(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    (void)reader;
    (void)node;
    (void)rule;
    return 0;
}

static int read_rule_keys(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    static const struct {
        const char *name;
        int (*read)(struct reader *, json_t *, struct catalogue_rule *);
    } keys[] = {
        {"id", skip_id},           {"priority", read_priority}, {"match", read_match},
        {"labels", read_labels},   {"rationale", read_remark},  {"source", read_remark},
        {"verified", read_remark}, {"tests", read_tests},
    };
    const char *name = NULL;
    json_t *value = NULL;

    json_object_foreach(node, name, value) {
        size_t i = 0;
        while (i < COUNT(keys) && strcmp(keys[i].name, name) != 0)
            i++;
        look_at(reader, value);
        if (i == COUNT(keys))
            return refuse(reader, "unknown key `%.40s`", name);
        int r = keys[i].read(reader, value, rule);
        if (r != 0)
            return r;
    }
    return 0;
}

static int read_rule(struct reader *reader, json_t *node, struct catalogue_rule *rule) {
    static const char *const required[] = {"priority", "match", "labels"};

    reader->at.id = (struct fo_str){NULL, 0};
    look_at(reader, node);
    if (!json_is_object(node))
        return refuse(reader, "a rule must be a map");
    rule->file = reader->at.file;
    rule->line = reader->at.line;
    int r = read_id(reader, node, rule);
    for (size_t i = 0; r == 0 && i < COUNT(required); i++)
        if (!json_object_get(node, required[i]))
            r = refuse(reader, "`%s` is missing", required[i]);
    return r == 0 ? read_rule_keys(reader, node, rule) : r;
}

static int read_rules(struct reader *reader, json_t *node, struct catalogue_reading *ret_reading) {
    size_t count = json_array_size(node);

    look_at(reader, node);
    if (!json_is_array(node))
        return refuse(reader, "rules must be a list");
    if (count > CATALOGUE_RULES_MAX)
        return catalogue_error(reader->reterr, -E2BIG, &reader->at, "more than %d rules",
                               CATALOGUE_RULES_MAX);
    struct catalogue_rule *rules = catalogue_arena_alloc(reader->arena, count, sizeof *rules);
    if (!rules)
        return no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        int r = read_rule(reader, json_array_get(node, i), &rules[i]);
        if (r != 0)
            return r;
    }
    ret_reading->rules = rules;
    ret_reading->rule_count = count;
    return 0;
}

static int read_map(struct reader *reader, json_t *root, struct catalogue_reading *ret_reading) {
    json_t *causes = json_object_get(root, "causes");
    json_t *rules = json_object_get(root, "rules");
    const char *name = NULL;
    json_t *value = NULL;

    json_object_foreach(root, name, value) {
        look_at(reader, value);
        if (strcmp(name, "causes") != 0 && strcmp(name, "rules") != 0)
            return refuse(reader, "unknown key `%.40s`", name);
    }
    if (!rules)
        return refuse(reader, "`rules` is missing");
    int r = causes ? check_list(reader, "causes", causes) : 0;
    if (r == 0 && causes)
        r = read_texts(reader, "causes", causes, &reader->causes);
    return r == 0 ? read_rules(reader, rules, ret_reading) : r;
}

int catalogue_read(struct catalogue_arena *arena, const struct catalogue_source *source,
                   struct catalogue_reading *ret_reading, struct fo_error *reterr) {
    struct reader reader = {.arena = arena, .source = source, .reterr = reterr};
    json_t *root = source->root;

    reader.at.file = catalogue_arena_copy(arena, fo_str_of(source->name));
    if (!reader.at.file.ptr)
        return no_memory(&reader);
    if (json_is_object(root))
        return read_map(&reader, root, ret_reading);
    return read_rules(&reader, root, ret_reading);
}
