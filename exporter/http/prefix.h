/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/prefix.h - the path under which a server is reached, such as behind a proxy.
 * Owns: nothing. Threads: any. */
#ifndef EX_HTTP_PREFIX_H
#define EX_HTTP_PREFIX_H

#include "exporter/http/target.h"

enum { EX_HTTP_PREFIX_MAX_BYTES = 256 };

/* The prefix as "" or "/a/b", never with a '/' at its end: `route_prefix` when it is not NULL, else
 * the path of `external_url`, else none. Both are what people typed.
 * -EINVAL, told in `reterr`: an URL that is not http:// or https:// with a host, or has a query; a
 * path of more than half the segments that a target may have, with "." or "..", or with another
 * character than letters, digits and "-._~". */
FO_MUST_CHECK int ex_http_prefix_of(const char *route_prefix, const char *external_url,
                                    char ret_prefix[static EX_HTTP_PREFIX_MAX_BYTES],
                                    struct fo_error *reterr);

/* Takes the prefix off the segments of `target`. Without it nothing is left of them, so that no
 * route fits. */
void ex_http_prefix_strip(const char *prefix, struct ex_http_target *target);

#endif
