/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/failover/model.h"

#include <errno.h>

/* ---- the graph ---------------------------------------------------------------------------- */

static bool is_connected(const struct fo_edge_spec *edge, uint64_t s, uint64_t t, uint64_t p,
                         uint64_t c) {
    if (edge->pattern == FO_ALL_TO_ALL)
        return true;
    if (s >= t)
        return p >= c * s / t && p < (c + 1) * s / t;
    return c >= (p * t + s - 1) / s && c < ((p + 1) * t + s - 1) / s;
}

static bool must_be_pipelined(enum fo_exchange exchange) {
    return exchange == FO_PIPELINED || exchange == FO_PIPELINED_BOUNDED;
}

static void add_channels(struct mo_job *job, uint32_t edge, uint32_t first_from,
                         uint32_t first_to) {
    const struct fo_edge_spec *spec = &job->spec->edges[edge];
    uint32_t s = job->spec->vertices[spec->from].parallelism;
    uint32_t t = job->spec->vertices[spec->to].parallelism;

    for (uint32_t p = 0; p < s; p++) {
        for (uint32_t c = 0; c < t; c++) {
            if (is_connected(spec, s, t, p, c))
                job->channels[job->channel_count++] =
                    (struct mo_channel){first_from + p, first_to + c, edge, spec->exchange};
        }
    }
}

static void unite(struct mo_job *job, uint32_t a, uint32_t b) {
    uint32_t from = job->region[a] > job->region[b] ? job->region[a] : job->region[b];
    uint32_t to = job->region[a] > job->region[b] ? job->region[b] : job->region[a];

    for (uint32_t task = 0; task < job->task_count; task++) {
        if (job->region[task] == from)
            job->region[task] = to;
    }
}

/* Logical regions, the tasks of which are united where an all-to-all edge lies inside. */
static void unite_whole(struct mo_job *job) {
    uint32_t logical[MO_TASKS];
    uint32_t vertices = job->spec->vertex_count;

    for (uint32_t v = 0; v < vertices; v++)
        logical[v] = v;
    for (uint32_t round = 0; round < vertices; round++) {
        for (uint32_t e = 0; e < job->spec->edge_count; e++) {
            const struct fo_edge_spec *edge = &job->spec->edges[e];
            uint32_t low =
                logical[edge->from] < logical[edge->to] ? logical[edge->from] : logical[edge->to];
            if (must_be_pipelined(edge->exchange))
                logical[edge->from] = logical[edge->to] = low;
        }
    }
    for (uint32_t e = 0; e < job->spec->edge_count; e++) {
        const struct fo_edge_spec *edge = &job->spec->edges[e];
        if (edge->pattern != FO_ALL_TO_ALL || logical[edge->from] != logical[edge->to])
            continue;
        uint32_t first = MO_TASKS;
        for (uint32_t task = 0; task < job->task_count; task++) {
            if (logical[job->vertex_of[task]] != logical[edge->from])
                continue;
            first = first == MO_TASKS ? task : first;
            unite(job, first, task);
        }
    }
}

/* Unites regions that can reach each other. */
static void unite_circles(struct mo_job *job) {
    static bool reach[MO_TASKS][MO_TASKS];
    uint32_t n = job->task_count;

    memset(reach, 0, sizeof reach);
    for (uint32_t i = 0; i < job->channel_count; i++)
        reach[job->region[job->channels[i].producer]][job->region[job->channels[i].consumer]] =
            true;
    for (uint32_t k = 0; k < n; k++) {
        for (uint32_t a = 0; a < n; a++) {
            for (uint32_t b = 0; b < n; b++)
                reach[a][b] |= reach[a][k] && reach[k][b];
        }
    }
    for (uint32_t a = 0; a < n; a++) {
        for (uint32_t b = 0; b < n; b++) {
            if (reach[a][b] && reach[b][a])
                unite(job, a, b);
        }
    }
}

