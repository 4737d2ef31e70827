/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a failure as event_encode.c writes it, member after member, with no tree in between. It
 * accepts less than JSON: no blanks, ASCII, the short escapes, our order of members. It never says
 * that a line is wrong: what it does not accept is left to the reader that knows all of JSON. */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "exporter/base/digits.h"
#include "exporter/events/event.h"
#include "exporter/events/event_internal.h"

struct quick {
    const char *at, *end;
    char *room; /* where the next text goes; never fuller than what was read */
};

static bool skip(struct quick *quick, struct fo_str word) {
    if ((size_t)(quick->end - quick->at) < word.len || memcmp(quick->at, word.ptr, word.len) != 0)
        return false;
    quick->at += word.len;
    return true;
}

static bool skip_char(struct quick *quick, char c) {
    if (quick->at == quick->end || *quick->at != c)
        return false;
    quick->at++;
    return true;
}

/* What `\c` stands for; 0: not one of the short escapes. */
static char escaped(char c) {
    static const char from[] = "\"\\/nrtbf";
    static const char to[] = "\"\\/\n\r\t\b\f";
    const char *found = c != 0 ? strchr(from, c) : NULL;

    return (char)(found ? to[found - from] : 0);
}

static bool read_text(struct quick *quick, struct fo_str *ret_text) {
    char *out = quick->room;

    if (!skip_char(quick, '"'))
        return false;
    while (quick->at < quick->end && *quick->at != '"') {
        char c = *quick->at++;
        if (c == '\\')
            c = (char)(quick->at < quick->end ? escaped(*quick->at++) : 0);
        else if ((unsigned char)c < ' ' || (unsigned char)c >= 0x80)
            c = 0;
        if (c == 0)
            return false;
        *out++ = c;
    }
    if (!skip_char(quick, '"'))
        return false;
    *ret_text = (struct fo_str){quick->room, (size_t)(out - quick->room)};
    *out++ = 0; /* in place of a quote */
    quick->room = out;
    return true;
}

static bool read_integer(struct quick *quick, int64_t most, int64_t *ret_number) {
    return ex_digits_read(&quick->at, quick->end, most, ret_number);
}

/* ---- members of one type each, into where they belong ---- */

static bool take_text(struct quick *quick, void *into) {
    return read_text(quick, into);
}

static bool take_64(struct quick *quick, void *into) {
    return read_integer(quick, INT64_MAX, into);
}

static bool take_u32(struct quick *quick, void *into) {
    int64_t number;
    bool read = read_integer(quick, UINT32_MAX, &number);

    *(uint32_t *)into = (uint32_t)number;
    return read;
}

static bool take_int(struct quick *quick, void *into) {
    int64_t number;
    bool read = read_integer(quick, INT32_MAX, &number);

    *(int32_t *)into = (int32_t)number;
    return read;
}

static bool take_bool(struct quick *quick, void *into) {
    *(int32_t *)into = skip(quick, (struct fo_str){"true", 4});
    return *(int32_t *)into != 0 || skip(quick, (struct fo_str){"false", 5});
}

static bool take_proof(struct quick *quick, void *into) {
    struct fo_str word;
    bool read = read_text(quick, &word);

    *(int32_t *)into = read ? ex_event_proof_of(word) : 0;
    return read;
}

static bool take_type(struct quick *quick, void *into) {
    struct fo_str word;
    bool read = read_text(quick, &word);

    *(int32_t *)into = read ? ex_event_type_of(word) : 0;
    return read;
}

struct member {
    struct fo_str start; /* "key": */
    bool (*take)(struct quick *quick, void *into);
    size_t offset; /* in struct ex_event */
};

#define START(key_)                                                                                \
    { "\"" key_ "\":", sizeof("\"" key_ "\":") - 1 }
#define MEMBER(key_, take_, place_)                                                                \
    { START(key_), take_, offsetof(struct ex_event, place_) }

