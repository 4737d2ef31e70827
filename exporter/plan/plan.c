/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/plan/plan.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/base/random.h"

struct decision {
    struct ex_plan_decision shown;
    uint32_t *tasks; /* owned */
};

struct ex_plan {
    struct fo_job *job;
    struct fo_graph *graph; /* borrowed of the job */
    struct fo_actions actions;
    struct fo_actions answers; /* what a step asked for while its answers are being given */
    uint32_t *stack;           /* regions that wait for what stands above them */
    uint64_t random_state;
    int64_t now_ms;
    int64_t down_since_ms; /* FO_NEVER = the job runs */
    struct ex_plan_sums sums;
    bool keep_decisions;
    struct decision *decisions;
    uint32_t decision_count;
    uint32_t decision_capacity;
    uint32_t failing_task; /* of the event being fed */
};

/* ---- making and ending ---- */

static int step(struct ex_plan *plan, const struct fo_event *event);

int ex_plan_new(const struct fo_job_config *config, struct fo_graph *graph, uint64_t seed,
                bool keep_decisions, struct ex_plan **ret_plan, struct fo_error *reterr) {
    struct ex_plan *plan = calloc(1, sizeof *plan);

    if (!plan)
        return -ENOMEM;
    plan->graph = graph;
    plan->random_state = seed;
    plan->keep_decisions = keep_decisions;
    plan->sums.gave_up_ms = FO_NEVER;
    plan->down_since_ms = FO_NEVER;
    int ret = fo_job_new(config, graph, NULL, 0, &plan->job, reterr);
    if (ret == 0) {
        plan->stack = calloc(fo_graph_region_count(graph) + 1u, sizeof *plan->stack);
        ret = plan->stack ? step(plan, &(struct fo_event){.kind = FO_EVENT_START}) : -ENOMEM;
    }
    if (ret < 0) {
        (void)ex_plan_free(plan);
        return ret;
    }
    *ret_plan = plan;
    return 0;
}

struct ex_plan *ex_plan_free(struct ex_plan *plan) {
    if (!plan)
        return NULL;
    for (uint32_t i = 0; i < plan->decision_count; i++)
        free(plan->decisions[i].tasks);
    free(plan->decisions);
    free(plan->stack);
    fo_actions_done(&plan->actions, NULL);
    fo_actions_done(&plan->answers, NULL);
    (void)fo_job_free(plan->job);
    free(plan);
    return NULL;
}

/* ---- what the core asks for ---- */

static int reserve_decision(struct ex_plan *plan) {
    if (plan->decision_count < plan->decision_capacity)
        return 0;
    uint32_t capacity = plan->decision_capacity ? plan->decision_capacity * 2 : 16;
    struct decision *decisions = realloc(plan->decisions, capacity * sizeof *decisions);
    if (!decisions)
        return -ENOMEM;
    plan->decisions = decisions;
    plan->decision_capacity = capacity;
    return 0;
}

static int keep_decision(struct ex_plan *plan, const struct fo_decision *decision) {
    struct fo_task_list restarted = fo_job_decision_tasks(plan->job);
    struct fo_budget budget = fo_job_budget(plan->job, plan->now_ms);
    uint32_t count = decision->restart ? restarted.count : 0;
    int ret = reserve_decision(plan);

    if (ret < 0)
        return ret;
    uint32_t *tasks = malloc((count + 1u) * sizeof *tasks);
    if (!tasks)
        return -ENOMEM;
    if (count > 0)
        memcpy(tasks, restarted.tasks, count * sizeof *tasks);
    plan->decisions[plan->decision_count++] = (struct decision){
        .tasks = tasks,
        .shown =
            {
                .at_ms = plan->now_ms,
                .failed = plan->failing_task,
                .restart = decision->restart,
                .tasks = tasks,
                .task_count = count,
                .delay_ms = decision->restart ? decision->delay_ms : 0,
                .budget_limited = budget.limited,
                .budget_left = budget.remaining,
            },
    };
    return 0;
}

static int on_decision(struct ex_plan *plan, const struct fo_decision *decision) {
    if (!decision->restart)
        plan->sums.gave_up_ms = plan->now_ms;
    return plan->keep_decisions ? keep_decision(plan, decision) : 0;
}

