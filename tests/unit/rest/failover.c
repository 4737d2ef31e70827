/* SPDX-License-Identifier: Apache-2.0 */
/* What we say of failover over REST: the very text that is made of copies written down here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exporter/rest/shapes.h"
#include "tests/unit/rest/golden.h"

#define JOB_ID GOLDEN_JOB_ID
#define NO_COUNTS                                                                                  \
    "\"CREATED\":0,\"SCHEDULED\":0,\"DEPLOYING\":0,\"RUNNING\":0,\"FINISHED\":0,"                  \
    "\"CANCELING\":0,\"CANCELED\":0,\"FAILED\":0,\"RECONCILING\":0,\"INITIALIZING\":0"

/* Two pointwise lines of read and write, then one task behind them. */
static const char job_text[] = "name: golden\n"
                               "working-directory: /\n"
                               "configuration: {restart-strategy.type: fixed-delay,\n"
                               "  restart-strategy.fixed-delay.attempts: 3,\n"
                               "  restart-strategy.fixed-delay.delay: 2 s}\n"
                               "vertices:\n"
                               "  - {id: read, parallelism: 2, command: ['true']}\n"
                               "  - {id: write, parallelism: 2, command: ['true']}\n"
                               "  - {id: last, command: ['true']}\n"
                               "edges:\n"
                               "  - {from: read, to: write, pattern: pointwise}\n"
                               "  - {from: write, to: last, exchange: blocking}\n";

static int setup(void **state) {
    (void)state;
    return golden_parse(job_text);
}

static struct ex_job_copy running_job(void) {
    return (struct ex_job_copy){
        .id = JOB_ID,
        .spec = golden_spec,
        .now_ms = 9000,
        .next_restart_ms = FO_NEVER,
        .budget = {.resets_at_ms = FO_NEVER},
        .state = FO_JOB_RUNNING,
        .state_since_ms = {[FO_JOB_INITIALIZING] = 1000},
    };
}

/* Of write[0], which restarts read[0] and write[0]. */
static struct fo_task_range restarted[] = {{0, 1}, {2, 1}};
static struct fo_label verdict = {{"type", 4}, {"USER", 4}};

static struct ex_failure failure(void) {
    return (struct ex_failure){
        .id = 7,
        .at_ms = 5000,
        .task = 2,
        .attempt = 1,
        .evidence = {.exit_code = 3, .message = {"exit status 3", 13}},
        .decision = {.incident = 4,
                     .delay_ms = 2000,
                     .due_ms = 7000,
                     .restart_count = 2,
                     .policy = -1,
                     .restart = true,
                     .new_attempt = true},
        .decided = true,
        .restarted = {restarted, 2},
        .budget = {.limited = true, .limit = 3, .remaining = 2},
        .verdict = {&verdict, 1},
    };
}

static void test_a_list_of_jobs(void **state) {
    struct ex_job_copy job = running_job();
    struct ex_failure last = failure();

    (void)state;
    job.paused = true;
    job.failures = 2;
    job.restarts = 1;
    job.next_restart_ms = 9500;
    job.budget =
        (struct fo_budget){.limited = true, .limit = 3, .remaining = 2, .resets_at_ms = FO_NEVER};
    job.newest = &last;
    golden_assert_json(ex_rest_failover_all(NULL, 0), "{\"jobs\":[]}");
    golden_assert_json(
        ex_rest_failover_all(&job, 1),
        "{\"jobs\":[{\"job_id\":\"" JOB_ID "\",\"job_name\":\"golden\",\"engine\":\"local\","
        "\"state\":\"RUNNING\",\"paused\":true,\"now_ms\":9000,\"start_ms\":1000,\"end_ms\":-1,"
        "\"failures\":2,\"restarts\":1,"
        "\"budget\":{\"limit\":3,\"remaining\":2,\"resets_at_ms\":null},"
        "\"next_restart_ms\":9500,\"tasks\":{" NO_COUNTS "},\"last_failure\":{\"failure_id\":7,"
        "\"incident\":4,\"time_ms\":5000,\"task\":\"write[0]\",\"attempt\":1,"
        "\"message\":\"exit status 3\",\"labelled\":false,\"labels\":{\"type\":\"USER\"},"
        "\"decision\":{\"action\":\"restart\",\"reason\":null,\"policy\":null,"
        "\"strategy\":{\"type\":\"fixed-delay\",\"attempts\":3,\"delay_ms\":2000},"
        "\"delay_ms\":2000,\"due_ms\":7000,\"new_attempt\":true,\"restart_count\":2,"
        "\"budget_left\":2}}}]}");
}