/* In the order in which they are written; any may be missing. */
static const struct member members[] = {
    MEMBER("incident", take_64, failure.incident),
    MEMBER("time_ms", take_64, failure.time_ms),
    MEMBER("completion", take_64, completion),
    MEMBER("failure_id", take_64, failure.id),
    MEMBER("engine", take_text, failure.engine),
    MEMBER("job_id", take_text, failure.job_id),
    MEMBER("job_name", take_text, failure.job_name),
    MEMBER("task", take_text, failure.task),
    MEMBER("vertex", take_text, failure.vertex),
    MEMBER("subtask", take_u32, failure.subtask),
    MEMBER("attempt", take_u32, failure.attempt),
    MEMBER("failure_type", take_type, failure.failure_type),
    MEMBER("exit_code", take_int, failure.exit_code),
    MEMBER("signal", take_int, failure.signal),
    MEMBER("core_dumped", take_bool, failure.core_dumped),
    MEMBER("cgroup_oom_kill", take_proof, failure.cgroup_oom_kill),
    MEMBER("deadline_exceeded", take_bool, failure.deadline_exceeded),
    MEMBER("heartbeat_missed", take_bool, failure.heartbeat_missed),
    MEMBER("secondary", take_bool, failure.secondary),
    MEMBER("runtime", take_text, failure.runtime),
    MEMBER("platform_reason", take_text, failure.platform_reason),
    MEMBER("message", take_text, failure.message),
    MEMBER("output", take_text, failure.output),
    MEMBER("matched", take_text, failure.matched),
};
enum { MEMBERS = sizeof members / sizeof *members };

/* ---- the two lists at the end ---- */

static bool read_exceptions(struct quick *quick, struct ex_event *event) {
    static const struct fo_str class_start = START("class");
    static const struct fo_str message_start = START("message");
    uint32_t count = 0;

    if (!skip_char(quick, '['))
        return false;
    while (!skip_char(quick, ']')) {
        if (count == EX_EVENT_EXCEPTIONS_MAX || (count > 0 && !skip_char(quick, ',')))
            return false;
        struct fl_exception *link = &event->exceptions[count++];
        if (!skip_char(quick, '{') || !skip(quick, class_start) ||
            !read_text(quick, &link->class_name) || !skip_char(quick, ',') ||
            !skip(quick, message_start) || !read_text(quick, &link->message) ||
            !skip_char(quick, '}'))
            return false;
    }
    event->failure.exception_count = count;
    return true;
}

static bool is_there(const struct ex_event *event, uint32_t count, struct fo_str key) {
    for (uint32_t i = 0; i < count; i++) {
        if (fo_str_equal(event->labels[i].key, key))
            return true;
    }
    return false;
}

static bool read_labels(struct quick *quick, struct ex_event *event) {
    uint32_t count = 0;

    if (!skip_char(quick, '{'))
        return false;
    while (!skip_char(quick, '}')) {
        if (count == EX_EVENT_LABELS_MAX || (count > 0 && !skip_char(quick, ',')))
            return false;
        struct fo_label *label = &event->labels[count];
        if (!read_text(quick, &label->key) || is_there(event, count, label->key) ||
            !skip_char(quick, ':') || !read_text(quick, &label->value))
            return false;
        count++;
    }
    event->failure.label_count = count;
    return true;
}

/* Whether all up to the two lists was read. No member comes twice: each is after the one before. */
static bool read_members(struct quick *quick, struct ex_event *event) {
    static const struct fo_str exceptions_start = START("exceptions");

    for (size_t i = 0; !skip(quick, exceptions_start); i++) {
        while (i < MEMBERS && !skip(quick, members[i].start))
            i++;
        if (i == MEMBERS || !members[i].take(quick, (char *)event + members[i].offset) ||
            !skip_char(quick, ','))
            return false;
    }
    return true;
}

static bool read_line(struct quick *quick, struct ex_event *event) {
    static const struct fo_str kind = {"{\"kind\":\"failure\",", 18};
    static const struct fo_str labels_start = {",\"labels\":", 10};

    event->kind = 0;
    event->completion = 0;
    event->root = NULL;
    event->failure = (struct fl_failure){.size = sizeof event->failure, .abi = FL_ABI};
    event->failure.exit_code = -1;
    event->failure.exceptions = event->exceptions;
    event->failure.labels = event->labels;
    return skip(quick, kind) && read_members(quick, event) && read_exceptions(quick, event) &&
           skip(quick, labels_start) && read_labels(quick, event) && skip_char(quick, '}') &&
           (quick->at == quick->end || skip_char(quick, '\n')) && quick->at == quick->end;
}

int ex_event_decode_quick(struct fo_str line, char *room, struct ex_event *ret_event) {
    struct quick quick = {line.ptr, line.ptr + line.len, room};

    if (line.len > 0 && line.len <= EX_EVENT_LINE_MAX_BYTES && read_line(&quick, ret_event))
        return 0;
    return ex_event_decode(line, ret_event);
}
