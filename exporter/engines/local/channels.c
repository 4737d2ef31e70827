/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelined edges: one pipe for each pair of producer and consumer. Both ends are in our hands only
 * from here to the request to the spawner, which closes them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/engines/local/internal.h"

struct places {
    uint32_t total;
    uint32_t before; /* of the edge that was asked for */
};

/* How many peers a task has over all its edges in one direction, and how many of them come before
 * those of `edge`. */
static struct places places_count(const struct fo_graph *graph, uint32_t task, bool inputs,
                                  uint32_t edge) {
    uint32_t vertex = fo_graph_task_vertex(graph, task);
    struct fo_edge_list edges =
        inputs ? fo_graph_inputs(graph, vertex) : fo_graph_outputs(graph, vertex);
    struct places places = {0, 0};

    for (uint32_t i = 0; i < edges.count; i++) {
        if (edges.edges[i] == edge)
            places.before = places.total;
        places.total += (inputs ? fo_graph_producers(graph, edges.edges[i], task)
                                : fo_graph_consumers(graph, edges.edges[i], task))
                            .count;
    }
    return places;
}

static int *ends_new(uint32_t count) {
    int *ends = malloc((count + 1u) * sizeof *ends);

    for (uint32_t i = 0; ends && i < count; i++)
        ends[i] = -1;
    return ends;
}

int ex_channels_init(struct ex_attempt *attempt) {
    const struct fo_graph *graph = attempt->job->spec->graph;

    attempt->input_count = places_count(graph, attempt->task, true, UINT32_MAX).total;
    attempt->output_count = places_count(graph, attempt->task, false, UINT32_MAX).total;
    attempt->input_fds = ends_new(attempt->input_count);
    attempt->output_fds = ends_new(attempt->output_count);
    return attempt->input_fds && attempt->output_fds ? 0 : -ENOMEM;
}

static void ends_close(int *ends, uint32_t count) {
    for (uint32_t i = 0; ends && i < count; i++)
        if (ends[i] != -1)
            (void)close(ends[i]);
    free(ends);
}

void ex_channels_done(struct ex_attempt *attempt) {
    ends_close(attempt->input_fds, attempt->input_count);
    ends_close(attempt->output_fds, attempt->output_count);
    attempt->input_fds = NULL;
    attempt->output_fds = NULL;
}

/* A task that runs as another user opens /dev/fd/N anew, which asks for the pipe's permissions. */
static int pipe_make(const struct ex_local_user *user, int pair[2]) {
    if (pipe2(pair, O_CLOEXEC) == -1)
        return -errno;
    if (user->change && fchown(pair[0], user->uid, user->gid) == -1) {
        int err = -errno;
        (void)close(pair[0]);
        (void)close(pair[1]);
        return err;
    }
    return 0;
}

static int edge_make(struct ex_attempt *attempt, uint32_t edge) {
    struct ex_engine_job *job = attempt->job;
    const struct fo_graph *graph = job->spec->graph;
    struct fo_task_range consumers = fo_graph_consumers(graph, edge, attempt->task);
    uint32_t place = places_count(graph, attempt->task, false, edge).before;

    for (uint32_t i = 0; i < consumers.count; i++) {
        uint32_t task = consumers.first + i;
        struct ex_attempt *consumer = job->current[task];
        int pair[2];
        if (!consumer || consumer->stage != EX_ATTEMPT_STARTING || !consumer->input_fds)
            continue; /* it could not be started; then this task is cancelled soon */
        int err = pipe_make(&job->engine->user, pair);
        if (err)
            return err;
        attempt->output_fds[place + i] = pair[1];
        uint32_t its_place = places_count(graph, task, true, edge).before + attempt->task -
                             fo_graph_producers(graph, edge, task).first;
        consumer->input_fds[its_place] = pair[0];
    }
    return 0;
}

int ex_channels_make(struct ex_attempt *attempt) {
    const struct fo_graph *graph = attempt->job->spec->graph;
    struct fo_edge_list edges = fo_graph_outputs(graph, attempt->vertex_index);
    int err = 0;

    for (uint32_t i = 0; i < edges.count && !err; i++)
        if (ex_exchange_is_pipe(fo_graph_edge(graph, edges.edges[i]).exchange))
            err = edge_make(attempt, edges.edges[i]);
    return err;
}
