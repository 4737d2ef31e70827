/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that somebody else decides about. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "failover/failover.h"

struct mirrored {
    struct fo_job *job;
    struct fo_graph *graph;
    struct fo_actions actions;
    uint32_t counts[2 * FO_TASK_STATE_COUNT];
    struct fo_mirror state;
};

static const struct fo_job_config config = {
    .restart_strategy = {.kind = FO_STRATEGY_FIXED_DELAY,
                         .fixed_delay = {.attempts = 3, .delay_ms = 10}},
    .history_size = 16,
};

/* a[2] -> b[2], each task of a with the task of b beside it: two regions. */
static void set_up(struct mirrored *it) {
    const struct fo_vertex_spec vertices[] = {{fo_str_of("a"), 2}, {fo_str_of("b"), 2}};
    const struct fo_edge_spec edge = {
        .from = 0, .to = 1, .exchange = FO_PIPELINED, .pattern = FO_POINTWISE};
    const struct fo_graph_spec spec = {vertices, 2, &edge, 1};

    *it = (struct mirrored){.state = {.state = FO_JOB_RUNNING, .task_counts = it->counts}};
    it->state.since_ms[FO_JOB_RUNNING] = 100;
    it->counts[FO_TASK_RUNNING] = 2;
    it->counts[FO_TASK_STATE_COUNT + FO_TASK_RUNNING] = 2;
    assert_int_equal(fo_graph_new(&spec, NULL, &it->graph, NULL), 0);
    assert_int_equal(fo_job_new(&config, it->graph, NULL, 50, &it->job, NULL), 0);
}

static void tear_down(struct mirrored *it) {
    fo_actions_done(&it->actions, NULL);
    (void)fo_job_free(it->job);
    (void)fo_graph_unref(it->graph);
}

static int update(struct mirrored *it, int64_t now_ms) {
    it->actions.count = 0;
    return fo_job_mirror(it->job, &it->state, now_ms, &it->actions);
}

static int fail_task(struct mirrored *it, const struct fo_mirror_failure *failure) {
    it->actions.count = 0;
    return fo_job_mirror_failure(it->job, failure, failure->at_ms, 0, &it->actions);
}

static const struct fo_action *find(const struct mirrored *it, enum fo_action_kind kind) {
    for (size_t i = 0; i < it->actions.count; i++) {
        if (it->actions.items[i].kind == kind)
            return &it->actions.items[i];
    }
    return NULL;
}

/* The action of a kind, which must be there. */
static const struct fo_action *action(const struct mirrored *it, enum fo_action_kind kind) {
    const struct fo_action *found = find(it, kind);

    if (!found) {
        print_error("no action of kind %d\n", (int)kind);
        abort();
    }
    return found;
}

static void shows_what_it_is_told(void **state) {
    (void)state;
    struct mirrored it;

    set_up(&it);
    assert_int_equal(update(&it, 200), 0);
    assert_int_equal(it.actions.count, 5); /* four tasks and the job */
    assert_int_equal(fo_job_state(it.job), FO_JOB_RUNNING);
    assert_int_equal(fo_job_state_since_ms(it.job, FO_JOB_RUNNING), 100);
    assert_int_equal(fo_job_task_count(it.job, FO_TASK_RUNNING), 4);
    assert_int_equal(update(&it, 300), 0);
    assert_int_equal(it.actions.count, 0); /* nothing is new */
    it.counts[FO_TASK_RUNNING] = 1;
    it.counts[FO_TASK_FAILED] = 1;
    assert_int_equal(update(&it, 300), 0);
    assert_int_equal(it.actions.count, 1); /* as few as can be */
    assert_int_equal(it.actions.items[0].task_to, FO_TASK_FAILED);
    assert_null(find(&it, FO_ACTION_CANCEL));
    tear_down(&it);
}

