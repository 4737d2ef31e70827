/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/failover/stage.h"

struct fo_job_config stage_config(int32_t attempts, int64_t delay_ms) {
    return (struct fo_job_config){
        .restart_strategy = {.kind = FO_STRATEGY_FIXED_DELAY, .fixed_delay = {attempts, delay_ms}},
        .history_size = 3};
}

void stage_open(struct stage *stage, const struct fo_graph_spec *spec,
                const struct fo_job_config *config) {
    struct fo_error error;

    memset(stage, 0, sizeof *stage);
    assert_int_equal(fo_graph_new(spec, NULL, &stage->graph, &error), 0);
    assert_int_equal(fo_job_new(config, stage->graph, NULL, 0, &stage->job, &error), 0);
}

void stage_close(struct stage *stage) {
    fo_actions_done(&stage->actions, NULL);
    stage->job = fo_job_free(stage->job);
    stage->graph = fo_graph_unref(stage->graph);
}

int stage_step(struct stage *stage, struct fo_event event) {
    stage->actions.count = 0;
    return fo_job_step(stage->job, &event, stage->now_ms, 0, &stage->actions);
}

int stage_do(struct stage *stage, enum fo_event_kind kind) {
    return stage_step(
        stage,
        (struct fo_event){.kind = kind, .task = FO_NO_TASK, .cause.lost.producer = FO_NO_TASK});
}

int stage_report(struct stage *stage, uint32_t task, enum fo_task_state state) {
    return stage_step(stage, (struct fo_event){.kind = FO_EVENT_TASK_STATE,
                                               .task = task,
                                               .attempt = fo_job_task_attempt(stage->job, task),
                                               .state = state,
                                               .cause.lost.producer = FO_NO_TASK});
}

int stage_fail(struct stage *stage, uint32_t task, const struct fo_label *labels,
               uint32_t label_count) {
    struct fo_event event = {.kind = FO_EVENT_TASK_STATE,
                             .task = task,
                             .attempt = fo_job_task_attempt(stage->job, task),
                             .state = FO_TASK_FAILED,
                             .cause = {.failure_id = ++stage->failure_id,
                                       .lost = {FO_NO_TASK, 0},
                                       .labels = labels,
                                       .label_count = label_count}};

    return stage_step(stage, event);
}

void stage_wait_until(struct stage *stage, int64_t now_ms) {
    stage->now_ms = now_ms;
    assert_int_equal(stage_do(stage, FO_EVENT_TIME), 0);
}

void stage_run(struct stage *stage) {
    assert_int_equal(stage_do(stage, FO_EVENT_START), 0);
    for (uint32_t task = 0; task < fo_graph_task_count(stage->graph); task++) {
        if (fo_job_task_state(stage->job, task) == FO_TASK_DEPLOYING)
            assert_int_equal(stage_report(stage, task, FO_TASK_RUNNING), 0);
    }
}

uint32_t stage_count(const struct stage *stage, enum fo_action_kind kind) {
    uint32_t count = 0;

    for (size_t i = 0; i < stage->actions.count; i++)
        count += stage->actions.items[i].kind == kind;
    return count;
}

const struct fo_decision *stage_decision(const struct stage *stage) {
    assert_int_equal(stage_count(stage, FO_ACTION_DECISION), 1);
    for (size_t i = 0; i < stage->actions.count; i++) {
        if (stage->actions.items[i].kind == FO_ACTION_DECISION)
            return &stage->actions.items[i].decision;
    }
    return NULL;
}

void stage_expect(const struct stage *stage, uint32_t task, enum fo_task_state state,
                  uint32_t attempt) {
    assert_string_equal(fo_task_state_name(fo_job_task_state(stage->job, task)),
                        fo_task_state_name(state));
    assert_int_equal(fo_job_task_attempt(stage->job, task), attempt);
}
