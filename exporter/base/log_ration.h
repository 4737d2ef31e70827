/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/log_ration.h - keeps one source of log lines from filling the disk: of the lines of
 * one kind the first few of a period are written, the others are counted.
 * Owns: nothing; the caller keeps one struct for each source and kind, zeroed at first.
 * Threads: any, the caller serialises. */
#ifndef EX_BASE_LOG_RATION_H
#define EX_BASE_LOG_RATION_H

#include <stdbool.h>
#include <stdint.h>

#define EX_LOG_RATION_LINES 10
#define EX_LOG_RATION_PERIOD_MS 60000

struct ex_log_ration {
    int64_t ends_ms; /* of the period, which begins with its first line */
    uint32_t written;
    uint64_t held_back;
};

/* Whether a line may be written at `now_ms` (ex_clock_ms()); if not it is counted. *ret_held_back
 * is how many were held back before this one in periods that are over, to be told once; else 0. */
bool ex_log_ration_take(struct ex_log_ration *ration, int64_t now_ms, uint64_t *ret_held_back);

/* How many were held back and not told of yet; begins anew. For the end of the source. */
uint64_t ex_log_ration_end(struct ex_log_ration *ration);

#endif
