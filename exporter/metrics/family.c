/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/family.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/metrics/blob.h"
#include "exporter/metrics/labeltext.h"
#include "exporter/metrics/model.h"
#include "exporter/metrics/number.h"
#include "exporter/metrics/self.h"

/* What a sample of a family can be called, beyond the name itself. */
static const char *const counter_suffixes[] = {"_total", "_created", NULL};
static const char *const histogram_suffixes[] = {"_bucket", "_count", "_sum", "_created", NULL};
static const char *const info_suffixes[] = {"_info", NULL};
static const char *const no_suffixes[] = {NULL};

static const char *const *suffixes_of(enum ex_family_type type) {
    switch (type) {
    case EX_COUNTER:
        return counter_suffixes;
    case EX_HISTOGRAM:
        return histogram_suffixes;
    case EX_INFO:
        return info_suffixes;
    case EX_GAUGE:
        break;
    }
    return no_suffixes;
}

FO_PRINTF(3, 4)
static int refuse(struct fo_error *reterr, int code, const char *format, ...) {
    va_list args;

    if (reterr) {
        reterr->code = code;
        reterr->line = 0;
        va_start(args, format);
        (void)vsnprintf(reterr->text, sizeof reterr->text, format, args);
        va_end(args);
    }
    return code;
}

static bool is_name(const char *name) {
    struct fo_str str = fo_str_of(name);

    return str.len > 0 && str.len <= EX_NAME_MAX_BYTES && name[0] != '_' &&
           ex_label_name_is_legal(str);
}

static bool ends_with_unit(const char *name, const char *unit) {
    size_t name_len = strlen(name);
    size_t unit_len = strlen(unit);

    return unit_len > 0 && name_len > unit_len + 1 && name[name_len - unit_len - 1] == '_' &&
           strcmp(name + name_len - unit_len, unit) == 0;
}

static int check_labels(const struct ex_family_spec *spec, struct fo_error *reterr) {
    if (spec->label_count > EX_LABELS_MAX || spec->group_label_count > spec->label_count)
        return refuse(reterr, -EINVAL, "%s: too many labels", spec->name);
    for (size_t i = 0; i < spec->label_count; i++) {
        const char *label = spec->labels[i];
        if (!is_name(label) || strcmp(label, "le") == 0 || strcmp(label, "quantile") == 0)
            return refuse(reterr, -EINVAL, "%s: bad label name \"%.64s\"", spec->name, label);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(label, spec->labels[j]) == 0)
                return refuse(reterr, -EINVAL, "%s: label %s twice", spec->name, label);
        }
    }
    return 0;
}

static int check_buckets(const struct ex_family_spec *spec, struct fo_error *reterr) {
    if (spec->bucket_count > EX_BUCKETS_MAX || (spec->bucket_count && spec->type != EX_HISTOGRAM))
        return refuse(reterr, -EINVAL, "%s: too many buckets, or no histogram", spec->name);
    for (size_t i = 0; i < spec->bucket_count; i++) {
        if (!isfinite(spec->buckets[i]) || (i > 0 && spec->buckets[i] <= spec->buckets[i - 1]))
            return refuse(reterr, -EINVAL, "%s: buckets must be finite and ascend", spec->name);
    }
    return 0;
}

static int check_spec(const struct ex_family_spec *spec, struct fo_error *reterr) {
    size_t code_points;

    if (!is_name(spec->name))
        return refuse(reterr, -EINVAL, "bad metric name \"%.64s\"", spec->name ? spec->name : "");
    if (!spec->help || !ex_utf8_is_valid(fo_str_of(spec->help), &code_points) || code_points == 0)
        return refuse(reterr, -EINVAL, "%s: help is missing or not UTF-8", spec->name);
    if (spec->unit && (!ends_with_unit(spec->name, spec->unit) || spec->type == EX_INFO))
        return refuse(reterr, -EINVAL, "%s: does not end in its unit", spec->name);
    int failed = check_labels(spec, reterr);
    return failed ? failed : check_buckets(spec, reterr);
}

