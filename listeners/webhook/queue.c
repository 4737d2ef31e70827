/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/webhook/queue.h"

#include <stdlib.h>
#include <string.h>

void queue_init(struct queue *queue, size_t count_max, size_t bytes_max,
                void (*gone)(long long number)) {
    *queue = (struct queue){.count_max = count_max, .bytes_max = bytes_max, .gone = gone};
    STAILQ_INIT(&queue->waiting);
}

static void release(struct queue *queue, struct delivery *delivery) {
    queue->count--;
    queue->bytes -= strlen(delivery->body);
    queue->gone(delivery->number);
    free(delivery->body);
    free(delivery);
}

/* The one behind the first. */
static void drop_second(struct queue *queue) {
    struct delivery *first = STAILQ_FIRST(&queue->waiting);
    struct delivery *second = STAILQ_NEXT(first, link);

    STAILQ_REMOVE(&queue->waiting, second, delivery, link);
    release(queue, second);
}

int queue_add(struct queue *queue, const struct delivery *delivery) {
    struct delivery *copy = malloc(sizeof *copy);
    int dropped = 0;

    if (!copy) {
        free(delivery->body);
        return -1;
    }
    *copy = *delivery;
    STAILQ_INSERT_TAIL(&queue->waiting, copy, link);
    queue->count++;
    queue->bytes += strlen(copy->body);
    while (queue->count > 2 &&
           (queue->count > queue->count_max || queue->bytes > queue->bytes_max)) {
        drop_second(queue);
        dropped++;
    }
    return dropped;
}

const struct delivery *queue_first(const struct queue *queue) {
    return STAILQ_FIRST(&queue->waiting);
}

void queue_drop_first(struct queue *queue) {
    struct delivery *first = STAILQ_FIRST(&queue->waiting);

    STAILQ_REMOVE_HEAD(&queue->waiting, link);
    release(queue, first);
}
