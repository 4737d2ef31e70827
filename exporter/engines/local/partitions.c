/* SPDX-License-Identifier: Apache-2.0 */
/* Blocking edges: what a producer writes is seen by nobody until it is FINISHED, and then whole.
 * A partition that has gone from the disk is told to the owner, so that its producer runs again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/engines/local/internal.h"

static const struct fo_graph *graph_of(const struct ex_engine_job *job) {
    return job->spec->graph;
}

/* ---- names --------------------------------------------------------------------------------- */

static char *folder_name(const struct ex_engine_job *job, uint32_t edge) {
    struct fo_edge_spec spec = fo_graph_edge(graph_of(job), edge);
    char from[EX_NAME_SIZE];
    char to[EX_NAME_SIZE];
    char *name = NULL;

    ex_name_escape(fo_graph_vertex_id(graph_of(job), spec.from), from);
    ex_name_escape(fo_graph_vertex_id(graph_of(job), spec.to), to);
    return asprintf(&name, "%s-%s", from, to) == -1 ? NULL : name;
}

static int by_folder(const void *a, const void *b) {
    const struct ex_local_edge *left = *(struct ex_local_edge *const *)a;
    const struct ex_local_edge *right = *(struct ex_local_edge *const *)b;

    return strcmp(left->folder, right->folder);
}

/* Two edges between the same vertices, or vertices "a", "b-c" and "a-b", "c", would share a folder:
 * all but one of them get the number of the edge behind a sign that no escaped name has. */
static int folders_part(struct ex_engine_job *job, struct ex_local_edge **blocking, size_t count) {
    qsort(blocking, count, sizeof(struct ex_local_edge *), by_folder);
    for (size_t i = count; i-- > 1;) {
        char *name = NULL;
        if (strcmp(blocking[i]->folder, blocking[i - 1]->folder) != 0)
            continue;
        if (asprintf(&name, "%s#%zu", blocking[i]->folder, (size_t)(blocking[i] - job->edges)) ==
            -1)
            return -ENOMEM;
        free(blocking[i]->folder);
        blocking[i]->folder = name;
    }
    return 0;
}

static int edge_init(struct ex_engine_job *job, uint32_t edge) {
    uint32_t producers =
        fo_graph_vertex_parallelism(graph_of(job), fo_graph_edge(graph_of(job), edge).from);
    struct ex_local_edge *local = &job->edges[edge];

    local->folder = folder_name(job, edge);
    local->published = malloc(producers * sizeof *local->published);
    if (!local->folder || !local->published)
        return -ENOMEM;
    for (uint32_t i = 0; i < producers; i++)
        local->published[i] = EX_UNPUBLISHED;
    return 0;
}

int ex_partitions_init(struct ex_engine_job *job) {
    uint32_t edge_count = fo_graph_edge_count(graph_of(job));
    struct ex_local_edge **blocking = calloc(edge_count + 1, sizeof(struct ex_local_edge *));
    size_t count = 0;
    int err = 0;

    job->edges = calloc(edge_count + 1, sizeof *job->edges);
    if (!blocking || !job->edges)
        err = -ENOMEM;
    for (uint32_t edge = 0; edge < edge_count && !err; edge++) {
        if (ex_exchange_is_pipe(fo_graph_edge(graph_of(job), edge).exchange))
            continue;
        err = edge_init(job, edge);
        blocking[count++] = &job->edges[edge];
    }
    if (!err)
        err = folders_part(job, blocking, count);
    free(blocking);
    return err;
}

void ex_partitions_done(struct ex_engine_job *job) {
    for (uint32_t edge = 0; job->edges && edge < fo_graph_edge_count(graph_of(job)); edge++) {
        free(job->edges[edge].folder);
        free(job->edges[edge].published);
    }
    free(job->edges);
    job->edges = NULL;
}

/* The folder of one producer's partition; with a dot in front as long as it is being written. */
static bool partition_path(const struct ex_engine_job *job, uint32_t edge, uint32_t subtask,
                           uint32_t attempt, bool published, char *path) {
    return ex_path_print(path, "%s/%s/%s%" PRIu32 ".%" PRIu32, job->folder, job->edges[edge].folder,
                         published ? "" : ".", subtask, attempt);
}

bool ex_partition_input_path(const struct ex_attempt *attempt, uint32_t edge, uint32_t producer,
                             char path[static EX_LOCAL_PATH_SIZE]) {
    const struct ex_engine_job *job = attempt->job;
    uint32_t subtask = fo_graph_task_subtask(graph_of(job), producer);
    char folder[EX_LOCAL_PATH_SIZE];

    return partition_path(job, edge, subtask, job->edges[edge].published[subtask], true, folder) &&
           ex_path_print(path, "%s/%" PRIu32, folder, attempt->subtask);
}

