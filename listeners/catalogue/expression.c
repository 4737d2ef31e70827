/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/expression.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { REPEAT_MAX = 255, DEPTH_MAX = 32 };

/* What the last thing read was: it decides what may come next. */
enum place {
    AT_START,   /* of the expression, a group or an alternative: something must come */
    AFTER_ATOM, /* may be repeated */
    AFTER_END   /* an anchor or a repetition: may not be repeated */
};

struct translation {
    struct fo_str rest;
    struct catalogue_pattern *pattern;
    const char *why; /* not NULL: it failed */
    enum place place;
    int depth;
};

static void fail(struct translation *t, const char *why) {
    if (!t->why)
        t->why = why;
    t->rest.len = 0;
}

static int peek(const struct translation *t, size_t ahead) {
    return t->rest.len > ahead ? (unsigned char)t->rest.ptr[ahead] : -1;
}

static int take(struct translation *t) {
    int c = peek(t, 0);
    if (c >= 0) {
        t->rest.ptr++;
        t->rest.len--;
    }
    return c;
}

/* The pattern's size allows for the longest translation of the longest expression. */
static void put_bytes(struct translation *t, const char *bytes, size_t len) {
    char *end = t->pattern->text + t->pattern->len;

    if (t->pattern->len + len >= sizeof t->pattern->text) {
        fail(t, "it is too long");
        return;
    }
    memcpy(end, bytes, len);
    end[len] = '\0';
    t->pattern->len += len;
}

static void put(struct translation *t, const char *text) {
    put_bytes(t, text, strlen(text));
}

/* A character that stands for itself. */
static void put_literal(struct translation *t, int c) {
    static const char digits[] = "0123456789abcdef";
    const char escaped[] = {'\\', 'x', digits[c >> 4 & 15], digits[c & 15]};

    if (isalnum(c) || c == ' ' || c == '_')
        put_bytes(t, &(char){(char)c}, 1);
    else
        put_bytes(t, escaped, sizeof escaped);
}

static void escape(struct translation *t) {
    int c = take(t);

    /* \< \> \` \' are anchors to some of the four. */
    if (c < 0 || !ispunct(c) || strchr("<>`'", c))
        fail(t, "a backslash may only stand before punctuation other than < > ` '");
    else
        put_literal(t, c);
    t->place = AFTER_ATOM;
}

static int class_member(struct translation *t) {
    int c = take(t);

    if (c < 0)
        fail(t, "a [ is not closed");
    else if (c == '\\' && take(t) != '\\') /* twice is one to all: a set, or an escape */
        fail(t, "a single backslash inside [ ] means different things to different matchers");
    else if (c == '[' && (peek(t, 0) == ':' || peek(t, 0) == '.' || peek(t, 0) == '='))
        fail(t, "named classes inside [ ] are not understood everywhere");
    else if (c > 126 || (c < ' ' && c != '\t'))
        fail(t, "only printable ASCII can stand inside [ ]");
    return c;
}

static void class_items(struct translation *t) {
    bool first = true;

    while (!t->why && (first || peek(t, 0) != ']')) {
        int low = class_member(t);
        bool range = peek(t, 0) == '-' && peek(t, 1) != ']';
        first = false;
        if (t->why)
            return;
        put_literal(t, low);
        if (!range)
            continue;
        (void)take(t);
        int high = class_member(t);
        if (!t->why && high < low)
            fail(t, "a range inside [ ] runs backwards");
        put(t, "-");
        put_literal(t, high);
    }
    (void)take(t);
}

static void class_of(struct translation *t) {
    put(t, "[");
    if (peek(t, 0) == '^') {
        (void)take(t);
        put(t, "^\\x0a"); /* or it would match the end of a line */
    }
    class_items(t);
    put(t, "]");
    t->place = AFTER_ATOM;
}

static int repeat_number(struct translation *t) {
    int number = -1;

    while (isdigit(peek(t, 0)) && number <= REPEAT_MAX)
        number = (number < 0 ? 0 : number * 10) + (take(t) - '0');
    return number;
}

