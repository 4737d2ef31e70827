/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/webhook/queue.h"

#include <stdlib.h>
#include <string.h>

void queue_init(struct queue *queue, size_t count_max, size_t bytes_max) {
    *queue = (struct queue){.count_max = count_max, .bytes_max = bytes_max};
    STAILQ_INIT(&queue->waiting);
}

static void release(struct queue *queue, struct delivery *delivery) {
    queue->count--;
    queue->bytes -= strlen(delivery->body);
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

size_t queue_add(struct queue *queue, char *body) {
    struct delivery *delivery = malloc(sizeof *delivery);
    size_t dropped = 0;

    if (!delivery) {
        free(body);
        return 1;
    }
    delivery->body = body;
    STAILQ_INSERT_TAIL(&queue->waiting, delivery, link);
    queue->count++;
    queue->bytes += strlen(body);
    while (queue->count > 2 &&
           (queue->count > queue->count_max || queue->bytes > queue->bytes_max)) {
        drop_second(queue);
        dropped++;
    }
    return dropped;
}

const char *queue_first(const struct queue *queue) {
    const struct delivery *first = STAILQ_FIRST(&queue->waiting);
    return first ? first->body : NULL;
}

void queue_drop_first(struct queue *queue) {
    struct delivery *first = STAILQ_FIRST(&queue->waiting);

    STAILQ_REMOVE_HEAD(&queue->waiting, link);
    release(queue, first);
}
