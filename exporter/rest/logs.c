/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/rest/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/config/number.h"
#include "exporter/config/task_name.h"
#include "exporter/rest/texts.h"

/* An engine keeps the beginning and two newer pieces behind it: PATH, PATH.1, PATH.2. */
enum { PIECES = 3 };

/* ---- on the door's thread ---- */

static bool read_number(struct ex_http_request *request, struct ex_http_response *response,
                        const char *name, uint64_t most, uint64_t *ret_number) {
    struct fo_str text = ex_http_request_query(request, name, 0);

    if (!text.ptr || (ex_number_u64(text, ret_number) == 0 && *ret_number <= most))
        return true;
    ex_http_response_error(response, 400, "%s is a whole number from 0 to %llu", name,
                           (unsigned long long)most);
    return false;
}

bool ex_logs_read(struct ex_call *call, struct ex_http_request *request,
                  struct ex_http_response *response) {
    uint64_t attempt = FO_NO_TASK; /* the current one */
    bool good = ex_call_keep(call->task, sizeof call->task,
                             ex_http_request_query(request, "task", 0), "task", response) &&
                read_number(request, response, "attempt", UINT32_MAX - 1, &attempt) &&
                read_number(request, response, "offset", INT64_MAX, &call->offset);

    call->attempt = (uint32_t)attempt;
    return good;
}

/* ---- on the manager's thread ---- */

/* Of a job with one task the name may be left out. */
static int find_task(struct ex_call *call, const struct fo_graph *graph) {
    struct fo_error error;

    if (call->task[0] == '\0' && fo_graph_task_count(graph) == 1)
        return 0;
    if (call->task[0] == '\0')
        return ex_call_refuse(call, 400, "task names one of the tasks, as in task=vertex[2]");
    if (ex_task_name_parse(graph, fo_str_of(call->task), &call->task_number, &error) < 0)
        return ex_call_refuse(call, 400, error.text);
    return 0;
}

int ex_logs_ask(struct ex_call *call, struct ex_manager *manager) {
    const struct ex_job *job = ex_manager_find_job(manager, fo_str_of(call->job));

    if (!job)
        return -ENOENT;
    const struct fo_graph *graph = ex_job_spec(job)->graph;
    const struct fo_job *core = ex_job_core(job);
    const struct ex_engine *engine = ex_engines_find(call->rest->engines, ex_job_engine_name(job));
    if (!engine || !engine->ops->log_path)
        return ex_call_refuse(call, 409, "what the tasks of this job write is kept elsewhere");
    int ret = find_task(call, graph);
    if (ret != 0)
        return ret;
    uint32_t current = fo_job_task_attempt(core, call->task_number);
    if (call->attempt == FO_NO_TASK)
        call->attempt = current;
    call->writes = call->attempt == current &&
                   !fo_task_state_is_terminal(fo_job_task_state(core, call->task_number));
    const struct ex_task_attempt attempt = {call->task_number, call->attempt};
    return engine->ops->log_path(engine->self, ex_job_id(job), graph, &attempt, &call->path);
}

/* ---- on a worker ---- */

struct piece {
    int fd; /* -1: there is none */
    uint64_t size;
};

/* A task may have put something else in its place. */
static void open_piece(const char *path, int number, struct piece *piece) {
    char *name = NULL;
    struct stat status;

    *piece = (struct piece){.fd = -1};
    if (asprintf(&name, number > 0 ? "%s.%d" : "%s", path, number) == -1)
        return;
    piece->fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    free(name);
    if (piece->fd == -1)
        return;
    if (fstat(piece->fd, &status) == 0 && S_ISREG(status.st_mode)) {
        piece->size = (uint64_t)status.st_size;
        return;
    }
    (void)close(piece->fd);
    piece->fd = -1;
}

/* The bytes from `offset` on of all pieces, one behind the other. */
static size_t read_pieces(const struct piece *pieces, uint64_t offset, char *bytes, size_t room) {
    size_t len = 0;

    for (int i = 0; i < PIECES && len < room; i++) {
        while (pieces[i].fd != -1 && offset < pieces[i].size && len < room) {
            ssize_t size = pread(pieces[i].fd, bytes + len, room - len, (off_t)offset);
            if (size <= 0)
                return len;
            len += (size_t)size;
            offset += (uint64_t)size;
        }
        offset -= offset < pieces[i].size ? offset : pieces[i].size;
    }
    return len;
}

/* So that no character is cut where more follows. */
static size_t cut_at_line(const char *bytes, size_t len, size_t room) {
    const char *end = len == room ? memrchr(bytes, '\n', len) : NULL;

    return end ? (size_t)(end - bytes) + 1 : len;
}

static json_t *show(const struct ex_call *call, const struct piece *pieces) {
    uint64_t size = pieces[0].size + pieces[1].size + pieces[2].size;
    uint64_t first = pieces[0].size + pieces[1].size; /* of the newest piece */
    bool gap = call->offset > size;                   /* older pieces have gone in the meantime */
    uint64_t offset = gap ? first : call->offset;
    char *bytes = malloc(EX_REST_LOG_MAX_BYTES);

    if (!bytes)
        return NULL;
    size_t len = cut_at_line(bytes, read_pieces(pieces, offset, bytes, EX_REST_LOG_MAX_BYTES),
                             EX_REST_LOG_MAX_BYTES);
    json_t *answer =
        json_pack("{s:I, s:b, s:b, s:I, s:I, s:I, s:b, s:o}", "attempt", (json_int_t)call->attempt,
                  "kept", pieces[0].fd != -1, "writes", call->writes, "offset", (json_int_t)offset,
                  "next", (json_int_t)offset + (json_int_t)len, "size", (json_int_t)size, "gap",
                  gap, "text", ex_rest_text((struct fo_str){bytes, len}));
    free(bytes);
    return answer;
}

json_t *ex_logs_build(const struct ex_call *call) {
    struct piece pieces[PIECES];

    for (int i = 0; i < PIECES; i++)
        open_piece(call->path, i, &pieces[i]);
    json_t *answer = show(call, pieces);
    for (int i = 0; i < PIECES; i++) {
        if (pieces[i].fd != -1)
            (void)close(pieces[i].fd);
    }
    return answer;
}
