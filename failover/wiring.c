/* SPDX-License-Identifier: Apache-2.0 */
#include "failover/wiring.h"

static struct fo_task_range range_between(uint64_t first, uint64_t end) {
    return (struct fo_task_range){(uint32_t)first, (uint32_t)(end - first)};
}

static uint64_t divide_up(uint64_t number, uint64_t by) {
    return (number + by - 1) / by;
}

struct fo_task_range fo_wiring_producers(uint32_t producers, uint32_t consumers,
                                         uint32_t consumer) {
    uint64_t s = producers;
    uint64_t t = consumers;

    if (s < t)
        return range_between(consumer * s / t, consumer * s / t + 1);
    return range_between(consumer * s / t, (consumer + 1) * s / t);
}

struct fo_task_range fo_wiring_consumers(uint32_t producers, uint32_t consumers,
                                         uint32_t producer) {
    uint64_t s = producers;
    uint64_t t = consumers;

    if (s < t)
        return range_between(divide_up(producer * t, s), divide_up((producer + 1) * t, s));
    uint64_t only = divide_up((producer + 1) * t, s) - 1;
    return range_between(only, only + 1);
}
