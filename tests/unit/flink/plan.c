/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs and strategies out of what a JobManager says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporter/engines/flink/plan.h"

/* ---- strategies ---- */

static struct ex_flink_strategy read_text(const char *text) {
    return ex_flink_strategy_read(fo_str_of(text));
}

static void reads_strategies(void **state) {
    (void)state;
    struct ex_flink_strategy fixed =
        read_text("Restart with fixed delay (500 ms). #10 restart attempts.");
    struct ex_flink_strategy iso =
        read_text("Restart with fixed delay (PT0.5S). #2147483647 restart attempts.");
    struct ex_flink_strategy rate = read_text("Failure rate restart with maximum of 2 failures "
                                              "within interval PT1M and fixed delay PT0.3S.");
    struct ex_flink_strategy old_rate =
        read_text("Failure rate restart with maximum of 2 failures "
                  "within interval 60000 ms and fixed delay 300 ms.");
    struct ex_flink_strategy exponential = read_text(
        "Restart with exponential delay: starting at PT1S, increasing by 1.500000, with maximum "
        "PT1M. Delay resets after PT1H with jitter 0.100000");

    assert_true(fixed.known && iso.known && rate.known && old_rate.known && exponential.known);
    assert_int_equal(fixed.config.fixed_delay.delay_ms, 500);
    assert_int_equal(fixed.config.fixed_delay.attempts, 10);
    assert_int_equal(iso.config.fixed_delay.delay_ms, 500);
    assert_int_equal(iso.config.fixed_delay.attempts, FO_ATTEMPTS_UNLIMITED);
    assert_int_equal(rate.config.kind, FO_STRATEGY_FAILURE_RATE);
    assert_int_equal(rate.config.failure_rate.max_failures_per_interval, 2);
    assert_int_equal(rate.config.failure_rate.interval_ms, 60000);
    assert_int_equal(rate.config.failure_rate.delay_ms, 300);
    assert_memory_equal(&rate.config.failure_rate, &old_rate.config.failure_rate,
                        sizeof rate.config.failure_rate);
    assert_int_equal(exponential.config.kind, FO_STRATEGY_EXPONENTIAL_DELAY);
    assert_int_equal(exponential.config.exponential_delay.max_backoff_ms, 60000);
    assert_int_equal(read_text("Restart deactivated.").config.kind, FO_STRATEGY_NONE);
    assert_true(read_text("Restart deactivated.").known);
}

static void does_not_guess_strategies(void **state) {
    (void)state;
    static const char *const texts[] = {
        "Cluster level default restart strategy",
        "",
        "Restart with fixed delay (soon). #3 restart attempts.",
        "Restart with fixed delay (1 s). #many restart attempts.",
        "Restart with fixed delay (1 s",
        "Failure rate restart with maximum of 0 failures within interval PT1M and fixed delay "
        "PT1S.",
        "Restart with exponential delay: starting at PT1S, increasing by 0.5, with maximum PT1M. "
        "Delay resets after PT1H with jitter 0.1",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ex_flink_strategy strategy = read_text(texts[i]);
        assert_false(strategy.known);
        assert_int_equal(strategy.config.fixed_delay.attempts, FO_ATTEMPTS_UNLIMITED);
    }
}

/* ---- plans ---- */

static int read_plan(const char *json, struct ex_job_spec **ret_spec) {
    json_t *details = json_loads(json, 0, NULL);
    const struct ex_flink_plan plan = {
        .details = details, .engine = "prod", .name = "wordcount", .history_size = 16};
    struct fo_error error;

    assert_non_null(details);
    int ret = ex_flink_plan_read(&plan, ret_spec, &error);
    json_decref(details);
    return ret;
}

