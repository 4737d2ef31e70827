/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/metrics/dump_expositions.c - writes one random model in every format and encoding into
 * a folder, where check_expositions.py reads them all and compares.
 *   dump_expositions FOLDER SEED */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/buffer.h"
#include "exporter/metrics/metrics.h"
#include "exporter/metrics/render.h"

enum { FAMILIES = 7, JOBS = 60, UPDATES = 3000, VALUE_MAX = 200 };

static const char *const labels[] = {"engine", "job_name", "state", "cause"};
static const double buckets[] = {0.001, 0.1, 0.25, 1, 10, 3600, 1e6};

#define LABELS(count_) .labels = labels, .label_count = (count_), .group_label_count = 2

static const struct ex_family_spec specs[FAMILIES] = {
    {.name = "failover_job_failures",
     .help = "Failures.\nOf \\ jobs \"so far\".",
     .type = EX_COUNTER,
     LABELS(4)},
    {.name = "failover_job_restarts", .help = "Restarts.", .type = EX_COUNTER, LABELS(2)},
    {.name = "failover_job_state", .help = "State.", .type = EX_GAUGE, LABELS(3)},
    {.name = "failover_job_state_timestamp_seconds",
     .help = "When.",
     .type = EX_GAUGE,
     .unit = "seconds",
     LABELS(2)},
    {.name = "failover_job_recovery_seconds",
     .help = "Recovery.",
     .type = EX_HISTOGRAM,
     .unit = "seconds",
     .buckets = buckets,
     .bucket_count = sizeof buckets / sizeof *buckets,
     .native = true,
     LABELS(3)},
    {.name = "failover_job_plain_seconds",
     .help = "Classic only.",
     .type = EX_HISTOGRAM,
     .unit = "seconds",
     .buckets = buckets,
     .bucket_count = 2,
     LABELS(2)},
    {.name = "failover_job", .help = "Facts.", .type = EX_INFO, LABELS(4)},
};

static uint64_t random_state;

static uint64_t random_below(uint64_t limit) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 33) % limit;
}

/* Anything at all: every byte, quotes, newlines, halves of characters, too long ones. */
static struct fo_str random_value(char text[VALUE_MAX]) {
    static const char *const pieces[] = {"a",  "\"", "\\", "\n", "{", "}",    ",",    "=", "\t",
                                         "\r", "#",  " ",  "é",  "€", "\xff", "\xc3", "😀"};
    size_t len = 0;

    for (uint64_t count = random_below(4) == 0 ? random_below(60) : random_below(4); count > 0;
         count--) {
        const char *piece = pieces[random_below(sizeof pieces / sizeof *pieces)];
        len = (size_t)(stpcpy(text + len, piece) - text);
    }
    return (struct fo_str){text, len};
}

static double random_double(void) {
    static const double special[] = {0, 0.1, 1e-9, 1e300, 1.0 / 3, 123456789.123, 1e15, 4e18};

    if (random_below(2) == 0)
        return special[random_below(sizeof special / sizeof *special)];
    return (double)random_below(1000000) / 1000;
}

static void update(struct ex_series *series, const struct ex_family_spec *spec) {
    struct fo_label trace = {{"trace_id", 8}, {"ab\"c", 4}};
    double observed = random_double();

    if (spec->type == EX_COUNTER)
        ex_counter_add(series, random_below(1000));
    else if (spec->type == EX_HISTOGRAM)
        ex_histogram_observe(series, observed);
    else if (spec->type == EX_GAUGE)
        ex_series_set(series, random_below(5) == 0 ? -observed : observed);
    if (spec->type == EX_GAUGE && random_below(10) == 0)
        ex_series_hide(series);
    if ((spec->type == EX_COUNTER || spec->type == EX_HISTOGRAM) && random_below(3) == 0 &&
        ex_series_exemplar(series, observed, 1763720000123, &trace, 1) != 0)
        abort();
}

static void fill(struct ex_metrics *metrics, struct ex_family *const *families) {
    struct ex_group *jobs[JOBS] = {0};
    char texts[2][VALUE_MAX];

    for (int i = 0; i < UPDATES; i++) {
        uint64_t job = random_below(JOBS);
        struct ex_group *old = jobs[job];
        char name[32];
        (void)snprintf(name, sizeof name, "job \"%u\"\n", (unsigned)job);
        const struct fo_label key[] = {{{"engine", 6}, {"local", 5}},
                                       {{"job_name", 8}, {name, strlen(name)}}};
        if ((!old || random_below(100) == 0) && ex_group_new(metrics, key, 2, old, &jobs[job]) != 0)
            abort();
        ex_group_begin(jobs[job]);
        const struct fo_str values[] = {random_value(texts[0]), random_value(texts[1])};
        struct ex_family *family = families[random_below(FAMILIES)];
        struct ex_series *series;
        if (ex_group_series(jobs[job], family, values, &series) != 0)
            abort();
        update(series, ex_family_spec(family));
        ex_group_publish(jobs[job]);
    }
}

static void write_page(struct ex_metrics *metrics, const struct ex_render_request *request,
                       const char *folder, const char *name) {
    char path[4096];
    struct ex_body *body;
    size_t count;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (!file || ex_metrics_render(metrics, request, &body) != 0)
        abort();
    const struct fo_str *parts = ex_body_parts(body, &count);
    for (size_t i = 0; i < count; i++) {
        if (fwrite(parts[i].ptr, 1, parts[i].len, file) != parts[i].len)
            abort();
    }
    ex_body_unref(body);
    if (fclose(file) != 0)
        abort();
}

static void write_pages(struct ex_metrics *metrics, const char *folder) {
    static const struct {
        const char *name;
        struct ex_render_request request;
    } pages[] = {
        {"text", {.format = EX_TEXT_0_0_4}},
        {"text1", {.format = EX_TEXT_1_0_0, .escaping = EX_ALLOW_UTF8}},
        {"text1.dots", {.format = EX_TEXT_1_0_0, .escaping = EX_DOTS}},
        {"openmetrics", {.format = EX_OPENMETRICS}},
        {"openmetrics.created", {.format = EX_OPENMETRICS, .created_lines = true}},
        {"openmetrics.dots", {.format = EX_OPENMETRICS, .escaping = EX_DOTS}},
        {"protobuf", {.format = EX_PROTOBUF}},
        {"protobuf.dots", {.format = EX_PROTOBUF, .escaping = EX_DOTS}},
        {"text.gz", {.format = EX_TEXT_0_0_4, .encoding = EX_GZIP}},
        {"openmetrics.gz", {.format = EX_OPENMETRICS, .encoding = EX_GZIP}},
        {"protobuf.gz", {.format = EX_PROTOBUF, .encoding = EX_GZIP}},
    };

    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        write_page(metrics, &pages[i].request, folder, pages[i].name);
}

int main(int argc, char **argv) {
    struct ex_metrics *metrics;
    struct ex_family *families[FAMILIES];
    struct fo_error error;

    if (argc != 3)
        return 2;
    random_state = strtoull(argv[2], NULL, 10);
    if (ex_metrics_new(NULL, random_state, &metrics) != 0)
        return 1;
    for (size_t i = 0; i < FAMILIES; i++) {
        if (ex_metrics_family(metrics, &specs[i], &families[i], &error) != 0) {
            (void)fprintf(stderr, "%s\n", error.text);
            return 1;
        }
    }
    fill(metrics, families);
    write_pages(metrics, argv[1]);
    ex_metrics_free(metrics);
    return 0;
}
