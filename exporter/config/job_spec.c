/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/job_spec.h"

#include <stdlib.h>

#include "exporter/config/job_read.h"

struct ex_job_spec *ex_job_spec_ref(struct ex_job_spec *spec) {
    __atomic_add_fetch(&spec->owners, 1, __ATOMIC_RELAXED);
    return spec;
}

static void vertex_done(struct ex_vertex_spec *vertex) {
    union {
        const char *owned;
        char *freed;
    } id = {vertex->id.ptr};

    free(id.freed);
    ex_job_free_words(vertex->command);
    ex_job_free_words(vertex->env);
    free(vertex->runtime);
}

struct ex_job_spec *ex_job_spec_unref(struct ex_job_spec *spec) {
    if (!spec || __atomic_sub_fetch(&spec->owners, 1, __ATOMIC_ACQ_REL) > 0)
        return NULL;
    for (uint32_t i = 0; i < spec->vertex_count; i++)
        vertex_done(&spec->vertices[i]);
    free(spec->vertices);
    free(spec->edges);
    free(spec->edge_lines);
    free(spec->name);
    free(spec->engine);
    free(spec->engine_kind);
    free(spec->path);
    free(spec->working_directory);
    free(spec->source);
    free(spec->folder);
    if (spec->graph)
        fo_graph_unref(spec->graph);
    ex_policies_unref(spec->policies);
    json_decref(spec->configuration);
    ex_notices_done(&spec->notices);
    free(spec);
    return NULL;
}
