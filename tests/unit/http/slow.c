/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that are slow, many or gone; answers that come later; streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exporter/http/limits.h"
#include "tests/unit/http/client.h"

#define GET(path_) "GET " path_ " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define KEEP(path_) "GET " path_ " HTTP/1.1\r\nHost: a\r\n\r\n"

enum { CONNECTIONS = 8, BRIEF_MS = 1000, SLOW_MS = 200, GRACE_MS = 20 };

/* More than the kernel buffers. */
#define BIG_BYTES ((size_t)64 << 20)

/* Deadlines that no test sees; each shortens the one that it is about. */
static const struct ex_http_deadlines patient = {
    .header_ms = 2 * AWAIT_MS,
    .body_ms = 2 * AWAIT_MS,
    .write_ms = 2 * AWAIT_MS,
    .slow_write_ms = 2 * AWAIT_MS,
    .idle_ms = 2 * AWAIT_MS,
    .grace_ms = GRACE_MS,
};

/* What the handlers hand to the tests. */
static struct ex_http_pending *pending;
static struct ex_http_stream *stream;
static pthread_mutex_t handed_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t handed = PTHREAD_COND_INITIALIZER;
static atomic_int released;
static char *big;

static void ok(void *ctx, struct ex_http_request *request, struct ex_http_response *response) {
    (void)ctx;
    ex_http_response_copy(response, ex_http_request_body(request));
}

static void release(void *ctx) {
    (void)ctx;
    atomic_fetch_add(&released, 1);
}

static void send_big(void *ctx, struct ex_http_request *request,
                     struct ex_http_response *response) {
    (void)ctx;
    (void)request;
    ex_http_response_borrow(response, (struct fo_str){big, BIG_BYTES}, release, NULL);
}

static void defer(void *ctx, struct ex_http_request *request, struct ex_http_response *response) {
    uint64_t timeout_ms = ex_http_request_query(request, "brief", 0).ptr ? 300 : 0;

    (void)ctx;
    (void)response;
    (void)pthread_mutex_lock(&handed_lock);
    pending = ex_http_defer(request, timeout_ms);
    (void)pthread_cond_signal(&handed);
    (void)pthread_mutex_unlock(&handed_lock);
}

static void open_stream(void *ctx, struct ex_http_request *request,
                        struct ex_http_response *response) {
    static const struct ex_http_stream_options options = {.queue_max_bytes = 16384,
                                                          .keepalive_ms = 300};

    (void)ctx;
    (void)pthread_mutex_lock(&handed_lock);
    if (ex_http_stream_open(request, response, &options, &stream) != 0)
        ex_http_response_error(response, 503, "too many streams");
    (void)pthread_cond_signal(&handed);
    (void)pthread_mutex_unlock(&handed_lock);
}

/* Keeps a thread of the server busy. */
static atomic_bool holds;
static atomic_bool held;

static void hold(void *ctx, struct ex_http_request *request, struct ex_http_response *response) {
    ok(ctx, request, response);
    atomic_store(&held, true);
    while (atomic_load(&holds))
        wait_ms(5);
}

