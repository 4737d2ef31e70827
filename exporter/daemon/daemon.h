/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/daemon.h - puts the rooms together: configuration, metrics, spawner, engine, job
 * manager and doors. Used by `serve` and by `run`. Owns: all of them. Threads: [main], the thread
 * of the loop. */
#ifndef EX_DAEMON_DAEMON_H
#define EX_DAEMON_DAEMON_H

#include "exporter/base/buffer.h"
#include "exporter/daemon/control_door.h"
#include "exporter/daemon/read_door.h"
#include "exporter/manager/manager.h"

struct ex_daemon;

struct ex_daemon_options {
    const char *config_file;  /* NULL = all defaults */
    const char *storage_path; /* NULL = a private temporary directory */
    bool keep_state;          /* in storage_path, if there is one; else in memory */
    bool standby;             /* wait for a daemon that has the storage path to end */
    bool rerun;               /* job files whose job has ended are run again */
    char **job_files;         /* read and checked before anything starts; borrowed, like all here */
    int job_file_count;
    const char *spawner_socket; /* of a spawner that is a service of its own; NULL = start one */
    const char *listeners_path; /* folder of plug-ins; NULL = the one beside the program */
    struct ex_read_door_options door;
    struct ex_control_door_options control;
    void (*quit)(void *ctx); /* somebody asks the daemon to end, through the control door */
    void *quit_ctx;
    bool exporter_metrics;         /* process_* and what the daemon says of itself */
    bool flink_names;              /* jobs under Flink's names as well */
    const char *metrics_allowlist; /* NULL = that of the configuration; so below */
    const char *metrics_denylist;
    ex_observer *observer; /* NULL = nobody */
    void *observer_ctx;
};

/* Starts everything; the loop must have nothing active yet and need not run. On an error nothing is
 * left running; `reterr` says why, and *ret_file names the file that its line is of (NULL: none).
 */
FO_MUST_CHECK int ex_daemon_start(const struct ex_daemon_options *options, uv_loop_t *loop,
                                  struct ex_daemon **ret_daemon, const char **ret_file,
                                  struct fo_error *reterr);

/* Lets the jobs of an earlier daemon go on, then starts those of options.job_files, in order, up to
 * the first that is refused; *ret_file names its file. One that is known goes on instead. Errors:
 * the manager's. May be called once. */
FO_MUST_CHECK int ex_daemon_submit_jobs(struct ex_daemon *daemon, const char **ret_file,
                                        struct fo_error *reterr);

/* The manifest of every family that a daemon declares by default, or with Flink's names too, as
 * JSON or Markdown; nothing is started. Errors: memory. */
FO_MUST_CHECK int ex_daemon_manifest(uv_loop_t *loop, bool json, bool flink_names,
                                     struct ex_buffer *out, struct fo_error *reterr);

struct ex_manager *ex_daemon_manager(struct ex_daemon *daemon);

/* "http://127.0.0.1:10912/metrics"; borrowed as long as the daemon. */
const char *ex_daemon_metrics_url(const struct ex_daemon *daemon);

/* /-/ready answers 200 from now on, or 503. */
void ex_daemon_set_ready(struct ex_daemon *daemon, bool ready);

/* Reads again what may change while it runs: the web configuration. Logs how it went. 0, or what
 * ex_http_reload() says: the old one stays. */
int ex_daemon_reload(struct ex_daemon *daemon, struct fo_error *reterr);

/* Logs a line for each of the newest jobs, at most 1,000, and one of all: for who looks at a daemon
 * whose doors do not answer. */
void ex_daemon_tell_state(const struct ex_daemon *daemon);

/* Ends jobs as `mode` says, then the doors, the engine and the spawner; then the loop has nothing
 * left to do and uv_run() returns. May be called once. */
void ex_daemon_stop(struct ex_daemon *daemon, enum ex_stop_mode mode);

/* After the loop has ended. NULL allowed; returns NULL. */
struct ex_daemon *ex_daemon_free(struct ex_daemon *daemon);

#endif
