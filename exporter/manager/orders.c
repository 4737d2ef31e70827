/* SPDX-License-Identifier: Apache-2.0 */
/* What people say: jobs submitted, cancelled, restarted, paused; and the end of them all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/manager/job.h"

static int feed_task(struct ex_job *job, enum fo_event_kind kind, uint32_t task) {
    const struct fo_event event = {.kind = kind, .task = task};

    if (job->engine->ops->mirrors)
        return -ENOTSUP;
    return ex_job_feed(job, &(struct ex_input){.event = &event}, NULL, NULL);
}

static int feed(struct ex_job *job, enum fo_event_kind kind) {
    return feed_task(job, kind, FO_NO_TASK);
}

static int refuse(struct fo_error *reterr, int code, const char *name) {
    *reterr = (struct fo_error){.code = code};
    (void)snprintf(reterr->text, sizeof reterr->text,
                   code == -EEXIST ? "a job named \"%s\" is already running; cancel it first, or "
                                     "give this one another name"
                                   : "job \"%s\": the daemon is shutting down",
                   name);
    return code;
}

int ex_manager_submit(struct ex_manager *manager, const struct ex_engine *engine,
                      struct ex_job_spec *spec, struct ex_job **ret_job, struct fo_error *reterr) {
    struct ex_job *former = ex_manager_find_name(manager, engine, spec->name);
    struct ex_job *job;

    if (manager->stopping)
        return refuse(reterr, -ESHUTDOWN, spec->name);
    if (former && !former->closed)
        return refuse(reterr, -EEXIST, spec->name);
    if (former)
        ex_job_settle(former); /* its counters go with the new job's coming */
    const struct ex_job_birth birth = {
        .engine = engine, .spec = spec, .replaced = former, .submitted_ms = ex_clock_ms()};
    int ret = ex_job_new(manager, &birth, &job, reterr);
    if (ret < 0)
        return ret;
    if (former)
        ex_job_remove(former);
    ret = engine->ops->open_job(engine->self, job->id, spec, job, &job->engine_job, reterr);
    if (ret < 0) {
        ex_job_remove(job);
        return ret;
    }
    ex_persist_job(job);
    ex_job_tell(job, EX_CHANGE_SUBMITTED, NULL, NULL);
    *ret_job = job;
    return feed(job, FO_EVENT_START);
}

int ex_manager_cancel(struct ex_manager *manager, struct ex_job *job) {
    (void)manager;
    return feed(job, FO_EVENT_CANCEL);
}

int ex_manager_restart(struct ex_manager *manager, struct ex_job *job, uint32_t task) {
    (void)manager;
    return feed_task(job, FO_EVENT_RESTART, task);
}

int ex_manager_pause(struct ex_manager *manager, struct ex_job *job, bool pause) {
    (void)manager;
    return feed(job, pause ? FO_EVENT_PAUSE : FO_EVENT_RESUME);
}

/* ---- the end ---- */

static void on_settle_over(uv_timer_t *timer);

void ex_manager_end_if_quiet(struct ex_manager *manager) {
    struct ex_job *job;

    if (!manager->stopping || !manager->stopped)
        return;
    TAILQ_FOREACH(job, &manager->jobs, link) {
        if (!job->closed)
            return;
    }
    if (manager->pending > 0 || !ex_persist_is_idle(manager) || !ex_deliveries_are_over(manager)) {
        if (!uv_is_active((uv_handle_t *)&manager->settle))
            (void)uv_timer_start(&manager->settle, on_settle_over, EX_MANAGER_SETTLE_MS, 0);
        return;
    }
    (void)uv_timer_stop(&manager->settle);
    void (*stopped)(void *ctx) = manager->stopped;
    manager->stopped = NULL;
    stopped(manager->stopped_ctx);
}

/* Whoever has not answered or acknowledged by now is not waited for, nor is a disk that takes
 * nothing: what it has is as of one instant, and the next daemon goes on from there. */
static void on_settle_over(uv_timer_t *timer) {
    struct ex_manager *manager = timer->data;
    struct ex_job *job;

    if (!ex_persist_is_up(manager)) {
        ex_log_plain(EX_LOG_ERROR, "State cannot be written; the daemon ends as if it were killed, "
                                   "and goes on from what was written last.");
        _exit(EXIT_FAILURE);
    }

    manager->deliveries.waived = true;
    TAILQ_FOREACH(job, &manager->jobs, link) {
        ex_job_settle(job);
    }
    ex_manager_end_if_quiet(manager);
}

void ex_manager_on_settled(struct ex_manager *manager) {
    if (manager->stopping && manager->pending == 0 && ex_persist_is_idle(manager) &&
        ex_deliveries_are_over(manager))
        ex_manager_handle_soon(manager);
}

void ex_manager_stop(struct ex_manager *manager, enum ex_stop_mode mode, void (*stopped)(void *ctx),
                     void *ctx) {
    struct ex_job *job;

    manager->stopping = true;
    manager->stopped = stopped;
    manager->stopped_ctx = ctx;
    ex_persist_flush(manager);
    if (!ex_persist_is_up(manager))
        (void)uv_timer_start(&manager->settle, on_settle_over, EX_MANAGER_SETTLE_MS, 0);
    TAILQ_FOREACH(job, &manager->jobs, link) {
        if (job->engine->ops->mirrors || (mode == EX_STOP_SUSPEND && ex_job_lives_on(job)))
            ex_job_let_go(job); /* it goes on where it is; nobody watches it for a while */
        else if (!job->closing)
            (void)feed(job, mode == EX_STOP_CANCEL ? FO_EVENT_CANCEL : FO_EVENT_SUSPEND);
    }
    ex_manager_end_if_quiet(manager);
}
