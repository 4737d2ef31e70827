/* SPDX-License-Identifier: Apache-2.0 */
/* The job manager with an engine made of a list: what it was told, and what the test lets it say.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exporter/config/job_file.h"
#include "exporter/manager/manager.h"
#include "exporter/metrics/metrics.h"
#include "exporter/metrics/render.h"
#include "listeners/catalogue/catalogue.h"

enum { TOLD_MAX = 256 };

struct told {
    char what; /* d, c, w: deploy, cancel, withdraw; o, x: open, close */
    uint32_t task;
    uint32_t attempt;
};

struct fixture {
    uv_loop_t loop;
    struct ex_metrics *metrics;
    struct ex_manager *manager;
    struct ex_engine engine;
    struct told told[TOLD_MAX];
    size_t told_count;
    void *owner;
    bool ends_at_once;
    bool stopped;
    int labelled;
    int recovered;
};

static struct fixture *fixture;     /* of the running test; the engine's jobs point to it */
static struct catalogue *catalogue; /* of all tests: it takes long to make */

static void tell(char what, const struct ex_task_attempt *attempts, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        assert_true(fixture->told_count < TOLD_MAX);
        fixture->told[fixture->told_count++] =
            (struct told){what, attempts[i].task, attempts[i].attempt};
    }
}

static void say(uint32_t task, uint32_t attempt, enum fo_task_state state) {
    const struct ex_report report = {.task = task, .attempt = attempt, .state = state};

    ex_manager_sink()->report(fixture->owner, &report);
}

static void say_failed(uint32_t task, uint32_t attempt, const char *output) {
    const struct ex_evidence evidence = {
        .exit_code = 3,
        .message = fo_str_of("exit status 3"),
        .output_head = fo_str_of(output),
        .lost = {.producer = FO_NO_TASK},
    };
    const struct ex_report report = {
        .task = task, .attempt = attempt, .state = FO_TASK_FAILED, .evidence = &evidence};

    ex_manager_sink()->report(fixture->owner, &report);
}

/* ---- the engine ---- */

static int open_job(void *engine, const char *job_id, const struct ex_job_spec *spec, void *owner,
                    struct ex_engine_job **ret_job, struct fo_error *reterr) {
    (void)engine;
    (void)spec;
    (void)reterr;
    assert_int_equal(strlen(job_id), EX_JOB_ID_LEN);
    fixture->owner = owner;
    *ret_job = NULL;
    tell('o', &(struct ex_task_attempt){0, 0}, 1);
    return 0;
}

/* Runs what it is told to run, from inside the call, as engines may. */
static void deploy(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                   uint32_t count) {
    (void)job;
    tell('d', attempts, count);
    for (uint32_t i = 0; i < count; i++) {
        say(attempts[i].task, attempts[i].attempt, FO_TASK_INITIALIZING);
        say(attempts[i].task, attempts[i].attempt, FO_TASK_RUNNING);
    }
}

static void cancel(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                   uint32_t count) {
    (void)job;
    tell('c', attempts, count);
    for (uint32_t i = 0; i < count && fixture->ends_at_once; i++)
        say(attempts[i].task, attempts[i].attempt, FO_TASK_CANCELED);
}

static void withdraw(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                     uint32_t count) {
    (void)job;
    tell('w', attempts, count);
}

static void close_job(struct ex_engine_job *job) {
    (void)job;
    tell('x', &(struct ex_task_attempt){0, 0}, 1);
    ex_manager_sink()->job_closed(fixture->owner);
}

static const struct ex_engine_ops ops = {
    .kind = "list",
    .open_job = open_job,
    .deploy = deploy,
    .cancel = cancel,
    .withdraw = withdraw,
    .close_job = close_job,
};

/* ---- helpers ---- */

