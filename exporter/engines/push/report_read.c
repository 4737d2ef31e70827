/* SPDX-License-Identifier: Apache-2.0 */
/* Reads reports: limits first, then JSON. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/config/fail.h"
#include "exporter/engines/push/report.h"
#include "exporter/engines/push/report_quick.h"
#include "exporter/events/failure_json.h"

enum { MESSAGE_SIZE = 160, BYTE_MASK = 0xFF };

/* ---- what is wrong ---- */

FO_PRINTF(2, 3)
static void refuse(struct ex_push_report *report, const char *format, ...) {
    char text[EX_PUSH_WHY_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    free(report->why);
    report->why = strdup(text);
    report->result = EX_PUSH_MALFORMED;
}

/* jansson reads objects in objects by recursion, and allows two thousand of them. */
static bool is_deep(struct fo_str text) {
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > EX_PUSH_DEPTH_MAX)
            return true;
    }
    return false;
}

/* ---- the failure ---- */

static void copy_start(char text[static MESSAGE_SIZE], struct fo_str from) {
    size_t len = from.len < MESSAGE_SIZE ? from.len : MESSAGE_SIZE - 1;

    memcpy(text, from.ptr, len);
    text[len] = '\0';
}

/* The first line as people would call it. */
static void describe(const struct catalogue_input *input, char text[static MESSAGE_SIZE]) {
    if (input->signal != 0)
        (void)snprintf(text, MESSAGE_SIZE, "killed by signal %d (SIG%s)", input->signal,
                       sigabbrev_np(input->signal) ? sigabbrev_np(input->signal) : "?");
    else if (input->exited)
        (void)snprintf(text, MESSAGE_SIZE, "exit status %d", input->exit_code);
    else if (input->exception_count > 0)
        copy_start(text, input->exceptions[0]);
    else if (input->platform_reason.len > 0)
        copy_start(text, input->platform_reason);
    else
        (void)snprintf(text, MESSAGE_SIZE, "reported as failed");
}

static struct fo_str put(char **cursor, struct fo_str text) {
    struct fo_str copy = {*cursor, text.len};

    if (text.len > 0)
        memcpy(*cursor, text.ptr, text.len);
    *cursor += text.len;
    return copy;
}

/* "java.io.IOException: Broken pipe" is a class and its message. */
static struct ex_exception split(struct fo_str text) {
    const char *colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
    size_t len = colon ? (size_t)(colon - text.ptr) : text.len;
    size_t skip = colon ? len + 1 : len;

    while (skip < text.len && text.ptr[skip] == ' ')
        skip++;
    return (struct ex_exception){{text.ptr, len}, {text.ptr + skip, text.len - skip}};
}

/* The beginning and the newest of an output, as much as anybody looks at. */
static void split_output(struct fo_str output, struct fo_str *ret_head, struct fo_str *ret_tail) {
    struct fo_str tail = {NULL, 0};

    *ret_head = output;
    if (output.len > CATALOGUE_HEAD_MAX_BYTES) {
        ret_head->len = CATALOGUE_HEAD_MAX_BYTES;
        tail = (struct fo_str){output.ptr + CATALOGUE_HEAD_MAX_BYTES,
                               output.len - CATALOGUE_HEAD_MAX_BYTES};
    }
    if (tail.len > CATALOGUE_TAIL_MAX_BYTES) {
        tail.ptr += tail.len - CATALOGUE_TAIL_MAX_BYTES;
        tail.len = CATALOGUE_TAIL_MAX_BYTES;
    }
    *ret_tail = tail;
}

static void fill(struct ex_push_failure *failure, const struct catalogue_input *input,
                 struct fo_str message, char *cursor) {
    struct fo_str head;
    struct fo_str tail;

    split_output(input->head, &head, &tail);
    for (size_t i = 0; i < input->exception_count; i++)
        failure->exceptions[i] = split(put(&cursor, input->exceptions[i]));
    failure->evidence = (struct ex_evidence){
        .exit_code = !input->exited         ? -1
                     : input->exit_code < 0 ? input->exit_code & BYTE_MASK /* as a shell says it */
                                            : input->exit_code,
        .signal = input->signal,
        .deadline_exceeded = (input->evidence & CATALOGUE_DEADLINE_EXCEEDED) != 0,
        .heartbeat_missed = (input->evidence & CATALOGUE_HEARTBEAT_MISSED) != 0,
        .cgroup_oom_kill = (input->evidence & CATALOGUE_CGROUP_OOM_KILL) != 0
                               ? EX_PROOF_YES
                               : EX_PROOF_UNSUPPORTED,
        .message = put(&cursor, message),
        .output_head = put(&cursor, head),
        .output_tail = put(&cursor, tail),
        .runtime = put(&cursor, input->runtime),
        .platform_reason = put(&cursor, input->platform_reason),
        .exceptions = failure->exceptions,
        .exception_count = (uint32_t)input->exception_count,
        .lost = {.producer = FO_NO_TASK},
    };
}

