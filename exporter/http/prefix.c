/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/prefix.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "exporter/config/fail.h"

enum { SEGMENTS_MAX = EX_HTTP_PATH_SEGMENTS_MAX / 2 };

/* The next segment of "/a/b" or "a/b/"; empty ones are skipped. False at the end. */
static bool next_segment(struct fo_str *rest, struct fo_str *ret_segment) {
    while (rest->len > 0 && *rest->ptr == '/')
        *rest = (struct fo_str){rest->ptr + 1, rest->len - 1};
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->ptr, '/', rest->len);
    ret_segment->ptr = rest->ptr;
    ret_segment->len = end ? (size_t)(end - rest->ptr) : rest->len;
    *rest = (struct fo_str){rest->ptr + ret_segment->len, rest->len - ret_segment->len};
    return true;
}

static bool is_plain(struct fo_str segment) {
    for (size_t i = 0; i < segment.len; i++) {
        char c = segment.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && !strchr("-._~", c))
            return false;
    }
    return !fo_str_equal(segment, fo_str_of(".")) && !fo_str_equal(segment, fo_str_of(".."));
}

/* Where the path of the URL begins; NULL: it is none. */
static const char *path_of(const char *url) {
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t skip = strlen(schemes[i]);
        if (strncmp(url, schemes[i], skip) != 0)
            continue;
        size_t host = strcspn(url + skip, "/?#");
        return host > 0 && !strpbrk(url, "?# ") ? url + skip + host : NULL;
    }
    return NULL;
}

int ex_http_prefix_of(const char *route_prefix, const char *external_url,
                      char ret_prefix[static EX_HTTP_PREFIX_MAX_BYTES], struct fo_error *reterr) {
    const char *url_path = external_url ? path_of(external_url) : "";
    char prefix[EX_HTTP_PREFIX_MAX_BYTES] = "";
    struct fo_str segment;
    size_t len = 0;
    size_t count = 0;

    if (!url_path)
        return ex_fail(reterr, -EINVAL, 0, "%.80s: not the URL of a server", external_url);
    struct fo_str rest = fo_str_of(route_prefix ? route_prefix : url_path);
    while (next_segment(&rest, &segment)) {
        if (!is_plain(segment) || ++count > SEGMENTS_MAX || len + segment.len + 2 > sizeof prefix)
            return ex_fail(reterr, -EINVAL, 0,
                           "%.80s: a prefix has up to %d segments, of letters, digits and -._~",
                           route_prefix ? route_prefix : url_path, SEGMENTS_MAX);
        prefix[len++] = '/';
        memcpy(prefix + len, segment.ptr, segment.len);
        len += segment.len;
    }
    memcpy(ret_prefix, prefix, sizeof prefix);
    return 0;
}

void ex_http_prefix_strip(const char *prefix, struct ex_http_target *target) {
    struct fo_str rest = fo_str_of(prefix);
    struct fo_str segment;
    size_t count = 0;

    while (next_segment(&rest, &segment)) {
        if (count == target->segment_count || !fo_str_equal(segment, target->segments[count])) {
            target->segment_count = 0;
            return;
        }
        count++;
    }
    target->segment_count -= count;
    for (size_t i = 0; i < target->segment_count; i++)
        target->segments[i] = target->segments[i + count];
}
