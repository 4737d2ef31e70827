/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/fields.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "exporter/config/duration.h"
#include "exporter/config/fail.h"
#include "exporter/config/nearest.h"
#include "exporter/config/number.h"

enum { REFUSAL_MAX = 200 };

static bool is_in(const char *word, const char *const *words) {
    for (; *words; words++) {
        if (strcmp(word, *words) == 0)
            return true;
    }
    return false;
}

static struct fo_str nearest_of(struct fo_str word, const char *const *words) {
    struct ex_nearest nearest = ex_nearest_to(word);

    for (; *words; words++)
        ex_nearest_try(&nearest, fo_str_of(*words));
    return nearest.best;
}

static int check_keys(const struct ex_fields *fields, const char *const *keys) {
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach(fields->object, key, value) {
        if (is_in(key, keys))
            continue;
        struct fo_str nearest = nearest_of(fo_str_of(key), keys);
        return ex_fail(fields->reterr, -EINVAL, ex_field_line(fields, key),
                       "%s: unknown key \"%.*s\"; the nearest known key is \"%.*s\"", fields->what,
                       EX_SHOWN_MAX, key, (int)nearest.len, nearest.ptr);
    }
    return 0;
}

static int open_at(const struct ex_tree *tree, json_t *node, const char *what, int line,
                   const char *const *keys, struct ex_fields *fields) {
    if (!json_is_object(node))
        return ex_fail(fields->reterr, -EINVAL, line, "%s: a map (key: value) is wanted", what);
    fields->tree = tree;
    fields->object = node;
    fields->what = what;
    fields->line = line;
    return keys ? check_keys(fields, keys) : 0;
}

int ex_fields_open(const struct ex_tree *tree, json_t *node, const char *what,
                   const char *const *keys, struct ex_fields *ret_fields, struct fo_error *reterr) {
    ret_fields->reterr = reterr;
    return open_at(tree, node, what, ex_tree_line(tree, node), keys, ret_fields);
}

int ex_fields_open_member(const struct ex_fields *fields, const char *key, const char *const *keys,
                          struct ex_fields *ret_fields) {
    if (!ex_field_is_set(fields, key))
        return 0;
    ret_fields->reterr = fields->reterr;
    int rc = open_at(fields->tree, json_object_get(fields->object, key), key,
                     ex_field_line(fields, key), keys, ret_fields);
    return rc != 0 ? rc : 1;
}

bool ex_field_is_set(const struct ex_fields *fields, const char *key) {
    const json_t *value = json_object_get(fields->object, key);

    return value && !json_is_null(value);
}

int ex_field_line(const struct ex_fields *fields, const char *key) {
    int line = ex_tree_key_line(fields->tree, fields->object, key);

    return line > 0 ? line : fields->line;
}

int ex_field_refuse(const struct ex_fields *fields, const char *key, const char *format, ...) {
    char text[REFUSAL_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return ex_fail(fields->reterr, -EINVAL, ex_field_line(fields, key), "%s: %s", key, text);
}

int ex_fields_no_memory(const struct ex_fields *fields) {
    return ex_fail(fields->reterr, -ENOMEM, 0, "out of memory");
}

bool ex_is_plain_name(struct fo_str name, size_t max) {
    if (name.len == 0 || name.len > max || name.ptr[0] == '.' || name.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!isalnum((unsigned char)c) && c != '_' && c != '.' && c != '-')
            return false;
    }
    return true;
}

int ex_field_str(const struct ex_fields *fields, const char *key, struct fo_str *ret_text) {
    const json_t *value = json_object_get(fields->object, key);

    if (!ex_field_is_set(fields, key))
        return 0;
    if (json_is_object(value) || json_is_array(value))
        return ex_field_refuse(fields, key, "one value is wanted, not a %s",
                               json_is_object(value) ? "map" : "list");
    *ret_text = ex_tree_key_text(fields->tree, fields->object, key);
    return 0;
}

int ex_field_text(const struct ex_fields *fields, const char *key, char **ret_text) {
    struct fo_str text = {NULL, 0};
    int rc = ex_field_str(fields, key, &text);

    if (rc != 0 || !text.ptr)
        return rc;
    char *copy = strndup(text.ptr, text.len);
    if (!copy)
        return ex_fields_no_memory(fields);
    *ret_text = copy;
    return 0;
}

