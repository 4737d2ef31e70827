/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/plan/plan.h - what-if: a job on virtual time. The real core decides; every task that is
 * deployed runs at once and every task that is cancelled ends at once, so that what remains is the
 * decisions and their delays. Owns: its own fo_job; holds a reference to the graph.
 * Threads: none, the caller serialises; several plans may share a graph. */
#ifndef EX_PLAN_PLAN_H
#define EX_PLAN_PLAN_H

#include "failover/failover.h"

struct ex_plan;

/* A decision of the plan. */
struct ex_plan_decision {
    int64_t at_ms;
    uint32_t failed;       /* task; FO_NO_TASK = a global failure */
    bool restart;          /* false: the job gives up */
    const uint32_t *tasks; /* that restart, ascending; borrowed as long as the plan */
    uint32_t task_count;
    int64_t delay_ms;
    bool budget_limited;
    int64_t budget_left; /* after the decision */
};

/* What happened until now, in sums. */
struct ex_plan_sums {
    uint64_t restarts;        /* numRestarts */
    uint64_t restarted_tasks; /* attempts made by them */
    int64_t downtime_ms;      /* time in which the job was not RUNNING */
    int64_t gave_up_ms;       /* FO_NEVER = it did not */
};

/* Starts the job at time 0. `seed` feeds the jitter. `keep_decisions` false saves their memory when
 * only the sums matter. Errors as fo_job_new(). */
FO_MUST_CHECK int ex_plan_new(const struct fo_job_config *config, struct fo_graph *graph,
                              uint64_t seed, bool keep_decisions, struct ex_plan **ret_plan,
                              struct fo_error *reterr);
struct ex_plan *ex_plan_free(struct ex_plan *plan); /* NULL allowed; returns NULL */

/* These happen at `at_ms`, which must not lie before anything said earlier (-EINVAL). All answer 0
 * when the thing happened, -ESTALE when it cannot: the task has ended or waits for its restart, or
 * the job has ended. A task that waits for blocking inputs is first brought to run: what it waits
 * for is taken to have finished. */
FO_MUST_CHECK int ex_plan_fail(struct ex_plan *plan, uint32_t task, int64_t at_ms);
FO_MUST_CHECK int ex_plan_fail_globally(struct ex_plan *plan, int64_t at_ms);
FO_MUST_CHECK int ex_plan_finish(struct ex_plan *plan, uint32_t task, int64_t at_ms);
/* Everything that `producer` has published is gone. */
FO_MUST_CHECK int ex_plan_lose_partitions(struct ex_plan *plan, uint32_t producer, int64_t at_ms);

/* Lets time pass. */
FO_MUST_CHECK int ex_plan_advance(struct ex_plan *plan, int64_t to_ms);

const struct fo_job *ex_plan_job(const struct ex_plan *plan); /* borrowed */
uint32_t ex_plan_decision_count(const struct ex_plan *plan);
struct ex_plan_decision ex_plan_decision(const struct ex_plan *plan, uint32_t index);
struct ex_plan_sums ex_plan_sums(const struct ex_plan *plan);

#endif
