/* SPDX-License-Identifier: Apache-2.0 */
/* serve [JOB...]: the daemon. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/base/log.h"
#include "exporter/cli/cli.h"
#include "exporter/cli/daemon_flags.h"
#include "exporter/cli/service.h"

struct serve {
    uv_loop_t *loop;
    struct ex_daemon *daemon;
    uv_signal_t term;
    uv_signal_t interrupt;
    uv_signal_t hangup;
    uv_signal_t user;
    struct ex_service service;
    int sockets[EX_SERVICE_SOCKETS_MAX]; /* that systemd handed over */
    bool stopping;
};

static void stop(struct serve *serve) {
    serve->stopping = true;
    ex_log_plain(EX_LOG_INFO, "Shutting down.");
    ex_service_stopping(&serve->service);
    uv_unref((uv_handle_t *)&serve->term);
    uv_unref((uv_handle_t *)&serve->interrupt);
    uv_unref((uv_handle_t *)&serve->hangup);
    uv_unref((uv_handle_t *)&serve->user);
    ex_daemon_stop(serve->daemon, EX_STOP_SUSPEND);
}

static void on_signal(uv_signal_t *handle, int signal) {
    struct serve *serve = handle->data;
    struct fo_error error;

    if (signal == SIGHUP) {
        (void)ex_daemon_reload(serve->daemon, &error); /* it logs */
        return;
    }
    if (signal == SIGUSR1) {
        ex_daemon_tell_state(serve->daemon);
        return;
    }
    if (serve->stopping) {
        ex_log_plain(EX_LOG_WARN, "Second signal: the daemon ends at once.");
        _exit(EX_EXIT_FAILED); /* the spawner kills what still runs */
    }
    stop(serve);
}

/* Somebody asked for it through the control door. */
static void on_quit(void *ctx) {
    struct serve *serve = ctx;

    if (!serve->stopping)
        stop(serve);
}

/* None of this can fail for a loop that runs and a signal that exists. */
static void watch_signals(struct serve *serve) {
    struct {
        uv_signal_t *handle;
        int signal;
    } const watched[] = {{&serve->term, SIGTERM},
                         {&serve->interrupt, SIGINT},
                         {&serve->hangup, SIGHUP},
                         {&serve->user, SIGUSR1}};

    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        (void)uv_signal_init(serve->loop, watched[i].handle);
        watched[i].handle->data = serve;
        (void)uv_signal_start(watched[i].handle, on_signal, watched[i].signal);
    }
}

/* Runs until it is told to stop. A job that is refused keeps the daemon from starting: better not
 * at all than half configured. */
static int serve_jobs(struct serve *serve) {
    struct fo_error error = {.text = "out of memory"};
    const char *file;
    int status = EX_EXIT_OK;

    if (ex_daemon_submit_jobs(serve->daemon, &file, &error) < 0) {
        ex_cli_complain(file, &error);
        status = EX_EXIT_FAILED;
        stop(serve);
    } else {
        ex_daemon_set_ready(serve->daemon, true);
        ex_service_ready(&serve->service, serve->loop);
        ex_log(EX_LOG_INFO, "Listening.", EX_TEXT("address", ex_daemon_metrics_url(serve->daemon)));
    }
    (void)uv_run(serve->loop, UV_RUN_DEFAULT);
    return status;
}

static void close_signals(struct serve *serve) {
    uv_close((uv_handle_t *)&serve->term, NULL);
    uv_close((uv_handle_t *)&serve->interrupt, NULL);
    uv_close((uv_handle_t *)&serve->hangup, NULL);
    uv_close((uv_handle_t *)&serve->user, NULL);
    (void)uv_run(serve->loop, UV_RUN_DEFAULT);
}

static int start(struct serve *serve, struct ex_daemon_flags *flags, const char **ret_file,
                 struct fo_error *reterr) {
    struct ex_read_door_options *door = &flags->daemon.door;

    *ret_file = NULL;
    if (flags->systemd_socket) {
        int ret = ex_service_sockets(serve->sockets, &door->descriptor_count, reterr);
        if (ret < 0)
            return ret;
        door->descriptors = serve->sockets;
    }
    if (geteuid() == 0)
        ex_log_plain(EX_LOG_WARN, "Running as root; a user of its own is enough.");
    return ex_daemon_start(&flags->daemon, serve->loop, &serve->daemon, ret_file, reterr);
}

int ex_cli_serve(int argc, char **argv) {
    struct ex_daemon_flags flags;
    struct serve serve = {.loop = uv_default_loop()};
    struct fo_error error = {.text = "out of memory"};
    const char *file;
    int status;

    int count = ex_daemon_flags_parse(&flags, EX_COMMAND_SERVE, argc, argv, &status);
    if (count < 0)
        return status;
    if (flags.check_only)
        return ex_cli_check_daemon(&flags.daemon, count, argv + 1);
    flags.daemon.job_files = argv + 1;
    flags.daemon.job_file_count = count;
    flags.daemon.quit = on_quit;
    flags.daemon.quit_ctx = &serve;
    if (start(&serve, &flags, &file, &error) < 0) {
        ex_cli_complain(file, &error);
        return EX_EXIT_FAILED;
    }
    watch_signals(&serve);
    status = serve_jobs(&serve);
    close_signals(&serve);
    (void)ex_daemon_free(serve.daemon);
    return status;
}
