/* SPDX-License-Identifier: Apache-2.0 */
/* A job out of bytes: read in the order in which save.c writes, into a fresh job, with nothing
 * believed; then what ran is ended, unless it runs on elsewhere, and what must run again is made to
 * wait for its restart. */
#include <errno.h>

#include "failover/codec.h"
#include "failover/job.h"
#include "failover/memory.h"
#include "failover/sort.h"

struct restoring {
    struct fo_reader reader;
    struct fo_job *job;
    int64_t now_ms;
    int64_t saved_ms;     /* the time of the job when it was saved */
    bool runs_on;         /* what ran when it was saved still does */
    bool *is_interrupted; /* task -> it ran, and is to run again */
    bool no_memory;
};

static void refuse(struct restoring *it) {
    it->reader.is_bad = true;
}

static bool is_going(const struct restoring *it) {
    return !it->reader.is_bad && !it->no_memory;
}

/* A moment that was to come is still to come, or comes now if it has passed; after a clock that was
 * set back it is not farther away than it was when the job was saved. */
static int64_t keep_due(const struct restoring *it, int64_t at_ms) {
    int64_t left_ms = fo_ms_subtract(at_ms, it->saved_ms);
    int64_t latest_ms = left_ms > 0 ? fo_ms_add(it->now_ms, left_ms) : it->now_ms;

    if (at_ms <= it->now_ms)
        return it->now_ms;
    return at_ms < latest_ms ? at_ms : latest_ms;
}

/* A moment that had passed has, whatever the clock says now. */
static int64_t keep_past(const struct restoring *it, int64_t at_ms) {
    return at_ms < it->now_ms ? at_ms : it->now_ms;
}

/* ---- reading ------------------------------------------------------------------------------ */

static void read_frame(struct restoring *it) {
    const struct fo_graph *graph = it->job->graph;
    const uint32_t expected[] = {FO_SAVE_MAGIC,     FO_SAVE_VERSION,   graph->vertex_count,
                                 graph->edge_count, graph->task_count, graph->region_count};

    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (fo_read_u32(&it->reader) != expected[i])
            refuse(it);
    }
}

static void read_job(struct restoring *it) {
    struct fo_reader *reader = &it->reader;
    struct fo_job *job = it->job;

    it->saved_ms = fo_read_i64(reader);
    job->state = (enum fo_job_state)fo_read_u8_below(reader, FO_JOB_STATE_COUNT);
    job->state_before_suspend = (enum fo_job_state)fo_read_u8_below(reader, FO_JOB_STATE_COUNT);
    job->is_paused = fo_read_u8_below(reader, 2);
    for (unsigned state = 0; state < FO_JOB_STATE_COUNT; state++)
        job->since_ms[state] = fo_read_i64(reader);
    job->last_serial = fo_read_u64(reader);
    job->decisions = fo_read_u64(reader);
    job->restarts_made = fo_read_u64(reader);
    job->restarted_tasks = fo_read_u64(reader);
    job->end_failure_id = fo_read_u64(reader);
    job->incident.is_open = fo_read_u8_below(reader, 2);
    job->incident.id = fo_read_u64(reader);
    job->incident.began_ms = fo_read_i64(reader);
    job->incident.first_serial = fo_read_u64(reader);
    job->is_mirror = fo_read_u8_below(reader, 2);
    job->mirror_failed_ms = fo_read_i64(reader);
    if (job->last_serial > INT64_MAX || job->incident.first_serial > job->last_serial + 1)
        refuse(it);
}

static void set_task(struct restoring *it, uint32_t task, enum fo_task_state state) {
    struct fo_job *job = it->job;
    enum fo_task_state from = (enum fo_task_state)job->states[task];

    fo_task_put(job, task, state);
    fo_gates_task_changed(&job->gates, task, from, state);
}

/* What neither waits to be started nor has ended was interrupted, unless it runs on; in a suspended
 * job, what was stopped by that. */
