/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/rest/content_type.h - what a body says it is. Private to this room. Owns: nothing.
 * Threads: any. */
#ifndef EX_REST_CONTENT_TYPE_H
#define EX_REST_CONTENT_TYPE_H

#include <stdbool.h>
#include <strings.h>

#include "failover/types.h"

/* Whether the header names one of the types (ended by NULL), whatever its parameters. */
static inline bool ex_content_type_is(struct fo_str header, const char *const *types) {
    for (; header.ptr && *types; types++) {
        size_t len = strlen(*types);
        if (header.len >= len && strncasecmp(header.ptr, *types, len) == 0 &&
            (header.len == len || header.ptr[len] == ';' || header.ptr[len] == ' '))
            return true;
    }
    return false;
}

#endif
