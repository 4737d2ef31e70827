/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/engines/local/output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

enum {
    CHUNK_BYTES = 64 * 1024,
    EVENTS_MAX = 64,
    LAST_READS_MAX = 64, /* of CHUNK_BYTES: more than a pipe can hold */
    UNSAVED_BYTES = 64 * 1024,
    PATH_SIZE = 4096,
    PIECES = 2, /* besides the first */
};

struct ex_output {
    struct ex_pump *pump;
    STAILQ_ENTRY(ex_output) next; /* in one of the pump's lists */
    char *path;
    uint64_t piece_bytes;
    int read_fd;
    void (*done)(void *ctx);
    void *ctx;
    /* The thread's, until it is done. */
    int file_fd;            /* of the piece that is being written; -1 = none yet */
    uint64_t saved_bytes;   /* in all pieces ever */
    uint64_t piece_offset;  /* in the current one */
    uint32_t piece;         /* its number; 0 = the first */
    char *unsaved;          /* a ring of the last bytes that could not be written; NULL = none */
    uint64_t unsaved_bytes; /* ever put into it */
};

STAILQ_HEAD(output_list, ex_output);

struct ex_pump {
    pthread_t thread;
    int epoll_fd;
    int wake_fd;
    uv_async_t async;
    atomic_uint_fast64_t *dropped_bytes; /* borrowed */
    pthread_mutex_t lock;                /* guards the three below */
    bool ending;
    struct output_list finishing;
    struct output_list done;
    char chunk[CHUNK_BYTES]; /* the thread's */
};

/* ---- the log [thread] ---------------------------------------------------------------------- */

static bool piece_path(const char *path, uint32_t piece, char text[static PATH_SIZE]) {
    int len = piece == 0 ? snprintf(text, PATH_SIZE, "%s", path)
                         : snprintf(text, PATH_SIZE, "%s.%" PRIu32, path, piece);

    return len > 0 && len < PATH_SIZE;
}

/* The piece after the first is .1, the next .2; then .2 becomes .1 to make room for a new .2. */
static bool piece_next(struct ex_output *output) {
    char path[PATH_SIZE];
    char older[PATH_SIZE];

    if (output->file_fd != -1) {
        (void)close(output->file_fd);
        output->file_fd = -1;
        output->piece_offset = 0;
        if (output->piece < PIECES)
            output->piece++;
        else if (!piece_path(output->path, PIECES, path) ||
                 !piece_path(output->path, PIECES - 1, older) || rename(path, older) == -1)
            return false;
    }
    if (!piece_path(output->path, output->piece, path))
        return false;
    output->file_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return output->file_fd != -1;
}

/* Writes what fits into the current piece; the count, or -1. */
static ssize_t piece_write(struct ex_output *output, const char *bytes, size_t len) {
    if (output->file_fd == -1 || output->piece_offset >= output->piece_bytes) {
        if (!piece_next(output))
            return -1;
    }
    uint64_t room = output->piece_bytes - output->piece_offset;
    size_t part = len < room ? len : (size_t)room;
    ssize_t written = pwrite(output->file_fd, bytes, part, (off_t)output->piece_offset);
    if (written <= 0)
        return -1;
    output->piece_offset += (uint64_t)written;
    output->saved_bytes += (uint64_t)written;
    return written;
}

static void unsaved_put(struct ex_output *output, const char *bytes, size_t len) {
    if (!output->unsaved)
        output->unsaved = malloc(UNSAVED_BYTES);
    if (!output->unsaved)
        return;
    for (size_t i = 0; i < len; i++)
        output->unsaved[(output->unsaved_bytes + i) % UNSAVED_BYTES] = bytes[i];
    output->unsaved_bytes += len;
}

static void log_write(struct ex_output *output, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t written = piece_write(output, bytes, len);
        if (written < 0) {
            unsaved_put(output, bytes, len);
            (void)atomic_fetch_add(output->pump->dropped_bytes, len);
            return;
        }
        bytes += written;
        len -= (size_t)written;
    }
}

/* ---- the thread ---------------------------------------------------------------------------- */

/* False: there is no more, now or ever. */
static bool output_move(struct ex_output *output) {
    ssize_t len = read(output->read_fd, output->pump->chunk, CHUNK_BYTES);

    if (len > 0)
        log_write(output, output->pump->chunk, (size_t)len);
    if (len == 0)
        (void)epoll_ctl(output->pump->epoll_fd, EPOLL_CTL_DEL, output->read_fd, NULL);
    return len > 0 || (len == -1 && errno == EINTR);
}

