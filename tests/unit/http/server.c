/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers over real sockets: methods, bodies, framing, roles, listeners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "exporter/http/limits.h"
#include "tests/unit/http/client.h"

#define GET(path_) "GET " path_ " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define KEEP(path_) "GET " path_ " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST_HEAD(path_) "POST " path_ " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"

enum { BODY_MAX = 100, PIECES = 200 };

static atomic_int released;

static void release(void *ctx) {
    (void)ctx;
    atomic_fetch_add(&released, 1);
}

static void page(void *ctx, struct ex_http_request *request, struct ex_http_response *response) {
    (void)ctx;
    (void)request;
    ex_http_response_header(response, "Content-Type", "text/plain");
    ex_http_response_borrow(response, fo_str_of("the page"), release, NULL);
}

static void echo(void *ctx, struct ex_http_request *request, struct ex_http_response *response) {
    (void)ctx;
    ex_http_response_copy(response, ex_http_request_body(request));
}

/* As many pieces as the query says: "0,1,2,..." */
static void pieces(void *ctx, struct ex_http_request *request, struct ex_http_response *response) {
    static char digits[PIECES][8];
    struct fo_str list[PIECES];
    size_t count = ex_http_request_query(request, "few", 0).ptr ? 3 : PIECES;

    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(digits[i], sizeof digits[i], "%zu,", i);
        list[i] = fo_str_of(digits[i]);
    }
    ex_http_response_pieces(response, list, count, release, NULL);
}

static void job(void *ctx, struct ex_http_request *request, struct ex_http_response *response) {
    struct fo_str id = ex_http_request_param(request, "id");

    (void)ctx;
    ex_http_response_error(response, 404, "no job \"%.*s\"", (int)id.len, id.ptr);
}

static void who(void *ctx, struct ex_http_request *request, struct ex_http_response *response) {
    const struct ex_http_peer *peer = ex_http_request_peer(request);
    char text[128];

    (void)ctx;
    (void)snprintf(text, sizeof text, "%s uid %d loopback %d roles %u", peer->address,
                   peer->local_socket ? (int)peer->uid : -1, peer->loopback, peer->roles);
    ex_http_response_copy(response, fo_str_of(text));
}

static void header(void *ctx, struct ex_http_request *request, struct ex_http_response *response) {
    struct fo_str accept = ex_http_request_header(request, "accept");
    struct fo_str twice = ex_http_request_header(request, "X-Twice");

    (void)ctx;
    (void)twice; /* must not disturb the one before */
    ex_http_response_copy(response, accept);
}

static void forge(void *ctx, struct ex_http_request *request, struct ex_http_response *response) {
    (void)ctx;
    (void)request;
    ex_http_response_header(response, "X-Name", "a\r\nSet-Cookie: b");
    ex_http_response_borrow(response, fo_str_of("x"), release, NULL);
}

