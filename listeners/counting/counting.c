/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/counting/counting.h"

#include <errno.h>
#include <stdlib.h>

struct counting {
    size_t key_count;
    struct fo_str keys[]; /* their texts follow the array */
};

int counting_new(const struct fo_str *keys, size_t key_count, struct counting **ret_counting) {
    size_t size = sizeof(struct counting) + key_count * sizeof *keys;

    if (key_count > COUNTING_KEYS_MAX)
        return -E2BIG;
    for (size_t i = 0; i < key_count; i++)
        size += keys[i].len;
    struct counting *counting = malloc(size);
    if (!counting)
        return -ENOMEM;

    char *text = (char *)&counting->keys[key_count];
    counting->key_count = key_count;
    for (size_t i = 0; i < key_count; i++) {
        memcpy(text, keys[i].ptr, keys[i].len);
        counting->keys[i] = (struct fo_str){text, keys[i].len};
        text += keys[i].len;
    }
    *ret_counting = counting;
    return 0;
}

struct counting *counting_free(struct counting *counting) {
    free(counting);
    return NULL;
}

static struct fo_str value_of(const struct fo_label *labels, size_t label_count,
                              struct fo_str key) {
    for (size_t i = 0; i < label_count; i++) {
        if (fo_str_equal(labels[i].key, key))
            return labels[i].value;
    }
    return fo_str_of("");
}

void counting_on_labelled(const struct counting *counting, const struct fo_label *labels,
                          size_t label_count, counting_add *add, void *ctx) {
    struct fo_str values[COUNTING_KEYS_MAX];

    for (size_t i = 0; i < counting->key_count; i++)
        values[i] = value_of(labels, label_count, counting->keys[i]);
    add(ctx, values);
}