static const struct ex_http_route routes[] = {
    {.pattern = "/ok", .methods = EX_HTTP_GET, .handler = ok},
    {.pattern = "/hold", .methods = EX_HTTP_GET, .handler = hold},
    {.pattern = "/ok", .methods = EX_HTTP_POST, .handler = ok, .body_max_bytes = 100},
    {.pattern = "/big", .methods = EX_HTTP_GET, .handler = send_big},
    {.pattern = "/defer", .methods = EX_HTTP_GET, .handler = defer},
    {.pattern = "/stream", .methods = EX_HTTP_GET, .handler = open_stream},
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

static void *start(const struct ex_http_deadlines *deadlines) {
    return start_server((struct ex_http_config){.deadlines = deadlines,
                                                .max_connections = CONNECTIONS,
                                                .max_requests = 2},
                        routes, ROUTES);
}

static int set_up(void **state) {
    atomic_store(&released, 0);
    *state = start(&patient);
    return 0;
}

/* Instead of the usual one. */
static void restart(void **state, const struct ex_http_deadlines *deadlines) {
    (void)ex_http_stop(*state, AWAIT_MS);
    *state = start(deadlines);
}

static int tear_down(void **state) {
    *state = ex_http_stop(*state, 1000);
    return 0;
}

static uint64_t rejected(const struct ex_http_server *server, enum ex_http_rejection reason) {
    return atomic_load(&ex_http_counters(server)->rejected[reason]);
}

static struct ex_http_pending *take_pending(void) {
    (void)pthread_mutex_lock(&handed_lock);
    while (!pending)
        (void)pthread_cond_wait(&handed, &handed_lock);
    struct ex_http_pending *taken = pending;
    pending = NULL;
    (void)pthread_mutex_unlock(&handed_lock);
    return taken;
}

static struct ex_http_stream *take_stream(void) {
    (void)pthread_mutex_lock(&handed_lock);
    while (!stream)
        (void)pthread_cond_wait(&handed, &handed_lock);
    struct ex_http_stream *taken = stream;
    stream = NULL;
    (void)pthread_mutex_unlock(&handed_lock);
    return taken;
}

/* ---- Slow ---- */

/* One byte every 50 ms: the server must lose patience, `least_ms` after `start_ms` or later. */
static void assert_cut_off(int fd, const char *text, int64_t start_ms, int64_t least_ms) {
    size_t len = strlen(text);
    size_t sent = 0;
    bool cut = false;

    while (!cut && ex_clock_ms() < start_ms + AWAIT_MS) {
        char byte[2] = {text[sent++ % len], '\0'};
        cut = !try_send(fd, byte) || is_closed(fd, 50);
    }
    assert_true(cut);
    assert_true(ex_clock_ms() - start_ms >= least_ms);
    (void)close(fd);
}

static const char endless_header[] = "GET /ok HTTP/1.1\r\nHost: abcdefghijklmnopqrst";

static void restart_with_brief_headers(void **state, uint32_t ms) {
    struct ex_http_deadlines deadlines = patient;

    deadlines.header_ms = ms;
    restart(state, &deadlines);
}

static void test_slow_header(void **state) {
    restart_with_brief_headers(state, BRIEF_MS);
    int64_t start_ms = ex_clock_ms();
    assert_cut_off(connect_to(*state), endless_header, start_ms, BRIEF_MS);
    assert_int_equal(rejected(*state, EX_HTTP_REJECTED_DEADLINE), 1);
}

/* Its time begins with its first byte. Enough of it for the first header on a busy machine. */
static void test_slow_second_header(void **state) {
    enum { PAUSE_MS = 300, ENOUGH_MS = 3000 };

    restart_with_brief_headers(state, ENOUGH_MS);
    int fd = connect_to(*state);
    send_text(fd, KEEP("/ok"));
    assert_int_equal(status_of(receive_until(fd, "\r\n\r\n")), 200);
    int64_t start_ms = ex_clock_ms();
    wait_ms(PAUSE_MS);
    assert_cut_off(fd, endless_header, start_ms, PAUSE_MS + ENOUGH_MS);
}

static void test_slow_body(void **state) {
    struct ex_http_deadlines deadlines = patient;

    deadlines.body_ms = BRIEF_MS;
    restart(state, &deadlines);
    int fd = connect_to(*state);
    int64_t start_ms = ex_clock_ms();
    send_text(fd, "POST /ok HTTP/1.1\r\nHost: a\r\nContent-Length: 90\r\n\r\n");
    assert_cut_off(fd, "a", start_ms, BRIEF_MS);
}

static void test_silence(void **state) {
    struct ex_http_deadlines deadlines = patient;

    restart_with_brief_headers(state, BRIEF_MS);
    int fd = connect_to(*state);
    assert_true(is_closed(fd, AWAIT_MS)); /* not a byte */
    (void)close(fd);
    deadlines.idle_ms = BRIEF_MS;
    restart(state, &deadlines);
    fd = connect_to(*state);
    int64_t start_ms = ex_clock_ms();
    send_text(fd, KEEP("/ok"));
    assert_int_equal(status_of(receive_until(fd, "\r\n\r\n")), 200);
    assert_true(is_closed(fd, AWAIT_MS)); /* idle: a patience of its own */
    assert_true(ex_clock_ms() - start_ms >= BRIEF_MS);
    (void)close(fd);
}

static void test_slow_reader(void **state) {
    struct ex_http_deadlines deadlines = patient;
    int fds[2];

    deadlines.slow_write_ms = SLOW_MS;
    restart(state, &deadlines);
    for (int i = 0; i < 2; i++) {
        fds[i] = connect_to(*state);
        send_text(fds[i], KEEP("/big"));
    }
    await(atomic_load(&ex_http_counters(*state)->in_flight) == 2);
    assert_int_equal(ask_status(*state, GET("/ok")), 503); /* both places are taken */
    assert_int_equal(rejected(*state, EX_HTTP_REJECTED_REQUESTS), 1);
    await(ask_status(*state, GET("/ok")) == 200); /* a slow one has made place */
    assert_true(atomic_load(&released) >= 1);
    for (int i = 0; i < 2; i++)
        (void)close(fds[i]);
    await(atomic_load(&ex_http_counters(*state)->in_flight) == 0);
}

static void test_too_slow_reader(void **state) {
    struct ex_http_deadlines deadlines = patient;

    deadlines.write_ms = BRIEF_MS;
    restart(state, &deadlines);
    int fd = connect_to(*state);
    send_text(fd, KEEP("/big"));
    await(atomic_load(&released) == 1); /* although nobody needs its place */
    await(atomic_load(&ex_http_counters(*state)->in_flight) == 0);
    (void)close(fd);
}

static void test_hang_up(void **state) {
    for (int i = 0; i < 20; i++) {
        int fd = connect_to(*state);
        send_text(fd, KEEP("/big"));
        (void)is_closed(fd, 5);
        struct linger abrupt = {1, 0};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
        (void)close(fd);
    }
    await(ask_status(*state, GET("/ok")) == 200);
    await(atomic_load(&ex_http_counters(*state)->in_flight) == 0);
}

/* ---- Many ---- */

static void test_many_connections(void **state) {
    enum { CROWD = 100 };
    int fds[CROWD];

    for (int i = 0; i < CROWD; i++) {
        fds[i] = connect_to(*state);
        (void)try_send(fds[i], "GET /ok HT");
    }
    await(ask_status(*state, GET("/ok")) == 200);
    assert_true(atomic_load(&ex_http_counters(*state)->connections) <= CONNECTIONS);
    assert_true(rejected(*state, EX_HTTP_REJECTED_CONNECTIONS) >= CROWD - CONNECTIONS);
    for (int i = 0; i < CROWD; i++)
        (void)close(fds[i]);
}

/* Nobody has to make place before he had his time. */
static void restart_with_long_grace(void **state) {
    struct ex_http_deadlines deadlines = patient;

    deadlines.grace_ms = 10000;
    restart(state, &deadlines);
}

/* Clients that go in the middle of a request leave at once, not when a deadline is over. */
static void test_half_and_gone(void **state) {
    restart_with_long_grace(state);
    for (int i = 0; i < 3 * CONNECTIONS; i++) {
        int fd = connect_to(*state);
        (void)try_send(fd, "GET /ok HT");
        (void)close(fd);
    }
    await(ask_status(*state, GET("/ok")) == 200);
    await(atomic_load(&ex_http_counters(*state)->connections) == 0);
}

/* A client that was accepted has time to ask, whatever crowd comes after it. */
static void test_newcomer_has_time(void **state) {
    enum { CROWD = 100 };
    int fds[CROWD];

    restart_with_long_grace(state);
    int fd = connect_to(*state);
    for (int i = 0; i < CROWD; i++) {
        fds[i] = connect_to(*state);
        (void)try_send(fds[i], "GET /ok HT");
    }
    wait_ms(100);
    send_text(fd, GET("/ok"));
    assert_int_equal(status_of(receive(fd)), 200);
    (void)close(fd);
    for (int i = 0; i < CROWD; i++)
        (void)close(fds[i]);
}

/* On a busy machine the one who makes place leaves late, for want of a thread that sees him off. */
static void test_newcomer_waits_for_threads(void **state) {
    enum { BUSY_MS = 500 };
    int fds[CONNECTIONS];

    (void)ex_http_stop(*state, AWAIT_MS);
    *state = start_server(
        (struct ex_http_config){
            .deadlines = &patient, .max_connections = CONNECTIONS, .max_requests = 2, .threads = 1},
        routes, ROUTES);
    atomic_store(&holds, true);
    atomic_store(&held, false);
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = connect_to(*state);
        send_text(fds[i], i + 1 < CONNECTIONS ? "GET /ok HT" : GET("/hold"));
    }
    await(atomic_load(&held));
    int fd = connect_to(*state);
    send_text(fd, GET("/ok"));
    wait_ms(BUSY_MS);
    atomic_store(&holds, false);
    assert_int_equal(status_of(receive(fd)), 200);
    (void)close(fd);
    for (int i = 0; i < CONNECTIONS; i++)
        (void)close(fds[i]);
}

