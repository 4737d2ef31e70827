/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/push/metrics.h - what the push engine says of itself. Owns: nothing; the
 * registry owns the series. Threads: [any], except where said otherwise. */
#ifndef EX_ENGINES_PUSH_METRICS_H
#define EX_ENGINES_PUSH_METRICS_H

#include "exporter/engines/push/report.h"
#include "exporter/metrics/metrics.h"

struct ex_push_metrics {
    struct ex_group *group;
    struct ex_series *reports[EX_PUSH_RESULTS];
    struct ex_series *in_flight;
    struct ex_series *followers;
    struct ex_series *events;
    struct ex_series *schedulers_lost;
    struct ex_series *batch_reports; /* [main] */
};

/* Declares the families. As ex_metrics_family(). [main] */
FO_MUST_CHECK int ex_push_metrics_init(struct ex_push_metrics *own, struct ex_metrics *metrics,
                                       struct fo_error *reterr);

#endif
