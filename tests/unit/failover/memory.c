/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation fails once: what fails leaves everything as it was, and when it is asked again
 * the story ends as it does with plenty of memory. */
#include <errno.h>
#include <stdlib.h>

#include "tests/unit/failover/stage.h"

/* ---- an allocator that fails once ----------------------------------------------------------- */

struct meagre {
    unsigned calls;
    unsigned failing; /* the call that fails; 0 = none */
    long blocks;      /* out and not back */
};

static void *resize_meagre(void *ctx, void *memory, size_t size) {
    struct meagre *meagre = ctx;

    if (size == 0) {
        meagre->blocks -= memory != NULL;
        free(memory);
        return NULL;
    }
    if (++meagre->calls == meagre->failing)
        return NULL;
    /* Always moved, so that a stale pointer is noticed by the sanitizer. */
    void *fresh = malloc(size);
    assert_non_null(fresh);
    meagre->blocks += memory == NULL;
    if (memory) {
        void *grown = realloc(memory, size);
        assert_non_null(grown);
        memcpy(fresh, grown, size);
        free(grown);
    }
    return fresh;
}

/* ---- the story ------------------------------------------------------------------------------ */

static const struct fo_vertex_spec vertices[] = {{{"a", 1}, 2}, {{"b", 1}, 2}, {{"c", 1}, 2}};
static const struct fo_edge_spec edges[] = {{0, 1, FO_PIPELINED, FO_POINTWISE, 0},
                                            {1, 2, FO_BLOCKING, FO_ALL_TO_ALL, 0},
                                            {0, 2, FO_HYBRID_FULL, FO_POINTWISE, 0}};
static const struct fo_graph_spec spec = {vertices, 3, edges, 3};
static const struct fo_str quota = {"quota", 5};
static const struct fo_match match = {{"category", 8}, &quota, 1};
static const struct fo_label label = {{"category", 8}, {"quota", 5}};
static const struct fo_policy policy = {
    .matches = &match,
    .match_count = 1,
    .action = FO_POLICY_STRATEGY,
    .strategy = {.kind = FO_STRATEGY_FAILURE_RATE, .failure_rate = {9, 1000, 1}}};
static const struct fo_job_config config = {
    .restart_strategy = {.kind = FO_STRATEGY_FAILURE_RATE, .failure_rate = {4, 1000, 2}},
    .policies = &policy,
    .policy_count = 1,
    .history_size = 2};

#define REPORT(task_, attempt_, state_)                                                            \
    {                                                                                              \
        .kind = FO_EVENT_TASK_STATE, .task = (task_), .attempt = (attempt_), .state = (state_),    \
        .cause.lost.producer = FO_NO_TASK                                                          \
    }
#define AT(ms_, kind_)                                                                             \
    { .kind = (kind_), .task = FO_NO_TASK, .cause.lost.producer = FO_NO_TASK, .attempt = (ms_) }

/* `attempt` of an event that is not a report is its time. */
static const struct fo_event story[] = {
    AT(0, FO_EVENT_START),
    REPORT(0, 0, FO_TASK_RUNNING),
    REPORT(1, 0, FO_TASK_RUNNING),
    REPORT(0, 0, FO_TASK_FAILED),
    REPORT(1, 0, FO_TASK_FAILED),
    REPORT(2, 0, FO_TASK_CANCELED),
    REPORT(3, 0, FO_TASK_CANCELED),
    AT(2, FO_EVENT_TIME),
    REPORT(0, 1, FO_TASK_FINISHED),
    REPORT(1, 1, FO_TASK_FINISHED),
    REPORT(2, 1, FO_TASK_FINISHED),
    REPORT(3, 1, FO_TASK_FINISHED),
    {.kind = FO_EVENT_PARTITION_LOST, .partition = {3, 1}, .attempt = 3},
    {.kind = FO_EVENT_TASK_STATE,
     .task = 4,
     .attempt = 0,
     .state = FO_TASK_FAILED,
     .cause = {.lost = {FO_NO_TASK, 0}, .labels = &label, .label_count = 1}},
    REPORT(5, 0, FO_TASK_CANCELED),
    AT(9, FO_EVENT_TIME),
    AT(10, FO_EVENT_GLOBAL_FAILURE),
    AT(11, FO_EVENT_RESTART),
    REPORT(1, 2, FO_TASK_CANCELED),
    REPORT(3, 2, FO_TASK_CANCELED),
    AT(20, FO_EVENT_TIME),
    AT(21, FO_EVENT_GLOBAL_FAILURE),
    AT(22, FO_EVENT_GLOBAL_FAILURE),
};

