/* SPDX-License-Identifier: Apache-2.0 */
/* Failure enrichers: configured names, loading, key conflicts, labels. */
#include "exporter/children/enrichers.h"
#include "tests/conformance/conformance.h"

enum { MANY = 64 }; /* names, enrichers, keys and labels of one case */

/* Whether `texts` are exactly those of a JSON list, in any order. */
static bool check_texts(struct cf_result *result, const json_t *json, const char *name,
                        const struct fo_str *texts, size_t count) {
    const json_t *expected = NULL;

    if (!cf_list(result, json, name, &expected))
        return false;
    if (json_array_size(expected) != count)
        return cf_fail(result, "%s: %zu instead of %zu", name, count, json_array_size(expected));
    for (size_t i = 0; i < count; i++) {
        if (cf_find(expected, NULL, texts[i]) < 0)
            return cf_fail(result, "%s: %.*s is too much", name, (int)texts[i].len, texts[i].ptr);
    }
    return true;
}

static bool run_list(struct cf_result *result, const json_t *json) {
    struct fo_str names[MANY];
    struct fo_str value;

    if (!cf_only(result, json, "name source kind value expect note") ||
        !cf_text(result, json, "value", &value))
        return false;
    size_t count = ex_enricher_list_parse(value, names, MANY);
    return check_texts(result, json, "expect", names, count);
}

static bool run_load(struct cf_result *result, const json_t *json) {
    struct fo_str names[MANY];
    struct fo_str loaded[MANY];
    struct fo_str missing[MANY];
    struct fo_str configured;
    const json_t *available = NULL;
    size_t loaded_count = 0;
    size_t missing_count = 0;

    if (!cf_only(result, json,
                 "name source kind configured available expect_loaded expect_missing note") ||
        !cf_text(result, json, "configured", &configured) ||
        !cf_list(result, json, "available", &available))
        return false;
    size_t count = ex_enricher_list_parse(configured, names, MANY);
    for (size_t i = 0; i < count && i < MANY; i++) {
        if (cf_find(available, NULL, names[i]) >= 0)
            loaded[loaded_count++] = names[i];
        else
            missing[missing_count++] = names[i];
    }
    return check_texts(result, json, "expect_loaded", loaded, loaded_count) &&
           check_texts(result, json, "expect_missing", missing, missing_count);
}

struct cast {
    struct ex_enricher enrichers[MANY];
    struct fo_str keys[MANY * MANY];
    size_t count;
};

static bool read_enrichers(struct cf_result *result, const json_t *json, const char *fields,
                           struct cast *ret_cast) {
    const json_t *list = NULL;
    struct fo_str *next_key = ret_cast->keys;

    if (!cf_list(result, json, "enrichers", &list))
        return false;
    ret_cast->count = json_array_size(list);
    for (size_t i = 0; i < ret_cast->count; i++) {
        const json_t *item = json_array_get(list, i);
        const json_t *keys = NULL;
        if (!cf_only(result, item, fields) || !cf_list(result, item, "output_keys", &keys))
            return false;
        if (i == MANY || json_array_size(keys) > MANY)
            return cf_fail(result, "more enrichers or keys than this program holds");
        ret_cast->enrichers[i] = (struct ex_enricher){cf_str(json_object_get(item, "class_name")),
                                                      next_key, json_array_size(keys)};
        for (size_t j = 0; j < json_array_size(keys); j++)
            *next_key++ = cf_str(json_array_get(keys, j));
    }
    return true;
}

static bool run_filter(struct cf_result *result, const json_t *json) {
    struct ex_enricher_conflict conflicts[MANY];
    struct fo_str valid[MANY];
    struct cast cast;
    size_t count = 0;

    if (!cf_only(result, json, "name source kind enrichers expect_valid note") ||
        !read_enrichers(result, json, "class_name id output_keys", &cast))
        return false;
    ex_enricher_find_conflicts(cast.enrichers, cast.count, conflicts);
    for (size_t i = 0; i < cast.count; i++) {
        const json_t *item = json_array_get(json_object_get(json, "enrichers"), i);
        if (conflicts[i].other == EX_NO_ENRICHER)
            valid[count++] = cf_str(json_object_get(item, "id"));
    }
    return check_texts(result, json, "expect_valid", valid, count);
}

/* What an enricher says, if it does not throw; its undeclared labels are dropped. */
static bool read_labels(struct cf_result *result, const json_t *item,
                        const struct ex_enricher *enricher, struct fo_label *labels,
                        size_t *ret_count) {
    json_t *emits = json_object_get(item, "emits");
    const char *key = NULL;
    json_t *value = NULL;
    bool throws = false;
    size_t count = 0;

    if (!json_is_object(emits) || json_object_size(emits) > MANY)
        return cf_fail(result, "emits is missing or too much");
    if (!cf_boolean(result, item, "throws", &throws))
        return false;
    json_object_foreach(emits, key, value) {
        labels[count++] = (struct fo_label){fo_str_of(key), cf_str(value)};
    }
    *ret_count = throws ? 0 : ex_enricher_sort_labels(enricher, labels, count);
    return true;
}

static bool check_labels(struct cf_result *result, const json_t *expected,
                         const struct fo_label *labels, size_t count) {
    if (!json_is_object(expected))
        return cf_fail(result, "labels come out where an error is expected");
    if (json_object_size(expected) != count)
        return cf_fail(result, "%zu labels instead of %zu", count, json_object_size(expected));
    for (size_t i = 0; i < count; i++) {
        struct fo_str value = cf_str(json_object_get(expected, labels[i].key.ptr));
        if (!value.ptr || !fo_str_equal(value, labels[i].value))
            return cf_fail(result, "label %s is wrong", labels[i].key.ptr);
    }
    return true;
}

static bool run_label(struct cf_result *result, const json_t *json) {
    const json_t *expected = json_object_get(json, "expect_labels");
    const json_t *error = json_object_get(json, "expect_error_key");
    struct fo_label merged[MANY * MANY];
    struct fo_label labels[MANY];
    struct fo_str conflict = {NULL, 0};
    struct cast cast;
    size_t merged_count = 0;

    if (!cf_only(result, json, "name source kind enrichers expect_labels expect_error_key note") ||
        !read_enrichers(result, json, "id class_name output_keys emits throws", &cast))
        return false;
    if (!expected == !error)
        return cf_fail(result, "expects neither labels nor an error, or both");
    for (size_t i = 0; i < cast.count; i++) {
        const json_t *item = json_array_get(json_object_get(json, "enrichers"), i);
        size_t count = 0;
        if (!read_labels(result, item, &cast.enrichers[i], labels, &count))
            return false;
        if (ex_enricher_merge_labels(merged, &merged_count, labels, count, &conflict) != 0)
            return error && fo_str_equal(conflict, cf_str(error))
                       ? true
                       : cf_fail(result, "key %.*s conflicts", (int)conflict.len, conflict.ptr);
    }
    return check_labels(result, expected, merged, merged_count);
}

bool cf_run_enricher(struct cf_result *result, const json_t *json) {
    struct fo_str kind = cf_str(json_object_get(json, "kind"));

    if (fo_str_equal(kind, fo_str_of("config-list")))
        return run_list(result, json);
    if (fo_str_equal(kind, fo_str_of("load")))
        return run_load(result, json);
    if (fo_str_equal(kind, fo_str_of("filter")))
        return run_filter(result, json);
    return run_label(result, json);
}