static void build_graph(struct mo_job *job) {
    uint32_t first[MO_TASKS] = {0};

    for (uint32_t v = 0; v < job->spec->vertex_count; v++) {
        first[v] = job->task_count;
        for (uint32_t i = 0; i < job->spec->vertices[v].parallelism; i++)
            job->vertex_of[job->task_count++] = v;
    }
    for (uint32_t e = 0; e < job->spec->edge_count; e++)
        add_channels(job, e, first[job->spec->edges[e].from], first[job->spec->edges[e].to]);
    for (uint32_t task = 0; task < job->task_count; task++)
        job->region[task] = task;
    unite_whole(job);
    for (uint32_t i = 0; i < job->channel_count; i++) {
        if (must_be_pipelined(job->channels[i].exchange))
            unite(job, job->channels[i].producer, job->channels[i].consumer);
    }
    unite_circles(job);
}

void mo_init(struct mo_job *job, const struct fo_graph_spec *spec,
             const struct fo_job_config *config) {
    memset(job, 0, sizeof *job);
    job->spec = spec;
    job->config = config;
    job->state = FO_JOB_CREATED;
    build_graph(job);
}

/* The number under which a result is known: its first edge. */
static uint32_t result_of(const struct mo_job *job, uint32_t edge) {
    const struct fo_edge_spec *spec = &job->spec->edges[edge];

    for (uint32_t e = 0; e < edge && spec->result != 0; e++) {
        if (job->spec->edges[e].from == spec->from && job->spec->edges[e].result == spec->result)
            return e;
    }
    return edge;
}

/* ---- states ------------------------------------------------------------------------------- */

static bool has_ended(const struct mo_job *job, uint32_t task) {
    enum fo_task_state state = job->tasks[task].state;

    return state == FO_TASK_FINISHED || state == FO_TASK_CANCELED || state == FO_TASK_FAILED;
}

static bool is_waiting(const struct mo_job *job, uint32_t task) {
    for (uint32_t d = 0; d < job->decision_count; d++) {
        const struct mo_decision *decision = &job->decisions[d];
        if (!decision->fired && decision->target[task] &&
            decision->version[task] == job->tasks[task].version)
            return true;
    }
    return false;
}

static bool anyone_waits(const struct mo_job *job) {
    for (uint32_t task = 0; task < job->task_count; task++) {
        if (is_waiting(job, task))
            return true;
    }
    return false;
}

static void cancel_task(struct mo_job *job, uint32_t task) {
    struct mo_task *it = &job->tasks[task];

    if (it->state == FO_TASK_CREATED || it->state == FO_TASK_SCHEDULED) {
        it->state = FO_TASK_CANCELED;
    } else if (it->state == FO_TASK_DEPLOYING || it->state == FO_TASK_INITIALIZING ||
               it->state == FO_TASK_RUNNING) {
        it->state = FO_TASK_CANCELING;
        job->cancelled[task]++;
    }
}

static void raise_all_versions(struct mo_job *job) {
    for (uint32_t task = 0; task < job->task_count; task++)
        job->tasks[task].version++;
}

/* ---- deploying ---------------------------------------------------------------------------- */

static bool channel_is_ready(const struct mo_job *job, const struct mo_channel *channel) {
    enum fo_task_state state = job->tasks[channel->producer].state;

    if (channel->exchange == FO_BLOCKING || channel->exchange == FO_BLOCKING_PERSISTENT)
        return state == FO_TASK_FINISHED;
    return state != FO_TASK_CREATED;
}

static bool region_is_ready(const struct mo_job *job, uint32_t region) {
    for (uint32_t i = 0; i < job->channel_count; i++) {
        const struct mo_channel *channel = &job->channels[i];
        if (job->region[channel->consumer] == region && job->region[channel->producer] != region &&
            !channel_is_ready(job, channel))
            return false;
    }
    return true;
}

static bool deploy_region(struct mo_job *job, uint32_t region) {
    bool any = false;

    for (uint32_t task = 0; task < job->task_count; task++) {
        if (job->region[task] == region && job->tasks[task].state == FO_TASK_CREATED) {
            job->tasks[task].state = FO_TASK_DEPLOYING;
            job->deployed[task]++;
            any = true;
        }
    }
    return any;
}

static void schedule(struct mo_job *job) {
    bool again = job->state == FO_JOB_RUNNING || job->state == FO_JOB_RESTARTING;

    while (again) {
        again = false;
        for (uint32_t task = 0; task < job->task_count; task++) {
            if (job->region[task] == task && region_is_ready(job, task))
                again |= deploy_region(job, task);
        }
    }
}

/* ---- which tasks restart ------------------------------------------------------------------- */

