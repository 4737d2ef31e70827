/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/duration.h - durations as Flink reads them (TimeUtils.parseDuration): "10 s",
 * "500", "1 min", "PT1H30M". No sums, fractions or signs but in the ISO-8601 form.
 * Owns: nothing. Threads: any. */
#ifndef EX_CONFIG_DURATION_H
#define EX_CONFIG_DURATION_H

#include "failover/types.h"

/* What Java's Duration holds, never negative. */
struct ex_duration {
    int64_t seconds;
    uint32_t nanos; /* 0 .. 999 999 999 */
};

/* -EINVAL: no number, an unknown unit, something behind it, or negative. -ERANGE: more than 64 bits
 * of seconds. The number itself may have any length. */
FO_MUST_CHECK int ex_duration_parse(struct fo_str text, struct ex_duration *ret_duration);

/* Whole milliseconds, the rest is cut off. -ERANGE: more than 64 bits. */
FO_MUST_CHECK int ex_duration_to_ms(struct ex_duration duration, int64_t *ret_ms);

/* Both steps: a setting in milliseconds. */
FO_MUST_CHECK int ex_duration_parse_ms(struct fo_str text, int64_t *ret_ms);

/* All of it in nanoseconds as decimal digits; they do not fit into 64 bits. */
#define EX_DURATION_NS_SIZE 32
void ex_duration_format_ns(struct ex_duration duration, char text[static EX_DURATION_NS_SIZE]);

#endif
