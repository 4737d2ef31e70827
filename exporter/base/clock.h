/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/clock.h - the one place that reads a clock. Everybody else is handed the time.
 * Threads: any. */
#ifndef EX_BASE_CLOCK_H
#define EX_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since the epoch that never go back: the wall clock as it stood when the process
 * first asked, carried on by the monotonic clock. Restart delays and windows live on this. */
int64_t ex_clock_ms(void);

/* The real wall clock, for what is shown to people and stored: milliseconds since the epoch. */
int64_t ex_clock_wall_ms(void);

/* Monotonic nanoseconds, for measuring. */
uint64_t ex_clock_ns(void);

#endif
