/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/job_read.h - the parts of reading a job file. For job_*.c only. */
#ifndef EX_CONFIG_JOB_READ_H
#define EX_CONFIG_JOB_READ_H

#include "exporter/config/fields.h"
#include "exporter/config/job_spec.h"

struct ex_job_reading {
    struct ex_job_spec *spec;
    struct ex_fields job; /* the root */
    bool wants_commands;
    char **env;      /* of the whole job; NULL-terminated, NULL = none; owned by the caller */
    json_t *indices; /* vertex id -> index; owned by the caller */
};

/* "NAME=value" list of a member `env`: the variables of `inherited` that it does not set, then its
 * own. NULL when there are none. */
FO_MUST_CHECK int ex_job_read_env(const struct ex_fields *fields, char *const *inherited,
                                  char ***ret_env);
void ex_job_free_words(char **words); /* NULL is allowed */

/* Fills spec->vertices and `indices`. */
FO_MUST_CHECK int ex_job_read_vertices(struct ex_job_reading *reading);

/* Fills spec->edges; then spec->graph from both. */
FO_MUST_CHECK int ex_job_read_edges(struct ex_job_reading *reading);
FO_MUST_CHECK int ex_job_build_graph(struct ex_job_reading *reading);

/* -ELOOP with the vertices of a cycle of edges and the line of its last edge; -ENOMEM. */
FO_MUST_CHECK int ex_job_check_cycles(const struct ex_job_spec *spec, struct fo_error *reterr);

#endif
