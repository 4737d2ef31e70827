/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/job_load.h - job files: read and held against this machine, the one way in for
 * every command that takes one; and those that a daemon is started with.
 * Owns: the jobs that were read. Threads: ex_job_load() any; the rest [main]. */
#ifndef EX_DAEMON_JOB_LOAD_H
#define EX_DAEMON_JOB_LOAD_H

#include "exporter/config/config.h"
#include "exporter/config/job_spec.h"
#include "exporter/manager/manager.h"

/* Errors: those of ex_job_file_load() and ex_job_check_machine(), with the line in `path`. */
FO_MUST_CHECK int ex_job_load(const char *path, const struct ex_config *config,
                              struct ex_job_spec **ret_spec, struct fo_error *reterr);

/* What a file says that is good but means nothing here goes to the log. */
void ex_job_load_notices(const char *path, const struct ex_notices *notices);

/* The files of a daemon; zeroed = none. */
struct ex_job_files {
    char **paths; /* borrowed */
    int path_count;
    struct ex_job_spec **specs; /* of the paths, as far as they were read; a reference each */
    int count;                  /* of specs */
};

/* Reads all `paths`: better that nothing starts at all than half of it. Also -EEXIST: two jobs of
 * one name; -ENOTSUP: one of the push engine, unless `reports` says that a scheduler can reach us.
 * On an error *ret_path names the file; what was read stays. */
FO_MUST_CHECK int ex_job_files_read(struct ex_job_files *files, const struct ex_config *config,
                                    bool reports, const char **ret_path, struct fo_error *reterr);

/* Whether a job of an earlier daemon goes on: not one whose file has changed; it is over, and the
 * new one takes its place. */
bool ex_job_files_go_on(const struct ex_job_files *files, const struct ex_job_spec *spec);

/* Starts the jobs, in order, up to the first that is refused; *ret_path names its file. One that
 * is known goes on instead, or has ended and is run again only with `rerun`. Errors: -ENOENT no
 * such engine runs here; the manager's. */
FO_MUST_CHECK int ex_job_files_submit(const struct ex_job_files *files, struct ex_manager *manager,
                                      const struct ex_engines *engines, bool rerun,
                                      const char **ret_path, struct fo_error *reterr);

void ex_job_files_done(struct ex_job_files *files);

#endif
