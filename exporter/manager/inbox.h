/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/inbox.h - how other threads talk to the job manager: they post a message, and
 * its function runs on the manager's thread, between two turns of its loop. Messages are handled in
 * the order in which they were posted. Who posts bounds how many wait (HTTP: its parallel
 * requests). Owns: nothing but its queue; a message belongs to its poster, whose function decides
 * its fate. */
#ifndef EX_MANAGER_INBOX_H
#define EX_MANAGER_INBOX_H

#include <sys/queue.h>
#include <uv.h>

#include "failover/types.h"

struct ex_inbox;
struct ex_manager;

/* Embedded by the poster in a message of its own. */
struct ex_inbox_message {
    STAILQ_ENTRY(ex_inbox_message) link; /* the inbox's while the message waits */
    /* Called exactly once: with the manager on its thread; or, once the inbox is closed, with NULL
     * on whatever thread: nothing can be asked any more. */
    void (*handle)(struct ex_inbox_message *message, struct ex_manager *manager);
};

/* [main] 0, -ENOMEM or what libuv says. `manager` is borrowed until ex_inbox_close(). */
FO_MUST_CHECK int ex_inbox_new(uv_loop_t *loop, struct ex_manager *manager,
                               struct ex_inbox **ret_inbox);

/* Hands over a message. [any] */
void ex_inbox_post(struct ex_inbox *inbox, struct ex_inbox_message *message);

/* From now on messages, those that wait too, are handled without a manager. May be called from
 * inside a message. The loop must run once more before ex_inbox_free(). NULL is allowed. [main] */
void ex_inbox_close(struct ex_inbox *inbox);

/* Once nobody posts any more. NULL is allowed. Returns NULL. [main] */
struct ex_inbox *ex_inbox_free(struct ex_inbox *inbox);

#endif
