/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/spawn/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exporter/base/buffer.h"
#include "exporter/spawn/client_queue.h"
#include "exporter/spawn/client_start.h"
#include "exporter/spawn/orphans.h"

enum {
    ORPHANS_AGAIN_MS = 2,
    SEND_AGAIN_MS = 5,
    NAME_SIZE = 32,
    WATCHES_FIRST = 64,
};

struct ex_spawner {
    struct ex_spawner_config config;
    char path[EX_COMPANION_PATH_SIZE]; /* of the program, or of the socket to connect to */
    char name[NAME_SIZE]; /* of its cgroup folders; the same for a successor, who empties them */
    pid_t pid;
    int socket;
    int hold_fd; /* borrowed; -1 = none */
    bool ready;  /* has told its flags */
    uint32_t flags;
    uint32_t generation;
    bool clearing; /* the spawner has died, its orphans are being killed */
    uint32_t open_handles;
    uv_poll_t *poll; /* one per socket */
    uv_timer_t timer;
    struct ex_spawn_queue queue;
    struct ex_orphans orphans;
    struct ex_spawn_watch **watches; /* by the lower half of an id; NULL = free */
    uint32_t *free_slots;
    uint32_t watch_count;
    uint32_t free_count;
    uint32_t serial; /* the upper half of the next id */
    void (*closed)(void *ctx);
};

static void lost_begin(struct ex_spawner *spawner);

/* It is a service of its own, and clears away after itself before its socket closes. */
static bool is_remote(const struct ex_spawner *spawner) {
    return spawner->config.socket_path != NULL;
}

/* ---- watches ------------------------------------------------------------------------------ */

static int watches_grow(struct ex_spawner *spawner) {
    uint32_t count = spawner->watch_count ? spawner->watch_count * 2 : WATCHES_FIRST;
    struct ex_spawn_watch **watches =
        realloc(spawner->watches, count * sizeof(struct ex_spawn_watch *));

    if (!watches)
        return -ENOMEM;
    spawner->watches = watches;
    uint32_t *free_slots = realloc(spawner->free_slots, count * sizeof *free_slots);
    if (!free_slots)
        return -ENOMEM;
    spawner->free_slots = free_slots;
    for (uint32_t slot = count; slot-- > spawner->watch_count;) {
        watches[slot] = NULL;
        free_slots[spawner->free_count++] = slot;
    }
    spawner->watch_count = count;
    return 0;
}

static int watch_add(struct ex_spawner *spawner, struct ex_spawn_watch *watch) {
    int err = spawner->free_count == 0 ? watches_grow(spawner) : 0;

    if (err)
        return err;
    uint32_t slot = spawner->free_slots[--spawner->free_count];
    spawner->watches[slot] = watch;
    watch->id = (uint64_t)++spawner->serial << 32 | slot;
    watch->generation = spawner->generation;
    return 0;
}

static void watch_remove(struct ex_spawner *spawner, struct ex_spawn_watch *watch) {
    uint32_t slot = (uint32_t)watch->id;

    spawner->watches[slot] = NULL;
    spawner->free_slots[spawner->free_count++] = slot;
    watch->id = 0;
}

static bool is_last(const struct ex_spawn_report *report) {
    return report->header.kind == EX_SPAWN_NOT_STARTED || report->header.kind == EX_SPAWN_GONE ||
           report->header.kind == EX_SPAWN_LOST ||
           (report->header.kind == EX_SPAWN_EXITED && (report->flags & EX_SPAWN_FLAG_GONE));
}

static void watch_tell(struct ex_spawner *spawner, struct ex_spawn_watch *watch,
                       const struct ex_spawn_report *report) {
    if (is_last(report))
        watch_remove(spawner, watch);
    watch->report(watch, report);
}

static void report_take(struct ex_spawner *spawner, const struct ex_spawn_report *report) {
    uint32_t slot = (uint32_t)report->header.id;

    if (report->header.version != EX_SPAWN_VERSION)
        return;
    if (report->header.kind == EX_SPAWN_READY) {
        spawner->ready = true;
        spawner->flags = report->flags;
        if (is_remote(spawner))
            spawner->pid = report->pid;
        return;
    }
    struct ex_spawn_watch *watch = slot < spawner->watch_count ? spawner->watches[slot] : NULL;
    if (watch && watch->id == report->header.id)
        watch_tell(spawner, watch, report);
}

/* ---- the socket ---------------------------------------------------------------------------- */

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_timer(uv_timer_t *timer);

static void poll_set(struct ex_spawner *spawner, int events) {
    (void)uv_poll_start(spawner->poll, events, on_poll);
}

/* What cannot be sent for another reason than a full socket is tried again after a moment. A dead
 * socket is left to the reading side, which first reads the reports that are still in it. */