static void output_end(struct ex_output *output) {
    for (int i = 0; i < LAST_READS_MAX; i++)
        if (!output_move(output))
            break;
    /* Closing takes it out of the set only if nobody else has a copy. */
    (void)epoll_ctl(output->pump->epoll_fd, EPOLL_CTL_DEL, output->read_fd, NULL);
    (void)close(output->read_fd);
    if (output->file_fd != -1)
        (void)close(output->file_fd);
    output->read_fd = -1;
    output->file_fd = -1;
}

/* Ends those that main has finished; false: the pump is to end. */
static bool finish_all(struct ex_pump *pump) {
    struct output_list ended = STAILQ_HEAD_INITIALIZER(ended);
    struct output_list finishing = STAILQ_HEAD_INITIALIZER(finishing);
    uint64_t count = 0;

    (void)!read(pump->wake_fd, &count, sizeof count);
    (void)pthread_mutex_lock(&pump->lock);
    bool go_on = !pump->ending;
    STAILQ_CONCAT(&finishing, &pump->finishing);
    (void)pthread_mutex_unlock(&pump->lock);

    struct ex_output *output = STAILQ_FIRST(&finishing);
    if (!output)
        return go_on;
    while (output) {
        STAILQ_REMOVE_HEAD(&finishing, next);
        output_end(output);
        STAILQ_INSERT_TAIL(&ended, output, next);
        output = STAILQ_FIRST(&finishing);
    }
    (void)pthread_mutex_lock(&pump->lock);
    STAILQ_CONCAT(&pump->done, &ended);
    (void)pthread_mutex_unlock(&pump->lock);
    (void)uv_async_send(&pump->async);
    return go_on;
}

/* Outputs of one round are read before any is finished, so that none of them is gone by then. */
static void *pump_run(void *argument) {
    struct ex_pump *pump = argument;
    struct epoll_event events[EVENTS_MAX];
    bool go_on = true;

    while (go_on) {
        int count = epoll_wait(pump->epoll_fd, events, EVENTS_MAX, -1);
        bool woken = false;
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                (void)output_move(events[i].data.ptr);
            else
                woken = true;
        }
        if (woken)
            go_on = finish_all(pump);
    }
    return NULL;
}

/* ---- main ---------------------------------------------------------------------------------- */

static void on_async(uv_async_t *async) {
    struct ex_pump *pump = async->data;
    struct output_list done = STAILQ_HEAD_INITIALIZER(done);

    (void)pthread_mutex_lock(&pump->lock);
    STAILQ_CONCAT(&done, &pump->done);
    (void)pthread_mutex_unlock(&pump->lock);
    struct ex_output *output = STAILQ_FIRST(&done);
    while (output) {
        STAILQ_REMOVE_HEAD(&done, next);
        output->done(output->ctx); /* may free it */
        output = STAILQ_FIRST(&done);
    }
}

static int thread_start(struct ex_pump *pump) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    sigset_t all;
    sigset_t before;

    if (epoll_ctl(pump->epoll_fd, EPOLL_CTL_ADD, pump->wake_fd, &event) == -1)
        return -errno;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = -pthread_create(&pump->thread, NULL, pump_run, pump);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

int ex_pump_new(uv_loop_t *loop, atomic_uint_fast64_t *dropped_bytes, struct ex_pump **ret_pump) {
    struct ex_pump *pump = calloc(1, sizeof *pump);

    if (!pump)
        return -ENOMEM;
    pump->dropped_bytes = dropped_bytes;
    STAILQ_INIT(&pump->finishing);
    STAILQ_INIT(&pump->done);
    pump->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pump->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int err = pump->epoll_fd == -1 || pump->wake_fd == -1 ? -errno : 0;
    if (!err)
        err = -pthread_mutex_init(&pump->lock, NULL);
    if (!err)
        err = thread_start(pump);
    if (err) {
        if (pump->epoll_fd != -1)
            (void)close(pump->epoll_fd);
        if (pump->wake_fd != -1)
            (void)close(pump->wake_fd);
        free(pump);
        return err;
    }
    (void)uv_async_init(loop, &pump->async, on_async);
    pump->async.data = pump;
    *ret_pump = pump;
    return 0;
}

