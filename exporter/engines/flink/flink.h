/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/flink/flink.h - the engine that shows the jobs of Flink clusters: polls their
 * JobManagers over REST and mirrors what they say. It starts and stops nothing there.
 * Owns: its requests, records of jobs, series of its families. Threads: [main]. */
#ifndef EX_ENGINES_FLINK_H
#define EX_ENGINES_FLINK_H

#include <uv.h>

#include "exporter/config/engine_flink.h"
#include "exporter/engines/engine.h"
#include "exporter/metrics/metrics.h"

struct ex_manager;
struct ex_flink;

struct ex_flink_config {
    uv_loop_t *loop;                          /* borrowed, until close() and one more turn of it */
    struct ex_manager *manager;               /* borrowed, until close() */
    struct ex_metrics *metrics;               /* borrowed */
    const struct ex_engine *engine;           /* what `self` becomes a part of; borrowed */
    const struct ex_flink_settings *settings; /* borrowed */
    const char *folder;                       /* where relative paths of `files` begin; borrowed */
    uint32_t history_size;                    /* root entries kept of a job */
    int64_t retention_ms;                     /* a job that ended longer ago is not shown */
    void (*up_changed)(void *ctx, bool up);   /* whether every JobManager answers */
    void *ctx;
};

const struct ex_engine_ops *ex_flink_ops(void);

/* Declares the families, once for all engines of this kind, so that a manifest can list them. As
 * ex_metrics_family(). */
struct ex_flink_families;
FO_MUST_CHECK int ex_flink_families_new(struct ex_metrics *metrics,
                                        struct ex_flink_families **ret_families,
                                        struct fo_error *reterr);
struct ex_flink_families *ex_flink_families_free(struct ex_flink_families *families);

/* Makes the `self` of an ex_engine with these ops, which polls from now on. `families` are borrowed
 * as long as it. 0, or a negative errno with `reterr`. */
FO_MUST_CHECK int ex_flink_new(const struct ex_flink_config *config,
                               const struct ex_flink_families *families, void **ret_self,
                               struct fo_error *reterr);

#endif
