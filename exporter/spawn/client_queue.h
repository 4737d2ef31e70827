/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/spawn/client_queue.h - requests on their way to the spawner, in order. One that the
 * socket does not take at once waits here with its descriptors.
 * Owns: the waiting bytes and descriptors. Threads: none, the caller serialises. */
#ifndef EX_SPAWN_CLIENT_QUEUE_H
#define EX_SPAWN_CLIENT_QUEUE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "exporter/spawn/protocol.h"

struct ex_spawn_parcel;
STAILQ_HEAD(ex_spawn_queue, ex_spawn_parcel);

/* Adds a message; bytes are copied, descriptors taken (closed on an error too).
 * -E2BIG: over a limit of one message. -ENOMEM. */
FO_MUST_CHECK int ex_spawn_queue_add(struct ex_spawn_queue *queue, const void *bytes, size_t len,
                                     const int *descriptors, uint32_t descriptor_count);

/* Sends what the socket takes. 0: all is sent; -EAGAIN: some is left, wait until the socket can be
 * written; otherwise the error of a socket that is of no more use. */
FO_MUST_CHECK int ex_spawn_queue_send(struct ex_spawn_queue *queue, int socket);

/* Drops everything. */
void ex_spawn_queue_clear(struct ex_spawn_queue *queue);

#endif
