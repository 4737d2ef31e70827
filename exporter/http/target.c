/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/target.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "exporter/base/utf8.h"

/* Decoded text goes here; there is room for all of it, because decoding never makes text longer. */
struct arena {
    char *next;
};

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Bytes that may stand in a target unencoded. Stricter than the RFC about nothing, more tolerant
 * about the brackets, quotes and bars that people type into queries. */
static bool is_target_text(struct fo_str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '#')
            return false;
    }
    return true;
}

static int decode(struct arena *arena, struct fo_str text, bool plus_is_space,
                  struct fo_str *ret_text) {
    char *start = arena->next;
    size_t characters;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_value(text.ptr[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0))
                return -EINVAL;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        *arena->next++ = c;
    }
    struct fo_str decoded = {start, (size_t)(arena->next - start)};
    if (!ex_utf8_is_valid(decoded, &characters))
        return -EINVAL;
    *ret_text = decoded;
    return 0;
}

/* What stands before the next `separator`; `rest` moves behind it. */
static struct fo_str cut(struct fo_str *rest, char separator) {
    const char *end = rest->len > 0 ? memchr(rest->ptr, separator, rest->len) : NULL;
    struct fo_str piece = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    size_t used = end ? piece.len + 1 : piece.len;

    rest->ptr += used;
    rest->len -= used;
    return piece;
}

static size_t count_char(struct fo_str text, char wanted) {
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == wanted;
    return count;
}

static bool is_segment(struct fo_str segment) {
    for (size_t i = 0; i < segment.len; i++) {
        unsigned char c = (unsigned char)segment.ptr[i];
        if (c < ' ' || c == 0x7f)
            return false;
    }
    return !fo_str_equal(segment, fo_str_of(".")) && !fo_str_equal(segment, fo_str_of(".."));
}

static int parse_path(struct ex_http_target *target, struct arena *arena) {
    struct fo_str rest = {target->path.ptr + 1, target->path.len - 1};
    size_t count = count_char(rest, '/') + 1;

    if (count > EX_HTTP_PATH_SEGMENTS_MAX)
        return -E2BIG;
    for (size_t i = 0; i < count; i++) {
        int err = decode(arena, cut(&rest, '/'), false, &target->segments[i]);
        if (err == 0 && !is_segment(target->segments[i]))
            err = -EINVAL;
        if (err != 0)
            return err;
    }
    target->segment_count = count;
    return 0;
}

static int parse_query(struct ex_http_target *target, struct fo_str rest, struct arena *arena) {
    while (rest.len > 0) {
        struct fo_str value = cut(&rest, '&');
        if (value.len == 0)
            continue;
        struct ex_http_pair *pair = &target->query[target->query_count];
        struct fo_str name = cut(&value, '=');
        int err = decode(arena, name, true, &pair->name);
        if (err == 0)
            err = decode(arena, value, true, &pair->value);
        if (err != 0)
            return err;
        target->query_count++;
    }
    return 0;
}

/* "http://host:1/path" to "/path". */
static struct fo_str without_authority(struct fo_str text) {
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(schemes[i]);
        if (text.len > len && memcmp(text.ptr, schemes[i], len) == 0) {
            const char *slash = memchr(text.ptr + len, '/', text.len - len);
            return slash ? (struct fo_str){slash, text.len - (size_t)(slash - text.ptr)}
                         : fo_str_of("/");
        }
    }
    return text;
}

int ex_http_target_parse(struct fo_str text, struct ex_http_target *ret_target) {
    struct ex_http_target target = {0};

    if (text.len > EX_HTTP_TARGET_MAX_BYTES)
        return -E2BIG;
    if (!is_target_text(text))
        return -EINVAL;
    text = without_authority(text);
    if (text.len == 0 || text.ptr[0] != '/')
        return -EINVAL;

    struct fo_str query = text;
    struct fo_str path = cut(&query, '?');
    size_t pairs_max = query.len > 0 ? count_char(query, '&') + 1 : 0;
    if (pairs_max > EX_HTTP_QUERY_MAX)
        return -E2BIG;

    size_t pairs_bytes = pairs_max * sizeof *target.query;
    char *storage = malloc(pairs_bytes + path.len + text.len);
    if (!storage)
        return -ENOMEM;
    target.storage = storage;
    target.query = (struct ex_http_pair *)target.storage;
    target.path = (struct fo_str){storage + pairs_bytes, path.len};
    memcpy(storage + pairs_bytes, path.ptr, path.len);
    struct arena arena = {storage + pairs_bytes + path.len};

    int err = parse_path(&target, &arena);
    if (err == 0)
        err = parse_query(&target, query, &arena);
    if (err != 0)
        free(storage);
    else
        *ret_target = target;
    return err;
}

void ex_http_target_done(struct ex_http_target *target) {
    free(target->storage);
    *target = (struct ex_http_target){0};
}