static void read_task(struct restoring *it, uint32_t task, enum fo_task_state state) {
    it->job->notes[task] = it->job->versions[task];
    if (it->job->is_mirror) {
        fo_task_put(it->job, task, state);
        return;
    }
    bool was_live = state != FO_TASK_CREATED && !fo_task_state_is_terminal(state);
    bool is_suspended = it->job->state == FO_JOB_SUSPENDED;
    bool was_stopped =
        is_suspended && (state == FO_TASK_CANCELED || (it->runs_on && state == FO_TASK_CANCELING));

    it->is_interrupted[task] = was_stopped || (was_live && !it->runs_on);
    set_task(it, task, was_live && !it->runs_on ? FO_TASK_CANCELED : state);
}

static void read_tasks(struct restoring *it) {
    struct fo_job *job = it->job;
    uint32_t tasks = job->graph->task_count;

    for (uint32_t task = 0, count = 0; is_going(it) && task < tasks; task += count) {
        count = fo_read_u32_below(&it->reader, tasks - task + 1);
        uint8_t state = fo_read_u8_below(&it->reader, FO_TASK_STATE_COUNT);
        uint32_t attempt = fo_read_u32(&it->reader);
        uint64_t version = fo_read_u64(&it->reader);
        if (count == 0 || version > job->last_serial)
            refuse(it);
        for (uint32_t i = task; is_going(it) && i < task + count; i++) {
            job->attempts[i] = attempt;
            job->versions[i] = version;
            read_task(it, i, (enum fo_task_state)state);
        }
    }
}

static bool is_listed(const struct fo_job *job, uint32_t task, uint32_t count) {
    return job->notes[task] < count && job->failures[job->notes[task]].task == task;
}

/* Every FAILED task has one failure, and nothing else has. */
static void read_failures(struct restoring *it) {
    struct fo_job *job = it->job;
    uint32_t count = fo_read_u32(&it->reader);

    if (!is_going(it) || count != (job->is_mirror ? 0 : job->counts[FO_TASK_FAILED])) {
        refuse(it);
        return;
    }
    job->failures = fo_array_new(&job->allocator, count, sizeof *job->failures);
    it->no_memory = !job->failures;
    job->failure_capacity = count ? count : 1;
    for (uint32_t i = 0; is_going(it) && i < count; i++) {
        uint32_t task = fo_read_u32_below(&it->reader, job->graph->task_count);
        uint64_t failure_id = fo_read_u64(&it->reader);
        int64_t at_ms = fo_read_i64(&it->reader);
        bool is_known = is_listed(job, task, i);
        if (job->states[task] != FO_TASK_FAILED || is_known)
            refuse(it);
        else
            fo_failures_add(job, task, failure_id);
        if (is_going(it))
            job->failures[i].at_ms = at_ms;
    }
}

static void read_lost(struct restoring *it) {
    struct fo_lost *lost = &it->job->lost;
    uint64_t count = fo_read_u64(&it->reader);

    for (uint64_t i = 0; is_going(it) && i < count; i++) {
        struct fo_partition partition = {.producer = fo_read_u32(&it->reader)};
        partition.edge = fo_read_u32(&it->reader);
        if (!fo_partition_is_valid(it->job->graph, partition))
            refuse(it);
        else if (fo_lost_reserve(lost, partition) != 0)
            it->no_memory = true;
        else
            fo_lost_add(lost, partition);
    }
}

/* ---- restarts that wait --------------------------------------------------------------------- */

static bool version_is_before(const void *ctx, uint32_t a, uint32_t b) {
    const uint64_t *versions = ctx;

    return versions[a] != versions[b] ? versions[a] < versions[b] : a < b;
}

/* It waits for those of its tasks that have yet to end; that it also waited for tasks which a later
 * decision took from it is forgotten. */
static void add_restart(struct restoring *it, uint64_t serial, int64_t due_ms,
                        struct fo_task_list tasks) {
    struct fo_restarts *restarts = &it->job->restarts;

    if (fo_restarts_reserve(restarts, fo_restarts_count_runs(tasks)) != 0) {
        it->no_memory = true;
        return;
    }
    struct fo_restart *restart = fo_restarts_add(restarts, serial, due_ms, tasks);
    for (uint32_t i = 0; i < tasks.count; i++)
        restart->live += it->job->states[tasks.tasks[i]] == FO_TASK_CANCELING;
}