static const char two_regions[] =
    "{\"end-time\": -1, \"vertices\": ["
    " {\"id\": \"aaaaaaaaaa\", \"name\": \"Source: in\", \"parallelism\": 2},"
    " {\"id\": \"bbbbbbbbbb\", \"name\": \"map\", \"parallelism\": 2},"
    " {\"id\": \"cccccccccc\", \"name\": \"map\", \"parallelism\": 1}],"
    "\"plan\": {\"nodes\": ["
    " {\"id\": \"cccccccccc\", \"inputs\": [{\"num\": 0, \"id\": \"bbbbbbbbbb\","
    "   \"ship_strategy\": \"HASH\", \"exchange\": \"blocking\"}]},"
    " {\"id\": \"bbbbbbbbbb\", \"inputs\": [{\"num\": 0, \"id\": \"aaaaaaaaaa\","
    "   \"ship_strategy\": \"FORWARD\", \"exchange\": \"pipelined_bounded\"}]},"
    " {\"id\": \"aaaaaaaaaa\"}]}}";

static void reads_plans(void **state) {
    (void)state;
    struct ex_job_spec *spec = NULL;

    assert_int_equal(read_plan(two_regions, &spec), 0);
    assert_string_equal(spec->name, "wordcount");
    assert_string_equal(spec->engine, "prod");
    assert_int_equal(spec->vertex_count, 3);
    assert_int_equal(fo_graph_task_count(spec->graph), 5);
    assert_int_equal(fo_graph_region_count(spec->graph), 3);
    assert_string_equal(spec->vertices[0].id.ptr, "Source: in");
    assert_string_equal(spec->vertices[1].id.ptr, "map (bbbbbbbb)");
    assert_string_equal(spec->vertices[2].id.ptr, "map (cccccccc)");
    assert_int_equal(spec->edges[0].exchange, FO_BLOCKING);
    assert_int_equal(spec->edges[0].pattern, FO_ALL_TO_ALL);
    assert_int_equal(spec->edges[1].pattern, FO_POINTWISE);
    assert_false(spec->strategy_from_job);
    (void)ex_job_spec_unref(spec);
}

static void waits_for_vertices(void **state) {
    (void)state;
    struct ex_job_spec *spec = NULL;

    assert_int_equal(read_plan("{\"end-time\": -1, \"vertices\": [], \"plan\": {}}", &spec),
                     -EAGAIN);
    assert_int_equal(read_plan("{\"end-time\": 7, \"vertices\": []}", &spec), 0);
    assert_int_equal(fo_graph_task_count(spec->graph), 1); /* failed before it had any */
    (void)ex_job_spec_unref(spec);
}

static void refuses_other_answers(void **state) {
    (void)state;
    static const char *const answers[] = {
        "{\"vertices\": [{\"id\": \"a\", \"name\": \"x\", \"parallelism\": 0}]}",
        "{\"vertices\": [{\"id\": \"a\", \"name\": \"x\", \"parallelism\": \"2\"}]}",
        "{\"vertices\": [{\"id\": \"a\", \"name\": \"x\", \"parallelism\": 99999999999}]}",
        "{\"vertices\": [17]}",
        "{\"vertices\": [{\"id\": \"a\", \"name\": \"x\", \"parallelism\": 1}],"
        " \"plan\": {\"nodes\": [{\"id\": \"a\", \"inputs\": [{\"id\": \"nobody\"}]}]}}",
        "{\"vertices\": [{\"id\": \"a\", \"name\": \"x\", \"parallelism\": 1}],"
        " \"plan\": {\"nodes\": [{\"id\": \"a\", \"inputs\": [{\"id\": \"a\"}]}]}}",
    };

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct ex_job_spec *spec = NULL;
        int ret = read_plan(answers[i], &spec);
        assert_true(ret == -EINVAL || ret == -ELOOP);
        assert_null(spec);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_strategies),      cmocka_unit_test(does_not_guess_strategies),
        cmocka_unit_test(reads_plans),           cmocka_unit_test(waits_for_vertices),
        cmocka_unit_test(refuses_other_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