static void queue_send(struct ex_spawner *spawner) {
    if (spawner->clearing || spawner->socket == -1)
        return;
    int err = ex_spawn_queue_send(&spawner->queue, spawner->socket);
    poll_set(spawner, err == -EAGAIN ? UV_READABLE | UV_WRITABLE : UV_READABLE);
    if (err == -EAGAIN)
        (void)uv_timer_start(&spawner->timer, on_timer, SEND_AGAIN_MS, 0);
}

static void reports_read(struct ex_spawner *spawner) {
    struct ex_spawn_report report;
    int socket = spawner->socket;

    while (spawner->socket == socket) {
        ssize_t len = recv(socket, &report, sizeof report, MSG_DONTWAIT);
        if (len == (ssize_t)sizeof report) {
            report_take(spawner, &report);
        } else if (len == -1 && (errno == EAGAIN || errno == EINTR)) {
            if (errno == EAGAIN)
                return;
        } else {
            lost_begin(spawner);
            return;
        }
    }
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct ex_spawner *spawner = poll->data;

    if (status < 0 || events & UV_READABLE)
        reports_read(spawner);
    if (events & UV_WRITABLE)
        queue_send(spawner);
}

/* ---- having one ---------------------------------------------------------------------------- */

static int poll_new(struct ex_spawner *spawner) {
    uv_poll_t *poll = calloc(1, sizeof *poll);

    if (!poll)
        return -ENOMEM;
    int err = uv_poll_init(spawner->config.loop, poll, spawner->socket);
    if (err) {
        free(poll);
        return err;
    }
    poll->data = spawner;
    spawner->poll = poll;
    spawner->open_handles++;
    return 0;
}

static int spawner_run(struct ex_spawner *spawner) {
    int err = is_remote(spawner)
                  ? ex_spawner_connect(spawner->path, &spawner->socket)
                  : ex_spawner_fork(spawner->path, spawner->name, &spawner->pid, &spawner->socket);

    if (err)
        return err;
    err = poll_new(spawner);
    if (err) {
        (void)close(spawner->socket); /* by this it ends */
        spawner->socket = -1;
        return err;
    }
    spawner->ready = false;
    poll_set(spawner, UV_READABLE);
    return 0;
}

/* ---- its death ----------------------------------------------------------------------------- */

static void handle_closed(struct ex_spawner *spawner) {
    if (--spawner->open_handles > 0)
        return;
    void (*closed)(void *ctx) = spawner->closed;
    void *ctx = spawner->config.ctx;
    free(spawner);
    if (closed)
        closed(ctx);
}

static void on_poll_closed(uv_handle_t *handle) {
    struct ex_spawner *spawner = handle->data;

    free(handle);
    handle_closed(spawner);
}

static void socket_drop(struct ex_spawner *spawner) {
    if (spawner->poll)
        uv_close((uv_handle_t *)spawner->poll, on_poll_closed);
    spawner->poll = NULL;
    if (spawner->socket != -1)
        (void)close(spawner->socket);
    spawner->socket = -1;
}

/* The ids of the dead spawner's processes are those of the generation before. */
static void lost_tell(struct ex_spawner *spawner, uint32_t generation) {
    struct ex_spawn_report report = {.header = {EX_SPAWN_VERSION, EX_SPAWN_LOST, 0},
                                     .oom_kills = EX_SPAWN_OOM_UNSUPPORTED};

    for (uint32_t slot = 0; slot < spawner->watch_count; slot++) {
        struct ex_spawn_watch *watch = spawner->watches[slot];
        if (!watch || watch->generation != generation)
            continue;
        report.header.id = watch->id;
        watch_tell(spawner, watch, &report);
    }
}

static int hold_send(struct ex_spawner *spawner) {
    struct ex_spawn_header header = {EX_SPAWN_VERSION, EX_SPAWN_HOLD, 0};
    int copy = fcntl(spawner->hold_fd, F_DUPFD_CLOEXEC, 0);

    return copy == -1 ? -errno
                      : ex_spawn_queue_add(&spawner->queue, &header, sizeof header, &copy, 1);
}

static int restart(struct ex_spawner *spawner) {
    int err = spawner_run(spawner);

    if (!err && spawner->hold_fd != -1)
        err = hold_send(spawner);
    return err;
}

/* Everything is dead now. Requests made meanwhile are of the new generation: they went into the
 * queue, and a spawner that cannot be started loses them too. One that has never said a word is not
 * replaced before it is needed: its successor would fare no better. */
