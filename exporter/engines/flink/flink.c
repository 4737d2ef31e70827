/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/random.h"
#include "exporter/engines/flink/internal.h"

struct ex_engine_job *ex_flink_find(struct ex_flink *flink, const char *id) {
    uint64_t hash = XXH3_64bits_withSeed(id, EX_JOB_ID_LEN, flink->bucket_seed);
    struct ex_engine_job *record;

    LIST_FOREACH(record, &flink->buckets[hash % EX_FLINK_BUCKETS], bucket) {
        if (strcmp(record->id, id) == 0)
            return record;
    }
    return NULL;
}

void ex_flink_insert(struct ex_flink *flink, struct ex_engine_job *record) {
    uint64_t hash = XXH3_64bits_withSeed(record->id, EX_JOB_ID_LEN, flink->bucket_seed);

    LIST_INSERT_HEAD(&flink->buckets[hash % EX_FLINK_BUCKETS], record, bucket);
}

void ex_flink_check_up(struct ex_flink *flink) {
    const struct ex_flink_jm *jm;
    bool up = !TAILQ_EMPTY(&flink->jms);

    TAILQ_FOREACH(jm, &flink->jms, link) {
        up = up && (jm->is_up || jm->is_closing);
    }
    if (up == flink->told_up)
        return;
    flink->told_up = up;
    flink->config.up_changed(flink->config.ctx, up);
}

/* ---- life ---------------------------------------------------------------------------------- */

static void on_discovery(uv_timer_t *timer) {
    if (ex_flink_discover(timer->data) < 0)
        ex_log_plain(EX_LOG_ERROR, "No memory to look for JobManagers; the next time perhaps.");
}

static size_t count_files(const struct ex_flink_settings *settings) {
    size_t count = 0;

    while (settings->files[count])
        count++;
    return count;
}

void ex_flink_handle_closed(struct ex_flink *flink) {
    if (--flink->handles > 0)
        return;
    flink->client = ex_client_free(flink->client);
    free(flink->files_changed_ns);
    free(flink);
}

static void on_discovery_closed(uv_handle_t *handle) {
    ex_flink_handle_closed(handle->data);
}

static void close_engine(void *engine) {
    struct ex_flink *flink = engine;
    struct ex_flink_jm *jm;
    struct ex_flink_jm *next;

    flink->is_closing = true;
    for (jm = TAILQ_FIRST(&flink->jms); jm; jm = next) {
        next = TAILQ_NEXT(jm, link);
        ex_flink_jm_close(jm);
    }
    uv_close((uv_handle_t *)&flink->discovery, on_discovery_closed);
}

int ex_flink_new(const struct ex_flink_config *config, const struct ex_flink_families *families,
                 void **ret_self, struct fo_error *reterr) {
    struct ex_flink *flink = calloc(1, sizeof *flink);
    int64_t *changed = calloc(count_files(config->settings) + 1, sizeof *changed);
    int ret =
        flink && changed ? ex_client_new(config->loop, config->settings, &flink->client) : -ENOMEM;

    if (ret < 0) {
        free(changed);
        free(flink);
        *reterr = (struct fo_error){.code = ret, .text = "libcurl cannot be used"};
        return ret;
    }
    flink->config = *config;
    flink->families = families;
    flink->files_changed_ns = changed;
    flink->random_state = ex_random_seed();
    flink->bucket_seed = flink->random_state;
    flink->started_ms = ex_clock_wall_ms();
    TAILQ_INIT(&flink->jms);
    (void)uv_timer_init(config->loop, &flink->discovery); /* cannot fail */
    flink->discovery.data = flink;
    flink->handles = 1;
    ret = ex_flink_discover(flink);
    if (ret == 0)
        ret =
            uv_timer_start(&flink->discovery, on_discovery, (uint64_t)config->settings->interval_ms,
                           (uint64_t)config->settings->interval_ms);
    if (ret < 0) {
        close_engine(flink);
        *reterr = (struct fo_error){.code = ret, .text = "out of memory"};
        return ret;
    }
    *ret_self = flink;
    return 0;
}

/* ---- what the job manager asks -------------------------------------------------------------- */

static int refuse_job(void *engine, const char *job_id, const struct ex_job_spec *spec, void *owner,
                      struct ex_engine_job **ret_job, struct fo_error *reterr) {
    (void)engine;
    (void)job_id;
    (void)owner;
    (void)ret_job;
    *reterr = (struct fo_error){.code = -ENOTSUP};
    (void)snprintf(reterr->text, sizeof reterr->text,
                   "job \"%s\": jobs of a Flink cluster are submitted to it, not here", spec->name);
    return -ENOTSUP;
}

static int read_spec(void *engine, struct fo_str source, struct ex_job_spec **ret_spec,
                     struct fo_error *reterr) {
    const struct ex_flink *flink = engine;

    return ex_flink_plan_read_source(source, flink->config.engine->name, ret_spec, reterr);
}

static void close_job(struct ex_engine_job *record) {
    struct ex_job *job = record->job;

    ex_flink_job_let_go(record);
    ex_manager_sink()->job_closed(job);
}

const struct ex_engine_ops *ex_flink_ops(void) {
    static const struct ex_engine_ops ops = {
        .kind = "flink",
        .mirrors = true,
        .open_job = refuse_job,
        .read_spec = read_spec,
        .close_job = close_job,
        .close = close_engine,
    };

    return &ops;
}
