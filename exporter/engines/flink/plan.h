/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/flink/plan.h - a Flink job as a specification of ours, out of what its
 * JobManager says of it: the vertices, how they are wired, how it restarts.
 * Owns: nothing. Threads: any. */
#ifndef EX_ENGINES_FLINK_PLAN_H
#define EX_ENGINES_FLINK_PLAN_H

#include <jansson.h>

#include "exporter/config/job_spec.h"

enum { EX_FLINK_NAME_MAX_BYTES = 255 };

/* A text of an answer; empty when it is none. Borrowed. */
struct fo_str ex_flink_text(const json_t *object, const char *key);
/* A whole number of an answer; `otherwise` when it is none. */
int64_t ex_flink_number(const json_t *object, const char *key, int64_t otherwise);

/* What a job's restart strategy is known to be. */
struct ex_flink_strategy {
    struct fo_strategy_config config; /* not known: one that never refuses */
    bool known;
};

/* Reads the text that GET /jobs/:id/config gives (RestartStrategyDescriptionUtils), as 1.18 and
 * 2.x write it. What sets no strategy for the job, or is not understood, is not known: the
 * cluster's default depends on settings that no answer tells. */
struct ex_flink_strategy ex_flink_strategy_read(struct fo_str text);

struct ex_flink_plan {
    const json_t *details; /* GET /jobs/:id */
    const json_t *config;  /* GET /jobs/:id/config; NULL = not known */
    const char *engine;
    const char *name;      /* that the job is shown under */
    uint32_t history_size; /* root entries kept */
};

/* Makes the specification; its vertices are in the order of `vertices` of the details and bear
 * their names, with a piece of the id where a name occurs twice. An ended job that never had a
 * vertex gets one, "job". -EAGAIN: no vertices yet; -EINVAL: not such an answer; else
 * fo_graph_new(). */
FO_MUST_CHECK int ex_flink_plan_read(const struct ex_flink_plan *plan,
                                     struct ex_job_spec **ret_spec, struct fo_error *reterr);

/* The same of the `source` of a specification that was made so. */
FO_MUST_CHECK int ex_flink_plan_read_source(struct fo_str source, const char *engine,
                                            struct ex_job_spec **ret_spec, struct fo_error *reterr);

#endif