static void lost_end(struct ex_spawner *spawner) {
    struct ex_spawn_queue waiting = STAILQ_HEAD_INITIALIZER(waiting);
    uint32_t dead = spawner->generation - 1;

    spawner->clearing = false;
    spawner->pid = 0;
    STAILQ_CONCAT(&waiting, &spawner->queue);
    bool restarted = spawner->ready && restart(spawner) == 0;
    STAILQ_CONCAT(&spawner->queue, &waiting);
    lost_tell(spawner, dead);
    if (!restarted) {
        ex_spawn_queue_clear(&spawner->queue);
        lost_tell(spawner, spawner->generation);
    }
    queue_send(spawner);
    if (spawner->config.died)
        spawner->config.died(spawner->config.ctx, restarted);
}

static void lost_begin(struct ex_spawner *spawner) {
    socket_drop(spawner);
    ex_spawn_queue_clear(&spawner->queue);
    spawner->clearing = true;
    spawner->generation++;
    spawner->flags = 0;
    (void)uv_timer_start(&spawner->timer, on_timer, 0, 0);
}

static void on_timer(uv_timer_t *timer) {
    struct ex_spawner *spawner = timer->data;

    if (!spawner->clearing)
        queue_send(spawner);
    else if (!is_remote(spawner) && ex_orphans_kill(&spawner->orphans))
        (void)uv_timer_start(timer, on_timer, ORPHANS_AGAIN_MS, 0);
    else
        lost_end(spawner);
}

/* ---- the interface -------------------------------------------------------------------------- */

static int fail(struct fo_error *reterr, int err, const struct ex_spawner *spawner) {
    reterr->code = err;
    reterr->line = 0;
    (void)snprintf(reterr->text, sizeof reterr->text, "cannot %s the spawner %.110s: %s",
                   is_remote(spawner) ? "reach" : "start", spawner->path, uv_strerror(err));
    return err;
}

/* The way to it, and what is needed to clear away after a child. */
static int prepare(struct ex_spawner *spawner) {
    const struct ex_spawner_config *config = &spawner->config;

    if (is_remote(spawner))
        return snprintf(spawner->path, sizeof spawner->path, "%s", config->socket_path) <
                       (int)sizeof spawner->path
                   ? 0
                   : -ENAMETOOLONG;
    if (!config->without_cgroups)
        (void)snprintf(spawner->name, sizeof spawner->name, "failover-%d", (int)getpid());
    int err = ex_spawner_program(config->program, spawner->path);
    return err ? err : ex_orphans_init(&spawner->orphans);
}

/* The first start, after which a service of its own is waited for: better no daemon than one that
 * can start nothing. */
static int start_first(struct ex_spawner *spawner) {
    int err = prepare(spawner);

    if (!err)
        err = spawner_run(spawner);
    if (err || !is_remote(spawner))
        return err;
    struct ex_spawn_report report;
    err = ex_spawner_await(spawner->socket, &report);
    if (err)
        socket_drop(spawner);
    else
        report_take(spawner, &report);
    return err;
}

int ex_spawner_new(const struct ex_spawner_config *config, struct ex_spawner **ret_spawner,
                   struct fo_error *reterr) {
    struct ex_spawner *spawner = calloc(1, sizeof *spawner);

    if (!spawner) {
        *reterr = (struct fo_error){.code = -ENOMEM, .text = "out of memory"};
        return -ENOMEM;
    }
    spawner->config = *config;
    spawner->hold_fd = -1;
    spawner->socket = -1;
    STAILQ_INIT(&spawner->queue);
    int err = start_first(spawner);
    if (err) {
        (void)fail(reterr, err, spawner);
        ex_orphans_done(&spawner->orphans);
        /* A handle that is closing frees it, when the loop runs. */
        if (spawner->open_handles == 0)
            free(spawner);
        return err;
    }
    (void)uv_timer_init(config->loop, &spawner->timer);
    spawner->timer.data = spawner;
    spawner->open_handles++;
    *ret_spawner = spawner;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle) {
    handle_closed(handle->data);
}

static void child_await(struct ex_spawner *spawner) {
    if (spawner->pid > 0 && !spawner->clearing)
        while (waitpid(spawner->pid, NULL, 0) == -1 && errno == EINTR)
            continue;
    while (spawner->clearing && ex_orphans_kill(&spawner->orphans))
        (void)usleep(ORPHANS_AGAIN_MS * 1000);
}

void ex_spawner_close(struct ex_spawner *spawner, void (*closed)(void *ctx)) {
    spawner->closed = closed;
    if (is_remote(spawner) && spawner->socket != -1)
        ex_spawner_hang_up(spawner->socket);
    socket_drop(spawner);
    if (!is_remote(spawner))
        child_await(spawner);
    ex_spawn_queue_clear(&spawner->queue);
    ex_orphans_done(&spawner->orphans);
    free(spawner->watches);
    free(spawner->free_slots);
    uv_close((uv_handle_t *)&spawner->timer, on_timer_closed);
}

