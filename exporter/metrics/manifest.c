/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/manifest.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/metrics/model.h"
#include "exporter/metrics/number.h"

static const char *const type_names[] = {
    [EX_COUNTER] = "counter",
    [EX_GAUGE] = "gauge",
    [EX_HISTOGRAM] = "histogram",
    [EX_INFO] = "info",
};

static const char *const stability_names[] = {
    [EX_EXPERIMENTAL] = "experimental",
    [EX_STABLE] = "stable",
};

static int by_name(const void *a, const void *b) {
    const struct ex_family *const *x = a;
    const struct ex_family *const *y = b;

    return strcmp((*x)->spec.name, (*y)->spec.name);
}

/* All families by name; the caller ends it with free(). NULL: no memory. */
static const struct ex_family **sorted(const struct ex_metrics *metrics, size_t *ret_count) {
    size_t count = atomic_load_explicit(&metrics->family_count, memory_order_acquire);
    const struct ex_family **families = calloc(count + 1, sizeof(struct ex_family *));
    const struct ex_family *family = ex_metrics_next_family(metrics, NULL);

    if (!families)
        return NULL;
    for (size_t i = 0; i < count; family = ex_metrics_next_family(metrics, family))
        families[i++] = family;
    qsort(families, count, sizeof(struct ex_family *), by_name);
    *ret_count = count;
    return families;
}

/* Calls `append` for each family, with a comma between them if `commas`. */
static int append_all(const struct ex_metrics *metrics, struct ex_buffer *out, bool commas,
                      void (*append)(struct ex_buffer *out, const struct ex_family *family)) {
    size_t count = 0;
    const struct ex_family **families = sorted(metrics, &count);

    if (!families)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (commas && i > 0)
            ex_buffer_append_char(out, ',');
        append(out, families[i]);
    }
    free(families);
    return out->failure;
}

/* ---- Markdown ---- */

/* One cell of the table: no bar, no line end. */
static void append_cell(struct ex_buffer *out, const char *text) {
    for (; *text; text++) {
        if (*text == '|')
            ex_buffer_append_text(out, "\\|");
        else
            ex_buffer_append(out, *text == '\n' ? " " : text, 1);
    }
    ex_buffer_append_text(out, " | ");
}

static void append_row(struct ex_buffer *out, const struct ex_family *family) {
    const struct ex_family_spec *spec = &family->spec;

    ex_buffer_append_text(out, "| `");
    ex_buffer_append_str(out, family->sample_name);
    ex_buffer_append_text(out, "` | ");
    ex_buffer_append_text(out, type_names[spec->type]);
    append_cell(out, spec->native ? ", native too" : "");
    append_cell(out, spec->unit ? spec->unit : "-");
    for (size_t i = 0; i < spec->label_count; i++)
        ex_buffer_printf(out, i > 0 ? ", `%s`" : "`%s`", spec->labels[i]);
    append_cell(out, spec->label_count > 0 ? "" : "-");
    append_cell(out, spec->cardinality);
    append_cell(out, stability_names[spec->stability]);
    append_cell(out, spec->collector);
    append_cell(out, spec->help);
    ex_buffer_truncate(out, out->len - 1); /* the blank behind the last bar */
    ex_buffer_append_char(out, '\n');
}

int ex_manifest_markdown(const struct ex_metrics *metrics, struct ex_buffer *out) {
    ex_buffer_append_text(
        out,
        "# Metrics\n\n"
        "Generated from the program; a test compares it with what is served. *stable*: name, "
        "type,\n"
        "labels and buckets change only after two minor releases with a notice. *experimental*:\n"
        "they may change in any release. Cardinality is the number of series at most, a histogram\n"
        "being one. The collector is what `collect[]` and `exclude[]` name.\n\n"
        "| name | type | unit | labels | cardinality | stability | collector | meaning |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    return append_all(metrics, out, false, append_row);
}

/* ---- JSON ---- */

static void append_string(struct ex_buffer *out, const char *text) {
    ex_buffer_append_char(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            ex_buffer_append_char(out, '\\');
        if ((unsigned char)*text < 0x20)
            ex_buffer_printf(out, "\\u%04x", (unsigned)*text);
        else
            ex_buffer_append_char(out, *text);
    }
    ex_buffer_append_char(out, '"');
}

static void append_member(struct ex_buffer *out, const char *key, const char *text) {
    ex_buffer_printf(out, ",\"%s\":", key);
    if (text)
        append_string(out, text);
    else
        ex_buffer_append_text(out, "null");
}

static void append_labels(struct ex_buffer *out, const struct ex_family_spec *spec) {
    ex_buffer_append_text(out, ",\"labels\":[");
    for (size_t i = 0; i < spec->label_count; i++) {
        if (i > 0)
            ex_buffer_append_char(out, ',');
        append_string(out, spec->labels[i]);
    }
    ex_buffer_append_char(out, ']');
}

static void append_buckets(struct ex_buffer *out, const struct ex_family_spec *spec) {
    char number[EX_NUMBER_MAX_BYTES];

    ex_buffer_append_text(out, ",\"buckets\":[");
    for (size_t i = 0; i < spec->bucket_count; i++) {
        if (i > 0)
            ex_buffer_append_char(out, ',');
        ex_buffer_append(out, number, ex_number_print_double(number, spec->buckets[i]));
    }
    ex_buffer_append_char(out, ']');
}

static void append_object(struct ex_buffer *out, const struct ex_family *family) {
    const struct ex_family_spec *spec = &family->spec;

    ex_buffer_append_text(out, "\n  {\"name\":");
    append_string(out, family->sample_name.ptr);
    append_member(out, "type", type_names[spec->type]);
    append_member(out, "unit", spec->unit);
    append_member(out, "help", spec->help);
    append_labels(out, spec);
    append_buckets(out, spec);
    ex_buffer_printf(out, ",\"native\":%s", spec->native ? "true" : "false");
    append_member(out, "cardinality", spec->cardinality);
    append_member(out, "stability", stability_names[spec->stability]);
    append_member(out, "collector", spec->collector);
    ex_buffer_append_char(out, '}');
}

int ex_manifest_json(const struct ex_metrics *metrics, struct ex_buffer *out) {
    ex_buffer_append_text(out, "{\"families\":[");
    int failed = append_all(metrics, out, true, append_object);
    ex_buffer_append_text(out, "\n]}\n");
    return failed ? failed : out->failure;
}
