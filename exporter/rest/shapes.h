/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/rest/shapes.h - the answers of the read half of Flink's REST API, field for field, made
 * of copies. Results are new references, NULL without memory. Owns: nothing. Threads: any. */
#ifndef EX_REST_SHAPES_H
#define EX_REST_SHAPES_H

#include <jansson.h>
#include <stdbool.h>

#include "exporter/config/config.h"
#include "exporter/manager/job_copy.h"

/* Of all jobs: GET /jobs, /jobs/overview, /overview. */
json_t *ex_rest_jobs(const struct ex_job_copy *jobs, size_t count, enum ex_flink_profile profile);
json_t *ex_rest_jobs_overview(const struct ex_job_copy *jobs, size_t count,
                              enum ex_flink_profile profile);
json_t *ex_rest_overview(const struct ex_job_copy *jobs, size_t count,
                         enum ex_flink_profile profile);

/* GET /config */
json_t *ex_rest_config(const struct ex_config *config);

/* Of one job: GET /jobs/:id, /status, /exceptions, /config, /vertices/:vid. The first and the last
 * need the tasks of the copy, the third its exceptions. */
json_t *ex_rest_job(const struct ex_job_copy *job, enum ex_flink_profile profile);
json_t *ex_rest_job_status(const struct ex_job_copy *job);
json_t *ex_rest_exceptions(const struct ex_job_copy *job, size_t limit,
                           enum ex_flink_profile profile);
json_t *ex_rest_job_config(const struct ex_job_copy *job, enum ex_flink_profile profile);
json_t *ex_rest_vertex(const struct ex_job_copy *job, uint32_t vertex);

/* {"CREATED": n, ...} of all states of tasks. */
json_t *ex_rest_task_counts(const uint32_t counts[static FO_TASK_STATE_COUNT]);

/* ---- ours ---- */

enum {
    EX_REST_RUNS_MAX = 4096,             /* of one vertex; with more of them they are left out */
    EX_REST_OUTPUT_MAX_BYTES = 4 * 1024, /* of the end of a failure's output */
    EX_REST_CONCURRENT_MAX = 32,         /* shown with one failure */
};

/* GET /failover: what stands between each job and its end. The copies need their newest failure. */
json_t *ex_rest_failover_all(const struct ex_job_copy *jobs, size_t count);

/* GET /jobs/:id/failover: the same of one job, with its tasks. Needs tasks and newest failure. */
json_t *ex_rest_failover(const struct ex_job_copy *job);

/* GET /jobs/:id/graph: what never changes of a job. */
json_t *ex_rest_graph(const struct ex_job_copy *job);

/* GET /jobs/:id/failures: the history with evidence and decisions. Needs the exceptions. */
json_t *ex_rest_failures(const struct ex_job_copy *job);

/* A failure in short: what, where, labels, decision. With `tasks`, those that it restarts. */
json_t *ex_rest_failure_brief(const struct ex_job_copy *job, const struct ex_failure *failure,
                              bool tasks);

/* GET /jobs/:id/plan: `plan --json` for a failure of this task now, by the job's own restart
 * strategy (policies need labels, which nobody knows yet). Needs the core of the copy. */
json_t *ex_rest_plan(const struct ex_job_copy *job, uint32_t failed);

#endif
