/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/http/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX_BYTES = 4 * 1024 * 1024 };

struct ex_http_server *start_server(struct ex_http_config config,
                                    const struct ex_http_route *routes, size_t count) {
    static const char *const addresses[] = {"127.0.0.1:0"};
    struct ex_http_server *server = NULL;
    struct fo_error error;

    config.name = "test";
    if (config.address_count == 0 && config.descriptor_count == 0) {
        config.addresses = addresses;
        config.address_count = 1;
    }
    if (ex_http_start(&config, routes, count, &server, &error) != 0)
        fail_msg("%d: %s", error.line, error.text);
    return server;
}

static int connect_unix(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

int connect_to(const struct ex_http_server *server) {
    const char *text = ex_http_address(server, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};

    if (strncmp(text, "unix:", 5) == 0)
        return connect_unix(text + 5);
    int port = atoi(strrchr(text, ':') + 1); /* NOLINT(cert-err34-c): our own text */
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

bool try_send(int fd, const char *text) {
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        text += sent;
        len -= (size_t)sent;
    }
    return true;
}

void send_text(int fd, const char *text) {
    assert_true(try_send(fd, text));
}

/* Waits for bytes; 0 at the end, -1 when nothing came in time. */
static ssize_t receive_some(int fd, char *buffer, size_t room, int timeout_ms) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    if (poll(&poll_fd, 1, timeout_ms) != 1)
        return -1;
    ssize_t len = recv(fd, buffer, room, 0);
    return len < 0 ? 0 : len; /* a reset is an end too */
}

const char *receive_until(int fd, const char *last) {
    static char answer[ANSWER_MAX_BYTES];
    size_t len = 0;
    ssize_t some = 1;

    answer[0] = '\0';
    while (some > 0 && len < sizeof answer - 1 && !(last && strstr(answer, last))) {
        some = receive_some(fd, answer + len, sizeof answer - 1 - len, AWAIT_MS);
        len += some > 0 ? (size_t)some : 0;
        answer[len] = '\0';
    }
    return answer;
}

const char *receive(int fd) {
    return receive_until(fd, NULL);
}

bool is_closed(int fd, int within_ms) {
    char scrap[4096];
    int64_t end_ms = ex_clock_ms() + within_ms;
    ssize_t some = 1;

    while (some > 0 && ex_clock_ms() < end_ms)
        some = receive_some(fd, scrap, sizeof scrap, (int)(end_ms - ex_clock_ms()));
    return some == 0;
}

const char *ask(const struct ex_http_server *server, const char *request) {
    int fd = connect_to(server);

    (void)try_send(fd, request);
    const char *answer = receive(fd);
    (void)close(fd);
    return answer;
}

int status_of(const char *answer) {
    int status = 0;

    /* NOLINTNEXTLINE(cert-err34-c): three digits or nothing */
    return sscanf(answer, "HTTP/1.1 %3d ", &status) == 1 ? status : 0;
}

int ask_status(const struct ex_http_server *server, const char *request) {
    return status_of(ask(server, request));
}

void wait_ms(int ms) {
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

    (void)nanosleep(&pause, NULL);
}
