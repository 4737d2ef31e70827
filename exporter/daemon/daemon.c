/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "exporter/base/build_info.h"
#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/random.h"
#include "exporter/children/bank.h"
#include "exporter/config/config.h"
#include "exporter/daemon/catalogue_load.h"
#include "exporter/daemon/engine_rooms.h"
#include "exporter/daemon/job_load.h"
#include "exporter/daemon/label_keys.h"
#include "exporter/daemon/metrics_room.h"
#include "exporter/daemon/self_metrics.h"
#include "exporter/daemon/state.h"
#include "exporter/engines/push/push.h"
#include "exporter/manager/inbox.h"
#include "exporter/metrics/manifest.h"
#include "exporter/metrics/process.h"
#include "exporter/rest/events.h"
#include "exporter/spawn/client.h"
#include "listeners/catalogue/catalogue.h"

enum { DRAIN_MS = 3000, LISTENER_GRACE_MS = 1500, URL_MAX_BYTES = 1024 };

struct ex_daemon {
    uv_loop_t *loop; /* borrowed */
    struct ex_config *config;
    struct ex_job_files jobs;
    struct ex_metrics *metrics;
    struct ex_process *process; /* NULL without exporter metrics */
    struct ex_self_metrics self;
    struct catalogue *catalogue;
    struct ex_state state;
    bool rerun;
    bool flink_names;
    struct ex_spawner *spawner;
    struct ex_bank *bank;
    struct ex_engine_rooms engines;
    struct ex_manager *manager;
    struct ex_events *events;
    struct ex_inbox *inbox;
    struct ex_rest rest;
    struct ex_read_door door;
    struct ex_control_door control;
    void (*quit)(void *ctx);
    void *quit_ctx;
    char url[URL_MAX_BYTES];
};

/* ---- starting, room by room ---- */

static int start_catalogue(struct ex_daemon *daemon, struct fo_error *reterr) {
    return ex_catalogue_load(daemon->config, daemon->state.dir.path, &daemon->catalogue, reterr);
}

static int select_families(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                           struct fo_error *reterr) {
    const char *allow = options->metrics_allowlist;
    const char *deny = options->metrics_denylist;

    return ex_metrics_select(daemon->metrics,
                             allow ? fo_str_of(allow) : daemon->config->metrics_allowlist,
                             deny ? fo_str_of(deny) : daemon->config->metrics_denylist, reterr);
}

static int start_metrics(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                         struct fo_error *reterr) {
    const struct ex_metrics_limits limits = ex_metrics_room_limits(daemon->config);
    const struct ex_build_info *build = ex_build_info();
    int ret = ex_metrics_new(&limits, ex_random_seed(), &daemon->metrics);

    if (ret == 0)
        ret = select_families(daemon, options, reterr);
    if (ret == 0 && options->exporter_metrics)
        ret = ex_process_new(daemon->metrics, build->revision, build->branch, &daemon->process,
                             reterr);
    if (ret == 0)
        ret = ex_self_metrics_init(&daemon->self, daemon->metrics, &daemon->door.scrapes, reterr);
    if (ret == 0) {
        ex_self_metrics_config(&daemon->self, daemon->config->hash);
        ex_self_metrics_reloaded(&daemon->self, true, ex_clock_wall_ms());
    }
    return ret;
}

static void on_spawner_died(void *ctx, bool restarted) {
    (void)ctx;
    ex_log(EX_LOG_ERROR, "The spawner died; everything it had started was killed.",
           EX_TEXT("restarted", restarted ? "yes" : "no"));
}

static int start_spawner(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                         struct fo_error *reterr) {
    const struct ex_spawner_config spawner = {
        .loop = daemon->loop,
        .socket_path = options->spawner_socket,
        .died = on_spawner_died,
    };
    int ret = ex_spawner_new(&spawner, &daemon->spawner, reterr);

    if (ret == 0 && daemon->state.lock.fd != -1) {
        ret = ex_spawner_hold(daemon->spawner, daemon->state.lock.fd);
        if (ret < 0)
            *reterr = (struct fo_error){.code = ret, .text = "the spawner cannot hold the lock"};
    }
    return ret;
}

/* ---- state ---- */

static void on_stored(void *ctx, bool up) {
    struct ex_daemon *daemon = ctx;

    atomic_store(&daemon->door.cannot_store, !up);
    ex_manager_on_stored(daemon->manager);
}

