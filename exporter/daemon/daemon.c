/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/config/config.h"
#include "exporter/daemon/metrics_room.h"
#include "exporter/daemon/rooms.h"
#include "exporter/metrics/manifest.h"

/* ---- starting ---- */

static int start(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                 const char **ret_file, struct fo_error *reterr) {
    *ret_file = options->config_file;
    int ret = ex_config_load(options->config_file, &daemon->config, reterr);
    if (ret < 0)
        return ret;
    *ret_file = NULL;
    ex_job_load_notices(options->config_file, &daemon->config->notices);
    daemon->jobs.paths = options->job_files;
    daemon->jobs.path_count = options->job_file_count;
    ret = ex_job_files_read(&daemon->jobs, daemon->config, options->control.enabled, ret_file,
                            reterr);
    return ret < 0 ? ret : ex_rooms_start(daemon, options, false, reterr);
}

/* Pipes between tasks pass through our hands: as many as the administrator allows. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int ex_daemon_start(const struct ex_daemon_options *options, uv_loop_t *loop,
                    struct ex_daemon **ret_daemon, const char **ret_file, struct fo_error *reterr) {
    struct ex_daemon *daemon = calloc(1, sizeof *daemon);

    *ret_file = NULL;
    if (!daemon)
        return -ENOMEM;
    daemon->loop = loop;
    ex_state_init(&daemon->state);
    daemon->rerun = options->rerun;
    daemon->flink_names = options->flink_names;
    daemon->events = ex_events_new();
    if (!daemon->events) {
        free(daemon);
        return -ENOMEM;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    int ret = start(daemon, options, ret_file, reterr);
    if (ret < 0) {
        ex_rooms_close(daemon);
        (void)uv_run(loop, UV_RUN_DEFAULT);
        (void)ex_daemon_free(daemon);
        return ret;
    }
    *ret_daemon = daemon;
    return 0;
}

int ex_daemon_manifest(uv_loop_t *loop, bool json, bool flink_names, struct ex_buffer *out,
                       struct fo_error *reterr) {
    const struct ex_daemon_options options = {.exporter_metrics = true, .flink_names = flink_names};
    struct ex_daemon *daemon = calloc(1, sizeof *daemon);

    if (!daemon)
        return -ENOMEM;
    daemon->loop = loop;
    ex_state_init(&daemon->state);
    int ret = ex_config_load(NULL, &daemon->config, reterr);
    if (ret == 0) /* by default: linked-in listeners alone, and no Flink */
        ret = ex_rooms_start(daemon, &options, true, reterr);
    if (ret == 0)
        ret = json ? ex_manifest_json(daemon->metrics, out)
                   : ex_manifest_markdown(daemon->metrics, out);
    ex_rooms_close(daemon);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    (void)ex_daemon_free(daemon);
    return ret;
}

/* ---- while it runs ---- */

static size_t count_jobs(const struct ex_daemon *daemon) {
    size_t count = 0;

    for (const struct ex_job *job = ex_manager_first_job(daemon->manager); job;
         job = ex_job_next(job))
        count++;
    return count;
}

/* What is likely not as it was meant. */
static void check_metrics(const struct ex_daemon *daemon) {
    struct fo_str pattern;

    for (size_t at = 0; ex_metrics_next_unmatched(daemon->metrics, &at, &pattern);)
        ex_log(EX_LOG_WARN, "No family of metrics has this name.",
               (struct ex_log_field){.key = "name", .text = pattern});
    ex_metrics_room_check(daemon->config, daemon->flink_names, count_jobs(daemon));
}

int ex_daemon_submit_jobs(struct ex_daemon *daemon, const char **ret_file,
                          struct fo_error *reterr) {
    if (daemon->state.store)
        ex_manager_go_on(daemon->manager);
    int ret = ex_job_files_submit(&daemon->jobs, daemon->manager, &daemon->engines.all,
                                  daemon->rerun, ret_file, reterr);
    if (ret == 0)
        check_metrics(daemon);
    return ret;
}

struct ex_manager *ex_daemon_manager(struct ex_daemon *daemon) {
    return daemon->manager;
}

const char *ex_daemon_metrics_url(const struct ex_daemon *daemon) {
    return daemon->url;
}

void ex_daemon_set_ready(struct ex_daemon *daemon, bool ready) {
    atomic_store(&daemon->door.ready, ready);
}

static void tell_job(const struct ex_job *job) {
    const struct fo_job *core = ex_job_core(job);

    ex_log(EX_LOG_INFO, "Job.", EX_TEXT("job_name", ex_job_spec(job)->name),
           EX_TEXT("job_id", ex_job_id(job)), EX_TEXT("engine", ex_job_engine_name(job)),
           EX_TEXT("state", fo_job_state_name(fo_job_state(core))),
           EX_INT("running", fo_job_task_count(core, FO_TASK_RUNNING)),
           EX_INT("restarts", (int64_t)fo_job_restarts(core)));
}

void ex_daemon_tell_state(const struct ex_daemon *daemon) {
    enum { TOLD_MAX = 1000 };
    int64_t count = 0;

    for (const struct ex_job *job = ex_manager_first_job(daemon->manager); job;
         job = ex_job_next(job))
        if (count++ < TOLD_MAX)
            tell_job(job);
    ex_log(EX_LOG_INFO, "State.", EX_INT("jobs", count),
           EX_INT("ready", atomic_load(&daemon->door.ready)));
}

int ex_daemon_reload(struct ex_daemon *daemon, struct fo_error *reterr) {
    int ret = ex_http_reload(daemon->door.server, reterr);

    if (ret == 0)
        ret = ex_control_door_reload(&daemon->control, reterr);
    ex_self_metrics_reloaded(&daemon->self, ret == 0, ex_clock_wall_ms());
    if (ret < 0)
        ex_log(EX_LOG_ERROR, "The web configuration was not reloaded; the old one stays.",
               EX_TEXT("error", reterr->text), EX_INT("line", reterr->line));
    else
        ex_log_plain(EX_LOG_INFO, "Reloaded.");
    return ret;
}

/* ---- ending ---- */

static void on_jobs_stopped(void *ctx) {
    ex_rooms_close(ctx);
}

void ex_daemon_stop(struct ex_daemon *daemon, enum ex_stop_mode mode) {
    ex_daemon_set_ready(daemon, false);
    ex_manager_stop(daemon->manager, mode, on_jobs_stopped, daemon);
}

struct ex_daemon *ex_daemon_free(struct ex_daemon *daemon) {
    if (!daemon)
        return NULL;
    (void)ex_inbox_free(daemon->inbox);
    (void)ex_events_free(daemon->events);
    ex_engine_rooms_free(&daemon->engines);
    ex_process_free(daemon->process);
    ex_metrics_free(daemon->metrics);
    (void)catalogue_free(daemon->catalogue);
    ex_state_free(&daemon->state);
    ex_job_files_done(&daemon->jobs);
    (void)ex_config_unref(daemon->config);
    free(daemon);
    return NULL;
}
