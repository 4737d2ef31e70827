/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/route.h"

#include <errno.h>
#include <stdio.h>

#include "exporter/http/limits.h"

static const struct {
    const char *name;
    unsigned method;
} methods_known[] = {
    {"GET", EX_HTTP_GET}, {"HEAD", EX_HTTP_HEAD},   {"POST", EX_HTTP_POST},
    {"PUT", EX_HTTP_PUT}, {"PATCH", EX_HTTP_PATCH}, {"DELETE", EX_HTTP_DELETE},
};
enum { METHODS = sizeof methods_known / sizeof methods_known[0] };

/* Walks a pattern: its next segment, without the '/'. False at the end. */
static bool next_segment(const char **pattern, struct fo_str *ret_segment) {
    if (**pattern != '/')
        return false;
    const char *start = *pattern + 1;
    *ret_segment = (struct fo_str){start, strcspn(start, "/")};
    *pattern = start + ret_segment->len;
    return true;
}

static bool is_name(struct fo_str segment) {
    return segment.len > 0 && segment.ptr[0] == ':';
}

static const char *pattern_problem(const char *pattern) {
    struct fo_str names[EX_HTTP_PATH_PARAMS_MAX];
    struct fo_str segment;
    size_t segment_count = 0;
    size_t name_count = 0;

    if (!pattern || pattern[0] != '/')
        return "the pattern does not begin with '/'";
    for (const char *rest = pattern; next_segment(&rest, &segment); segment_count++) {
        if (!is_name(segment))
            continue;
        if (segment.len == 1)
            return "a parameter has no name";
        if (name_count == EX_HTTP_PATH_PARAMS_MAX)
            return "too many parameters";
        for (size_t i = 0; i < name_count; i++) {
            if (fo_str_equal(names[i], segment))
                return "a parameter's name stands twice";
        }
        names[name_count++] = segment;
    }
    return segment_count > EX_HTTP_PATH_SEGMENTS_MAX ? "too many segments" : NULL;
}

static const char *route_problem(const struct ex_http_route *route) {
    if (!route->handler)
        return "there is no handler";
    if (route->methods == 0)
        return "there is no method";
    return pattern_problem(route->pattern);
}

int ex_http_routes_check(const struct ex_http_route *routes, size_t count,
                         struct fo_error *reterr) {
    struct fo_error error = {.code = -EINVAL};

    if (count > EX_HTTP_ROUTES_MAX) {
        (void)snprintf(error.text, sizeof error.text, "more than %d routes", EX_HTTP_ROUTES_MAX);
        *reterr = error;
        return -EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        const char *problem = route_problem(&routes[i]);
        if (problem) {
            (void)snprintf(error.text, sizeof error.text, "route %.100s: %s",
                           routes[i].pattern ? routes[i].pattern : "(none)", problem);
            *reterr = error;
            return -EINVAL;
        }
    }
    return 0;
}

static bool fits(const char *pattern, const struct ex_http_target *target) {
    struct fo_str segment;
    size_t i = 0;

    for (; next_segment(&pattern, &segment); i++) {
        if (i == target->segment_count)
            return false;
        struct fo_str given = target->segments[i];
        if (is_name(segment) ? given.len == 0 : !fo_str_equal(segment, given))
            return false;
    }
    return i == target->segment_count;
}

struct ex_http_match ex_http_routes_match(const struct ex_http_route *routes, size_t count,
                                          const struct ex_http_target *target, unsigned method) {
    struct ex_http_match match = {0};
    const char *pattern = NULL;

    if (method == EX_HTTP_HEAD)
        method = EX_HTTP_GET;
    for (size_t i = 0; i < count; i++) {
        const struct ex_http_route *route = &routes[i];
        if (pattern ? strcmp(pattern, route->pattern) != 0 : !fits(route->pattern, target))
            continue;
        if (!pattern)
            match.json_errors = route->json_errors;
        pattern = route->pattern;
        match.allowed |= route->methods;
        if (!match.route && (route->methods & method) != 0)
            match.route = route;
    }
    if ((match.allowed & EX_HTTP_GET) != 0)
        match.allowed |= EX_HTTP_HEAD;
    return match;
}

struct fo_str ex_http_route_param(const struct ex_http_route *route,
                                  const struct ex_http_target *target, const char *name) {
    const char *rest = route->pattern;
    struct fo_str segment;

    for (size_t i = 0; i < target->segment_count && next_segment(&rest, &segment); i++) {
        struct fo_str bare = {segment.ptr + 1, segment.len - 1};
        if (is_name(segment) && fo_str_equal(bare, fo_str_of(name)))
            return target->segments[i];
    }
    return (struct fo_str){NULL, 0};
}

unsigned ex_http_method_of(const char *name) {
    for (size_t i = 0; i < METHODS; i++) {
        if (strcmp(methods_known[i].name, name) == 0)
            return methods_known[i].method;
    }
    return 0;
}

void ex_http_methods_text(unsigned methods, char ret_text[static 64]) {
    size_t len = 0;

    ret_text[0] = '\0';
    for (size_t i = 0; i < METHODS; i++) {
        if ((methods & methods_known[i].method) != 0)
            len += (size_t)snprintf(ret_text + len, 64 - len, "%s%s", len > 0 ? ", " : "",
                                    methods_known[i].name);
    }
}
