/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/exception_history.h"

#include <errno.h>

/* Java's String.split(): the text up to the next separator; false at the end. */
static bool next_part(struct fo_str *rest, char separator, struct fo_str *ret_part) {
    if (!rest->ptr)
        return false;
    const char *end = rest->len > 0 ? memchr(rest->ptr, separator, rest->len) : NULL;
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    *ret_part = (struct fo_str){rest->ptr, len};
    *rest = end ? (struct fo_str){end + 1, rest->len - len - 1} : (struct fo_str){NULL, 0};
    return true;
}

/* What String.split() leaves of a text: without separators at the end. */
static struct fo_str without_trailing(struct fo_str text, char separator) {
    while (text.len > 0 && text.ptr[text.len - 1] == separator)
        text.len--;
    return text;
}

static int parse_item(struct fo_str text, struct fo_label *ret_item) {
    struct fo_str rest = without_trailing(text, ':');
    struct fo_str more;

    if (!next_part(&rest, ':', &ret_item->key) || !next_part(&rest, ':', &ret_item->value) ||
        next_part(&rest, ':', &more))
        return -EINVAL;
    return 0;
}

int ex_exception_filter_parse(struct fo_str text, struct ex_exception_filter *ret_filter) {
    struct fo_str rest = without_trailing(text, ',');
    struct fo_str item;
    size_t count = 0;

    if (text.len > 0 && rest.len == 0)
        rest.ptr = NULL; /* nothing but commas is no item; an empty text is an empty one */
    while (next_part(&rest, ',', &item)) {
        if (count == EX_EXCEPTION_FILTER_ITEMS_MAX)
            return -E2BIG;
        int rc = parse_item(item, &ret_filter->items[count++]);
        if (rc != 0)
            return rc;
    }
    ret_filter->count = count;
    return 0;
}

static bool has_label(const struct ex_exception_labels *entry, const struct fo_label *wanted) {
    for (size_t i = 0; i < entry->count; i++) {
        if (fo_str_equal(entry->labels[i].key, wanted->key))
            return fo_str_equal(entry->labels[i].value, wanted->value);
    }
    return false;
}

static bool passes(const struct ex_exception_labels *entry,
                   const struct ex_exception_filter *filter) {
    for (size_t i = 0; filter && i < filter->count; i++) {
        if (!has_label(entry, &filter->items[i]))
            return false;
    }
    return true;
}

struct ex_exception_choice ex_exceptions_choose(const struct ex_exception_labels *entries,
                                                size_t entry_count,
                                                const struct ex_exception_filter *filter,
                                                size_t limit, size_t *indices) {
    struct ex_exception_choice choice = {0, false};

    for (size_t i = entry_count; i > 0; i--) {
        if (!passes(&entries[i - 1], filter))
            continue;
        if (choice.count == limit) {
            choice.truncated = true;
            break;
        }
        indices[choice.count++] = i - 1;
    }
    return choice;
}
