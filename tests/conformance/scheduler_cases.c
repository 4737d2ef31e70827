/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios of the scheduler: a real job, whose strategies are the case's through the hooks that
 * embedders have. The clock is manual: the steps `timer` stand at one second, two seconds, ... and
 * a decision gets the delay that makes it due at its own. */
#include <errno.h>
#include <stdlib.h>

#include "tests/conformance/conformance.h"

enum { TIMER_MS = 1000 };
#define FAR_MS INT64_C(1000000000000)

struct scene {
    struct cf_result *result;
    const json_t *vertices;
    const json_t *restart_sets;
    const json_t *steps;
    struct fo_job *job;
    struct fo_actions actions;
    int64_t now_ms;
    int64_t timers; /* played */
    int64_t decisions;
    bool can_restart;
    bool new_attempt; /* what the strategy will answer */
    int64_t *deploys; /* by vertex */
};

/* ---- the case's strategies ------------------------------------------------------------------ */

static uint32_t tasks_to_restart(void *ctx, uint32_t failed_task, uint32_t *tasks) {
    const struct scene *scene = ctx;
    const char *failed = json_string_value(json_array_get(scene->vertices, failed_task));
    const json_t *set = json_object_get(scene->restart_sets, failed);
    uint32_t count = 0;

    for (uint32_t task = 0; task < json_array_size(scene->vertices); task++) {
        if (cf_find(set, NULL, cf_str(json_array_get(scene->vertices, task))) >= 0)
            tasks[count++] = task;
    }
    return count;
}

static bool notify_failure(void *ctx, int64_t now_ms) {
    (void)now_ms;
    return ((struct scene *)ctx)->new_attempt;
}

static bool can_restart(void *ctx, int64_t now_ms) {
    (void)now_ms;
    return ((struct scene *)ctx)->can_restart;
}