static int open_state(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                      struct fo_error *reterr) {
    const struct ex_state_options state = {
        .storage_path = options->storage_path,
        .keep = options->keep_state,
        .standby = options->standby,
        .changed = on_stored,
        .ctx = daemon,
    };

    return ex_state_open(&daemon->state, &state, daemon->config, reterr);
}

static bool goes_on(void *ctx, const struct ex_job_spec *spec) {
    const struct ex_daemon *daemon = ctx;

    return ex_job_files_go_on(&daemon->jobs, spec);
}

static int recover(struct ex_daemon *daemon, struct fo_error *reterr) {
    const struct ex_recovery recovery = {
        .engines = &daemon->engines.all,
        .config = daemon->config,
        .same_boot = daemon->state.lock.same_boot,
        .goes_on = goes_on,
        .ctx = daemon,
    };

    if (!daemon->state.store)
        return 0;
    int ret = ex_manager_recover(daemon->manager, &recovery, reterr);
    if (ret == 0) {
        ex_manager_set_epoch(daemon->manager, daemon->state.epoch);
        ret = ex_store_start(daemon->state.store);
        if (ret < 0)
            *reterr = (struct fo_error){.code = ret, .text = "no thread for the store"};
    }
    return ret;
}

static int start_listeners(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                           struct fo_error *reterr) {
    const struct ex_bank_config bank = {
        .loop = daemon->loop,
        .spawner = daemon->spawner,
        .metrics = daemon->metrics,
        .config = daemon->config,
        .plugins = options->listeners_path,
        .catalogue_version = catalogue_version(daemon->catalogue),
        .catalogue_hash = catalogue_hash(daemon->catalogue),
    };

    return ex_bank_open(&bank, &daemon->bank, reterr);
}

static struct ex_engine_needs engine_needs(struct ex_daemon *daemon) {
    return (struct ex_engine_needs){
        .loop = daemon->loop,
        .config = daemon->config,
        .metrics = daemon->metrics,
        .self = &daemon->self,
        .manager = daemon->manager,
        .spawner = daemon->spawner,
        .work_dir = &daemon->state.dir,
        .epoch = daemon->state.epoch,
    };
}

static int start_local(struct ex_daemon *daemon, struct fo_error *reterr) {
    const struct ex_engine_needs needs = engine_needs(daemon);

    return ex_engine_rooms_start_local(&daemon->engines, &needs, reterr);
}

static int start_push(struct ex_daemon *daemon, struct fo_error *reterr) {
    const struct ex_engine_needs needs = engine_needs(daemon);

    return ex_engine_rooms_start_push(&daemon->engines, &needs, reterr);
}

/* After the manager, which their jobs go to. */
static int start_flinks(struct ex_daemon *daemon, struct fo_error *reterr) {
    const struct ex_engine_needs needs = engine_needs(daemon);

    return ex_engine_rooms_start_flink(&daemon->engines, &needs, reterr);
}

static int start_manager(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                         struct fo_error *reterr) {
    struct ex_label_keys labels;
    int ret = ex_label_keys_init(&labels, daemon->bank, daemon->config);
    if (ret < 0)
        return ret;
    const struct ex_manager_config config = {
        .loop = daemon->loop,
        .metrics = daemon->metrics,
        .catalogue = daemon->catalogue,
        .label_keys = labels.keys,
        .label_key_count = labels.count,
        .flink_names = options->flink_names,
        .bank = daemon->bank,
        .store = daemon->state.store,
        .retention_ms = daemon->config->metrics_retention_ms,
        .observer = options->observer,
        .observer_ctx = options->observer_ctx,
        .tap = ex_events_tell,
        .tap_ctx = daemon->events,
    };
    ret = ex_manager_new(&config, &daemon->manager, reterr);
    ex_label_keys_done(&labels);
    return ret;
}

static int reload(void *ctx, struct fo_error *reterr) {
    return ex_daemon_reload(ctx, reterr);
}

static void quit(void *ctx) {
    const struct ex_daemon *daemon = ctx;

    daemon->quit(daemon->quit_ctx);
}

static int start_rest(struct ex_daemon *daemon, const struct ex_daemon_options *options) {
    int ret = ex_inbox_new(daemon->loop, daemon->manager, &daemon->inbox);

    if (ret < 0)
        return ret;
    daemon->quit = options->quit;
    daemon->quit_ctx = options->quit_ctx;
    daemon->rest = (struct ex_rest){
        .loop = daemon->loop,
        .inbox = daemon->inbox,
        .config = daemon->config,
        .events = daemon->events,
        .engines = &daemon->engines.all,
        .push = daemon->engines.push,
        .reload = reload,
        .quit = quit,
        .ctx = daemon,
    };
    ex_rest_init(&daemon->rest);
    return 0;
}

