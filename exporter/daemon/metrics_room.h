/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/metrics_room.h - whether the metrics have room for the jobs, said before they run
 * into their limits. Owns: nothing. Threads: [main]. */
#ifndef EX_DAEMON_METRICS_ROOM_H
#define EX_DAEMON_METRICS_ROOM_H

#include "exporter/config/config.h"
#include "exporter/metrics/metrics.h"

/* The limits that a configuration sets. */
struct ex_metrics_limits ex_metrics_room_limits(const struct ex_config *config);

enum { EX_METRICS_ROOM_MAX_BYTES = 320 };

/* The arithmetic in one sentence, cut off where it does not fit; *ret_jobs have room. Errors:
 * memory. A limit that not even one job fits in is room for none. */
FO_MUST_CHECK int ex_metrics_room_text(const struct ex_config *config, bool flink_names,
                                       char text[static EX_METRICS_ROOM_MAX_BYTES],
                                       size_t *ret_jobs);

/* Logs a warning when `jobs` take four fifths of the room or more. */
void ex_metrics_room_check(const struct ex_config *config, bool flink_names, size_t jobs);

#endif
