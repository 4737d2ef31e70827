/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/engines/local/local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/engines/local/internal.h"

enum { NAME_LOOKUP_BYTES = 16 * 1024 };

static int fail(struct fo_error *reterr, int err, const char *what) {
    reterr->code = err;
    reterr->line = 0;
    (void)snprintf(reterr->text, sizeof reterr->text, "%s: %s", what, uv_strerror(err));
    return err;
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static void job_free(struct ex_engine_job *job) {
    ex_partitions_done(job);
    free(job->folder);
    free(job->current);
    free(job->endings);
    free(job->is_unsettled);
    free(job->unsettled);
    free(job->is_held);
    free(job->verdicts);
    free(job);
}

static int job_tables_make(struct ex_engine_job *job) {
    uint32_t tasks = fo_graph_task_count(job->spec->graph);
    uint32_t regions = fo_graph_region_count(job->spec->graph);

    job->current = calloc(tasks, sizeof(struct ex_attempt *));
    job->endings = calloc(tasks, sizeof *job->endings);
    job->verdicts = calloc(tasks, sizeof *job->verdicts);
    job->is_unsettled = calloc(regions, sizeof *job->is_unsettled);
    job->unsettled = calloc(regions, sizeof *job->unsettled);
    job->is_held = calloc(regions, sizeof *job->is_held);
    if (!job->current || !job->endings || !job->verdicts || !job->is_unsettled || !job->unsettled ||
        !job->is_held)
        return -ENOMEM;
    return ex_partitions_init(job);
}

static int job_folders_make(struct ex_engine_job *job) {
    const struct ex_local_user *user = &job->engine->user;
    char path[EX_LOCAL_PATH_SIZE];

    if (asprintf(&job->folder, "%s/jobs/%s", job->engine->directory, job->id) == -1) {
        job->folder = NULL;
        return -ENOMEM;
    }
    int err = ex_folder_make_passage(job->folder, user);
    if (!err && !ex_path_print(path, "%s/logs", job->folder))
        err = -ENAMETOOLONG;
    if (!err)
        err = ex_folder_make_passage(path, user);
    if (!err && !ex_path_print(path, "%s/state", job->folder))
        err = -ENAMETOOLONG;
    return err ? err : ex_folder_make_passage(path, user);
}

static int spec_check(const struct ex_job_spec *spec, struct fo_error *reterr) {
    for (uint32_t i = 0; i < spec->vertex_count; i++)
        if (!spec->vertices[i].command || !spec->vertices[i].command[0]) {
            (void)snprintf(reterr->text, sizeof reterr->text, "vertex %.*s has no command",
                           (int)spec->vertices[i].id.len, spec->vertices[i].id.ptr);
            reterr->line = spec->vertices[i].line;
            return reterr->code = -EINVAL;
        }
    for (uint32_t i = 0; i < spec->edge_count; i++)
        if (spec->edges[i].exchange == FO_PIPELINED_APPROXIMATE)
            return fail(reterr, -ENOTSUP, "the local engine has no pipelined_approximate exchange");
    return 0;
}

static int local_open_job(void *self, const char *job_id, const struct ex_job_spec *spec,
                          void *owner, struct ex_engine_job **ret_job, struct fo_error *reterr) {
    struct ex_local *engine = self;
    int err = spec_check(spec, reterr);

    if (err)
        return err;
    struct ex_engine_job *job = calloc(1, sizeof *job);
    if (!job)
        return fail(reterr, -ENOMEM, "job");
    job->engine = engine;
    job->spec = spec;
    job->owner = owner;
    TAILQ_INIT(&job->attempts);
    (void)snprintf(job->id, sizeof job->id, "%s", job_id);
    err = job_tables_make(job);
    if (!err)
        err = job_folders_make(job);
    if (err) {
        (void)fail(reterr, err, job->folder ? job->folder : "job");
        job_free(job);
        return err;
    }
    (void)uv_timer_init(engine->config.loop, &job->judge_again);
    job->judge_again.data = job;
    LIST_INSERT_HEAD(&engine->jobs, job, entry);
    *ret_job = job;
    return 0;
}

static void local_deploy(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                         uint32_t count) {
    ex_attempts_deploy(job, attempts, count);
}

/* One that is unknown has ended, and its report is on its way. */
static void local_cancel(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                         uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct ex_attempt *attempt = job->current[attempts[i].task];
        if (attempt && attempt->attempt == attempts[i].attempt && !attempt->cancelled)
            ex_attempt_cancel(attempt);
    }
}

