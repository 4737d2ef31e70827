/* SPDX-License-Identifier: Apache-2.0 */
/* Golden answers: copies written down here, and the very text that is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exporter/rest/shapes.h"
#include "tests/unit/rest/golden.h"

#define JOB_ID GOLDEN_JOB_ID

static const char job_text[] = "name: golden\n"
                               "working-directory: /\n"
                               "vertices:\n"
                               "  - {id: read, parallelism: 2, command: ['true']}\n"
                               "  - {id: write, command: ['true']}\n"
                               "edges: [{from: read, to: write, exchange: blocking}]\n";

static int setup(void **state) {
    (void)state;
    return golden_parse(job_text);
}

/* A job that failed at 5000, 4 s after it began. */
static struct ex_job_copy failed_job(void) {
    return (struct ex_job_copy){
        .id = JOB_ID,
        .spec = golden_spec,
        .now_ms = 9000,
        .modified_ms = 5000,
        .state = FO_JOB_FAILED,
        .state_since_ms = {[FO_JOB_INITIALIZING] = 1000,
                           [FO_JOB_CREATED] = 1000,
                           [FO_JOB_RUNNING] = 1001,
                           [FO_JOB_FAILING] = 4000,
                           [FO_JOB_FAILED] = 5000},
        .task_counts = {[FO_TASK_CANCELED] = 1, [FO_TASK_FAILED] = 2},
    };
}

static void test_overview(void **state) {
    const struct ex_job_copy job = failed_job();

    (void)state;
    golden_assert_json(ex_rest_jobs(NULL, 0, EX_FLINK_1), "{\"jobs\":[]}");
    golden_assert_json(ex_rest_jobs(&job, 1, EX_FLINK_1),
                       "{\"jobs\":[{\"id\":\"" JOB_ID "\",\"status\":\"FAILED\"}]}");
    golden_assert_json(
        ex_rest_jobs_overview(&job, 1, EX_FLINK_1),
        "{\"jobs\":[{\"jid\":\"" JOB_ID "\",\"name\":\"golden\",\"start-time\":1000,"
        "\"end-time\":5000,\"duration\":4000,\"state\":\"FAILED\","
        "\"last-modification\":5000,\"tasks\":{\"total\":3,\"created\":0,\"scheduled\":0,"
        "\"deploying\":0,\"running\":0,\"finished\":0,\"canceling\":0,\"canceled\":1,"
        "\"failed\":2,\"reconciling\":0,\"initializing\":0}}]}");
}

static void test_vertex(void **state) {
    struct ex_task_copy tasks[] = {
        {.state = FO_TASK_FAILED, .attempt = 2, .since_ms = 4000, .deploying_ms = 2000},
        {.state = FO_TASK_RUNNING, .since_ms = 2500, .deploying_ms = 2400},
        {.state = FO_TASK_CREATED, .since_ms = 1000},
    };
    enum fo_task_state vertex_states[] = {FO_TASK_FAILED, FO_TASK_CREATED};
    struct ex_job_copy job = failed_job();

    (void)state;
    job.tasks = tasks;
    job.vertex_states = vertex_states;
    json_t *shown = ex_rest_job(&job, EX_FLINK_1);
    json_t *read = json_array_get(json_object_get(shown, "vertices"), 0);
    json_t *write = json_array_get(json_object_get(shown, "vertices"), 1);
    /* One of its tasks has not ended. */
    assert_int_equal(json_integer_value(json_object_get(read, "start-time")), 2000);
    assert_int_equal(json_integer_value(json_object_get(read, "end-time")), -1);
    assert_int_equal(json_integer_value(json_object_get(read, "duration")), 7000);
    /* Not yet deployed. */
    assert_int_equal(json_integer_value(json_object_get(write, "start-time")), -1);
    assert_int_equal(json_integer_value(json_object_get(write, "duration")), -1);
    assert_string_equal(json_string_value(json_object_get(json_object_get(shown, "plan"), "type")),
                        "BATCH");
    json_decref(shown);

    tasks[1].state = FO_TASK_CANCELED;
    tasks[1].since_ms = 4500;
    shown = ex_rest_job(&job, EX_FLINK_1);
    read = json_array_get(json_object_get(shown, "vertices"), 0);
    assert_int_equal(json_integer_value(json_object_get(read, "end-time")), 4500);
    assert_int_equal(json_integer_value(json_object_get(read, "duration")), 2500);
    json_decref(shown);
}

/* ---- exceptions ---- */