int ex_field_bool(const struct ex_fields *fields, const char *key, bool *ret_value) {
    struct fo_str text = {NULL, 0};
    int rc = ex_field_str(fields, key, &text);

    if (rc != 0 || !text.ptr)
        return rc;
    bool yes = text.len == 4 && strncasecmp(text.ptr, "true", 4) == 0;
    if (!yes && !(text.len == 5 && strncasecmp(text.ptr, "false", 5) == 0))
        return ex_field_refuse(fields, key, "\"%.*s\" is not true or false", ex_shown(text),
                               text.ptr);
    *ret_value = yes;
    return 0;
}

int ex_field_u32(const struct ex_fields *fields, const char *key, uint32_t least, uint32_t most,
                 uint32_t *ret_value) {
    struct fo_str text = {NULL, 0};
    uint64_t value = 0;
    int rc = ex_field_str(fields, key, &text);

    if (rc != 0 || !text.ptr)
        return rc;
    if (ex_number_u64(text, &value) != 0 || value < least || value > most)
        return ex_field_refuse(fields, key, "\"%.*s\" is not a whole number from %u to %u",
                               ex_shown(text), text.ptr, least, most);
    *ret_value = (uint32_t)value;
    return 0;
}

int ex_field_double(const struct ex_fields *fields, const char *key, double least, double most,
                    double *ret_value) {
    struct fo_str text = {NULL, 0};
    double value = 0;
    int rc = ex_field_str(fields, key, &text);

    if (rc != 0 || !text.ptr)
        return rc;
    if (ex_number_double(text, &value) != 0 || value < least || value > most)
        return ex_field_refuse(fields, key, "\"%.*s\" is not a number from %g to %g",
                               ex_shown(text), text.ptr, least, most);
    *ret_value = value;
    return 0;
}

int ex_field_bytes(const struct ex_fields *fields, const char *key, uint64_t least,
                   uint64_t *ret_bytes) {
    struct fo_str text = {NULL, 0};
    uint64_t bytes = 0;
    int rc = ex_field_str(fields, key, &text);

    if (rc != 0 || !text.ptr)
        return rc;
    if (ex_number_bytes(text, &bytes) != 0)
        return ex_field_refuse(fields, key, "\"%.*s\" is not a size such as 4096 or 256 MiB",
                               ex_shown(text), text.ptr);
    if (bytes < least)
        return ex_field_refuse(fields, key, "at least %llu bytes are needed",
                               (unsigned long long)least);
    *ret_bytes = bytes;
    return 0;
}

int ex_field_ms(const struct ex_fields *fields, const char *key, int64_t least, int64_t *ret_ms) {
    struct fo_str text = {NULL, 0};
    int64_t ms = 0;
    int rc = ex_field_str(fields, key, &text);

    if (rc != 0 || !text.ptr)
        return rc;
    int parsed = ex_duration_parse_ms(text, &ms);
    if (parsed == -EINVAL)
        return ex_field_refuse(fields, key, "\"%.*s\" is not a duration such as 10 s or 500 ms",
                               ex_shown(text), text.ptr);
    if (parsed != 0 || ms < least || ms > EX_FIELD_MS_MAX)
        return ex_field_refuse(fields, key, "\"%.*s\" is not from %lld ms to 36500 days",
                               ex_shown(text), text.ptr, (long long)least);
    *ret_ms = ms;
    return 0;
}

int ex_field_word(const struct ex_fields *fields, const char *key, const char *const *words,
                  unsigned *ret_index) {
    struct fo_str text = {NULL, 0};
    int rc = ex_field_str(fields, key, &text);

    if (rc != 0 || !text.ptr)
        return rc;
    for (unsigned i = 0; words[i]; i++) {
        if (fo_str_equal(text, fo_str_of(words[i]))) {
            *ret_index = i;
            return 0;
        }
    }
    struct fo_str nearest = nearest_of(text, words);
    return ex_field_refuse(fields, key, "unknown value \"%.*s\"; the nearest known one is \"%.*s\"",
                           ex_shown(text), text.ptr, (int)nearest.len, nearest.ptr);
}

int ex_field_list(const struct ex_fields *fields, const char *key, const json_t **ret_list) {
    const json_t *value = json_object_get(fields->object, key);

    if (!ex_field_is_set(fields, key))
        return 0;
    if (!json_is_array(value))
        return ex_field_refuse(fields, key, "a list is wanted");
    *ret_list = value;
    return 0;
}