static int64_t backoff_ms(void *ctx, int64_t now_ms) {
    const struct scene *scene = ctx;
    const json_t *step = NULL;
    int64_t due_ms = 0;
    size_t index = 0;

    json_array_foreach(scene->steps, index, step) {
        if (!fo_str_equal(cf_str(json_object_get(step, "op")), fo_str_of("timer")))
            continue;
        due_ms += TIMER_MS;
        if (json_integer_value(json_object_get(step, "decision")) == scene->decisions)
            return due_ms - now_ms;
    }
    return FAR_MS;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* A report that comes too late is refused by the job, which is what the case wants to see. */
static bool feed(struct scene *scene, struct fo_event event) {
    int rc = 0;

    event.cause.lost.producer = FO_NO_TASK;
    rc = fo_job_step(scene->job, &event, scene->now_ms, 0, &scene->actions);
    if (rc != 0 && rc != -ESTALE && rc != -EALREADY)
        return cf_fail(scene->result, "the job refuses a step: %d", rc);
    for (size_t i = 0; i < scene->actions.count; i++) {
        const struct fo_action *action = &scene->actions.items[i];
        if (action->kind == FO_ACTION_DEPLOY)
            scene->deploys[action->task]++;
        else if (action->kind == FO_ACTION_DECISION && action->decision.restart)
            scene->decisions++;
    }
    scene->actions.count = 0;
    return true;
}

static bool read_vertex(struct scene *scene, const json_t *step, uint32_t *ret_task) {
    int64_t index = cf_find(scene->vertices, NULL, cf_str(json_object_get(step, "vertex")));

    *ret_task = (uint32_t)index;
    return index >= 0 ? true : cf_fail(scene->result, "unknown vertex");
}

static bool report(struct scene *scene, const json_t *step, enum fo_task_state state) {
    struct fo_event event = {.kind = FO_EVENT_TASK_STATE, .state = state};

    if (!cf_only(scene->result, step, "op vertex") || !read_vertex(scene, step, &event.task))
        return false;
    event.attempt = fo_job_task_attempt(scene->job, event.task);
    return feed(scene, event);
}

static bool play_canceled(struct scene *scene, const json_t *step) {
    return report(scene, step, FO_TASK_CANCELED);
}

static bool play_finish(struct scene *scene, const json_t *step) {
    return report(scene, step, FO_TASK_FINISHED);
}

static bool play_start(struct scene *scene, const json_t *step) {
    return cf_only(scene->result, step, "op") &&
           feed(scene, (struct fo_event){.kind = FO_EVENT_START});
}

static bool play_cancel_job(struct scene *scene, const json_t *step) {
    return cf_only(scene->result, step, "op") &&
           feed(scene, (struct fo_event){.kind = FO_EVENT_CANCEL});
}

static bool read_failure(struct scene *scene, const json_t *step, struct fo_event *event) {
    if (json_object_get(step, "non_recoverable") &&
        !cf_boolean(scene->result, step, "non_recoverable", &event->cause.non_recoverable))
        return false;
    return cf_boolean(scene->result, step, "new_attempt", &scene->new_attempt);
}

static bool play_fail(struct scene *scene, const json_t *step) {
    struct fo_event event = {.kind = FO_EVENT_TASK_STATE, .state = FO_TASK_FAILED};

    if (!cf_only(scene->result, step, "op vertex new_attempt non_recoverable") ||
        !read_vertex(scene, step, &event.task) || !read_failure(scene, step, &event))
        return false;
    event.attempt = fo_job_task_attempt(scene->job, event.task);
    return feed(scene, event);
}

static bool play_fail_global(struct scene *scene, const json_t *step) {
    struct fo_event event = {.kind = FO_EVENT_GLOBAL_FAILURE};

    return cf_only(scene->result, step, "op new_attempt non_recoverable") &&
           read_failure(scene, step, &event) && feed(scene, event);
}

static bool play_timer(struct scene *scene, const json_t *step) {
    int64_t decision = 0;

    if (!cf_only(scene->result, step, "op decision") ||
        !cf_integer(scene->result, step, "decision", &decision))
        return false;
    if (decision < 0 || decision >= scene->decisions)
        return cf_fail(scene->result, "there is no decision %lld yet", (long long)decision);
    scene->now_ms = ++scene->timers * TIMER_MS;
    return feed(scene, (struct fo_event){.kind = FO_EVENT_TIME});
}

static bool play_set_can_restart(struct scene *scene, const json_t *step) {
    return cf_only(scene->result, step, "op value") &&
           cf_boolean(scene->result, step, "value", &scene->can_restart);
}

/* ---- expectations -----------------------------------------------------------------------------
 */

static bool is_deployed(enum fo_task_state state) {
    return state == FO_TASK_DEPLOYING || state == FO_TASK_INITIALIZING || state == FO_TASK_RUNNING;
}

static bool check_state(struct scene *scene, uint32_t task, struct fo_str expected) {
    enum fo_task_state state = fo_job_task_state(scene->job, task);
    const char *name = fo_task_state_name(state);

    if (fo_str_equal(expected, fo_str_of(name)) ||
        (fo_str_equal(expected, fo_str_of("DEPLOYED")) && is_deployed(state)))
        return true;
    return cf_fail(scene->result, "task %u is %s", task, name);
}

static bool check_deploys(struct scene *scene, uint32_t task, const json_t *expected) {
    if (json_is_integer(expected) && json_integer_value(expected) == scene->deploys[task])
        return true;
    return cf_fail(scene->result, "task %u was deployed %lld times", task,
                   (long long)scene->deploys[task]);
}

static bool check_vertices(struct scene *scene, const json_t *expect, const char *field) {
    json_t *object = json_object_get(expect, field);
    const char *name = NULL;
    json_t *value = NULL;

    if (object && !json_is_object(object))
        return cf_fail(scene->result, "%s is not an object", field);
    json_object_foreach(object, name, value) {
        int64_t task = cf_find(scene->vertices, NULL, fo_str_of(name));
        if (task < 0)
            return cf_fail(scene->result, "unknown vertex %s", name);
        bool matches = strcmp(field, "states") == 0
                           ? check_state(scene, (uint32_t)task, cf_str(value))
                           : check_deploys(scene, (uint32_t)task, value);
        if (!matches)
            return false;
    }
    return true;
}

static bool check_count(struct scene *scene, const json_t *expect, const char *field, uint64_t is) {
    const json_t *expected = json_object_get(expect, field);

    if (!expected || (json_is_integer(expected) && (uint64_t)json_integer_value(expected) == is))
        return true;
    return cf_fail(scene->result, "%s is %llu", field, (unsigned long long)is);
}

static bool check_roots(struct scene *scene, const json_t *expect) {
    const json_t *global = json_object_get(expect, "history_global");
    const json_t *concurrent = json_object_get(expect, "concurrent");
    uint32_t count = fo_job_history_count(scene->job);

    if ((global && json_array_size(global) != count) ||
        (concurrent && json_array_size(concurrent) != count))
        return cf_fail(scene->result, "the history has %u roots", count);
    for (uint32_t i = 0; i < count; i++) {
        struct fo_history_entry root = fo_job_history(scene->job, i);
        const json_t *is_global = json_array_get(global, i);
        const json_t *others = json_array_get(concurrent, i);
        if (is_global && json_is_true(is_global) != (root.task == FO_NO_TASK))
            return cf_fail(scene->result, "root %u: global or not", i);
        if (others && json_integer_value(others) != root.concurrent_count)
            return cf_fail(scene->result, "root %u has %u concurrent entries", i,
                           root.concurrent_count);
    }
    return true;
}

static bool play_expect(struct scene *scene, const json_t *step) {
    const json_t *job = json_object_get(step, "job");
    const char *name = fo_job_state_name(fo_job_state(scene->job));

    if (!cf_only(scene->result, step,
                 "op job states deploys num_restarts history history_global concurrent"))
        return false;
    if (json_object_size(step) < 2)
        return cf_fail(scene->result, "expects nothing");
    if (job && !fo_str_equal(cf_str(job), fo_str_of(name)))
        return cf_fail(scene->result, "the job is %s", name);
    return check_vertices(scene, step, "states") && check_vertices(scene, step, "deploys") &&
           check_count(scene, step, "num_restarts", fo_job_restarts(scene->job)) &&
           check_count(scene, step, "history", fo_job_history_count(scene->job)) &&
           check_roots(scene, step);
}

/* ---- the play ----------------------------------------------------------------------------------
 */

static const struct {
    const char *op;
    bool (*play)(struct scene *scene, const json_t *step);
} ops[] = {
    {"start", play_start},
    {"fail", play_fail},
    {"fail_global", play_fail_global},
    {"canceled", play_canceled},
    {"finish", play_finish},
    {"timer", play_timer},
    {"cancel_job", play_cancel_job},
    {"set_can_restart", play_set_can_restart},
    {"expect", play_expect},
};

static bool play_step(struct scene *scene, size_t index) {
    const json_t *step = json_array_get(scene->steps, index);
    struct fo_str op = cf_str(json_object_get(step, "op"));

    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (!fo_str_equal(op, fo_str_of(ops[i].op)))
            continue;
        if (ops[i].play(scene, step))
            return true;
        char why[sizeof scene->result->why];
        memcpy(why, scene->result->why, sizeof why);
        scene->result->why[0] = '\0';
        return cf_fail(scene->result, "step %zu: %.400s", index, why);
    }
    return cf_fail(scene->result, "step %zu: unknown op", index);
}

