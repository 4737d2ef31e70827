/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/local/judge.h - which of the ends in a region is the failure.
 * When a task dies its neighbours lose the other end of their pipes: producers die of SIGPIPE,
 * consumers take a cut input for a complete one. So ends are judged together, per region:
 *  - the earliest failure that cannot be a consequence is the failure, all others are secondary;
 *  - a task that died of a broken pipe waits EX_JUDGE_HOLD_MS for a better explanation;
 *  - ... and has done well when all its consumers have (they wanted no more);
 *  - a task that has done well is finished when all its pipelined producers are.
 * Pure: no clock, no process. Owns: nothing. Threads: any, the caller serialises. */
#ifndef EX_ENGINES_LOCAL_JUDGE_H
#define EX_ENGINES_LOCAL_JUDGE_H

#include "failover/failover.h"

#define EX_JUDGE_HOLD_MS 50

/* How far a task's current attempt is. */
enum ex_end {
    EX_END_NOT_YET,   /* not deployed, or running */
    EX_END_ZERO,      /* exit status 0 */
    EX_END_BROKEN,    /* SIGPIPE, status 141, EPIPE */
    EX_END_FAILURE,   /* anything else */
    EX_END_FINISHED,  /* was judged so */
    EX_END_FAILED,    /* was judged so */
    EX_END_CANCELLED, /* we asked for its end: nothing is judged by it any more */
};

struct ex_ending {
    int64_t at_ms;
    uint64_t turn; /* of the loop, in which it was read; within one the order is unknown */
    enum ex_end end;
    bool done_well; /* the judge's own, from here on */
    bool finished;
};

enum ex_verdict { EX_VERDICT_WAIT, EX_VERDICT_FINISHED, EX_VERDICT_FAILED, EX_VERDICT_SECONDARY };

/* Whether an exchange is a pipe between two processes that run at one time. */
bool ex_exchange_is_pipe(enum fo_exchange exchange);

/* Judges the tasks of `region`; `endings` is indexed by task, `ret_verdicts` by the place in
 * fo_graph_region_tasks(). At most one verdict is FAILED. Returns when to judge again although
 * nothing further has ended; FO_NEVER. */
int64_t ex_judge_region(const struct fo_graph *graph, uint32_t region, struct ex_ending *endings,
                        int64_t now_ms, enum ex_verdict *ret_verdicts);

#endif
