/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about a graph; see failover.h. */
#include "failover/graph.h"
#include "failover/wiring.h"

uint32_t fo_graph_vertex_count(const struct fo_graph *graph) {
    return graph->vertex_count;
}

uint32_t fo_graph_edge_count(const struct fo_graph *graph) {
    return graph->edge_count;
}

uint32_t fo_graph_task_count(const struct fo_graph *graph) {
    return graph->task_count;
}

uint32_t fo_graph_region_count(const struct fo_graph *graph) {
    return graph->region_count;
}

struct fo_str fo_graph_vertex_id(const struct fo_graph *graph, uint32_t vertex) {
    return graph->vertices[vertex].id;
}

uint32_t fo_graph_vertex_parallelism(const struct fo_graph *graph, uint32_t vertex) {
    return graph->vertices[vertex].parallelism;
}

uint32_t fo_graph_vertex_first_task(const struct fo_graph *graph, uint32_t vertex) {
    return graph->vertices[vertex].first_task;
}

struct fo_edge_spec fo_graph_edge(const struct fo_graph *graph, uint32_t edge) {
    return graph->edges[edge];
}

/* The last vertex that begins at or before the task. */
uint32_t fo_graph_task_vertex(const struct fo_graph *graph, uint32_t task) {
    uint32_t low = 0;
    uint32_t high = graph->vertex_count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (graph->vertices[middle].first_task <= task)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint32_t fo_graph_task_subtask(const struct fo_graph *graph, uint32_t task) {
    return task - graph->vertices[fo_graph_task_vertex(graph, task)].first_task;
}

uint32_t fo_graph_task_region(const struct fo_graph *graph, uint32_t task) {
    return graph->task_region[task];
}

uint32_t fo_graph_topological(const struct fo_graph *graph, uint32_t position) {
    return graph->topological[position];
}

struct fo_edge_list fo_graph_inputs(const struct fo_graph *graph, uint32_t vertex) {
    return graph->vertices[vertex].inputs;
}

struct fo_edge_list fo_graph_outputs(const struct fo_graph *graph, uint32_t vertex) {
    return graph->vertices[vertex].outputs;
}

struct fo_task_range fo_graph_producers(const struct fo_graph *graph, uint32_t edge,
                                        uint32_t consumer_task) {
    const struct fo_vertex *from = &graph->vertices[graph->edges[edge].from];
    const struct fo_vertex *to = &graph->vertices[graph->edges[edge].to];

    if (graph->edges[edge].pattern == FO_ALL_TO_ALL)
        return fo_vertex_tasks(from);
    struct fo_task_range range =
        fo_wiring_producers(from->parallelism, to->parallelism, consumer_task - to->first_task);
    range.first += from->first_task;
    return range;
}

struct fo_task_range fo_graph_consumers(const struct fo_graph *graph, uint32_t edge,
                                        uint32_t producer_task) {
    const struct fo_vertex *from = &graph->vertices[graph->edges[edge].from];
    const struct fo_vertex *to = &graph->vertices[graph->edges[edge].to];

    if (graph->edges[edge].pattern == FO_ALL_TO_ALL)
        return fo_vertex_tasks(to);
    struct fo_task_range range =
        fo_wiring_consumers(from->parallelism, to->parallelism, producer_task - from->first_task);
    range.first += to->first_task;
    return range;
}

struct fo_task_list fo_graph_region_tasks(const struct fo_graph *graph, uint32_t region) {
    uint32_t first = graph->region_first[region];

    return (struct fo_task_list){graph->region_tasks + first,
                                 graph->region_first[region + 1] - first};
}

uint64_t fo_graph_edge_channels(const struct fo_graph *graph, uint32_t edge) {
    uint64_t from = graph->vertices[graph->edges[edge].from].parallelism;
    uint64_t to = graph->vertices[graph->edges[edge].to].parallelism;

    if (graph->edges[edge].pattern == FO_ALL_TO_ALL)
        return from * to;
    return from > to ? from : to;
}
