/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions are known by hundreds of names that nearly all end alike. The matcher looks for the
 * endings alone, which costs it next to nothing; the name before one is looked up here. */
#include <stdlib.h>

#include "listeners/catalogue/compiled.h"

static const char *const endings[] = {"Exception", "Error"};

static bool is_word_char(char c) {
    return catalogue_name_char(c) && c != '$';
}

struct fo_str catalogue_name_ending(struct fo_str name) {
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] != '.' && !catalogue_name_char(name.ptr[i]))
            return (struct fo_str){NULL, 0};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        struct fo_str ending = fo_str_of(endings[i]);
        if (name.len >= ending.len &&
            memcmp(name.ptr + name.len - ending.len, ending.ptr, ending.len) == 0)
            return ending;
    }
    return (struct fo_str){NULL, 0};
}

static int compare(const void *a, const void *b) {
    const struct catalogue_name *left = a;
    const struct catalogue_name *right = b;
    int order = catalogue_text_compare(&left->text, &right->text);

    return order != 0 ? order : (left->rule > right->rule) - (left->rule < right->rule);
}

void catalogue_names_sort(struct catalogue_names *names) {
    if (names->count > 0)
        qsort(names->items, names->count, sizeof *names->items, compare);
    for (size_t i = 0; i < names->count; i++)
        if (names->items[i].text.len > names->longest)
            names->longest = names->items[i].text.len;
}

/* The first of those that are called `text`; the rest follow it. */
static size_t find(const struct catalogue_names *names, struct fo_str text) {
    size_t low = 0;
    size_t high = names->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (catalogue_text_compare(&names->items[middle].text, &text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void catalogue_names_match(const struct catalogue_names *names, struct fo_str text, size_t end,
                           catalogue_name_visitor *visit, void *ctx) {
    size_t from = end;

    while (from > 0 && end - from < names->longest &&
           (text.ptr[from - 1] == '.' || catalogue_name_char(text.ptr[from - 1]))) {
        from--;
        if (from > 0 && is_word_char(text.ptr[from - 1]))
            continue; /* no name begins inside a word */
        struct fo_str name = {text.ptr + from, end - from};
        size_t i = find(names, name);
        if (i == names->count || !fo_str_equal(names->items[i].text, name) ||
            !catalogue_exception_named(text, end, name.len))
            continue;
        for (; i < names->count && fo_str_equal(names->items[i].text, name); i++)
            visit(ctx, names->items[i].rule, end);
    }
}