/* ---- what a job looks like from outside ------------------------------------------------------ */

struct looks {
    enum fo_job_state state;
    int64_t deadline_ms;
    int64_t next_restart_ms;
    uint64_t restarts;
    uint64_t restarted_tasks;
    struct fo_budget budget;
    uint32_t history;
    uint32_t concurrent;
    enum fo_task_state states[6];
    uint32_t attempts[6];
};

static void look(const struct fo_job *job, struct looks *ret_looks) {
    memset(ret_looks, 0, sizeof *ret_looks);
    ret_looks->state = fo_job_state(job);
    ret_looks->deadline_ms = fo_next_deadline(job);
    ret_looks->next_restart_ms = fo_job_next_restart_ms(job);
    ret_looks->restarts = fo_job_restarts(job);
    ret_looks->restarted_tasks = fo_job_restarted_tasks(job);
    struct fo_budget budget = fo_job_budget(job, 0);
    ret_looks->budget.limited = budget.limited;
    ret_looks->budget.remaining = budget.remaining;
    ret_looks->budget.resets_at_ms = budget.resets_at_ms;
    ret_looks->history = fo_job_history_count(job);
    for (uint32_t i = 0; i < ret_looks->history; i++)
        ret_looks->concurrent += fo_job_history(job, i).concurrent_count;
    for (uint32_t task = 0; task < 6; task++) {
        ret_looks->states[task] = fo_job_task_state(job, task);
        ret_looks->attempts[task] = fo_job_task_attempt(job, task);
    }
}

/* ---- telling it ------------------------------------------------------------------------------ */

struct telling {
    struct meagre meagre;
    struct fo_allocator allocator;
    struct fo_graph *graph;
    struct fo_job *job;
    struct fo_actions actions;
    uint32_t kinds[FO_ACTION_RECOVERED + 1]; /* of all actions */
    uint32_t refusals;
    struct looks end;
};

static int step(struct telling *telling, const struct fo_event *event, int64_t now_ms) {
    struct looks before;
    struct looks after;
    size_t count = telling->actions.count;

    look(telling->job, &before);
    int rc = fo_job_step(telling->job, event, now_ms, 0, &telling->actions);
    if (rc == -ENOMEM) {
        look(telling->job, &after);
        assert_memory_equal(&before, &after, sizeof before);
        assert_int_equal(telling->actions.count, count);
        telling->refusals++;
        rc = fo_job_step(telling->job, event, now_ms, 0, &telling->actions);
    }
    return rc;
}

static void tell_event(struct telling *telling, const struct fo_event *event, int64_t *now_ms) {
    const struct fo_event time = {.kind = FO_EVENT_TIME};

    if (event->kind != FO_EVENT_TASK_STATE)
        *now_ms = event->attempt;
    assert_int_equal(step(telling, event, *now_ms), 0);
    /* Deployment that found no memory asks for a step at once. */
    if (fo_next_deadline(telling->job) <= *now_ms) {
        telling->refusals++;
        assert_int_equal(step(telling, &time, *now_ms), 0);
    }
    for (size_t i = 0; i < telling->actions.count; i++)
        telling->kinds[telling->actions.items[i].kind]++;
    telling->actions.count = 0;
}

static void make(struct telling *telling) {
    struct fo_error error;

    telling->allocator = (struct fo_allocator){resize_meagre, &telling->meagre};
    int rc = fo_graph_new(&spec, &telling->allocator, &telling->graph, &error);
    if (rc == -ENOMEM) {
        telling->refusals++;
        assert_null(telling->graph);
        assert_int_equal(telling->meagre.blocks, 0);
        rc = fo_graph_new(&spec, &telling->allocator, &telling->graph, &error);
    }
    assert_int_equal(rc, 0);
    long blocks = telling->meagre.blocks;
    rc = fo_job_new(&config, telling->graph, &telling->allocator, 0, &telling->job, &error);
    if (rc == -ENOMEM) {
        telling->refusals++;
        assert_null(telling->job);
        assert_int_equal(telling->meagre.blocks, blocks);
        rc = fo_job_new(&config, telling->graph, &telling->allocator, 0, &telling->job, &error);
    }
    assert_int_equal(rc, 0);
}

static void tell(struct telling *telling, unsigned failing) {
    int64_t now_ms = 0;

    memset(telling, 0, sizeof *telling);
    telling->meagre.failing = failing;
    make(telling);
    for (size_t i = 0; i < sizeof story / sizeof *story; i++)
        tell_event(telling, &story[i], &now_ms);
    look(telling->job, &telling->end);
    fo_actions_done(&telling->actions, &telling->allocator);
    telling->job = fo_job_free(telling->job);
    telling->graph = fo_graph_unref(telling->graph);
    assert_int_equal(telling->meagre.blocks, 0);
}

