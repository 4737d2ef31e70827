/* SPDX-License-Identifier: Apache-2.0 */
/* From an attempt to a command for the spawner: environment, descriptors, limits. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/engines/local/internal.h"

enum { FIRST_PIPE_TARGET = 3, LIST_MAX_BYTES = 1024 * 1024, US_PER_MS = 1000 };

/* ---- environment --------------------------------------------------------------------------- */

struct settings {
    char **items; /* owned; NULL-terminated once something is in it */
    size_t count;
    size_t capacity;
    int failure;
};

static void settings_done(struct settings *settings) {
    for (size_t i = 0; i < settings->count; i++)
        free(settings->items[i]);
    free(settings->items);
}

static char **settings_place(struct settings *settings, const char *item) {
    size_t name_len = strcspn(item, "=") + 1;

    for (size_t i = 0; i < settings->count; i++)
        if (strncmp(settings->items[i], item, name_len) == 0)
            return &settings->items[i];
    if (settings->count + 1 >= settings->capacity) {
        size_t capacity = settings->capacity ? settings->capacity * 2 : 32;
        char **items = realloc(settings->items, capacity * sizeof *items);
        if (!items)
            return NULL;
        settings->items = items;
        settings->capacity = capacity;
    }
    settings->items[settings->count] = NULL;
    settings->items[settings->count + 1] = NULL;
    return &settings->items[settings->count++];
}

/* Takes "NAME=value"; a later setting of a name takes the place of an earlier one. */
static void settings_take(struct settings *settings, char *item) {
    char **place = item ? settings_place(settings, item) : NULL;

    if (!place) {
        free(item);
        settings->failure = -ENOMEM;
        return;
    }
    free(*place);
    *place = item;
}

FO_PRINTF(2, 3) static void settings_put(struct settings *settings, const char *format, ...) {
    char *item = NULL;
    va_list args;

    va_start(args, format);
    int len = vasprintf(&item, format, args);
    va_end(args);
    settings_take(settings, len == -1 ? NULL : item);
}

static void settings_inherit(struct settings *settings, const char *name, const char *otherwise) {
    const char *value = getenv(name); // NOLINT(concurrency-mt-unsafe): nobody here sets it

    if (!value)
        value = otherwise;
    if (value)
        settings_put(settings, "%s=%s", name, value);
}

static void put_base(struct settings *settings, const struct ex_attempt *attempt) {
    const struct ex_local_user *user = &attempt->job->engine->user;

    settings_inherit(settings, "PATH",
                     "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    if (user->change)
        settings_put(settings, "HOME=%s", user->home);
    else
        settings_inherit(settings, "HOME", "/");
    settings_inherit(settings, "LANG", "C.UTF-8");
    settings_inherit(settings, "TZ", NULL);
    for (char **item = attempt->vertex->env; item && *item; item++)
        settings_put(settings, "%s", *item);
}

static void put_identity(struct settings *settings, const struct ex_attempt *attempt,
                         uint64_t epoch) {
    const struct ex_engine_job *job = attempt->job;
    const struct ex_vertex_spec *vertex = attempt->vertex;

    settings_put(settings, "FAILOVER_JOB_ID=%s", job->id);
    settings_put(settings, "FAILOVER_JOB_NAME=%s", job->spec->name);
    settings_put(settings, "FAILOVER_VERTEX=%.*s", (int)vertex->id.len, vertex->id.ptr);
    settings_put(settings, "FAILOVER_SUBTASK_INDEX=%" PRIu32, attempt->subtask);
    settings_put(settings, "FAILOVER_PARALLELISM=%" PRIu32, vertex->parallelism);
    settings_put(settings, "FAILOVER_ATTEMPT=%" PRIu32, attempt->attempt);
    settings_put(settings, "FAILOVER_EPOCH=%" PRIu64, epoch);
    settings_put(settings, "FAILOVER_STATE_DIR=%s", attempt->state_path);
    if (attempt->notify)
        settings_put(settings, "NOTIFY_SOCKET=%s", ex_notify_path(attempt->notify));
    if (vertex->watchdog_ms > 0)
        settings_put(settings, "WATCHDOG_USEC=%" PRId64, vertex->watchdog_ms * US_PER_MS);
}

/* The paths of one direction: in the order of the edges, then of the peers. A pipe is named by the
 * number that it will have, counted on from *target. */
static void append_paths(struct ex_buffer *list, const struct ex_attempt *attempt, bool inputs,
                         int *target) {
    const struct fo_graph *graph = attempt->job->spec->graph;
    struct fo_edge_list edges = inputs ? fo_graph_inputs(graph, attempt->vertex_index)
                                       : fo_graph_outputs(graph, attempt->vertex_index);
    char path[EX_LOCAL_PATH_SIZE];

    for (uint32_t i = 0; i < edges.count; i++) {
        uint32_t edge = edges.edges[i];
        bool is_file = attempt->job->edges[edge].folder != NULL;
        struct fo_task_range peers = inputs ? fo_graph_producers(graph, edge, attempt->task)
                                            : fo_graph_consumers(graph, edge, attempt->task);
        for (uint32_t peer = peers.first; peer < peers.first + peers.count; peer++) {
            bool fits = !is_file ? ex_path_print(path, "/dev/fd/%d", (*target)++)
                        : inputs ? ex_partition_input_path(attempt, edge, peer, path)
                                 : ex_partition_output_path(attempt, edge, peer, path);
            ex_buffer_append_text(list, list->len > 0 ? " " : "");
            ex_buffer_append_text(list, fits ? path : "");
        }
    }
}

static void put_paths(struct settings *settings, const struct ex_attempt *attempt) {
    struct ex_buffer inputs;
    struct ex_buffer outputs;
    int target = FIRST_PIPE_TARGET;

    ex_buffer_init(&inputs, LIST_MAX_BYTES);
    ex_buffer_init(&outputs, LIST_MAX_BYTES);
    append_paths(&inputs, attempt, true, &target);
    append_paths(&outputs, attempt, false, &target);
    settings_put(settings, "FAILOVER_INPUTS=%s", ex_buffer_text(&inputs));
    settings_put(settings, "FAILOVER_OUTPUTS=%s", ex_buffer_text(&outputs));
    if (inputs.failure || outputs.failure)
        settings->failure = -E2BIG;
    ex_buffer_done(&inputs);
    ex_buffer_done(&outputs);
}

/* ---- descriptors --------------------------------------------------------------------------- */

struct handover {
    int *descriptors;
    struct ex_spawn_map *map;
    uint32_t descriptor_count;
    uint32_t map_count;
};

static void handover_map(struct handover *handover, uint32_t index, uint32_t target) {
    handover->map[handover->map_count++] = (struct ex_spawn_map){index, target};
}

/* Takes the pipes of one direction: each to its number, and a single one to the standard
 * descriptor as well. */
static void take_pipes(struct handover *handover, int *ends, uint32_t count, uint32_t *target,
                       uint32_t standard, uint32_t otherwise) {
    uint32_t taken = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (ends[i] == -1)
            continue;
        handover_map(handover, handover->descriptor_count, (*target)++);
        handover->descriptors[handover->descriptor_count++] = ends[i];
        ends[i] = -1;
        taken++;
    }
    handover_map(handover, taken == 1 ? handover->descriptor_count - 1 : otherwise, standard);
}

