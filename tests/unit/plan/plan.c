/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporter/plan/forecast.h"
#include "exporter/plan/plan.h"

/* a (2) -pipelined pointwise-> b (2) -blocking-> c (1) */
static struct fo_graph *graph;

static const struct fo_job_config fixed = {
    .restart_strategy = {.kind = FO_STRATEGY_FIXED_DELAY,
                         .fixed_delay = {.attempts = 2, .delay_ms = 500}},
    .failover_strategy = FO_FAILOVER_REGION,
    .history_size = 16,
};

static int make_graph(void **state) {
    const struct fo_vertex_spec vertices[] = {
        {fo_str_of("a"), 2}, {fo_str_of("b"), 2}, {fo_str_of("c"), 1}};
    const struct fo_edge_spec edges[] = {
        {.from = 0, .to = 1, .exchange = FO_PIPELINED, .pattern = FO_POINTWISE},
        {.from = 1, .to = 2, .exchange = FO_BLOCKING, .pattern = FO_ALL_TO_ALL},
    };
    const struct fo_graph_spec spec = {vertices, 3, edges, 2};

    (void)state;
    return fo_graph_new(&spec, NULL, &graph, NULL);
}

static int free_graph(void **state) {
    (void)state;
    graph = fo_graph_unref(graph);
    return 0;
}

static struct ex_plan *new_plan(void) {
    struct ex_plan *plan;
    struct fo_error error;

    assert_int_equal(ex_plan_new(&fixed, graph, 1, true, &plan, &error), 0);
    return plan;
}

static void test_region_restarts_and_budget_ends(void **state) {
    struct ex_plan *plan = new_plan();

    (void)state;
    assert_int_equal(ex_plan_fail(plan, 1, 1000), 0);
    struct ex_plan_decision decision = ex_plan_decision(plan, 0);
    assert_int_equal(decision.at_ms, 1000);
    assert_int_equal(decision.failed, 1);
    assert_true(decision.restart);
    assert_int_equal(decision.task_count, 2);
    assert_int_equal(decision.tasks[0], 1);
    assert_int_equal(decision.tasks[1], 3);
    assert_int_equal(decision.delay_ms, 500);
    assert_int_equal(decision.budget_left, 1);
    assert_int_equal(ex_plan_fail(plan, 1, 1200), -ESTALE); /* it waits for its restart */
    assert_int_equal(ex_plan_fail(plan, 1, 1500), 0);
    assert_int_equal(ex_plan_fail(plan, 0, 9000), 0);
    assert_false(ex_plan_decision(plan, 2).restart);
    assert_int_equal(ex_plan_sums(plan).gave_up_ms, 9000);
    assert_int_equal(ex_plan_fail(plan, 0, 9001), -ESTALE);
    assert_int_equal(ex_plan_fail(plan, 0, 8000), -EINVAL);
    assert_int_equal(ex_plan_sums(plan).downtime_ms, 1000);
    (void)ex_plan_free(plan);
}

static void test_a_waiting_task_is_brought_to_run(void **state) {
    struct ex_plan *plan = new_plan();

    (void)state;
    assert_int_equal(fo_job_task_state(ex_plan_job(plan), 4), FO_TASK_CREATED);
    assert_int_equal(ex_plan_fail(plan, 4, 0), 0);
    assert_int_equal(ex_plan_decision(plan, 0).task_count, 1); /* its inputs are published */
    assert_int_equal(ex_plan_decision(plan, 0).tasks[0], 4);
    (void)ex_plan_free(plan);
}

static void test_lost_partition_brings_its_producer_back(void **state) {
    struct ex_plan *plan = new_plan();

    (void)state;
    assert_int_equal(ex_plan_finish(plan, 0, 0), 0);
    assert_int_equal(ex_plan_finish(plan, 1, 0), 0);
    assert_int_equal(ex_plan_finish(plan, 2, 0), 0);
    assert_int_equal(ex_plan_finish(plan, 3, 0), 0);
    assert_int_equal(ex_plan_lose_partitions(plan, 3, 10), 0);
    assert_int_equal(ex_plan_fail(plan, 4, 20), 0);
    struct ex_plan_decision decision = ex_plan_decision(plan, 0);
    assert_int_equal(decision.task_count, 3);
    assert_int_equal(decision.tasks[0], 1);
    assert_int_equal(decision.tasks[1], 3);
    assert_int_equal(decision.tasks[2], 4);
    (void)ex_plan_free(plan);
}