static struct ex_push_failure *make_failure(const struct catalogue_input *input,
                                            struct fo_str message) {
    size_t fixed =
        sizeof(struct ex_push_failure) + input->exception_count * sizeof(struct ex_exception);
    size_t texts = message.len + CATALOGUE_HEAD_MAX_BYTES + CATALOGUE_TAIL_MAX_BYTES;

    if (input->head.len < CATALOGUE_HEAD_MAX_BYTES)
        texts = message.len + input->head.len;
    texts += input->runtime.len + input->platform_reason.len;
    for (size_t i = 0; i < input->exception_count; i++)
        texts += input->exceptions[i].len;
    struct ex_push_failure *failure = malloc(fixed + texts);
    if (failure)
        fill(failure, input, message, (char *)failure + fixed);
    return failure;
}

static void keep_failure(struct ex_push_report *report, const struct catalogue_input *input) {
    char message[MESSAGE_SIZE];

    describe(input, message);
    report->failure = make_failure(input, fo_str_of(message));
    if (!report->failure)
        report->result = EX_PUSH_LIMIT;
}

static bool read_failure(struct ex_push_report *report, const json_t *object) {
    static const json_t *const none = NULL;
    const json_t *value = json_object_get(object, "failure");
    struct ex_failure_facts facts = {.why = ""};

    value = json_is_null(value) ? none : value;
    if (report->state != FO_TASK_FAILED) {
        if (value)
            refuse(report, "`failure` goes with the state FAILED only");
        return !value;
    }
    if (value && ex_failure_facts_read(&facts, value) < 0) {
        refuse(report, "failure: %s", facts.why);
        return false;
    }
    keep_failure(report, &facts.input);
    if (report->failure)
        report->failure->evidence.non_recoverable = facts.non_recoverable;
    return report->failure;
}

struct ex_push_failure *ex_push_failure_silent(int64_t silence_ms) {
    const struct catalogue_input input = {.evidence = CATALOGUE_HEARTBEAT_MISSED};
    char message[MESSAGE_SIZE];

    (void)snprintf(message, sizeof message, "the scheduler gave no sign of life for %lld.%03lld s",
                   (long long)silence_ms / 1000, (long long)silence_ms % 1000);
    return make_failure(&input, fo_str_of(message));
}

/* ---- a report ---- */

static bool read_task(struct ex_push_report *report, const json_t *object) {
    const json_t *value = json_object_get(object, "task");
    size_t len = json_string_length(value);

    if (!json_is_string(value) || len == 0 || len > EX_PUSH_TASK_MAX_BYTES ||
        memchr(json_string_value(value), '\0', len)) {
        refuse(report, "`task` must be the name of a task, as \"vertex[2]\"");
        return false;
    }
    memcpy(report->task, json_string_value(value), len);
    return true;
}

static bool read_number(struct ex_push_report *report, const json_t *object, const char *key,
                        int64_t most, uint64_t *ret_number) {
    const json_t *value = json_object_get(object, key);
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || number > most) {
        refuse(report, "`%s` must be a whole number from 0 to %lld", key, (long long)most);
        return false;
    }
    *ret_number = (uint64_t)number;
    return true;
}

/* What a worker can say of itself; the other states are given by us. */
static bool find_state(struct fo_str name, enum fo_task_state *ret_state) {
    static const enum fo_task_state reportable[] = {
        FO_TASK_INITIALIZING, FO_TASK_RUNNING, FO_TASK_FINISHED, FO_TASK_CANCELED, FO_TASK_FAILED};

    for (size_t i = 0; i < sizeof reportable / sizeof *reportable; i++) {
        if (fo_str_equal(name, fo_str_of(fo_task_state_name(reportable[i])))) {
            *ret_state = reportable[i];
            return true;
        }
    }
    return false;
}

static bool read_state(struct ex_push_report *report, const json_t *object) {
    const json_t *value = json_object_get(object, "state");

    if (find_state((struct fo_str){json_string_value(value), json_string_length(value)},
                   &report->state))
        return true;
    refuse(report, "`state` must be INITIALIZING, RUNNING, FINISHED, CANCELED or FAILED");
    return false;
}

