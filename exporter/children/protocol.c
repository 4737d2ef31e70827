/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/children/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/events/event.h"

static struct fo_str text_of(const json_t *value) {
    return (struct fo_str){json_string_value(value), json_string_length(value)};
}

static json_t *parse_object(struct fo_str line) {
    json_t *root = json_loadb(line.ptr ? line.ptr : "", line.len, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

/* ---- the first line ---- */

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(struct fo_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (!is_letter(text.ptr[i]) && (i == 0 || text.ptr[i] < '0' || text.ptr[i] > '9'))
            return false;
    }
    return text.len > 0;
}

bool ex_child_key_is_label(struct fo_str key) {
    static const char *const reserved[] = {"engine", "job_name", "le", "quantile"};

    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (fo_str_equal(key, fo_str_of(reserved[i])))
            return false;
    }
    return key.len <= EX_CHILD_KEY_MAX_BYTES && is_name(key) &&
           !(key.len >= 2 && memcmp(key.ptr, "__", 2) == 0);
}

static int refuse(struct fo_error *reterr, int code, const char *what, struct fo_str shown) {
    *reterr = (struct fo_error){.code = code};
    (void)snprintf(reterr->text, sizeof reterr->text, "%s%s%.*s", what, shown.len > 0 ? ": " : "",
                   (int)(shown.len < 80 ? shown.len : 80), shown.ptr ? shown.ptr : "");
    return code;
}

static int read_keys(struct ex_child_hello *hello, struct fo_error *reterr) {
    const json_t *list = json_object_get(hello->root, "output_keys");
    const struct fo_str none = {NULL, 0};

    if (list && !json_is_array(list))
        return refuse(reterr, -EINVAL, "output_keys is no list", none);
    if (json_array_size(list) > EX_CHILD_KEYS_MAX)
        return refuse(reterr, -E2BIG, "too many output keys", none);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct fo_str key = text_of(json_array_get(list, i));
        if (!key.ptr || key.len == 0 || key.len > EX_CHILD_KEY_MAX_BYTES)
            return refuse(reterr, -EINVAL, "an output key is empty, too long or no text", none);
        for (uint32_t k = 0; k < hello->key_count; k++) {
            if (fo_str_equal(hello->keys[k], key))
                return refuse(reterr, -EINVAL, "an output key is there twice", key);
        }
        hello->keys[hello->key_count++] = key;
    }
    return 0;
}

static int read_events(struct ex_child_hello *hello, struct fo_error *reterr) {
    const json_t *list = json_object_get(hello->root, "events");

    if (!list) {
        hello->events = EX_CHILD_WANTS(0);
        return 0;
    }
    if (!json_is_array(list))
        return refuse(reterr, -EINVAL, "events is no list", (struct fo_str){NULL, 0});
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct fo_str word = text_of(json_array_get(list, i));
        int kind = word.ptr ? ex_event_kind_find(word.ptr) : -1;
        if (kind < 0)
            return refuse(reterr, -EINVAL, "an event that there is not", word);
        hello->events |= EX_CHILD_WANTS(kind);
    }
    return 0;
}

static int read_window(struct ex_child_hello *hello, struct fo_error *reterr) {
    const json_t *window = json_object_get(hello->root, "acknowledges");
    json_int_t number = json_integer_value(window);

    if (!window)
        return 0;
    if (!json_is_integer(window) || number < 1 || number > EX_CHILD_WINDOW_MAX)
        return refuse(reterr, -EINVAL, "acknowledges is no number from 1 to 10000",
                      (struct fo_str){NULL, 0});
    hello->window = (uint32_t)number;
    return 0;
}

int ex_child_hello_parse(struct fo_str line, struct ex_child_hello *ret_hello,
                         struct fo_error *reterr) {
    struct ex_child_hello hello = {.root = parse_object(line)};

    if (!hello.root)
        return refuse(reterr, -EINVAL, "its first line is no JSON object", line);
    hello.name = text_of(json_object_get(hello.root, "name"));
    hello.version = text_of(json_object_get(hello.root, "version"));
    struct fo_str error = text_of(json_object_get(hello.root, "error"));
    int ret = 0;
    if (error.len > 0)
        ret = refuse(reterr, -EINVAL, "it says", error);
    else if (hello.name.len == 0)
        ret = refuse(reterr, -EINVAL, "its first line has no name", line);
    if (ret == 0)
        ret = read_keys(&hello, reterr);
    if (ret == 0)
        ret = read_events(&hello, reterr);
    if (ret == 0)
        ret = read_window(&hello, reterr);
    if (ret < 0)
        json_decref(hello.root);
    else
        *ret_hello = hello;
    return ret;
}

void ex_child_hello_done(struct ex_child_hello *hello) {
    json_decref(hello->root);
    *hello = (struct ex_child_hello){.root = NULL};
}

/* ---- the others ---- */

static int read_labels(struct ex_child_line *line, json_t *labels) {
    const char *key;
    json_t *value;

    if (!json_is_object(labels))
        return -EINVAL;
    if (json_object_size(labels) > EX_CHILD_LABELS_MAX)
        return -E2BIG;
    json_object_foreach(labels, key, value) {
        struct fo_str text = text_of(value);
        if (!text.ptr)
            return -EINVAL;
        if (text.len > EX_CHILD_VALUE_MAX_BYTES)
            return -E2BIG;
        line->labels[line->label_count++] = (struct fo_label){fo_str_of(key), text};
    }
    return 0;
}

/* The number of a completion or a delivery. */
static int read_number(const json_t *value, uint64_t *ret_number) {
    if (!json_is_integer(value) || json_integer_value(value) <= 0)
        return -EINVAL;
    *ret_number = (uint64_t)json_integer_value(value);
    return 0;
}

