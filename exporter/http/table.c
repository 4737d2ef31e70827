/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/table.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>

#include "exporter/base/clock.h"
#include "exporter/http/limits.h"
#include "exporter/http/stream.h"

int ex_http_table_init(struct ex_http_table *table, size_t max,
                       const struct ex_http_deadlines *deadlines,
                       struct ex_http_counters *counters) {
    static const struct ex_http_deadlines usual = {EX_HTTP_HEADER_MS, EX_HTTP_BODY_MS,
                                                   EX_HTTP_WRITE_MS,  EX_HTTP_SLOW_WRITE_MS,
                                                   EX_HTTP_IDLE_MS,   EX_HTTP_GRACE_MS};
    const size_t per_address = EX_HTTP_CONNECTIONS_PER_ADDRESS_MAX;
    pthread_condattr_t attributes;

    *table = (struct ex_http_table){
        .max = max,
        .max_per_address = max < per_address ? max : per_address,
        .deadlines = deadlines ? *deadlines : usual,
        .counters = counters,
    };
    int err = pthread_mutex_init(&table->lock, NULL);
    if (err != 0)
        return -err;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    err = pthread_cond_init(&table->left, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (err != 0)
        (void)pthread_mutex_destroy(&table->lock);
    return -err;
}

void ex_http_table_done(struct ex_http_table *table) {
    /* What libmicrohttpd never began with. */
    for (struct ex_http_connection *c = table->oldest, *next = NULL; c; c = next) {
        next = c->next;
        ex_http_connection_unref(c);
    }
    (void)pthread_cond_destroy(&table->left);
    (void)pthread_mutex_destroy(&table->lock);
}

/* ---- The table; its lock is held in this part ---- */

static void link_newest(struct ex_http_table *table, struct ex_http_connection *connection) {
    connection->prev = table->newest;
    if (table->newest)
        table->newest->next = connection;
    else
        table->oldest = connection;
    table->newest = connection;
    table->count++;
}

static void unlink_connection(struct ex_http_table *table, struct ex_http_connection *connection) {
    if (connection->prev)
        connection->prev->next = connection->next;
    else
        table->oldest = connection->next;
    if (connection->next)
        connection->next->prev = connection->prev;
    else
        table->newest = connection->prev;
    table->count--;
    atomic_store(&table->counters->connections, table->count);
    (void)pthread_cond_broadcast(&table->left);
}

static void doom(struct ex_http_connection *connection) {
    if (atomic_exchange(&connection->doomed, true))
        return;
    (void)shutdown(connection->fd, SHUT_RDWR);
    ex_http_connection_wake_any(connection);
}

static void reject(struct ex_http_table *table, enum ex_http_rejection reason) {
    atomic_fetch_add(&table->counters->rejected[reason], 1);
}

/* Bytes that libmicrohttpd has yet to read: the client has done its part. */
static bool is_heard(const struct ex_http_connection *connection) {
    int unread = 0;

    return ioctl(connection->fd, FIONREAD, &unread) == 0 && unread > 0;
}

static bool has_hung_up(const struct ex_http_connection *connection) {
    struct pollfd poll_fd = {.fd = connection->fd, .events = POLLRDHUP};

    return poll(&poll_fd, 1, 0) == 1;
}

enum { PLACE_WAIT_MS = 50, PLACE_LOOK_MS = 10, PLACE_BUSY_MS = 2000 };

/* A client that hung up without a whole request. libmicrohttpd does not notice when that came
 * together with the last bytes: it waits for another edge. */
static bool is_gone(const struct ex_http_connection *connection, int64_t now_ms) {
    int phase = atomic_load(&connection->phase);
    bool waits =
        phase == EX_HTTP_READING_HEADER || phase == EX_HTTP_READING_BODY || phase == EX_HTTP_IDLE;

    return waits && now_ms - atomic_load(&connection->since_ms) >= PLACE_WAIT_MS &&
           has_hung_up(connection) && !is_heard(connection);
}

/* Whether a connection may have to make place: it waits for its client, or writes slowly. */
static bool is_movable(const struct ex_http_connection *connection, int64_t now_ms) {
    int64_t slow_ms = connection->table->deadlines.slow_write_ms;

    switch ((enum ex_http_phase)atomic_load(&connection->phase)) {
    case EX_HTTP_READING_HEADER:
    case EX_HTTP_READING_BODY:
    case EX_HTTP_IDLE:
        return !is_heard(connection);
    case EX_HTTP_WRITING:
        return now_ms - atomic_load(&connection->since_ms) > slow_ms;
    case EX_HTTP_HANDLING:
    case EX_HTTP_STREAMING:
        break;
    }
    return false;
}

/* When a connection may be moved at the earliest. One that has yet to send its first request gets
 * a little time for that, so that no crowd, however fast it comes, beats a client to its place. */
static int64_t ripe_at_ms(const struct ex_http_connection *connection) {
    int64_t since_ms = atomic_load(&connection->since_ms);

    return atomic_load(&connection->served) ? since_ms
                                            : since_ms + connection->table->deadlines.grace_ms;
}

struct crowd {
    size_t count;                       /* connections of the network */
    bool entering;                      /* libmicrohttpd has yet to begin with one of these */
    bool leaving;                       /* one of these is on its way out */
    struct ex_http_connection *movable; /* the one that is ripe first, or NULL */
};

static void count_in(struct crowd *crowd, struct ex_http_connection *connection, int64_t now_ms) {
    crowd->count++;
    if (atomic_load(&connection->doomed))
        crowd->leaving = true;
    else if (!connection->started)
        crowd->entering = true;
    else if ((!crowd->movable || ripe_at_ms(connection) < ripe_at_ms(crowd->movable)) &&
             is_movable(connection, now_ms))
        crowd->movable = connection;
}

/* Of one network, or of all when `network` is NULL. */
static struct crowd look_around(struct ex_http_table *table, const unsigned char *network,
                                int64_t now_ms) {
    struct crowd crowd = {0};

    for (struct ex_http_connection *c = table->oldest; c; c = c->next) {
        bool same = !network ||
                    (!c->peer.local_socket && memcmp(c->network, network, sizeof c->network) == 0);
        if (same)
            count_in(&crowd, c, now_ms);
    }
    return crowd;
}

/* Waits for any connection to leave, at most `wait_ms`. */
static void wait_for_leaving(struct ex_http_table *table, int64_t wait_ms) {
    int64_t end_ns = (int64_t)ex_clock_ns() + wait_ms * INT64_C(1000000);
    struct timespec end = {end_ns / 1000000000, end_ns % 1000000000};
    size_t count_before = table->count;

    while (table->count >= count_before &&
           pthread_cond_timedwait(&table->left, &table->lock, &end) == 0)
        continue;
}

static void end_gone(struct ex_http_table *table, int64_t now_ms) {
    for (struct ex_http_connection *c = table->oldest; c; c = c->next) {
        if (c->started && !atomic_load(&c->doomed) && is_gone(c, now_ms))
            doom(c);
    }
}

/* Makes place for one more among those of `network`: true when there is. While all of them are
 * fresh it waits, and newcomers wait in the kernel's queue meanwhile; longer while one is on its
 * way that only wants for a thread of ours, which a busy machine may starve. */
static bool make_place(struct ex_http_table *table, const unsigned char *network, size_t max) {
    int64_t now_ms = ex_clock_ms();
    int64_t end_ms = now_ms + table->deadlines.grace_ms + PLACE_WAIT_MS;
    int64_t busy_end_ms = end_ms + PLACE_BUSY_MS;

    for (; now_ms <= busy_end_ms && !table->closing; now_ms = ex_clock_ms()) {
        struct crowd crowd = look_around(table, network, now_ms);
        bool wants_thread = crowd.entering || crowd.leaving;
        if (crowd.count < max)
            return true;
        if (!wants_thread && (!crowd.movable || now_ms > end_ms))
            return false;
        if (!crowd.leaving && crowd.movable && ripe_at_ms(crowd.movable) <= now_ms) {
            reject(table, EX_HTTP_REJECTED_CONNECTIONS);
            doom(crowd.movable);
        } else if (!crowd.leaving) {
            end_gone(table, now_ms);
        }
        wait_for_leaving(table, PLACE_LOOK_MS);
    }
    return false;
}

static bool has_place(struct ex_http_table *table, const struct ex_http_connection *newcomer) {
    bool ok =
        newcomer->peer.local_socket || make_place(table, newcomer->network, table->max_per_address);

    return ok && (table->count < table->max || make_place(table, NULL, table->max));
}

/* ---- The table, from outside ---- */

bool ex_http_table_add(struct ex_http_table *table, struct ex_http_connection *connection) {
    (void)pthread_mutex_lock(&table->lock);
    bool ok = has_place(table, connection);
    if (ok) {
        link_newest(table, connection);
        atomic_store(&table->counters->connections, table->count);
    } else {
        reject(table, EX_HTTP_REJECTED_CONNECTIONS);
    }
    (void)pthread_mutex_unlock(&table->lock);
    return ok;
}

struct ex_http_connection *ex_http_table_start(struct ex_http_table *table, int fd,
                                               struct MHD_Connection *mhd) {
    (void)pthread_mutex_lock(&table->lock);
    struct ex_http_connection *connection = table->newest;
    while (connection && connection->fd != fd)
        connection = connection->prev;
    if (table->closing)
        connection = NULL;
    if (connection) {
        connection->started = true;
        (void)pthread_mutex_lock(&connection->lock);
        connection->mhd = mhd;
        (void)pthread_mutex_unlock(&connection->lock);
    }
    (void)pthread_mutex_unlock(&table->lock);
    return connection;
}

void ex_http_table_remove(struct ex_http_table *table, struct ex_http_connection *connection) {
    (void)pthread_mutex_lock(&table->lock);
    unlink_connection(table, connection);
    (void)pthread_mutex_unlock(&table->lock);
    (void)pthread_mutex_lock(&connection->lock);
    connection->mhd = NULL;
    connection->asleep = false;
    (void)pthread_mutex_unlock(&connection->lock);
    ex_http_connection_unref(connection);
}

bool ex_http_table_relieve(struct ex_http_table *table) {
    (void)pthread_mutex_lock(&table->lock);
    bool relieved = make_place(table, NULL, table->count);
    (void)pthread_mutex_unlock(&table->lock);
    return relieved;
}

void ex_http_table_end_slow_write(struct ex_http_table *table) {
    int64_t now_ms = ex_clock_ms();

    (void)pthread_mutex_lock(&table->lock);
    for (struct ex_http_connection *c = table->oldest; c; c = c->next) {
        if (atomic_load(&c->phase) == EX_HTTP_WRITING && !atomic_load(&c->doomed) &&
            is_movable(c, now_ms)) {
            reject(table, EX_HTTP_REJECTED_DEADLINE);
            doom(c);
            break;
        }
    }
    (void)pthread_mutex_unlock(&table->lock);
}

/* An idle connection whose client has begun to send is reading a header. */
static void notice_first_byte(struct ex_http_connection *connection, int64_t now_ms) {
    int idle = EX_HTTP_IDLE;
    uint64_t now = ex_http_connection_received(connection);
    uint64_t before = atomic_exchange(&connection->received, now);

    if (before != EX_HTTP_NOT_LOOKED && before != now &&
        atomic_compare_exchange_strong(&connection->phase, &idle, EX_HTTP_READING_HEADER))
        atomic_store(&connection->since_ms, now_ms);
}

/* The connection's stream, referenced, or NULL. */
static struct ex_http_stream *hold_stream(struct ex_http_connection *connection) {
    (void)pthread_mutex_lock(&connection->lock);
    struct ex_http_stream *stream = connection->stream;
    if (stream)
        (void)ex_http_stream_ref(stream);
    (void)pthread_mutex_unlock(&connection->lock);
    return stream;
}

static bool tick_stream(struct ex_http_connection *connection, int64_t now_ms, int64_t write_ms) {
    struct ex_http_stream *stream = hold_stream(connection);

    if (!stream)
        return false;
    bool end = ex_http_stream_tick(stream, now_ms, write_ms);
    ex_http_stream_unref(stream);
    return end;
}

static void watch_one(struct ex_http_table *table, struct ex_http_connection *connection,
                      int64_t now_ms) {
    const struct ex_http_deadlines *deadlines = &table->deadlines;
    const int64_t limit_ms[] = {
        [EX_HTTP_READING_HEADER] = deadlines->header_ms,
        [EX_HTTP_READING_BODY] = deadlines->body_ms,
        [EX_HTTP_WRITING] = deadlines->write_ms,
        [EX_HTTP_IDLE] = deadlines->idle_ms,
    };
    enum ex_http_phase phase = (enum ex_http_phase)atomic_load(&connection->phase);

    switch (phase) {
    case EX_HTTP_IDLE:
        notice_first_byte(connection, now_ms);
        break;
    case EX_HTTP_HANDLING: {
        int64_t deadline_ms = atomic_load(&connection->deadline_ms);
        if (deadline_ms != 0 && now_ms >= deadline_ms)
            ex_http_connection_wake_any(connection);
        return;
    }
    case EX_HTTP_STREAMING:
        if (has_hung_up(connection) || tick_stream(connection, now_ms, table->deadlines.write_ms))
            doom(connection);
        return;
    case EX_HTTP_READING_HEADER:
    case EX_HTTP_READING_BODY:
    case EX_HTTP_WRITING:
        break;
    }
    if (is_gone(connection, now_ms)) {
        doom(connection);
    } else if (now_ms - atomic_load(&connection->since_ms) >= limit_ms[phase]) {
        if (phase != EX_HTTP_IDLE)
            reject(table, EX_HTTP_REJECTED_DEADLINE);
        doom(connection);
    }
}

void ex_http_table_watch(struct ex_http_table *table, int64_t now_ms) {
    struct ex_http_connection *next = NULL;

    (void)pthread_mutex_lock(&table->lock);
    for (struct ex_http_connection *c = table->oldest; c; c = next) {
        next = c->next;
        if (atomic_load(&c->doomed))
            continue;
        if (c->started) {
            watch_one(table, c, now_ms);
        } else if (now_ms - atomic_load(&c->since_ms) >= EX_HTTP_HEADER_MS) {
            /* libmicrohttpd closed it without a word, for want of memory: the descriptor is gone,
             * or even somebody else's, and must not be touched. */
            unlink_connection(table, c);
            ex_http_connection_unref(c);
        }
    }
    (void)pthread_mutex_unlock(&table->lock);
}

/* What its producer has said goes out first, and the last chunk: the client sees an end, no cut. */
static void end_stream(struct ex_http_connection *connection) {
    struct ex_http_stream *stream = hold_stream(connection);

    if (stream) {
        ex_http_stream_end(stream);
        ex_http_stream_unref(stream);
    }
}

static void end_waiting(struct ex_http_table *table) {
    for (struct ex_http_connection *c = table->oldest; c; c = c->next) {
        int phase = atomic_load(&c->phase);
        if (c->started && phase == EX_HTTP_IDLE)
            doom(c);
        else if (c->started && phase == EX_HTTP_STREAMING)
            end_stream(c);
    }
}

bool ex_http_table_drain(struct ex_http_table *table, int64_t deadline_ms) {
    (void)pthread_mutex_lock(&table->lock);
    end_waiting(table);
    while (table->count > 0 && ex_clock_ms() < deadline_ms) {
        wait_for_leaving(table, PLACE_WAIT_MS);
        end_waiting(table);
    }
    bool empty = table->count == 0;
    (void)pthread_mutex_unlock(&table->lock);
    return empty;
}

void ex_http_table_hurry(struct ex_http_table *table) {
    (void)pthread_mutex_lock(&table->lock);
    for (struct ex_http_connection *c = table->oldest; c; c = c->next) {
        if (atomic_load(&c->phase) == EX_HTTP_HANDLING)
            ex_http_connection_wake_any(c);
    }
    (void)pthread_mutex_unlock(&table->lock);
}

void ex_http_table_end(struct ex_http_table *table) {
    (void)pthread_mutex_lock(&table->lock);
    table->closing = true;
    for (struct ex_http_connection *c = table->oldest; c; c = c->next) {
        if (c->started)
            doom(c);
    }
    (void)pthread_mutex_unlock(&table->lock);
}

void ex_http_table_wait_empty(struct ex_http_table *table, int64_t deadline_ms) {
    (void)pthread_mutex_lock(&table->lock);
    while (table->count > 0 && ex_clock_ms() < deadline_ms)
        wait_for_leaving(table, PLACE_WAIT_MS);
    (void)pthread_mutex_unlock(&table->lock);
}
