/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/series.h - keys and lookup of series, for the sources of this room.
 * Threads: the writer of the group. */
#ifndef EX_METRICS_SERIES_H
#define EX_METRICS_SERIES_H

#include "exporter/metrics/model.h"

/* The values of a family's own labels, each in escaped form. */
struct ex_key {
    struct ex_family *family;
    const struct fo_str *values; /* borrowed */
    size_t count;
};

/* The name of the `i`th label that the group does not give. */
static inline struct fo_str ex_key_name(const struct ex_family *family, size_t i) {
    return family->label_names[family->spec.group_label_count + i];
}

/* Whether that label may take any value. */
static inline bool ex_key_is_open(const struct ex_family *family, size_t i) {
    return !(family->spec.closed_labels >> (family->spec.group_label_count + i) & 1);
}

/* NULL: there is none. */
struct ex_series *ex_series_find(const struct ex_group *group, const struct ex_key *key);

/* Makes the series of a key that was not found; no limit is asked. -EINVAL, -ENOMEM. */
int ex_series_create(struct ex_group *group, const struct ex_key *key,
                     struct ex_series **ret_series);

/* The cell of a family, created when there is none. -EINVAL: other group labels. -ENOMEM. */
int ex_group_cell(struct ex_group *group, struct ex_family *family, struct ex_cell **ret_cell);

/* Appends name="value" with the comma before it, counting what had to be repaired; an empty value
 * is no label. */
void ex_series_append_label(struct ex_metrics *metrics, struct ex_buffer *text, struct fo_str name,
                            struct fo_str value);

/* The rarely used part of a series. -ENOMEM. */
int ex_series_extra(struct ex_series *series, struct ex_extra **ret_extra);

/* Makes room for `capacity` words; what was there is kept. NULL: no memory. */
struct ex_words *ex_track_reserve(struct ex_series *series, struct ex_track *track,
                                  size_t capacity);

#endif
