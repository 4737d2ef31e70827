/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/overflow.h - what keeps hostile label values from filling the memory.
 *
 * A series that exists is never touched. A new one that would pass a limit goes to an overflow row
 * instead: the label at fault becomes __overflow__, the others keep their values, so that totals
 * and breakdowns by the other labels stay right. Labels of a closed set are never at fault. A few
 * such rows per cell may stand beyond the limits; after those, all open labels become __overflow__
 * at once, and of such rows there are no more than the closed labels have values.
 *
 * Threads: the writer of the group. */
#ifndef EX_METRICS_OVERFLOW_H
#define EX_METRICS_OVERFLOW_H

#include "exporter/metrics/series.h"

struct ex_openings;

/* Creates the series of a key that was not found, or finds or creates its overflow row. -ENOSPC: a
 * limit, and there can be no row for it. -EINVAL, -ENOMEM. */
int ex_overflow_create(struct ex_group *group, const struct ex_key *key,
                       struct ex_series **ret_series);

/* A series joined its cell: remembers its values if the cell has come to that. */
void ex_openings_note(struct ex_cell *cell, const struct ex_series *series);

/* NULL is allowed. */
void ex_openings_free(struct ex_openings *openings);

#endif