static bool can_wait(const struct restoring *it, uint32_t task) {
    enum fo_task_state state = (enum fo_task_state)it->job->states[task];

    return fo_task_state_is_terminal(state) || state == FO_TASK_CANCELING;
}

/* Takes the tasks that carry `serial` from the head of `left`; all of them must have ended or be
 * about to. */
static struct fo_task_list take_tasks(struct restoring *it, struct fo_task_list *left,
                                      uint64_t serial) {
    const struct fo_job *job = it->job;
    struct fo_task_list taken = {left->tasks, 0};

    while (left->count > 0 && job->versions[left->tasks[0]] < serial) {
        left->tasks++;
        left->count--;
    }
    taken.tasks = left->tasks;
    while (left->count > 0 && job->versions[left->tasks[0]] == serial) {
        if (!can_wait(it, left->tasks[0]))
            refuse(it);
        it->is_interrupted[left->tasks[0]] = false;
        left->tasks++;
        left->count--;
        taken.count++;
    }
    return taken;
}

static void read_restarts(struct restoring *it) {
    struct fo_job *job = it->job;
    uint32_t tasks = job->graph->task_count;
    uint32_t count = fo_read_u32(&it->reader);
    uint64_t last = 0;

    if (!is_going(it) || count == 0)
        return;
    uint32_t *sorted = fo_array_new(&job->allocator, tasks, sizeof *sorted);
    it->no_memory = !sorted;
    for (uint32_t task = 0; sorted && task < tasks; task++)
        sorted[task] = task;
    if (sorted)
        fo_sort(sorted, tasks, version_is_before, job->versions);
    struct fo_task_list left = {sorted, tasks};
    for (uint32_t i = 0; is_going(it) && i < count; i++) {
        uint64_t serial = fo_read_u64(&it->reader);
        int64_t due_ms = keep_due(it, fo_read_i64(&it->reader));
        struct fo_task_list taken = take_tasks(it, &left, serial);
        if (serial <= last || serial > job->last_serial || taken.count == 0)
            refuse(it);
        if (is_going(it))
            add_restart(it, serial, due_ms, taken);
        last = serial;
    }
    fo_memory_free(&job->allocator, sorted);
}

/* ---- strategies and history ----------------------------------------------------------------- */

static void read_times(struct restoring *it, struct fo_strategy *strategy, bool is_kept) {
    uint32_t count = fo_read_u32(&it->reader);

    for (uint32_t i = 0; is_going(it) && i < count; i++) {
        int64_t at_ms = keep_past(it, fo_read_i64(&it->reader));
        if (!is_kept || it->reader.is_bad)
            continue;
        if (fo_strategy_reserve(strategy) != 0)
            it->no_memory = true;
        else
            (void)fo_strategy_notify_failure(strategy, at_ms, 0);
    }
}

static void read_exponential(struct restoring *it, struct fo_strategy *strategy, bool is_kept) {
    uint32_t attempt = fo_read_u32_below(&it->reader, (uint32_t)INT32_MAX + 1);
    bool notified = fo_read_u8_below(&it->reader, 2);
    int64_t next_restart_ms = fo_read_i64(&it->reader);

    if (!is_kept)
        return;
    strategy->exponential_delay.attempt = (int32_t)attempt;
    strategy->exponential_delay.notified = notified;
    strategy->exponential_delay.next_restart_ms = next_restart_ms > it->saved_ms
                                                      ? keep_due(it, next_restart_ms)
                                                      : keep_past(it, next_restart_ms);
}

/* A strategy whose kind has changed begins anew; `strategy` may be NULL, to skip one. */
static void read_strategy(struct restoring *it, struct fo_strategy *strategy) {
    uint8_t kind = fo_read_u8_below(&it->reader, FO_STRATEGY_EXPONENTIAL_DELAY + 1);
    bool is_kept = strategy && (uint8_t)strategy->config.kind == kind;

    switch ((enum fo_strategy_kind)kind) {
    case FO_STRATEGY_NONE:
        break;
    case FO_STRATEGY_FIXED_DELAY: {
        uint32_t failures = fo_read_u32_below(&it->reader, (uint32_t)INT32_MAX + 1);
        if (is_kept)
            strategy->fixed_delay.failures = (int32_t)failures;
        break;
    }
    case FO_STRATEGY_FAILURE_RATE:
        read_times(it, strategy, is_kept);
        break;
    case FO_STRATEGY_EXPONENTIAL_DELAY:
        read_exponential(it, strategy, is_kept);
        break;
    }
}

