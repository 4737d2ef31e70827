/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/self.h - what the registry says of itself: failover_series and its kin.
 * Threads: told per function. */
#ifndef EX_METRICS_SELF_H
#define EX_METRICS_SELF_H

#include "exporter/metrics/model.h"

/* Declares the registry's own families. -ENOMEM. [before the registry is shared] */
int ex_self_init(struct ex_metrics *metrics);

/* Makes the rows about a new family. -ENOMEM. [declaring thread] */
int ex_self_add_rows(struct ex_metrics *metrics, struct ex_family *family);

#endif
