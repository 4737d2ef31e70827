/* SPDX-License-Identifier: Apache-2.0 */
/* run JOB: one job in the foreground. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/cli/cli.h"
#include "exporter/cli/daemon_flags.h"
#include "exporter/cli/run_view.h"

struct run {
    uv_loop_t *loop;
    struct ex_daemon *daemon;
    struct ex_run_view view;
    uv_signal_t interrupt;
    uv_signal_t term;
    bool cancelled;
    bool ending;           /* the job has ended, or could not be started */
    enum fo_job_state end; /* how the job ended */
};

/* One that could not be made is passed over. */
static void unwatch_signal(uv_signal_t *handle) {
    if (handle->data)
        uv_close((uv_handle_t *)handle, NULL);
}

static void stop(struct run *run) {
    run->ending = true;
    unwatch_signal(&run->interrupt);
    unwatch_signal(&run->term);
    ex_daemon_stop(run->daemon, EX_STOP_CANCEL);
}

static void observe(void *ctx, const struct ex_job *job, const struct ex_change *change) {
    struct run *run = ctx;

    ex_run_view_observe(&run->view, job, change);
    if (change->kind != EX_CHANGE_CLOSED)
        return;
    run->end = fo_job_state(ex_job_core(job));
    ex_run_view_end(&run->view);
    stop(run);
}

/* The first signal cancels the job, the second ends the program; the spawner kills what runs. */
static void on_signal(uv_signal_t *handle, int signal) {
    struct run *run = handle->data;
    struct ex_job *job = ex_manager_first_job(ex_daemon_manager(run->daemon));

    (void)signal;
    if (run->cancelled || !job)
        _exit(EX_EXIT_CANCELLED);
    run->cancelled = true;
    if (ex_manager_cancel(ex_daemon_manager(run->daemon), job) < 0)
        _exit(EX_EXIT_CANCELLED);
}

static int watch_signal(struct run *run, uv_signal_t *handle, int number) {
    int ret = uv_signal_init(run->loop, handle);

    if (ret < 0)
        return ret;
    handle->data = run;
    return uv_signal_start(handle, on_signal, number);
}

static int prepare(struct run *run, struct fo_error *reterr) {
    int ret = watch_signal(run, &run->interrupt, SIGINT);

    if (ret == 0)
        ret = watch_signal(run, &run->term, SIGTERM);
    if (ret == 0)
        ret = ex_run_view_start(&run->view, run->loop);
    if (ret < 0)
        (void)snprintf(reterr->text, sizeof reterr->text, "cannot show a job here: %s",
                       uv_strerror(ret));
    return ret;
}

static int exit_status(const struct run *run) {
    if (run->end == FO_JOB_FINISHED)
        return EX_EXIT_OK;
    return run->end == FO_JOB_FAILED ? EX_EXIT_FAILED : EX_EXIT_CANCELLED;
}

/* Nothing runs yet: the daemon ends as it does after a job. */
static int give_up(struct run *run, const char *file, const struct fo_error *error, int status) {
    ex_cli_complain(file, error);
    stop(run);
    (void)uv_run(run->loop, UV_RUN_DEFAULT);
    return status;
}

static int run_job(struct run *run) {
    struct fo_error error = {.text = "out of memory"};
    const char *file;

    if (prepare(run, &error) < 0)
        return give_up(run, NULL, &error, EX_EXIT_FAILED);
    run->view.metrics_url = ex_daemon_metrics_url(run->daemon);
    if (!run->view.terminal)
        (void)printf("metrics at %s\n", run->view.metrics_url);
    ex_daemon_set_ready(run->daemon, true);
    if (ex_daemon_submit_jobs(run->daemon, &file, &error) < 0) {
        ex_run_view_end(&run->view);
        return give_up(run, file, &error, EX_EXIT_USAGE);
    }
    (void)uv_run(run->loop, UV_RUN_DEFAULT);
    return exit_status(run);
}

int ex_cli_run(int argc, char **argv) {
    struct ex_daemon_flags flags;
    struct run run = {.loop = uv_default_loop()};
    struct fo_error error = {.text = "out of memory"};
    const char *file;
    int status;

    int count = ex_daemon_flags_parse(&flags, EX_COMMAND_RUN, argc, argv, &status);
    if (count < 0)
        return status;
    if (count != 1) {
        ex_cli_complain(NULL, &(struct fo_error){.text = "run takes one job file; see --help"});
        return EX_EXIT_USAGE;
    }
    flags.daemon.job_files = argv + 1;
    flags.daemon.job_file_count = count;
    flags.daemon.observer = observe;
    flags.daemon.observer_ctx = &run;
    if (ex_daemon_start(&flags.daemon, run.loop, &run.daemon, &file, &error) < 0) {
        ex_cli_complain(file, &error);
        return EX_EXIT_USAGE;
    }
    status = run_job(&run);
    (void)ex_daemon_free(run.daemon);
    return status;
}