/* Descriptor 0 of the list is /dev/null, 1 the log. */
static int handover_make(struct ex_attempt *attempt, struct handover *handover) {
    uint32_t most = attempt->input_count + attempt->output_count + FIRST_PIPE_TARGET;
    uint32_t target = FIRST_PIPE_TARGET;

    *handover = (struct handover){
        .descriptors = malloc(most * sizeof *handover->descriptors),
        .map = malloc(most * sizeof *handover->map),
    };
    int null_fd = fcntl(attempt->job->engine->null_fd, F_DUPFD_CLOEXEC, 0);
    if (!handover->descriptors || !handover->map || null_fd == -1) {
        if (null_fd != -1)
            (void)close(null_fd);
        return handover->descriptors && handover->map ? -errno : -ENOMEM;
    }
    handover->descriptors[0] = null_fd;
    handover->descriptors[1] = attempt->output_fd;
    handover->descriptor_count = 2;
    attempt->output_fd = -1;
    handover_map(handover, 1, STDERR_FILENO);
    take_pipes(handover, attempt->input_fds, attempt->input_count, &target, STDIN_FILENO, 0);
    take_pipes(handover, attempt->output_fds, attempt->output_count, &target, STDOUT_FILENO, 1);
    return 0;
}

/* ---- the command --------------------------------------------------------------------------- */

static struct ex_spawn_limits limits_of(const struct ex_vertex_spec *vertex) {
    return (struct ex_spawn_limits){
        .memory_bytes = vertex->memory_bytes,
        .cpu_milli = (uint32_t)lround(vertex->cpu * 1000),
        .pids = vertex->pids,
        .nofile = vertex->nofile,
    };
}

static int command_send(struct ex_attempt *attempt, const struct settings *settings,
                        const struct handover *handover) {
    const struct ex_local *engine = attempt->job->engine;
    const struct ex_spawn_command command = {
        .arguments = (const char *const *)attempt->vertex->command,
        .environment = (const char *const *)settings->items,
        .directory = attempt->job->spec->working_directory,
        .descriptors = handover->descriptors,
        .descriptor_count = handover->descriptor_count,
        .map = handover->map,
        .map_count = handover->map_count,
        .limits = limits_of(attempt->vertex),
        .change_user = engine->user.change,
        .uid = engine->user.uid,
        .gid = engine->user.gid,
    };

    return ex_spawner_start(engine->config.spawner, &command, &attempt->watch);
}

int ex_attempt_launch(struct ex_attempt *attempt) {
    struct settings settings = {0};
    struct handover handover = {0};

    put_base(&settings, attempt);
    put_identity(&settings, attempt, attempt->job->engine->epoch++);
    put_paths(&settings, attempt);
    int err = settings.failure ? settings.failure : handover_make(attempt, &handover);
    if (!err)
        err = command_send(attempt, &settings, &handover);
    free(handover.descriptors);
    free(handover.map);
    settings_done(&settings);
    return err;
}
