/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/style.h - how a page is written; for the sources of this room.
 * The renderers below append the lines (or messages) of one family in one group as the scraper took
 * them over, and all that stands once per family.
 * Threads: the scraper. */
#ifndef EX_METRICS_STYLE_H
#define EX_METRICS_STYLE_H

#include "exporter/metrics/model.h"

/* Text 0.0.4 and 1.0.0 are written alike, for all our names are legal in both. */
enum { EX_STYLE_NAME_MAX_BYTES = 2 * (EX_NAME_MAX_BYTES + 8) };

enum ex_style_kind { EX_STYLE_TEXT, EX_STYLE_OPENMETRICS, EX_STYLE_PROTOBUF, EX_STYLE_KINDS };

struct ex_style {
    enum ex_style_kind kind;
    bool dots;    /* underscores of metric names are doubled (of legal label names they are not) */
    bool created; /* OpenMetrics: _created lines */
};

/* Whether what is rendered in this style is kept. */
static inline bool ex_style_is_kept(const struct ex_style *style) {
    return !style->dots && !style->created;
}

/* Whether a series has no line just now. */
static inline bool ex_style_hides(const struct ex_series *series) {
    return series->shown_marks & 1;
}

/* The name of a family's samples under a style (a histogram: without its suffixes). Borrowed from
 * the family, or from `scratch`. */
struct fo_str ex_style_name(const struct ex_style *style, const struct ex_family *family,
                            char scratch[static EX_STYLE_NAME_MAX_BYTES]);

/* Text and OpenMetrics. */
void ex_text_head(struct ex_buffer *out, const struct ex_family *family,
                  const struct ex_style *style);
void ex_text_cell(struct ex_buffer *out, const struct ex_cell *cell, const struct ex_style *style);

/* Protobuf: one MetricFamily. Its length stands before it, so the head needs that of the cells. */
void ex_proto_head(struct ex_buffer *out, const struct ex_family *family,
                   const struct ex_style *style, size_t cells_len);
void ex_proto_cell(struct ex_buffer *out, const struct ex_cell *cell);

#endif
