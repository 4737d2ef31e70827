/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/plan/forecast.h - what to expect of a job whose tasks fail at random: many plans, each
 * with other failures. Threads: none, the caller serialises. */
#ifndef EX_PLAN_FORECAST_H
#define EX_PLAN_FORECAST_H

#include "failover/failover.h"

struct ex_forecast_request {
    int64_t mtbf_ms; /* mean time between two failures of one task; exponentially distributed */
    int64_t span_ms; /* how long each run lasts */
    uint64_t seed;
};

/* Means over all runs. */
struct ex_forecast {
    uint32_t runs;
    double failures;
    double restarts;
    double restarted_tasks;
    double downtime_ms;
    double gave_up; /* share of the runs in which the job gave up, 0 .. 1 */
};

/* Bounded, so that it takes seconds for a graph of any size: at most EX_FORECAST_RUNS runs, about
 * EX_FORECAST_FAILURES failures in all, and no further run once EX_FORECAST_ATTEMPTS attempts have
 * been started. -EINVAL: a time that is not positive. -E2BIG: a single run would go beyond that.
 * Otherwise as ex_plan_new(). */
enum {
    EX_FORECAST_RUNS = 200,
    EX_FORECAST_FAILURES = 2000000,
    EX_FORECAST_ATTEMPTS = 5000000,
};
FO_MUST_CHECK int ex_forecast_run(const struct fo_job_config *config, struct fo_graph *graph,
                                  const struct ex_forecast_request *request,
                                  struct ex_forecast *ret_forecast, struct fo_error *reterr);

#endif
