/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this machine can carry a job: descriptors, folder, commands. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/base/buffer.h"
#include "exporter/config/fail.h"
#include "exporter/config/job_file.h"

enum {
    OWN_DESCRIPTORS = 64, /* what the daemon needs for itself: doors, store, loop */
    TASK_DESCRIPTORS = 4, /* standard input, output, error, and one to open a file with */
    HELD_PER_TASK = 3,    /* by the daemon: both ends of its output's pipe and its standard input
                             when it starts; later the reading end and the log */
    ARITHMETIC_BYTES = 120,
};

/* ---- descriptors ------------------------------------------------------------------------- */

struct channels {
    uint64_t total;
    uint64_t largest;
    uint32_t largest_edge;
    uint64_t tasks;
    uint64_t notify_sockets;
};

static struct channels count_channels(const struct ex_job_spec *spec) {
    struct channels channels = {.tasks = fo_graph_task_count(spec->graph)};

    for (uint32_t i = 0; i < spec->edge_count; i++) {
        if (spec->edges[i].exchange != FO_PIPELINED)
            continue;
        uint64_t count = fo_graph_edge_channels(spec->graph, i);
        channels.total += count;
        if (count > channels.largest) {
            channels.largest = count;
            channels.largest_edge = i;
        }
    }
    for (uint32_t i = 0; i < spec->vertex_count; i++) {
        const struct ex_vertex_spec *vertex = &spec->vertices[i];
        if (vertex->ready == EX_READY_NOTIFY || vertex->watchdog_ms > 0)
            channels.notify_sockets += vertex->parallelism;
    }
    return channels;
}

/* "a -> b: 300 x 300 = 90000, b -> c: ..." of the pipelined edges, as far as it fits. */
static void show_arithmetic(const struct ex_job_spec *spec, struct ex_buffer *out) {
    for (uint32_t i = 0; i < spec->edge_count; i++) {
        const struct fo_edge_spec *edge = &spec->edges[i];
        const struct ex_vertex_spec *from = &spec->vertices[edge->from];
        const struct ex_vertex_spec *to = &spec->vertices[edge->to];
        if (edge->exchange != FO_PIPELINED)
            continue;
        ex_buffer_printf(out, "%s%.*s -> %.*s: ", out->len > 0 ? ", " : "", ex_shown(from->id),
                         from->id.ptr, ex_shown(to->id), to->id.ptr);
        if (edge->pattern == FO_ALL_TO_ALL)
            ex_buffer_printf(out, "%u x %u = ", from->parallelism, to->parallelism);
        ex_buffer_append_u64(out, fo_graph_edge_channels(spec->graph, i));
    }
    if (out->failure) {
        ex_buffer_truncate(out, out->len < ARITHMETIC_BYTES - 5 ? out->len : ARITHMETIC_BYTES - 5);
        out->failure = 0;
        ex_buffer_append_text(out, ", ...");
    }
}

static int check_daemon_descriptors(const struct ex_job_spec *spec, uint64_t nofile_max,
                                    struct fo_error *reterr) {
    struct channels channels = count_channels(spec);
    uint64_t needed = 2 * channels.total + HELD_PER_TASK * channels.tasks +
                      channels.notify_sockets + OWN_DESCRIPTORS;
    struct ex_buffer arithmetic;

    if (needed <= nofile_max)
        return 0;
    ex_buffer_init(&arithmetic, ARITHMETIC_BYTES);
    show_arithmetic(spec, &arithmetic);
    int line =
        channels.total > 0 ? spec->edge_lines[channels.largest_edge] : spec->vertices[0].line;
    ex_fail(reterr, -EMFILE, line,
            "%llu descriptors needed, limit %llu: 2 x %llu channels (%s) + %d x %llu tasks + "
            "%llu notify sockets + %d",
            (unsigned long long)needed, (unsigned long long)nofile_max,
            (unsigned long long)channels.total, ex_buffer_text(&arithmetic), HELD_PER_TASK,
            (unsigned long long)channels.tasks, (unsigned long long)channels.notify_sockets,
            OWN_DESCRIPTORS);
    ex_buffer_done(&arithmetic);
    return -EMFILE;
}

/* The most channels that one task of a vertex of parallelism `own` has to one of `other`. */
static uint64_t channels_per_task(const struct fo_edge_spec *edge, uint32_t own, uint32_t other) {
    if (edge->exchange != FO_PIPELINED)
        return 0;
    return edge->pattern == FO_ALL_TO_ALL ? other : ((uint64_t)other + own - 1) / own;
}

