/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/label_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool has_key(const struct ex_label_keys *labels, struct fo_str key) {
    for (uint32_t i = 0; i < labels->count; i++) {
        if (fo_str_equal(labels->keys[i], key))
            return true;
    }
    return false;
}

static int add_key(struct ex_label_keys *labels, const char *prefix, const char *label) {
    char *key;

    if (asprintf(&key, "%s%s", prefix, label) == -1)
        return -ENOMEM;
    if (has_key(labels, fo_str_of(key)))
        free(key);
    else
        labels->keys[labels->count++] = fo_str_of(key);
    return 0;
}

static int add_engine(struct ex_label_keys *labels, const struct ex_flink_settings *flink) {
    int ret = 0;

    for (char **label = flink ? flink->labels : NULL; label && *label && ret == 0; label++)
        ret = add_key(labels, flink->label_prefix, *label);
    return ret;
}

int ex_label_keys_init(struct ex_label_keys *labels, const struct ex_bank *bank,
                       const struct ex_config *config) {
    const struct fo_str *keys = ex_bank_keys(bank, &labels->listener_count);
    size_t most = labels->listener_count + (size_t)config->engine_count * EX_FLINK_LABELS_MAX;
    int ret = 0;

    labels->count = labels->listener_count;
    labels->keys = calloc(most + 1, sizeof *labels->keys);
    if (!labels->keys)
        return -ENOMEM;
    for (uint32_t i = 0; i < labels->listener_count; i++)
        labels->keys[i] = keys[i];
    for (uint32_t i = 0; i < config->engine_count && ret == 0; i++)
        ret = add_engine(labels, config->engines[i].flink);
    if (ret < 0)
        ex_label_keys_done(labels);
    return ret;
}

void ex_label_keys_done(struct ex_label_keys *labels) {
    for (uint32_t i = labels->listener_count; labels->keys && i < labels->count; i++) {
        union {
            const char *shown;
            char *owned;
        } key = {labels->keys[i].ptr};
        free(key.owned);
    }
    free(labels->keys);
    labels->keys = NULL;
}
