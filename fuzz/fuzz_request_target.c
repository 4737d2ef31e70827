/* SPDX-License-Identifier: Apache-2.0 */
/* Request targets, and the routes that they find. No path may come out of its segments. */
#include <stdint.h>
#include <stdlib.h>

#include "exporter/http/route.h"

/* Like assert(), in every build. */
static void require(bool ok) {
    if (!ok)
        abort();
}

static void handler(void *ctx, struct ex_http_request *request, struct ex_http_response *response) {
    (void)ctx;
    (void)request;
    (void)response;
}

static void check_segments(const struct ex_http_target *target) {
    require(target->segment_count >= 1 && target->segment_count <= EX_HTTP_PATH_SEGMENTS_MAX);
    for (size_t i = 0; i < target->segment_count; i++) {
        struct fo_str segment = target->segments[i];
        require(!fo_str_equal(segment, fo_str_of(".")));
        require(!fo_str_equal(segment, fo_str_of("..")));
        for (size_t at = 0; at < segment.len; at++)
            require((unsigned char)segment.ptr[at] >= ' ');
    }
}

static void check_query(const struct ex_http_target *target) {
    require(target->query_count <= EX_HTTP_QUERY_MAX);
    for (size_t i = 0; i < target->query_count; i++) {
        require(target->query[i].name.len + target->query[i].value.len <= EX_HTTP_TARGET_MAX_BYTES);
        require(!memchr(target->query[i].name.ptr, '\0', target->query[i].name.len));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct ex_http_route routes[] = {
        {.pattern = "/", .methods = EX_HTTP_GET, .handler = handler},
        {.pattern = "/jobs/:id", .methods = EX_HTTP_GET, .handler = handler},
        {.pattern = "/jobs/:id/vertices/:vid", .methods = EX_HTTP_GET, .handler = handler},
    };
    struct ex_http_target target;

    if (ex_http_target_parse((struct fo_str){(const char *)data, size}, &target) != 0)
        return 0;
    check_segments(&target);
    check_query(&target);
    struct ex_http_match match = ex_http_routes_match(routes, 3, &target, EX_HTTP_GET);
    if (match.route == &routes[2])
        require(ex_http_route_param(match.route, &target, "vid").len > 0);
    ex_http_target_done(&target);
    return 0;
}