static void test_tasks_as_runs(void **state) {
    struct ex_task_copy tasks[] = {
        {.state = FO_TASK_RUNNING},
        {.state = FO_TASK_RUNNING},
        {.state = FO_TASK_RUNNING, .attempt = 1},
        {.state = FO_TASK_RUNNING},
        {.state = FO_TASK_CREATED},
    };
    enum fo_task_state vertex_states[] = {FO_TASK_RUNNING, FO_TASK_RUNNING, FO_TASK_CREATED};
    struct ex_job_copy job = running_job();

    (void)state;
    job.tasks = tasks;
    job.vertex_states = vertex_states;
    json_t *shown = ex_rest_failover(&job);
    assert_true(json_is_null(json_object_get(shown, "budget")));
    assert_true(json_is_null(json_object_get(shown, "last_failure")));
    json_t *vertices = json_object_get(shown, "vertices");
    assert_int_equal(json_array_size(vertices), 3);
    golden_assert_json(json_incref(json_object_get(json_array_get(vertices, 0), "tasks")),
                       "[{\"state\":\"RUNNING\",\"attempt\":0,\"count\":2}]");
    golden_assert_json(json_incref(json_object_get(json_array_get(vertices, 1), "tasks")),
                       "[{\"state\":\"RUNNING\",\"attempt\":1,\"count\":1},"
                       "{\"state\":\"RUNNING\",\"attempt\":0,\"count\":1}]");
    json_decref(shown);
}

static void test_a_graph(void **state) {
    const struct ex_job_copy job = running_job();

    (void)state;
    golden_assert_json(
        ex_rest_graph(&job),
        "{\"job_id\":\"" JOB_ID "\",\"job_name\":\"golden\",\"failover_strategy\":\"region\","
        "\"restart_strategy\":{\"type\":\"fixed-delay\",\"attempts\":3,\"delay_ms\":2000},"
        "\"regions\":3,\"vertices\":["
        "{\"id\":\"read\",\"parallelism\":2,"
        "\"regions\":[{\"region\":0,\"count\":1},{\"region\":1,\"count\":1}]},"
        "{\"id\":\"write\",\"parallelism\":2,"
        "\"regions\":[{\"region\":0,\"count\":1},{\"region\":1,\"count\":1}]},"
        "{\"id\":\"last\",\"parallelism\":1,\"regions\":[{\"region\":2,\"count\":1}]}],"
        "\"edges\":[{\"from\":\"read\",\"to\":\"write\",\"exchange\":\"pipelined\","
        "\"pattern\":\"POINTWISE\"},{\"from\":\"write\",\"to\":\"last\",\"exchange\":\"blocking\","
        "\"pattern\":\"ALL_TO_ALL\"}]}");
}

/* ---- failures ---- */

static json_t *decision_of(const struct ex_failure *given) {
    const struct ex_job_copy job = running_job();
    json_t *shown = ex_rest_failure_brief(&job, given, true);
    json_t *decision = json_incref(json_object_get(shown, "decision"));

    json_decref(shown);
    return decision;
}

static void test_restarted_tasks(void **state) {
    struct fo_task_range over_the_edge = {1, 3}; /* read[1], write[0], write[1] */
    struct ex_failure given = failure();

    (void)state;
    given.restarted = (struct ex_task_runs){&over_the_edge, 1};
    json_t *decision = decision_of(&given);
    golden_assert_json(json_incref(json_object_get(decision, "restart")),
                       "[{\"vertex\":\"read\",\"first\":1,\"count\":1},"
                       "{\"vertex\":\"write\",\"first\":0,\"count\":2}]");
    json_decref(decision);
}

static void test_giving_up_has_a_reason(void **state) {
    struct ex_failure given = failure();

    (void)state;
    given.decision.restart = false;
    given.decision.exhausted = FO_EXHAUSTED_BUDGET;
    json_t *decision = decision_of(&given);
    assert_string_equal(json_string_value(json_object_get(decision, "action")), "fail");
    assert_string_equal(json_string_value(json_object_get(decision, "reason")), "budget");
    assert_null(json_object_get(decision, "restart"));
    json_decref(decision);

    given.decided = false;
    json_t *none = decision_of(&given);
    assert_true(json_is_null(none));
    json_decref(none);
}

static void test_a_policy_is_shown(void **state) {
    struct fo_str values[] = {{"quota", 5}, {"network", 7}};
    struct fo_match match = {{"category", 8}, values, 2};
    struct fo_policy policies[] = {
        {.action = FO_POLICY_FAIL},
        {.matches = &match, .match_count = 1, .action = FO_POLICY_RESTART, .charge = false},
    };
    struct fo_job_config kept = golden_spec->decisions;
    struct ex_failure given = failure();

    (void)state;
    golden_spec->decisions.policies = policies;
    golden_spec->decisions.policy_count = 2;
    given.decision.policy = 1;
    json_t *decision = decision_of(&given);
    golden_spec->decisions = kept;
    golden_assert_json(json_incref(json_object_get(decision, "policy")),
                       "{\"number\":2,\"match\":{\"category\":[\"quota\",\"network\"]},"
                       "\"action\":\"restart\",\"charge\":false}");
    assert_true(json_is_null(json_object_get(decision, "strategy")));
    json_decref(decision);
}