static void local_withdraw(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                           uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        ex_partitions_withdraw(job, attempts[i].task);
}

static void local_resume(struct ex_engine_job *job, const struct ex_resumed_task *tasks,
                         bool same_boot) {
    ex_partitions_resume(job, tasks, same_boot);
}

static void local_suspend(struct ex_engine_job *job) {
    job->suspended = true;
}

static int local_log_path(void *self, const char *job_id, const struct fo_graph *graph,
                          const struct ex_task_attempt *attempt, char **ret_path) {
    const struct ex_local *engine = self;
    uint32_t vertex = fo_graph_task_vertex(graph, attempt->task);
    char folder[EX_LOCAL_PATH_SIZE];
    char name[EX_NAME_SIZE];

    ex_name_escape(fo_graph_vertex_id(graph, vertex), name);
    if (!ex_path_print(folder, "%s/jobs/%s", engine->directory, job_id) ||
        asprintf(ret_path, EX_LOCAL_LOG_FORMAT, folder, name,
                 fo_graph_task_subtask(graph, attempt->task), attempt->attempt) == -1)
        return -ENOMEM;
    return 0;
}

/* ---- closing a job ------------------------------------------------------------------------- */

static void closing_part_ended(struct ex_engine_job *job) {
    if (--job->closing_parts > 0)
        return;
    const struct ex_engine_sink *sink = job->engine->config.sink;
    void *owner = job->owner;
    job_free(job);
    sink->job_closed(owner);
}

static void on_folder_gone(void *ctx) {
    closing_part_ended(ctx);
}

static void on_timer_closed(uv_handle_t *handle) {
    closing_part_ended(handle->data);
}

/* Logs and state may be kept; what tasks gave to each other is of no more use. */
static void job_folders_remove(struct ex_engine_job *job) {
    char path[EX_LOCAL_PATH_SIZE];

    if (!job->engine->config.keep) {
        job->closing_parts++;
        ex_folder_discard(job->engine, job->folder, on_folder_gone, job);
        return;
    }
    for (uint32_t edge = 0; edge < fo_graph_edge_count(job->spec->graph) && !job->suspended; edge++)
        if (job->edges[edge].folder &&
            ex_path_print(path, "%s/%s", job->folder, job->edges[edge].folder) &&
            access(path, F_OK) == 0) {
            job->closing_parts++;
            ex_folder_discard(job->engine, path, on_folder_gone, job);
        }
}

void ex_local_job_continue_closing(struct ex_engine_job *job) {
    if (!TAILQ_EMPTY(&job->attempts))
        return;
    LIST_REMOVE(job, entry);
    job->closing_parts = 1;
    uv_close((uv_handle_t *)&job->judge_again, on_timer_closed);
    job_folders_remove(job);
}

static void local_close_job(struct ex_engine_job *job) {
    struct ex_attempt *attempt = TAILQ_FIRST(&job->attempts);

    job->closing = true;
    while (attempt) {
        struct ex_attempt *next = TAILQ_NEXT(attempt, entry);
        if (attempt->stage == EX_ATTEMPT_WAITING)
            TAILQ_REMOVE(&job->engine->waiting, attempt, waiting);
        if (attempt->stage == EX_ATTEMPT_WAITING || attempt->stage == EX_ATTEMPT_COMPLETE)
            ex_attempt_free(attempt);
        else if (attempt->stage != EX_ATTEMPT_GONE)
            ex_attempt_kill(attempt);
        attempt = next;
    }
    ex_local_job_continue_closing(job);
}

/* ---- the engine ---------------------------------------------------------------------------- */

static void on_check(uv_check_t *check) {
    struct ex_local *engine = check->data;

    engine->turn++;
    (void)uv_idle_stop(&engine->idle);
    ex_jobs_settle(engine);
}

