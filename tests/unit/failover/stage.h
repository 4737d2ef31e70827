/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/failover/stage.h - a job to try things on: made of a few words, moved by short calls.
 * Owns: graph, job and actions, ended by stage_close(). Threads: none. */
#ifndef TEST_FAILOVER_STAGE_H
#define TEST_FAILOVER_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failover/failover.h"

struct stage {
    struct fo_graph *graph;
    struct fo_job *job;
    struct fo_actions actions; /* of the last step */
    int64_t now_ms;
    uint64_t failure_id; /* of the last failure reported */
};

/* Without edges: `parallelism` tasks of one vertex. */
#define STAGE_ONE(parallelism)                                                                     \
    (&(const struct fo_graph_spec){(const struct fo_vertex_spec[]){{{"v", 1}, (parallelism)}}, 1,  \
                                   NULL, 0})

/* Two vertices of the same parallelism and an edge. */
#define STAGE_TWO(parallelism, exchange, pattern)                                                  \
    (&(const struct fo_graph_spec){                                                                \
        (const struct fo_vertex_spec[]){{{"a", 1}, (parallelism)}, {{"b", 1}, (parallelism)}}, 2,  \
        (const struct fo_edge_spec[]){{0, 1, (exchange), (pattern), 0}}, 1})

/* A fixed delay and a history of three roots. */
struct fo_job_config stage_config(int32_t attempts, int64_t delay_ms);

void stage_open(struct stage *stage, const struct fo_graph_spec *spec,
                const struct fo_job_config *config);
void stage_close(struct stage *stage);

/* One step at now_ms; the actions of the step before are gone. Returns its result. */
int stage_step(struct stage *stage, struct fo_event event);
int stage_do(struct stage *stage, enum fo_event_kind kind);
/* A report of the current attempt. */
int stage_report(struct stage *stage, uint32_t task, enum fo_task_state state);
int stage_fail(struct stage *stage, uint32_t task, const struct fo_label *labels,
               uint32_t label_count);
/* FO_EVENT_TIME at that time. */
void stage_wait_until(struct stage *stage, int64_t now_ms);
/* Starts the job and reports RUNNING for all that is deployed. */
void stage_run(struct stage *stage);

uint32_t stage_count(const struct stage *stage, enum fo_action_kind kind);
/* The only decision of the last step. */
const struct fo_decision *stage_decision(const struct stage *stage);
void stage_expect(const struct stage *stage, uint32_t task, enum fo_task_state state,
                  uint32_t attempt);

#endif
