/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/mirror.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/base/log.h"
#include "exporter/manager/job.h"

bool ex_mirror_name_is_taken(struct ex_manager *manager, const struct ex_engine *engine,
                             const char *name) {
    const struct ex_job *job = ex_manager_find_name(manager, engine, name);

    return job && !job->closed;
}

struct ex_job *ex_mirror_find(struct ex_manager *manager, const struct ex_engine *engine,
                              const char *id) {
    struct ex_job *job;

    TAILQ_FOREACH(job, &manager->jobs, link) {
        if (job->engine == engine && strcmp(job->id, id) == 0)
            return job;
    }
    return NULL;
}

int ex_mirror_open(struct ex_manager *manager, const struct ex_mirror *mirror,
                   struct ex_job_spec *spec, struct ex_job **ret_job, struct fo_error *reterr) {
    struct ex_job *former = ex_manager_find_name(manager, mirror->engine, spec->name);
    const struct ex_job_birth birth = {
        .engine = mirror->engine,
        .spec = spec,
        .replaced = former,
        .id = mirror->id,
        .submitted_ms = mirror->submitted_ms,
    };

    if (manager->stopping)
        return -ESHUTDOWN;
    if (former && !former->closed)
        return -EEXIST;
    if (former)
        ex_job_settle(former); /* its counters go with the new job's coming */
    int ret = ex_job_new(manager, &birth, ret_job, reterr);
    if (ret < 0)
        return ret;
    if (former)
        ex_job_remove(former);
    (*ret_job)->engine_job = mirror->engine_job;
    ex_persist_job(*ret_job);
    ex_job_tell(*ret_job, EX_CHANGE_SUBMITTED, NULL, NULL);
    return 0;
}

void ex_mirror_reopen(struct ex_job *job, struct ex_engine_job *engine_job) {
    (void)uv_timer_stop(&job->timer); /* of its retention */
    job->engine_job = engine_job;
    job->closing = false;
    job->closed = false;
    job->ended_ms = 0;
}

int ex_mirror_update(struct ex_job *job, const struct fo_mirror *state) {
    return ex_job_feed(job, &(struct ex_input){.mirror = state}, NULL, NULL);
}

int ex_mirror_fail(struct ex_job *job, const struct ex_mirror_report *report) {
    struct ex_manager *manager = job->manager;
    struct ex_failure *failure;
    int ret = ex_failure_new(&report->report, &failure);

    if (ret == 0)
        ret = ex_label_set_copy(&failure->passed, report->labels, report->label_count);
    if (ret < 0) {
        ex_log_plain(EX_LOG_ERROR, "No memory for a failure; the daemon ends.");
        abort(); /* to lose it would be worse */
    }
    failure->id = manager->next_failure_id++;
    failure->at_ms = report->at_ms;
    ex_failure_categorise(manager, failure);
    const struct fo_mirror_failure told = {
        .task = failure->task,
        .attempt = failure->attempt,
        .failure_id = failure->id,
        .at_ms = report->at_ms,
        .exhausted = report->exhausted,
    };
    ret = ex_job_feed(job, &(struct ex_input){.mirror_failure = &told}, failure, NULL);
    if (ret < 0)
        ex_manager_reject(manager, EX_REJECTED_LIMIT, 1);
    return ret;
}

int ex_mirror_keep(struct ex_job *job, struct fo_str state) {
    struct ex_buffer kept;

    ex_buffer_init(&kept, EX_MIRROR_STATE_MAX_BYTES);
    ex_buffer_append_str(&kept, state);
    int ret = kept.failure;
    if (ret < 0) {
        ex_buffer_done(&kept);
        return ret;
    }
    ex_buffer_done(&job->engine_state);
    job->engine_state = kept;
    return 0;
}

struct fo_str ex_mirror_kept(const struct ex_job *job) {
    return ex_buffer_str(&job->engine_state);
}

struct ex_group *ex_mirror_group(const struct ex_job *job) {
    return job->metrics.overflows ? NULL : job->metrics.group;
}
