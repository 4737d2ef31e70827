/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_render.c - label values of any bytes, through the registry, onto the page and back. The
 * input is a run of values, each behind a byte with its length. Every line of the page must read
 * back, hold valid UTF-8, and the lines together must count each value once. */
#include <stdlib.h>

#include "exporter/base/buffer.h"
#include "exporter/metrics/labeltext.h"
#include "exporter/metrics/metrics.h"
#include "exporter/metrics/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const labels[] = {"a", "b"};
static const char name[] = "f_total{";

static void check(bool good) {
    if (!good)
        abort();
}

/* Reads the labels and the value of a line; returns the value. */
static uint64_t read_line(const char *line, const char *end) {
    struct ex_buffer value;
    struct fo_str key;
    struct fo_str escaped;
    size_t points;
    char *after;

    if (strncmp(line, "f_total ", 8) == 0)
        return strtoull(line + 8, NULL, 10);
    check(strncmp(line, name, sizeof name - 1) == 0);
    const char *close = end;
    while (*close != '}')
        close--;
    struct fo_str rest = {line + sizeof name - 1, (size_t)(close - line) - sizeof name + 1};
    ex_buffer_init(&value, SIZE_MAX / 2);
    while (ex_label_next(&rest, &key, &escaped)) {
        check(key.len == 1 && (*key.ptr == 'a' || *key.ptr == 'b'));
        ex_buffer_reset(&value);
        ex_label_unescape(&value, escaped);
        check(ex_utf8_is_valid(ex_buffer_str(&value), &points));
        check(value.len > 0 && value.len <= 128);
    }
    ex_buffer_done(&value);
    check(close[1] == ' ');
    uint64_t count = strtoull(close + 2, &after, 10);
    check(after == end);
    return count;
}

/* A NUL is a character like any other. */
static uint64_t read_page(struct fo_str page) {
    uint64_t total = 0;

    while (page.len > 0) {
        const char *end = memchr(page.ptr, '\n', page.len);
        check(end != NULL);
        if (*page.ptr != '#')
            total += read_line(page.ptr, end);
        page.len -= (size_t)(end + 1 - page.ptr);
        page.ptr = end + 1;
    }
    return total;
}

static void render(struct ex_metrics *metrics, enum ex_format format, enum ex_encoding encoding,
                   struct ex_buffer *out) {
    static const struct fo_str family = {"f", 1};
    const struct ex_render_request request = {
        .format = format, .encoding = encoding, .names = &family, .name_count = 1};
    struct ex_body *body = NULL;
    size_t count;

    check(ex_metrics_render(metrics, &request, &body) == 0);
    const struct fo_str *parts = ex_body_parts(body, &count);
    ex_buffer_reset(out);
    for (size_t i = 0; i < count; i++)
        ex_buffer_append_str(out, parts[i]);
    ex_body_unref(body);
}

/* Takes the next value off the input. */
static struct fo_str next_value(const uint8_t **data, size_t *size) {
    size_t len = *size > 0 ? **data : 0;

    if (*size > 0) {
        (*data)++;
        (*size)--;
    }
    if (len > *size)
        len = *size;
    struct fo_str value = {(const char *)*data, len};
    *data += len;
    *size -= len;
    return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct ex_metrics_limits limits = {.values_per_label = 8, .series_per_family = 30};
    const struct ex_family_spec spec = {
        .name = "f", .help = "H.", .type = EX_COUNTER, .labels = labels, .label_count = 2};
    struct ex_metrics *metrics = NULL;
    struct ex_family *family = NULL;
    struct ex_group *group = NULL;
    struct ex_buffer page;
    uint64_t pushed = 0;

    check(ex_metrics_new(&limits, 1, &metrics) == 0);
    check(ex_metrics_family(metrics, &spec, &family, NULL) == 0);
    check(ex_group_new(metrics, NULL, 0, NULL, &group) == 0);
    ex_group_begin(group);
    while (size > 0) {
        const struct fo_str values[] = {next_value(&data, &size), next_value(&data, &size)};
        struct ex_series *series = NULL;
        check(ex_group_series(group, family, values, &series) == 0);
        ex_counter_add(series, 1);
        pushed++;
    }
    ex_group_publish(group);
    ex_buffer_init(&page, SIZE_MAX / 2);
    render(metrics, EX_TEXT_0_0_4, EX_IDENTITY, &page);
    check(read_page(ex_buffer_str(&page)) == pushed);
    render(metrics, EX_PROTOBUF, EX_GZIP, &page);
    render(metrics, EX_OPENMETRICS, EX_ZSTD, &page);
    render(metrics, EX_OPENMETRICS, EX_IDENTITY, &page);
    check(page.len >= 6 && memcmp(page.bytes + page.len - 6, "# EOF\n", 6) == 0);
    ex_buffer_done(&page);
    ex_metrics_free(metrics);
    return 0;
}
