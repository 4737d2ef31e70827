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
#include "exporter/daemon/lock.h"
#include "exporter/daemon/self_metrics.h"
#include "exporter/daemon/work_dir.h"
#include "exporter/engines/push/push.h"
#include "exporter/manager/inbox.h"
#include "exporter/metrics/manifest.h"
#include "exporter/metrics/process.h"
#include "exporter/rest/events.h"
#include "exporter/spawn/client.h"
#include "exporter/store/store.h"
#include "listeners/catalogue/catalogue.h"

/* Attempts are numbered from the wall clock on, and past all that the last daemon can have used, so
 * that a later daemon's numbers are higher. */
enum {
    DRAIN_MS = 3000,
    LISTENER_GRACE_MS = 1500,
    URL_MAX_BYTES = 1024,
    EPOCHS_PER_MS = 1000,
    EPOCHS_OF_DAEMON = 1000000000
};

struct ex_daemon {
    uv_loop_t *loop; /* borrowed */
    struct ex_config *config;
    char **job_files;          /* borrowed */
    struct ex_job_spec **jobs; /* of the files; a reference each */
    int job_count;             /* of jobs that have been read */
    struct ex_metrics *metrics;
    struct ex_process *process; /* NULL without exporter metrics */
    struct ex_self_metrics self;
    struct catalogue *catalogue;
    struct ex_work_dir work_dir;
    struct ex_lock lock;
    struct ex_store *store; /* NULL: state is in memory */
    int64_t epoch;          /* of the first attempt */
    bool rerun;
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
    return ex_catalogue_load(daemon->config, daemon->work_dir.path, &daemon->catalogue, reterr);
}

