/* SPDX-License-Identifier: Apache-2.0 */
/* From a record to a job: under which name it is shown, and what is known of it from before. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/clean_text.h"
#include "exporter/base/log.h"
#include "exporter/engines/flink/internal.h"

enum { NAME_BYTES = EX_FLINK_NAME_MAX_BYTES + 16, NAMESAKES_MAX = 1000 };

/* A second live job of a name is `name#2`; an ended one does not take the place of a live one. */
static int choose_name(struct ex_engine_job *record, bool has_ended, char name[static NAME_BYTES]) {
    const struct ex_flink_config *config = &record->jm->flink->config;

    (void)snprintf(name, NAME_BYTES, "%s", record->name);
    if (!ex_mirror_name_is_taken(config->manager, config->engine, name))
        return 0;
    for (int i = 2; i < NAMESAKES_MAX && !has_ended; i++) {
        (void)snprintf(name, NAME_BYTES, "%s#%d", record->name, i);
        if (ex_mirror_name_is_taken(config->manager, config->engine, name))
            continue;
        ex_log(EX_LOG_WARN, "A second job of the same name runs; it is shown under another one.",
               EX_TEXT("job_name", record->name), EX_TEXT("shown_as", name),
               EX_TEXT("job_id", record->id));
        return 0;
    }
    return -EEXIST;
}

static json_t *copy_texts(const json_t *vertices, const char *key) {
    json_t *texts = json_array();

    for (size_t i = 0; texts && i < json_array_size(vertices); i++)
        (void)json_array_append(texts, json_object_get(json_array_get(vertices, i), key));
    return texts;
}

static void keep_vertices(struct ex_engine_job *record, const json_t *details) {
    const json_t *vertices = json_object_get(details, "vertices");

    json_decref(record->vertex_ids);
    json_decref(record->vertex_names);
    record->vertex_ids = copy_texts(vertices, "id");
    record->vertex_names = copy_texts(vertices, "name");
}

static int make_job(struct ex_engine_job *record, const json_t *details, const char *name,
                    struct ex_job **ret_job) {
    const struct ex_flink_config *config = &record->jm->flink->config;
    const struct ex_flink_plan plan = {
        .details = details,
        .config = record->config,
        .engine = config->engine->name,
        .name = name,
        .history_size = config->history_size,
    };
    const struct ex_mirror mirror = {
        .engine = config->engine,
        .id = record->id,
        .submitted_ms = record->start_ms,
        .engine_job = record,
    };
    struct fo_error error = {.text = "out of memory"};
    struct ex_job_spec *spec = NULL;

    int ret = ex_flink_plan_read(&plan, &spec, &error);
    if (ret == 0)
        ret = ex_mirror_open(config->manager, &mirror, spec, ret_job, &error);
    if (ret < 0 && ret != -EAGAIN)
        ex_log(EX_LOG_ERROR, "A job of Flink cannot be shown.", EX_TEXT("job_name", name),
               EX_TEXT("job_id", record->id), EX_TEXT("error", error.text));
    (void)ex_job_spec_unref(spec);
    return ret;
}

/* The daemon has known the job before: what was counted then is not counted again. */
static void go_on(struct ex_engine_job *record, struct ex_job *job) {
    struct fo_str kept = ex_mirror_kept(job);

    ex_mirror_reopen(job, record);
    record->seen_loaded = kept.len > 0 && ex_flink_seen_load(&record->seen, kept) == 0;
    if (kept.len > 0 && !record->seen_loaded)
        ex_log(EX_LOG_WARN, "What is kept of a job cannot be read; its history counts as known.",
               EX_TEXT("job_id", record->id));
}

int ex_flink_job_open(struct ex_engine_job *record, const json_t *details) {
    const struct ex_flink_config *config = &record->jm->flink->config;
    struct ex_job *job = ex_mirror_find(config->manager, config->engine, record->id);
    int64_t end_ms = ex_flink_number(details, "end-time", -1);
    int64_t now_ms = ex_flink_number(details, "now", 0);
    char name[NAME_BYTES];

    if (end_ms >= 0 && now_ms - end_ms > config->retention_ms)
        return -ETIME;
    if (job) {
        go_on(record, job);
    } else {
        int ret = choose_name(record, end_ms >= 0, name);
        if (ret == 0)
            ret = make_job(record, details, name, &job);
        if (ret < 0)
            return ret;
    }
    record->job = job;
    keep_vertices(record, details);
    json_decref(record->config);
    record->config = NULL;
    int ret = ex_flink_job_series_open(record->jm->flink->families, ex_mirror_group(job),
                                       &record->series);
    if (ret == 0)
        ex_flink_job_series_set(&record->series, EX_FLINK_BUDGET_ESTIMATED,
                                ex_job_spec(job)->strategy_from_job);
    return ret;
}
