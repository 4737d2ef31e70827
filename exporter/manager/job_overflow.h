/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/job_overflow.h - jobs whose series do not fit under the limits of the registry.
 *
 * They run like all others. What they count goes to a row of all of them, {job_name="__overflow__"}
 * beside their engine, so that totals stay right; their states are counted in
 * failover_overflow_jobs{state}, because sums of gauges mean nothing. When a job leaves, the one
 * that has waited longest gets series of its own: its history starts then.
 * Owns: the rows' series. Threads: the job manager's [main]. */
#ifndef EX_MANAGER_JOB_OVERFLOW_H
#define EX_MANAGER_JOB_OVERFLOW_H

#include "exporter/manager/job_metrics.h"

/* As ex_metrics_family(). */
FO_MUST_CHECK int ex_job_overflow_init(struct ex_job_families *families, struct fo_error *reterr);

/* Lets the job count in the row of its engine, which is made when it is the first. -ENOMEM. */
FO_MUST_CHECK int ex_job_overflow_join(struct ex_job_metrics *metrics);

/* The job goes, or gets series of its own. */
void ex_job_overflow_leave(struct ex_job_metrics *metrics);

/* Brings the count of its state up to date. FO_JOB_STATE_COUNT: it is in none. */
void ex_job_overflow_show(struct ex_job_metrics *metrics, int state);

/* Whether a job of this name can only be counted in the row, which bears the name. */
bool ex_job_overflow_is_name(const char *job_name);

/* No job is left. */
void ex_job_overflow_done(struct ex_job_families *families);

#endif
