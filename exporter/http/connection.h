/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/connection.h - the connections of one server: who they are, what they are doing
 * since when, who has to make place, who has had time enough.
 *
 * libmicrohttpd owns the sockets; this table watches over them. To end a connection it shuts its
 * socket down and libmicrohttpd, seeing that, closes it. A connection is in the table from accept
 * until just before its descriptor is closed, so that a descriptor in the table is never stale.
 *
 * A connection may sleep (be suspended) while a password is verified, an answer is pending or a
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
    atomic_bool doomed;          /* shut down; nothing more is served on it */

    pthread_mutex_t lock; /* all below */
    struct MHD_Connection *mhd;
    struct ex_http_stream *stream; /* a reference; only while it is being sent */
    bool asleep;
    uint64_t turn; /* number of the current request */
};

struct ex_http_table {
    pthread_mutex_t lock;
    pthread_cond_t left; /* a connection has left the table */
    struct ex_http_connection *oldest;
    struct ex_http_connection *newest;
    size_t count;
    bool closing; /* nothing starts any more */
    size_t max;
    size_t max_per_address;
    struct ex_http_deadlines deadlines;
    struct ex_http_counters *counters; /* borrowed */
};

/* `deadlines` may be NULL. A negative errno. */
FO_MUST_CHECK int ex_http_table_init(struct ex_http_table *table, size_t max,
                                     const struct ex_http_deadlines *deadlines,
                                     struct ex_http_counters *counters);
void ex_http_table_done(struct ex_http_table *table);

/* Makes a connection of an accepted socket, not yet in the table. NULL: no memory. `tls` is NULL
 * for plain HTTP; it is taken, also on failure. */
struct ex_http_connection *ex_http_connection_new(struct ex_http_table *table, int fd,
                                                  const struct sockaddr_storage *address,
                                                  struct ex_http_tls *tls, unsigned generation);

/* Takes a connection into the table, after making place if need be. False: refused. The table's
 * reference, which was the caller's, ends in ex_http_table_remove(). */
bool ex_http_table_add(struct ex_http_table *table, struct ex_http_connection *connection);

/* libmicrohttpd begins with the socket `fd`. NULL: it is not known (any more). */
struct ex_http_connection *ex_http_table_start(struct ex_http_table *table, int fd,
                                               struct MHD_Connection *mhd);

/* The socket is about to be closed. */
void ex_http_table_remove(struct ex_http_table *table, struct ex_http_connection *connection);

/* Ends the connection that has waited longest, for want of descriptors. */
void ex_http_table_relieve(struct ex_http_table *table);

/* Ends a write that is older than deadlines.slow_write_ms, for want of request slots. */
void ex_http_table_end_slow_write(struct ex_http_table *table);

/* Ends what is over its deadline, wakes what waited long enough. Every EX_HTTP_TICK_MS. */
void ex_http_table_watch(struct ex_http_table *table, int64_t now_ms);

/* The server drains: ends idle connections and streams. */
void ex_http_table_drain(struct ex_http_table *table);

/* Wakes what waits for a pending answer. */
void ex_http_table_hurry(struct ex_http_table *table);

/* Ends every connection. Nothing starts or sleeps afterwards. */
void ex_http_table_end(struct ex_http_table *table);

/* Waits until the table is empty; false if it is not at `deadline_ms`. */
bool ex_http_table_wait_empty(struct ex_http_table *table, int64_t deadline_ms);

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

#endif
