/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/route.h - which route a path belongs to.
 * Owns: nothing. Threads: any, on routes that do not change. */
#ifndef EX_HTTP_ROUTE_H
#define EX_HTTP_ROUTE_H

#include "exporter/http/http.h"
#include "exporter/http/target.h"

struct ex_http_match {
    const struct ex_http_route *route; /* NULL: the path is known, the method is not */
    unsigned allowed;                  /* methods of the path; 0 = unknown path */
    bool json_errors;                  /* of the path's first route */
};

/* 0, or -EINVAL: a pattern without a leading '/', with too many segments or names, an empty or a
 * repeated name; no method, no handler. `reterr` says which. */
FO_MUST_CHECK int ex_http_routes_check(const struct ex_http_route *routes, size_t count,
                                       struct fo_error *reterr);

/* HEAD counts as GET. */
struct ex_http_match ex_http_routes_match(const struct ex_http_route *routes, size_t count,
                                          const struct ex_http_target *target, unsigned method);

/* What `:name` of the pattern took from the target; ptr is NULL when there is no such name. */
struct fo_str ex_http_route_param(const struct ex_http_route *route,
                                  const struct ex_http_target *target, const char *name);

/* The method of that name, 0 if none. Names are case-sensitive. */
unsigned ex_http_method_of(const char *name);

/* "GET, HEAD, POST" for the Allow header. */
void ex_http_methods_text(unsigned methods, char ret_text[static 64]);

#endif