static bool is_available(const struct mo_job *job, const struct mo_channel *channel,
                         struct fo_partition mark) {
    uint32_t result = result_of(job, channel->edge);

    if (mark.producer == channel->producer && result_of(job, mark.edge) == result)
        return false;
    if (job->lost[channel->producer][result])
        return false;
    return channel->exchange != FO_HYBRID_SELECTIVE && channel->exchange != FO_PIPELINED &&
           channel->exchange != FO_PIPELINED_BOUNDED;
}

static void tasks_to_restart(const struct mo_job *job, uint32_t failed, struct fo_partition mark,
                             bool *answer) {
    bool involved[MO_TASKS] = {false};
    bool grows = true;

    involved[job->region[failed]] = true;
    while (grows) {
        grows = false;
        for (uint32_t i = 0; i < job->channel_count; i++) {
            const struct mo_channel *channel = &job->channels[i];
            bool *producer = &involved[job->region[channel->producer]];
            bool *consumer = &involved[job->region[channel->consumer]];
            if (*consumer && !*producer && !is_available(job, channel, mark))
                grows = *producer = true;
            if (*producer && !*consumer)
                grows = *consumer = true;
        }
    }
    for (uint32_t task = 0; task < job->task_count; task++)
        answer[task] = involved[job->region[task]] && job->tasks[task].state != FO_TASK_CREATED;
}

/* ---- strategies --------------------------------------------------------------------------- */

static int64_t exponential_wait(const struct fo_strategy_config *config, int32_t attempt) {
    double wait = (double)config->exponential_delay.initial_backoff_ms;

    for (int32_t i = 0; i < attempt && wait < 1e15; i++)
        wait *= config->exponential_delay.backoff_multiplier;
    if (wait > (double)config->exponential_delay.max_backoff_ms)
        return config->exponential_delay.max_backoff_ms;
    return (int64_t)wait;
}

static bool notify(struct mo_job *job) {
    const struct fo_strategy_config *config = &job->config->restart_strategy;

    job->failure_ms[job->failure_count++] = job->now_ms;
    if (config->kind != FO_STRATEGY_EXPONENTIAL_DELAY)
        return true;
    if (job->notified && job->now_ms <= job->next_restart_ms)
        return false;
    if (!job->notified ||
        job->now_ms - job->next_restart_ms >= config->exponential_delay.reset_backoff_threshold_ms)
        job->attempt = 0;
    job->next_restart_ms = job->now_ms + exponential_wait(config, job->attempt);
    job->notified = true;
    job->attempt++;
    return true;
}

static bool can_restart(const struct mo_job *job) {
    const struct fo_strategy_config *config = &job->config->restart_strategy;
    int64_t limit = config->failure_rate.max_failures_per_interval;

    switch (config->kind) {
    case FO_STRATEGY_NONE:
        return false;
    case FO_STRATEGY_FIXED_DELAY:
        return job->failure_count <= (uint32_t)config->fixed_delay.attempts;
    case FO_STRATEGY_FAILURE_RATE:
        return job->failure_count <= limit ||
               job->now_ms - job->failure_ms[job->failure_count - 1 - limit] >
                   config->failure_rate.interval_ms;
    case FO_STRATEGY_EXPONENTIAL_DELAY:
        return job->attempt <= config->exponential_delay.attempts_before_reset_backoff;
    }
    return false;
}

static int64_t backoff(const struct mo_job *job) {
    const struct fo_strategy_config *config = &job->config->restart_strategy;

    switch (config->kind) {
    case FO_STRATEGY_NONE:
        return 0;
    case FO_STRATEGY_FIXED_DELAY:
        return config->fixed_delay.delay_ms;
    case FO_STRATEGY_FAILURE_RATE:
        return config->failure_rate.delay_ms;
    case FO_STRATEGY_EXPONENTIAL_DELAY:
        return job->next_restart_ms > job->now_ms ? job->next_restart_ms - job->now_ms : 0;
    }
    return 0;
}

/* ---- history ------------------------------------------------------------------------------ */

static void add_root(struct mo_job *job, uint64_t failure_id, uint32_t task) {
    uint32_t bound = job->config->history_size;

    if (bound == 0)
        return;
    if (job->root_count == bound) {
        memmove(job->roots, job->roots + 1, (bound - 1) * sizeof *job->roots);
        job->root_count--;
    }
    job->roots[job->root_count++] = (struct mo_root){failure_id, task, 0};
}