static void is_left_alone_by_orders(void **state) {
    (void)state;
    struct mirrored it;

    set_up(&it);
    assert_int_equal(update(&it, 200), 0);
    for (int kind = FO_EVENT_START; kind <= FO_EVENT_RESUME; kind++) {
        const struct fo_event event = {.kind = (enum fo_event_kind)kind, .state = FO_TASK_FAILED};
        int wanted = kind == FO_EVENT_TIME ? 0 : -EINVAL;
        it.actions.count = 0;
        assert_int_equal(fo_job_step(it.job, &event, 300, 0, &it.actions), wanted);
        assert_int_equal(it.actions.count, 0);
    }
    tear_down(&it);
}

static void refuses_what_does_not_fit(void **state) {
    (void)state;
    struct mirrored it;
    const struct fo_event start = {.kind = FO_EVENT_START};

    set_up(&it);
    it.counts[FO_TASK_RUNNING] = 3;
    assert_int_equal(update(&it, 200), -EINVAL);
    it.counts[FO_TASK_RUNNING] = 2;
    it.state.state = (enum fo_job_state)FO_JOB_STATE_COUNT;
    assert_int_equal(update(&it, 200), -EINVAL);
    assert_int_equal(fail_task(&it, &(struct fo_mirror_failure){.task = 4, .at_ms = 150}), -ENOENT);
    assert_int_equal(fo_job_state(it.job), FO_JOB_CREATED);
    /* A job that runs here is nobody else's. */
    assert_int_equal(fo_job_step(it.job, &start, 200, 0, &it.actions), 0);
    it.state.state = FO_JOB_RUNNING;
    assert_int_equal(update(&it, 200), -EINVAL);
    tear_down(&it);
}

static void follows_a_failure_until_all_runs_again(void **state) {
    (void)state;
    struct mirrored it;
    const struct fo_mirror_failure failure = {
        .task = 2, .attempt = 4, .failure_id = 7, .at_ms = 1000};

    set_up(&it);
    assert_int_equal(update(&it, 200), 0);
    assert_int_equal(fail_task(&it, &failure), 0);
    const struct fo_action *decided = action(&it, FO_ACTION_DECISION);
    assert_true(decided->decision.restart);
    assert_int_equal(decided->decision.restart_count, 2); /* its region */
    assert_int_equal(fo_job_task_attempt(it.job, 2), 5);
    assert_int_equal(fo_job_restarted_tasks(it.job), 2);
    assert_int_equal(fo_job_history_count(it.job), 1);
    assert_int_equal(fo_job_history(it.job, 0).at_ms, 1000);

    /* A state from before the failure says nothing about recovery. */
    it.state.restarts = 1;
    assert_int_equal(update(&it, 1100), 0);
    assert_null(find(&it, FO_ACTION_RECOVERED));
    it.state.since_ms[FO_JOB_RUNNING] = 1500;
    it.state.changed_ms = 1700;
    it.counts[FO_TASK_RUNNING] = 1;
    it.counts[FO_TASK_DEPLOYING] = 1;
    assert_int_equal(update(&it, 2000), 0);
    assert_null(find(&it, FO_ACTION_RECOVERED));
    it.counts[FO_TASK_RUNNING] = 2;
    it.counts[FO_TASK_DEPLOYING] = 0;
    assert_int_equal(update(&it, 9000), 0);
    const struct fo_action *recovered = action(&it, FO_ACTION_RECOVERED);
    assert_int_equal(recovered->incident.began_ms, 1000);
    assert_int_equal(recovered->incident.ended_ms, 1700);
    assert_int_equal(fo_job_restarts(it.job), 1);
    tear_down(&it);
}