/* Those that are being served are not disturbed by a crowd, nor does it get in. */
static void test_served_stay(void **state) {
    int fd = connect_to(*state);

    send_text(fd, GET("/defer"));
    struct ex_http_pending *answer = take_pending();
    test_many_connections(state);
    ex_http_response_copy(ex_http_pending_response(answer), fo_str_of("late"));
    ex_http_complete(answer);
    assert_non_null(strstr(receive(fd), "\r\n\r\nlate"));
    (void)close(fd);
}

/* ---- Deferred ---- */

static void *complete_it(void *ctx) {
    struct ex_http_pending *answer = take_pending();

    (void)ctx;
    ex_http_response_status(ex_http_pending_response(answer), 201);
    ex_http_complete(answer);
    return NULL;
}

static void test_deferred(void **state) {
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, complete_it, NULL), 0);
        assert_int_equal(ask_status(*state, GET("/defer")), 201);
        (void)pthread_join(thread, NULL);
    }
}

static void test_deferred_limits(void **state) {
    int fds[2] = {connect_to(*state), connect_to(*state)};
    struct ex_http_pending *answers[2];

    for (int i = 0; i < 2; i++) {
        send_text(fds[i], GET("/defer"));
        answers[i] = take_pending();
    }
    assert_int_equal(ask_status(*state, GET("/ok")), 503);
    ex_http_complete(answers[0]);
    assert_int_equal(status_of(receive(fds[0])), 200);
    await(ask_status(*state, GET("/ok")) == 200);
    (void)close(fds[1]); /* gives up; the one who answers need not know */
    ex_http_complete(answers[1]);
    (void)close(fds[0]);
}

