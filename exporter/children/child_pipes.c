/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/children/child_internal.h"

enum { LOG_LINE_MAX_BYTES = 512, DRAINS_MAX = 16, INPUT_PIPE_BYTES = 512 * 1024 };

static void on_closed(uv_handle_t *handle) {
    struct ex_child_pipes *pipes = handle->data;

    if (--pipes->open > 0)
        return;
    ex_buffer_done(&pipes->written);
    ex_buffer_done(&pipes->line);
    ex_buffer_done(&pipes->log_line);
    free(pipes);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    struct ex_child_pipes *pipes = handle->data;

    (void)suggested;
    *buf = uv_buf_init(pipes->chunk, sizeof pipes->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf) {
    struct ex_child_pipes *pipes = stream->data;
    struct ex_child *child = pipes->child;

    if (!child || len == 0)
        return;
    bool is_output = stream == (uv_stream_t *)&pipes->output;
    if (len > 0 && is_output)
        ex_child_lines_read(child, (struct fo_str){buf->base, (size_t)len});
    else if (len > 0)
        ex_child_lines_log(child, (struct fo_str){buf->base, (size_t)len});
    else if (is_output && child->state == EX_CHILD_UP)
        ex_child_break(child, "it closed its output"); /* before that its end says more */
    else
        (void)uv_read_stop(stream);
}

void ex_child_pipes_resume(struct ex_child *child) {
    struct ex_child_pipes *pipes = child->pipes;

    if (!pipes)
        return;
    (void)uv_read_start((uv_stream_t *)&pipes->output, on_alloc, on_read);
    (void)uv_read_start((uv_stream_t *)&pipes->errors, on_alloc, on_read);
}

void ex_child_pipes_drain(struct ex_child *child) {
    struct ex_child_pipes *pipes = child->pipes;
    uv_os_fd_t fd;

    if (!pipes || uv_fileno((uv_handle_t *)&pipes->output, &fd) < 0)
        return;
    for (unsigned i = 0; i < DRAINS_MAX && child->pipes == pipes; i++) {
        ssize_t len = read(fd, pipes->chunk, sizeof pipes->chunk);
        if (len <= 0)
            return;
        ex_child_lines_read(child, (struct fo_str){pipes->chunk, (size_t)len});
    }
}

/* One pipe: our end into `handle`, the other for the process. */
static int open_one(struct ex_child_pipes *pipes, uv_pipe_t *handle, bool we_write,
                    int *ret_theirs) {
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) == -1)
        return -errno;
    /* A burst of failures goes out in one piece rather than in many turns; smaller will do. */
    if (we_write)
        (void)fcntl(ends[1], F_SETPIPE_SZ, INPUT_PIPE_BYTES);
    int ours = ends[we_write ? 1 : 0];
    int ret = uv_pipe_open(handle, ours);
    if (ret < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return ret;
    }
    handle->data = pipes;
    *ret_theirs = ends[we_write ? 0 : 1];
    return 0;
}

int ex_child_pipes_open(struct ex_child *child, int ret_theirs[static 3]) {
    struct ex_child_pipes *pipes = calloc(1, sizeof *pipes);
    uv_pipe_t *handles[3];

    if (!pipes)
        return -ENOMEM;
    pipes->child = child;
    ex_buffer_init(&pipes->written, EX_CHILD_OUT_MAX_BYTES);
    ex_buffer_init(&pipes->line, EX_CHILD_LINE_MAX_BYTES);
    ex_buffer_init(&pipes->log_line, LOG_LINE_MAX_BYTES);
    handles[0] = &pipes->input;
    handles[1] = &pipes->output;
    handles[2] = &pipes->errors;
    int ret = 0;
    for (unsigned i = 0; i < 3; i++) {
        (void)uv_pipe_init(child->config.loop, handles[i], 0); /* cannot fail without IPC */
        handles[i]->data = pipes;
        pipes->open++;
        ret_theirs[i] = -1;
        if (ret == 0)
            ret = open_one(pipes, handles[i], i == 0, &ret_theirs[i]);
    }
    child->pipes = pipes;
    if (ret < 0) {
        for (unsigned i = 0; i < 3 && ret_theirs[i] != -1; i++)
            (void)close(ret_theirs[i]);
        ex_child_pipes_close(child);
        return ret;
    }
    ex_child_pipes_resume(child);
    return 0;
}

void ex_child_pipes_close(struct ex_child *child) {
    struct ex_child_pipes *pipes = child->pipes;

    if (!pipes)
        return;
    child->pipes = NULL;
    pipes->child = NULL;
    if (!uv_is_closing((uv_handle_t *)&pipes->input))
        uv_close((uv_handle_t *)&pipes->input, on_closed);
    uv_close((uv_handle_t *)&pipes->output, on_closed);
    uv_close((uv_handle_t *)&pipes->errors, on_closed);
}

void ex_child_pipes_end_input(struct ex_child *child) {
    struct ex_child_pipes *pipes = child->pipes;

    if (pipes && !pipes->writing && !uv_is_closing((uv_handle_t *)&pipes->input))
        uv_close((uv_handle_t *)&pipes->input, on_closed);
}

static void on_written(uv_write_t *write, int status) {
    struct ex_child_pipes *pipes = write->data;
    struct ex_child *child = pipes->child;

    pipes->writing = false;
    if (!child)
        return;
    if (status < 0 && child->state != EX_CHILD_CLOSING) {
        ex_child_break(child, "it closed its input");
        return;
    }
    ex_child_pipes_flush(child);
    if (child->state == EX_CHILD_CLOSING)
        ex_child_pipes_end_input(child);
}

/* What comes while a write is under way is collected and goes out as one. */
void ex_child_pipes_flush(struct ex_child *child) {
    struct ex_child_pipes *pipes = child->pipes;

    if (!pipes || pipes->writing || child->out.len == 0)
        return;
    struct ex_buffer emptied = pipes->written;
    pipes->written = child->out;
    child->out = emptied;
    ex_buffer_reset(&child->out);
    uv_buf_t bytes = uv_buf_init(pipes->written.bytes, (unsigned)pipes->written.len);
    pipes->write.data = pipes;
    pipes->writing =
        uv_write(&pipes->write, (uv_stream_t *)&pipes->input, &bytes, 1, on_written) == 0;
}
