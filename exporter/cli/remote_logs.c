/* SPDX-License-Identifier: Apache-2.0 */
/* logs: reads what tasks have written, piece by piece. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "exporter/cli/cli.h"
#include "exporter/cli/remote.h"

enum { FOLLOW_PAUSE_NS = 200 * 1000 * 1000 };

static void make_path(const struct ex_logs_request *request, const char *task, json_int_t offset,
                      struct ex_buffer *path) {
    ex_buffer_reset(path);
    ex_buffer_append_text(path, "/jobs/");
    ex_client_escape(path, request->job);
    ex_buffer_printf(path, "/logs?offset=%lld", (long long)offset);
    if (task) {
        ex_buffer_append_text(path, "&task=");
        ex_client_escape(path, task);
    }
    if (request->attempt) {
        ex_buffer_append_text(path, "&attempt=");
        ex_client_escape(path, request->attempt);
    }
}

static bool is_true(const json_t *object, const char *key) {
    return json_is_true(json_object_get(object, key));
}

/* True: there is more to come. */
static bool show_piece(const struct ex_logs_request *request, const json_t *log,
                       json_int_t *offset) {
    const struct timespec pause = {.tv_nsec = FOLLOW_PAUSE_NS};
    json_int_t next = json_integer_value(json_object_get(log, "next"));
    bool moved = next != *offset;

    if (is_true(log, "gap"))
        (void)fputs("[...]\n", stdout);
    ex_remote_show_log(log);
    *offset = next;
    if (moved)
        return true;
    if (request->follow && is_true(log, "writes"))
        return nanosleep(&pause, NULL) == 0;
    return false;
}

/* From its beginning; one that follows stays with the attempt that it began with. */
static int show_task(const struct ex_logs_request *request, const char *task) {
    struct ex_logs_request own = *request;
    const struct ex_client_request question = {.method = "GET"};
    char attempt[24];
    struct ex_buffer path;
    json_int_t offset = 0;
    bool more = true;
    int ret = 0;

    ex_buffer_init(&path, EX_REMOTE_PATH_MAX_BYTES);
    while (more && ret == 0) {
        struct ex_client_request now = question;
        json_t *log = NULL;
        make_path(&own, task, offset, &path);
        now.path = ex_buffer_text(&path);
        ret = ex_remote_fetch(own.door, &now, &log, NULL);
        if (ret < 0)
            break;
        (void)snprintf(attempt, sizeof attempt, "%lld",
                       (long long)json_integer_value(json_object_get(log, "attempt")));
        own.attempt = attempt;
        more = show_piece(&own, log, &offset);
        json_decref(log);
    }
    ex_buffer_done(&path);
    return ret;
}

static int show_vertex(const struct ex_logs_request *request, const json_t *vertex) {
    const char *id = json_string_value(json_object_get(vertex, "id"));
    json_int_t count = json_integer_value(json_object_get(vertex, "parallelism"));
    char task[256];

    for (json_int_t i = 0; i < count && id; i++) {
        (void)snprintf(task, sizeof task, "%s[%lld]", id, (long long)i);
        (void)printf("==> %s <==\n", task);
        int ret = show_task(request, task);
        if (ret < 0)
            return ret;
    }
    return 0;
}

static int show_all(const struct ex_logs_request *request) {
    struct ex_client_request question = {.method = "GET"};
    struct ex_buffer path;
    json_t *job = NULL;
    const json_t *vertex;
    size_t index;

    ex_buffer_init(&path, EX_REMOTE_PATH_MAX_BYTES);
    ex_buffer_append_text(&path, "/jobs/");
    ex_client_escape(&path, request->job);
    question.path = ex_buffer_text(&path);
    int ret = ex_remote_fetch(request->door, &question, &job, NULL);
    json_array_foreach(json_object_get(job, "vertices"), index, vertex) {
        if (ret == 0)
            ret = show_vertex(request, vertex);
    }
    json_decref(job);
    ex_buffer_done(&path);
    return ret;
}

int ex_remote_logs(const struct ex_logs_request *request) {
    if (request->follow && !request->task) {
        ex_cli_complain(NULL, &(struct fo_error){.text = "--follow wants a task: logs JOB TASK"});
        return EX_EXIT_FAILED;
    }
    int ret = request->task ? show_task(request, request->task) : show_all(request);

    return ret < 0 ? EX_EXIT_FAILED : EX_EXIT_OK;
}
