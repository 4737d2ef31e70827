/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "tests/conformance/conformance.h"

bool cf_fail(struct cf_result *result, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    if (result->why[0] == '\0')
        (void)vsnprintf(result->why, sizeof result->why, format, arguments);
    va_end(arguments);
    return false;
}

bool cf_only(struct cf_result *result, const json_t *object, const char *names) {
    size_t known = 0;

    if (!json_is_object(object))
        return cf_fail(result, "an object with %s is missing", names);
    for (const char *at = names; *at != '\0'; at += strcspn(at, " "), at += *at == ' ')
        known += json_object_getn(object, at, strcspn(at, " ")) != NULL;
    return known == json_object_size(object) ? true
                                             : cf_fail(result, "a field is none of %s", names);
}

struct fo_str cf_str(const json_t *value) {
    return (struct fo_str){json_string_value(value), json_string_length(value)};
}

bool cf_text(struct cf_result *result, const json_t *object, const char *name, struct fo_str *ret) {
    *ret = cf_str(json_object_get(object, name));
    return ret->ptr ? true : cf_fail(result, "%s is not a text", name);
}

bool cf_integer(struct cf_result *result, const json_t *object, const char *name, int64_t *ret) {
    const json_t *value = json_object_get(object, name);

    *ret = json_integer_value(value);
    return json_is_integer(value) ? true : cf_fail(result, "%s is not an integer", name);
}

bool cf_boolean(struct cf_result *result, const json_t *object, const char *name, bool *ret) {
    const json_t *value = json_object_get(object, name);

    *ret = json_is_true(value);
    return json_is_boolean(value) ? true : cf_fail(result, "%s is not true or false", name);
}

bool cf_list(struct cf_result *result, const json_t *object, const char *name,
             const json_t **ret_list) {
    *ret_list = json_object_get(object, name);
    return json_is_array(*ret_list) ? true : cf_fail(result, "%s is not a list", name);
}

int64_t cf_find(const json_t *list, const char *field, struct fo_str text) {
    for (size_t i = 0; text.ptr && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (fo_str_equal(cf_str(field ? json_object_get(item, field) : item), text))
            return (int64_t)i;
    }
    return -1;
}