static void test_the_history(void **state) {
    static char bytes[EX_REST_OUTPUT_MAX_BYTES + 100];
    struct ex_failure root = failure();
    struct ex_failure other = failure();
    struct ex_exception_copy concurrent[] = {{.failure = &root}, {.failure = &other}, {0}};
    struct ex_exception_copy roots[] = {
        {0}, {.failure = &root, .concurrent = concurrent, .concurrent_count = 3}};
    struct ex_job_copy job = running_job();

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    bytes[sizeof bytes - 1] = '\xff'; /* no UTF-8 */
    root.evidence.output_head = (struct fo_str){bytes, sizeof bytes};
    root.evidence.cgroup_oom_kill = EX_PROOF_YES;
    root.matched = (char[]){"<b>"};
    other.id = 8;
    job.roots = roots;
    job.root_count = 2;
    json_t *shown = ex_rest_failures(&job);
    json_t *failures = json_object_get(shown, "failures");
    /* The first one's record is gone; the root stands among its own concurrent ones. */
    assert_int_equal(json_array_size(failures), 1);
    json_t *entry = json_array_get(failures, 0);
    assert_int_equal(json_integer_value(json_object_get(entry, "concurrent_count")), 1);
    assert_int_equal(json_array_size(json_object_get(entry, "concurrent")), 1);
    json_t *evidence = json_object_get(entry, "evidence");
    assert_int_equal(json_string_length(json_object_get(evidence, "output")),
                     EX_REST_OUTPUT_MAX_BYTES - 1 + 3);
    assert_string_equal(json_string_value(json_object_get(evidence, "cgroup_oom_kill")), "yes");
    assert_string_equal(json_string_value(json_object_get(evidence, "matched")), "<b>");
    assert_int_equal(json_integer_value(json_object_get(evidence, "exit_code")), 3);
    assert_null(json_object_get(evidence, "signal"));
    json_decref(shown);
}

static void test_restarts_by_hand(void **state) {
    struct ex_job_copy job = running_job();

    (void)state;
    for (uint32_t i = 0; i <= EX_BY_HAND_KEPT; i++)
        ex_by_hand_add(&job.by_hand, (struct ex_restart_by_hand){1000 + i, FO_NO_TASK, 5});
    ex_by_hand_add(&job.by_hand, (struct ex_restart_by_hand){3000, 2, 2});
    json_t *shown = ex_rest_failures(&job);
    json_t *list = json_object_get(shown, "by_hand");
    assert_int_equal(json_array_size(list), EX_BY_HAND_KEPT);
    golden_assert_json(json_incref(json_array_get(list, 0)),
                       "{\"time_ms\":3000,\"task\":\"write[0]\",\"restart_count\":2}");
    golden_assert_json(json_incref(json_array_get(list, 1)),
                       "{\"time_ms\":1008,\"task\":null,\"restart_count\":5}");
    json_decref(shown);
}

/* ---- what a failure keeps ---- */

static void test_tasks_are_kept_as_runs(void **state) {
    uint32_t tasks[] = {1, 2, 3, 7, 9, 10};
    static uint32_t scattered[2 * (EX_FAILURE_RUNS_MAX + 1)];
    struct ex_failure given = {.evidence.exit_code = -1};
    struct ex_failure *copy;

    (void)state;
    ex_failure_keep_decision(&given, (struct fo_task_list){tasks, 6},
                             (struct fo_budget){.remaining = 5});
    assert_int_equal(ex_failure_copy_brief(&given, &copy), 0);
    assert_int_equal(copy->restarted.count, 3);
    assert_int_equal(copy->restarted.items[0].first, 1);
    assert_int_equal(copy->restarted.items[0].count, 3);
    assert_int_equal(copy->restarted.items[2].count, 2);
    assert_int_equal(copy->budget.remaining, 5);
    copy = ex_failure_free(copy);
    free(given.restarted.items);

    given.restarted = (struct ex_task_runs){0};
    for (uint32_t i = 0; i <= EX_FAILURE_RUNS_MAX; i++)
        scattered[i] = 2 * i;
    ex_failure_keep_decision(&given, (struct fo_task_list){scattered, EX_FAILURE_RUNS_MAX + 1},
                             (struct fo_budget){0});
    assert_int_equal(given.restarted.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_of_jobs),
        cmocka_unit_test(test_tasks_as_runs),
        cmocka_unit_test(test_a_graph),
        cmocka_unit_test(test_restarted_tasks),
        cmocka_unit_test(test_giving_up_has_a_reason),
        cmocka_unit_test(test_a_policy_is_shown),
        cmocka_unit_test(test_the_history),
        cmocka_unit_test(test_restarts_by_hand),
        cmocka_unit_test(test_tasks_are_kept_as_runs),
    };

    return cmocka_run_group_tests(tests, setup, golden_teardown);
}
