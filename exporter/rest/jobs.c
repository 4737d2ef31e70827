/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of all jobs, and of the "cluster". */
#include <ctype.h>
#include <time.h>

#include "exporter/base/build_info.h"
#include "exporter/rest/shapes.h"
#include "exporter/rest/texts.h"

/* Flink's release whose shapes are answered; tools look at it. */
static const char *flink_version(enum ex_flink_profile profile) {
    return profile == EX_FLINK_2 ? "2.0.0" : "1.20.0";
}

/* {key: [of each job]} */
static json_t *list_jobs(const struct ex_job_copy *jobs, size_t count,
                         enum ex_flink_profile profile,
                         json_t *(*show)(const struct ex_job_copy *, enum ex_flink_profile)) {
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(list, show(&jobs[i], profile)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:o}", "jobs", list);
}

static json_t *show_id(const struct ex_job_copy *job, enum ex_flink_profile profile) {
    (void)profile;
    return json_pack("{s:s, s:s}", "id", job->id, "status", fo_job_state_name(job->state));
}

json_t *ex_rest_jobs(const struct ex_job_copy *jobs, size_t count, enum ex_flink_profile profile) {
    return list_jobs(jobs, count, profile, show_id);
}

/* "total", then every state in lower case. */
static json_t *show_task_counts(const struct ex_job_copy *job) {
    json_t *counts = json_object();
    int ret =
        json_object_set_new(counts, "total", json_integer(fo_graph_task_count(job->spec->graph)));

    for (int state = 0; state < FO_TASK_STATE_COUNT; state++) {
        const char *name = fo_task_state_name((enum fo_task_state)state);
        char key[32];
        size_t len = 0;
        for (; name[len] && len < sizeof key - 1; len++)
            key[len] = (char)tolower((unsigned char)name[len]);
        key[len] = '\0';
        ret |= json_object_set_new(counts, key, json_integer(job->task_counts[state]));
    }
    if (ret == 0)
        return counts;
    json_decref(counts);
    return NULL;
}

static json_t *show_overview(const struct ex_job_copy *job, enum ex_flink_profile profile) {
    json_t *shown = json_pack("{s:s, s:o, s:I, s:I, s:I, s:s, s:I, s:o}", "jid", job->id, "name",
                              ex_rest_text(fo_str_of(job->spec->name)), "start-time",
                              (json_int_t)ex_job_copy_start_ms(job), "end-time",
                              (json_int_t)ex_job_copy_end_ms(job), "duration",
                              (json_int_t)ex_job_copy_duration_ms(job), "state",
                              fo_job_state_name(job->state), "last-modification",
                              (json_int_t)job->modified_ms, "tasks", show_task_counts(job));

    if (profile == EX_FLINK_2)
        (void)json_object_set_new(shown, "pending-operators", json_integer(0));
    return shown;
}

json_t *ex_rest_jobs_overview(const struct ex_job_copy *jobs, size_t count,
                              enum ex_flink_profile profile) {
    return list_jobs(jobs, count, profile, show_overview);
}

json_t *ex_rest_overview(const struct ex_job_copy *jobs, size_t count,
                         enum ex_flink_profile profile) {
    json_int_t finished = 0;
    json_int_t cancelled = 0;
    json_int_t failed = 0;

    for (size_t i = 0; i < count; i++) {
        finished += jobs[i].state == FO_JOB_FINISHED;
        cancelled += jobs[i].state == FO_JOB_CANCELED;
        failed += jobs[i].state == FO_JOB_FAILED;
    }
    /* There are no task managers and no slots. */
    return json_pack("{s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:s, s:s}", "taskmanagers", 0,
                     "slots-total", 0, "slots-available", 0, "jobs-running",
                     (json_int_t)count - finished - cancelled - failed, "jobs-finished", finished,
                     "jobs-cancelled", cancelled, "jobs-failed", failed, "flink-version",
                     flink_version(profile), "flink-commit", ex_build_info()->revision);
}

json_t *ex_rest_config(const struct ex_config *config) {
    const struct ex_build_info *build = ex_build_info();
    enum { MS_PER_SECOND = 1000 };
    time_t now = time(NULL);
    struct tm local = {0};

    (void)localtime_r(&now, &local);
    return json_pack("{s:I, s:s, s:I, s:s, s:o, s:{s:b, s:b, s:b, s:b}}", "refresh-interval",
                     (json_int_t)config->refresh_interval_ms, "timezone-name",
                     local.tm_zone ? local.tm_zone : "UTC", "timezone-offset",
                     (json_int_t)local.tm_gmtoff * MS_PER_SECOND, "flink-version",
                     flink_version(config->profile), "flink-revision",
                     json_sprintf("%s @ %s", build->revision, build->date), "features",
                     "web-submit", (int)config->web_submit, "web-cancel", (int)config->web_cancel,
                     "web-rescale", 0, "web-history", 0);
}
