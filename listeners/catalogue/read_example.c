/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "listeners/catalogue/read_value.h"

static int read_example_exit(struct catalogue_reader *reader, json_t *node,
                             struct catalogue_input *example) {
    json_int_t number = json_integer_value(node);

    if (!json_is_integer(node) || number < INT32_MIN || number > INT32_MAX)
        return catalogue_refuse(reader, "`exit_code` of an example must be a whole number");
    example->exited = true;
    example->exit_code = (int)number;
    return 0;
}

static int read_example_key(struct catalogue_reader *reader, const char *key, json_t *node,
                            struct catalogue_input *example) {
    struct catalogue_texts exceptions;
    int r = 0;

    if (strcmp(key, "line") == 0 || strcmp(key, "output") == 0)
        return catalogue_read_text(reader, key, node, &example->head);
    if (strcmp(key, "runtime") == 0)
        return catalogue_read_text(reader, key, node, &example->runtime);
    if (strcmp(key, "platform_reason") == 0)
        return catalogue_read_text(reader, key, node, &example->platform_reason);
    if (strcmp(key, "exit_code") == 0)
        return read_example_exit(reader, node, example);
    if (strcmp(key, "signal") == 0)
        return catalogue_read_signal(reader, node, &example->signal);
    if (strcmp(key, "evidence") == 0)
        return catalogue_read_evidence(reader, node, &example->evidence);
    if (strcmp(key, "exception") != 0)
        return catalogue_refuse(reader, "unknown key `%.40s` in an example", key);
    r = catalogue_read_texts(reader, key, node, &exceptions);
    if (r == 0) {
        example->exceptions = exceptions.items;
        example->exception_count = exceptions.count;
    }
    return r;
}

static int read_example(struct catalogue_reader *reader, json_t *node,
                        struct catalogue_input *example) {
    const char *name = NULL;
    json_t *value = NULL;

    catalogue_look_at(reader, node);
    if (!json_is_object(node))
        return catalogue_refuse(reader, "an example must be a map");
    json_object_foreach(node, name, value) {
        catalogue_look_at(reader, value);
        int r = catalogue_check_list(reader, name, value);
        if (r == 0)
            r = read_example_key(reader, name, value, example);
        if (r != 0)
            return r;
    }
    return 0;
}

static int read_examples(struct catalogue_reader *reader, const char *key, json_t *node,
                         struct catalogue_examples *ret_examples) {
    size_t count = catalogue_list_count(node);
    int r = catalogue_check_list(reader, key, node);

    if (r != 0)
        return r;
    struct catalogue_input *items = catalogue_arena_alloc(reader->arena, count, sizeof *items);
    if (!items)
        return catalogue_no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        r = read_example(reader, catalogue_list_at(node, i), &items[i]);
        if (r != 0)
            return r;
    }
    ret_examples->items = items;
    ret_examples->count = count;
    return 0;
}

int catalogue_read_tests(struct catalogue_reader *reader, json_t *node,
                         struct catalogue_rule *rule) {
    const char *name = NULL;
    json_t *value = NULL;

    catalogue_look_at(reader, node);
    if (!json_is_object(node))
        return catalogue_refuse(reader, "`tests` must be a map");
    json_object_foreach(node, name, value) {
        int r = -EINVAL;
        catalogue_look_at(reader, value);
        if (strcmp(name, "positive") == 0)
            r = read_examples(reader, name, value, &rule->positive);
        else if (strcmp(name, "negative") == 0)
            r = read_examples(reader, name, value, &rule->negative);
        else
            return catalogue_refuse(reader, "unknown key `%.40s` in `tests`", name);
        if (r != 0)
            return r;
    }
    return 0;
}
