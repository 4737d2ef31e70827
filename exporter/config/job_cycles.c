/* SPDX-License-Identifier: Apache-2.0 */
/* A cycle told by its vertices. The core finds cycles too, but only says that there is one. */
#include <errno.h>
#include <stdlib.h>

#include "exporter/base/buffer.h"
#include "exporter/config/fail.h"
#include "exporter/config/job_read.h"

enum { SHOWN_BYTES_MAX = 180 };

enum visit { UNSEEN, ON_PATH, DONE };

struct search {
    const struct ex_job_spec *spec;
    uint32_t *first_out; /* index into outs of each vertex; one more at the end */
    uint32_t *outs;      /* edges by their `from` */
    uint32_t *next;      /* per vertex: the edge to look at next */
    uint32_t *path;      /* edges from the root of the search to where it stands */
    uint8_t *visits;
};

static int search_init(struct search *search, const struct ex_job_spec *spec) {
    size_t vertices = spec->vertex_count;

    *search = (struct search){
        .spec = spec,
        .first_out = calloc(vertices + 1, sizeof *search->first_out),
        .outs = calloc((size_t)spec->edge_count + 1, sizeof *search->outs),
        .next = calloc(vertices, sizeof *search->next),
        .path = calloc(vertices + 1, sizeof *search->path),
        .visits = calloc(vertices, sizeof *search->visits),
    };
    if (!search->first_out || !search->outs || !search->next || !search->path || !search->visits)
        return -ENOMEM;
    for (uint32_t i = 0; i < spec->edge_count; i++)
        search->first_out[spec->edges[i].from + 1]++;
    for (size_t i = 0; i < vertices; i++)
        search->first_out[i + 1] += search->first_out[i];
    memcpy(search->next, search->first_out, vertices * sizeof *search->next);
    for (uint32_t i = 0; i < spec->edge_count; i++)
        search->outs[search->next[spec->edges[i].from]++] = i;
    memcpy(search->next, search->first_out, vertices * sizeof *search->next);
    return 0;
}

static void search_done(struct search *search) {
    free(search->first_out);
    free(search->outs);
    free(search->next);
    free(search->path);
    free(search->visits);
}

/* `path[depth - 1]` closes a cycle: from the vertex it leads to along the path back to it. */
static int refuse_cycle(const struct search *search, uint32_t depth, struct fo_error *reterr) {
    const struct ex_job_spec *spec = search->spec;
    uint32_t closing = search->path[depth - 1];
    uint32_t meeting = spec->edges[closing].to;
    uint32_t first = depth - 1;
    struct ex_buffer names;

    while (spec->edges[search->path[first]].from != meeting)
        first--;
    ex_buffer_init(&names, SHOWN_BYTES_MAX);
    for (uint32_t i = first; i < depth; i++) {
        ex_buffer_append_str(&names, spec->vertices[spec->edges[search->path[i]].from].id);
        ex_buffer_append_text(&names, " -> ");
    }
    /* When all of them do not fit, the buffer keeps the first ones. */
    ex_fail(reterr, -ELOOP, spec->edge_lines[closing], "the edges form a cycle: %s%s%.*s",
            ex_buffer_text(&names), names.failure ? "... -> " : "",
            ex_shown(spec->vertices[meeting].id), spec->vertices[meeting].id.ptr);
    ex_buffer_done(&names);
    return -ELOOP;
}

/* Depth first from `root`, without recursion: a chain of 65 536 vertices is no reason to die. */
static int search_from(struct search *search, uint32_t root, struct fo_error *reterr) {
    uint32_t vertex = root;
    uint32_t depth = 0;

    search->visits[root] = ON_PATH;
    for (;;) {
        if (search->next[vertex] == search->first_out[vertex + 1]) {
            search->visits[vertex] = DONE;
            if (depth == 0)
                return 0;
            vertex = search->spec->edges[search->path[--depth]].from;
            continue;
        }
        uint32_t edge = search->outs[search->next[vertex]++];
        uint32_t to = search->spec->edges[edge].to;
        search->path[depth] = edge;
        if (search->visits[to] == ON_PATH)
            return refuse_cycle(search, depth + 1, reterr);
        if (search->visits[to] == UNSEEN) {
            search->visits[to] = ON_PATH;
            vertex = to;
            depth++;
        }
    }
}

int ex_job_check_cycles(const struct ex_job_spec *spec, struct fo_error *reterr) {
    struct search search;
    int rc = search_init(&search, spec);

    if (rc != 0)
        ex_fail(reterr, rc, 0, "out of memory");
    for (uint32_t i = 0; i < spec->vertex_count && rc == 0; i++) {
        if (search.visits[i] == UNSEEN)
            rc = search_from(&search, i, reterr);
    }
    search_done(&search);
    return rc;
}
