/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/push_stage.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/metrics/metrics.h"

enum { SILENT_AFTER_MS = 3600 * 1000 };

struct push_stage_report {
    STAILQ_ENTRY(push_stage_report) link;
    struct ex_report report;
    bool failed;
};

/* A batch that is under way; kept until its answers were taken. */
struct asked {
    struct ex_push_batch batch;
    bool done;
};

static void need(bool fact) {
    if (!fact)
        abort();
}

/* ---- what the engine says ---- */

static void on_report(void *owner, const struct ex_report *report) {
    struct push_stage *stage = owner;
    struct push_stage_report *waiting = calloc(1, sizeof *waiting);

    need(waiting && !stage->closed);
    waiting->report = *report;
    waiting->failed = report->evidence;
    waiting->report.evidence = NULL;
    stage->told++;
    STAILQ_INSERT_TAIL(&stage->waiting, waiting, link);
}

static void on_partition_lost(void *owner, struct fo_partition partition) {
    (void)owner;
    (void)partition;
}

static void on_job_closed(void *owner) {
    struct push_stage *stage = owner;

    need(!stage->closed);
    stage->closed = true;
}

static const struct ex_engine_sink sink = {on_report, on_partition_lost, on_job_closed};

/* ---- what it is told ---- */

static void command(struct push_stage *stage, const struct fo_action *action) {
    const struct ex_engine_ops *ops = ex_push_ops();
    const struct ex_task_attempt attempt = {action->task, action->attempt};

    if (action->kind == FO_ACTION_DEPLOY)
        ops->deploy(stage->job, &attempt, 1);
    else if (action->kind == FO_ACTION_CANCEL)
        ops->cancel(stage->job, &attempt, 1);
    else if (action->kind == FO_ACTION_WITHDRAW)
        ops->withdraw(stage->job, &attempt, 1);
}

static void close_if_ended(struct push_stage *stage) {
    if (stage->job && fo_job_state_is_terminal(fo_job_state(stage->core))) {
        struct ex_engine_job *job = stage->job;
        stage->job = NULL;
        ex_push_ops()->close_job(job);
    }
}

static void step(struct push_stage *stage, const struct fo_event *event, void *token) {
    struct ex_answer answer = {.failure_id = event->cause.failure_id};

    stage->actions.count = 0;
    answer.error = fo_job_step(stage->core, event, stage->now_ms, 0, &stage->actions);
    for (size_t i = 0; i < stage->actions.count && answer.error == 0; i++) {
        if (stage->actions.items[i].kind != FO_ACTION_DECISION)
            continue;
        answer.decision = &stage->actions.items[i].decision;
        answer.restart = fo_job_decision_tasks(stage->core);
    }
    if (token)
        ex_push_ops()->answered(token, &answer);
    for (size_t i = 0; i < stage->actions.count && answer.error == 0; i++)
        command(stage, &stage->actions.items[i]);
    close_if_ended(stage);
}

static void drop(struct push_stage *stage, struct push_stage_report *waiting) {
    STAILQ_REMOVE_HEAD(&stage->waiting, link);
    free(waiting);
}

void push_stage_run(struct push_stage *stage) {
    while (!STAILQ_EMPTY(&stage->waiting)) {
        struct push_stage_report *waiting = STAILQ_FIRST(&stage->waiting);
        struct fo_event event = {
            .kind = FO_EVENT_TASK_STATE,
            .task = waiting->report.task,
            .attempt = waiting->report.attempt,
            .state = waiting->report.state,
            .cause = {.lost = {.producer = FO_NO_TASK}},
        };
        void *token = waiting->report.token;
        if (fo_job_is_failure(stage->core, &event))
            event.cause.failure_id = ++stage->failures;
        need(waiting->failed == (event.state == FO_TASK_FAILED));
        drop(stage, waiting);
        step(stage, &event, token);
    }
}

void push_stage_order(struct push_stage *stage, enum fo_event_kind kind) {
    step(stage, &(struct fo_event){.kind = kind, .task = FO_NO_TASK}, NULL);
}

void push_stage_wait(struct push_stage *stage, int64_t ms) {
    stage->now_ms += ms;
    (void)uv_run(&stage->loop, UV_RUN_NOWAIT);
    push_stage_run(stage);
    if (!fo_job_state_is_terminal(fo_job_state(stage->core)))
        push_stage_order(stage, FO_EVENT_TIME);
}

static void on_done(struct ex_push_batch *batch) {
    struct asked *asked = (struct asked *)(void *)batch; /* its first member */

    need(!asked->done);
    asked->done = true;
}