static void add_concurrent(struct mo_job *job, const bool *targets, uint32_t except) {
    for (uint32_t task = 0; task < job->task_count; task++) {
        if (job->root_count > 0 && targets[task] && job->tasks[task].has_failure && task != except)
            job->roots[job->root_count - 1].concurrent++;
    }
}

/* ---- decisions ---------------------------------------------------------------------------- */

static void open_incident(struct mo_job *job) {
    if (job->incident)
        return;
    job->incident = true;
    for (uint32_t task = 0; task < job->task_count; task++)
        job->tasks[task].restarted_in_incident = false;
}

static void restart(struct mo_job *job, const bool *targets, int64_t delay_ms) {
    struct mo_decision *decision = &job->decisions[job->decision_count];
    bool any = false;

    for (uint32_t task = 0; task < job->task_count; task++)
        any |= targets[task];
    if (!any)
        return;
    job->decision_count++;
    decision->due_ms = job->now_ms + delay_ms;
    for (uint32_t task = 0; task < job->task_count; task++) {
        if (!targets[task])
            continue;
        decision->target[task] = true;
        decision->version[task] = ++job->tasks[task].version;
        decision->attempt[task] = job->tasks[task].attempt;
        job->tasks[task].restarted_in_incident = true;
    }
    if (job->state == FO_JOB_RUNNING)
        job->state = FO_JOB_RESTARTING;
    for (uint32_t task = 0; task < job->task_count; task++) {
        if (!targets[task])
            continue;
        cancel_task(job, task);
        decision->awaits[task] = !has_ended(job, task);
    }
}

static void fail_job(struct mo_job *job, uint64_t failure_id) {
    raise_all_versions(job);
    job->end_failure_id = failure_id;
    job->state = FO_JOB_FAILING;
    for (uint32_t task = 0; task < job->task_count; task++)
        cancel_task(job, task);
}

static void handle_failure(struct mo_job *job, const struct fo_cause *cause, uint32_t task) {
    bool targets[MO_TASKS] = {false};

    if (job->state != FO_JOB_RUNNING && job->state != FO_JOB_RESTARTING)
        return;
    if (task != FO_NO_TASK && job->config->failover_strategy == FO_FAILOVER_REGION)
        tasks_to_restart(job, task, cause->lost, targets);
    else
        memset(targets, true, job->task_count);
    open_incident(job);
    job->decided++;
    job->restart = false;
    if (cause->non_recoverable) {
        job->exhausted = FO_EXHAUSTED_NON_RECOVERABLE;
        fail_job(job, cause->failure_id);
        return;
    }
    bool is_new = notify(job);
    if (!can_restart(job)) {
        job->exhausted = FO_EXHAUSTED_BUDGET;
        fail_job(job, cause->failure_id);
        return;
    }
    job->restart = true;
    job->exhausted = FO_EXHAUSTED_NOT;
    job->delay_ms = backoff(job);
    job->restarts += is_new;
    restart(job, targets, job->delay_ms);
    if (is_new)
        add_root(job, cause->failure_id, task);
    else if (task != FO_NO_TASK && job->root_count > 0)
        job->roots[job->root_count - 1].concurrent++;
    add_concurrent(job, targets, task);
}

static bool all_awaited_ended(const struct mo_job *job, const struct mo_decision *decision) {
    for (uint32_t task = 0; task < job->task_count; task++) {
        if (decision->awaits[task] && job->tasks[task].attempt == decision->attempt[task] &&
            !has_ended(job, task))
            return false;
    }
    return true;
}

static void forget_lost(struct mo_job *job, uint32_t task) {
    for (uint32_t e = 0; e < MO_EDGES; e++)
        job->lost[task][e] = false;
}

static void fire(struct mo_job *job, struct mo_decision *decision) {
    bool again[MO_TASKS] = {false};
    bool any = false;

    for (uint32_t task = 0; task < job->task_count; task++) {
        again[task] = decision->target[task] && decision->version[task] == job->tasks[task].version;
        any |= again[task];
    }
    decision->fired = true;
    if (!any)
        return;
    if (job->state == FO_JOB_RESTARTING && !anyone_waits(job))
        job->state = FO_JOB_RUNNING;
    for (uint32_t task = 0; task < job->task_count; task++) {
        if (!again[task])
            continue;
        forget_lost(job, task);
        job->tasks[task].attempt++;
        job->tasks[task].state = FO_TASK_CREATED;
        job->tasks[task].has_failure = false;
    }
}

