/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/task_name.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "exporter/base/digits.h"

enum { SUBTASK_DIGITS_MAX = 9, SHOWN_BYTES = 80 };

FO_PRINTF(3, 4)
static int refuse(struct fo_error *reterr, int code, const char *format, ...) {
    va_list args;

    *reterr = (struct fo_error){.code = code};
    va_start(args, format);
    (void)vsnprintf(reterr->text, sizeof reterr->text, format, args);
    va_end(args);
    return code;
}

/* The number in "[12]"; false when it is not of that form. */
static bool read_subtask(struct fo_str text, uint32_t *ret_subtask) {
    uint32_t subtask = 0;

    if (text.len < 3 || text.len > SUBTASK_DIGITS_MAX + 2 || text.ptr[0] != '[' ||
        text.ptr[text.len - 1] != ']')
        return false;
    for (size_t i = 1; i < text.len - 1; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        subtask = subtask * 10 + (uint32_t)(text.ptr[i] - '0');
    }
    *ret_subtask = subtask;
    return true;
}

int ex_task_name_parse(const struct fo_graph *graph, struct fo_str text, uint32_t *ret_task,
                       struct fo_error *reterr) {
    const char *bracket = text.len > 0 ? memchr(text.ptr, '[', text.len) : NULL;
    size_t id_len = bracket ? (size_t)(bracket - text.ptr) : text.len;
    uint32_t vertex = fo_graph_find_vertex(graph, (struct fo_str){text.ptr, id_len});
    uint32_t subtask = 0;
    int shown = (int)(text.len > SHOWN_BYTES ? SHOWN_BYTES : text.len);

    if (vertex == FO_NO_TASK)
        return refuse(reterr, -ENOENT, "the job has no vertex for task \"%.*s\"", shown, text.ptr);
    uint32_t parallelism = fo_graph_vertex_parallelism(graph, vertex);
    if (bracket) {
        struct fo_str index = {bracket, text.len - id_len};
        if (!read_subtask(index, &subtask))
            return refuse(reterr, -EINVAL, "\"%.*s\" is no task; write it as vertex[2]", shown,
                          text.ptr);
    } else if (parallelism > 1) {
        return refuse(reterr, -EINVAL,
                      "vertex \"%.*s\" has several tasks; say which, as in vertex[0]", shown,
                      text.ptr);
    }
    if (subtask >= parallelism)
        return refuse(reterr, -ENOENT, "task \"%.*s\" is beyond the vertex's parallelism", shown,
                      text.ptr);
    *ret_task = fo_graph_vertex_first_task(graph, vertex) + subtask;
    return 0;
}

const char *ex_task_name_print(const struct fo_graph *graph, uint32_t task, char *text,
                               size_t size) {
    struct fo_str id = fo_graph_vertex_id(graph, fo_graph_task_vertex(graph, task));

    char digits[EX_DIGITS_MAX];
    size_t count = ex_digits(fo_graph_task_subtask(graph, task), digits);

    if (id.len + count + sizeof "[]" > size) {
        (void)snprintf(text, size, "%.*s[%.*s]", (int)id.len, id.ptr, (int)count, digits);
        return text;
    }
    memcpy(text, id.ptr, id.len);
    text[id.len] = '[';
    memcpy(text + id.len + 1, digits, count);
    memcpy(text + id.len + 1 + count, "]", sizeof "]");
    return text;
}
