/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/exemplar.h"
#include "exporter/metrics/histogram.h"
#include "exporter/metrics/number.h"
#include "exporter/metrics/style.h"

struct fo_str ex_style_name(const struct ex_style *style, const struct ex_family *family,
                            char scratch[static EX_STYLE_NAME_MAX_BYTES]) {
    size_t len = 0;

    if (!style->dots)
        return family->sample_name;
    for (size_t i = 0; i < family->sample_name.len; i++) {
        char c = family->sample_name.ptr[i];
        if (c == '_')
            scratch[len++] = '_';
        scratch[len++] = c;
    }
    return (struct fo_str){scratch, len};
}

/* ---- metadata ---- */

static const char *type_name(enum ex_family_type type, bool openmetrics) {
    switch (type) {
    case EX_COUNTER:
        return "counter";
    case EX_HISTOGRAM:
        return "histogram";
    case EX_INFO:
        return openmetrics ? "info" : "gauge";
    case EX_GAUGE:
        break;
    }
    return "gauge";
}

static void append_help(struct ex_buffer *out, const char *help, bool openmetrics) {
    for (const char *c = help; *c; c++) {
        if (*c == '\\')
            ex_buffer_append(out, "\\\\", 2);
        else if (*c == '\n')
            ex_buffer_append(out, "\\n", 2);
        else if (*c == '"' && openmetrics)
            ex_buffer_append(out, "\\\"", 2);
        else
            ex_buffer_append_char(out, *c);
    }
}

static void append_meta(struct ex_buffer *out, const char *keyword, struct fo_str name) {
    ex_buffer_append_text(out, keyword);
    ex_buffer_append_str(out, name);
    ex_buffer_append_char(out, ' ');
}

void ex_text_head(struct ex_buffer *out, const struct ex_family *family,
                  const struct ex_style *style) {
    char scratch[EX_STYLE_NAME_MAX_BYTES];
    bool openmetrics = style->kind == EX_STYLE_OPENMETRICS;
    struct fo_str name = ex_style_name(style, family, scratch);

    if (openmetrics) /* the name without _total or _info */
        name.len -= family->sample_name.len - family->name.len;
    else {
        append_meta(out, "# HELP ", name);
        append_help(out, family->spec.help, false);
        ex_buffer_append_char(out, '\n');
    }
    append_meta(out, "# TYPE ", name);
    ex_buffer_append_text(out, type_name(family->spec.type, openmetrics));
    ex_buffer_append_char(out, '\n');
    if (!openmetrics)
        return;
    if (family->spec.unit) {
        append_meta(out, "# UNIT ", name);
        ex_buffer_append_text(out, family->spec.unit);
        ex_buffer_append_char(out, '\n');
    }
    append_meta(out, "# HELP ", name);
    append_help(out, family->spec.help, true);
    ex_buffer_append_char(out, '\n');
}

/* ---- lines ---- */

/* What the lines of a series have in common. */
struct line {
    struct ex_buffer *out;
    const struct ex_style *style;
    struct fo_str name;
    struct fo_str group; /* escaped labels */
    struct fo_str own;   /* escaped labels */
    /* The last line of this kind begins with name, brace and group labels: the next one copies them
     * from there in one go. */
    size_t start_at;
    size_t start_len; /* 0 = not yet */
};

static char *put(char *at, struct fo_str text) {
    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    return at + text.len;
}

static char *put_char(char *at, char c) {
    *at = c;
    return at + 1;
}

static char *put_bound(char *at, struct fo_str bound) {
    at = put(at, (struct fo_str){"le=\"", 4});
    return put_char(put(at, bound), '"');
}

static char *put_labels(char *at, const struct line *line, struct fo_str bound) {
    const struct fo_str lists[] = {line->group, line->own};
    bool any = false;

    if (line->group.len + line->own.len + bound.len == 0)
        return at;
    at = put_char(at, '{');
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (lists[i].len == 0)
            continue;
        at = any ? put_char(at, ',') : at;
        at = put(at, lists[i]);
        any = true;
    }
    if (bound.len > 0)
        at = put_bound(any ? put_char(at, ',') : at, bound);
    return put_char(at, '}');
}

static char *reserve_line(const struct line *line, size_t more) {
    return ex_buffer_reserve(line->out,
                             line->name.len + line->group.len + line->own.len + more + 16);
}

static void end_line(const struct line *line, char *start, char *at, struct fo_str number) {
    at = put_char(put(put_char(at, ' '), number), '\n');
    ex_buffer_commit(line->out, (size_t)(at - start));
}

static void append_line(const struct line *line, struct fo_str suffix, struct fo_str bound,
                        struct fo_str number) {
    char *start = reserve_line(line, suffix.len + bound.len + number.len);

    if (start)
        end_line(line, start, put_labels(put(put(start, line->name), suffix), line, bound), number);
}

