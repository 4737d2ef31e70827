/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/job_file.h - job files into job specifications: checked, complete, every default
 * filled in. YAML or JSON. The first mistake is told with its line.
 * Owns: nothing; the caller owns the specification. Threads: any. */
#ifndef EX_CONFIG_JOB_FILE_H
#define EX_CONFIG_JOB_FILE_H

#include "exporter/config/job_spec.h"

struct ex_config;

enum {
    EX_JOB_NAME_MAX = 128,  /* bytes */
    EX_VERTEX_ID_MAX = 128, /* bytes: it becomes a folder name and a label */
    EX_COMMAND_MAX = 4096,  /* words */
    EX_ENV_MAX = 4096,      /* variables of a vertex */
};

/* Where a job that comes as bytes comes from. */
struct ex_job_origin {
    const char *path; /* of the file; NULL = none */
    const char
        *working_directory; /* absolute default; NULL = the job must say it if it has commands */
    bool
        commands_optional; /* a job without any command is the push engine's, unless it says else */
};

/* Reads a job file. `config` is the daemon's configuration, NULL = defaults; it is not needed
 * afterwards. -EINVAL, -E2BIG, -ELOOP (a cycle), -ENOMEM, or the negative errno of reading; with
 * the line in `reterr` where there is one: the caller prints "PATH:LINE: text". */
FO_MUST_CHECK int ex_job_file_load(const char *path, const struct ex_config *config,
                                   struct ex_job_spec **ret_spec, struct fo_error *reterr);

/* The same from bytes, such as the body of a request. `origin` may be NULL: nothing is known. */
FO_MUST_CHECK int ex_job_parse(struct fo_str bytes, const struct ex_job_origin *origin,
                               const struct ex_config *config, struct ex_job_spec **ret_spec,
                               struct fo_error *reterr);

/* Whether this machine can run the job: the working directory and every command exist, and the
 * descriptors suffice: the daemon holds both ends of every channel of a pipelined edge while it
 * starts the tasks, three descriptors per task for its input and output, and its notify socket; a
 * task holds one end of each of its channels. Nothing to check for engines that start no processes
 * here. `nofile_max`: the hard limit of descriptors (RLIMIT_NOFILE). -EMFILE with the arithmetic;
 * -ENOENT, -ENOTDIR, -EACCES for what cannot be run; with the line of the vertex or edge. */
FO_MUST_CHECK int ex_job_check_resources(const struct ex_job_spec *spec, uint64_t nofile_max,
                                         struct fo_error *reterr);

/* The same with the limit of this process: the one check before a job is run here. */
FO_MUST_CHECK int ex_job_check_machine(const struct ex_job_spec *spec, struct fo_error *reterr);

#endif
