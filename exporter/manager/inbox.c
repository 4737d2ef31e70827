/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/inbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MESSAGES_PER_TURN = 64 };

struct ex_inbox {
    uv_async_t wake;
    struct ex_manager *manager; /* NULL once closed; changed by the manager's thread only */
    pthread_mutex_t lock;       /* the two below */
    STAILQ_HEAD(, ex_inbox_message) waiting;
    bool closed;
};

static struct ex_inbox_message *take(struct ex_inbox *inbox) {
    (void)pthread_mutex_lock(&inbox->lock);
    struct ex_inbox_message *message = STAILQ_FIRST(&inbox->waiting);
    if (message)
        STAILQ_REMOVE_HEAD(&inbox->waiting, link);
    (void)pthread_mutex_unlock(&inbox->lock);
    return message;
}

/* No lock is held while a message is handled; it may close the inbox. Others of the loop have their
 * turn after some of them. */
static void on_wake(uv_async_t *wake) {
    struct ex_inbox *inbox = wake->data;

    for (int handled = 0; handled < MESSAGES_PER_TURN; handled++) {
        struct ex_inbox_message *message = take(inbox);
        if (!message)
            return;
        message->handle(message, inbox->manager);
    }
    if (inbox->manager)
        (void)uv_async_send(wake); /* there may be more */
}

int ex_inbox_new(uv_loop_t *loop, struct ex_manager *manager, struct ex_inbox **ret_inbox) {
    struct ex_inbox *inbox = calloc(1, sizeof *inbox);

    if (!inbox)
        return -ENOMEM;
    int ret = uv_async_init(loop, &inbox->wake, on_wake);
    if (ret < 0) {
        free(inbox);
        return ret;
    }
    inbox->wake.data = inbox;
    inbox->manager = manager;
    (void)pthread_mutex_init(&inbox->lock, NULL); /* cannot fail */
    STAILQ_INIT(&inbox->waiting);
    *ret_inbox = inbox;
    return 0;
}

void ex_inbox_post(struct ex_inbox *inbox, struct ex_inbox_message *message) {
    (void)pthread_mutex_lock(&inbox->lock);
    bool closed = inbox->closed;
    if (!closed) {
        STAILQ_INSERT_TAIL(&inbox->waiting, message, link);
        (void)uv_async_send(&inbox->wake); /* under the lock: not after uv_close() */
    }
    (void)pthread_mutex_unlock(&inbox->lock);
    if (closed)
        message->handle(message, NULL);
}

void ex_inbox_close(struct ex_inbox *inbox) {
    if (!inbox)
        return;
    (void)pthread_mutex_lock(&inbox->lock);
    bool was_closed = inbox->closed;
    inbox->closed = true;
    (void)pthread_mutex_unlock(&inbox->lock);
    if (was_closed)
        return;
    inbox->manager = NULL;
    uv_close((uv_handle_t *)&inbox->wake, NULL);
    for (struct ex_inbox_message *message = take(inbox); message; message = take(inbox))
        message->handle(message, NULL);
}

struct ex_inbox *ex_inbox_free(struct ex_inbox *inbox) {
    if (inbox) {
        (void)pthread_mutex_destroy(&inbox->lock);
        free(inbox);
    }
    return NULL;
}
