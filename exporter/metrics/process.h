/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/process.h - what every exporter says of its process: process_* and build info.
 * Owns: its series' handles; the registry owns the series. Threads: [main] makes and frees it; the
 * figures are read at each scrape, on its thread. */
#ifndef EX_METRICS_PROCESS_H
#define EX_METRICS_PROCESS_H

#include "exporter/metrics/metrics.h"

struct ex_process;

/* Declares the families and has them read at each scrape. What this machine does not tell is left
 * out. `revision` and `branch` are of the source tree, "unknown" at worst; copied. Lives at least
 * as long as the registry is scraped; ended with ex_process_free(). -EEXIST, -ENOSPC, -ENOMEM as
 * ex_metrics_family(). */
FO_MUST_CHECK int ex_process_new(struct ex_metrics *metrics, const char *revision,
                                 const char *branch, struct ex_process **ret_process,
                                 struct fo_error *reterr);
void ex_process_free(struct ex_process *process); /* NULL is allowed */

#endif