static void test_global_failure(void **state) {
    struct ex_plan *plan = new_plan();

    (void)state;
    assert_int_equal(ex_plan_fail_globally(plan, 5), 0);
    assert_int_equal(ex_plan_decision(plan, 0).failed, FO_NO_TASK);
    assert_int_equal(ex_plan_decision(plan, 0).task_count, 5);
    (void)ex_plan_free(plan);
}

static void test_forecast_is_repeatable_and_tells_strategies_apart(void **state) {
    const struct ex_forecast_request request = {.mtbf_ms = 600000, .span_ms = 3600000, .seed = 7};
    struct fo_job_config config = fixed;
    struct ex_forecast region;
    struct ex_forecast again;
    struct ex_forecast full;
    struct fo_error error;

    (void)state;
    config.restart_strategy.fixed_delay.attempts = FO_ATTEMPTS_UNLIMITED;
    assert_int_equal(ex_forecast_run(&config, graph, &request, &region, &error), 0);
    assert_int_equal(ex_forecast_run(&config, graph, &request, &again, &error), 0);
    assert_memory_equal(&region, &again, sizeof region);
    config.failover_strategy = FO_FAILOVER_FULL;
    assert_int_equal(ex_forecast_run(&config, graph, &request, &full, &error), 0);
    assert_true(region.restarted_tasks < full.restarted_tasks);
    assert_true(region.failures > 10); /* 4 or 5 tasks run for an hour, one failure in 10 minutes */
    assert_true(region.gave_up == 0);
}

static void test_forecast_is_bounded(void **state) {
    const struct ex_forecast_request endless = {.mtbf_ms = 1, .span_ms = 1LL << 50, .seed = 7};
    const struct ex_forecast_request nonsense = {.mtbf_ms = 0, .span_ms = 1, .seed = 7};
    struct ex_forecast forecast;
    struct fo_error error;

    (void)state;
    assert_int_equal(ex_forecast_run(&fixed, graph, &endless, &forecast, &error), -E2BIG);
    assert_int_equal(ex_forecast_run(&fixed, graph, &nonsense, &forecast, &error), -EINVAL);
    assert_non_null(strstr(error.text, "longer than 0"));
}

/* What a failure costs grows with the graph; the forecast's whole cost must not. */
static void test_forecast_of_a_large_region_is_bounded(void **state) {
    const struct fo_vertex_spec vertex = {fo_str_of("a"), 100000};
    const struct fo_graph_spec spec = {&vertex, 1, NULL, 0};
    const struct ex_forecast_request often = {.mtbf_ms = 1000000, .span_ms = 10000, .seed = 7};
    const struct ex_forecast_request seldom = {.mtbf_ms = 1000000000, .span_ms = 100000, .seed = 7};
    struct fo_job_config config = fixed;
    struct ex_forecast forecast;
    struct fo_graph *large;
    struct fo_error error;

    (void)state;
    config.restart_strategy.fixed_delay.attempts = FO_ATTEMPTS_UNLIMITED;
    config.failover_strategy = FO_FAILOVER_FULL;
    assert_int_equal(fo_graph_new(&spec, NULL, &large, NULL), 0);
    assert_int_equal(ex_forecast_run(&config, large, &seldom, &forecast, &error), 0);
    assert_in_range(forecast.runs, 1, EX_FORECAST_RUNS - 1);
    assert_true(forecast.restarted_tasks / forecast.restarts == 100000);
    config.restart_strategy.fixed_delay.delay_ms = 0;
    assert_int_equal(ex_forecast_run(&config, large, &often, &forecast, &error), -E2BIG);
    (void)fo_graph_unref(large);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_region_restarts_and_budget_ends),
        cmocka_unit_test(test_a_waiting_task_is_brought_to_run),
        cmocka_unit_test(test_lost_partition_brings_its_producer_back),
        cmocka_unit_test(test_global_failure),
        cmocka_unit_test(test_forecast_is_repeatable_and_tells_strategies_apart),
        cmocka_unit_test(test_forecast_is_bounded),
        cmocka_unit_test(test_forecast_of_a_large_region_is_bounded),
    };

    return cmocka_run_group_tests(tests, make_graph, free_graph);
}
