/* SPDX-License-Identifier: Apache-2.0 */
/* failover/job_table.h - what happens to a job in every state (JobStatus; flink-failover 6.1).
 * Owns: nothing. Threads: any. */
#ifndef FAILOVER_JOB_TABLE_H
#define FAILOVER_JOB_TABLE_H

#include "failover/failover.h"

enum fo_job_input {
    /* from outside */
    FO_IN_START,
    FO_IN_REPORT,  /* of a task */
    FO_IN_FAILURE, /* of a task or global, to be decided */
    FO_IN_LOST,    /* a partition */
    FO_IN_TIME,
    FO_IN_CANCEL,
    FO_IN_SUSPEND,
    FO_IN_RESTART, /* by hand */
    FO_IN_HOLD,    /* pause or resume */
    /* from inside */
    FO_IN_WAIT,    /* tasks wait for their restart */
    FO_IN_GO_ON,   /* no task waits any more */
    FO_IN_GIVE_UP, /* a failure that is not answered by a restart */
    FO_IN_ALL_ENDED,
    FO_IN_ALL_FINISHED,
    FO_JOB_INPUT_COUNT,
};

enum fo_job_verdict {
    FO_JOB_CELL_MISSING, /* no such cell in the table; a test looks for it */
    FO_JOB_CELL_GO,      /* to `to` */
    FO_JOB_CELL_STAY,    /* handled, the state stays */
    FO_JOB_CELL_IGNORE,  /* accepted, nothing happens */
    FO_JOB_CELL_NEVER,   /* not legal in this state */
    FO_JOB_CELL_ENDED,   /* too late */
};

struct fo_job_cell {
    uint8_t verdict;
    uint8_t to;
};

struct fo_job_cell fo_job_cell(enum fo_job_state state, enum fo_job_input input);

#endif