static int start_metrics(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                         struct fo_error *reterr) {
    const struct ex_metrics_limits limits = {
        .value_bytes = daemon->config->metrics_value_bytes,
        .values_per_label = daemon->config->metrics_values_per_label,
        .series_per_family = daemon->config->metrics_series_per_family,
        .series_total = daemon->config->metrics_series_total,
        .bytes_total = daemon->config->metrics_bytes_total,
    };
    const struct ex_build_info *build = ex_build_info();
    int ret = ex_metrics_new(&limits, ex_random_seed(), &daemon->metrics);

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

    if (ret == 0 && daemon->lock.fd != -1) {
        ret = ex_spawner_hold(daemon->spawner, daemon->lock.fd);
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

static int read_epoch(void *ctx, const struct ex_row *row) {
    int64_t *epoch = ctx;

    *epoch = row->ints[2];
    return 0;
}

static int open_store(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                      struct fo_error *reterr) {
    const struct ex_store_config config = {
        .directory = daemon->work_dir.path,
        .now_ms = ex_clock_wall_ms(),
        .retention_count = daemon->config->storage_retention_count,
        .retention_bytes = daemon->config->storage_retention_bytes,
        .retention_age_ms = daemon->config->storage_retention_age_ms,
        .changed = on_stored,
        .ctx = daemon,
    };
    int64_t last_epoch = 0;

    if (daemon->work_dir.temporary)
        return 0;
    int ret = ex_lock_take(&daemon->lock, daemon->work_dir.path, options->standby, reterr);
    if (ret == 0 && options->keep_state)
        ret = ex_store_open(&config, &daemon->store, reterr);
    if (ret == 0 && daemon->store)
        ret = ex_store_read(daemon->store, EX_READ_DAEMON, 0, read_epoch, &last_epoch);
    if (ret == 0 && last_epoch > 0 && daemon->epoch < last_epoch + EPOCHS_OF_DAEMON)
        daemon->epoch = last_epoch + EPOCHS_OF_DAEMON;
    return ret;
}

/* A job whose file has changed is over; the new one takes its place. */
static bool goes_on(void *ctx, const struct ex_job_spec *spec) {
    const struct ex_daemon *daemon = ctx;

    for (int i = 0; i < daemon->job_count; i++) {
        const struct ex_job_spec *file = daemon->jobs[i];
        if (strcmp(file->name, spec->name) != 0 || strcmp(file->engine, spec->engine) != 0 ||
            file->content_hash == spec->content_hash)
            continue;
        ex_log(EX_LOG_WARN, "The file of a job has changed; it begins anew.",
               EX_TEXT("job_name", spec->name), EX_TEXT("file", daemon->job_files[i]));
        return false;
    }
    return true;
}

static int recover(struct ex_daemon *daemon, struct fo_error *reterr) {
    const struct ex_recovery recovery = {
        .engines = &daemon->engines.all,
        .config = daemon->config,
        .same_boot = daemon->lock.same_boot,
        .goes_on = goes_on,
        .ctx = daemon,
    };

    if (!daemon->store)
        return 0;
    int ret = ex_manager_recover(daemon->manager, &recovery, reterr);
    if (ret == 0) {
        ex_manager_set_epoch(daemon->manager, daemon->epoch);
        ret = ex_store_start(daemon->store);
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
        .work_dir = &daemon->work_dir,
        .epoch = daemon->epoch,
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
        .store = daemon->store,
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
                                   daemon->work_dir.path, daemon->config, reterr);
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

/* Settings that are good but mean nothing here. */
static void log_notices(const char *file, const struct ex_notices *notices) {
    for (size_t i = 0; i < notices->count; i++)
        ex_log(EX_LOG_INFO, "A setting has no effect.", EX_TEXT("file", file),
               EX_INT("line", notices->items[i].line), EX_TEXT("why", notices->items[i].text));
}

static void note_storage(const struct ex_daemon_options *options) {
    if (options->storage_path && options->keep_state)
        return;
    if (options->storage_path)
        ex_log(EX_LOG_WARN,
               "State is in memory: counters and jobs are lost when the daemon ends. Only files "
               "go to the storage path.",
               EX_TEXT("storage_path", options->storage_path));
    else
        ex_log_plain(EX_LOG_WARN, "State is in memory: counters and jobs are lost when the daemon "
                                  "ends. Files go to a private temporary folder; give "
                                  "--storage.path to keep them.");
}

/* The job stands under its name in every series: two of one name cannot run together. */
static int check_name(const struct ex_daemon *daemon, const struct ex_job_spec *spec,
                      struct fo_error *reterr) {
    for (int i = 0; i < daemon->job_count; i++) {
        if (strcmp(daemon->jobs[i]->name, spec->name) != 0)
            continue;
        *reterr = (struct fo_error){.code = -EEXIST};
        (void)snprintf(reterr->text, sizeof reterr->text,
                       "name: \"%.60s\" is already the job of %.60s", spec->name,
                       daemon->job_files[i]);
        return -EEXIST;
    }
    return 0;
}

/* Without a control door no scheduler could report. */
static int check_engine(const struct ex_job_spec *spec, struct fo_error *reterr) {
    if (strcmp(spec->engine_kind, ex_push_name) != 0)
        return 0;
    *reterr = (struct fo_error){.code = -ENOTSUP};
    (void)snprintf(
        reterr->text, sizeof reterr->text,
        "engine: %.64s: the tasks of this job are started by a scheduler of yours, which "
        "reports to a daemon; start one with `serve` and see docs/push.md",
        spec->engine);
    return -ENOTSUP;
}

/* All before the first starts: better nothing at all than half of it. */
static int read_jobs(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                     const char **ret_file, struct fo_error *reterr) {
    daemon->job_files = options->job_files;
    daemon->job_count = 0;
    daemon->jobs = calloc((size_t)options->job_file_count + 1, sizeof *daemon->jobs);
    if (!daemon->jobs)
        return -ENOMEM;
    for (int i = 0; i < options->job_file_count; i++) {
        struct ex_job_spec *spec = NULL;
        int ret = ex_job_load(options->job_files[i], daemon->config, &spec, reterr);
        if (ret == 0)
            ret = check_name(daemon, spec, reterr);
        if (ret == 0 && !options->control.enabled)
            ret = check_engine(spec, reterr);
        if (ret < 0) {
            *ret_file = options->job_files[i];
            (void)ex_job_spec_unref(spec);
            return ret;
        }
        log_notices(options->job_files[i], &spec->notices);
        daemon->jobs[daemon->job_count++] = spec;
    }
    return 0;
}

static int start(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                 const char **ret_file, struct fo_error *reterr) {
    *ret_file = options->config_file;
    int ret = ex_config_load(options->config_file, &daemon->config, reterr);
    if (ret < 0)
        return ret;
    *ret_file = NULL;
    log_notices(options->config_file, &daemon->config->notices);
    ret = read_jobs(daemon, options, ret_file, reterr);
    if (ret < 0)
        return ret;
    note_storage(options);
    ret = ex_work_dir_open(&daemon->work_dir, options->storage_path, reterr);
    if (ret == 0)
        ret = open_store(daemon, options, reterr);
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
    daemon->store = ex_store_close(daemon->store);
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
    daemon->lock.fd = -1;
    daemon->epoch = ex_clock_wall_ms() * EPOCHS_PER_MS;
    daemon->rerun = options->rerun;
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
    daemon->lock.fd = -1;
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

static int submit_job(struct ex_daemon *daemon, struct ex_job_spec *spec, struct ex_job **ret_job,
                      struct fo_error *reterr) {
    const struct ex_engine *engine = ex_engines_find(&daemon->engines.all, spec->engine);

    if (engine) {
        int ret = ex_manager_submit(daemon->manager, engine, spec, ret_job, reterr);
        if (ret == 0 && strcmp(spec->engine_kind, ex_push_name) == 0)
            ex_log(EX_LOG_INFO,
                   "The job waits for its scheduler, which follows GET /jobs/ID/decisions and "
                   "answers with POST /jobs/ID/reports.",
                   EX_TEXT("job_name", spec->name), EX_TEXT("job_id", ex_job_id(*ret_job)),
                   EX_TEXT("engine", spec->engine));
        return ret;
    }
    *reterr = (struct fo_error){.code = -ENOENT};
    (void)snprintf(reterr->text, sizeof reterr->text, "engine: no engine \"%s\" runs here",
                   spec->engine);
    return -ENOENT;
}

/* The job of a file that goes on, or has ended and is not to be run again. */
static bool is_known(struct ex_daemon *daemon, const struct ex_job_spec *spec) {
    const struct ex_engine *engine = ex_engines_find(&daemon->engines.all, spec->engine);
    const struct ex_job *job =
        engine ? ex_manager_find_name(daemon->manager, engine, spec->name) : NULL;

    if (!job || (ex_job_is_closed(job) && daemon->rerun))
        return false;
    ex_log(EX_LOG_INFO,
           ex_job_is_closed(job) ? "A job has ended; --rerun runs it again." : "A job goes on.",
           EX_TEXT("job_name", spec->name), EX_TEXT("job_id", ex_job_id(job)));
    return true;
}

int ex_daemon_submit_jobs(struct ex_daemon *daemon, const char **ret_file,
                          struct fo_error *reterr) {
    if (daemon->store)
        ex_manager_go_on(daemon->manager);
    for (int i = 0; i < daemon->job_count; i++) {
        struct ex_job *job;
        if (is_known(daemon, daemon->jobs[i]))
            continue;
        int ret = submit_job(daemon, daemon->jobs[i], &job, reterr);
        if (ret < 0) {
            *ret_file = daemon->job_files[i];
            return ret;
        }
    }
    return 0;
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
    ex_work_dir_close(&daemon->work_dir);
    ex_lock_release(&daemon->lock);
    for (int i = 0; i < daemon->job_count; i++)
        (void)ex_job_spec_unref(daemon->jobs[i]);
    free(daemon->jobs);
    (void)ex_config_unref(daemon->config);
    free(daemon);
    return NULL;
}
