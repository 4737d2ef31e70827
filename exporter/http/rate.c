/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/rate.h"

/* Far beyond any clock here, and twice it still fits. */
#define FOREVER_NS (INT64_MAX / 4)

bool ex_http_rate_take(struct ex_http_rate *rate, int64_t now_ns) {
    int64_t interval_ns = rate->interval_ns < FOREVER_NS ? rate->interval_ns : FOREVER_NS;
    int64_t full_at_ns = atomic_load(&rate->full_at_ns);
    int64_t next_ns = 0;

    if (interval_ns == 0)
        return true;
    int64_t capacity_ns =
        rate->burst > FOREVER_NS / interval_ns ? FOREVER_NS : rate->burst * interval_ns;
    do {
        next_ns = (full_at_ns > now_ns ? full_at_ns : now_ns) + interval_ns;
        if (next_ns - now_ns > capacity_ns)
            return false;
    } while (!atomic_compare_exchange_weak(&rate->full_at_ns, &full_at_ns, next_ns));
    return true;
}