static int user_find(const char *name, struct ex_local_user *user, struct fo_error *reterr) {
    char *bytes = malloc(NAME_LOOKUP_BYTES);
    struct passwd entry;
    struct passwd *found = NULL;

    if (!bytes)
        return fail(reterr, -ENOMEM, name);
    int err = -getpwnam_r(name, &entry, bytes, NAME_LOOKUP_BYTES, &found);
    if (!err && !found)
        err = -ENOENT;
    if (!err) {
        *user = (struct ex_local_user){true, entry.pw_uid, entry.pw_gid, strdup(entry.pw_dir)};
        err = user->home ? 0 : -ENOMEM;
    }
    free(bytes);
    return err ? fail(reterr, err, name) : 0;
}

/* Sockets and rubbish may be a dead daemon's; jobs may be gone on with. */
static int folders_make(struct ex_local *engine) {
    static const char *const names[] = {"jobs", "notify", "trash"};
    char path[EX_LOCAL_PATH_SIZE];
    int err = ex_folder_make_passage(engine->directory, &engine->user);

    for (size_t i = 0; i < sizeof names / sizeof *names && !err; i++) {
        if (!ex_path_print(path, "%s/%s", engine->directory, names[i]))
            return -ENAMETOOLONG;
        if (i > 0)
            ex_folder_remove(path);
        err = ex_folder_make_passage(path, &engine->user);
    }
    return err;
}

static void engine_free(struct ex_local *engine) {
    if (engine->null_fd != -1)
        (void)close(engine->null_fd);
    free(engine->user.home);
    free(engine->directory);
    free(engine);
}

static int engine_init(struct ex_local *engine, struct fo_error *reterr) {
    const char *user = engine->config.user;
    int err = user ? user_find(user, &engine->user, reterr) : 0;

    if (err)
        return err;
    engine->directory = strdup(engine->config.directory);
    if (!engine->directory)
        return fail(reterr, -ENOMEM, engine->config.directory);
    err = folders_make(engine);
    if (err)
        return fail(reterr, err, engine->directory);
    engine->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (engine->null_fd == -1)
        return fail(reterr, -errno, "/dev/null");
    err = ex_pump_new(engine->config.loop, engine->config.output_dropped_bytes, &engine->pump);
    return err ? fail(reterr, err, "thread for output") : 0;
}

int ex_local_new(const struct ex_local_config *config, void **ret_self, struct fo_error *reterr) {
    struct ex_local *engine = calloc(1, sizeof *engine);

    if (!engine)
        return fail(reterr, -ENOMEM, "local engine");
    engine->config = *config;
    engine->null_fd = -1;
    engine->epoch = config->epoch;
    TAILQ_INIT(&engine->waiting);
    int err = engine_init(engine, reterr);
    if (err) {
        engine_free(engine);
        return err;
    }
    (void)uv_check_init(config->loop, &engine->check);
    (void)uv_idle_init(config->loop, &engine->idle);
    engine->check.data = engine;
    engine->idle.data = engine;
    engine->open_handles = 2;
    (void)uv_check_start(&engine->check, on_check);
    uv_unref((uv_handle_t *)&engine->check);
    *ret_self = engine;
    return 0;
}

static void on_handle_closed(uv_handle_t *handle) {
    struct ex_local *engine = handle->data;

    if (--engine->open_handles == 0)
        engine_free(engine);
}

static void local_close(void *self) {
    struct ex_local *engine = self;

    ex_pump_close(engine->pump);
    uv_close((uv_handle_t *)&engine->check, on_handle_closed);
    uv_close((uv_handle_t *)&engine->idle, on_handle_closed);
}

const struct ex_engine_ops *ex_local_ops(void) {
    static const struct ex_engine_ops ops = {
        .kind = "local",
        .open_job = local_open_job,
        .deploy = local_deploy,
        .cancel = local_cancel,
        .withdraw = local_withdraw,
        .resume = local_resume,
        .suspend = local_suspend,
        .log_path = local_log_path,
        .close_job = local_close_job,
        .close = local_close,
    };

    return &ops;
}
