/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>

#include "exporter/events/event.h"
#include "exporter/events/event_internal.h"

/* Reads members one after the other; the first that is wrong is remembered. */
struct reader {
    const json_t *object;
    int failure;
};

static struct fo_str text_of(const json_t *value) {
    return (struct fo_str){json_string_value(value), json_string_length(value)};
}

static struct fo_str read_text(struct reader *reader, const char *key) {
    const json_t *value = json_object_get(reader->object, key);

    if (value && !json_is_string(value))
        reader->failure = -EINVAL;
    return text_of(value);
}

static int64_t read_integer(struct reader *reader, const char *key, int64_t absent, int64_t most) {
    const json_t *value = json_object_get(reader->object, key);

    if (!value)
        return absent;
    int64_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > most)
        reader->failure = -EINVAL;
    return number;
}

static int32_t read_int(struct reader *reader, const char *key, int32_t absent) {
    return (int32_t)read_integer(reader, key, absent, INT32_MAX);
}

static int32_t read_bool(struct reader *reader, const char *key) {
    const json_t *value = json_object_get(reader->object, key);

    if (value && !json_is_boolean(value))
        reader->failure = -EINVAL;
    return json_is_true(value);
}

int32_t ex_event_proof_of(struct fo_str word) {
    if (fo_str_equal(word, fo_str_of("yes")))
        return FL_PROOF_YES;
    return fo_str_equal(word, fo_str_of("no")) ? FL_PROOF_NO : FL_PROOF_UNSUPPORTED;
}

int32_t ex_event_type_of(struct fo_str word) {
    return fo_str_equal(word, fo_str_of("GLOBAL")) ? FL_FAILURE_GLOBAL : FL_FAILURE_TASK;
}

static uint32_t read_labels(struct reader *reader, struct fo_label *labels) {
    json_t *object = json_object_get(reader->object, "labels");
    const char *key;
    json_t *value;
    uint32_t count = 0;

    if (object && !json_is_object(object))
        reader->failure = -EINVAL;
    if (json_object_size(object) > EX_EVENT_LABELS_MAX) {
        reader->failure = -E2BIG;
        return 0;
    }
    json_object_foreach(object, key, value) {
        if (!json_is_string(value))
            reader->failure = -EINVAL;
        labels[count++] = (struct fo_label){fo_str_of(key), text_of(value)};
    }
    return count;
}

static uint32_t read_exceptions(struct reader *reader, struct fl_exception *exceptions) {
    const json_t *list = json_object_get(reader->object, "exceptions");
    size_t count = json_array_size(list);

    if (list && !json_is_array(list))
        reader->failure = -EINVAL;
    if (count > EX_EVENT_EXCEPTIONS_MAX) {
        reader->failure = -E2BIG;
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct reader link = {.object = json_array_get(list, i)};
        exceptions[i].class_name = read_text(&link, "class");
        exceptions[i].message = read_text(&link, "message");
        if (link.failure != 0 || !json_is_object(link.object))
            reader->failure = -EINVAL;
    }
    return (uint32_t)count;
}

static void read_evidence(struct reader *reader, struct fl_failure *failure) {
    failure->exit_code = read_int(reader, "exit_code", -1);
    failure->signal = read_int(reader, "signal", 0);
    failure->core_dumped = read_bool(reader, "core_dumped");
    failure->cgroup_oom_kill = ex_event_proof_of(read_text(reader, "cgroup_oom_kill"));
    failure->deadline_exceeded = read_bool(reader, "deadline_exceeded");
    failure->heartbeat_missed = read_bool(reader, "heartbeat_missed");
    failure->secondary = read_bool(reader, "secondary");
    failure->runtime = read_text(reader, "runtime");
    failure->platform_reason = read_text(reader, "platform_reason");
    failure->message = read_text(reader, "message");
    failure->output = read_text(reader, "output");
    failure->matched = read_text(reader, "matched");
}

static void read_failure(struct reader *reader, struct ex_event *event) {
    struct fl_failure *failure = &event->failure;

    *failure = (struct fl_failure){.size = sizeof *failure, .abi = FL_ABI};
    failure->id = (uint64_t)read_integer(reader, "failure_id", 0, INT64_MAX);
    failure->incident = (uint64_t)read_integer(reader, "incident", 0, INT64_MAX);
    failure->time_ms = read_integer(reader, "time_ms", 0, INT64_MAX);
    failure->engine = read_text(reader, "engine");
    failure->job_id = read_text(reader, "job_id");
    failure->job_name = read_text(reader, "job_name");
    failure->task = read_text(reader, "task");
    failure->vertex = read_text(reader, "vertex");
    failure->subtask = (uint32_t)read_integer(reader, "subtask", 0, UINT32_MAX);
    failure->attempt = (uint32_t)read_integer(reader, "attempt", 0, UINT32_MAX);
    failure->failure_type = ex_event_type_of(read_text(reader, "failure_type"));
    read_evidence(reader, failure);
    failure->exceptions = event->exceptions;
    failure->exception_count = read_exceptions(reader, event->exceptions);
    failure->labels = event->labels;
    failure->label_count = read_labels(reader, event->labels);
    event->completion = (uint64_t)read_integer(reader, "completion", 0, INT64_MAX);
}

static void read_other(struct reader *reader, struct ex_event *event) {
    struct fl_event *other = &event->event;

    *other = (struct fl_event){.size = sizeof *other, .abi = FL_ABI, .kind = event->kind};
    other->incident = (uint64_t)read_integer(reader, "incident", 0, INT64_MAX);
    other->failure_id = (uint64_t)read_integer(reader, "failure_id", 0, INT64_MAX);
    other->time_ms = read_integer(reader, "time_ms", 0, INT64_MAX);
    other->engine = read_text(reader, "engine");
    other->job_id = read_text(reader, "job_id");
    other->job_name = read_text(reader, "job_name");
    other->reason = read_text(reader, "reason");
    other->duration_ms = read_integer(reader, "duration_ms", 0, INT64_MAX);
    other->task = read_text(reader, "task");
    other->message = read_text(reader, "message");
    other->labels = event->labels;
    other->label_count = read_labels(reader, event->labels);
}

int ex_event_decode(struct fo_str line, struct ex_event *ret_event) {
    if (line.len > EX_EVENT_LINE_MAX_BYTES)
        return -E2BIG;
    json_t *root = json_loadb(line.ptr ? line.ptr : "", line.len,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    struct reader reader = {.object = root};
    const char *kind = json_string_value(json_object_get(root, "kind"));

    ret_event->kind = kind ? ex_event_kind_find(kind) : -1;
    if (ret_event->kind == 0)
        read_failure(&reader, ret_event);
    else if (ret_event->kind > 0)
        read_other(&reader, ret_event);
    else
        reader.failure = -EINVAL;
    if (reader.failure != 0)
        json_decref(root);
    else
        ret_event->root = root;
    return reader.failure;
}

void ex_event_done(struct ex_event *event) {
    json_decref(event->root);
    event->root = NULL;
}
