/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "exporter/http/route.h"

static void handler(void *ctx, struct ex_http_request *request, struct ex_http_response *response) {
    (void)ctx;
    (void)request;
    (void)response;
}

#define ROUTE(pattern_, methods_)                                                                  \
    { .pattern = (pattern_), .methods = (methods_), .handler = handler }

static const struct ex_http_route routes[] = {
    ROUTE("/", EX_HTTP_GET),
    ROUTE("/jobs", EX_HTTP_GET),
    ROUTE("/jobs", EX_HTTP_POST),
    ROUTE("/jobs/overview", EX_HTTP_GET),
    ROUTE("/jobs/:id", EX_HTTP_GET),
    ROUTE("/jobs/:id", EX_HTTP_PATCH),
    ROUTE("/jobs/:id/vertices/:vid", EX_HTTP_GET),
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

static struct ex_http_match match(const char *path, unsigned method) {
    struct ex_http_target target;

    assert_int_equal(ex_http_target_parse(fo_str_of(path), &target), 0);
    struct ex_http_match found = ex_http_routes_match(routes, ROUTES, &target, method);
    ex_http_target_done(&target);
    return found;
}

static void test_match(void **state) {
    static const struct {
        const char *path;
        unsigned method;
        const struct ex_http_route *route;
    } cases[] = {
        {"/", EX_HTTP_GET, &routes[0]},
        {"/", EX_HTTP_HEAD, &routes[0]},
        {"/jobs", EX_HTTP_GET, &routes[1]},
        {"/jobs", EX_HTTP_POST, &routes[2]},
        {"/jobs/overview", EX_HTTP_GET, &routes[3]},
        {"/jobs/x", EX_HTTP_GET, &routes[4]},
        {"/jobs/x", EX_HTTP_PATCH, &routes[5]},
        {"/jobs/x/vertices/y", EX_HTTP_GET, &routes[6]},
        {"/jobs/a%2Fb", EX_HTTP_GET, &routes[4]},
        {"/jobs/", EX_HTTP_GET, NULL},
        {"//jobs", EX_HTTP_GET, NULL},
        {"/Jobs", EX_HTTP_GET, NULL},
        {"/jobs/x/vertices", EX_HTTP_GET, NULL},
        {"/jobs/x/vertices/y/", EX_HTTP_GET, NULL},
        {"/jobs/overview", EX_HTTP_PATCH, NULL}, /* the first pattern that fits decides */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_ptr_equal(match(cases[i].path, cases[i].method).route, cases[i].route);
}

static void test_allowed(void **state) {
    char text[64];

    (void)state;
    assert_int_equal(match("/nowhere", EX_HTTP_GET).allowed, 0);
    struct ex_http_match jobs = match("/jobs", EX_HTTP_DELETE);
    assert_null(jobs.route);
    ex_http_methods_text(jobs.allowed, text);
    assert_string_equal(text, "GET, HEAD, POST");
    assert_null(match("/jobs", 0).route); /* a method that nobody knows */
    assert_int_equal(ex_http_method_of("get"), 0);
    assert_int_equal(ex_http_method_of("PATCH"), EX_HTTP_PATCH);
}

static void test_params(void **state) {
    struct ex_http_target target;

    (void)state;
    assert_int_equal(ex_http_target_parse(fo_str_of("/jobs/a%20b/vertices/c"), &target), 0);
    assert_true(fo_str_equal(ex_http_route_param(&routes[6], &target, "id"), fo_str_of("a b")));
    assert_true(fo_str_equal(ex_http_route_param(&routes[6], &target, "vid"), fo_str_of("c")));
    assert_null(ex_http_route_param(&routes[6], &target, "jobs").ptr);
    ex_http_target_done(&target);
}

static void test_check(void **state) {
    static const struct ex_http_route bad[] = {
        ROUTE(NULL, EX_HTTP_GET),
        ROUTE("jobs", EX_HTTP_GET),
        ROUTE("/jobs", 0),
        ROUTE("/:", EX_HTTP_GET),
        ROUTE("/:a/:a", EX_HTTP_GET),
        ROUTE("/:a/:b/:c/:d/:e", EX_HTTP_GET),
        ROUTE("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", EX_HTTP_GET),
        {.pattern = "/a", .methods = EX_HTTP_GET},
    };
    struct fo_error error;

    (void)state;
    assert_int_equal(ex_http_routes_check(routes, ROUTES, &error), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(ex_http_routes_check(&bad[i], 1, &error), -EINVAL);
    assert_int_equal(ex_http_routes_check(routes, EX_HTTP_ROUTES_MAX + 1, &error), -EINVAL);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