static const struct ex_http_route routes[] = {
    {.pattern = "/page", .methods = EX_HTTP_GET, .handler = page},
    {.pattern = "/echo",
     .methods = EX_HTTP_POST | EX_HTTP_PUT,
     .handler = echo,
     .body_max_bytes = BODY_MAX},
    {.pattern = "/pieces", .methods = EX_HTTP_GET, .handler = pieces},
    {.pattern = "/jobs/:id", .methods = EX_HTTP_GET, .handler = job, .json_errors = true},
    {.pattern = "/who", .methods = EX_HTTP_GET, .handler = who},
    {.pattern = "/read", .methods = EX_HTTP_GET, .handler = who, .roles = EX_HTTP_ROLE_READ},
    {.pattern = "/control", .methods = EX_HTTP_GET, .handler = who, .roles = EX_HTTP_ROLE_CONTROL},
    {.pattern = "/header", .methods = EX_HTTP_GET, .handler = header},
    {.pattern = "/forge", .methods = EX_HTTP_GET, .handler = forge},
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

static int set_up(void **state) {
    static const struct ex_http_deadlines patient = {AWAIT_MS, AWAIT_MS, AWAIT_MS,
                                                     AWAIT_MS, AWAIT_MS, 20};

    atomic_store(&released, 0);
    *state = start_server((struct ex_http_config){.deadlines = &patient}, routes, ROUTES);
    return 0;
}

static int tear_down(void **state) {
    *state = ex_http_stop(*state, 1000);
    return 0;
}

static const char *body_of(const char *answer) {
    const char *body = strstr(answer, "\r\n\r\n");

    assert_non_null(body);
    return body + 4;
}

static uint64_t rejected(const struct ex_http_server *server, enum ex_http_rejection reason) {
    return atomic_load(&ex_http_counters(server)->rejected[reason]);
}

static void test_methods(void **state) {
    const char *answer = ask(*state, GET("/page"));

    assert_int_equal(status_of(answer), 200);
    assert_string_equal(body_of(answer), "the page");
    assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
    answer = ask(*state, "HEAD /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_int_equal(status_of(answer), 200);
    assert_non_null(strstr(answer, "Content-Length: 8\r\n"));
    assert_string_equal(body_of(answer), "");
    answer = ask(*state, "DELETE /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_int_equal(status_of(answer), 405);
    assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
    answer = ask(*state, "BREW /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_int_equal(status_of(answer), 405);
    assert_non_null(strstr(answer, "Allow: POST, PUT\r\n"));
    assert_int_equal(ask_status(*state, GET("/page/")), 404);
    assert_int_equal(ask_status(*state, GET("/nowhere")), 404);
    assert_int_equal(ask_status(*state, GET("http://a/page")), 200);
    assert_int_equal(ask_status(*state, GET("/../page")), 400);
    assert_int_equal(ask_status(*state, GET("/page%00")), 400);
}

static void test_errors(void **state) {
    const char *answer = ask(*state, GET("/jobs/a%22%0Ab"));

    assert_int_equal(status_of(answer), 400); /* a control byte in a path */
    answer = ask(*state, GET("/jobs/a%22b"));
    assert_int_equal(status_of(answer), 404);
    assert_string_equal(body_of(answer), "{\"errors\":[\"no job \\\"a\\\"b\\\"\"]}");
    assert_non_null(strstr(answer, "Content-Type: application/json"));
    answer = ask(*state, "PUT /jobs/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_int_equal(status_of(answer), 405);
    assert_non_null(strstr(answer, "{\"errors\":["));
    answer = ask(*state, GET("/forge"));
    assert_int_equal(status_of(answer), 500);
    assert_null(strstr(answer, "Set-Cookie"));
    await(atomic_load(&released) == 1);
}

static void test_keep_alive(void **state) {
    int fd = connect_to(*state);

    send_text(fd, KEEP("/page") KEEP("/nowhere") KEEP("/pieces?few")); /* pipelined */
    const char *answer = receive_until(fd, "0,1,2,");
    const char *second = strstr(answer + 1, "HTTP/1.1 404");
    assert_int_equal(status_of(answer), 200);
    assert_non_null(second);
    assert_non_null(strstr(second, "HTTP/1.1 200"));
    send_text(fd, "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" KEEP("/page"));
    answer = receive_until(fd, "the page");
    assert_int_equal(status_of(answer), 405); /* and the body is read, so the next one is heard */
    assert_non_null(strstr(answer + 1, "HTTP/1.1 200"));
    (void)close(fd);
}

static void test_bodies(void **state) {
    char big[BODY_MAX + 64];
    char request[1024];

    assert_string_equal(body_of(ask(*state, POST_HEAD("/echo") "Content-Length: 5\r\n\r\nhello")),
                        "hello");
    assert_string_equal(body_of(ask(*state, POST_HEAD("/echo") "Transfer-Encoding: chunked\r\n\r\n"
                                                               "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")),
                        "abcde");
    memset(big, 'x', sizeof big);
    (void)snprintf(request, sizeof request, "%sContent-Length: %d\r\n\r\n%.*s", POST_HEAD("/echo"),
                   BODY_MAX, BODY_MAX, big);
    assert_int_equal(ask_status(*state, request), 200);
    (void)snprintf(request, sizeof request, "%sContent-Length: %d\r\n\r\n%.*s", POST_HEAD("/echo"),
                   BODY_MAX + 1, BODY_MAX + 1, big);
    assert_int_equal(ask_status(*state, request), 413);
    (void)snprintf(request, sizeof request,
                   "%sTransfer-Encoding: chunked\r\n\r\n65\r\n%.*s\r\n0\r\n\r\n",
                   POST_HEAD("/echo"), BODY_MAX + 1, big);
    assert_int_equal(ask_status(*state, request), 413);
    /* Too much to be thrown away: answered at once, without the body. */
    assert_int_equal(
        ask_status(*state, POST_HEAD("/echo") "Content-Length: 99999999999\r\n\r\nabc"), 413);
    assert_int_equal(
        ask_status(*state,
                   POST_HEAD("/echo") "Content-Length: 101\r\nExpect: 100-continue\r\n\r\n"),
        413);
    assert_int_equal(ask_status(*state, "GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                        "Content-Length: 3\r\n\r\nabc"),
                     413);
    assert_int_equal(rejected(*state, EX_HTTP_REJECTED_SIZE), 5);
}

static void test_endless_body(void **state) {
    static const char head[] = "1000\r\n";
    static const char tail[] = "\r\n";
    char chunk[sizeof head + 4096 + sizeof tail];
    int fd = connect_to(*state);
    size_t sent = 0;

    memset(chunk, 'x', sizeof chunk);
    memcpy(chunk, head, sizeof head - 1);
    memcpy(chunk + sizeof head - 1 + 4096, tail, sizeof tail);
    send_text(fd, POST_HEAD("/echo") "Transfer-Encoding: chunked\r\n\r\n");
    while (sent < (size_t)16 * EX_HTTP_DRAIN_BYTES && try_send(fd, chunk))
        sent += 4096;
    assert_true(sent < (size_t)16 * EX_HTTP_DRAIN_BYTES);
    (void)close(fd);
}

static void test_framing(void **state) {
    static const char *const bad[] = {
        POST_HEAD("/echo") "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        POST_HEAD("/echo") "Content-Length: 5, 5\r\n\r\nhello",
        POST_HEAD("/echo") "Content-Length: -1\r\n\r\n",
        POST_HEAD("/echo") "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST_HEAD("/echo") "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST_HEAD("/echo") "Transfer-Encoding: identity\r\n\r\nabc",
        POST_HEAD("/echo") "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET /page HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        "GET /page HTTP/1.1\r\nConnection: close\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (ask_status(*state, bad[i]) != 400)
            fail_msg("not refused: %s", bad[i]);
    }
    assert_true(rejected(*state, EX_HTTP_REJECTED_MALFORMED) >= 6);
}

static const char good_then_garbage[] = KEEP("/page") "garbage garbage garbage garbage\r\n\r\n";

static void test_garbage(void **state) {
    static const char *const garbage[] = {
        "\r\n\r\n\r\n\r\n",
        "\x16\x03\x01\x02\x01\x01",
        "GET\r\n\r\n",
        "GET /page\r\n\r\n",
        "GET /page HTTP/9.9\r\n\r\n",
        "\x01\x02\x03\r\n\r\n",
        " GET /page HTTP/1.1\r\n\r\n",
        good_then_garbage,
    };
    static const char rest[] = " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    /* Of empty lines alone libmicrohttpd does not notice the end: the deadline does. */
    static const struct ex_http_deadlines brief = {1000,     AWAIT_MS, AWAIT_MS,
                                                   AWAIT_MS, AWAIT_MS, 20};
    const size_t size = (size_t)80 << 10;
    char *long_header = malloc(size);
    int fd = -1;

    (void)ex_http_stop(*state, 1000);
    *state = start_server((struct ex_http_config){.deadlines = &brief}, routes, ROUTES);
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        fd = connect_to(*state);
        (void)try_send(fd, garbage[i]);
        (void)shutdown(fd, SHUT_WR);
        if (!is_closed(fd, AWAIT_MS))
            fail_msg("still open after garbage %zu", i);
        (void)close(fd);
    }
    (void)ex_http_stop(*state, 1000);
    assert_int_equal(set_up(state), 0);
    assert_non_null(long_header);
    memset(long_header, 'a', size);
    memcpy(long_header, "GET /page HTTP/1.1\r\nX: ", 23);
    long_header[size - 1] = '\0';
    assert_int_equal(ask_status(*state, long_header), 431);
    memcpy(long_header, "GET /", 5);
    memset(long_header + 5, 'a', 30);
    assert_int_equal(ask_status(*state, long_header), 414);
    memcpy(long_header + 9000, rest, sizeof rest);
    assert_int_equal(ask_status(*state, long_header), 414); /* ours: it fits the memory */
    free(long_header);
    assert_int_equal(ask_status(*state, GET("/page")), 200);
}

static void test_pieces(void **state) {
    const char *answer = ask(*state, GET("/pieces?few"));

    assert_string_equal(body_of(answer), "0,1,2,");
    answer = ask(*state, GET("/pieces"));
    assert_non_null(strstr(answer, "Content-Length: 690\r\n"));
    assert_non_null(strstr(answer, ",64,65,66,"));
    assert_string_equal(answer + strlen(answer) - 9, ",198,199,");
    await(atomic_load(&released) == 2); /* it may come just after the last byte */
}

static void test_headers(void **state) {
    assert_string_equal(
        body_of(ask(*state, "GET /header HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                            "Accept: a\r\nX-Twice: 1\r\naccept: b;q=1\r\n"
                            "X-Twice: 2\r\nAccept: c\r\n\r\n")),
        "a, b;q=1, c");
    assert_string_equal(body_of(ask(*state, GET("/header"))), "");
}

static void test_roles(void **state) {
    assert_int_equal(ask_status(*state, GET("/who")), 200);
    assert_int_equal(ask_status(*state, GET("/read")), 200); /* loopback */
    assert_int_equal(ask_status(*state, GET("/control")), 403);
    assert_int_equal(rejected(*state, EX_HTTP_REJECTED_AUTH), 1);
    const struct ex_http_counters *counters = ex_http_counters(*state);
    assert_int_equal(atomic_load(&counters->responses[2]), 2);
    assert_int_equal(atomic_load(&counters->responses[4]), 1);
}

/* ---- Listeners ---- */

static void test_unix(void **state) {
    char folder[] = "/tmp/http-test-XXXXXX";
    char address[64];
    const char *addresses[] = {address};
    struct ex_http_config config = {.addresses = addresses, .address_count = 1};
    struct ex_http_server *second = NULL;
    struct stat status;
    struct fo_error error;
    char expected[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(address, sizeof address, "unix:%s/s", folder);
    struct ex_http_server *server = start_server(config, routes, ROUTES);
    assert_string_equal(ex_http_address(server, 0), address);
    assert_int_equal(stat(address + 5, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    (void)snprintf(expected, sizeof expected, "unix uid %d loopback 0 roles 7", (int)getuid());
    assert_string_equal(body_of(ask(server, GET("/control"))), expected);
    assert_int_equal(ex_http_start(&config, routes, ROUTES, &second, &error), -EADDRINUSE);
    assert_int_equal(ask_status(server, GET("/who")), 200); /* undisturbed */
    (void)ex_http_stop(server, 1000);
    assert_int_equal(stat(address + 5, &status), -1);

    /* A leftover socket is replaced, another kind of file is not. */
    int leftover = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    memcpy(name.sun_path, address + 5, strlen(address + 5));
    assert_int_equal(bind(leftover, (const struct sockaddr *)&name, sizeof name), 0);
    (void)close(leftover);
    config.unix_mode = 0660;
    server = start_server(config, routes, ROUTES);
    assert_int_equal(stat(address + 5, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    (void)ex_http_stop(server, 1000);
    FILE *file = fopen(address + 5, "we");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(ex_http_start(&config, routes, ROUTES, &second, &error), -EEXIST);
    assert_int_equal(unlink(address + 5), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_descriptors(void **state) {
    struct sockaddr_un name = {.sun_family = AF_UNIX}; /* with no path: the kernel makes one */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int pipe_fds[2];
    struct ex_http_server *server = NULL;
    struct fo_error error;
    const char *addresses[] = {"127.0.0.1:0", "[::1]:0"};

    (void)state;
    assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof(sa_family_t)), 0);
    server = start_server(
        (struct ex_http_config){
            .addresses = addresses, .address_count = 1, .descriptors = &fd, .descriptor_count = 1},
        routes, ROUTES);
    assert_int_equal(ask_status(server, GET("/page")), 200);
    assert_int_equal(strncmp(ex_http_address(server, 1), "unix:", 5), 0);
    assert_null(ex_http_address(server, 2));
    (void)ex_http_stop(server, 1000);

    assert_int_equal(pipe(pipe_fds), 0); /* NOLINT(android-cloexec-pipe) */
    assert_int_equal(ex_http_start(&(struct ex_http_config){.addresses = addresses,
                                                            .address_count = 1,
                                                            .descriptors = pipe_fds,
                                                            .descriptor_count = 2},
                                   routes, ROUTES, &server, &error),
                     -ENOTSOCK);
    assert_int_equal(close(pipe_fds[0]), -1); /* taken */
    assert_int_equal(ex_http_start(&(struct ex_http_config){0}, routes, ROUTES, &server, &error),
                     -EINVAL);
    static const char *const wrong[] = {"nonsense"};
    assert_int_equal(ex_http_start(&(struct ex_http_config){.addresses = wrong, .address_count = 1},
                                   routes, ROUTES, &server, &error),
                     -EINVAL);
}

static void test_address_in_use(void **state) {
    const char *addresses[] = {ex_http_address(*state, 0)};
    struct ex_http_server *server = NULL;
    struct fo_error error;

    assert_int_equal(
        ex_http_start(&(struct ex_http_config){.addresses = addresses, .address_count = 1}, routes,
                      ROUTES, &server, &error),
        -EADDRINUSE);
    assert_non_null(strstr(error.text, addresses[0]));
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_methods),        TEST(test_errors),           TEST(test_keep_alive),
        TEST(test_bodies),         TEST(test_endless_body),     TEST(test_framing),
        TEST(test_garbage),        TEST(test_pieces),           TEST(test_headers),
        TEST(test_roles),          cmocka_unit_test(test_unix), cmocka_unit_test(test_descriptors),
        TEST(test_address_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