static void test_each_allocation_fails_once(void **state) {
    static struct telling plenty;
    static struct telling meagre;

    (void)state;
    tell(&plenty, 0);
    assert_int_equal(plenty.refusals, 0);
    assert_int_equal(plenty.end.state, FO_JOB_FAILING);
    assert_true(plenty.kinds[FO_ACTION_WITHDRAW] > 0 && plenty.kinds[FO_ACTION_DECISION] > 4);
    for (unsigned failing = 1; failing <= plenty.meagre.calls; failing++) {
        tell(&meagre, failing);
        assert_int_equal(meagre.refusals, 1);
        assert_memory_equal(&meagre.end, &plenty.end, sizeof plenty.end);
        assert_memory_equal(meagre.kinds, plenty.kinds, sizeof plenty.kinds);
    }
}

/* ---- a saved job ------------------------------------------------------------------------------
 */

struct saved {
    char bytes[4096];
    size_t len;
};

static int keep(void *ctx, const void *bytes, size_t size) {
    struct saved *saved = ctx;

    assert_true(size <= sizeof saved->bytes - saved->len);
    memcpy(saved->bytes + saved->len, bytes, size);
    saved->len += size;
    return 0;
}

/* In the middle of the story, where failures, restarts and history are there to be read. */
static void test_restore_without_memory(void **state) {
    static struct telling telling;
    static struct saved saved;
    int64_t now_ms = 0;
    int rc = -ENOMEM;

    (void)state;
    make(&telling);
    for (size_t i = 0; i < 17; i++)
        tell_event(&telling, &story[i], &now_ms);
    assert_int_equal(fo_job_save(telling.job, keep, &saved), 0);
    struct fo_str bytes = {saved.bytes, saved.len};
    long blocks = telling.meagre.blocks;
    unsigned attempts = 0;
    while (rc == -ENOMEM) {
        struct fo_job *job = NULL;
        telling.meagre.calls = 0;
        telling.meagre.failing = ++attempts;
        rc = fo_job_restore(&config, telling.graph, &telling.allocator, 50, bytes, &job);
        assert_true((rc == 0) == (job != NULL));
        (void)fo_job_free(job);
        assert_int_equal(telling.meagre.blocks, blocks);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(attempts, telling.meagre.calls + 1); /* no lack went unnoticed */
    assert_true(attempts > 20);
    telling.meagre.failing = 0;
    fo_actions_done(&telling.actions, &telling.allocator);
    (void)fo_job_free(telling.job);
    (void)fo_graph_unref(telling.graph);
}

/* Two regions that wait on each other are one; finding that out takes memory. */
static void test_circle_without_memory(void **state) {
    static const struct fo_vertex_spec four[] = {
        {{"a", 1}, 1}, {{"b", 1}, 1}, {{"c", 1}, 1}, {{"d", 1}, 1}};
    static const struct fo_edge_spec crossed[] = {{0, 3, FO_PIPELINED, FO_POINTWISE, 0},
                                                  {1, 2, FO_PIPELINED, FO_POINTWISE, 0},
                                                  {0, 1, FO_BLOCKING, FO_POINTWISE, 0},
                                                  {2, 3, FO_BLOCKING, FO_POINTWISE, 0}};
    static const struct fo_graph_spec circle = {four, 4, crossed, 4};
    struct meagre meagre = {.failing = 0};
    const struct fo_allocator allocator = {resize_meagre, &meagre};
    struct fo_graph *graph = NULL;

    (void)state;
    while (!graph) {
        meagre.calls = 0;
        meagre.failing++;
        int rc = fo_graph_new(&circle, &allocator, &graph, NULL);
        assert_int_equal(rc, graph ? 0 : -ENOMEM);
    }
    assert_int_equal(meagre.failing, meagre.calls + 1);
    assert_int_equal(fo_graph_region_count(graph), 1);
    (void)fo_graph_unref(graph);
    assert_int_equal(meagre.blocks, 0);
}

static void test_strategy_without_memory(void **state) {
    struct meagre meagre = {.failing = 1};
    const struct fo_allocator allocator = {resize_meagre, &meagre};
    struct fo_strategy *strategy = NULL;

    (void)state;
    assert_int_equal(fo_strategy_new(&config.restart_strategy, &allocator, &strategy), -ENOMEM);
    assert_null(strategy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_fails_once),
        cmocka_unit_test(test_restore_without_memory),
        cmocka_unit_test(test_circle_without_memory),
        cmocka_unit_test(test_strategy_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