static void estimates_the_budget(void **state) {
    (void)state;
    struct mirrored it;

    set_up(&it);
    it.state.restarts = 2; /* before we came */
    assert_int_equal(update(&it, 200), 0);
    assert_int_equal(fo_job_budget(it.job, 200).remaining, 1);
    assert_int_equal(fail_task(&it, &(struct fo_mirror_failure){.task = FO_NO_TASK, .at_ms = 300}),
                     0);
    assert_int_equal(fo_job_budget(it.job, 300).remaining, 0);
    it.state.restarts = 3; /* the same one, told by the count */
    assert_int_equal(update(&it, 400), 0);
    assert_int_equal(fo_job_budget(it.job, 400).remaining, 0);
    assert_int_equal(fo_job_restarts(it.job), 3);
    it.state.restarts = 1; /* counts never sink */
    assert_int_equal(update(&it, 400), 0);
    assert_int_equal(fo_job_restarts(it.job), 3);
    tear_down(&it);
}

static void gives_up_as_its_master_did(void **state) {
    (void)state;
    struct mirrored it;
    const struct fo_mirror_failure failure = {
        .task = FO_NO_TASK, .failure_id = 1, .at_ms = 300, .exhausted = FO_EXHAUSTED_BUDGET};

    set_up(&it);
    assert_int_equal(update(&it, 200), 0);
    assert_int_equal(fail_task(&it, &failure), 0);
    assert_false(action(&it, FO_ACTION_DECISION)->decision.restart);
    assert_int_equal(action(&it, FO_ACTION_DECISION)->decision.exhausted, FO_EXHAUSTED_BUDGET);
    it.state.state = FO_JOB_FAILED;
    assert_int_equal(update(&it, 400), 0);
    assert_int_equal(fo_job_state(it.job), FO_JOB_FAILED);
    assert_int_equal(fo_next_deadline(it.job), FO_NEVER);
    tear_down(&it);
}

struct bytes {
    char bytes[4096];
    size_t len;
};

static int keep(void *ctx, const void *bytes, size_t size) {
    struct bytes *kept = ctx;

    assert_true(kept->len + size <= sizeof kept->bytes);
    memcpy(kept->bytes + kept->len, bytes, size);
    kept->len += size;
    return 0;
}

/* What was saved of a mirror is as it was: nothing has ended, nothing restarts. */
static void survives_being_saved(void **state) {
    (void)state;
    struct mirrored it;
    struct bytes saved = {.len = 0};
    struct fo_job *again;
    const struct fo_mirror_failure failure = {.task = 0, .failure_id = 3, .at_ms = 1000};

    set_up(&it);
    assert_int_equal(fail_task(&it, &failure), 0);
    it.counts[FO_TASK_RUNNING] = 1;
    it.counts[FO_TASK_FAILED] = 1;
    it.state.state = FO_JOB_RESTARTING;
    assert_int_equal(update(&it, 1100), 0);
    assert_int_equal(fo_job_save(it.job, keep, &saved), 0);
    assert_int_equal(fo_job_restore(&config, it.graph, NULL, 5000,
                                    (struct fo_str){saved.bytes, saved.len}, &again),
                     0);
    assert_int_equal(fo_job_state(again), FO_JOB_RESTARTING);
    assert_int_equal(fo_job_task_count(again, FO_TASK_FAILED), 1);
    assert_int_equal(fo_job_task_count(again, FO_TASK_RUNNING), 3);
    assert_int_equal(fo_next_deadline(again), FO_NEVER);
    assert_int_equal(fo_job_task_attempt(again, 0), 1);
    (void)fo_job_free(it.job);
    it.job = again;
    it.counts[FO_TASK_RUNNING] = 2;
    it.counts[FO_TASK_FAILED] = 0;
    it.state.state = FO_JOB_RUNNING;
    it.state.since_ms[FO_JOB_RUNNING] = 1200;
    assert_int_equal(update(&it, 5100), 0);
    assert_int_equal(action(&it, FO_ACTION_RECOVERED)->incident.began_ms, 1000);
    tear_down(&it);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_what_it_is_told),
        cmocka_unit_test(is_left_alone_by_orders),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(follows_a_failure_until_all_runs_again),
        cmocka_unit_test(estimates_the_budget),
        cmocka_unit_test(gives_up_as_its_master_did),
        cmocka_unit_test(survives_being_saved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