/* The strategies of policies are kept only while there are as many policies as before. */
static void read_strategies(struct restoring *it) {
    struct fo_policies *policies = &it->job->policies;
    uint32_t count = fo_read_u32(&it->reader);

    for (uint32_t i = 0; is_going(it) && i < count; i++) {
        if (i == 0)
            read_strategy(it, &it->job->strategy);
        else if (count == policies->count + 1 &&
                 policies->items[i - 1].action == FO_POLICY_STRATEGY)
            read_strategy(it, &policies->strategies[i - 1]);
        else
            read_strategy(it, NULL);
    }
}

static struct fo_history_entry read_entry(struct restoring *it) {
    struct fo_history_entry entry = {.failure_id = fo_read_u64(&it->reader)};

    entry.at_ms = fo_read_i64(&it->reader);
    entry.task = fo_read_u32(&it->reader);
    entry.attempt = fo_read_u32(&it->reader);
    if (entry.task != FO_NO_TASK && entry.task >= it->job->graph->task_count)
        refuse(it);
    return entry;
}

static void read_history(struct restoring *it) {
    struct fo_history *history = &it->job->history;
    uint32_t roots = fo_read_u32(&it->reader);

    for (uint32_t i = 0; is_going(it) && i < roots; i++) {
        struct fo_history_entry entry = read_entry(it);
        uint32_t concurrent = fo_read_u32(&it->reader);
        it->no_memory = fo_history_reserve(history, 0) != 0;
        if (is_going(it))
            fo_history_add_root(history, &entry);
        for (uint32_t j = 0; is_going(it) && j < concurrent; j++) {
            entry = read_entry(it);
            it->no_memory = fo_history_reserve(history, 1) != 0;
            if (is_going(it))
                fo_history_add_concurrent(history, &entry);
        }
    }
}

/* ---- taking up the work ---------------------------------------------------------------------- */

static bool is_waiting(struct fo_job *job, uint32_t task) {
    return fo_restarts_find(&job->restarts, job->versions[task]) != NULL;
}

/* The tasks of all regions that a failure of what was interrupted would involve. */
static uint32_t find_involved(struct restoring *it, uint32_t *tasks) {
    static const struct fo_partition no_partition = {FO_NO_TASK, 0};
    struct fo_job *job = it->job;

    fo_walk_begin(&job->walk, no_partition);
    for (uint32_t task = 0; task < job->graph->task_count; task++) {
        if (it->is_interrupted[task])
            fo_walk_add(&job->walk, task);
    }
    (void)fo_walk_run(&job->walk);
    return fo_walk_tasks(&job->walk, job->states, tasks);
}

/* Restarts what was interrupted, with all that must restart with it, but for what waits for a
 * restart anyway. */
static void restart_interrupted(struct restoring *it, uint32_t *tasks) {
    struct fo_job *job = it->job;
    uint32_t involved = find_involved(it, tasks);
    uint32_t count = 0;

    for (uint32_t i = 0; i < involved; i++) {
        if (!is_waiting(job, tasks[i]))
            tasks[count++] = tasks[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!can_wait(it, tasks[i]))
            refuse(it);
    }
    if (count == 0 || it->reader.is_bad)
        return;
    job->last_serial++;
    for (uint32_t i = 0; i < count; i++)
        job->versions[tasks[i]] = job->last_serial;
    add_restart(it, job->last_serial, it->now_ms, (struct fo_task_list){tasks, count});
    job->state = FO_JOB_RESTARTING;
}

static void take_up(struct restoring *it) {
    struct fo_job *job = it->job;
    uint32_t *tasks = fo_array_new(&job->allocator, job->graph->task_count, sizeof *tasks);

    it->no_memory = !tasks;
    if (tasks)
        restart_interrupted(it, tasks);
    fo_memory_free(&job->allocator, tasks);
    fo_gates_enqueue_all(&job->gates);
}

