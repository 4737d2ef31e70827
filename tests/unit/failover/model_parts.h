/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/failover/model_parts.h - what the files of the model ask of each other. Private to
 * them. Owns: nothing. Threads: none. */
#ifndef TEST_FAILOVER_MODEL_PARTS_H
#define TEST_FAILOVER_MODEL_PARTS_H

#include "tests/unit/failover/model.h"

/* ---- model_graph.c ---- */

/* Channels and regions of `spec`. */
void mo_graph_build(struct mo_job *job);

/* The number under which a result is known: its first edge. */
uint32_t mo_graph_result(const struct mo_job *job, uint32_t edge);

/* The tasks that a failure restarts, with a partition that it says is lost. */
void mo_graph_restarted(const struct mo_job *job, uint32_t failed, struct fo_partition mark,
                        bool *answer);

/* ---- model.c ---- */

bool mo_has_ended(const struct mo_job *job, uint32_t task);

/* Whether a task waits for a restart that was decided. */
bool mo_anyone_waits(const struct mo_job *job);

void mo_cancel_task(struct mo_job *job, uint32_t task);

/* What was decided before holds for nobody any more. */
void mo_raise_all_versions(struct mo_job *job);

/* ---- model_decide.c ---- */

void mo_handle_failure(struct mo_job *job, const struct fo_cause *cause, uint32_t task);

void mo_open_incident(struct mo_job *job);

void mo_restart(struct mo_job *job, const bool *targets, int64_t delay_ms);

/* Carries out the restarts that are due and whose tasks have ended. */
void mo_fire_due(struct mo_job *job);

/* The history. */
void mo_add_root(struct mo_job *job, uint64_t failure_id, uint32_t task);
void mo_add_concurrent(struct mo_job *job, const bool *targets, uint32_t except);

#endif