/* Lets the manager handle what was said, and what was said to that. */
static void settle(void) {
    for (int turn = 0; turn < 8; turn++)
        (void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

static void observe(void *ctx, const struct ex_job *job, const struct ex_change *change) {
    (void)ctx;
    (void)job;
    fixture->labelled += change->kind == EX_CHANGE_LABELLED;
    fixture->recovered += change->kind == EX_CHANGE_RECOVERED;
}

static int make_catalogue(void **state) {
    const struct catalogue_source builtin = {.root = NULL};
    struct fo_error error;

    (void)state;
    return catalogue_new(&builtin, 1, NULL, &catalogue, &error);
}

static int free_catalogue(void **state) {
    (void)state;
    catalogue = catalogue_free(catalogue);
    return 0;
}

static int setup(void **state) {
    static const struct ex_metrics_limits limits;
    const struct fo_str keys[] = {fo_str_of("type"), fo_str_of("category"), fo_str_of("cause")};
    struct fo_error error;

    fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->ends_at_once = true;
    fixture->engine = (struct ex_engine){.ops = &ops, .name = "list"};
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    assert_int_equal(ex_metrics_new(&limits, 1, &fixture->metrics), 0);
    const struct ex_manager_config config = {
        .loop = &fixture->loop,
        .metrics = fixture->metrics,
        .catalogue = catalogue,
        .label_keys = keys,
        .label_key_count = 3,
        .retention_ms = 60000,
        .observer = observe,
    };
    assert_int_equal(ex_manager_new(&config, &fixture->manager, &error), 0);
    *state = fixture;
    return 0;
}

static void on_stopped(void *ctx) {
    (void)ctx;
    fixture->stopped = true;
}

static int teardown(void **state) {
    (void)state;
    ex_manager_stop(fixture->manager, EX_STOP_CANCEL, on_stopped, NULL);
    settle();
    assert_true(fixture->stopped);
    (void)ex_manager_free(fixture->manager);
    (void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    ex_metrics_free(fixture->metrics);
    free(fixture);
    return 0;
}

static int submit(const char *text, struct ex_job **ret_job) {
    const struct ex_job_origin origin = {.working_directory = "/"};
    struct ex_job_spec *spec;
    struct fo_error error;

    assert_int_equal(ex_job_parse(fo_str_of(text), &origin, NULL, &spec, &error), 0);
    int ret = ex_manager_submit(fixture->manager, &fixture->engine, spec, ret_job, &error);
    (void)ex_job_spec_unref(spec);
    settle();
    return ret;
}

static struct ex_job *submit_two(const char *strategy) {
    struct ex_job *job;
    char text[512];

    (void)snprintf(text, sizeof text,
                   "name: two\nconfiguration: {%s}\n"
                   "vertices: [{id: a, parallelism: 2, command: [cat]}]\n",
                   strategy);
    assert_int_equal(submit(text, &job), 0);
    return job;
}

static const char fixed[] = "restart-strategy.type: fixed-delay, "
                            "restart-strategy.fixed-delay.attempts: 2, "
                            "restart-strategy.fixed-delay.delay: 0 s";

/* The page has this line. */
static void assert_shown(const char *line) {
    const struct ex_render_request request = {.format = EX_TEXT_0_0_4};
    struct ex_body *body;
    size_t count;
    char wanted[512];

    assert_int_equal(ex_metrics_render(fixture->metrics, &request, &body), 0);
    const struct fo_str *parts = ex_body_parts(body, &count);
    char *page = calloc(1, ex_body_size(body) + 1);
    char *end = page;
    for (size_t i = 0; i < count; i++) {
        memcpy(end, parts[i].ptr, parts[i].len);
        end += parts[i].len;
    }
    (void)snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (!strstr(page, wanted))
        print_message("%s\nis not in\n%s", line, page);
    assert_non_null(strstr(page, wanted));
    free(page);
    ex_body_unref(body);
}

static void assert_told(size_t index, char what, uint32_t task, uint32_t attempt) {
    assert_true(index < fixture->told_count);
    assert_int_equal(fixture->told[index].what, what);
    assert_int_equal(fixture->told[index].task, task);
    assert_int_equal(fixture->told[index].attempt, attempt);
}

/* ---- tests ---- */

static void test_a_failure_is_decided_labelled_and_counted_once(void **state) {
    struct ex_job *job = submit_two(fixed);

    (void)state;
    assert_told(0, 'o', 0, 0);
    assert_told(1, 'd', 0, 0);
    assert_told(2, 'd', 1, 0);
    say_failed(1, 0, "sh: 1: cannot create x: No space left on device\n");
    settle();
    assert_told(3, 'd', 1, 1);
    assert_int_equal(fixture->told_count, 4); /* the other region is left alone */
    assert_int_equal(fixture->labelled, 1);
    assert_int_equal(fixture->recovered, 1);
    assert_shown("failover_job_failures_total{engine=\"list\",job_name=\"two\"} 1");
    assert_shown("failover_job_restarts_total{engine=\"list\",job_name=\"two\"} 1");
    assert_shown("failover_job_recoveries_total{engine=\"list\",job_name=\"two\"} 1");
    assert_shown("failover_job_restart_budget_remaining{engine=\"list\",job_name=\"two\"} 1");
    assert_shown("failover_failures_received_total 1");
    assert_shown("failover_failures_counted_total 1");
    assert_shown("failover_failures_pending 0");
    const struct ex_failure *failure = ex_job_newest_failure(job);
    assert_true(fo_str_equal(ex_failure_label(failure, "category"), fo_str_of("disk")));
    assert_true(failure->decision.restart);
}

static void test_stale_and_unknown_are_rejected(void **state) {
    (void)state;
    (void)submit_two(fixed);
    say_failed(0, 0, "");
    say_failed(0, 0, ""); /* again, of the attempt that has ended */
    say_failed(7, 0, "");
    settle();
    assert_shown("failover_failures_received_total 3");
    assert_shown("failover_failures_rejected_total{reason=\"stale_attempt\"} 1");
    assert_shown("failover_failures_rejected_total{reason=\"unknown_task\"} 1");
    assert_shown("failover_failures_counted_total 1");
}

static void test_an_end_that_was_asked_for_is_no_failure(void **state) {
    struct ex_job *job = submit_two(fixed);

    (void)state;
    fixture->ends_at_once = false;
    assert_int_equal(ex_manager_cancel(fixture->manager, job), 0);
    say_failed(0, 0, "killed");
    say(1, 0, FO_TASK_CANCELED);
    settle();
    assert_true(ex_job_is_closed(job));
    assert_int_equal(fo_job_state(ex_job_core(job)), FO_JOB_CANCELED);
    assert_shown("failover_failures_received_total 0");
    assert_int_equal(ex_manager_cancel(fixture->manager, job), -EALREADY);
}

static void test_giving_up(void **state) {
    struct ex_job *job = submit_two("restart-strategy.type: none");

    (void)state;
    say_failed(0, 0, "");
    settle();
    assert_int_equal(fo_job_state(ex_job_core(job)), FO_JOB_FAILED);
    assert_told(3, 'c', 1, 0);
    assert_told(4, 'x', 0, 0);
    assert_shown("failover_job_exhausted_total{engine=\"list\",job_name=\"two\","
                 "reason=\"budget\"} 1");
    assert_shown("failover_job_state{engine=\"list\",job_name=\"two\",state=\"FAILED\"} 1");
    assert_shown("failover_job_failures_total{engine=\"list\",job_name=\"two\"} 1");
}

static void test_a_later_job_of_that_name_takes_its_place(void **state) {
    struct ex_job *first = submit_two("restart-strategy.type: none");
    struct ex_job *second;

    (void)state;
    assert_int_equal(submit("name: two\nvertices: [{id: a, command: [cat]}]\n", &second), -EEXIST);
    say_failed(0, 0, "");
    settle();
    assert_true(ex_job_is_closed(first));
    assert_int_equal(submit("name: two\nvertices: [{id: a, command: [cat]}]\n", &second), 0);
    assert_ptr_equal(ex_manager_first_job(fixture->manager), second);
    assert_null(ex_job_next(second));
    assert_shown("failover_job_failures_total{engine=\"list\",job_name=\"two\"} 0");
    assert_shown("failover_failures_counted_total 1");
}

static void test_old_failures_are_dropped_with_the_history(void **state) {
    struct ex_job *job = submit_two("restart-strategy.type: fixed-delay, "
                                    "restart-strategy.fixed-delay.attempts: 1000, "
                                    "restart-strategy.fixed-delay.delay: 0 s, "
                                    "web.exception-history-size: 4");
    size_t kept = 0;

    (void)state;
    for (uint32_t attempt = 0; attempt < 50; attempt++) {
        say_failed(0, attempt, "");
        settle();
    }
    for (const struct ex_failure *f = ex_job_failures(job); f; f = f->next)
        kept++;
    assert_int_equal(kept, 4);
    assert_int_equal(ex_job_failure_count(job), 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_failure_is_decided_labelled_and_counted_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_stale_and_unknown_are_rejected, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_end_that_was_asked_for_is_no_failure, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_giving_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_later_job_of_that_name_takes_its_place, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_old_failures_are_dropped_with_the_history, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, make_catalogue, free_catalogue);
}