static void fire_due(struct mo_job *job) {
    if (job->state != FO_JOB_RESTARTING || job->paused)
        return;
    for (uint32_t d = 0; d < job->decision_count; d++) {
        struct mo_decision *decision = &job->decisions[d];
        if (!decision->fired && decision->due_ms <= job->now_ms && all_awaited_ended(job, decision))
            fire(job, decision);
    }
}

/* ---- events ------------------------------------------------------------------------------- */

static bool job_has_ended(const struct mo_job *job) {
    return job->state == FO_JOB_FAILED || job->state == FO_JOB_CANCELED ||
           job->state == FO_JOB_FINISHED;
}

static int check_report(const struct mo_job *job, const struct fo_event *event) {
    if (event->task >= job->task_count)
        return -ENOENT;
    const struct mo_task *task = &job->tasks[event->task];
    bool is_deployed = task->state == FO_TASK_DEPLOYING || task->state == FO_TASK_INITIALIZING ||
                       task->state == FO_TASK_RUNNING || task->state == FO_TASK_CANCELING;
    if (event->attempt != task->attempt || has_ended(job, event->task))
        return -ESTALE;
    switch (event->state) {
    case FO_TASK_FINISHED:
    case FO_TASK_CANCELED:
    case FO_TASK_FAILED:
        return 0;
    case FO_TASK_RUNNING:
        return is_deployed ? 0 : -EINVAL;
    case FO_TASK_INITIALIZING:
        return is_deployed && task->state != FO_TASK_RUNNING ? 0 : -EINVAL;
    case FO_TASK_DEPLOYING:
        return task->state == FO_TASK_DEPLOYING || task->state == FO_TASK_CANCELING ? 0 : -EINVAL;
    case FO_TASK_SCHEDULED:
        return task->state == FO_TASK_DEPLOYING ? 0 : -EINVAL;
    case FO_TASK_CREATED:
    case FO_TASK_CANCELING:
    case FO_TASK_RECONCILING:
        return task->state == event->state ? 0 : -EINVAL;
    }
    return -EINVAL;
}

static int check(const struct mo_job *job, const struct fo_event *event) {
    if (job_has_ended(job))
        return -EALREADY;
    bool is_going = job->state == FO_JOB_RUNNING || job->state == FO_JOB_RESTARTING;
    switch (event->kind) {
    case FO_EVENT_START:
        return job->state == FO_JOB_CREATED ? 0 : -EINVAL;
    case FO_EVENT_TASK_STATE:
        return job->state == FO_JOB_CREATED ? -EINVAL : check_report(job, event);
    case FO_EVENT_GLOBAL_FAILURE:
        return job->state == FO_JOB_CREATED ? -EINVAL : 0;
    case FO_EVENT_RESTART:
        return is_going ? 0 : -EINVAL;
    case FO_EVENT_PARTITION_LOST:
    case FO_EVENT_TIME:
    case FO_EVENT_CANCEL:
    case FO_EVENT_SUSPEND:
    case FO_EVENT_PAUSE:
    case FO_EVENT_RESUME:
        return 0;
    }
    return -EINVAL;
}

static void apply_report(struct mo_job *job, const struct fo_event *event) {
    struct mo_task *task = &job->tasks[event->task];
    bool is_end = event->state == FO_TASK_FINISHED || event->state == FO_TASK_CANCELED ||
                  event->state == FO_TASK_FAILED;

    if (task->state == FO_TASK_CANCELING) {
        if (is_end)
            task->state = FO_TASK_CANCELED;
    } else if (task->state == FO_TASK_CREATED) {
        if (event->state == FO_TASK_CANCELED) {
            handle_failure(job, &event->cause, FO_NO_TASK);
        } else if (is_end) {
            task->state = FO_TASK_FAILED;
            task->has_failure = true;
            handle_failure(job, &event->cause, event->task);
        }
    } else if (is_end || event->state == FO_TASK_INITIALIZING || event->state == FO_TASK_RUNNING) {
        task->state = event->state;
        if (event->state == FO_TASK_FAILED) {
            task->has_failure = true;
            handle_failure(job, &event->cause, event->task);
        }
    }
}

