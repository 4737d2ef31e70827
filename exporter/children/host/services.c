/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/children/host/services.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/children/protocol.h"
#include "exporter/events/event.h"
#include "exporter/events/json_text.h"

static void open_line(struct services *services) {
    (void)pthread_mutex_lock(&services->lock);
    ex_buffer_reset(&services->line);
    ex_buffer_append_char(&services->line, '{');
}

/* A daemon that does not read any more is about to end us, or has ended. */
static void close_line(struct services *services) {
    ex_buffer_append(&services->line, "}\n", 2);
    const char *at = services->line.bytes;
    size_t left = services->line.failure ? 0 : services->line.len;
    while (left > 0) {
        ssize_t written = write(services->output_fd, at, left);
        if (written == -1 && errno == EINTR)
            continue;
        if (written == -1)
            break;
        at += written;
        left -= (size_t)written;
    }
    (void)pthread_mutex_unlock(&services->lock);
}

void services_say_error(struct services *services, uint64_t completion, const char *text) {
    open_line(services);
    if (completion != 0)
        ex_json_integer(&services->line, "completion", (int64_t)completion);
    ex_json_string(&services->line, "error", fo_str_of(text));
    close_line(services);
}

static void append_texts(struct ex_buffer *out, const char *key, const char *const *texts,
                         uint32_t count) {
    ex_json_key(out, key);
    ex_buffer_append_char(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            ex_buffer_append_char(out, ',');
        ex_json_append_string(out, fo_str_of(texts[i]));
    }
    ex_buffer_append_char(out, ']');
}

void services_say_hello(struct services *services, const struct fl_listener *listener) {
    static const char *const kinds[] = {"failure", "labelled", "exhausted", "recovered"};

    open_line(services);
    ex_json_string(&services->line, "name", fo_str_of(listener->name));
    ex_json_string(&services->line, "version", fo_str_of(listener->version));
    append_texts(&services->line, "output_keys", listener->output_keys,
                 listener->output_keys ? listener->output_key_count : 0);
    append_texts(&services->line, "events", listener->on_failure ? kinds : kinds + 1,
                 (listener->on_failure ? 1u : 0u) + (listener->on_event ? 3u : 0u));
    close_line(services);
}

/* ---- struct fl_host ---- */

static void host_log(void *ctx, int32_t level, struct fo_str text) {
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct services *services = ctx;
    struct ex_buffer *line = &services->line;

    if (level < FL_LOG_DEBUG || level > FL_LOG_ERROR)
        level = FL_LOG_INFO;
    if (text.len > EX_CHILD_VALUE_MAX_BYTES)
        text.len = EX_CHILD_VALUE_MAX_BYTES;
    open_line(services);
    ex_json_key(line, "log");
    ex_buffer_append_char(line, '{');
    ex_json_string(line, "level", fo_str_of(levels[level]));
    ex_json_string(line, "message", text);
    ex_buffer_append_char(line, '}');
    close_line(services);
}

static void host_complete(void *ctx, uint64_t completion, const struct fo_label *labels,
                          uint32_t label_count) {
    struct services *services = ctx;

    open_line(services);
    ex_json_integer(&services->line, "completion", (int64_t)completion);
    if (label_count == 1 && labels[0].key.len == 0)
        ex_json_string(&services->line, "tag", labels[0].value);
    else
        ex_json_labels(&services->line, "labels", labels, label_count);
    close_line(services);
}

static const void *host_extension(void *ctx, const char *id) {
    struct services *services = ctx;

    return strcmp(id, FL_METRICS_ID) == 0 ? &services->metrics : NULL;
}

/* ---- fl.metrics/1 ---- */

/* Notes the name; -1 when it is there, bad, or one too many. With the lock. */
static int add_name(struct services *services, const char *name) {
    if (services->metric_count == SERVICES_METRICS_MAX || !name ||
        strlen(name) > SERVICES_NAME_MAX_BYTES || !ex_child_key_is_label(fo_str_of(name)))
        return -1;
    for (int i = 0; i < services->metric_count; i++) {
        if (strcmp(services->names[i], name) == 0)
            return -1;
    }
    (void)memcpy(services->names[services->metric_count], name, strlen(name) + 1);
    return services->metric_count++;
}

static void append_buckets(struct ex_buffer *line, const double *buckets, uint32_t count) {
    ex_json_key(line, "buckets");
    ex_buffer_append_char(line, '[');
    for (uint32_t i = 0; i < count; i++)
        ex_buffer_printf(line, "%s%.17g", i > 0 ? "," : "", buckets[i]);
    ex_buffer_append_char(line, ']');
}

/* The ABI has that many parameters. NOLINTNEXTLINE(readability-function-size) */
static int32_t metrics_declare(void *ctx, int32_t type, const char *name, const char *help,
                               const char *const *labels, uint32_t label_count,
                               const double *buckets, uint32_t bucket_count) {
    static const char *const types[] = {"counter", "gauge", "histogram"};
    struct services *services = ctx;
    struct ex_buffer *line = &services->line;

    if (type < FL_COUNTER || type > FL_HISTOGRAM || label_count > EX_CHILD_METRIC_LABELS_MAX ||
        bucket_count > EX_CHILD_BUCKETS_MAX)
        return -1;
    (void)pthread_mutex_lock(&services->lock);
    int number = add_name(services, name);
    (void)pthread_mutex_unlock(&services->lock);
    if (number < 0)
        return -1;
    open_line(services);
    ex_json_key(line, "metric");
    ex_buffer_append_char(line, '{');
    ex_json_string(line, "name", fo_str_of(name));
    ex_json_string(line, "type", fo_str_of(types[type]));
    ex_json_string(line, "help", fo_str_of(help));
    append_texts(line, "labels", labels, label_count);
    append_buckets(line, buckets, bucket_count);
    ex_buffer_append_char(line, '}');
    close_line(services);
    return number;
}

static void metrics_update(void *ctx, int32_t metric, const struct fo_str *values,
                           uint32_t value_count, double value) {
    struct services *services = ctx;
    struct ex_buffer *line = &services->line;

    if (value_count > EX_CHILD_METRIC_LABELS_MAX || !(value - value == 0.0))
        return; /* JSON has no word for what is not finite */
    open_line(services);
    if (metric >= 0 && metric < services->metric_count) {
        ex_json_key(line, "metric");
        ex_buffer_append_char(line, '{');
        ex_json_string(line, "name", fo_str_of(services->names[metric]));
        ex_json_key(line, "values");
        ex_buffer_append_char(line, '[');
        for (uint32_t i = 0; i < value_count; i++) {
            if (i > 0)
                ex_buffer_append_char(line, ',');
            ex_json_append_string(line, values[i]);
        }
        ex_buffer_printf(line, "],\"value\":%.17g}", value);
        close_line(services);
        return;
    }
    (void)pthread_mutex_unlock(&services->lock);
}

void services_init(struct services *services, int output_fd) {
    *services = (struct services){
        .host = {.size = sizeof services->host,
                 .abi = FL_ABI,
                 .ctx = services,
                 .log = host_log,
                 .complete = host_complete,
                 .extension = host_extension},
        .metrics = {.size = sizeof services->metrics,
                    .abi = FL_ABI,
                    .ctx = services,
                    .declare = metrics_declare,
                    .update = metrics_update},
        .output_fd = output_fd,
    };
    (void)pthread_mutex_init(&services->lock, NULL);
    ex_buffer_init(&services->line, EX_EVENT_LINE_MAX_BYTES);
}
