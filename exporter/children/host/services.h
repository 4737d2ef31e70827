/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/host/services.h - what a listener may ask of its host (struct fl_host): each
 * call becomes a line of the child protocol.
 * Owns: a buffer. Threads: any; a line is written as a whole. */
#ifndef EX_CHILDREN_HOST_SERVICES_H
#define EX_CHILDREN_HOST_SERVICES_H

#include <pthread.h>

#include "exporter/base/buffer.h"
#include "failover/listener.h"

enum { SERVICES_METRICS_MAX = 32, SERVICES_NAME_MAX_BYTES = 64 };

struct services {
    struct fl_host host;
    struct fl_metrics metrics;
    int output_fd;
    pthread_mutex_t lock; /* of all below */
    struct ex_buffer line;
    char names[SERVICES_METRICS_MAX][SERVICES_NAME_MAX_BYTES + 1];
    int metric_count;
};

void services_init(struct services *services, int output_fd);

/* {"name":...}: the first line of a listener that was created. */
void services_say_hello(struct services *services, const struct fl_listener *listener);
/* The first line of one that was not, or the end of a completion without labels. */
void services_say_error(struct services *services, uint64_t completion, const char *text);

#endif