static void count_incident(struct fo_job *job) {
    for (uint32_t task = 0; job->incident.is_open && task < job->graph->task_count; task++)
        job->incident.unwell += job->versions[task] >= job->incident.first_serial &&
                                job->states[task] != FO_TASK_FINISHED &&
                                job->states[task] != FO_TASK_RUNNING;
}

/* Whether what was read fits together, as far as the core relies on it. */
static void check_states(struct restoring *it) {
    const struct fo_job *job = it->job;
    uint32_t created = job->counts[FO_TASK_CREATED];

    if (job->is_mirror) { /* as its master said: any state; nothing waits here */
        if (job->restarts.count > 0)
            refuse(it);
        return;
    }
    bool is_running = job->state == FO_JOB_RUNNING || job->state == FO_JOB_RESTARTING;

    if (fo_job_cell(job->state, FO_IN_TIME).verdict == FO_JOB_CELL_NEVER ||
        job->state == FO_JOB_SUSPENDED)
        refuse(it);
    if ((job->restarts.count > 0) != (job->state == FO_JOB_RESTARTING))
        refuse(it);
    if (job->state == FO_JOB_CREATED ? created != job->graph->task_count
                                     : created > 0 && !is_running)
        refuse(it);
}

static void read_all(struct restoring *it) {
    struct fo_job *job = it->job;

    read_frame(it);
    if (is_going(it))
        read_job(it);
    if (is_going(it))
        read_tasks(it);
    if (is_going(it))
        read_failures(it);
    if (is_going(it))
        read_lost(it);
    if (is_going(it))
        read_restarts(it);
    if (is_going(it))
        read_strategies(it);
    if (is_going(it))
        read_history(it);
    if (it->reader.left > 0)
        refuse(it);
    if (is_going(it) && job->state == FO_JOB_SUSPENDED && !job->is_mirror)
        job->state = job->state_before_suspend;
}

static int restore(struct restoring *it) {
    struct fo_job *job = it->job;

    it->is_interrupted =
        fo_array_new(&job->allocator, job->graph->task_count, sizeof *it->is_interrupted);
    it->no_memory = !it->is_interrupted;
    if (is_going(it))
        read_all(it);
    if (is_going(it))
        check_states(it);
    bool goes_on = job->state == FO_JOB_RUNNING || job->state == FO_JOB_RESTARTING;
    if (is_going(it) && goes_on && !job->is_mirror)
        take_up(it);
    fo_memory_free(&job->allocator, it->is_interrupted);
    if (it->no_memory)
        return -ENOMEM;
    count_incident(job);
    job->is_restored = !job->is_mirror;
    return it->reader.is_bad ? -EINVAL : 0;
}

static int make_again(struct restoring *it, const struct fo_job_config *config,
                      struct fo_graph *graph, const struct fo_allocator *allocator,
                      struct fo_job **ret_job) {
    int rc = fo_job_new(config, graph, allocator, it->now_ms, &it->job, NULL);

    if (rc != 0)
        return rc;
    rc = restore(it);
    if (rc == 0)
        *ret_job = it->job;
    else
        (void)fo_job_free(it->job);
    return rc;
}

int fo_job_restore(const struct fo_job_config *config, struct fo_graph *graph,
                   const struct fo_allocator *allocator, int64_t now_ms, struct fo_str saved,
                   struct fo_job **ret_job) {
    struct restoring it = {.now_ms = now_ms,
                           .reader = {(const uint8_t *)saved.ptr, saved.len, false}};

    return make_again(&it, config, graph, allocator, ret_job);
}

int fo_job_restore_running(const struct fo_job_config *config, struct fo_graph *graph,
                           const struct fo_allocator *allocator, int64_t now_ms,
                           struct fo_str saved, struct fo_job **ret_job) {
    struct restoring it = {.now_ms = now_ms,
                           .reader = {(const uint8_t *)saved.ptr, saved.len, false},
                           .runs_on = true};

    return make_again(&it, config, graph, allocator, ret_job);
}
