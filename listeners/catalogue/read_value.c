/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/read_value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum { ALTERNATIVES_MAX = 1000, TEXT_MAX_BYTES = 64 * 1024 };

/* "FILE:LINE: rule ID: ", as far as known. */
static void print_place(struct fo_error *error, const struct catalogue_rule *rule) {
    char line[16] = "";

    if (rule->line > 0)
        (void)snprintf(line, sizeof line, "%d:", rule->line);
    (void)snprintf(error->text, sizeof error->text, "%.*s:%s %s%.*s%s", (int)rule->file.len,
                   rule->file.ptr, line, rule->id.len > 0 ? "rule " : "", (int)rule->id.len,
                   rule->id.ptr, rule->id.len > 0 ? ": " : "");
}

int catalogue_error(struct fo_error *reterr, int code, const struct catalogue_rule *rule,
                    const char *format, ...) {
    va_list arguments;

    reterr->code = code;
    reterr->line = rule ? rule->line : 0;
    reterr->text[0] = 0;
    if (rule)
        print_place(reterr, rule);
    size_t len = strlen(reterr->text);
    va_start(arguments, format);
    (void)vsnprintf(reterr->text + len, sizeof reterr->text - len, format, arguments);
    va_end(arguments);
    return code;
}

void catalogue_look_at(struct catalogue_reader *reader, json_t *node) {
    int line =
        reader->source->line_of ? reader->source->line_of(reader->source->line_ctx, node) : 0;
    if (line > 0)
        reader->at.line = line;
}

int catalogue_no_memory(struct catalogue_reader *reader) {
    return catalogue_error(reader->reterr, -ENOMEM, &reader->at, "out of memory");
}

struct fo_str catalogue_node_text(json_t *node) {
    struct fo_str text = {json_string_value(node), json_string_length(node)};
    return text;
}

int catalogue_read_text(struct catalogue_reader *reader, const char *key, json_t *node,
                        struct fo_str *ret_text) {
    catalogue_look_at(reader, node);
    if (!json_is_string(node))
        return catalogue_refuse(reader, "`%s` must be text", key);
    if (json_string_length(node) > TEXT_MAX_BYTES)
        return catalogue_refuse(reader, "`%s` is longer than %d bytes", key, TEXT_MAX_BYTES);
    struct fo_str copy = catalogue_arena_copy(reader->arena, catalogue_node_text(node));
    if (!copy.ptr)
        return catalogue_no_memory(reader);
    *ret_text = copy;
    return 0;
}

/* A list, or one value that stands for a list of one. */
size_t catalogue_list_count(json_t *node) {
    return json_is_array(node) ? json_array_size(node) : 1;
}

json_t *catalogue_list_at(json_t *node, size_t index) {
    return json_is_array(node) ? json_array_get(node, index) : node;
}

int catalogue_check_list(struct catalogue_reader *reader, const char *key, json_t *node) {
    catalogue_look_at(reader, node);
    if (catalogue_list_count(node) > ALTERNATIVES_MAX)
        return catalogue_refuse(reader, "`%s` has more than %d values", key, ALTERNATIVES_MAX);
    return 0;
}

/* An empty list would be a key that never holds. */
int catalogue_check_alternatives(struct catalogue_reader *reader, const char *key, json_t *node) {
    int r = catalogue_check_list(reader, key, node);
    if (r == 0 && catalogue_list_count(node) == 0)
        return catalogue_refuse(reader, "`%s` is an empty list", key);
    return r;
}

int catalogue_read_texts(struct catalogue_reader *reader, const char *key, json_t *node,
                         struct catalogue_texts *ret_texts) {
    size_t count = catalogue_list_count(node);
    struct fo_str *items = catalogue_arena_alloc(reader->arena, count, sizeof *items);

    if (!items)
        return catalogue_no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        int r = catalogue_read_text(reader, key, catalogue_list_at(node, i), &items[i]);
        if (r != 0)
            return r;
        if (items[i].len == 0)
            return catalogue_refuse(reader, "`%s` holds an empty text", key);
    }
    ret_texts->items = items;
    ret_texts->count = count;
    return 0;
}

int catalogue_read_signal(struct catalogue_reader *reader, json_t *node, int *ret_number) {
    json_int_t number = json_integer_value(node);

    catalogue_look_at(reader, node);
    if (json_is_string(node))
        number = catalogue_signal_of(catalogue_node_text(node));
    if (number < 1 || number > CATALOGUE_SIGNAL_MAX)
        return catalogue_refuse(reader, "`signal` takes names such as SIGKILL, or numbers 1 to %d",
                                CATALOGUE_SIGNAL_MAX);
    *ret_number = (int)number;
    return 0;
}

int catalogue_read_evidence(struct catalogue_reader *reader, json_t *node, unsigned *ret_evidence) {
    for (size_t i = 0; i < catalogue_list_count(node); i++) {
        json_t *word = catalogue_list_at(node, i);
        unsigned bit = json_is_string(word) ? catalogue_evidence_of(catalogue_node_text(word)) : 0;
        catalogue_look_at(reader, word);
        if (bit == 0)
            return catalogue_refuse(reader, "`evidence` takes stop_requested, deadline_exceeded, "
                                            "cgroup_oom_kill, heartbeat_missed");
        *ret_evidence |= bit;
    }
    return 0;
}

int catalogue_read_map(struct catalogue_reader *reader, json_t *node,
                       const struct catalogue_key *keys, size_t key_count,
                       struct catalogue_rule *rule) {
    const char *name = NULL;
    json_t *value = NULL;

    json_object_foreach(node, name, value) {
        size_t i = 0;
        while (i < key_count && strcmp(keys[i].name, name) != 0)
            i++;
        catalogue_look_at(reader, value);
        if (i == key_count)
            return catalogue_refuse(reader, "unknown key `%.40s`", name);
        int r = keys[i].read(reader, value, rule);
        if (r != 0)
            return r;
    }
    return 0;
}
