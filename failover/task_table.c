/* SPDX-License-Identifier: Apache-2.0 */
/* A line an input, a column a state in the order of enum fo_task_state, a cell where the task goes:
 * to a state, in capitals (CLG is CANCELING, CLD CANCELED; with a v, by way of the state between:
 * a worker that says RUNNING has initialised, the report may skip that word, the state does not),
 * or nowhere. */
#include "failover/task_table.h"

#define VIA(first, to)                                                                             \
    { FO_CELL_GO_VIA, FO_TASK_##first, FO_TASK_##to }
#define STATE(to)                                                                                  \
    { FO_CELL_GO, FO_TASK_##to, FO_TASK_##to }
#define CRE STATE(CREATED)
#define SCH STATE(SCHEDULED)
#define DEP STATE(DEPLOYING)
#define INI STATE(INITIALIZING)
#define RUN STATE(RUNNING)
#define FIN STATE(FINISHED)
#define CLG STATE(CANCELING)
#define CLD STATE(CANCELED)
#define vRUN VIA(INITIALIZING, RUNNING)
#define vCLD VIA(CANCELING, CANCELED)
#define fail                                                                                       \
    { FO_CELL_FAIL, FO_TASK_FAILED, FO_TASK_FAILED }
#define all                                                                                        \
    { FO_CELL_FAIL_ALL, 0, 0 }
#define skip                                                                                       \
    { FO_CELL_IGNORE, 0, 0 }
#define stale                                                                                      \
    { FO_CELL_STALE, 0, 0 }
#define never                                                                                      \
    { FO_CELL_NEVER, 0, 0 }

/* clang-format off */
static const struct fo_task_cell table[FO_TASK_INPUT_COUNT][FO_TASK_STATE_COUNT] = {
    /*                           CRE    SCH    DEP    RUN    FIN    CLG    CLD    FLD    REC    INI */
    [FO_REPORT(CREATED)] =      {skip,  never, never, never, stale, never, stale, stale, never, never},
    [FO_REPORT(SCHEDULED)] =    {never, skip,  skip,  never, stale, never, stale, stale, never, never},
    [FO_REPORT(DEPLOYING)] =    {never, never, skip,  never, stale, skip,  stale, stale, never, never},
    [FO_REPORT(RUNNING)] =      {never, never, vRUN,  skip,  stale, skip,  stale, stale, never, RUN},
    [FO_REPORT(FINISHED)] =     {fail,  fail,  FIN,   FIN,   stale, CLD,   stale, stale, fail,  FIN},
    [FO_REPORT(CANCELING)] =    {never, never, never, never, stale, skip,  stale, stale, never, never},
    [FO_REPORT(CANCELED)] =     {all,   all,   CLD,   CLD,   stale, CLD,   stale, stale, CLD,   CLD},
    [FO_REPORT(FAILED)] =       {fail,  fail,  fail,  fail,  stale, CLD,   stale, stale, fail,  fail},
    [FO_REPORT(RECONCILING)] =  {never, never, never, never, stale, never, stale, stale, skip,  never},
    [FO_REPORT(INITIALIZING)] = {never, never, INI,   never, stale, skip,  stale, stale, never, skip},
    [FO_ORDER_SCHEDULE] =       {SCH,   never, never, never, never, never, never, never, never, never},
    [FO_ORDER_DEPLOY] =         {never, DEP,   never, never, never, never, never, never, never, never},
    [FO_ORDER_CANCEL] =         {vCLD,  vCLD,  CLG,   CLG,   skip,  skip,  skip,  skip,  CLG,   CLG},
    [FO_ORDER_RESET] =          {never, never, never, never, CRE,   never, CRE,   CRE,   never, never},
};
/* clang-format on */

struct fo_task_cell fo_task_cell(enum fo_task_state state, unsigned input) {
    return table[input][state];
}
