/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/push_stage.h - the push engine with a core behind it and nothing else: no HTTP, no manager.
 * For its unit tests and its fuzzer. Owns: all of it. Threads: one. */
#ifndef FUZZ_PUSH_STAGE_H
#define FUZZ_PUSH_STAGE_H

#include "exporter/engines/push/push.h"

struct push_stage {
    uv_loop_t loop;
    uv_timer_t alive; /* so that the loop turns for the engine's own timer */
    struct ex_metrics *metrics;
    struct ex_push *push;
    struct ex_job_spec spec;
    struct ex_vertex_spec vertices[2];
    struct fo_job *core;
    struct ex_engine_job *job;
    struct fo_actions actions;
    int64_t now_ms;
    uint64_t failures;
    bool closed;   /* the engine has said so */
    unsigned told; /* reports that the engine has passed on */
    STAILQ_HEAD(, push_stage_report) waiting;
};

/* Two vertices, `a` of `parallelism` tasks and `b` of one behind a blocking edge; restarts after
 * `delay_ms`, without end. */
void push_stage_open(struct push_stage *stage, uint32_t parallelism, int64_t delay_ms,
                     int64_t heartbeat_ms);
void push_stage_close(struct push_stage *stage);

/* Steps the core with everything that the engine has reported, and carries out what it says. */
void push_stage_run(struct push_stage *stage);
/* Steps the core with an order of ours. */
void push_stage_order(struct push_stage *stage, enum fo_event_kind kind);
/* Lets time pass: for the core by the figure, for the engine as it does. */
void push_stage_wait(struct push_stage *stage, int64_t ms);

/* Gives a body to the engine and runs; appends the answers, one per line, or nothing where the job
 * is not known. 0, or what reading the body or taking it said. */
int push_stage_report(struct push_stage *stage, struct fo_str body, bool lines,
                      struct ex_buffer *answers);

#endif
