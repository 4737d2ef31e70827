/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/family.h - the end of families, for the sources of this room.
 * Threads: the last one. */
#ifndef EX_METRICS_FAMILY_H
#define EX_METRICS_FAMILY_H

#include "exporter/metrics/model.h"

/* Frees all families; no series of them is left. */
void ex_families_free(struct ex_metrics *metrics);

#endif
