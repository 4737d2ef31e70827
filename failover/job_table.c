/* SPDX-License-Identifier: Apache-2.0 */
#include "failover/job_table.h"

#define GO(to)                                                                                     \
    { FO_JOB_CELL_GO, FO_JOB_##to }
#define STAY                                                                                       \
    { FO_JOB_CELL_STAY, 0 }
#define IGNORE                                                                                     \
    { FO_JOB_CELL_IGNORE, 0 }
#define NEVER                                                                                      \
    { FO_JOB_CELL_NEVER, 0 }
#define ENDED                                                                                      \
    { FO_JOB_CELL_ENDED, 0 }

static const struct fo_job_cell table[FO_JOB_STATE_COUNT][FO_JOB_INPUT_COUNT] =
    {
        [FO_JOB_INITIALIZING] =
            {
                [FO_IN_START] = NEVER,
                [FO_IN_REPORT] = NEVER,
                [FO_IN_FAILURE] = NEVER,
                [FO_IN_LOST] = NEVER,
                [FO_IN_TIME] = NEVER,
                [FO_IN_CANCEL] = NEVER,
                [FO_IN_SUSPEND] = NEVER,
                [FO_IN_RESTART] = NEVER,
                [FO_IN_HOLD] = NEVER,
                [FO_IN_WAIT] = NEVER,
                [FO_IN_GO_ON] = NEVER,
                [FO_IN_GIVE_UP] = NEVER,
                [FO_IN_ALL_ENDED] = NEVER,
                [FO_IN_ALL_FINISHED] = NEVER,
            },
        [FO_JOB_CREATED] =
            {
                [FO_IN_START] = GO(RUNNING),
                [FO_IN_REPORT] = NEVER,
                [FO_IN_FAILURE] = NEVER,
                [FO_IN_LOST] = IGNORE,
                [FO_IN_TIME] = STAY,
                [FO_IN_CANCEL] = GO(CANCELLING),
                [FO_IN_SUSPEND] = GO(SUSPENDED),
                [FO_IN_RESTART] = NEVER,
                [FO_IN_HOLD] = STAY,
                [FO_IN_WAIT] = IGNORE,
                [FO_IN_GO_ON] = IGNORE,
                [FO_IN_GIVE_UP] = GO(FAILING),
                [FO_IN_ALL_ENDED] = IGNORE,
                [FO_IN_ALL_FINISHED] = IGNORE,
            },
        [FO_JOB_RUNNING] =
            {
                [FO_IN_START] = NEVER,
                [FO_IN_REPORT] = STAY,
                [FO_IN_FAILURE] = STAY,
                [FO_IN_LOST] = STAY,
                [FO_IN_TIME] = STAY,
                [FO_IN_CANCEL] = GO(CANCELLING),
                [FO_IN_SUSPEND] = GO(SUSPENDED),
                [FO_IN_RESTART] = STAY,
                [FO_IN_HOLD] = STAY,
                [FO_IN_WAIT] = GO(RESTARTING),
                [FO_IN_GO_ON] = IGNORE,
                [FO_IN_GIVE_UP] = GO(FAILING),
                [FO_IN_ALL_ENDED] = IGNORE,
                [FO_IN_ALL_FINISHED] = GO(FINISHED),
            },
        [FO_JOB_FAILING] =
            {
                [FO_IN_START] = NEVER,
                [FO_IN_REPORT] = STAY,
                [FO_IN_FAILURE] = IGNORE,
                [FO_IN_LOST] = IGNORE,
                [FO_IN_TIME] = STAY,
                [FO_IN_CANCEL] = GO(CANCELLING),
                [FO_IN_SUSPEND] = GO(SUSPENDED),
                [FO_IN_RESTART] = NEVER,
                [FO_IN_HOLD] = STAY,
                [FO_IN_WAIT] = IGNORE,
                [FO_IN_GO_ON] = IGNORE,
                [FO_IN_GIVE_UP] = IGNORE,
                [FO_IN_ALL_ENDED] = GO(FAILED),
                [FO_IN_ALL_FINISHED] = IGNORE,
            },
        [FO_JOB_FAILED] =
            {
                [FO_IN_START] = ENDED,
                [FO_IN_REPORT] = ENDED,
                [FO_IN_FAILURE] = ENDED,
                [FO_IN_LOST] = ENDED,
                [FO_IN_TIME] = ENDED,
                [FO_IN_CANCEL] = ENDED,
                [FO_IN_SUSPEND] = ENDED,
                [FO_IN_RESTART] = ENDED,
                [FO_IN_HOLD] = ENDED,
                [FO_IN_WAIT] = ENDED,
                [FO_IN_GO_ON] = ENDED,
                [FO_IN_GIVE_UP] = ENDED,
                [FO_IN_ALL_ENDED] = ENDED,
                [FO_IN_ALL_FINISHED] = ENDED,
            },
        [FO_JOB_CANCELLING] =
            {
                [FO_IN_START] = NEVER,
                [FO_IN_REPORT] = STAY,
                [FO_IN_FAILURE] = IGNORE,
                [FO_IN_LOST] = IGNORE,
                [FO_IN_TIME] = STAY,
                [FO_IN_CANCEL] = IGNORE,
                [FO_IN_SUSPEND] = GO(SUSPENDED),
                [FO_IN_RESTART] = NEVER,
                [FO_IN_HOLD] = STAY,
                [FO_IN_WAIT] = IGNORE,
                [FO_IN_GO_ON] = IGNORE,
                [FO_IN_GIVE_UP] = GO(FAILING),
                [FO_IN_ALL_ENDED] = GO(CANCELED),
                [FO_IN_ALL_FINISHED] = IGNORE,
            },
        [FO_JOB_CANCELED] =
            {
                [FO_IN_START] = ENDED,
                [FO_IN_REPORT] = ENDED,
                [FO_IN_FAILURE] = ENDED,
                [FO_IN_LOST] = ENDED,
                [FO_IN_TIME] = ENDED,
                [FO_IN_CANCEL] = ENDED,
                [FO_IN_SUSPEND] = ENDED,
                [FO_IN_RESTART] = ENDED,
                [FO_IN_HOLD] = ENDED,
                [FO_IN_WAIT] = ENDED,
                [FO_IN_GO_ON] = ENDED,
                [FO_IN_GIVE_UP] = ENDED,
                [FO_IN_ALL_ENDED] = ENDED,
                [FO_IN_ALL_FINISHED] = ENDED,
            },
        [FO_JOB_FINISHED] =
            {
                [FO_IN_START] = ENDED,
                [FO_IN_REPORT] = ENDED,
                [FO_IN_FAILURE] = ENDED,
                [FO_IN_LOST] = ENDED,
                [FO_IN_TIME] = ENDED,
                [FO_IN_CANCEL] = ENDED,
                [FO_IN_SUSPEND] = ENDED,
                [FO_IN_RESTART] = ENDED,
                [FO_IN_HOLD] = ENDED,
                [FO_IN_WAIT] = ENDED,
                [FO_IN_GO_ON] = ENDED,
                [FO_IN_GIVE_UP] = ENDED,
                [FO_IN_ALL_ENDED] = ENDED,
                [FO_IN_ALL_FINISHED] = ENDED,
            },
        [FO_JOB_RESTARTING] =
            {
                [FO_IN_START] = NEVER,
                [FO_IN_REPORT] = STAY,
                [FO_IN_FAILURE] = STAY,
                [FO_IN_LOST] = STAY,
                [FO_IN_TIME] = STAY,
                [FO_IN_CANCEL] = GO(CANCELLING),
                [FO_IN_SUSPEND] = GO(SUSPENDED),
                [FO_IN_RESTART] = STAY,
                [FO_IN_HOLD] = STAY,
                [FO_IN_WAIT] = IGNORE,
                [FO_IN_GO_ON] = GO(RUNNING),
                [FO_IN_GIVE_UP] = GO(FAILING),
                [FO_IN_ALL_ENDED] = IGNORE,
                [FO_IN_ALL_FINISHED] = IGNORE,
            },
        [FO_JOB_SUSPENDED] =
            {
                [FO_IN_START] = ENDED,
                [FO_IN_REPORT] = STAY,
                [FO_IN_FAILURE] = IGNORE,
                [FO_IN_LOST] = IGNORE,
                [FO_IN_TIME] = ENDED,
                [FO_IN_CANCEL] = ENDED,
                [FO_IN_SUSPEND] = ENDED,
                [FO_IN_RESTART] = ENDED,
                [FO_IN_HOLD] = ENDED,
                [FO_IN_WAIT] = ENDED,
                [FO_IN_GO_ON] = ENDED,
                [FO_IN_GIVE_UP] = ENDED,
                [FO_IN_ALL_ENDED] = IGNORE,
                [FO_IN_ALL_FINISHED] = IGNORE,
            },
        [FO_JOB_RECONCILING] =
            {
                [FO_IN_START] = NEVER,
                [FO_IN_REPORT] = NEVER,
                [FO_IN_FAILURE] = NEVER,
                [FO_IN_LOST] = NEVER,
                [FO_IN_TIME] = NEVER,
                [FO_IN_CANCEL] = NEVER,
                [FO_IN_SUSPEND] = NEVER,
                [FO_IN_RESTART] = NEVER,
                [FO_IN_HOLD] = NEVER,
                [FO_IN_WAIT] = NEVER,
                [FO_IN_GO_ON] = NEVER,
                [FO_IN_GIVE_UP] = NEVER,
                [FO_IN_ALL_ENDED] = NEVER,
                [FO_IN_ALL_FINISHED] = NEVER,
            },
};

struct fo_job_cell fo_job_cell(enum fo_job_state state, enum fo_job_input input) {
    return table[state][input];
}
