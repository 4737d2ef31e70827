/* SPDX-License-Identifier: Apache-2.0 */
#include "failover/gates.h"

#include <errno.h>

#include "failover/memory.h"
#include "failover/sort.h"

/* ---- groups ------------------------------------------------------------------------------ */

static const struct fo_vertex *producer_of(const struct fo_graph *graph, uint32_t edge) {
    return &graph->vertices[graph->edges[edge].from];
}

static const struct fo_vertex *consumer_of(const struct fo_graph *graph, uint32_t edge) {
    return &graph->vertices[graph->edges[edge].to];
}

/* An edge whose producers each have a consumer to themselves, or several, needs no numbers. */
static uint32_t count_groups(const struct fo_graph *graph, uint32_t edge) {
    const struct fo_edge_spec *spec = &graph->edges[edge];

    if (fo_exchange_is_tight(spec->exchange))
        return 0;
    if (spec->pattern == FO_ALL_TO_ALL)
        return 1;
    uint32_t consumers = consumer_of(graph, edge)->parallelism;
    return producer_of(graph, edge)->parallelism > consumers ? consumers : 0;
}

/* An edge inside a region is no gate. For an all-to-all edge one pair tells: if a producer and a
 * consumer share a region, all do, for the shortcut or the cycle search has united them. */
static bool is_inside(const struct fo_graph *graph, uint32_t producer, uint32_t consumer) {
    return graph->task_region[producer] == graph->task_region[consumer];
}

static bool all_to_all_is_inside(const struct fo_graph *graph, uint32_t edge) {
    return is_inside(graph, producer_of(graph, edge)->first_task,
                     consumer_of(graph, edge)->first_task);
}

/* ---- opening and shutting ---------------------------------------------------------------- */

static void shut_gate(struct fo_gates *gates, uint32_t consumer) {
    gates->shut[gates->graph->task_region[consumer]]++;
}

static void open_gate(struct fo_gates *gates, uint32_t consumer) {
    uint32_t region = gates->graph->task_region[consumer];

    if (--gates->shut[region] == 0)
        fo_gates_enqueue(gates, region);
}

static void move_gates(struct fo_gates *gates, struct fo_task_range consumers, bool open) {
    for (uint32_t i = 0; i < consumers.count; i++) {
        if (open)
            open_gate(gates, consumers.first + i);
        else
            shut_gate(gates, consumers.first + i);
    }
}

/* One producer of a group has done enough, or begins anew. */
static void move_group(struct fo_gates *gates, uint32_t group, struct fo_task_range consumers,
                       bool enough) {
    uint32_t *lacking = &gates->lacking[group];

    if (enough && --*lacking == 0)
        move_gates(gates, consumers, true);
    else if (!enough && (*lacking)++ == 0)
        move_gates(gates, consumers, false);
}

static void producer_changed(struct fo_gates *gates, uint32_t edge, uint32_t task, bool enough) {
    const struct fo_graph *graph = gates->graph;
    struct fo_task_range consumers = fo_graph_consumers(graph, edge, task);
    uint32_t group = gates->group_first[edge];

    if (graph->edges[edge].pattern == FO_ALL_TO_ALL) {
        if (!all_to_all_is_inside(graph, edge))
            move_group(gates, group, consumers, enough);
        return;
    }
    if (count_groups(graph, edge) > 0) {
        group += consumers.first - consumer_of(graph, edge)->first_task;
        if (!is_inside(graph, task, consumers.first))
            move_group(gates, group, consumers, enough);
        return;
    }
    for (uint32_t i = 0; i < consumers.count; i++) {
        if (!is_inside(graph, task, consumers.first + i))
            move_gates(gates, (struct fo_task_range){consumers.first + i, 1}, enough);
    }
}

static bool is_enough(enum fo_exchange exchange, enum fo_task_state state) {
    return fo_exchange_is_blocking(exchange) ? state == FO_TASK_FINISHED : state != FO_TASK_CREATED;
}

void fo_gates_task_changed(struct fo_gates *gates, uint32_t task, enum fo_task_state from,
                           enum fo_task_state to) {
    const struct fo_graph *graph = gates->graph;
    const struct fo_vertex *vertex = &graph->vertices[fo_graph_task_vertex(graph, task)];

    for (uint32_t i = 0; vertex->loose_outputs && i < vertex->outputs.count; i++) {
        uint32_t edge = vertex->outputs.edges[i];
        enum fo_exchange exchange = graph->edges[edge].exchange;
        bool enough = is_enough(exchange, to);
        if (!fo_exchange_is_tight(exchange) && enough != is_enough(exchange, from))
            producer_changed(gates, edge, task, enough);
    }
}

