/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/nearest.h"

enum { ROW = EX_NEAREST_BYTES_MAX + 1 };

static struct fo_str cut(struct fo_str text) {
    if (text.len > EX_NEAREST_BYTES_MAX)
        text.len = EX_NEAREST_BYTES_MAX;
    return text;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Optimal string alignment: three rows of the usual table. */
static size_t distance(struct fo_str a, struct fo_str b) {
    size_t rows[3][ROW];

    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = above[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            row[j] = least(replaced, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

void ex_nearest_try(struct ex_nearest *nearest, struct fo_str candidate) {
    size_t tried = distance(cut(nearest->word), cut(candidate));

    if (tried < nearest->distance) {
        nearest->distance = tried;
        nearest->best = candidate;
    }
}