static bool make_job(struct scene *scene) {
    const struct fo_strategy_hooks hooks = {tasks_to_restart, notify_failure, can_restart,
                                            backoff_ms, scene};
    struct fo_job_config config = {.history_size = 16, .hooks = &hooks};
    struct fo_graph *graph = cf_graph(scene->result, scene->vertices, NULL);
    struct fo_error error;

    if (!graph)
        return false;
    int rc = fo_job_new(&config, graph, NULL, 0, &scene->job, &error);
    (void)fo_graph_unref(graph);
    return rc == 0 ? true : cf_fail(scene->result, "%s", error.text);
}

static bool expects_something(const struct scene *scene) {
    return cf_find(scene->steps, "op", fo_str_of("expect")) >= 0
               ? true
               : cf_fail(scene->result, "no step expects anything");
}

bool cf_run_scheduler(struct cf_result *result, const json_t *json) {
    struct scene scene = {.result = result, .can_restart = true};

    if (!cf_only(result, json, "name source vertices restart_sets steps note") ||
        !cf_list(result, json, "vertices", &scene.vertices) ||
        !cf_list(result, json, "steps", &scene.steps))
        return false;
    scene.restart_sets = json_object_get(json, "restart_sets");
    if (!json_is_object(scene.restart_sets))
        return cf_fail(result, "restart_sets is missing");
    scene.deploys = calloc(json_array_size(scene.vertices) + 1, sizeof *scene.deploys);
    bool passed = scene.deploys && expects_something(&scene) && make_job(&scene);
    for (size_t i = 0; passed && i < json_array_size(scene.steps); i++)
        passed = play_step(&scene, i);
    fo_actions_done(&scene.actions, NULL);
    scene.job = fo_job_free(scene.job);
    free(scene.deploys);
    return passed;
}
