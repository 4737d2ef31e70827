/* SPDX-License-Identifier: Apache-2.0 */
/* Names and kinds of states. */
#include <errno.h>

#include "failover/failover.h"

static const char *const job_names[FO_JOB_STATE_COUNT] = {
    [FO_JOB_INITIALIZING] = "INITIALIZING",
    [FO_JOB_CREATED] = "CREATED",
    [FO_JOB_RUNNING] = "RUNNING",
    [FO_JOB_FAILING] = "FAILING",
    [FO_JOB_FAILED] = "FAILED",
    [FO_JOB_CANCELLING] = "CANCELLING",
    [FO_JOB_CANCELED] = "CANCELED",
    [FO_JOB_FINISHED] = "FINISHED",
    [FO_JOB_RESTARTING] = "RESTARTING",
    [FO_JOB_SUSPENDED] = "SUSPENDED",
    [FO_JOB_RECONCILING] = "RECONCILING",
};

static const char *const task_names[FO_TASK_STATE_COUNT] = {
    [FO_TASK_CREATED] = "CREATED",         [FO_TASK_SCHEDULED] = "SCHEDULED",
    [FO_TASK_DEPLOYING] = "DEPLOYING",     [FO_TASK_RUNNING] = "RUNNING",
    [FO_TASK_FINISHED] = "FINISHED",       [FO_TASK_CANCELING] = "CANCELING",
    [FO_TASK_CANCELED] = "CANCELED",       [FO_TASK_FAILED] = "FAILED",
    [FO_TASK_RECONCILING] = "RECONCILING", [FO_TASK_INITIALIZING] = "INITIALIZING",
};

const char *fo_job_state_name(enum fo_job_state state) {
    return (unsigned)state < FO_JOB_STATE_COUNT ? job_names[state] : "?";
}

const char *fo_task_state_name(enum fo_task_state state) {
    return (unsigned)state < FO_TASK_STATE_COUNT ? task_names[state] : "?";
}

bool fo_job_state_is_terminal(enum fo_job_state state) {
    return state == FO_JOB_FAILED || state == FO_JOB_CANCELED || state == FO_JOB_FINISHED;
}

bool fo_task_state_is_terminal(enum fo_task_state state) {
    return state == FO_TASK_FINISHED || state == FO_TASK_CANCELED || state == FO_TASK_FAILED;
}

int fo_task_state_parse(struct fo_str name, enum fo_task_state *ret_state) {
    for (unsigned state = 0; state < FO_TASK_STATE_COUNT; state++) {
        if (fo_str_equal(name, fo_str_of(task_names[state]))) {
            *ret_state = (enum fo_task_state)state;
            return 0;
        }
    }
    return -EINVAL;
}
