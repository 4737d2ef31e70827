/* SPDX-License-Identifier: Apache-2.0 */
/* failover/task_table.h - what every report and every order does to a task in every state
 * (ExecutionState; flink-failover 6.2). Owns: nothing. Threads: any. */
#ifndef FAILOVER_TASK_TABLE_H
#define FAILOVER_TASK_TABLE_H

#include "failover/failover.h"

/* Inputs: a reported state, or an order of ours. */
#define FO_REPORT(state) FO_TASK_##state
enum fo_task_order {
    FO_ORDER_SCHEDULE = FO_TASK_STATE_COUNT,
    FO_ORDER_DEPLOY,
    FO_ORDER_CANCEL,
    FO_ORDER_RESET, /* a new attempt begins */
    FO_TASK_INPUT_COUNT,
};

enum fo_task_verdict {
    FO_CELL_MISSING,  /* no such cell in the table; a test looks for it */
    FO_CELL_GO,       /* to `to` */
    FO_CELL_GO_VIA,   /* to `via`, and from there to `to` at once */
    FO_CELL_FAIL,     /* to FAILED, which is handled as a failure */
    FO_CELL_FAIL_ALL, /* a global failure */
    FO_CELL_IGNORE,   /* nothing changes */
    FO_CELL_STALE,    /* the attempt has ended: answer no */
    FO_CELL_NEVER,    /* not legal: of a report refused, of an order never given */
};

struct fo_task_cell {
    uint8_t verdict;
    uint8_t via;
    uint8_t to;
};

/* `input`: a reported enum fo_task_state or an enum fo_task_order. */
struct fo_task_cell fo_task_cell(enum fo_task_state state, unsigned input);

#endif
