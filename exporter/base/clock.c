/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/base/clock.h"

#include <pthread.h>
#include <time.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000, MS_PER_S = 1000 };

static pthread_once_t started = PTHREAD_ONCE_INIT;
static int64_t offset_ms; /* wall clock minus monotonic clock when the process first asked */

uint64_t ex_clock_ns(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int64_t ex_clock_wall_ms(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

static void start(void) {
    offset_ms = ex_clock_wall_ms() - (int64_t)(ex_clock_ns() / NS_PER_MS);
}

int64_t ex_clock_ms(void) {
    (void)pthread_once(&started, start);
    return offset_ms + (int64_t)(ex_clock_ns() / NS_PER_MS);
}
