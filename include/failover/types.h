/* SPDX-License-Identifier: Apache-2.0 */
/* failover/types.h - the words that every public header shares.
 * Owns: nothing. Threads: any. */
#ifndef FAILOVER_TYPES_H
#define FAILOVER_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FO_MUST_CHECK __attribute__((warn_unused_result))
#define FO_PRINTF(format_index, first_argument)                                                    \
    __attribute__((format(printf, format_index, first_argument)))
#define FO_API __attribute__((visibility("default")))
#else
#define FO_MUST_CHECK
#define FO_PRINTF(format_index, first_argument)
#define FO_API
#endif

/* Text with its length; not terminated, may hold any byte. `ptr` may be NULL when `len` is 0. */
struct fo_str {
    const char *ptr;
    size_t len;
};

/* Text of a terminated string; borrowed from `text`, which may be NULL. */
static inline struct fo_str fo_str_of(const char *text) {
    struct fo_str str = {text, text ? strlen(text) : 0};
    return str;
}

static inline int fo_str_equal(struct fo_str a, struct fo_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* What a person must read about a failure; owned by the caller, filled by the callee.
 * `code` is the negative errno that the function returned as well. */
struct fo_error {
    int code;
    int line; /* of the file being read, 1 = first; 0 = not about a line */
    char text[248];
};

/* A label: what a failure listener says of a failure. Both texts are borrowed. */
struct fo_label {
    struct fo_str key;
    struct fo_str value;
};

#ifdef __cplusplus
}
#endif

#endif