bool ex_partition_output_path(const struct ex_attempt *attempt, uint32_t edge, uint32_t consumer,
                              char path[static EX_LOCAL_PATH_SIZE]) {
    const struct ex_engine_job *job = attempt->job;
    char folder[EX_LOCAL_PATH_SIZE];

    return partition_path(job, edge, attempt->subtask, attempt->attempt, false, folder) &&
           ex_path_print(path, "%s/%" PRIu32, folder,
                         fo_graph_task_subtask(graph_of(job), consumer));
}

/* ---- writing ------------------------------------------------------------------------------- */

static int file_make(const struct ex_attempt *attempt, const char *path) {
    const struct ex_local_user *user = &attempt->job->engine->user;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd == -1)
        return -errno;
    int err = user->change && fchown(fd, user->uid, user->gid) == -1 ? -errno : 0;
    (void)close(fd);
    return err;
}

/* What a daemon that died may have left of an attempt of the same number. */
static void partition_clear(const struct ex_attempt *attempt, uint32_t edge) {
    const bool published[] = {false, true};
    char path[EX_LOCAL_PATH_SIZE];

    for (size_t i = 0; i < sizeof published / sizeof *published; i++)
        if (partition_path(attempt->job, edge, attempt->subtask, attempt->attempt, published[i],
                           path) &&
            access(path, F_OK) == 0)
            ex_folder_discard(attempt->job->engine, path, NULL, NULL);
}

/* Empty files stand ready for all consumers: a producer may have nothing for one of them. */
static int partition_prepare(const struct ex_attempt *attempt, uint32_t edge) {
    const struct ex_engine_job *job = attempt->job;
    const struct ex_local_user *user = &job->engine->user;
    struct fo_task_range consumers = fo_graph_consumers(graph_of(job), edge, attempt->task);
    char path[EX_LOCAL_PATH_SIZE];

    if (!ex_path_print(path, "%s/%s", job->folder, job->edges[edge].folder))
        return -ENAMETOOLONG;
    int err = ex_folder_make_passage(path, user);
    if (err)
        return err;
    partition_clear(attempt, edge);
    if (!partition_path(job, edge, attempt->subtask, attempt->attempt, false, path))
        return -ENAMETOOLONG;
    err = ex_folder_make(path, user);
    for (uint32_t i = 0; i < consumers.count && !err; i++)
        err = ex_partition_output_path(attempt, edge, consumers.first + i, path)
                  ? file_make(attempt, path)
                  : -ENAMETOOLONG;
    return err;
}

static struct fo_edge_list outputs_of(const struct ex_engine_job *job, uint32_t task) {
    return fo_graph_outputs(graph_of(job), fo_graph_task_vertex(graph_of(job), task));
}

int ex_partitions_prepare(struct ex_attempt *attempt) {
    struct fo_edge_list edges = outputs_of(attempt->job, attempt->task);
    int err = 0;

    for (uint32_t i = 0; i < edges.count && !err; i++)
        if (attempt->job->edges[edges.edges[i]].folder)
            err = partition_prepare(attempt, edges.edges[i]);
    return err;
}

static bool is_published(const struct ex_attempt *attempt, uint32_t edge) {
    return attempt->job->edges[edge].published[attempt->subtask] == attempt->attempt;
}

int ex_partitions_publish(struct ex_attempt *attempt) {
    struct ex_engine_job *job = attempt->job;
    struct fo_edge_list edges = outputs_of(job, attempt->task);
    char hidden[EX_LOCAL_PATH_SIZE];
    char shown[EX_LOCAL_PATH_SIZE];

    for (uint32_t i = 0; i < edges.count; i++) {
        uint32_t edge = edges.edges[i];
        if (!job->edges[edge].folder || is_published(attempt, edge))
            continue;
        if (!partition_path(job, edge, attempt->subtask, attempt->attempt, false, hidden) ||
            !partition_path(job, edge, attempt->subtask, attempt->attempt, true, shown))
            return -ENAMETOOLONG;
        if (rename(hidden, shown) == -1)
            return -errno;
        job->edges[edge].published[attempt->subtask] = attempt->attempt;
    }
    return 0;
}

void ex_partitions_drop(const struct ex_attempt *attempt) {
    struct ex_engine_job *job = attempt->job;
    struct fo_edge_list edges = outputs_of(job, attempt->task);
    char path[EX_LOCAL_PATH_SIZE];

    for (uint32_t i = 0; i < edges.count; i++)
        if (job->edges[edges.edges[i]].folder &&
            partition_path(job, edges.edges[i], attempt->subtask, attempt->attempt, false, path) &&
            access(path, F_OK) == 0)
            ex_folder_discard(job->engine, path, NULL, NULL);
}

