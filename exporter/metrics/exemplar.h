/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/exemplar.h - what the words of an exemplar mean, for the sources of this room.
 * words: the value (bits of a double), its time in ms, the length of its escaped labels, and these
 * labels, eight bytes to a word. Threads: told per function. */
#ifndef EX_METRICS_EXEMPLAR_H
#define EX_METRICS_EXEMPLAR_H

#include "exporter/metrics/model.h"

enum { EX_EXEMPLAR_VALUE, EX_EXEMPLAR_TIME, EX_EXEMPLAR_LEN, EX_EXEMPLAR_TEXT };
enum { EX_EXEMPLAR_CODE_POINTS = 128 /* OpenMetrics 1.0 */ };

struct ex_exemplar {
    double value;
    int64_t time_ms;
    struct fo_str labels; /* escaped; borrowed from the words */
};

/* What the scraper took over; false: none. [scraper] */
bool ex_exemplar_shown(const struct ex_series *series, struct ex_exemplar *ret_exemplar);

#endif
