/* SPDX-License-Identifier: Apache-2.0 */
/* A server under test and a client that may misbehave: it sends bytes as they are. */
#ifndef TESTS_HTTP_CLIENT_H
#define TESTS_HTTP_CLIENT_H

#include "exporter/base/clock.h"
#include "exporter/http/http.h"

/* How long a test waits for what must come: only one that fails waits so long. */
enum { AWAIT_MS = 30000 };

/* Waits until the condition holds. */
#define await(condition_)                                                                          \
    do {                                                                                           \
        int64_t end_ms_ = ex_clock_ms() + AWAIT_MS;                                                \
        while (!(condition_) && ex_clock_ms() < end_ms_)                                           \
            wait_ms(5);                                                                            \
        assert_true(condition_);                                                                   \
    } while (0)

/* Starts a server on a free port of 127.0.0.1, unless `config` names addresses. */
struct ex_http_server *start_server(struct ex_http_config config,
                                    const struct ex_http_route *routes, size_t count);

/* A connection to the server's first address. */
int connect_to(const struct ex_http_server *server);

void send_text(int fd, const char *text);

/* Sends and goes on when the server has closed. False: it has. */
bool try_send(int fd, const char *text);

/* All that comes until the server closes; terminated. The buffer is overwritten by the next call of
 * this or of receive_until(). */
const char *receive(int fd);

/* All that comes until `last` has come, or the server closes. */
const char *receive_until(int fd, const char *last);

/* Whether the server closes within `within_ms`; throws away what comes before. */
bool is_closed(int fd, int within_ms);

/* Sends `request`, returns what comes back until the server closes; it is asked to. */
const char *ask(const struct ex_http_server *server, const char *request);

/* The status of an answer, 0 if it is none. */
int status_of(const char *answer);

/* The same of ask(). */
int ask_status(const struct ex_http_server *server, const char *request);

void wait_ms(int ms);

#endif