void ex_partitions_withdraw(struct ex_engine_job *job, uint32_t task) {
    struct fo_edge_list edges = outputs_of(job, task);
    uint32_t subtask = fo_graph_task_subtask(graph_of(job), task);
    char path[EX_LOCAL_PATH_SIZE];

    for (uint32_t i = 0; i < edges.count; i++) {
        struct ex_local_edge *edge = &job->edges[edges.edges[i]];
        if (!edge->folder || edge->published[subtask] == EX_UNPUBLISHED)
            continue;
        if (partition_path(job, edges.edges[i], subtask, edge->published[subtask], true, path))
            ex_folder_discard(job->engine, path, NULL, NULL);
        edge->published[subtask] = EX_UNPUBLISHED;
    }
}

/* ---- what an earlier daemon has left ---- */

/* The partition that is on the disk counts as published by the attempt that made it. One that is
 * not will be missed by its first reader. */
static void find_published(struct ex_engine_job *job, uint32_t edge,
                           const struct ex_resumed_task *tasks) {
    uint32_t vertex = fo_graph_edge(graph_of(job), edge).from;
    uint32_t first = fo_graph_vertex_first_task(graph_of(job), vertex);
    char path[EX_LOCAL_PATH_SIZE];

    for (uint32_t i = 0; i < fo_graph_vertex_parallelism(graph_of(job), vertex); i++) {
        const struct ex_resumed_task *task = &tasks[first + i];
        if (task->state == FO_TASK_FINISHED &&
            partition_path(job, edge, i, task->attempt, true, path) && access(path, F_OK) == 0)
            job->edges[edge].published[i] = task->attempt;
    }
}

static bool is_published_name(const struct ex_local_edge *edge, uint32_t producers,
                              const char *name) {
    char wanted[EX_NAME_SIZE];
    char *end;
    unsigned long subtask = strtoul(name, &end, 10);

    if (end == name || subtask >= producers || edge->published[subtask] == EX_UNPUBLISHED)
        return false;
    (void)snprintf(wanted, sizeof wanted, "%lu.%" PRIu32, subtask, edge->published[subtask]);
    return strcmp(name, wanted) == 0;
}

/* What attempts that died with the daemon were writing, and what nobody will read. */
static void sweep(struct ex_engine_job *job, uint32_t edge) {
    uint32_t producers =
        fo_graph_vertex_parallelism(graph_of(job), fo_graph_edge(graph_of(job), edge).from);
    char folder[EX_LOCAL_PATH_SIZE];
    char path[EX_LOCAL_PATH_SIZE];

    if (!ex_path_print(folder, "%s/%s", job->folder, job->edges[edge].folder))
        return;
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is of this call alone */
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            !is_published_name(&job->edges[edge], producers, entry->d_name) &&
            ex_path_print(path, "%s/%s", folder, entry->d_name))
            ex_folder_discard(job->engine, path, NULL, NULL);
    }
    (void)closedir(dir);
}

void ex_partitions_resume(struct ex_engine_job *job, const struct ex_resumed_task *tasks,
                          bool same_boot) {
    for (uint32_t edge = 0; edge < fo_graph_edge_count(graph_of(job)); edge++) {
        if (!job->edges[edge].folder)
            continue;
        /* What was not yet on the disk when the machine went down may be there without content. */
        if (same_boot)
            find_published(job, edge, tasks);
        sweep(job, edge);
    }
}

/* ---- reading ------------------------------------------------------------------------------- */

static bool input_is_there(const struct ex_attempt *attempt, uint32_t edge, uint32_t producer) {
    uint32_t subtask = fo_graph_task_subtask(graph_of(attempt->job), producer);
    char path[EX_LOCAL_PATH_SIZE];

    return attempt->job->edges[edge].published[subtask] != EX_UNPUBLISHED &&
           ex_partition_input_path(attempt, edge, producer, path) && access(path, F_OK) == 0;
}

struct fo_partition ex_partitions_check(struct ex_attempt *attempt) {
    struct ex_engine_job *job = attempt->job;
    struct fo_edge_list edges = fo_graph_inputs(graph_of(job), attempt->vertex_index);
    struct fo_partition first = {FO_NO_TASK, 0};

    for (uint32_t i = 0; i < edges.count; i++) {
        uint32_t edge = edges.edges[i];
        if (!job->edges[edge].folder)
            continue;
        struct fo_task_range producers = fo_graph_producers(graph_of(job), edge, attempt->task);
        for (uint32_t j = 0; j < producers.count; j++) {
            struct fo_partition partition = {producers.first + j, edge};
            if (input_is_there(attempt, edge, partition.producer))
                continue;
            if (first.producer == FO_NO_TASK)
                first = partition;
            job->engine->config.sink->partition_lost(job->owner, partition);
        }
    }
    return first;
}
