/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/engines/push/report_quick.h"

#include <stddef.h>

#include "exporter/base/digits.h"

struct quick {
    const char *at, *end;
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct quick *quick) {
    while (quick->at < quick->end && is_blank(*quick->at))
        quick->at++;
}

static bool take_char(struct quick *quick, char c) {
    skip_blanks(quick);
    if (quick->at == quick->end || *quick->at != c)
        return false;
    quick->at++;
    return true;
}

static bool take_text(struct quick *quick, struct fo_str *ret_text) {
    if (!take_char(quick, '"'))
        return false;
    const char *start = quick->at;
    for (; quick->at < quick->end && *quick->at != '"'; quick->at++) {
        if (*quick->at < ' ' || *quick->at == '\\' || (unsigned char)*quick->at >= 0x80)
            return false;
    }
    *ret_text = (struct fo_str){start, (size_t)(quick->at - start)};
    return take_char(quick, '"');
}

/* What follows, as the point of a fraction, is no comma: the object is not accepted then. */
static bool take_integer(struct quick *quick, int64_t most, int64_t *ret_number) {
    skip_blanks(quick);
    return ex_digits_read(&quick->at, quick->end, most, ret_number);
}

/* ---- members, into where they belong ---- */

static bool into_text(struct quick *quick, void *into) {
    return take_text(quick, into);
}

static bool into_u32(struct quick *quick, void *into) {
    int64_t number;
    bool taken = take_integer(quick, UINT32_MAX, &number);

    *(uint32_t *)into = (uint32_t)number;
    return taken;
}

static bool into_u64(struct quick *quick, void *into) {
    int64_t number;
    bool taken = take_integer(quick, INT64_MAX, &number);

    *(uint64_t *)into = (uint64_t)number;
    return taken;
}

static bool into_exit_code(struct quick *quick, void *into) {
    struct ex_push_said *said = into;
    int64_t number;

    said->exited = take_integer(quick, INT32_MAX, &number);
    said->exit_code = (int32_t)number;
    return said->exited;
}

struct member {
    struct fo_str name;
    bool (*take)(struct quick *quick, void *into);
    size_t offset; /* in struct ex_push_said */
};

#define MEMBER(name_, take_, offset_)                                                              \
    { {name_, sizeof(name_) - 1}, take_, offset_ }

struct object {
    const struct member *members;
    size_t count;
    unsigned needed; /* bit i: members[i] */
};

/* The order of the members is free; in the order that is known each is found at once. */
static bool take_member(struct quick *quick, const struct object *object, unsigned *seen,
                        struct ex_push_said *said) {
    struct fo_str name;
    size_t i = 0;

    if (!take_text(quick, &name) || !take_char(quick, ':'))
        return false;
    while (i < object->count && !fo_str_equal(name, object->members[i].name))
        i++;
    if (i == object->count || (*seen >> i & 1) != 0)
        return false;
    *seen |= 1u << i;
    return object->members[i].take(quick, (char *)said + object->members[i].offset);
}

static bool take_object(struct quick *quick, const struct object *object,
                        struct ex_push_said *said) {
    unsigned seen = 0;

    if (!take_char(quick, '{'))
        return false;
    if (object->needed == 0 && take_char(quick, '}'))
        return true;
    do {
        if (!take_member(quick, object, &seen, said))
            return false;
    } while (take_char(quick, ','));
    return take_char(quick, '}') && (seen & object->needed) == object->needed;
}

static bool into_failure(struct quick *quick, void *into) {
    static const struct member members[] = {
        MEMBER("exit_code", into_exit_code, 0),
        MEMBER("runtime", into_text, offsetof(struct ex_push_said, runtime)),
        MEMBER("platform_reason", into_text, offsetof(struct ex_push_said, platform_reason)),
        MEMBER("output", into_text, offsetof(struct ex_push_said, output)),
    };
    static const struct object failure = {members, sizeof members / sizeof *members, 0};
    struct ex_push_said *said = into;

    said->has_failure = true;
    return take_object(quick, &failure, said);
}

bool ex_push_said_read(struct ex_push_said *ret_said, struct fo_str line) {
    static const struct member members[] = {
        MEMBER("task", into_text, offsetof(struct ex_push_said, task)),
        MEMBER("attempt", into_u32, offsetof(struct ex_push_said, attempt)),
        MEMBER("sequence", into_u64, offsetof(struct ex_push_said, sequence)),
        MEMBER("state", into_text, offsetof(struct ex_push_said, state)),
        MEMBER("failure", into_failure, 0),
    };
    static const struct object report = {members, sizeof members / sizeof *members, 0xF};
    struct quick quick = {line.ptr, line.ptr + line.len};

    *ret_said = (struct ex_push_said){.has_failure = false};
    if (!take_object(&quick, &report, ret_said))
        return false;
    skip_blanks(&quick);
    return quick.at == quick.end;
}
