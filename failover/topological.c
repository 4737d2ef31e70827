/* SPDX-License-Identifier: Apache-2.0 */
/* The topological order of a graph: depth first from the last vertex to the first, each vertex put
 * before everything that follows it. An order that is right already comes out unchanged. */
#include <errno.h>

#include "failover/graph.h"
#include "failover/memory.h"
#include "failover/text.h"

enum { UNSEEN, UNDER_WAY, DONE };

struct visit {
    uint8_t *mark;
    uint32_t *path;
    uint32_t *todo; /* outputs of a vertex not followed yet */
    uint32_t path_count;
    uint32_t position; /* the next free place, counted from the end */
};

static void enter(struct visit *visit, const struct fo_graph *graph, uint32_t vertex) {
    visit->mark[vertex] = UNDER_WAY;
    visit->todo[vertex] = graph->vertices[vertex].outputs.count;
    visit->path[visit->path_count++] = vertex;
}

static void leave(struct visit *visit, struct fo_graph *graph, uint32_t vertex) {
    visit->mark[vertex] = DONE;
    graph->topological[--visit->position] = vertex;
    visit->path_count--;
}

/* The vertex that closes a cycle, or FO_NO_TASK. */
static uint32_t explore(struct visit *visit, struct fo_graph *graph, uint32_t root) {
    enter(visit, graph, root);
    while (visit->path_count > 0) {
        uint32_t vertex = visit->path[visit->path_count - 1];
        if (visit->todo[vertex] == 0) {
            leave(visit, graph, vertex);
            continue;
        }
        uint32_t edge = graph->vertices[vertex].outputs.edges[--visit->todo[vertex]];
        uint32_t next = graph->edges[edge].to;
        if (visit->mark[next] == UNDER_WAY)
            return next;
        if (visit->mark[next] == UNSEEN)
            enter(visit, graph, next);
    }
    return FO_NO_TASK;
}

int fo_graph_sort(struct fo_graph *graph, struct fo_error *reterr) {
    size_t vertices = graph->vertex_count;
    uint32_t *memory = fo_array_new(&graph->allocator, vertices * 2, sizeof *memory);
    uint8_t *mark = fo_array_new(&graph->allocator, vertices, sizeof *mark);
    uint32_t loop = FO_NO_TASK;
    int rc = memory && mark ? 0 : -ENOMEM;

    if (rc == 0) {
        struct visit visit = {mark, memory, memory + vertices, 0, graph->vertex_count};
        for (uint32_t root = graph->vertex_count; root > 0 && loop == FO_NO_TASK; root--) {
            if (mark[root - 1] == UNSEEN)
                loop = explore(&visit, graph, root - 1);
        }
    }
    if (loop != FO_NO_TASK)
        rc = fo_error_set(reterr, -ELOOP, "the edges form a cycle through vertex ",
                          graph->vertices[loop].id, "");
    fo_memory_free(&graph->allocator, mark);
    fo_memory_free(&graph->allocator, memory);
    return rc;
}