static int check_task_descriptors(const struct ex_job_spec *spec, uint64_t nofile_max,
                                  struct fo_error *reterr) {
    uint64_t *counts = calloc(spec->vertex_count, sizeof *counts);
    int rc = 0;

    if (!counts)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    for (uint32_t i = 0; i < spec->edge_count; i++) {
        const struct fo_edge_spec *edge = &spec->edges[i];
        uint32_t from = spec->vertices[edge->from].parallelism;
        uint32_t to = spec->vertices[edge->to].parallelism;
        counts[edge->from] += channels_per_task(edge, from, to);
        counts[edge->to] += channels_per_task(edge, to, from);
    }
    for (uint32_t i = 0; i < spec->vertex_count && rc == 0; i++) {
        const struct ex_vertex_spec *vertex = &spec->vertices[i];
        uint64_t limit = vertex->nofile > 0 ? vertex->nofile : nofile_max;
        if (counts[i] + TASK_DESCRIPTORS > limit)
            rc = ex_fail(reterr, -EMFILE, vertex->line,
                         "vertex \"%.*s\": a task has %llu channels + %d, more than its limit of "
                         "%llu descriptors",
                         ex_shown(vertex->id), vertex->id.ptr, (unsigned long long)counts[i],
                         TASK_DESCRIPTORS, (unsigned long long)limit);
    }
    free(counts);
    return rc;
}

/* ---- commands ---------------------------------------------------------------------------- */

/* 0, or why a file cannot be run; -ENOENT beats nothing, all else beats -ENOENT. */
static int check_program(int folder_fd, const char *path) {
    struct stat status;

    if (fstatat(folder_fd, path, &status, 0) == -1)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EACCES;
    return faccessat(folder_fd, path, X_OK, AT_EACCESS) == -1 ? -errno : 0;
}

/* The PATH that the tasks of a vertex get. */
static const char *path_of(const struct ex_vertex_spec *vertex) {
    const char *inherited = secure_getenv("PATH");

    for (char **variable = vertex->env; variable && *variable; variable++) {
        if (strncmp(*variable, "PATH=", 5) == 0)
            return *variable + 5;
    }
    return inherited ? inherited : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

static int find_in_path(int folder_fd, const char *path, const char *name) {
    int found = -ENOENT;

    while (*path != '\0' && found != 0) {
        size_t len = strcspn(path, ":");
        char *candidate = NULL;
        if (asprintf(&candidate, "%.*s/%s", len > 0 ? (int)len : 1, len > 0 ? path : ".", name) ==
            -1)
            return -ENOMEM;
        int rc = check_program(folder_fd, candidate);
        free(candidate);
        if (rc == 0 || rc == -EACCES)
            found = rc;
        path += len + (path[len] == ':');
    }
    return found;
}

static int check_command(int folder_fd, const struct ex_vertex_spec *vertex,
                         struct fo_error *reterr) {
    const char *name = vertex->command[0];
    bool is_path = strchr(name, '/') != NULL;
    int rc =
        is_path ? check_program(folder_fd, name) : find_in_path(folder_fd, path_of(vertex), name);

    if (rc == 0)
        return 0;
    return ex_fail(reterr, rc, vertex->command_line, "vertex \"%.*s\": cannot run \"%.*s\": %s%s",
                   ex_shown(vertex->id), vertex->id.ptr, EX_SHOWN_MAX, name, strerrordesc_np(-rc),
                   is_path ? "" : " (looked for in PATH)");
}

static int check_commands(const struct ex_job_spec *spec, struct fo_error *reterr) {
    int folder = open(spec->working_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int rc = folder == -1 ? -errno : 0;

    if (rc != 0)
        return ex_fail(reterr, rc, spec->working_directory_line, "working-directory %.*s: %s",
                       EX_SHOWN_MAX, spec->working_directory, strerrordesc_np(-rc));
    for (uint32_t i = 0; i < spec->vertex_count && rc == 0; i++)
        rc = check_command(folder, &spec->vertices[i], reterr);
    (void)close(folder);
    return rc;
}

int ex_job_check_resources(const struct ex_job_spec *spec, uint64_t nofile_max,
                           struct fo_error *reterr) {
    if (strcmp(spec->engine_kind, "local") != 0)
        return 0;
    int rc = check_daemon_descriptors(spec, nofile_max, reterr);
    if (rc == 0)
        rc = check_task_descriptors(spec, nofile_max, reterr);
    return rc == 0 ? check_commands(spec, reterr) : rc;
}

int ex_job_check_machine(const struct ex_job_spec *spec, struct fo_error *reterr) {
    struct rlimit descriptors = {.rlim_max = RLIM_INFINITY};

    (void)getrlimit(RLIMIT_NOFILE, &descriptors);
    return ex_job_check_resources(spec, descriptors.rlim_max, reterr);
}
