/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/failover/model_parts.h"

#include <errno.h>

/* ---- states ------------------------------------------------------------------------------- */

bool mo_has_ended(const struct mo_job *job, uint32_t task) {
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

bool mo_anyone_waits(const struct mo_job *job) {
    for (uint32_t task = 0; task < job->task_count; task++) {
        if (is_waiting(job, task))
            return true;
    }
    return false;
}

void mo_cancel_task(struct mo_job *job, uint32_t task) {
    struct mo_task *it = &job->tasks[task];

    if (it->state == FO_TASK_CREATED || it->state == FO_TASK_SCHEDULED) {
        it->state = FO_TASK_CANCELED;
    } else if (it->state == FO_TASK_DEPLOYING || it->state == FO_TASK_INITIALIZING ||
               it->state == FO_TASK_RUNNING) {
        it->state = FO_TASK_CANCELING;
        job->cancelled[task]++;
    }
}

void mo_raise_all_versions(struct mo_job *job) {
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
    if (event->attempt != task->attempt || mo_has_ended(job, event->task))
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
            mo_handle_failure(job, &event->cause, FO_NO_TASK);
        } else if (is_end) {
            task->state = FO_TASK_FAILED;
            task->has_failure = true;
            mo_handle_failure(job, &event->cause, event->task);
        }
    } else if (is_end || event->state == FO_TASK_INITIALIZING || event->state == FO_TASK_RUNNING) {
        task->state = event->state;
        if (event->state == FO_TASK_FAILED) {
            task->has_failure = true;
            mo_handle_failure(job, &event->cause, event->task);
        }
    }
}

static void apply_restart(struct mo_job *job, uint32_t task) {
    static const struct fo_partition no_partition = {FO_NO_TASK, 0};
    bool targets[MO_TASKS] = {false};
    bool any = false;

    if (task != FO_NO_TASK && job->config->failover_strategy == FO_FAILOVER_REGION)
        mo_graph_restarted(job, task, no_partition, targets);
    else
        memset(targets, true, job->task_count);
    for (uint32_t i = 0; i < job->task_count; i++)
        any |= targets[i];
    if (!any)
        return;
    mo_open_incident(job);
    job->decided++;
    job->restart = true;
    job->exhausted = FO_EXHAUSTED_NOT;
    job->delay_ms = 0;
    job->restarts++;
    mo_restart(job, targets, 0);
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
        mo_handle_failure(job, &event->cause, FO_NO_TASK);
        break;
    case FO_EVENT_PARTITION_LOST:
        if (is_going && job->tasks[event->partition.producer].state != FO_TASK_CREATED)
            job->lost[event->partition.producer][mo_graph_result(job, event->partition.edge)] =
                true;
        break;
    case FO_EVENT_CANCEL:
        if (job->state == FO_JOB_CANCELLING)
            break;
        mo_raise_all_versions(job);
        job->state = FO_JOB_CANCELLING;
        for (uint32_t task = 0; task < job->task_count; task++)
            mo_cancel_task(job, task);
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
    if (!job->incident || job->state != FO_JOB_RUNNING || mo_anyone_waits(job))
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
        all_ended &= mo_has_ended(job, task);
        all_finished &= job->tasks[task].state == FO_TASK_FINISHED;
    }
    if (job->state == FO_JOB_RUNNING && all_finished) {
        job->state = FO_JOB_FINISHED;
    } else if (job->state == FO_JOB_CANCELLING && all_ended) {
        job->state = FO_JOB_CANCELED;
    } else if (job->state == FO_JOB_FAILING && all_ended) {
        job->state = FO_JOB_FAILED;
        mo_add_root(job, job->end_failure_id, FO_NO_TASK);
        mo_add_concurrent(job, everything, FO_NO_TASK);
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
    mo_fire_due(job);
    schedule(job);
    apply(job, event);
    mo_fire_due(job);
    schedule(job);
    end_incident(job);
    end_job(job);
    return 0;
}

void mo_init(struct mo_job *job, const struct fo_graph_spec *spec,
             const struct fo_job_config *config) {
    memset(job, 0, sizeof *job);
    job->spec = spec;
    job->config = config;
    job->state = FO_JOB_CREATED;
    mo_graph_build(job);
}
