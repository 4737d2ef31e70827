/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/http/door.h"
#include "exporter/http/limits.h"
#include "exporter/http/request.h"
#include "exporter/http/route.h"

enum { LAST_WORDS_MS = 250 }; /* for connections to end, once they were told */

/* ---- libmicrohttpd ---- */

static void on_connection(void *ctx, struct MHD_Connection *mhd, void **slot,
                          enum MHD_ConnectionNotificationCode code) {
    struct ex_http_server *server = ctx;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*slot)
            ex_http_table_remove(&server->table, *slot);
        *slot = NULL;
        return;
    }
    int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    *slot = ex_http_table_start(&server->table, fd, mhd);
    if (!*slot)
        (void)shutdown(fd, SHUT_RDWR);
}

/* Targets are decoded in target.c, once. */
static size_t keep_escapes(void *ctx, struct MHD_Connection *mhd, char *text) {
    (void)ctx;
    (void)mhd;
    return strlen(text);
}

/* The limits on connections are the table's; libmicrohttpd's own must never be the lower ones. It
 * splits its limit among its threads, and puts no connection where it does not fit. */
static struct MHD_Daemon *start_daemon(struct ex_http_server *server) {
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
                     MHD_ALLOW_SUSPEND_RESUME;
    unsigned connections = (unsigned)(server->table.max + 1) * server->threads;
    struct MHD_OptionItem pool[] = {
        {server->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END,
         (intptr_t)server->threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };

    return MHD_start_daemon(
        flags, 0, NULL, NULL, ex_http_on_access, server, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, server, MHD_OPTION_URI_LOG_CALLBACK, ex_http_on_request_line, server,
        MHD_OPTION_NOTIFY_COMPLETED, ex_http_on_completed, server, MHD_OPTION_UNESCAPE_CALLBACK,
        keep_escapes, NULL, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)EX_HTTP_CONNECTION_MEMORY_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, pool,
        MHD_OPTION_END);
}

/* ---- Start ---- */

static int fail(struct fo_error *reterr, int code, const char *text) {
    *reterr = (struct fo_error){.code = code};
    (void)snprintf(reterr->text, sizeof reterr->text, "%s", text);
    return code;
}

/* Everything but threads. On an error, free_server() cleans up what is there. */
static int set_up(struct ex_http_server *server, const struct ex_http_config *config,
                  const struct ex_http_route *routes, size_t route_count, struct fo_error *reterr) {
    size_t max = config->max_connections ? config->max_connections : EX_HTTP_CONNECTIONS_MAX;

    server->name = strdup(config->name ? config->name : "http");
    server->routes = calloc(route_count + 1, sizeof *routes);
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!server->name || !server->routes || server->wake_fd == -1)
        return fail(reterr, -ENOMEM, "out of memory or descriptors");
    if (route_count > 0)
        memcpy(server->routes, routes, route_count * sizeof *routes);
    server->route_count = route_count;
    server->max_requests = config->max_requests ? config->max_requests : EX_HTTP_REQUESTS_MAX;
    server->threads = config->threads ? config->threads : EX_HTTP_THREADS;
    server->json_errors = config->json_errors;
    server->authorize = config->authorize ? config->authorize : ex_http_authorize_default;
    server->authorize_ctx = config->authorize_ctx;
    if (server->threads > EX_HTTP_THREADS_MAX)
        server->threads = EX_HTTP_THREADS_MAX;
    size_t max_per_address = EX_HTTP_CONNECTIONS_PER_ADDRESS_MAX;
    if (ex_http_table_init(&server->table, max, max < max_per_address ? max : max_per_address,
                           &server->counters) != 0)
        return fail(reterr, -ENOMEM, "out of memory");
    return 0;
}

static void free_server(struct ex_http_server *server) {
    ex_http_listeners_close(&server->listeners);
    if (server->table.counters)
        ex_http_table_done(&server->table);
    if (server->wake_fd != -1)
        (void)close(server->wake_fd);
    free(server->routes);
    free(server->name);
    free(server);
}

/* Threads of ours take no signals: those belong to the thread that started the server. */
static int start_threads(struct ex_http_server *server, struct fo_error *reterr) {
    sigset_t all;
    sigset_t before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    server->plain = start_daemon(server);
    int err = server->plain ? 0 : -EAGAIN;
    if (err == 0)
        err = -pthread_create(&server->door, NULL, ex_http_door, server);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err != 0 && server->plain)
        MHD_stop_daemon(server->plain);
    return err == 0 ? 0 : fail(reterr, err, "the server's threads do not start");
}

int ex_http_start(const struct ex_http_config *config, const struct ex_http_route *routes,
                  size_t route_count, struct ex_http_server **ret_server, struct fo_error *reterr) {
    struct ex_http_server *server = calloc(1, sizeof *server);
    struct ex_http_listeners listeners;
    int err = ex_http_listeners_open(config, &listeners, reterr);

    if (err != 0) {
        free(server);
        return err;
    }
    if (!server) {
        ex_http_listeners_close(&listeners);
        return fail(reterr, -ENOMEM, "out of memory");
    }
    server->wake_fd = -1;
    server->listeners = listeners;
    err = ex_http_routes_check(routes, route_count, reterr);
    if (err == 0 && config->web_config_path)
        err = fail(reterr, -ENOTSUP, "a web configuration file is not read yet");
    if (err == 0)
        err = set_up(server, config, routes, route_count, reterr);
    if (err == 0)
        err = start_threads(server, reterr);
    if (err != 0) {
        free_server(server);
        return err;
    }
    *ret_server = server;
    return 0;
}

/* ---- Stop ---- */

struct ex_http_server *ex_http_stop(struct ex_http_server *server, uint64_t drain_ms) {
    if (!server)
        return NULL;
    atomic_store(&server->draining, true);
    ex_http_door_wake(server);
    (void)pthread_join(server->door, NULL);
    ex_http_table_drain(&server->table);
    if (!ex_http_table_wait_empty(&server->table, ex_clock_ms() + (int64_t)drain_ms)) {
        ex_http_table_hurry(&server->table);
        (void)ex_http_table_wait_empty(&server->table, ex_clock_ms() + LAST_WORDS_MS);
    }
    ex_http_table_end(&server->table);
    (void)ex_http_table_wait_empty(&server->table, ex_clock_ms() + LAST_WORDS_MS);
    MHD_stop_daemon(server->plain);
    free_server(server);
    return NULL;
}

/* ---- What can be asked of a running server ---- */

const char *ex_http_address(const struct ex_http_server *server, size_t index) {
    return index < server->listeners.count ? server->listeners.items[index].address : NULL;
}

const struct ex_http_counters *ex_http_counters(const struct ex_http_server *server) {
    return &server->counters;
}

const char *ex_http_rejection_name(enum ex_http_rejection rejection) {
    static const char *const names[EX_HTTP_REJECTIONS] = {
        [EX_HTTP_REJECTED_CONNECTIONS] = "connections",
        [EX_HTTP_REJECTED_REQUESTS] = "requests",
        [EX_HTTP_REJECTED_RATE] = "rate",
        [EX_HTTP_REJECTED_AUTH] = "auth",
        [EX_HTTP_REJECTED_TLS] = "tls",
        [EX_HTTP_REJECTED_SIZE] = "size",
        [EX_HTTP_REJECTED_MALFORMED] = "malformed",
        [EX_HTTP_REJECTED_DEADLINE] = "deadline",
        [EX_HTTP_REJECTED_STREAM] = "stream",
    };

    return names[rejection];
}
