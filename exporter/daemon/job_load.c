/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/job_load.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/base/log.h"
#include "exporter/config/fail.h"
#include "exporter/config/job_file.h"
#include "exporter/daemon/engine_rooms.h"

int ex_job_load(const char *path, const struct ex_config *config, struct ex_job_spec **ret_spec,
                struct fo_error *reterr) {
    struct ex_job_spec *spec;

    int ret = ex_job_file_load(path, config, &spec, reterr);
    if (ret < 0)
        return ret;
    ret = ex_job_check_machine(spec, reterr);
    if (ret < 0) {
        (void)ex_job_spec_unref(spec);
        return ret;
    }
    *ret_spec = spec;
    return 0;
}

void ex_job_load_notices(const char *path, const struct ex_notices *notices) {
    for (size_t i = 0; i < notices->count; i++)
        ex_log(EX_LOG_INFO, "A setting has no effect.", EX_TEXT("file", path),
               EX_INT("line", notices->items[i].line), EX_TEXT("why", notices->items[i].text));
}

/* ---- the files of a daemon ---- */

static bool is_pushed(const struct ex_job_spec *spec) {
    return strcmp(spec->engine_kind, ex_push_name) == 0;
}

/* The job stands under its name in every series: two of one name cannot run together. */
static int check_name(const struct ex_job_files *files, const struct ex_job_spec *spec,
                      struct fo_error *reterr) {
    for (int i = 0; i < files->count; i++) {
        if (strcmp(files->specs[i]->name, spec->name) == 0)
            return ex_fail(reterr, -EEXIST, 0, "name: \"%.60s\" is already the job of %.60s",
                           spec->name, files->paths[i]);
    }
    return 0;
}

static int check_engine(const struct ex_job_spec *spec, bool reports, struct fo_error *reterr) {
    if (reports || !is_pushed(spec))
        return 0;
    return ex_fail(reterr, -ENOTSUP, 0,
                   "engine: %.64s: the tasks of this job are started by a scheduler of yours, "
                   "which reports to a daemon; start one with `serve` and see docs/push.md",
                   spec->engine);
}

static int read_file(struct ex_job_files *files, const char *path, const struct ex_config *config,
                     bool reports, struct fo_error *reterr) {
    struct ex_job_spec *spec = NULL;
    int ret = ex_job_load(path, config, &spec, reterr);

    if (ret == 0)
        ret = check_name(files, spec, reterr);
    if (ret == 0)
        ret = check_engine(spec, reports, reterr);
    if (ret < 0) {
        (void)ex_job_spec_unref(spec);
        return ret;
    }
    ex_job_load_notices(path, &spec->notices);
    files->specs[files->count++] = spec;
    return 0;
}

int ex_job_files_read(struct ex_job_files *files, const struct ex_config *config, bool reports,
                      const char **ret_path, struct fo_error *reterr) {
    files->count = 0;
    files->specs = calloc((size_t)files->path_count + 1, sizeof *files->specs);
    if (!files->specs)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    for (int i = 0; i < files->path_count; i++) {
        int ret = read_file(files, files->paths[i], config, reports, reterr);
        if (ret < 0) {
            *ret_path = files->paths[i];
            return ret;
        }
    }
    return 0;
}

bool ex_job_files_go_on(const struct ex_job_files *files, const struct ex_job_spec *spec) {
    for (int i = 0; i < files->count; i++) {
        const struct ex_job_spec *file = files->specs[i];
        if (strcmp(file->name, spec->name) != 0 || strcmp(file->engine, spec->engine) != 0 ||
            file->content_hash == spec->content_hash)
            continue;
        ex_log(EX_LOG_WARN, "The file of a job has changed; it begins anew.",
               EX_TEXT("job_name", spec->name), EX_TEXT("file", files->paths[i]));
        return false;
    }
    return true;
}

/* ---- starting them ---- */

/* The job of a file that goes on, or has ended and is not to be run again. */
static bool is_known(const struct ex_job_spec *spec, struct ex_manager *manager,
                     const struct ex_engine *engine, bool rerun) {
    const struct ex_job *job = ex_manager_find_name(manager, engine, spec->name);

    if (!job || (ex_job_is_closed(job) && rerun))
        return false;
    ex_log(EX_LOG_INFO,
           ex_job_is_closed(job) ? "A job has ended; --rerun runs it again." : "A job goes on.",
           EX_TEXT("job_name", spec->name), EX_TEXT("job_id", ex_job_id(job)));
    return true;
}

static int submit(struct ex_job_spec *spec, struct ex_manager *manager,
                  const struct ex_engine *engine, struct fo_error *reterr) {
    struct ex_job *job;
    int ret = ex_manager_submit(manager, engine, spec, &job, reterr);

    if (ret == 0 && is_pushed(spec))
        ex_log(EX_LOG_INFO,
               "The job waits for its scheduler, which follows GET /jobs/ID/decisions and "
               "answers with POST /jobs/ID/reports.",
               EX_TEXT("job_name", spec->name), EX_TEXT("job_id", ex_job_id(job)),
               EX_TEXT("engine", spec->engine));
    return ret;
}

int ex_job_files_submit(const struct ex_job_files *files, struct ex_manager *manager,
                        const struct ex_engines *engines, bool rerun, const char **ret_path,
                        struct fo_error *reterr) {
    for (int i = 0; i < files->count; i++) {
        struct ex_job_spec *spec = files->specs[i];
        const struct ex_engine *engine = ex_engines_find(engines, spec->engine);
        if (engine && is_known(spec, manager, engine, rerun))
            continue;
        int ret = engine ? submit(spec, manager, engine, reterr)
                         : ex_fail(reterr, -ENOENT, 0, "engine: no engine \"%s\" runs here",
                                   spec->engine);
        if (ret < 0) {
            *ret_path = files->paths[i];
            return ret;
        }
    }
    return 0;
}

void ex_job_files_done(struct ex_job_files *files) {
    for (int i = 0; i < files->count; i++)
        (void)ex_job_spec_unref(files->specs[i]);
    free(files->specs);
    *files = (struct ex_job_files){0};
}