static int open_control(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                        struct fo_error *reterr) {
    if (!options->control.enabled)
        return 0;
    int ret = ex_control_door_open(&daemon->control, &options->control, &daemon->door,
                                   daemon->state.dir.path, daemon->config, reterr);
    if (ret == 0)
        ex_log(EX_LOG_INFO, "Commands are taken.",
               EX_TEXT("socket", ex_http_address(daemon->control.local, 0)));
    return ret;
}

/* What a person on this machine would type. */
static void note_url(struct ex_daemon *daemon, const struct ex_read_door_options *options) {
    static const char everywhere[] = "[::]:";
    const char *address = ex_http_address(daemon->door.server, 0);
    const char *scheme = ex_http_encrypts(daemon->door.server) ? "https" : "http";
    bool any = strncmp(address, everywhere, sizeof everywhere - 1) == 0;

    if (strncmp(address, "unix:", 5) == 0)
        (void)snprintf(daemon->url, sizeof daemon->url, "%s", address);
    else
        (void)snprintf(daemon->url, sizeof daemon->url, "%s://%s%s%s%s", scheme,
                       any ? "localhost:" : "", any ? address + sizeof everywhere - 1 : address,
                       options->prefix ? options->prefix : "", options->telemetry_path);
}

static int open_door(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                     struct fo_error *reterr) {
    int ret =
        ex_read_door_open(&daemon->door, &options->door, daemon->metrics, &daemon->rest, reterr);

    if (ret < 0)
        return ret;
    note_url(daemon, &options->door);
    atomic_store(&daemon->self.counters, ex_http_counters(daemon->door.server));
    return 0;
}

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
    if (ret < 0)
        return ret;
    ret = open_state(daemon, options, reterr);
    if (ret == 0)
        ret = start_catalogue(daemon, reterr);
    if (ret == 0)
        ret = start_metrics(daemon, options, reterr);
    if (ret == 0)
        ret = start_spawner(daemon, options, reterr);
    if (ret == 0)
        ret = start_listeners(daemon, options, reterr);
    if (ret == 0)
        ret = start_manager(daemon, options, reterr);
    if (ret == 0)
        ret = start_push(daemon, reterr);
    if (ret == 0)
        ret = start_local(daemon, reterr);
    if (ret == 0)
        ret = start_flinks(daemon, reterr);
    if (ret == 0)
        ret = recover(daemon, reterr);
    if (ret == 0)
        ret = start_rest(daemon, options);
    if (ret == 0)
        ret = open_door(daemon, options, reterr);
    if (ret == 0)
        ret = open_control(daemon, options, reterr);
    return ret;
}

/* The last listener is gone: nothing is left that the spawner would have to report. */
static void on_listeners_closed(void *ctx) {
    struct ex_daemon *daemon = ctx;

    if (daemon->spawner)
        ex_spawner_close(daemon->spawner, NULL);
    daemon->spawner = NULL;
}

/* In the other direction than they were started; a room that was not started is passed over. The
 * loop must run once more. */
static void close_rooms(struct ex_daemon *daemon) {
    atomic_store(&daemon->self.counters, NULL);
    ex_inbox_close(daemon->inbox); /* first: who waits for the manager is told at once */
    ex_events_close(daemon->events);
    ex_push_end_followers(daemon->engines.push);
    ex_control_door_close(&daemon->control, DRAIN_MS);
    ex_read_door_close(&daemon->door, DRAIN_MS);
    ex_engine_rooms_close(&daemon->engines);
    ex_state_close(&daemon->state);
    daemon->manager = ex_manager_free(daemon->manager);
    ex_bank_close(daemon->bank, LISTENER_GRACE_MS, on_listeners_closed, daemon);
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
        close_rooms(daemon);
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
    if (ret == 0)
        ret = start_catalogue(daemon, reterr);
    if (ret == 0)
        ret = start_metrics(daemon, &options, reterr);
    if (ret == 0)
        ret = start_listeners(daemon, &options, reterr); /* by default only what is linked in */
    if (ret == 0)
        ret = start_manager(daemon, &options, reterr);
    if (ret == 0)
        ret = start_push(daemon, reterr);
    if (ret == 0)
        ret = start_flinks(daemon, reterr); /* by default none */
    if (ret == 0)
        ret = json ? ex_manifest_json(daemon->metrics, out)
                   : ex_manifest_markdown(daemon->metrics, out);
    close_rooms(daemon);
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
    close_rooms(ctx);
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
