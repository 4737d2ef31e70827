/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/rooms.h"

#include <stdio.h>

#include "exporter/base/build_info.h"
#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/random.h"
#include "exporter/config/config.h"
#include "exporter/daemon/catalogue_load.h"
#include "exporter/daemon/label_keys.h"
#include "exporter/daemon/metrics_room.h"
#include "exporter/spawn/client.h"

enum { DRAIN_MS = 3000, LISTENER_GRACE_MS = 1500 };

static int start_catalogue(struct ex_daemon *daemon, struct fo_error *reterr) {
    return ex_catalogue_load(daemon->config, daemon->state.dir.path, &daemon->catalogue, reterr);
}

static int select_families(struct ex_daemon *daemon, struct fo_error *reterr) {
    const char *allow = daemon->options->metrics_allowlist;
    const char *deny = daemon->options->metrics_denylist;

    return ex_metrics_select(daemon->metrics,
                             allow ? fo_str_of(allow) : daemon->config->metrics_allowlist,
                             deny ? fo_str_of(deny) : daemon->config->metrics_denylist, reterr);
}

static int start_metrics(struct ex_daemon *daemon, struct fo_error *reterr) {
    const struct ex_metrics_limits limits = ex_metrics_room_limits(daemon->config);
    const struct ex_build_info *build = ex_build_info();
    int ret = ex_metrics_new(&limits, ex_random_seed(), &daemon->metrics);

    if (ret == 0)
        ret = select_families(daemon, reterr);
    if (ret == 0 && daemon->options->exporter_metrics)
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

static int start_spawner(struct ex_daemon *daemon, struct fo_error *reterr) {
    const struct ex_spawner_config spawner = {
        .loop = daemon->loop,
        .socket_path = daemon->options->spawner_socket,
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

static int open_state(struct ex_daemon *daemon, struct fo_error *reterr) {
    const struct ex_state_options state = {
        .storage_path = daemon->options->storage_path,
        .keep = daemon->options->keep_state,
        .standby = daemon->options->standby,
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

static int start_listeners(struct ex_daemon *daemon, struct fo_error *reterr) {
    const struct ex_bank_config bank = {
        .loop = daemon->loop,
        .spawner = daemon->spawner,
        .metrics = daemon->metrics,
        .config = daemon->config,
        .plugins = daemon->options->listeners_path,
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

static int start_manager(struct ex_daemon *daemon, struct fo_error *reterr) {
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
        .flink_names = daemon->options->flink_names,
        .bank = daemon->bank,
        .store = daemon->state.store,
        .retention_ms = daemon->config->metrics_retention_ms,
        .observer = daemon->options->observer,
        .observer_ctx = daemon->options->observer_ctx,
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

static int start_rest(struct ex_daemon *daemon, struct fo_error *reterr) {
    (void)reterr;
    int ret = ex_inbox_new(daemon->loop, daemon->manager, &daemon->inbox);

    if (ret < 0)
        return ret;
    daemon->quit = daemon->options->quit;
    daemon->quit_ctx = daemon->options->quit_ctx;
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

static int open_control(struct ex_daemon *daemon, struct fo_error *reterr) {
    if (!daemon->options->control.enabled)
        return 0;
    int ret = ex_control_door_open(&daemon->control, &daemon->options->control, &daemon->door,
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

static int open_door(struct ex_daemon *daemon, struct fo_error *reterr) {
    int ret = ex_read_door_open(&daemon->door, &daemon->options->door, daemon->metrics,
                                &daemon->rest, reterr);

    if (ret < 0)
        return ret;
    note_url(daemon, &daemon->options->door);
    atomic_store(&daemon->self.counters, ex_http_counters(daemon->door.server));
    return 0;
}

/* In this order; each may use those before it. */
static const struct {
    int (*start)(struct ex_daemon *daemon, struct fo_error *reterr);
    bool declares; /* families: the list of all metrics wants it */
} rooms[] = {
    {open_state, false},     {start_catalogue, true}, {start_metrics, true}, {start_spawner, false},
    {start_listeners, true}, {start_manager, true},   {start_push, true},    {start_local, false},
    {start_flinks, true},    {recover, false},        {start_rest, false},   {open_door, false},
    {open_control, false},
};

int ex_rooms_start(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                   bool only_declaring, struct fo_error *reterr) {
    int ret = 0;

    daemon->options = options;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms && ret == 0; i++) {
        if (rooms[i].declares || !only_declaring)
            ret = rooms[i].start(daemon, reterr);
    }
    daemon->options = NULL;
    return ret;
}

/* The last listener is gone: nothing is left that the spawner would have to report. */
static void on_listeners_closed(void *ctx) {
    struct ex_daemon *daemon = ctx;

    if (daemon->spawner)
        ex_spawner_close(daemon->spawner, NULL);
    daemon->spawner = NULL;
}

/* In the other direction than they were started; a room that was not started is passed over. */
void ex_rooms_close(struct ex_daemon *daemon) {
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
