/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/plan/forecast.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "exporter/base/random.h"
#include "exporter/plan/plan.h"

static const char too_much[] =
    "the forecast would have too many failures or restarts; take a longer mean time between "
    "failures or a shorter span";

/* Even in (0, 1]. */
static double next_share(uint64_t *state) {
    return ((double)(ex_random_next(state) >> 11) + 1.0) * 0x1p-53;
}

static int refuse(struct fo_error *reterr, int code, const char *why) {
    *reterr = (struct fo_error){.code = code};
    (void)snprintf(reterr->text, sizeof reterr->text, "%s", why);
    return code;
}

static bool is_exhausting(const struct ex_plan *plan) {
    return ex_plan_sums(plan).restarted_tasks > EX_FORECAST_ATTEMPTS;
}

/* One run: failures of random tasks at random times until the span is over or the job gives up. A
 * failure that hits a task which does not run just then is none. */
static int run_once(struct ex_plan *plan, const struct ex_forecast_request *request,
                    uint32_t task_count, uint64_t *random, struct ex_forecast *sums) {
    double mean_ms = (double)request->mtbf_ms / task_count;
    double now_ms = 0;
    int ret = 0;

    while (ret == 0 && ex_plan_sums(plan).gave_up_ms == FO_NEVER) {
        now_ms -= mean_ms * log(next_share(random));
        if (now_ms >= (double)request->span_ms)
            break;
        uint32_t task = (uint32_t)(ex_random_next(random) % task_count);
        ret = ex_plan_fail(plan, task, (int64_t)now_ms);
        if (ret == 0)
            sums->failures++;
        else if (ret == -ESTALE)
            ret = 0;
        if (ret == 0 && is_exhausting(plan))
            ret = -E2BIG;
    }
    if (ret == 0 && ex_plan_sums(plan).gave_up_ms == FO_NEVER)
        ret = ex_plan_advance(plan, request->span_ms);
    struct ex_plan_sums happened = ex_plan_sums(plan);
    sums->restarts += (double)happened.restarts;
    sums->restarted_tasks += (double)happened.restarted_tasks;
    sums->downtime_ms += (double)happened.downtime_ms;
    sums->gave_up += happened.gave_up_ms != FO_NEVER;
    return ret;
}

static uint32_t affordable_runs(const struct ex_forecast_request *request, uint32_t task_count) {
    double failures = (double)request->span_ms / (double)request->mtbf_ms * task_count;
    double runs = failures < 1 ? EX_FORECAST_RUNS : EX_FORECAST_FAILURES / failures;

    return runs > EX_FORECAST_RUNS ? EX_FORECAST_RUNS : (uint32_t)runs;
}

/* Every run starts all tasks once; what it restarts comes on top. */
static bool can_afford_another(const struct ex_forecast *sums, uint32_t task_count) {
    double attempts = sums->restarted_tasks + (double)sums->runs * task_count;

    return sums->runs == 0 || attempts < EX_FORECAST_ATTEMPTS;
}

int ex_forecast_run(const struct fo_job_config *config, struct fo_graph *graph,
                    const struct ex_forecast_request *request, struct ex_forecast *ret_forecast,
                    struct fo_error *reterr) {
    uint32_t task_count = fo_graph_task_count(graph);
    struct ex_forecast sums = {0};
    uint64_t random = request->seed;

    if (request->mtbf_ms <= 0 || request->span_ms <= 0)
        return refuse(reterr, -EINVAL, "the times of a forecast must be longer than 0");
    uint32_t runs = affordable_runs(request, task_count);
    if (runs == 0)
        return refuse(reterr, -E2BIG, too_much);
    for (sums.runs = 0; sums.runs < runs && can_afford_another(&sums, task_count); sums.runs++) {
        struct ex_plan *plan;
        int ret = ex_plan_new(config, graph, ex_random_next(&random), false, &plan, reterr);
        if (ret == 0) {
            ret = run_once(plan, request, task_count, &random, &sums);
            (void)ex_plan_free(plan);
        }
        if (ret == -E2BIG)
            return refuse(reterr, ret, too_much);
        if (ret < 0)
            return ret;
    }
    sums.failures /= sums.runs;
    sums.restarts /= sums.runs;
    sums.restarted_tasks /= sums.runs;
    sums.downtime_ms /= sums.runs;
    sums.gave_up /= sums.runs;
    *ret_forecast = sums;
    return 0;
}