/* Whether `name` is what `family` or one of its samples is called. */
static bool is_called(enum ex_family_type type, struct fo_str family, struct fo_str name) {
    if (fo_str_equal(family, name))
        return true;
    if (name.len <= family.len || memcmp(family.ptr, name.ptr, family.len) != 0)
        return false;
    struct fo_str rest = {name.ptr + family.len, name.len - family.len};
    for (const char *const *suffix = suffixes_of(type); *suffix; suffix++) {
        if (fo_str_equal(rest, fo_str_of(*suffix)))
            return true;
    }
    return false;
}

/* Names clash when one family, or a sample of it, is called like a sample of the other. */
static bool clashes(const struct ex_family *family, const struct ex_family_spec *spec) {
    char sample[EX_NAME_MAX_BYTES + sizeof "_created"];

    if (is_called(family->spec.type, family->name, fo_str_of(spec->name)))
        return true;
    for (const char *const *suffix = suffixes_of(spec->type); *suffix; suffix++) {
        (void)snprintf(sample, sizeof sample, "%s%s", spec->name, *suffix);
        if (is_called(family->spec.type, family->name, fo_str_of(sample)))
            return true;
    }
    return false;
}

/* A copy of `text` and `suffix`; NULL: no memory. */
static const char *copy_text(struct ex_arena *arena, const char *text, const char *suffix) {
    size_t size = strlen(text) + strlen(suffix) + 1;
    char *copy = ex_arena_alloc(arena, size);

    if (copy)
        (void)snprintf(copy, size, "%s%s", text, suffix);
    return copy;
}

static bool copy_arrays(struct ex_family *family, const struct ex_family_spec *spec) {
    const char **labels = ex_arena_alloc(&family->texts, sizeof *labels * EX_LABELS_MAX);
    struct fo_str *names = ex_arena_alloc(&family->texts, sizeof *names * EX_LABELS_MAX);
    double *buckets = ex_arena_alloc(&family->texts, sizeof *buckets * (spec->bucket_count + 1));

    if (!labels || !names || !buckets)
        return false;
    for (size_t i = 0; i < spec->label_count; i++) {
        labels[i] = copy_text(&family->texts, spec->labels[i], "");
        if (!labels[i])
            return false;
        names[i] = fo_str_of(labels[i]);
    }
    for (size_t i = 0; i < spec->bucket_count; i++)
        buckets[i] = spec->buckets[i];
    family->spec.labels = labels;
    family->label_names = names;
    family->spec.buckets = buckets;
    return true;
}

/* The bounds as they are written in le. */
static bool make_bounds(struct ex_family *family) {
    size_t count = family->spec.bucket_count;

    family->bounds = ex_arena_alloc(&family->texts, sizeof *family->bounds * (count + 1));
    for (size_t i = 0; family->bounds && i <= count; i++) {
        char text[EX_NUMBER_MAX_BYTES];
        double bound = i < count ? family->spec.buckets[i] : HUGE_VAL;
        struct fo_str str = {text, ex_number_print_bound(text, bound)};
        if (ex_arena_copy(&family->texts, str, &family->bounds[i]) != 0)
            return false;
    }
    return family->bounds != NULL;
}

static bool copy_texts(struct ex_family *family, const struct ex_family_spec *spec) {
    struct ex_arena *texts = &family->texts;
    const char *suffix = spec->type == EX_COUNTER ? "_total" : "";
    struct ex_family_spec *copy = &family->spec;

    if (spec->type == EX_INFO)
        suffix = "_info";
    copy->name = copy_text(texts, spec->name, "");
    copy->help = copy_text(texts, spec->help, "");
    copy->unit = copy_text(texts, spec->unit ? spec->unit : "", "");
    copy->collector = copy_text(texts, spec->collector ? spec->collector : "failover", "");
    copy->cardinality = copy_text(texts, spec->cardinality ? spec->cardinality : "1", "");
    family->sample_name = fo_str_of(copy_text(texts, spec->name, suffix));
    if (!copy->name || !copy->help || !copy->unit || !copy->collector || !copy->cardinality ||
        !family->sample_name.ptr)
        return false;
    if (!spec->unit)
        copy->unit = NULL;
    family->name = fo_str_of(copy->name);
    return copy_arrays(family, spec) && make_bounds(family);
}

