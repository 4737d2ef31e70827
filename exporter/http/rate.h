/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/rate.h - a token bucket without a lock: one token comes back every interval, at
 * most `burst` are there. It keeps one number, the time at which the bucket would be full again.
 * Owns: nothing. Threads: any. */
#ifndef EX_HTTP_RATE_H
#define EX_HTTP_RATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ex_http_rate {
    int64_t interval_ns; /* 0 = no limit */
    int64_t burst;
    _Atomic int64_t full_at_ns;
};

/* Takes a token; false: there is none. `now_ns` is monotonic. */
bool ex_http_rate_take(struct ex_http_rate *rate, int64_t now_ns);

#endif
