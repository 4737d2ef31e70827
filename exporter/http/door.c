/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/door.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/http/limits.h"

/* Connections taken from one listener before the others get a look. */
enum { ACCEPT_BATCH = 64, QUIET_TICK_MS = EX_HTTP_WEB_CONFIG_CHECK_MS };

void ex_http_door_wake(struct ex_http_server *server) {
    uint64_t one = 1;
    ssize_t written = write(server->wake_fd, &one, sizeof one);

    (void)written; /* full means that it is awake already */
}

static socklen_t address_size(const struct sockaddr_storage *address) {
    switch (address->ss_family) {
    case AF_INET6:
        return sizeof(struct sockaddr_in6);
    case AF_INET:
        return sizeof(struct sockaddr_in);
    default:
        return sizeof(sa_family_t);
    }
}

static void welcome(struct ex_http_server *server, int fd, const struct sockaddr_storage *address) {
    unsigned generation = atomic_load(&server->generation);
    struct ex_http_web *web = ex_http_server_web(server);
    struct ex_http_tls *tls = web->tls ? ex_http_tls_ref(web->tls) : NULL;
    struct ex_http_connection *connection =
        ex_http_connection_new(&server->table, fd, address, tls, generation);

    ex_http_web_unref(web);
    if (!connection || !ex_http_table_add(&server->table, connection)) {
        if (connection)
            ex_http_connection_unref(connection);
        (void)close(fd);
        return;
    }
    /* It closes the socket when it refuses. */
    if (MHD_add_connection(tls ? server->tls : server->plain, fd, (const struct sockaddr *)address,
                           address_size(address)) == MHD_NO)
        ex_http_table_remove(&server->table, connection);
}

/* Out of descriptors: a connection that only waits has to go; accepting pauses when none does. */
static void relieve(struct ex_http_server *server, int err) {
    const struct timespec pause = {0, EX_HTTP_ACCEPT_PAUSE_MS * 1000000L};
    int64_t now_ms = ex_clock_ms();

    if (now_ms - server->warned_ms >= EX_HTTP_WARNING_MS) {
        server->warned_ms = now_ms;
        ex_log(EX_LOG_WARN, "Cannot accept a connection.", EX_TEXT("door", server->name),
               EX_TEXT("error", strerrordesc_np(err)));
    }
    if (!ex_http_table_relieve(&server->table))
        (void)nanosleep(&pause, NULL);
}

/* Making place may take time; the deadlines of others are not to wait for that. */
static void accept_some(struct ex_http_server *server, int listener, int64_t until_ms) {
    for (int i = 0; i < ACCEPT_BATCH && (i == 0 || ex_clock_ms() < until_ms); i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof address;
        int fd =
            accept4(listener, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd != -1) {
            welcome(server, fd, &address);
            continue;
        }
        if (errno == ECONNABORTED || errno == EINTR)
            continue;
        if (errno != EAGAIN)
            relieve(server, errno);
        return;
    }
}

void *ex_http_door(void *ctx) {
    struct ex_http_server *server = ctx;
    struct pollfd fds[EX_HTTP_LISTENERS_MAX + 1];
    size_t count = server->listeners.count;
    int64_t next_tick_ms = 0;
    int64_t next_look_ms = 0;

    for (size_t i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = server->listeners.items[i].fd, .events = POLLIN};
    fds[count] = (struct pollfd){.fd = server->wake_fd, .events = POLLIN};
    while (!atomic_load(&server->draining)) {
        bool quiet = atomic_load(&server->counters.connections) == 0;
        (void)poll(fds, count + 1, quiet ? QUIET_TICK_MS : EX_HTTP_TICK_MS);
        for (size_t i = 0; i < count; i++) {
            if (fds[i].revents != 0)
                accept_some(server, fds[i].fd, next_tick_ms);
        }
        int64_t now_ms = ex_clock_ms();
        if (now_ms >= next_tick_ms) {
            ex_http_table_watch(&server->table, now_ms);
            next_tick_ms = now_ms + EX_HTTP_TICK_MS;
        }
        if (now_ms >= next_look_ms) {
            ex_http_server_look_at_files(server);
            next_look_ms = now_ms + EX_HTTP_WEB_CONFIG_CHECK_MS;
        }
    }
    return NULL;
}