static struct ex_family *family_free(struct ex_family *family) {
    if (!family)
        return NULL;
    for (size_t i = 0; i < EX_HEADS; i++)
        ex_blob_unref(family->heads[i]);
    ex_arena_done(&family->texts);
    free(family);
    return NULL;
}

static struct ex_family *family_new(const struct ex_metrics *metrics,
                                    const struct ex_family_spec *spec) {
    struct ex_family *family = calloc(1, sizeof *family);

    if (!family)
        return NULL;
    family->spec = *spec;
    if (!copy_texts(family, spec))
        return family_free(family);
    family->left_out = !ex_selection_shows(&metrics->selection, family->name, family->sample_name);
    family->id = atomic_load_explicit(&metrics->family_count, memory_order_relaxed);
    family->series_weight = spec->type == EX_HISTOGRAM ? spec->bucket_count + 3 : 1;
    family->series_limit =
        spec->series_limit ? spec->series_limit : metrics->limits.series_per_family;
    return family;
}

int ex_metrics_family(struct ex_metrics *metrics, const struct ex_family_spec *spec,
                      struct ex_family **ret_family, struct fo_error *reterr) {
    int failed = check_spec(spec, reterr);

    if (failed)
        return failed;
    const struct ex_family *other = ex_metrics_next_family(metrics, NULL);
    for (; other; other = ex_metrics_next_family(metrics, other)) {
        if (clashes(other, spec))
            return refuse(reterr, -EEXIST, "%s: its name clashes with %s", spec->name,
                          other->name.ptr);
    }
    if (atomic_load(&metrics->family_count) >= metrics->limits.families)
        return refuse(reterr, -ENOSPC, "%s: too many metric families", spec->name);
    struct ex_family *family = family_new(metrics, spec);
    if (!family || ex_self_add_rows(metrics, family) != 0) {
        family_free(family);
        return refuse(reterr, -ENOMEM, "%s: no memory", spec->name);
    }
    if (metrics->last_family)
        atomic_store_explicit(&metrics->last_family->next, family, memory_order_release);
    else
        atomic_store_explicit(&metrics->first_family, family, memory_order_release);
    metrics->last_family = family;
    atomic_fetch_add_explicit(&metrics->family_count, 1, memory_order_release);
    *ret_family = family;
    return 0;
}

const struct ex_family *ex_metrics_next_family(const struct ex_metrics *metrics,
                                               const struct ex_family *family) {
    return atomic_load_explicit(family ? &family->next : &metrics->first_family,
                                memory_order_acquire);
}

const struct ex_family_spec *ex_family_spec(const struct ex_family *family) {
    return &family->spec;
}

int ex_metrics_select(struct ex_metrics *metrics, struct fo_str allow, struct fo_str deny,
                      struct fo_error *reterr) {
    int failed = ex_selection_set(&metrics->selection, allow, deny, reterr);
    struct ex_family *family = atomic_load(&metrics->first_family);

    for (; family && !failed; family = atomic_load(&family->next))
        family->left_out =
            !ex_selection_shows(&metrics->selection, family->name, family->sample_name);
    return failed;
}

static bool names_a_family(const struct ex_metrics *metrics, struct fo_str pattern) {
    const struct ex_family *family = ex_metrics_next_family(metrics, NULL);

    for (; family; family = ex_metrics_next_family(metrics, family)) {
        if (ex_selection_matches(pattern, family->name) ||
            ex_selection_matches(pattern, family->sample_name))
            return true;
    }
    return false;
}

bool ex_metrics_next_unmatched(const struct ex_metrics *metrics, size_t *at,
                               struct fo_str *ret_pattern) {
    const char *const lists[] = {metrics->selection.allow, metrics->selection.deny};
    size_t number = 0;
    struct fo_str pattern;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct fo_str rest = fo_str_of(lists[i] ? lists[i] : "");
        while (ex_selection_next(&rest, &pattern)) {
            if (number++ < *at || names_a_family(metrics, pattern))
                continue;
            *at = number;
            *ret_pattern = pattern;
            return true;
        }
    }
    return false;
}

void ex_families_free(struct ex_metrics *metrics) {
    struct ex_family *family = atomic_load(&metrics->first_family);

    while (family) {
        struct ex_family *next = atomic_load(&family->next);
        family_free(family);
        family = next;
    }
}
