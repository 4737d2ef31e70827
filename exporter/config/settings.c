/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/buffer.h"
#include "exporter/config/fail.h"

enum { KEYS_MAX = 4096, KEY_MAX = 255, VALUE_MAX = 65536 };

int ex_settings_init(struct ex_settings *settings) {
    *settings = (struct ex_settings){json_object(), json_object()};
    if (settings->values && settings->lines)
        return 0;
    ex_settings_done(settings);
    return -ENOMEM;
}

void ex_settings_done(struct ex_settings *settings) {
    json_decref(settings->values);
    json_decref(settings->lines);
    *settings = (struct ex_settings){NULL, NULL};
}

int ex_settings_add(struct ex_settings *settings, const char *key, struct fo_str value, int line,
                    struct fo_error *reterr) {
    if (json_object_get(settings->values, key))
        return ex_fail(reterr, -EEXIST, line, "the key \"%s\" is there twice; first on line %d",
                       key, ex_settings_line(settings, key));
    if (json_object_size(settings->values) >= KEYS_MAX)
        return ex_fail(reterr, -E2BIG, line, "more than %d settings", KEYS_MAX);
    if (json_object_set_new(settings->values, key, json_stringn(value.ptr, value.len)) != 0 ||
        json_object_set_new(settings->lines, key, json_integer(line)) != 0)
        return ex_fail(reterr, -ENOMEM, line, "out of memory");
    return 0;
}

struct fo_str ex_settings_get(const struct ex_settings *settings, const char *key) {
    const json_t *value = json_object_get(settings->values, key);

    return (struct fo_str){json_string_value(value), json_string_length(value)};
}

int ex_settings_line(const struct ex_settings *settings, const char *key) {
    return (int)json_integer_value(json_object_get(settings->lines, key));
}

/* "a, b": Flink's written form of a list. */
static int add_list(struct ex_settings *settings, const struct ex_tree *tree, const json_t *list,
                    const char *name, int line, struct fo_error *reterr) {
    struct ex_buffer joined;
    size_t count = json_array_size(list);
    int rc = 0;

    ex_buffer_init(&joined, VALUE_MAX);
    for (size_t i = 0; i < count && rc == 0; i++) {
        const json_t *item = json_array_get(list, i);
        if (json_is_array(item) || json_is_object(item))
            rc = ex_fail(reterr, -EINVAL, ex_tree_item_line(tree, list, i),
                         "%s: a list of plain values, please", name);
        if (i > 0)
            ex_buffer_append_char(&joined, ',');
        ex_buffer_append_str(&joined, ex_tree_item_text(tree, list, i));
    }
    if (rc == 0 && joined.failure)
        rc = ex_fail(reterr, joined.failure, line, "%s: the list is too long", name);
    if (rc == 0)
        rc = ex_settings_add(settings, name, ex_buffer_str(&joined), line, reterr);
    ex_buffer_done(&joined);
    return rc;
}

static int add_object(struct ex_settings *settings, const struct ex_tree *tree, json_t *object,
                      const char *name, struct fo_error *reterr) {
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach(object, key, value) {
        int rc = ex_settings_add_member(settings, tree, object, name, key, reterr);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Nesting is bounded by the tree's. */
int ex_settings_add_member(struct ex_settings *settings, const struct ex_tree *tree,
                           const json_t *object, const char *prefix, const char *key,
                           struct fo_error *reterr) {
    char name[KEY_MAX + 1];
    json_t *value = json_object_get(object, key);
    int line = ex_tree_key_line(tree, object, key);
    int len = snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", key);

    if (len > KEY_MAX)
        return ex_fail(reterr, -EINVAL, line, "a key longer than %d bytes", KEY_MAX);
    if (json_is_object(value))
        return add_object(settings, tree, value, name, reterr);
    if (json_is_array(value))
        return add_list(settings, tree, value, name, line, reterr);
    if (json_is_null(value) && strcmp(name, "jobmanager.failure-enrichers") != 0)
        return 0;
    return ex_settings_add(settings, name, ex_tree_key_text(tree, object, key), line, reterr);
}

int ex_notices_add(struct ex_notices *notices, int line, const char *format, ...) {
    struct ex_notice *items =
        reallocarray(notices->items, notices->count + 1, sizeof *notices->items);
    struct ex_notice notice = {.line = line};
    va_list args;

    if (!items)
        return -ENOMEM;
    notices->items = items;
    va_start(args, format);
    int len = vasprintf(&notice.text, format, args);
    va_end(args);
    if (len == -1)
        return -ENOMEM;
    items[notices->count++] = notice;
    return 0;
}

void ex_notices_done(struct ex_notices *notices) {
    for (size_t i = 0; i < notices->count; i++)
        free(notices->items[i].text);
    free(notices->items);
    *notices = (struct ex_notices){NULL, 0};
}