static void on_job_state(struct ex_plan *plan, enum fo_job_state to) {
    bool was_down = plan->down_since_ms != FO_NEVER;

    if (to == FO_JOB_RUNNING && was_down) {
        plan->sums.downtime_ms += plan->now_ms - plan->down_since_ms;
        plan->down_since_ms = FO_NEVER;
    } else if (to == FO_JOB_RESTARTING && !was_down) {
        plan->down_since_ms = plan->now_ms;
    }
}

static int feed(struct ex_plan *plan, const struct fo_event *event) {
    return fo_job_step(plan->job, event, plan->now_ms, ex_random_next(&plan->random_state),
                       &plan->actions);
}

static int report(struct ex_plan *plan, const struct fo_action *asked, enum fo_task_state state) {
    const struct fo_event event = {
        .kind = FO_EVENT_TASK_STATE,
        .task = asked->task,
        .attempt = asked->attempt,
        .state = state,
        .cause = {.lost = {.producer = FO_NO_TASK}},
    };

    return feed(plan, &event);
}

/* Plays the engine: what is deployed runs, what is cancelled ends. */
static int answer(struct ex_plan *plan, const struct fo_action *asked) {
    int ret = 0;

    if (asked->kind == FO_ACTION_DEPLOY) {
        ret = report(plan, asked, FO_TASK_INITIALIZING);
        if (ret == 0)
            ret = report(plan, asked, FO_TASK_RUNNING);
    } else if (asked->kind == FO_ACTION_CANCEL) {
        ret = report(plan, asked, FO_TASK_CANCELED);
    } else if (asked->kind == FO_ACTION_DECISION) {
        ret = on_decision(plan, &asked->decision);
    } else if (asked->kind == FO_ACTION_JOB_STATE) {
        on_job_state(plan, asked->job_to);
    }
    /* A task that was cancelled again before it could run. */
    return ret == -ESTALE ? 0 : ret;
}

/* Feeds an event, then answers all that follows from it until nothing is left to do. */
static int step(struct ex_plan *plan, const struct fo_event *event) {
    plan->actions.count = 0;
    int ret = feed(plan, event);

    while (ret == 0 && plan->actions.count > 0) {
        struct fo_actions asked = plan->actions;
        plan->actions = plan->answers;
        plan->actions.count = 0;
        plan->answers = asked;
        for (size_t i = 0; i < asked.count && ret == 0; i++)
            ret = answer(plan, &asked.items[i]);
    }
    return ret;
}

int ex_plan_advance(struct ex_plan *plan, int64_t to_ms) {
    if (to_ms < plan->now_ms)
        return -EINVAL;
    for (int64_t due_ms = fo_next_deadline(plan->job); due_ms <= to_ms;
         due_ms = fo_next_deadline(plan->job)) {
        if (due_ms > plan->now_ms)
            plan->now_ms = due_ms;
        int ret = step(plan, &(struct fo_event){.kind = FO_EVENT_TIME});
        if (ret < 0)
            return ret;
        if (fo_next_deadline(plan->job) == due_ms)
            break; /* the job has ended: nothing changes by itself any more */
    }
    plan->now_ms = to_ms;
    return 0;
}

/* ---- what happens to the job ---- */

static bool has_ended(const struct ex_plan *plan) {
    return fo_job_state_is_terminal(fo_job_state(plan->job));
}

static int finish_task(struct ex_plan *plan, uint32_t task) {
    const struct fo_event event = {
        .kind = FO_EVENT_TASK_STATE,
        .task = task,
        .attempt = fo_job_task_attempt(plan->job, task),
        .state = FO_TASK_FINISHED,
        .cause = {.lost = {.producer = FO_NO_TASK}},
    };

    return step(plan, &event);
}

/* A producer that the region waits for; FO_NO_TASK: none. */
static uint32_t unfinished_producer(const struct ex_plan *plan, uint32_t region) {
    struct fo_task_list members = fo_graph_region_tasks(plan->graph, region);

    for (uint32_t i = 0; i < members.count; i++) {
        uint32_t task = members.tasks[i];
        struct fo_edge_list inputs =
            fo_graph_inputs(plan->graph, fo_graph_task_vertex(plan->graph, task));
        for (uint32_t e = 0; e < inputs.count; e++) {
            struct fo_task_range range = fo_graph_producers(plan->graph, inputs.edges[e], task);
            for (uint32_t p = range.first; p < range.first + range.count; p++) {
                if (fo_graph_task_region(plan->graph, p) != region &&
                    fo_job_task_state(plan->job, p) != FO_TASK_FINISHED)
                    return p;
            }
        }
    }
    return FO_NO_TASK;
}