static void pump_wake(struct ex_pump *pump) {
    const uint64_t one = 1;

    (void)!write(pump->wake_fd, &one, sizeof one);
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void ex_pump_close(struct ex_pump *pump) {
    (void)pthread_mutex_lock(&pump->lock);
    pump->ending = true;
    (void)pthread_mutex_unlock(&pump->lock);
    pump_wake(pump);
    (void)pthread_join(pump->thread, NULL);
    (void)pthread_mutex_destroy(&pump->lock);
    (void)close(pump->epoll_fd);
    (void)close(pump->wake_fd);
    uv_close((uv_handle_t *)&pump->async, on_closed);
}

static int output_watch(struct ex_output *output) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = output};

    if (fcntl(output->read_fd, F_SETFL, O_NONBLOCK) == -1 ||
        epoll_ctl(output->pump->epoll_fd, EPOLL_CTL_ADD, output->read_fd, &event) == -1)
        return -errno;
    return 0;
}

int ex_output_open(struct ex_pump *pump, const char *path, uint64_t piece_bytes,
                   struct ex_output **ret_output, int *ret_write_fd) {
    struct ex_output *output = calloc(1, sizeof *output);
    int pair[2];

    if (!output)
        return -ENOMEM;
    *output = (struct ex_output){.pump = pump, .piece_bytes = piece_bytes, .file_fd = -1};
    output->path = strdup(path);
    int err = output->path ? 0 : -ENOMEM;
    if (!err && pipe2(pair, O_CLOEXEC) == -1)
        err = -errno;
    if (err) {
        (void)ex_output_free(output);
        return err;
    }
    output->read_fd = pair[0];
    err = output_watch(output);
    if (err) {
        (void)close(pair[0]);
        (void)close(pair[1]);
        (void)ex_output_free(output);
        return err;
    }
    *ret_output = output;
    *ret_write_fd = pair[1];
    return 0;
}

void ex_output_finish(struct ex_output *output, void (*done)(void *ctx), void *ctx) {
    struct ex_pump *pump = output->pump;

    output->done = done;
    output->ctx = ctx;
    (void)pthread_mutex_lock(&pump->lock);
    STAILQ_INSERT_TAIL(&pump->finishing, output, next);
    (void)pthread_mutex_unlock(&pump->lock);
    pump_wake(pump);
}

struct ex_output *ex_output_free(struct ex_output *output) {
    if (output) {
        free(output->path);
        free(output->unsaved);
        free(output);
    }
    return NULL;
}

void ex_output_remove(const char *path) {
    char piece[PATH_SIZE];

    for (uint32_t i = 0; i <= PIECES; i++)
        if (piece_path(path, i, piece))
            (void)unlink(piece);
}

/* ---- reading back -------------------------------------------------------------------------- */

static void piece_read(const struct ex_output *output, uint32_t piece, uint64_t from, uint64_t to,
                       struct ex_buffer *buffer) {
    char path[PATH_SIZE];
    char *room = from < to ? ex_buffer_reserve(buffer, (size_t)(to - from)) : NULL;

    if (!room || !piece_path(output->path, piece, path))
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1)
        return;
    ssize_t len = pread(fd, room, (size_t)(to - from), (off_t)from);
    (void)close(fd);
    if (len > 0)
        ex_buffer_commit(buffer, (size_t)len);
}

/* The newest bytes: the end of the last piece, and of the one before it as far as needed. */
static void tail_read(const struct ex_output *output, uint64_t wanted, struct ex_buffer *tail) {
    uint64_t in_last = output->piece_offset < wanted ? output->piece_offset : wanted;
    uint64_t before = wanted - in_last;

    if (before > output->piece_bytes)
        before = output->piece_bytes;
    if (before > 0 && output->piece > 0)
        piece_read(output, output->piece - 1, output->piece_bytes - before, output->piece_bytes,
                   tail);
    piece_read(output, output->piece, output->piece_offset - in_last, output->piece_offset, tail);
}

static void unsaved_read(const struct ex_output *output, struct ex_buffer *tail) {
    uint64_t first =
        output->unsaved_bytes > UNSAVED_BYTES ? output->unsaved_bytes - UNSAVED_BYTES : 0;

    for (uint64_t i = first; i < output->unsaved_bytes; i++)
        ex_buffer_append_char(tail, output->unsaved[i % UNSAVED_BYTES]);
}

void ex_output_read(const struct ex_output *output, struct ex_buffer *head,
                    struct ex_buffer *tail) {
    uint64_t saved = output->saved_bytes;
    uint64_t in_head = saved < EX_OUTPUT_HEAD_BYTES ? saved : EX_OUTPUT_HEAD_BYTES;
    uint64_t after = saved - in_head;

    if (in_head > output->piece_bytes)
        in_head = output->piece_bytes;
    piece_read(output, 0, 0, in_head, head);
    tail_read(output, after < EX_OUTPUT_TAIL_BYTES ? after : EX_OUTPUT_TAIL_BYTES, tail);
    unsaved_read(output, tail);
}