/* ---- the queue --------------------------------------------------------------------------- */

void fo_gates_enqueue(struct fo_gates *gates, uint32_t region) {
    if (gates->is_queued[region])
        return;
    gates->is_queued[region] = 1;
    gates->queue[gates->queue_count++] = region;
}

void fo_gates_enqueue_all(struct fo_gates *gates) {
    for (uint32_t region = 0; region < gates->graph->region_count; region++)
        fo_gates_enqueue(gates, region);
}

uint32_t fo_gates_keep_open(struct fo_gates *gates) {
    uint32_t kept = 0;

    for (uint32_t i = 0; i < gates->queue_count; i++) {
        uint32_t region = gates->queue[i];
        if (gates->shut[region] == 0)
            gates->queue[kept++] = region;
        else
            gates->is_queued[region] = 0;
    }
    gates->queue_count = kept;
    fo_sort_ascending(gates->queue, kept);
    return kept;
}

void fo_gates_dequeue(struct fo_gates *gates, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        gates->is_queued[gates->queue[i]] = 0;
    gates->queue_count -= count;
    memmove(gates->queue, gates->queue + count, gates->queue_count * sizeof *gates->queue);
}

/* ---- life -------------------------------------------------------------------------------- */

/* Counts every gate that is shut while all tasks are CREATED: those with a producer outside. */
static void count_edge(struct fo_gates *gates, uint32_t edge) {
    const struct fo_graph *graph = gates->graph;
    struct fo_task_range consumers = fo_vertex_tasks(consumer_of(graph, edge));
    uint32_t groups = count_groups(graph, edge);

    if (graph->edges[edge].pattern == FO_ALL_TO_ALL) {
        if (all_to_all_is_inside(graph, edge))
            return;
        gates->lacking[gates->group_first[edge]] = producer_of(graph, edge)->parallelism;
        move_gates(gates, consumers, false);
        return;
    }
    for (uint32_t i = 0; i < consumers.count; i++) {
        uint32_t consumer = consumers.first + i;
        struct fo_task_range producers = fo_graph_producers(graph, edge, consumer);
        uint32_t outside = 0;
        for (uint32_t j = 0; j < producers.count; j++)
            outside += !is_inside(graph, producers.first + j, consumer);
        if (groups > 0)
            gates->lacking[gates->group_first[edge] + i] = outside;
        if (outside > 0)
            shut_gate(gates, consumer);
    }
}

static int allocate(struct fo_gates *gates) {
    const struct fo_graph *graph = gates->graph;
    const struct fo_allocator *allocator = &gates->allocator;
    size_t groups = 0;

    gates->group_first = fo_array_new(allocator, graph->edge_count, sizeof *gates->group_first);
    gates->shut = fo_array_new(allocator, graph->region_count, sizeof *gates->shut);
    gates->queue = fo_array_new(allocator, graph->region_count, sizeof *gates->queue);
    gates->is_queued = fo_array_new(allocator, graph->region_count, sizeof *gates->is_queued);
    if (!gates->group_first || !gates->shut || !gates->queue || !gates->is_queued)
        return -ENOMEM;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        gates->group_first[edge] = (uint32_t)groups;
        groups += count_groups(graph, edge);
    }
    gates->lacking = fo_array_new(allocator, groups, sizeof *gates->lacking);
    return gates->lacking ? 0 : -ENOMEM;
}

int fo_gates_init(struct fo_gates *gates, const struct fo_graph *graph,
                  const struct fo_allocator *allocator) {
    memset(gates, 0, sizeof *gates);
    gates->graph = graph;
    gates->allocator = *allocator;
    int rc = allocate(gates);
    for (uint32_t edge = 0; rc == 0 && edge < graph->edge_count; edge++) {
        if (!fo_exchange_is_tight(graph->edges[edge].exchange))
            count_edge(gates, edge);
    }
    return rc;
}

void fo_gates_done(struct fo_gates *gates) {
    fo_memory_free(&gates->allocator, gates->is_queued);
    fo_memory_free(&gates->allocator, gates->queue);
    fo_memory_free(&gates->allocator, gates->shut);
    fo_memory_free(&gates->allocator, gates->lacking);
    fo_memory_free(&gates->allocator, gates->group_first);
}
