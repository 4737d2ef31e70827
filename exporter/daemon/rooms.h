/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/rooms.h - what the daemon consists of, and the order in which it comes and goes.
 * Private to this room. */
#ifndef EX_DAEMON_ROOMS_H
#define EX_DAEMON_ROOMS_H

#include "exporter/children/bank.h"
#include "exporter/daemon/daemon.h"
#include "exporter/daemon/engine_rooms.h"
#include "exporter/daemon/job_load.h"
#include "exporter/daemon/self_metrics.h"
#include "exporter/daemon/state.h"
#include "exporter/engines/push/push.h"
#include "exporter/manager/inbox.h"
#include "exporter/metrics/process.h"
#include "exporter/rest/events.h"
#include "listeners/catalogue/catalogue.h"

enum { EX_DAEMON_URL_MAX_BYTES = 1024 };

struct ex_daemon {
    uv_loop_t *loop;                         /* borrowed */
    const struct ex_daemon_options *options; /* borrowed while the rooms start; then NULL */
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
    char url[EX_DAEMON_URL_MAX_BYTES];
};

/* Starts the rooms, or only those that declare families of metrics. After an error some stand:
 * ex_rooms_close(). */
FO_MUST_CHECK int ex_rooms_start(struct ex_daemon *daemon, const struct ex_daemon_options *options,
                                 bool only_declaring, struct fo_error *reterr);

/* The loop must run once more before ex_daemon_free(). */
void ex_rooms_close(struct ex_daemon *daemon);

#endif
