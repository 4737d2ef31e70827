/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/failover/model.h - the core's rules once more, slow and plain: every channel is a pair
 * of tasks, every question a loop over all of them. Written from the description of Flink's
 * behaviour, not from the core, so that the two can be held against each other.
 * Owns: nothing. Threads: none. */
#ifndef TEST_FAILOVER_MODEL_H
#define TEST_FAILOVER_MODEL_H

#include "failover/failover.h"

enum { MO_TASKS = 40, MO_EDGES = 12, MO_CHANNELS = 4000, MO_DECISIONS = 4096, MO_ROOTS = 4 };

struct mo_channel {
    uint32_t producer;
    uint32_t consumer;
    uint32_t edge;
    enum fo_exchange exchange;
};

struct mo_decision {
    bool fired;
    int64_t due_ms;
    bool target[MO_TASKS];
    uint32_t version[MO_TASKS];
    bool awaits[MO_TASKS]; /* was alive when decided */
    uint32_t attempt[MO_TASKS];
};

struct mo_root {
    uint64_t failure_id;
    uint32_t task;
    uint32_t concurrent;
};

struct mo_task {
    enum fo_task_state state;
    uint32_t attempt;
    uint32_t version;
    bool has_failure;
    bool restarted_in_incident; /* or about to be */
};

struct mo_job {
    /* the graph */
    const struct fo_graph_spec *spec;
    uint32_t task_count;
    uint32_t vertex_of[MO_TASKS];
    struct mo_channel channels[MO_CHANNELS];
    uint32_t channel_count;
    uint32_t region[MO_TASKS];     /* the lowest task of the region */
    bool lost[MO_TASKS][MO_EDGES]; /* partitions, by producer and result */
    /* the job */
    const struct fo_job_config *config;
    int64_t now_ms;
    enum fo_job_state state;
    bool paused;
    struct mo_task tasks[MO_TASKS];
    struct mo_decision decisions[MO_DECISIONS];
    uint32_t decision_count;
    uint64_t restarts;
    bool incident;
    uint64_t end_failure_id;
    /* the strategy */
    int64_t failure_ms[MO_DECISIONS];
    uint32_t failure_count;
    int32_t attempt;
    bool notified;
    int64_t next_restart_ms;
    /* history */
    struct mo_root roots[MO_ROOTS];
    uint32_t root_count;
    /* what the last step did */
    uint32_t deployed[MO_TASKS];
    uint32_t cancelled[MO_TASKS];
    uint32_t recovered;
    uint32_t decided;
    bool restart;
    int64_t delay_ms;
    enum fo_exhausted_reason exhausted;
};

void mo_init(struct mo_job *job, const struct fo_graph_spec *spec,
             const struct fo_job_config *config);

/* Returns what fo_job_step() should. */
int mo_step(struct mo_job *job, const struct fo_event *event, int64_t now_ms);

#endif
