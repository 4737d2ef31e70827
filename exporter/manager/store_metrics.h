/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/store_metrics.h - failover_store_*: whether state can be written, how long a
 * commit takes, how much is kept. Owns: the group of series. Threads: the job manager's [main]. */
#ifndef EX_MANAGER_STORE_METRICS_H
#define EX_MANAGER_STORE_METRICS_H

#include "exporter/metrics/metrics.h"
#include "exporter/store/store.h"

struct ex_store_metrics {
    struct ex_group *group;
    struct ex_series *up;
    struct ex_series *commit_seconds;
    struct ex_series *bytes;
    struct ex_series *failures;
    struct ex_series *events;
    struct ex_series *deleted;
    struct ex_series *errors[EX_STORE_TROUBLES];
    uint64_t deleted_shown;
    uint64_t errors_shown[EX_STORE_TROUBLES];
    bool was_down; /* that it is was logged */
};

/* Declares the families; `store` NULL: state is in memory, which is always up. As
 * ex_metrics_family(). */
FO_MUST_CHECK int ex_store_metrics_init(struct ex_store_metrics *own, struct ex_metrics *metrics,
                                        struct ex_store *store, struct fo_error *reterr);

/* Shows the store's status, and a commit that took so long (NULL: none was made); logs that it went
 * down, and that it is up again. */
void ex_store_metrics_show(struct ex_store_metrics *own, struct ex_store *store,
                           const uint64_t *commit_ns);

#endif
