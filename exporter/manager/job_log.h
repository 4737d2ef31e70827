/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/job_log.h - what the log says of a job. A job that fails over and over fills no
 * disk: of each kind of line the first few of a minute are written, then one line tells how many
 * were held back. Its last words, that it gave up and how it ended, are always written.
 * Threads: [main]. */
#ifndef EX_MANAGER_JOB_LOG_H
#define EX_MANAGER_JOB_LOG_H

#include "exporter/base/log_ration.h"
#include "failover/failover.h"

struct ex_failure;
struct ex_job;

enum ex_job_line {
    EX_JOB_LINE_FAILED,
    EX_JOB_LINE_SWITCHED,
    EX_JOB_LINE_RECOVERED,
    EX_JOB_LINE_REFUSED,
    EX_JOB_LINE_COUNT,
};

struct ex_job_log {
    struct ex_log_ration rations[EX_JOB_LINE_COUNT];
};

void ex_job_log_decision(struct ex_job *job, const struct ex_failure *failure,
                         const struct fo_decision *decision, int64_t now_ms);
void ex_job_log_state(struct ex_job *job, enum fo_job_state from, enum fo_job_state to,
                      int64_t now_ms);
void ex_job_log_recovered(struct ex_job *job, uint64_t incident, int64_t duration_ms,
                          int64_t now_ms);
/* The core did not take what the engine has told of a task; `error` is a negative errno. */
void ex_job_log_refused(struct ex_job *job, uint32_t task, enum fo_task_state state, int error);

#endif
