/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/connection.h - one connection: who it is, what it is doing, since when.
 *
 * It may sleep (be suspended) while a password is verified, an answer is pending or a
 * stream has nothing to say. Wakers hold a reference and name the turn (the request) that they
 * mean, so that a late one disturbs nobody.
 *
 * Locks: table before stream before connection; libmicrohttpd's own come last. */
#ifndef EX_HTTP_CONNECTION_H
#define EX_HTTP_CONNECTION_H

#include <pthread.h>
#include <sys/socket.h>

#include "exporter/http/http.h"

struct MHD_Connection;
struct ex_http_stream;
struct ex_http_table;
struct ex_http_tls;

enum ex_http_phase {
    EX_HTTP_READING_HEADER, /* from accept, or from the first byte of a further request */
    EX_HTTP_READING_BODY,
    EX_HTTP_HANDLING, /* its own deadlines, if any, are those of the pending answer */
    EX_HTTP_WRITING,
    EX_HTTP_STREAMING,
    EX_HTTP_IDLE, /* between two requests */
};

struct ex_http_connection {
    struct ex_http_connection *prev; /* table lock */
    struct ex_http_connection *next;
    struct ex_http_table *table;
    atomic_uint refs;
    int fd;
    bool started; /* libmicrohttpd has it; table lock */
    struct ex_http_peer peer;
    unsigned char network[16]; /* what counts as one address */
    unsigned generation;       /* of the web configuration that it was accepted under */
    struct ex_http_tls *tls;   /* a reference to what its session uses; NULL = plain HTTP */

    _Atomic int phase;
    _Atomic int64_t since_ms;    /* start of the phase */
    _Atomic int64_t deadline_ms; /* of a pending answer; 0 = none */
    _Atomic uint64_t received;   /* bytes, when the idle connection was last looked at */
    atomic_bool served;          /* at least one request has ended */
    atomic_bool doomed;          /* shut down; nothing more is served on it */

    pthread_mutex_t lock; /* all below */
    struct MHD_Connection *mhd;
    struct ex_http_stream *stream; /* a reference; only while it is being sent */
    bool asleep;
    uint64_t turn; /* number of the current request */
};

/* Makes a connection of an accepted socket, not yet in the table. NULL: no memory. `tls` is NULL
 * for plain HTTP; it is taken, also on failure. */
struct ex_http_connection *ex_http_connection_new(struct ex_http_table *table, int fd,
                                                  const struct sockaddr_storage *address,
                                                  struct ex_http_tls *tls, unsigned generation);

struct ex_http_connection *ex_http_connection_ref(struct ex_http_connection *connection);
void ex_http_connection_unref(struct ex_http_connection *connection);

void ex_http_connection_enter(struct ex_http_connection *connection, enum ex_http_phase phase);

/* A new request begins; returns its turn. */
uint64_t ex_http_connection_next_turn(struct ex_http_connection *connection);

/* Enters the streaming phase; NULL: the stream is over. */
void ex_http_connection_stream(struct ex_http_connection *connection,
                               struct ex_http_stream *stream);

/* Suspends, in libmicrohttpd's thread, from within one of its callbacks. False: the connection is
 * doomed and stays awake. */
bool ex_http_connection_sleep(struct ex_http_connection *connection);

/* Resumes, if it sleeps in that turn. [any] */
void ex_http_connection_wake(struct ex_http_connection *connection, uint64_t turn);

/* Resumes, if it sleeps. [any] */
void ex_http_connection_wake_any(struct ex_http_connection *connection);

/* Bytes that have come in so far; 0 where the kernel does not tell (unix sockets). */
uint64_t ex_http_connection_received(const struct ex_http_connection *connection);

/* `received` of a connection that fell idle since the last look. */
#define EX_HTTP_NOT_LOOKED UINT64_MAX

#endif
