/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol of sd_notify(3), one socket per attempt so that no task can speak for another. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "exporter/engines/local/internal.h"

enum { MESSAGE_SIZE = 4096, MESSAGES_PER_TURN = 64 };

struct ex_notify {
    struct ex_attempt *attempt;
    int socket;
    uv_poll_t poll;
    struct sockaddr_un address;
};

/* Acts on the lines of one message. */
static void message_take(struct ex_notify *notify, char *text) {
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strcmp(line, "READY=1") == 0)
            ex_attempt_ready(notify->attempt);
        else if (strcmp(line, "WATCHDOG=1") == 0)
            ex_attempt_alive(notify->attempt);
    }
}

void ex_notify_read(struct ex_notify *notify) {
    char text[MESSAGE_SIZE];

    for (int i = 0; i < MESSAGES_PER_TURN; i++) {
        ssize_t len = recv(notify->socket, text, sizeof text - 1, MSG_DONTWAIT);
        if (len == -1)
            return;
        text[len] = '\0';
        message_take(notify, text);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    (void)events;
    if (status == 0)
        ex_notify_read(poll->data);
}

static int socket_bind(struct ex_notify *notify, const struct ex_local_user *user) {
    const char *path = notify->address.sun_path;

    notify->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->socket == -1)
        return -errno;
    if (bind(notify->socket, (struct sockaddr *)&notify->address, sizeof notify->address) == -1 ||
        chmod(path, 0600) == -1 || (user->change && chown(path, user->uid, user->gid) == -1)) {
        int err = -errno;
        (void)close(notify->socket);
        return err;
    }
    return 0;
}

int ex_notify_open(struct ex_attempt *attempt, struct ex_notify **ret_notify) {
    struct ex_local *engine = attempt->job->engine;
    struct ex_notify *notify = calloc(1, sizeof *notify);

    if (!notify)
        return -ENOMEM;
    notify->attempt = attempt;
    notify->address.sun_family = AF_UNIX;
    int len = snprintf(notify->address.sun_path, sizeof notify->address.sun_path,
                       "%s/notify/%" PRIu64, engine->directory, engine->notify_serial++);
    int err = len < (int)sizeof notify->address.sun_path ? socket_bind(notify, &engine->user)
                                                         : -ENAMETOOLONG;
    if (!err) {
        err = uv_poll_init(engine->config.loop, &notify->poll, notify->socket);
        if (err)
            (void)close(notify->socket);
    }
    if (err) {
        free(notify);
        return err;
    }
    notify->poll.data = notify;
    (void)uv_poll_start(&notify->poll, UV_READABLE, on_poll);
    *ret_notify = notify;
    return 0;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

struct ex_notify *ex_notify_close(struct ex_notify *notify) {
    if (notify) {
        (void)uv_poll_stop(&notify->poll);
        (void)unlink(notify->address.sun_path);
        uv_close((uv_handle_t *)&notify->poll, on_closed);
        (void)close(notify->socket);
    }
    return NULL;
}

const char *ex_notify_path(const struct ex_notify *notify) {
    return notify->address.sun_path;
}
