/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "listeners/catalogue/expression.h"
#include "listeners/catalogue/read_value.h"

static int read_regexes(struct catalogue_reader *reader, json_t *node,
                        struct catalogue_rule *rule) {
    int r = catalogue_read_texts(reader, "message_regex", node, &rule->match.message_regex);

    for (size_t i = 0; r == 0 && i < rule->match.message_regex.count; i++) {
        struct catalogue_pattern pattern;
        const char *why = NULL;
        catalogue_look_at(reader, catalogue_list_at(node, i));
        if (catalogue_expression_translate(rule->match.message_regex.items[i], &pattern, &why) != 0)
            return catalogue_refuse(reader, "unsupported expression: %s", why);
    }
    return r;
}

static int read_exceptions(struct catalogue_reader *reader, json_t *node,
                           struct catalogue_rule *rule) {
    int r = catalogue_read_texts(reader, "exception", node, &rule->match.exception);

    for (size_t i = 0; r == 0 && i < rule->match.exception.count; i++) {
        struct fo_str name = rule->match.exception.items[i];
        catalogue_look_at(reader, catalogue_list_at(node, i));
        if (name.len > CATALOGUE_EXPRESSION_MAX_BYTES)
            return catalogue_refuse(reader, "an exception's name is longer than %d bytes",
                                    CATALOGUE_EXPRESSION_MAX_BYTES);
    }
    return r;
}

static int read_runtimes(struct catalogue_reader *reader, json_t *node,
                         struct catalogue_rule *rule) {
    return catalogue_read_texts(reader, "runtime", node, &rule->match.runtime);
}

static int read_platform(struct catalogue_reader *reader, json_t *node,
                         struct catalogue_rule *rule) {
    return catalogue_read_texts(reader, "platform_reason", node, &rule->match.platform_reason);
}

static int read_exit_codes(struct catalogue_reader *reader, json_t *node,
                           struct catalogue_rule *rule) {
    size_t count = catalogue_list_count(node);
    int *items = catalogue_arena_alloc(reader->arena, count, sizeof *items);
    size_t used = 0;

    if (!items)
        return catalogue_no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        json_t *value = catalogue_list_at(node, i);
        json_int_t number = json_integer_value(value);
        catalogue_look_at(reader, value);
        if (json_is_string(value) && fo_str_equal(catalogue_node_text(value), fo_str_of("nonzero")))
            rule->match.exit_nonzero = true;
        else if (!json_is_integer(value) || number < INT32_MIN || number > INT32_MAX)
            return catalogue_refuse(reader, "`exit_code` takes whole numbers or `nonzero`");
        else
            items[used++] = (int)number;
    }
    rule->match.exit_code.items = items;
    rule->match.exit_code.count = used;
    return 0;
}

static int read_signals(struct catalogue_reader *reader, json_t *node,
                        struct catalogue_rule *rule) {
    for (size_t i = 0; i < catalogue_list_count(node); i++) {
        int number = 0;
        int r = catalogue_read_signal(reader, catalogue_list_at(node, i), &number);
        if (r != 0)
            return r;
        rule->match.signals |= UINT64_C(1) << (number - 1);
    }
    return 0;
}

static int read_match_evidence(struct catalogue_reader *reader, json_t *node,
                               struct catalogue_rule *rule) {
    return catalogue_read_evidence(reader, node, &rule->match.evidence);
}

int catalogue_read_match(struct catalogue_reader *reader, json_t *node,
                         struct catalogue_rule *rule) {
    static const struct catalogue_key keys[] = {
        {"message_regex", read_regexes},   {"exception", read_exceptions},
        {"exit_code", read_exit_codes},    {"signal", read_signals},
        {"runtime", read_runtimes},        {"platform_reason", read_platform},
        {"evidence", read_match_evidence},
    };
    const char *name = NULL;
    json_t *value = NULL;

    catalogue_look_at(reader, node);
    if (!json_is_object(node) || json_object_size(node) == 0)
        return catalogue_refuse(reader, "`match` must be a map with one key at least");
    json_object_foreach(node, name, value) {
        int r = catalogue_check_alternatives(reader, name, value);
        if (r != 0)
            return r;
    }
    return catalogue_read_map(reader, node, keys, sizeof keys / sizeof keys[0], rule);
}