static void apply_restart(struct mo_job *job, uint32_t task) {
    static const struct fo_partition no_partition = {FO_NO_TASK, 0};
    bool targets[MO_TASKS] = {false};
    bool any = false;

    if (task != FO_NO_TASK && job->config->failover_strategy == FO_FAILOVER_REGION)
        tasks_to_restart(job, task, no_partition, targets);
    else
        memset(targets, true, job->task_count);
    for (uint32_t i = 0; i < job->task_count; i++)
        any |= targets[i];
    if (!any)
        return;
    open_incident(job);
    job->decided++;
    job->restart = true;
    job->exhausted = FO_EXHAUSTED_NOT;
    job->delay_ms = 0;
    job->restarts++;
    restart(job, targets, 0);
}

static void apply(struct mo_job *job, const struct fo_event *event) {
    bool is_going = job->state == FO_JOB_RUNNING || job->state == FO_JOB_RESTARTING;

    switch (event->kind) {
    case FO_EVENT_START:
        job->state = FO_JOB_RUNNING;
        break;
    case FO_EVENT_TASK_STATE:
        apply_report(job, event);
        break;
    case FO_EVENT_GLOBAL_FAILURE:
        handle_failure(job, &event->cause, FO_NO_TASK);
        break;
    case FO_EVENT_PARTITION_LOST:
        if (is_going && job->tasks[event->partition.producer].state != FO_TASK_CREATED)
            job->lost[event->partition.producer][result_of(job, event->partition.edge)] = true;
        break;
    case FO_EVENT_CANCEL:
        if (job->state == FO_JOB_CANCELLING)
            break;
        raise_all_versions(job);
        job->state = FO_JOB_CANCELLING;
        for (uint32_t task = 0; task < job->task_count; task++)
            cancel_task(job, task);
        break;
    case FO_EVENT_RESTART:
        apply_restart(job, event->task);
        break;
    case FO_EVENT_PAUSE:
    case FO_EVENT_RESUME:
        job->paused = event->kind == FO_EVENT_PAUSE;
        break;
    case FO_EVENT_TIME:
    case FO_EVENT_SUSPEND:
        break;
    }
}

static void end_incident(struct mo_job *job) {
    if (!job->incident || job->state != FO_JOB_RUNNING || anyone_waits(job))
        return;
    for (uint32_t task = 0; task < job->task_count; task++) {
        enum fo_task_state state = job->tasks[task].state;
        if (job->tasks[task].restarted_in_incident && state != FO_TASK_RUNNING &&
            state != FO_TASK_FINISHED)
            return;
    }
    job->incident = false;
    job->recovered++;
}

static void end_job(struct mo_job *job) {
    bool all_ended = true;
    bool all_finished = true;
    bool everything[MO_TASKS];

    memset(everything, true, sizeof everything);
    for (uint32_t task = 0; task < job->task_count; task++) {
        all_ended &= has_ended(job, task);
        all_finished &= job->tasks[task].state == FO_TASK_FINISHED;
    }
    if (job->state == FO_JOB_RUNNING && all_finished) {
        job->state = FO_JOB_FINISHED;
    } else if (job->state == FO_JOB_CANCELLING && all_ended) {
        job->state = FO_JOB_CANCELED;
    } else if (job->state == FO_JOB_FAILING && all_ended) {
        job->state = FO_JOB_FAILED;
        add_root(job, job->end_failure_id, FO_NO_TASK);
        add_concurrent(job, everything, FO_NO_TASK);
    }
}

int mo_step(struct mo_job *job, const struct fo_event *event, int64_t now_ms) {
    int rc = check(job, event);

    memset(job->deployed, 0, sizeof job->deployed);
    memset(job->cancelled, 0, sizeof job->cancelled);
    job->recovered = 0;
    job->decided = 0;
    if (rc != 0)
        return rc;
    job->now_ms = now_ms;
    fire_due(job);
    schedule(job);
    apply(job, event);
    fire_due(job);
    schedule(job);
    end_incident(job);
    end_job(job);
    return 0;
}
