/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/server.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/config/fail.h"
#include "exporter/http/door.h"
#include "exporter/http/limits.h"
#include "exporter/http/request.h"
#include "exporter/http/route.h"

enum { LAST_WORDS_MS = 250 }; /* for connections to end, once they were told */

/* ---- libmicrohttpd ---- */

/* A connection begins, in libmicrohttpd's thread: gives a TLS session its material. */
static struct ex_http_connection *start_connection(struct ex_http_server *server,
                                                   struct MHD_Connection *mhd, int fd) {
    struct ex_http_connection *connection = ex_http_table_start(&server->table, fd, mhd);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    if (connection && connection->tls &&
        (!info || ex_http_tls_apply(connection->tls, info->tls_session) != 0))
        (void)shutdown(fd, SHUT_RDWR);
    return connection;
}

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
    *slot = start_connection(server, mhd, fd);
    if (!*slot)
        (void)shutdown(fd, SHUT_RDWR);
}

/* Every session gets our certificate; this one stands in for libmicrohttpd's own, which it wants.
 */
// NOLINTNEXTLINE(readability-function-size): its parameters are GnuTLS's
static int no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities,
                          int authority_count, const gnutls_pk_algorithm_t *algorithms,
                          int algorithm_count, gnutls_pcert_st **certificate,
                          unsigned *certificate_count, gnutls_privkey_t *key) {
    (void)session;
    (void)authorities;
    (void)authority_count;
    (void)algorithms;
    (void)algorithm_count;
    (void)certificate;
    (void)certificate_count;
    (void)key;
    return -1;
}

/* Targets are decoded in target.c, once. */
static size_t keep_escapes(void *ctx, struct MHD_Connection *mhd, char *text) {
    (void)ctx;
    (void)mhd;
    return strlen(text);
}

/* The limits on connections are the table's; libmicrohttpd's own must never be the lower ones. It
 * splits its limit among its threads, and puts no connection where it does not fit. */
static struct MHD_Daemon *start_daemon(struct ex_http_server *server, bool tls) {
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
                     MHD_ALLOW_SUSPEND_RESUME;
    unsigned connections = (unsigned)(server->table.max + 1) * server->threads;

    return MHD_start_daemon(
        flags | (tls ? MHD_USE_TLS : 0), 0, NULL, NULL, ex_http_on_access, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_URI_LOG_CALLBACK,
        ex_http_on_request_line, server, MHD_OPTION_NOTIFY_COMPLETED, ex_http_on_completed, server,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)EX_HTTP_CONNECTION_MEMORY_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_THREAD_POOL_SIZE, server->threads, MHD_OPTION_HTTPS_CERT_CALLBACK,
        no_certificate, MHD_OPTION_END);
}