/* Brings a task that was never deployed to run: the regions before it run and finish, those that
 * wait for nothing first. */
static int bring_to_run(struct ex_plan *plan, uint32_t task) {
    uint32_t depth = 1;
    int ret = 0;

    plan->stack[0] = fo_graph_task_region(plan->graph, task);
    while (ret == 0 && depth > 0 && fo_job_task_state(plan->job, task) == FO_TASK_CREATED) {
        uint32_t producer = unfinished_producer(plan, plan->stack[depth - 1]);
        if (producer == FO_NO_TASK)
            depth--;
        else if (fo_job_task_state(plan->job, producer) == FO_TASK_CREATED)
            plan->stack[depth++] = fo_graph_task_region(plan->graph, producer);
        else
            ret = finish_task(plan, producer);
    }
    return ret;
}

/* Before something happens to a task: is it there to be hit? */
static int prepare(struct ex_plan *plan, uint32_t task, int64_t at_ms) {
    int ret = ex_plan_advance(plan, at_ms);

    if (ret < 0)
        return ret;
    if (has_ended(plan))
        return -ESTALE;
    if (fo_job_state(plan->job) == FO_JOB_RUNNING &&
        fo_job_task_state(plan->job, task) == FO_TASK_CREATED)
        ret = bring_to_run(plan, task);
    if (ret == 0 && fo_job_task_state(plan->job, task) != FO_TASK_RUNNING)
        ret = -ESTALE;
    return ret;
}

int ex_plan_fail(struct ex_plan *plan, uint32_t task, int64_t at_ms) {
    int ret = prepare(plan, task, at_ms);

    if (ret < 0)
        return ret;
    plan->failing_task = task;
    const struct fo_event event = {
        .kind = FO_EVENT_TASK_STATE,
        .task = task,
        .attempt = fo_job_task_attempt(plan->job, task),
        .state = FO_TASK_FAILED,
        .cause = {.lost = {.producer = FO_NO_TASK}},
    };
    return step(plan, &event);
}

int ex_plan_fail_globally(struct ex_plan *plan, int64_t at_ms) {
    int ret = ex_plan_advance(plan, at_ms);

    if (ret < 0)
        return ret;
    if (has_ended(plan))
        return -ESTALE;
    plan->failing_task = FO_NO_TASK;
    const struct fo_event event = {
        .kind = FO_EVENT_GLOBAL_FAILURE,
        .task = FO_NO_TASK,
        .cause = {.lost = {.producer = FO_NO_TASK}},
    };
    return step(plan, &event);
}

int ex_plan_finish(struct ex_plan *plan, uint32_t task, int64_t at_ms) {
    int ret = prepare(plan, task, at_ms);

    return ret < 0 ? ret : finish_task(plan, task);
}

int ex_plan_lose_partitions(struct ex_plan *plan, uint32_t producer, int64_t at_ms) {
    uint32_t vertex = fo_graph_task_vertex(plan->graph, producer);
    struct fo_edge_list outputs = fo_graph_outputs(plan->graph, vertex);
    int ret = ex_plan_advance(plan, at_ms);

    if (ret == 0 && has_ended(plan))
        ret = -ESTALE;
    for (uint32_t i = 0; i < outputs.count && ret == 0; i++) {
        const struct fo_event event = {
            .kind = FO_EVENT_PARTITION_LOST,
            .partition = {.producer = producer, .edge = outputs.edges[i]},
        };
        ret = step(plan, &event);
    }
    return ret;
}

/* ---- reading ---- */

const struct fo_job *ex_plan_job(const struct ex_plan *plan) {
    return plan->job;
}

uint32_t ex_plan_decision_count(const struct ex_plan *plan) {
    return plan->decision_count;
}

struct ex_plan_decision ex_plan_decision(const struct ex_plan *plan, uint32_t index) {
    return plan->decisions[index].shown;
}

struct ex_plan_sums ex_plan_sums(const struct ex_plan *plan) {
    struct ex_plan_sums sums = plan->sums;

    sums.restarts = fo_job_restarts(plan->job);
    sums.restarted_tasks = fo_job_restarted_tasks(plan->job);
    if (plan->down_since_ms != FO_NEVER)
        sums.downtime_ms += plan->now_ms - plan->down_since_ms;
    return sums;
}
