/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/children/enrichers.h"

#include <errno.h>

/* Java's \s, which is what the list is split with. */
static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct fo_str trim(struct fo_str text) {
    while (text.len > 0 && is_space(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

bool ex_enricher_list_next(struct fo_str *rest, struct fo_str *ret_name) {
    while (rest->len > 0) {
        const char *comma = memchr(rest->ptr, ',', rest->len);
        size_t len = comma ? (size_t)(comma - rest->ptr) : rest->len;
        struct fo_str name = trim((struct fo_str){rest->ptr, len});
        size_t taken = comma ? len + 1 : len;
        rest->ptr += taken;
        rest->len -= taken;
        if (name.len > 0) {
            *ret_name = name;
            return true;
        }
    }
    return false;
}

static bool has_text(const struct fo_str *texts, size_t count, struct fo_str text) {
    for (size_t i = 0; i < count; i++) {
        if (fo_str_equal(texts[i], text))
            return true;
    }
    return false;
}

size_t ex_enricher_list_parse(struct fo_str list, struct fo_str *names, size_t room) {
    struct fo_str name;
    size_t count = 0;

    while (ex_enricher_list_next(&list, &name)) {
        if (has_text(names, count < room ? count : room, name))
            continue;
        if (count < room)
            names[count] = name;
        count++;
    }
    return count;
}

/* A key that both declare; `ptr` is NULL when there is none. */
static struct fo_str shared_key(const struct ex_enricher *a, const struct ex_enricher *b) {
    for (size_t i = 0; i < a->output_key_count; i++) {
        if (has_text(b->output_keys, b->output_key_count, a->output_keys[i]))
            return a->output_keys[i];
    }
    return (struct fo_str){NULL, 0};
}

void ex_enricher_find_conflicts(const struct ex_enricher *enrichers, size_t count,
                                struct ex_enricher_conflict *conflicts) {
    for (size_t i = 0; i < count; i++) {
        conflicts[i] = (struct ex_enricher_conflict){.other = EX_NO_ENRICHER};
        for (size_t j = 0; j < count && conflicts[i].other == EX_NO_ENRICHER; j++) {
            struct fo_str key = shared_key(&enrichers[i], &enrichers[j]);
            if (key.ptr && !fo_str_equal(enrichers[i].class_name, enrichers[j].class_name))
                conflicts[i] = (struct ex_enricher_conflict){j, key};
        }
    }
}

size_t ex_enricher_sort_labels(const struct ex_enricher *enricher, struct fo_label *labels,
                               size_t count) {
    size_t declared = 0;

    for (size_t i = 0; i < count; i++) {
        struct fo_label label = labels[i];
        if (!has_text(enricher->output_keys, enricher->output_key_count, label.key))
            continue;
        memmove(labels + declared + 1, labels + declared, (i - declared) * sizeof *labels);
        labels[declared++] = label;
    }
    return declared;
}

static bool has_key(const struct fo_label *labels, size_t count, struct fo_str key) {
    for (size_t i = 0; i < count; i++) {
        if (fo_str_equal(labels[i].key, key))
            return true;
    }
    return false;
}

int ex_enricher_merge_labels(struct fo_label *merged, size_t *count, const struct fo_label *labels,
                             size_t label_count, struct fo_str *ret_key) {
    for (size_t i = 0; i < label_count; i++) {
        if (has_key(merged, *count, labels[i].key)) {
            *ret_key = labels[i].key;
            return -EEXIST;
        }
    }
    if (label_count > 0)
        memcpy(merged + *count, labels, label_count * sizeof *labels);
    *count += label_count;
    return 0;
}