static void test_deferred_timeout(void **state) {
    assert_int_equal(ask_status(*state, GET("/defer?brief")), 503);
    struct ex_http_pending *answer = take_pending();
    ex_http_response_copy(ex_http_pending_response(answer), fo_str_of("too late"));
    ex_http_complete(answer);
}

static void test_deferred_stop(void **state) {
    int fd = connect_to(*state);

    send_text(fd, KEEP("/defer"));
    struct ex_http_pending *answer = take_pending();
    *state = ex_http_stop(*state, 100);
    assert_int_equal(status_of(receive(fd)), 503);
    ex_http_complete(answer); /* the server is gone */
    (void)close(fd);
}

/* ---- Streams ---- */

static void test_stream(void **state) {
    int fd = connect_to(*state);

    send_text(fd, KEEP("/stream"));
    struct ex_http_stream *events = take_stream();
    assert_int_equal(ex_http_stream_push(events, fo_str_of("data: 1\n\n")), 0);
    const char *answer = receive_until(fd, "data: 1\n\n");
    assert_int_equal(status_of(answer), 200);
    assert_non_null(strstr(answer, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(answer, "data: 1\n\n"));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(ex_http_stream_push(events, fo_str_of("data: 2\n\n")), 0);
    assert_non_null(strstr(receive_until(fd, "data: 2\n\n"), "data: 2\n\n"));
    assert_non_null(strstr(receive_until(fd, "\n:\n\n"), "\n:\n\n")); /* the keep-alive */
    assert_int_equal(atomic_load(&ex_http_counters(*state)->streams), 1);
    assert_int_equal(ex_http_stream_push(events, fo_str_of("last\n\n")), 0);
    (void)ex_http_stream_close(events);
    answer = receive_until(fd, "\r\n0\r\n\r\n"); /* the end of the chunks */
    assert_non_null(strstr(answer, "last\n\n"));
    send_text(fd, GET("/ok")); /* the connection lives on */
    assert_int_equal(status_of(receive(fd)), 200);
    await(atomic_load(&ex_http_counters(*state)->streams) == 0);
    (void)close(fd);
}

static void test_stream_of_slow_reader(void **state) {
    static char piece[8 * 1024];
    int fd = connect_to(*state);
    int err = 0;

    memset(piece, 'x', sizeof piece);
    send_text(fd, KEEP("/stream"));
    struct ex_http_stream *events = take_stream();
    for (int i = 0; i < 100000 && err == 0; i++)
        err = ex_http_stream_push(events, (struct fo_str){piece, sizeof piece});
    assert_int_equal(err, -EPIPE);
    assert_true(ex_http_stream_gone(events));
    await(atomic_load(&ex_http_counters(*state)->streams) == 0);
    assert_int_equal(rejected(*state, EX_HTTP_REJECTED_STREAM), 1);
    (void)ex_http_stream_close(events);
    (void)close(fd);
}

static void test_stream_of_nobody(void **state) {
    int fd = connect_to(*state);

    send_text(fd, KEEP("/stream"));
    struct ex_http_stream *events = take_stream();
    assert_false(ex_http_stream_gone(events));
    (void)close(fd);
    await(ex_http_stream_gone(events));
    assert_int_equal(ex_http_stream_push(events, fo_str_of("x")), -EPIPE);
    (void)ex_http_stream_close(events);
}

static void test_stream_head_and_stop(void **state) {
    int fd = connect_to(*state);

    send_text(fd, "HEAD /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    struct ex_http_stream *events = take_stream();
    assert_int_equal(status_of(receive(fd)), 200);
    (void)close(fd);
    await(ex_http_stream_gone(events));
    (void)ex_http_stream_close(events);

    fd = connect_to(*state);
    send_text(fd, KEEP("/stream"));
    events = take_stream();
    int64_t start_ms = ex_clock_ms();
    assert_int_equal(ex_http_stream_push(events, fo_str_of("last\n\n")), 0);
    *state = ex_http_stop(*state, AWAIT_MS);
    assert_true(ex_clock_ms() - start_ms < AWAIT_MS / 2); /* nobody waits for an endless answer */
    assert_int_equal(ex_http_stream_push(events, fo_str_of("x")), -EPIPE);
    (void)ex_http_stream_close(events);
    assert_non_null(strstr(receive(fd), "last\n\n\r\n0\r\n\r\n")); /* ended, not cut off */
    (void)close(fd);
}

static void test_drain(void **state) {
    int idle = connect_to(*state);
    int busy = connect_to(*state);
    pthread_t thread;

    send_text(idle, KEEP("/ok"));
    assert_int_equal(status_of(receive_until(idle, "\r\n\r\n")), 200);
    send_text(busy, KEEP("/defer"));
    assert_int_equal(pthread_create(&thread, NULL, complete_it, NULL), 0);
    (void)pthread_join(thread, NULL);
    *state = ex_http_stop(*state, AWAIT_MS);
    assert_int_equal(status_of(receive(busy)), 201); /* sent before the end */
    assert_true(is_closed(idle, AWAIT_MS));
    (void)close(idle);
    (void)close(busy);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_slow_header),
        TEST(test_slow_second_header),
        TEST(test_slow_body),
        TEST(test_silence),
        TEST(test_slow_reader),
        TEST(test_too_slow_reader),
        TEST(test_hang_up),
        TEST(test_many_connections),
        TEST(test_half_and_gone),
        TEST(test_newcomer_has_time),
        TEST(test_newcomer_waits_for_threads),
        TEST(test_served_stay),
        TEST(test_deferred),
        TEST(test_deferred_limits),
        TEST(test_deferred_timeout),
        TEST(test_deferred_stop),
        TEST(test_stream),
        TEST(test_stream_of_slow_reader),
        TEST(test_stream_of_nobody),
        TEST(test_stream_head_and_stop),
        TEST(test_drain),
    };

    big = calloc(1, BIG_BYTES);
    if (!big)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(big);
    return failed;
}