/* The common case: no suffix, no bound. */
static void append_plain_line(struct line *line, struct fo_str number) {
    char *start = reserve_line(line, number.len);

    if (!start)
        return;
    if (line->start_len == 0 || line->own.len == 0) {
        line->start_at = line->out->len;
        line->start_len = line->own.len > 0 ? line->name.len + 1 + line->group.len : 0;
        end_line(line, start, put_labels(put(start, line->name), line, (struct fo_str){0}), number);
        return;
    }
    char *at = put(start, (struct fo_str){line->out->bytes + line->start_at, line->start_len});
    at = line->group.len > 0 ? put_char(at, ',') : at;
    end_line(line, start, put_char(put(at, line->own), '}'), number);
}

static void append_count(const struct line *line, const char *suffix, struct fo_str bound,
                         uint64_t count) {
    char number[EX_NUMBER_MAX_BYTES];
    size_t len = ex_number_print_u64(number, count);

    append_line(line, fo_str_of(suffix), bound, (struct fo_str){number, len});
}

/* Goes on with the line that was just ended. */
static void append_exemplar(const struct line *line, const struct ex_exemplar *exemplar) {
    char number[EX_NUMBER_MAX_BYTES];

    if (line->out->failure)
        return;
    ex_buffer_truncate(line->out, line->out->len - 1);
    ex_buffer_append_text(line->out, " # {");
    ex_buffer_append_str(line->out, exemplar->labels);
    ex_buffer_append_text(line->out, "} ");
    ex_buffer_append(line->out, number, ex_number_print_double(number, exemplar->value));
    ex_buffer_append_char(line->out, ' ');
    ex_buffer_append(line->out, number, ex_number_print_seconds(number, exemplar->time_ms));
    ex_buffer_append_char(line->out, '\n');
}

static void append_created(struct line *line, const struct ex_series *series) {
    char number[EX_NUMBER_MAX_BYTES];
    const struct ex_family *family = series->cell->family;
    struct fo_str name = line->name;

    if (!line->style->created || line->style->kind != EX_STYLE_OPENMETRICS)
        return;
    size_t len = ex_number_print_seconds(number, ex_series_start_ms(series));
    line->name.len -= family->sample_name.len - family->name.len;
    append_line(line, fo_str_of("_created"), (struct fo_str){0}, (struct fo_str){number, len});
    line->name = name;
}

static void append_simple(struct line *line, const struct ex_series *series) {
    char number[EX_NUMBER_MAX_BYTES];
    const struct ex_family_spec *spec = &series->cell->family->spec;
    bool counts = spec->type == EX_COUNTER && !spec->real;
    size_t len = counts ? ex_number_print_u64(number, series->shown)
                        : ex_number_print_double(number, ex_double_of(series->shown));
    struct ex_exemplar exemplar;

    append_plain_line(line, (struct fo_str){number, len});
    if (line->style->kind == EX_STYLE_OPENMETRICS && ex_exemplar_shown(series, &exemplar))
        append_exemplar(line, &exemplar);
    if (spec->type == EX_COUNTER)
        append_created(line, series);
}

static void append_histogram(struct line *line, const struct ex_series *series) {
    char number[EX_NUMBER_MAX_BYTES];
    const struct ex_family *family = series->cell->family;
    struct ex_extra *extra = atomic_load_explicit(&series->extra, memory_order_acquire);
    const uint64_t *words = extra->histogram.shown;
    struct ex_exemplar exemplar;
    size_t marked = SIZE_MAX;
    uint64_t count = 0;

    if (line->style->kind == EX_STYLE_OPENMETRICS && ex_exemplar_shown(series, &exemplar))
        marked = ex_histogram_bucket(family, exemplar.value);
    for (size_t i = 0; i <= family->spec.bucket_count; i++) {
        count += words[i];
        append_count(line, "_bucket", family->bounds[i], count);
        if (i == marked)
            append_exemplar(line, &exemplar);
    }
    size_t len = ex_number_print_double(number, ex_double_of(words[ex_histogram_sum_at(family)]));
    append_line(line, fo_str_of("_sum"), (struct fo_str){0}, (struct fo_str){number, len});
    append_count(line, "_count", (struct fo_str){0}, count);
    append_created(line, series);
}

static void append_series(struct line *line, const struct ex_series *series) {
    line->own = (struct fo_str){series->labels, series->labels_len};
    if (series->cell->family->spec.type == EX_HISTOGRAM)
        append_histogram(line, series);
    else
        append_simple(line, series);
}

static void append_cell(struct line *line, const struct ex_cell *cell) {
    const struct ex_series *series = atomic_load_explicit(&cell->first, memory_order_acquire);

    for (uint32_t i = 0; i < cell->shown_count; i++) {
        if (!ex_style_hides(series))
            append_series(line, series);
        series = atomic_load_explicit(&series->next, memory_order_acquire);
    }
}

void ex_text_cell(struct ex_buffer *out, const struct ex_cell *cell, const struct ex_style *style) {
    struct line line = {.out = out,
                        .style = style,
                        .name = cell->family->sample_name,
                        .group = cell->group->labels};

    if (style->dots) {
        char scratch[EX_STYLE_NAME_MAX_BYTES];
        line.name = ex_style_name(style, cell->family, scratch);
        append_cell(&line, cell);
    } else {
        append_cell(&line, cell);
    }
}
