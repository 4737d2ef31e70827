/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/webhook/queue.h - bodies that wait to be delivered, in order, within bounds; the oldest
 * goes when one more does not fit. Whoever goes, delivered or not, is told.
 * Owns: the bodies. Threads: none, the caller serialises. */
#ifndef LISTENERS_WEBHOOK_QUEUE_H
#define LISTENERS_WEBHOOK_QUEUE_H

#include <stddef.h>
#include <sys/queue.h>

enum { DELIVERY_ID_BYTES = 96 };

struct delivery {
    STAILQ_ENTRY(delivery) link;
    long long number;           /* that it is acknowledged by; 0 = it is not */
    char id[DELIVERY_ID_BYTES]; /* the same whenever the event is told again */
    char *body;
};

struct queue {
    STAILQ_HEAD(, delivery) waiting;
    size_t count;
    size_t bytes;
    size_t count_max;
    size_t bytes_max;
    void (*gone)(long long number); /* of one that was taken */
};

void queue_init(struct queue *queue, size_t count_max, size_t bytes_max,
                void (*gone)(long long number));

/* Takes a copy, and the body. Returns how many of the oldest went for it. The first is never
 * dropped while others can be: it may be under way. -1: no memory; the body is freed. */
int queue_add(struct queue *queue, const struct delivery *delivery);
const struct delivery *queue_first(const struct queue *queue); /* NULL = empty; until dropped */
void queue_drop_first(struct queue *queue);

#endif