/* Threads of ours take no signals: those belong to the thread that started the server. */
static void block_signals(sigset_t *ret_before) {
    sigset_t all;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

/* ---- The web configuration ---- */

struct ex_http_web *ex_http_server_web(struct ex_http_server *server) {
    (void)pthread_mutex_lock(&server->web_lock);
    struct ex_http_web *web = ex_http_web_ref(server->web);
    (void)pthread_mutex_unlock(&server->web_lock);
    return web;
}

/* Makes what the new configuration needs and was not needed before. The reload lock is held. */
static int prepare(struct ex_http_server *server, const struct ex_http_web *web,
                   struct fo_error *reterr) {
    sigset_t before;

    block_signals(&before);
    int err = web->settings.user_count > 0 && !server->auth ? ex_http_auth_start(&server->auth) : 0;
    if (err == 0 && web->tls && !server->tls) {
        server->tls = start_daemon(server, true);
        err = server->tls ? 0 : -EAGAIN;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err == 0 ? 0 : ex_fail(reterr, err, 0, "the server's threads do not start");
}

static void put_in_force(struct ex_http_server *server, struct ex_http_web *web) {
    (void)pthread_mutex_lock(&server->web_lock);
    struct ex_http_web *before = server->web;
    server->web = web;
    atomic_fetch_add(&server->generation, 1);
    atomic_store(&server->counters.web_config_hash, web->hash);
    (void)pthread_mutex_unlock(&server->web_lock);
    ex_http_web_unref(before);
    bool notice = web->settings.http2_given && web->settings.http2 && web->tls;
    if (notice && !server->http2_noticed)
        ex_log(EX_LOG_INFO, "HTTP/2 is not spoken here; http2 has no effect.",
               EX_TEXT("door", server->name));
    server->http2_noticed = server->http2_noticed || notice;
}

static int reload_locked(struct ex_http_server *server, struct fo_error *reterr) {
    struct ex_http_counters *counters = &server->counters;
    struct ex_http_web *web = NULL;
    int err = ex_http_web_load(server->web_path, &counters->rejected[EX_HTTP_REJECTED_TLS],
                               &server->stamps, &web, reterr);

    if (err == 0)
        err = prepare(server, web, reterr);
    if (err == 0) {
        put_in_force(server, web);
        atomic_store(&counters->last_reload_success_ms, ex_clock_wall_ms());
    } else {
        ex_http_web_unref(web);
    }
    atomic_fetch_add(err == 0 ? &counters->reloads_good : &counters->reloads_bad, 1);
    atomic_store(&counters->last_reload_successful, err == 0);
    return err;
}

int ex_http_reload(struct ex_http_server *server, struct fo_error *reterr) {
    if (!server->web_path)
        return 0;
    (void)pthread_mutex_lock(&server->reload_lock);
    int err = reload_locked(server, reterr);
    (void)pthread_mutex_unlock(&server->reload_lock);
    return err;
}

void ex_http_server_look_at_files(struct ex_http_server *server) {
    struct fo_error error = {0};

    if (!server->web_path)
        return;
    (void)pthread_mutex_lock(&server->reload_lock);
    bool changed = ex_http_stamps_changed(&server->stamps);
    int err = changed ? reload_locked(server, &error) : 0;
    (void)pthread_mutex_unlock(&server->reload_lock);
    if (err != 0)
        ex_log(EX_LOG_ERROR, "The web configuration is broken; the one before stays in force.",
               EX_TEXT("door", server->name), EX_TEXT("file", server->web_path),
               EX_INT("line", error.line), EX_TEXT("error", error.text));
    else if (changed)
        ex_log(EX_LOG_INFO, "The web configuration was read again.", EX_TEXT("door", server->name));
}

/* ---- Start ---- */

/* The parts that cannot fail but for want of memory. */
static int set_up(struct ex_http_server *server, const struct ex_http_config *config,
                  const struct ex_http_route *routes, size_t route_count) {
    size_t max = config->max_connections ? config->max_connections : EX_HTTP_CONNECTIONS_MAX;
    unsigned threads = config->threads ? config->threads : EX_HTTP_THREADS;

    server->name = strdup(config->name ? config->name : "http");
    server->web_path = config->web_config_path ? strdup(config->web_config_path) : NULL;
    server->prefix = strdup(config->prefix ? config->prefix : "");
    server->routes = calloc(route_count + 1, sizeof *routes);
    server->web = ex_http_web_plain();
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!server->name || !server->prefix || (config->web_config_path && !server->web_path) ||
        !server->routes || !server->web || server->wake_fd == -1)
        return -ENOMEM;
    if (route_count > 0)
        memcpy(server->routes, routes, route_count * sizeof *routes);
    server->route_count = route_count;
    server->max_requests = config->max_requests ? config->max_requests : EX_HTTP_REQUESTS_MAX;
    server->threads = threads < EX_HTTP_THREADS_MAX ? threads : EX_HTTP_THREADS_MAX;
    server->json_errors = config->json_errors;
    server->authorize = config->authorize ? config->authorize : ex_http_authorize_default;
    server->authorize_ctx = config->authorize_ctx;
    atomic_store(&server->counters.last_reload_successful, true);
    return ex_http_table_init(&server->table, max, config->deadlines, &server->counters);
}

/* A server with no threads but perhaps the verifier's. */
static void free_server(struct ex_http_server *server) {
    ex_http_auth_stop(server->auth);
    ex_http_listeners_close(&server->listeners);
    if (server->table.counters)
        ex_http_table_done(&server->table);
    if (server->wake_fd != -1)
        (void)close(server->wake_fd);
    ex_http_web_unref(server->web);
    ex_http_stamps_done(&server->stamps);
    (void)pthread_mutex_destroy(&server->reload_lock);
    (void)pthread_mutex_destroy(&server->web_lock);
    free(server->routes);
    free(server->web_path);
    free(server->prefix);
    free(server->name);
    free(server);
}

/* The reload lock is needless here, but costs nothing. */
static int start_threads(struct ex_http_server *server, struct fo_error *reterr) {
    sigset_t before;
    int err = ex_http_reload(server, reterr);

    if (err != 0)
        return err;
    block_signals(&before);
    server->plain = start_daemon(server, false);
    err = server->plain ? 0 : -EAGAIN;
    if (err == 0)
        err = -pthread_create(&server->door, NULL, ex_http_door, server);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err == 0 ? 0 : ex_fail(reterr, err, 0, "the server's threads do not start");
}

static void stop_daemons(struct ex_http_server *server) {
    if (server->plain)
        MHD_stop_daemon(server->plain);
    if (server->tls)
        MHD_stop_daemon(server->tls);
}

static struct ex_http_server *server_new(void) {
    struct ex_http_server *server = calloc(1, sizeof *server);

    if (!server)
        return NULL;
    server->wake_fd = -1;
    (void)pthread_mutex_init(&server->reload_lock, NULL); /* cannot fail with these attributes */
    (void)pthread_mutex_init(&server->web_lock, NULL);
    return server;
}

int ex_http_start(const struct ex_http_config *config, const struct ex_http_route *routes,
                  size_t route_count, struct ex_http_server **ret_server, struct fo_error *reterr) {
    struct ex_http_listeners listeners;
    int err = ex_http_listeners_open(config, &listeners, reterr);

    if (err != 0)
        return err;
    struct ex_http_server *server = server_new();
    if (!server) {
        ex_http_listeners_close(&listeners);
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    }
    server->listeners = listeners;
    err = ex_http_routes_check(routes, route_count, reterr);
    if (err == 0) {
        err = set_up(server, config, routes, route_count);
        if (err != 0)
            (void)ex_fail(reterr, err, 0, "out of memory or descriptors");
    }
    if (err == 0)
        err = start_threads(server, reterr);
    if (err != 0) {
        stop_daemons(server);
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
    if (!ex_http_table_drain(&server->table, ex_clock_ms() + (int64_t)drain_ms)) {
        ex_http_table_hurry(&server->table);
        (void)ex_http_table_drain(&server->table, ex_clock_ms() + LAST_WORDS_MS);
    }
    ex_http_table_end(&server->table);
    ex_http_table_wait_empty(&server->table, ex_clock_ms() + LAST_WORDS_MS);
    stop_daemons(server);
    free_server(server);
    return NULL;
}

/* ---- What can be asked of a running server ---- */

const char *ex_http_address(const struct ex_http_server *server, size_t index) {
    return index < server->listeners.count ? server->listeners.items[index].address : NULL;
}

bool ex_http_encrypts(struct ex_http_server *server) {
    struct ex_http_web *web = ex_http_server_web(server);
    bool encrypts = web->tls != NULL;

    ex_http_web_unref(web);
    return encrypts;
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