static void append_strings(struct ex_buffer *message, const char *const *strings,
                           uint32_t *ret_count) {
    for (*ret_count = 0; strings[*ret_count]; ++*ret_count)
        ex_buffer_append(message, strings[*ret_count], strlen(strings[*ret_count]) + 1);
}

static int message_make(const struct ex_spawn_command *command, uint64_t id,
                        struct ex_buffer *message) {
    struct ex_spawn_start start = {
        .header = {EX_SPAWN_VERSION, EX_SPAWN_START, id},
        .limits = command->limits,
        .map_count = command->map_count,
        .change_user = command->change_user,
        .uid = command->uid,
        .gid = command->gid,
    };

    ex_buffer_append(message, &start, sizeof start);
    ex_buffer_append(message, command->map, (size_t)command->map_count * sizeof *command->map);
    ex_buffer_append(message, command->directory, strlen(command->directory) + 1);
    append_strings(message, command->arguments, &start.argument_count);
    append_strings(message, command->environment, &start.environment_count);
    if (message->failure)
        return message->failure == -EMSGSIZE ? -E2BIG : message->failure;
    if (start.argument_count + start.environment_count > EX_SPAWN_STRINGS_MAX)
        return -E2BIG;
    memcpy(message->bytes, &start, sizeof start);
    return 0;
}

/* The descriptors that one message cannot carry go ahead of it. All are taken. */
static int command_queue(struct ex_spawner *spawner, const struct ex_spawn_command *command,
                         uint64_t id, const struct ex_buffer *message) {
    struct ex_spawn_header ahead = {EX_SPAWN_VERSION, EX_SPAWN_DESCRIPTORS, id};
    const int *descriptors = command->descriptors;
    uint32_t left = command->descriptor_count;
    int err = 0;

    while (left > EX_SPAWN_MESSAGE_MAX_DESCRIPTORS) {
        int failed = ex_spawn_queue_add(&spawner->queue, &ahead, sizeof ahead, descriptors,
                                        EX_SPAWN_MESSAGE_MAX_DESCRIPTORS);
        err = err ? err : failed;
        descriptors += EX_SPAWN_MESSAGE_MAX_DESCRIPTORS;
        left -= EX_SPAWN_MESSAGE_MAX_DESCRIPTORS;
    }
    int failed =
        ex_spawn_queue_add(&spawner->queue, message->bytes, message->len, descriptors, left);
    return err ? err : failed;
}

static void descriptors_close(const struct ex_spawn_command *command) {
    for (uint32_t i = 0; i < command->descriptor_count; i++)
        (void)close(command->descriptors[i]);
}

int ex_spawner_start(struct ex_spawner *spawner, const struct ex_spawn_command *command,
                     struct ex_spawn_watch *watch) {
    struct ex_buffer message;
    int err = 0;

    ex_buffer_init(&message, EX_SPAWN_MESSAGE_MAX_BYTES);
    if (spawner->socket == -1 && !spawner->clearing && restart(spawner) != 0)
        err = -EPIPE;
    if (!err && command->descriptor_count > EX_SPAWN_DESCRIPTORS_MAX)
        err = -E2BIG;
    if (!err)
        err = watch_add(spawner, watch);
    if (!err) {
        err = message_make(command, watch->id, &message);
        if (err)
            watch_remove(spawner, watch);
    }
    if (err) {
        descriptors_close(command);
    } else {
        err = command_queue(spawner, command, watch->id, &message);
        if (err)
            watch_remove(spawner, watch);
        queue_send(spawner);
    }
    ex_buffer_done(&message);
    return err;
}

void ex_spawner_signal(struct ex_spawner *spawner, const struct ex_spawn_watch *watch,
                       int signal_number, enum ex_spawn_scope scope) {
    struct ex_spawn_signal request = {
        .header = {EX_SPAWN_VERSION, EX_SPAWN_SIGNAL, watch->id},
        .signal = (uint32_t)signal_number,
        .scope = scope,
    };

    if (watch->id == 0 || watch->generation != spawner->generation)
        return;
    if (ex_spawn_queue_add(&spawner->queue, &request, sizeof request, NULL, 0) == 0)
        queue_send(spawner);
}

int ex_spawner_hold(struct ex_spawner *spawner, int fd) {
    spawner->hold_fd = fd;
    if (spawner->clearing || spawner->socket == -1)
        return 0; /* the next spawner is given it */
    int err = hold_send(spawner);
    queue_send(spawner);
    return err;
}

uint32_t ex_spawner_flags(const struct ex_spawner *spawner) {
    return spawner->flags;
}

int ex_spawner_pid(const struct ex_spawner *spawner) {
    return spawner->clearing ? 0 : spawner->pid;
}