static struct fo_label user = {{"type", 4}, {"USER", 4}};

static struct ex_failure chained = {
    .labelled = true,
    .labels = {.items = &user, .count = 1},
    .evidence = {.exit_code = -1,
                 .exceptions = (const struct ex_exception[]){{{"a.B", 3}, {"outer", 5}},
                                                             {{"c.D", 3}, {NULL, 0}}},
                 .exception_count = 2},
};

static struct ex_failure killed = {
    .evidence = {.exit_code = -1, .signal = 9, .message = {"killed by SIGKILL", 17}},
};

static void test_exceptions(void **state) {
    struct ex_exception_copy concurrent = {
        .at_ms = 3000, .task = 1, .attempt = 4, .failure = &killed};
    struct ex_exception_copy roots[] = {
        {.at_ms = 3500, .task = FO_NO_TASK},
        {.at_ms = 3000,
         .task = 0,
         .attempt = 1,
         .failure = &chained,
         .concurrent = &concurrent,
         .concurrent_count = 1},
    };
    struct ex_job_copy job = failed_job();
    static const char history[] =
        "\"exceptionHistory\":{\"entries\":["
        "{\"exceptionName\":\"failover.Failure\","
        "\"stacktrace\":\"failover.Failure: Unknown cause (compare FLINK-21376).\\n\","
        "\"timestamp\":3500,\"failureLabels\":{},\"concurrentExceptions\":[]},"
        "{\"exceptionName\":\"a.B\",\"stacktrace\":\"a.B: outer\\nCaused by: c.D\\n\","
        "\"timestamp\":3000,\"failureLabels\":{\"type\":\"USER\"},"
        "\"taskName\":\"read (1/2) - execution #1\",\"concurrentExceptions\":["
        "{\"exceptionName\":\"failover.KilledBySignal\","
        "\"stacktrace\":\"failover.KilledBySignal: killed by SIGKILL\\n\",\"timestamp\":3000,"
        "\"failureLabels\":{},\"taskName\":\"read (2/2) - execution #4\"}]}],"
        "\"truncated\":true}}";
    char expected[4096];

    (void)state;
    job.roots = roots;
    job.root_count = 2;
    job.roots_truncated = true;
    job.newest_root = &roots[0];
    job.current = &concurrent;
    job.current_count = 1;
    (void)snprintf(expected, sizeof expected, "{%s", history);
    golden_assert_json(ex_rest_exceptions(&job, 20, EX_FLINK_2), expected);
    (void)snprintf(expected, sizeof expected,
                   "{\"root-exception\":\"failover.Failure: Unknown cause (compare "
                   "FLINK-21376).\\n\",\"timestamp\":3500,\"all-exceptions\":[{\"exception\":"
                   "\"failover.KilledBySignal: killed by SIGKILL\\n\",\"task\":\"read (2/2)\","
                   "\"location\":\"(unassigned)\",\"endpoint\":\"(unassigned)\","
                   "\"timestamp\":3000,\"taskManagerId\":\"(unassigned)\"}],\"truncated\":false,%s",
                   history);
    golden_assert_json(ex_rest_exceptions(&job, 20, EX_FLINK_1), expected);

    json_t *limited = ex_rest_exceptions(&job, 0, EX_FLINK_1);
    assert_true(json_is_true(json_object_get(limited, "truncated")));
    json_decref(limited);
}

static void test_a_job_without_failures(void **state) {
    const struct ex_job_copy job = failed_job();

    (void)state;
    golden_assert_json(
        ex_rest_exceptions(&job, 20, EX_FLINK_1),
        "{\"root-exception\":null,\"timestamp\":null,\"all-exceptions\":[],"
        "\"truncated\":false,\"exceptionHistory\":{\"entries\":[],\"truncated\":false}}");
    golden_assert_json(ex_rest_job_config(&job, EX_FLINK_1),
                       "{\"jid\":\"" JOB_ID "\",\"name\":\"golden\",\"execution-config\":{"
                       "\"restart-strategy\":\"Cluster level default restart strategy\","
                       "\"job-parallelism\":-1,\"object-reuse-mode\":false,\"user-config\":{},"
                       "\"execution-mode\":\"PIPELINED\"}}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overview),
        cmocka_unit_test(test_vertex),
        cmocka_unit_test(test_exceptions),
        cmocka_unit_test(test_a_job_without_failures),
    };

    return cmocka_run_group_tests(tests, setup, golden_teardown);
}