/* A misspelt word must not go unnoticed: without `failure` a task fails for no known reason. */
static bool knows_keys(struct ex_push_report *report, json_t *object) {
    static const char *const keys[] = {"task", "attempt", "sequence", "state", "failure"};
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value) {
        size_t i = 0;
        while (i < sizeof keys / sizeof *keys && strcmp(key, keys[i]) != 0)
            i++;
        if (i == sizeof keys / sizeof *keys) {
            refuse(report, "`%.60s` is not known in a report", key);
            return false;
        }
    }
    return true;
}

static void read_object(struct ex_push_report *report, json_t *object) {
    uint64_t attempt = 0;

    if (!json_is_object(object)) {
        refuse(report, "a report is an object");
        return;
    }
    if (knows_keys(report, object) && read_task(report, object) &&
        read_number(report, object, "attempt", UINT32_MAX, &attempt) &&
        read_number(report, object, "sequence", INT64_MAX, &report->sequence) &&
        read_state(report, object) && read_failure(report, object))
        report->attempt = (uint32_t)attempt;
}

/* Without a tree; false: it is none of the plain kind, and nothing has happened. */
static bool read_quickly(struct ex_push_report *report, struct fo_str line) {
    struct ex_push_said said;
    enum fo_task_state state;

    if (!ex_push_said_read(&said, line) || said.task.len == 0 ||
        said.task.len > EX_PUSH_TASK_MAX_BYTES || !find_state(said.state, &state) ||
        (said.has_failure && state != FO_TASK_FAILED))
        return false;
    memcpy(report->task, said.task.ptr, said.task.len);
    report->attempt = said.attempt;
    report->sequence = said.sequence;
    report->state = state;
    if (state == FO_TASK_FAILED)
        keep_failure(report, &(struct catalogue_input){.head = said.output,
                                                       .exited = said.exited,
                                                       .exit_code = said.exit_code,
                                                       .runtime = said.runtime,
                                                       .platform_reason = said.platform_reason});
    return true;
}

static void read_line(struct ex_push_report *report, struct fo_str line) {
    json_error_t error;

    if (line.len > EX_PUSH_LINE_MAX_BYTES) {
        refuse(report, "the report has more than %d bytes", EX_PUSH_LINE_MAX_BYTES);
        return;
    }
    if (read_quickly(report, line))
        return;
    if (is_deep(line)) {
        refuse(report, "more than %d objects and lists in one another", EX_PUSH_DEPTH_MAX);
        return;
    }
    json_t *object = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, &error);
    if (object)
        read_object(report, object);
    else
        refuse(report, "no JSON: %s", error.text);
    json_decref(object);
}

/* ---- a body ---- */

static bool is_blank(struct fo_str text) {
    static const char blank[4] = {' ', '\t', '\r', '\n'};

    for (size_t i = 0; i < text.len; i++) {
        if (!memchr(blank, text.ptr[i], sizeof blank))
            return false;
    }
    return true;
}

/* The next line of a body that is cut off at its front. */
static struct fo_str take_line(struct fo_str *body) {
    const char *end = memchr(body->ptr, '\n', body->len);
    struct fo_str line = {body->ptr, end ? (size_t)(end - body->ptr) : body->len};
    size_t used = end ? line.len + 1 : line.len;

    body->ptr += used;
    body->len -= used;
    return line;
}

static size_t count_lines(struct fo_str body) {
    size_t count = 0;

    while (body.len > 0)
        count += !is_blank(take_line(&body));
    return count;
}

int ex_push_batch_read(struct ex_push_batch *batch, struct fo_str body, bool lines,
                       struct fo_error *reterr) {
    size_t count = lines ? count_lines(body) : !is_blank(body);

    *batch = (struct ex_push_batch){.items = NULL};
    if (count > EX_PUSH_LINES_MAX)
        return ex_fail(reterr, -E2BIG, 0, "more than %d reports", EX_PUSH_LINES_MAX);
    batch->items = calloc(count + 1, sizeof *batch->items);
    if (!batch->items)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    while (batch->count < count) {
        struct fo_str line = lines ? take_line(&body) : body;
        if (!is_blank(line))
            read_line(&batch->items[batch->count++], line);
    }
    return 0;
}

void ex_push_batch_done(struct ex_push_batch *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->items[i].failure);
        free(batch->items[i].why);
        free(batch->items[i].decision);
    }
    free(batch->items);
    (void)fo_graph_unref(batch->graph);
    *batch = (struct ex_push_batch){.items = NULL};
}
