/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/table.h - the connections of one server: who has to make place for a newcomer, and
 * who has had time enough.
 *
 * libmicrohttpd owns the sockets; the table watches over them. To end a connection it shuts its
 * socket down and libmicrohttpd, seeing that, closes it. A connection is in the table from accept
 * until just before its descriptor is closed, so that a descriptor in the table is never stale.
 * Threads: any; it has a lock. */
#ifndef EX_HTTP_TABLE_H
#define EX_HTTP_TABLE_H

#include "exporter/http/connection.h"

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

/* Takes a connection into the table, after making place if need be. False: refused. The table's
 * reference, which was the caller's, ends in ex_http_table_remove(). */
bool ex_http_table_add(struct ex_http_table *table, struct ex_http_connection *connection);

/* libmicrohttpd begins with the socket `fd`. NULL: it is not known (any more). */
struct ex_http_connection *ex_http_table_start(struct ex_http_table *table, int fd,
                                               struct MHD_Connection *mhd);

/* The socket is about to be closed. */
void ex_http_table_remove(struct ex_http_table *table, struct ex_http_connection *connection);

/* Ends the connection that has waited longest, for want of descriptors. False: none has left. */
bool ex_http_table_relieve(struct ex_http_table *table);

/* Ends a write that is older than deadlines.slow_write_ms, for want of request slots. */
void ex_http_table_end_slow_write(struct ex_http_table *table);

/* Ends what is over its deadline, wakes what waited long enough. Every EX_HTTP_TICK_MS. */
void ex_http_table_watch(struct ex_http_table *table, int64_t now_ms);

/* The server drains: ends idle connections and streams, those that become so included, until the
 * table is empty; false if it is not at `deadline_ms`. */
bool ex_http_table_drain(struct ex_http_table *table, int64_t deadline_ms);

/* Wakes what waits for a pending answer. */
void ex_http_table_hurry(struct ex_http_table *table);

/* Ends every connection. Nothing starts or sleeps afterwards. */
void ex_http_table_end(struct ex_http_table *table);

/* Waits until the table is empty, or until `deadline_ms`. */
void ex_http_table_wait_empty(struct ex_http_table *table, int64_t deadline_ms);

#endif
