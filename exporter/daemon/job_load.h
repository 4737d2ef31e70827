/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/job_load.h - a job file, read and held against this machine: the one way in for
 * every command that takes a job file. Owns: nothing. Threads: any. */
#ifndef EX_DAEMON_JOB_LOAD_H
#define EX_DAEMON_JOB_LOAD_H

#include "exporter/config/config.h"
#include "exporter/config/job_spec.h"

/* Errors: those of ex_job_file_load() and ex_job_check_machine(), with the line in `path`. */
FO_MUST_CHECK int ex_job_load(const char *path, const struct ex_config *config,
                              struct ex_job_spec **ret_spec, struct fo_error *reterr);

#endif
