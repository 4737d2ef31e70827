/* SPDX-License-Identifier: Apache-2.0 */
/* Exception history: the core's bound, then the reader's filter and limit. */
#include <stdlib.h>

#include "exporter/manager/exception_history.h"
#include "failover/history.h"
#include "failover/memory.h"
#include "tests/conformance/conformance.h"

enum { HISTORY_SIZE = 16 }; /* web.exception-history-size */

struct scene {
    const json_t *history;
    struct fo_history kept;              /* failure_id = index in `history` */
    struct ex_exception_labels *entries; /* of what is kept, oldest first */
    struct fo_label *labels;
    size_t *chosen;
};

/* An integer, or `fallback` for null; false for anything else. */
static bool read_number(struct cf_result *result, const json_t *json, const char *name,
                        int64_t fallback, int64_t *ret_number) {
    if (json_is_null(json_object_get(json, name))) {
        *ret_number = fallback;
        return true;
    }
    return cf_integer(result, json, name, ret_number) &&
           (*ret_number >= 0 || cf_fail(result, "%s is negative", name));
}

static bool fill_history(struct cf_result *result, struct scene *scene) {
    const json_t *entry = NULL;
    size_t index = 0;

    json_array_foreach(scene->history, index, entry) {
        struct fo_history_entry root = {.failure_id = index};
        if (!cf_only(result, entry, "id labels"))
            return false;
        if (fo_history_reserve(&scene->kept, 0) != 0)
            return cf_fail(result, "out of memory");
        fo_history_add_root(&scene->kept, &root);
    }
    return true;
}

static const json_t *entry_at(const struct scene *scene, size_t index) {
    uint64_t id = fo_history_root_at(&scene->kept, (uint32_t)index)->entry.failure_id;

    return json_array_get(scene->history, (size_t)id);
}

static void read_labels(struct scene *scene) {
    struct fo_label *next = scene->labels;

    for (uint32_t i = 0; i < scene->kept.count; i++) {
        json_t *labels = json_object_get(entry_at(scene, i), "labels");
        const char *key = NULL;
        json_t *value = NULL;
        scene->entries[i] = (struct ex_exception_labels){next, json_object_size(labels)};
        json_object_foreach(labels, key, value) {
            *next++ = (struct fo_label){fo_str_of(key), cf_str(value)};
        }
    }
}

static bool check_choice(struct cf_result *result, const struct scene *scene, const json_t *expect,
                         struct ex_exception_choice choice) {
    const json_t *expected = NULL;
    bool truncated = false;

    if (!cf_list(result, expect, "entries", &expected) ||
        !cf_boolean(result, expect, "truncated", &truncated))
        return false;
    if (choice.count != json_array_size(expected))
        return cf_fail(result, "%zu entries instead of %zu", choice.count,
                       json_array_size(expected));
    for (size_t i = 0; i < choice.count; i++) {
        struct fo_str id = cf_str(json_object_get(entry_at(scene, scene->chosen[i]), "id"));
        if (!fo_str_equal(id, cf_str(json_array_get(expected, i))))
            return cf_fail(result, "entry %zu is %.*s", i, (int)id.len, id.ptr);
    }
    return choice.truncated == truncated ? true : cf_fail(result, "truncated is wrong");
}

static bool run_scene(struct cf_result *result, const json_t *json, struct scene *scene) {
    const json_t *expect = json_object_get(json, "expect");
    const json_t *filter_text = json_object_get(json, "failure_label_filter");
    struct ex_exception_filter filter = {.count = 0};
    int64_t limit = 0;
    int rc = 0;

    if (!read_number(result, json, "max_exceptions", EX_EXCEPTIONS_SHOWN, &limit))
        return false;
    if (!json_is_null(filter_text) && !json_is_string(filter_text))
        return cf_fail(result, "failure_label_filter is neither a text nor null");
    if (json_is_string(filter_text))
        rc = ex_exception_filter_parse(cf_str(filter_text), &filter);
    if (json_is_true(json_object_get(expect, "error")))
        return rc != 0 ? true : cf_fail(result, "the filter should be refused");
    if (rc != 0)
        return cf_fail(result, "the filter is refused");
    read_labels(scene);
    struct ex_exception_choice choice = ex_exceptions_choose(scene->entries, scene->kept.count,
                                                             &filter, (size_t)limit, scene->chosen);
    return check_choice(result, scene, expect, choice);
}

static size_t count_labels(const json_t *history) {
    const json_t *entry = NULL;
    size_t index = 0;
    size_t count = 0;

    json_array_foreach(history, index, entry) {
        count += json_object_size(json_object_get(entry, "labels"));
    }
    return count;
}

bool cf_run_exception(struct cf_result *result, const json_t *json) {
    struct fo_allocator allocator = fo_allocator_or_default(NULL);
    struct scene scene = {0};
    int64_t bound = 0;

    if (!cf_only(result, json,
                 "name source history max_exceptions failure_label_filter history_size expect "
                 "note") ||
        !cf_only(result, json_object_get(json, "expect"), "entries truncated error") ||
        !cf_list(result, json, "history", &scene.history) ||
        !read_number(result, json, "history_size", HISTORY_SIZE, &bound))
        return false;
    size_t count = json_array_size(scene.history) + 1;
    fo_history_init(&scene.kept, (uint32_t)bound, &allocator);
    scene.entries = calloc(count, sizeof *scene.entries);
    scene.labels = calloc(count_labels(scene.history) + 1, sizeof *scene.labels);
    scene.chosen = calloc(count, sizeof *scene.chosen);
    bool passed = scene.entries && scene.labels && scene.chosen && fill_history(result, &scene) &&
                  run_scene(result, json, &scene);
    fo_history_done(&scene.kept);
    free(scene.chosen);
    free(scene.labels);
    free(scene.entries);
    return passed;
}
