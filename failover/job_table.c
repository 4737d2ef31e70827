/* SPDX-License-Identifier: Apache-2.0 */
/* A line an input, a column a state in the order of enum fo_job_state, a cell where the job goes:
 * to a state, in capitals (FLG is FAILING, FLD FAILED, CLG CANCELLING, CLD CANCELED), or nowhere.
 */
#include "failover/job_table.h"

#define STATE(to)                                                                                  \
    { FO_JOB_CELL_GO, FO_JOB_##to }
#define RUN STATE(RUNNING)
#define RST STATE(RESTARTING)
#define FLG STATE(FAILING)
#define FLD STATE(FAILED)
#define CLG STATE(CANCELLING)
#define CLD STATE(CANCELED)
#define FIN STATE(FINISHED)
#define SUS STATE(SUSPENDED)
#define stay                                                                                       \
    { FO_JOB_CELL_STAY, 0 }
#define skip                                                                                       \
    { FO_JOB_CELL_IGNORE, 0 }
#define never                                                                                      \
    { FO_JOB_CELL_NEVER, 0 }
#define ended                                                                                      \
    { FO_JOB_CELL_ENDED, 0 }

/* clang-format off */
static const struct fo_job_cell table[FO_JOB_INPUT_COUNT][FO_JOB_STATE_COUNT] = {
    /*                      INIT   CRE    RUN    FLG    FLD    CLG    CLD    FIN    RST    SUS    REC */
    [FO_IN_START] =        {never, RUN,   never, never, ended, never, ended, ended, never, ended, never},
    [FO_IN_REPORT] =       {never, never, stay,  stay,  ended, stay,  ended, ended, stay,  stay,  never},
    [FO_IN_FAILURE] =      {never, never, stay,  skip,  ended, skip,  ended, ended, stay,  skip,  never},
    [FO_IN_LOST] =         {never, skip,  stay,  skip,  ended, skip,  ended, ended, stay,  skip,  never},
    [FO_IN_TIME] =         {never, stay,  stay,  stay,  ended, stay,  ended, ended, stay,  ended, never},
    [FO_IN_CANCEL] =       {never, CLG,   CLG,   CLG,   ended, skip,  ended, ended, CLG,   ended, never},
    [FO_IN_SUSPEND] =      {never, SUS,   SUS,   SUS,   ended, SUS,   ended, ended, SUS,   ended, never},
    [FO_IN_RESTART] =      {never, never, stay,  never, ended, never, ended, ended, stay,  ended, never},
    [FO_IN_HOLD] =         {never, stay,  stay,  stay,  ended, stay,  ended, ended, stay,  ended, never},
    [FO_IN_WAIT] =         {never, skip,  RST,   skip,  ended, skip,  ended, ended, skip,  ended, never},
    [FO_IN_GO_ON] =        {never, skip,  skip,  skip,  ended, skip,  ended, ended, RUN,   ended, never},
    [FO_IN_GIVE_UP] =      {never, FLG,   FLG,   skip,  ended, FLG,   ended, ended, FLG,   ended, never},
    [FO_IN_ALL_ENDED] =    {never, skip,  skip,  FLD,   ended, CLD,   ended, ended, skip,  skip,  never},
    [FO_IN_ALL_FINISHED] = {never, skip,  FIN,   skip,  ended, skip,  ended, ended, skip,  skip,  never},
};
/* clang-format on */

struct fo_job_cell fo_job_cell(enum fo_job_state state, enum fo_job_input input) {
    return table[input][state];
}