int push_stage_report(struct push_stage *stage, struct fo_str body, bool lines,
                      struct ex_buffer *answers) {
    struct asked asked = {.done = false};
    int ret = ex_push_batch_read(&asked.batch, body, lines, NULL);

    if (ret < 0)
        return ret;
    asked.batch.done = on_done;
    ret = ex_push_take(stage->push, fo_str_of("job"), &asked.batch);
    push_stage_run(stage);
    need(asked.done == (ret == 0));
    for (size_t i = 0; i < asked.batch.count && ret == 0; i++) {
        ex_push_report_answer(&asked.batch.items[i], asked.batch.graph, answers);
        ex_buffer_append_char(answers, '\n');
    }
    ex_push_batch_done(&asked.batch);
    return ret;
}

/* ---- making ---- */

static void make_spec(struct push_stage *stage, uint32_t parallelism, int64_t delay_ms) {
    static char name[] = "job";
    const struct fo_edge_spec edge = {.from = 0, .to = 1, .exchange = FO_BLOCKING};
    const struct fo_vertex_spec vertices[] = {{fo_str_of("a"), parallelism}, {fo_str_of("b"), 1}};
    const struct fo_graph_spec graph = {vertices, 2, &edge, 1};

    for (int i = 0; i < 2; i++)
        stage->vertices[i] = (struct ex_vertex_spec){.id = vertices[i].id};
    stage->spec = (struct ex_job_spec){
        .name = name, .vertices = stage->vertices, .vertex_count = 2, .owners = 1};
    stage->spec.decisions = (struct fo_job_config){
        .restart_strategy = {.kind = FO_STRATEGY_FIXED_DELAY,
                             .fixed_delay = {FO_ATTEMPTS_UNLIMITED, delay_ms}},
        .history_size = 4};
    need(fo_graph_new(&graph, NULL, &stage->spec.graph, NULL) == 0);
}

static void on_alive(uv_timer_t *timer) {
    (void)timer;
}

void push_stage_open(struct push_stage *stage, uint32_t parallelism, int64_t delay_ms,
                     int64_t heartbeat_ms) {
    const struct ex_metrics_limits limits = {0};
    struct ex_push_config config = {
        .loop = &stage->loop,
        .sink = &sink,
        .heartbeat_ms = heartbeat_ms > 0 ? heartbeat_ms : SILENT_AFTER_MS,
        .retention_ms = SILENT_AFTER_MS,
    };

    *stage = (struct push_stage){.now_ms = 1000};
    STAILQ_INIT(&stage->waiting);
    make_spec(stage, parallelism, delay_ms);
    need(uv_loop_init(&stage->loop) == 0);
    need(uv_timer_init(&stage->loop, &stage->alive) == 0);
    need(uv_timer_start(&stage->alive, on_alive, SILENT_AFTER_MS, SILENT_AFTER_MS) == 0);
    need(ex_metrics_new(&limits, 1, &stage->metrics) == 0);
    config.metrics = stage->metrics;
    need(ex_push_new(&config, 1, &stage->push, NULL) == 0);
    need(fo_job_new(&stage->spec.decisions, stage->spec.graph, NULL, stage->now_ms, &stage->core,
                    NULL) == 0);
    need(ex_push_ops()->open_job(stage->push, "0123456789abcdef0123456789abcdef", &stage->spec,
                                 stage, &stage->job, NULL) == 0);
    push_stage_order(stage, FO_EVENT_START);
}

void push_stage_close(struct push_stage *stage) {
    if (stage->job) {
        struct ex_engine_job *job = stage->job;
        stage->job = NULL;
        ex_push_ops()->close_job(job);
    }
    while (!STAILQ_EMPTY(&stage->waiting)) {
        struct push_stage_report *waiting = STAILQ_FIRST(&stage->waiting);
        void *token = waiting->report.token;
        drop(stage, waiting);
        if (token)
            ex_push_ops()->answered(token, &(struct ex_answer){.error = -ESHUTDOWN});
    }
    ex_push_ops()->close(stage->push);
    uv_close((uv_handle_t *)&stage->alive, NULL);
    (void)uv_run(&stage->loop, UV_RUN_DEFAULT);
    need(stage->closed && uv_loop_close(&stage->loop) == 0);
    fo_actions_done(&stage->actions, NULL);
    (void)fo_job_free(stage->core);
    (void)fo_graph_unref(stage->spec.graph);
    ex_metrics_free(stage->metrics);
}
