/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that says RUNNING has initialised: a report may skip that word, the state does not. */
#include "failover/task_table.h"

#define GO(to)                                                                                     \
    { FO_CELL_GO, FO_TASK_##to, FO_TASK_##to }
#define GO_VIA(first, to)                                                                          \
    { FO_CELL_GO_VIA, FO_TASK_##first, FO_TASK_##to }
#define FAIL                                                                                       \
    { FO_CELL_FAIL, FO_TASK_FAILED, FO_TASK_FAILED }
#define FAIL_ALL                                                                                   \
    { FO_CELL_FAIL_ALL, 0, 0 }
#define IGNORE                                                                                     \
    { FO_CELL_IGNORE, 0, 0 }
#define STALE                                                                                      \
    { FO_CELL_STALE, 0, 0 }
#define NEVER                                                                                      \
    { FO_CELL_NEVER, 0, 0 }

static const struct fo_task_cell table[FO_TASK_STATE_COUNT][FO_TASK_INPUT_COUNT] =
    {
        [FO_TASK_CREATED] =
            {
                [FO_REPORT(CREATED)] = IGNORE,
                [FO_REPORT(SCHEDULED)] = NEVER,
                [FO_REPORT(DEPLOYING)] = NEVER,
                [FO_REPORT(RUNNING)] = NEVER,
                [FO_REPORT(FINISHED)] = FAIL,
                [FO_REPORT(CANCELING)] = NEVER,
                [FO_REPORT(CANCELED)] = FAIL_ALL,
                [FO_REPORT(FAILED)] = FAIL,
                [FO_REPORT(RECONCILING)] = NEVER,
                [FO_REPORT(INITIALIZING)] = NEVER,
                [FO_ORDER_SCHEDULE] = GO(SCHEDULED),
                [FO_ORDER_DEPLOY] = NEVER,
                [FO_ORDER_CANCEL] = GO_VIA(CANCELING, CANCELED),
                [FO_ORDER_RESET] = NEVER,
            },
        [FO_TASK_SCHEDULED] =
            {
                [FO_REPORT(CREATED)] = NEVER,
                [FO_REPORT(SCHEDULED)] = IGNORE,
                [FO_REPORT(DEPLOYING)] = NEVER,
                [FO_REPORT(RUNNING)] = NEVER,
                [FO_REPORT(FINISHED)] = FAIL,
                [FO_REPORT(CANCELING)] = NEVER,
                [FO_REPORT(CANCELED)] = FAIL_ALL,
                [FO_REPORT(FAILED)] = FAIL,
                [FO_REPORT(RECONCILING)] = NEVER,
                [FO_REPORT(INITIALIZING)] = NEVER,
                [FO_ORDER_SCHEDULE] = NEVER,
                [FO_ORDER_DEPLOY] = GO(DEPLOYING),
                [FO_ORDER_CANCEL] = GO_VIA(CANCELING, CANCELED),
                [FO_ORDER_RESET] = NEVER,
            },
        [FO_TASK_DEPLOYING] =
            {
                [FO_REPORT(CREATED)] = NEVER,
                [FO_REPORT(SCHEDULED)] = IGNORE,
                [FO_REPORT(DEPLOYING)] = IGNORE,
                [FO_REPORT(RUNNING)] = GO_VIA(INITIALIZING, RUNNING),
                [FO_REPORT(FINISHED)] = GO(FINISHED),
                [FO_REPORT(CANCELING)] = NEVER,
                [FO_REPORT(CANCELED)] = GO(CANCELED),
                [FO_REPORT(FAILED)] = FAIL,
                [FO_REPORT(RECONCILING)] = NEVER,
                [FO_REPORT(INITIALIZING)] = GO(INITIALIZING),
                [FO_ORDER_SCHEDULE] = NEVER,
                [FO_ORDER_DEPLOY] = NEVER,
                [FO_ORDER_CANCEL] = GO(CANCELING),
                [FO_ORDER_RESET] = NEVER,
            },
        [FO_TASK_RUNNING] =
            {
                [FO_REPORT(CREATED)] = NEVER,
                [FO_REPORT(SCHEDULED)] = NEVER,
                [FO_REPORT(DEPLOYING)] = NEVER,
                [FO_REPORT(RUNNING)] = IGNORE,
                [FO_REPORT(FINISHED)] = GO(FINISHED),
                [FO_REPORT(CANCELING)] = NEVER,
                [FO_REPORT(CANCELED)] = GO(CANCELED),
                [FO_REPORT(FAILED)] = FAIL,
                [FO_REPORT(RECONCILING)] = NEVER,
                [FO_REPORT(INITIALIZING)] = NEVER,
                [FO_ORDER_SCHEDULE] = NEVER,
                [FO_ORDER_DEPLOY] = NEVER,
                [FO_ORDER_CANCEL] = GO(CANCELING),
                [FO_ORDER_RESET] = NEVER,
            },
        [FO_TASK_FINISHED] =
            {
                [FO_REPORT(CREATED)] = STALE,
                [FO_REPORT(SCHEDULED)] = STALE,
                [FO_REPORT(DEPLOYING)] = STALE,
                [FO_REPORT(RUNNING)] = STALE,
                [FO_REPORT(FINISHED)] = STALE,
                [FO_REPORT(CANCELING)] = STALE,
                [FO_REPORT(CANCELED)] = STALE,
                [FO_REPORT(FAILED)] = STALE,
                [FO_REPORT(RECONCILING)] = STALE,
                [FO_REPORT(INITIALIZING)] = STALE,
                [FO_ORDER_SCHEDULE] = NEVER,
                [FO_ORDER_DEPLOY] = NEVER,
                [FO_ORDER_CANCEL] = IGNORE,
                [FO_ORDER_RESET] = GO(CREATED),
            },
        [FO_TASK_CANCELING] =
            {
                [FO_REPORT(CREATED)] = NEVER,
                [FO_REPORT(SCHEDULED)] = NEVER,
                [FO_REPORT(DEPLOYING)] = IGNORE,
                [FO_REPORT(RUNNING)] = IGNORE,
                [FO_REPORT(FINISHED)] = GO(CANCELED),
                [FO_REPORT(CANCELING)] = IGNORE,
                [FO_REPORT(CANCELED)] = GO(CANCELED),
                [FO_REPORT(FAILED)] = GO(CANCELED),
                [FO_REPORT(RECONCILING)] = NEVER,
                [FO_REPORT(INITIALIZING)] = IGNORE,
                [FO_ORDER_SCHEDULE] = NEVER,
                [FO_ORDER_DEPLOY] = NEVER,
                [FO_ORDER_CANCEL] = IGNORE,
                [FO_ORDER_RESET] = NEVER,
            },
        [FO_TASK_CANCELED] =
            {
                [FO_REPORT(CREATED)] = STALE,
                [FO_REPORT(SCHEDULED)] = STALE,
                [FO_REPORT(DEPLOYING)] = STALE,
                [FO_REPORT(RUNNING)] = STALE,
                [FO_REPORT(FINISHED)] = STALE,
                [FO_REPORT(CANCELING)] = STALE,
                [FO_REPORT(CANCELED)] = STALE,
                [FO_REPORT(FAILED)] = STALE,
                [FO_REPORT(RECONCILING)] = STALE,
                [FO_REPORT(INITIALIZING)] = STALE,
                [FO_ORDER_SCHEDULE] = NEVER,
                [FO_ORDER_DEPLOY] = NEVER,
                [FO_ORDER_CANCEL] = IGNORE,
                [FO_ORDER_RESET] = GO(CREATED),
            },
        [FO_TASK_FAILED] =
            {
                [FO_REPORT(CREATED)] = STALE,
                [FO_REPORT(SCHEDULED)] = STALE,
                [FO_REPORT(DEPLOYING)] = STALE,
                [FO_REPORT(RUNNING)] = STALE,
                [FO_REPORT(FINISHED)] = STALE,
                [FO_REPORT(CANCELING)] = STALE,
                [FO_REPORT(CANCELED)] = STALE,
                [FO_REPORT(FAILED)] = STALE,
                [FO_REPORT(RECONCILING)] = STALE,
                [FO_REPORT(INITIALIZING)] = STALE,
                [FO_ORDER_SCHEDULE] = NEVER,
                [FO_ORDER_DEPLOY] = NEVER,
                [FO_ORDER_CANCEL] = IGNORE,
                [FO_ORDER_RESET] = GO(CREATED),
            },
        [FO_TASK_RECONCILING] =
            {
                [FO_REPORT(CREATED)] = NEVER,
                [FO_REPORT(SCHEDULED)] = NEVER,
                [FO_REPORT(DEPLOYING)] = NEVER,
                [FO_REPORT(RUNNING)] = NEVER,
                [FO_REPORT(FINISHED)] = FAIL,
                [FO_REPORT(CANCELING)] = NEVER,
                [FO_REPORT(CANCELED)] = GO(CANCELED),
                [FO_REPORT(FAILED)] = FAIL,
                [FO_REPORT(RECONCILING)] = IGNORE,
                [FO_REPORT(INITIALIZING)] = NEVER,
                [FO_ORDER_SCHEDULE] = NEVER,
                [FO_ORDER_DEPLOY] = NEVER,
                [FO_ORDER_CANCEL] = GO(CANCELING),
                [FO_ORDER_RESET] = NEVER,
            },
        [FO_TASK_INITIALIZING] =
            {
                [FO_REPORT(CREATED)] = NEVER,
                [FO_REPORT(SCHEDULED)] = NEVER,
                [FO_REPORT(DEPLOYING)] = NEVER,
                [FO_REPORT(RUNNING)] = GO(RUNNING),
                [FO_REPORT(FINISHED)] = GO(FINISHED),
                [FO_REPORT(CANCELING)] = NEVER,
                [FO_REPORT(CANCELED)] = GO(CANCELED),
                [FO_REPORT(FAILED)] = FAIL,
                [FO_REPORT(RECONCILING)] = NEVER,
                [FO_REPORT(INITIALIZING)] = IGNORE,
                [FO_ORDER_SCHEDULE] = NEVER,
                [FO_ORDER_DEPLOY] = NEVER,
                [FO_ORDER_CANCEL] = GO(CANCELING),
                [FO_ORDER_RESET] = NEVER,
            },
};

struct fo_task_cell fo_task_cell(enum fo_task_state state, unsigned input) {
    return table[state][input];
}