static void repeat_range(struct translation *t) {
    char text[32];
    int least = repeat_number(t);
    int most = least;
    bool open = false;

    if (peek(t, 0) == ',') {
        (void)take(t);
        most = repeat_number(t);
        open = most < 0;
    }
    if (least < 0 || least > REPEAT_MAX || most > REPEAT_MAX || (!open && most < least) ||
        take(t) != '}') {
        fail(t, "a { starts a repetition {n}, {n,} or {n,m} up to 255; write \\{ for itself");
        return;
    }
    if (open)
        (void)snprintf(text, sizeof text, "{%d,}", least);
    else
        (void)snprintf(text, sizeof text, "{%d,%d}", least, most);
    put(t, text);
}

static void repeat(struct translation *t, int c) {
    char text[2] = {(char)c, 0};

    if (t->place == AT_START)
        fail(t, "there is nothing to repeat");
    else if (t->place == AFTER_END)
        fail(t, "a repetition or an anchor cannot be repeated, nor made lazy");
    else if (c == '{')
        repeat_range(t);
    else
        put(t, text);
    t->place = AFTER_END;
}

static void group_open(struct translation *t) {
    if (peek(t, 0) == '?')
        fail(t, "( ) groups have no options; only (?i) at the very start is understood");
    else if (++t->depth > DEPTH_MAX)
        fail(t, "its groups are nested too deeply");
    put(t, "(?:");
    t->place = AT_START;
}

static void group_close(struct translation *t) {
    if (t->depth-- == 0)
        fail(t, "a ) has no (");
    else if (t->place == AT_START)
        fail(t, "a group or an alternative is empty");
    put(t, ")");
    t->place = AFTER_ATOM;
}

static void alternative(struct translation *t) {
    if (t->place == AT_START)
        fail(t, "an alternative is empty");
    put(t, "|");
    t->place = AT_START;
}

static void anchor(struct translation *t, const char *text) {
    put(t, text);
    t->place = AFTER_END;
}

static void step(struct translation *t, int c) {
    switch (c) {
    case '\\':
        escape(t);
        return;
    case '[':
        class_of(t);
        return;
    case '(':
        group_open(t);
        return;
    case ')':
        group_close(t);
        return;
    case '|':
        alternative(t);
        return;
    case '^':
        anchor(t, "^");
        return;
    case '$':
        anchor(t, "$");
        return;
    case '*':
    case '+':
    case '?':
    case '{':
        repeat(t, c);
        return;
    case '\n':
    case 0:
        fail(t, "it holds a line end or a NUL, which no line does");
        return;
    default:
        break;
    }
    if (c == '.')
        put(t, ".");
    else
        put_literal(t, c);
    t->place = AFTER_ATOM;
}

int catalogue_expression_translate(struct fo_str expression, struct catalogue_pattern *ret_pattern,
                                   const char **ret_why) {
    struct translation t = {.rest = expression, .pattern = ret_pattern};

    ret_pattern->len = 0;
    ret_pattern->text[0] = 0;
    ret_pattern->caseless = expression.len >= 4 && memcmp(expression.ptr, "(?i)", 4) == 0;
    if (ret_pattern->caseless) {
        t.rest.ptr += 4;
        t.rest.len -= 4;
    }
    if (expression.len > CATALOGUE_EXPRESSION_MAX_BYTES)
        fail(&t, "it is longer than 1024 bytes");
    while (t.rest.len > 0)
        step(&t, take(&t));
    if (t.depth > 0)
        fail(&t, "a ( is not closed");
    if (t.place == AT_START)
        fail(&t, "it, or an alternative in it, is empty");
    *ret_why = t.why;
    return t.why ? -EINVAL : 0;
}

int catalogue_expression_quote(struct fo_str name, struct catalogue_pattern *ret_pattern,
                               const char **ret_why) {
    struct translation t = {.rest = name, .pattern = ret_pattern};

    ret_pattern->len = 0;
    ret_pattern->text[0] = 0;
    ret_pattern->caseless = false;
    if (name.len == 0 || name.len > CATALOGUE_EXPRESSION_MAX_BYTES)
        fail(&t, "a name has 1 to 1024 bytes");
    while (t.rest.len > 0)
        put_literal(&t, take(&t));
    *ret_why = t.why;
    return t.why ? -EINVAL : 0;
}
