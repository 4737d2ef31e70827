/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/connection.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/http/limits.h"
#include "exporter/http/stream.h"
#include "exporter/http/tls.h"

static void describe_ip(struct ex_http_connection *connection, const struct in6_addr *ip,
                        in_port_t port) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[INET6_ADDRSTRLEN];
    struct ex_http_peer *peer = &connection->peer;
    bool is_v4 = memcmp(ip->s6_addr, mapped, sizeof mapped) == 0;

    if (is_v4) {
        (void)inet_ntop(AF_INET, ip->s6_addr + sizeof mapped, text, sizeof text);
        peer->loopback = ip->s6_addr[12] == 127;
        memcpy(connection->network, ip->s6_addr, sizeof connection->network);
    } else {
        (void)inet_ntop(AF_INET6, ip, text, sizeof text);
        peer->loopback = IN6_IS_ADDR_LOOPBACK(ip) != 0;
        memcpy(connection->network, ip->s6_addr, 8);
    }
    (void)snprintf(peer->address, sizeof peer->address, is_v4 ? "%s:%u" : "[%s]:%u", text,
                   (unsigned)ntohs(port));
}

static void describe_peer(struct ex_http_connection *connection,
                          const struct sockaddr_storage *address) {
    struct ex_http_peer *peer = &connection->peer;

    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        describe_ip(connection, &in6->sin6_addr, in6->sin6_port);
    } else if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        struct in6_addr ip = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
        memcpy(ip.s6_addr + 12, &in->sin_addr, 4);
        describe_ip(connection, &ip, in->sin_port);
    } else {
        struct ucred who = {.pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1};
        socklen_t size = sizeof who;
        (void)getsockopt(connection->fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
        peer->local_socket = true;
        peer->uid = who.uid;
        peer->gid = who.gid;
        peer->pid = who.pid;
        (void)snprintf(peer->address, sizeof peer->address, "unix");
    }
}

struct ex_http_connection *ex_http_connection_new(struct ex_http_table *table, int fd,
                                                  const struct sockaddr_storage *address,
                                                  struct ex_http_tls *tls, unsigned generation) {
    struct ex_http_connection *connection = calloc(1, sizeof *connection);

    if (!connection || pthread_mutex_init(&connection->lock, NULL) != 0) {
        free(connection);
        ex_http_tls_unref(tls);
        return NULL;
    }
    connection->table = table;
    connection->fd = fd;
    connection->tls = tls;
    connection->generation = generation;
    atomic_init(&connection->refs, 1);
    describe_peer(connection, address);
    connection->peer.tls = tls != NULL;
    connection->peer.certified = tls && ex_http_tls_certifies(tls);
    ex_http_connection_enter(connection, EX_HTTP_READING_HEADER);
    return connection;
}

struct ex_http_connection *ex_http_connection_ref(struct ex_http_connection *connection) {
    atomic_fetch_add(&connection->refs, 1);
    return connection;
}

void ex_http_connection_unref(struct ex_http_connection *connection) {
    if (atomic_fetch_sub(&connection->refs, 1) != 1)
        return;
    ex_http_tls_unref(connection->tls);
    (void)pthread_mutex_destroy(&connection->lock);
    free(connection);
}

uint64_t ex_http_connection_received(const struct ex_http_connection *connection) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    if (connection->peer.local_socket ||
        getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == -1)
        return 0;
    return info.tcpi_bytes_received;
}

void ex_http_connection_enter(struct ex_http_connection *connection, enum ex_http_phase phase) {
    if (phase == EX_HTTP_IDLE) {
        atomic_store(&connection->received, EX_HTTP_NOT_LOOKED);
        atomic_store(&connection->served, true);
    }
    atomic_store(&connection->since_ms, ex_clock_ms());
    atomic_store(&connection->phase, (int)phase);
}

uint64_t ex_http_connection_next_turn(struct ex_http_connection *connection) {
    (void)pthread_mutex_lock(&connection->lock);
    uint64_t turn = ++connection->turn;
    (void)pthread_mutex_unlock(&connection->lock);
    return turn;
}

void ex_http_connection_stream(struct ex_http_connection *connection,
                               struct ex_http_stream *stream) {
    if (stream) {
        (void)ex_http_stream_ref(stream);
        ex_http_connection_enter(connection, EX_HTTP_STREAMING);
    }
    (void)pthread_mutex_lock(&connection->lock);
    struct ex_http_stream *before = connection->stream;
    connection->stream = stream;
    (void)pthread_mutex_unlock(&connection->lock);
    if (before)
        ex_http_stream_unref(before);
}

bool ex_http_connection_sleep(struct ex_http_connection *connection) {
    (void)pthread_mutex_lock(&connection->lock);
    bool sleeps = !atomic_load(&connection->doomed);
    if (sleeps) {
        connection->asleep = true;
        MHD_suspend_connection(connection->mhd);
    }
    (void)pthread_mutex_unlock(&connection->lock);
    return sleeps;
}

static void wake_locked(struct ex_http_connection *connection) {
    if (connection->asleep && connection->mhd) {
        connection->asleep = false;
        MHD_resume_connection(connection->mhd);
    }
}

void ex_http_connection_wake(struct ex_http_connection *connection, uint64_t turn) {
    (void)pthread_mutex_lock(&connection->lock);
    if (connection->turn == turn)
        wake_locked(connection);
    (void)pthread_mutex_unlock(&connection->lock);
}

void ex_http_connection_wake_any(struct ex_http_connection *connection) {
    (void)pthread_mutex_lock(&connection->lock);
    wake_locked(connection);
    (void)pthread_mutex_unlock(&connection->lock);
}
