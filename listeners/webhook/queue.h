/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/webhook/queue.h - bodies that wait to be delivered, in order, within bounds; the oldest
 * goes when one more does not fit. Owns: the bodies. Threads: none, the caller serialises. */
#ifndef LISTENERS_WEBHOOK_QUEUE_H
#define LISTENERS_WEBHOOK_QUEUE_H

#include <stddef.h>
#include <sys/queue.h>

struct delivery {
    STAILQ_ENTRY(delivery) link;
    char *body;
};

struct queue {
    STAILQ_HEAD(, delivery) waiting;
    size_t count;
    size_t bytes;
    size_t count_max;
    size_t bytes_max;
};

void queue_init(struct queue *queue, size_t count_max, size_t bytes_max);

/* Takes the body. Returns how many of the oldest went for it; itself when there is no memory. The
 * first is never dropped while others can be: it may be under way. */
size_t queue_add(struct queue *queue, char *body);
const char *queue_first(const struct queue *queue); /* NULL = empty; borrowed until dropped */
void queue_drop_first(struct queue *queue);

#endif