static int read_answer(struct ex_child_line *line, const json_t *completion) {
    json_t *labels = json_object_get(line->root, "labels");
    struct fo_str tag = text_of(json_object_get(line->root, "tag"));
    struct fo_str error = text_of(json_object_get(line->root, "error"));

    if (read_number(completion, &line->completion) < 0)
        return -EINVAL;
    if (error.ptr) {
        line->kind = EX_CHILD_ERROR;
        line->text = error;
    } else if (tag.ptr) {
        line->kind = EX_CHILD_TAG;
        line->text = tag;
        return tag.len > EX_CHILD_VALUE_MAX_BYTES ? -E2BIG : 0;
    } else if (labels) {
        return read_labels(line, labels);
    }
    return 0;
}

static int read_delivered(struct ex_child_line *line, const json_t *number) {
    line->kind = EX_CHILD_DELIVERED;
    return read_number(number, &line->delivery);
}

static int read_log(struct ex_child_line *line, const json_t *log) {
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    const char *level = json_string_value(json_object_get(log, "level"));

    line->kind = EX_CHILD_LOG;
    line->level = 1;
    for (int i = 0; level && i < 4; i++) {
        if (strcmp(level, levels[i]) == 0)
            line->level = i;
    }
    line->text = text_of(json_is_string(log) ? log : json_object_get(log, "message"));
    return line->text.ptr ? 0 : -EINVAL;
}

static int read_metric_texts(const json_t *list, struct ex_child_metric *metric, bool values) {
    if (list && !json_is_array(list))
        return -EINVAL;
    if (json_array_size(list) > EX_CHILD_METRIC_LABELS_MAX)
        return -E2BIG;
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct fo_str text = text_of(json_array_get(list, i));
        if (!text.ptr || (!values && !ex_child_key_is_label(text)))
            return -EINVAL;
        metric->label_names[i] = text.ptr;
        metric->values[i] = text;
    }
    metric->label_count = (uint32_t)json_array_size(list);
    return 0;
}

static int read_buckets(const json_t *list, struct ex_child_metric *metric) {
    if (list && !json_is_array(list))
        return -EINVAL;
    if (json_array_size(list) > EX_CHILD_BUCKETS_MAX)
        return -E2BIG;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *bound = json_array_get(list, i);
        if (!json_is_number(bound))
            return -EINVAL;
        metric->buckets[i] = json_number_value(bound);
    }
    metric->bucket_count = (uint32_t)json_array_size(list);
    return 0;
}

static int read_new_metric(struct ex_child_metric *metric, const json_t *object, const char *type) {
    static const char *const types[] = {"counter", "gauge", "histogram"};
    int index = 0;

    while (index < 3 && strcmp(type, types[index]) != 0)
        index++;
    if (index == 3)
        return -EINVAL;
    metric->type = (enum ex_child_metric_type)index;
    metric->help = json_string_value(json_object_get(object, "help"));
    int ret = read_metric_texts(json_object_get(object, "labels"), metric, false);
    return ret == 0 ? read_buckets(json_object_get(object, "buckets"), metric) : ret;
}

static int read_metric(struct ex_child_line *line, const json_t *object) {
    struct ex_child_metric *metric = &line->metric;
    struct fo_str name = text_of(json_object_get(object, "name"));
    const char *type = json_string_value(json_object_get(object, "type"));
    const json_t *value = json_object_get(object, "value");

    if (!is_name(name) || name.len > EX_CHILD_METRIC_NAME_MAX_BYTES)
        return -EINVAL;
    metric->name = name.ptr;
    line->kind = type ? EX_CHILD_METRIC_NEW : EX_CHILD_METRIC_UPDATE;
    if (type)
        return read_new_metric(metric, object, type);
    if (!json_is_number(value))
        return -EINVAL;
    metric->value = json_number_value(value);
    return read_metric_texts(json_object_get(object, "values"), metric, true);
}

int ex_child_line_parse(struct fo_str text, struct ex_child_line *ret_line) {
    ret_line->kind = EX_CHILD_ANSWER;
    ret_line->label_count = 0;
    ret_line->metric.label_count = 0;
    ret_line->metric.bucket_count = 0;
    ret_line->root = text.len > EX_CHILD_LINE_MAX_BYTES ? NULL : parse_object(text);
    if (!ret_line->root)
        return text.len > EX_CHILD_LINE_MAX_BYTES ? -E2BIG : -EINVAL;
    const json_t *completion = json_object_get(ret_line->root, "completion");
    const json_t *delivered = json_object_get(ret_line->root, "delivered");
    const json_t *log = json_object_get(ret_line->root, "log");
    const json_t *metric = json_object_get(ret_line->root, "metric");
    int ret = -EINVAL;
    if (completion)
        ret = read_answer(ret_line, completion);
    else if (delivered)
        ret = read_delivered(ret_line, delivered);
    else if (log)
        ret = read_log(ret_line, log);
    else if (metric)
        ret = read_metric(ret_line, metric);
    if (ret < 0)
        ex_child_line_done(ret_line);
    return ret;
}

void ex_child_line_done(struct ex_child_line *line) {
    json_decref(line->root);
    line->root = NULL;
}

void ex_child_write_config(struct ex_buffer *out, const json_t *config) {
    char *text = config ? json_dumps(config, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    ex_buffer_printf(out, "{\"protocol\":%d,\"config\":", EX_CHILD_PROTOCOL);
    ex_buffer_append_text(out, text ? text : "{}");
    ex_buffer_append_text(out, "}\n");
    free(text);
}
