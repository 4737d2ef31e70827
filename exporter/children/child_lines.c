/* SPDX-License-Identifier: Apache-2.0 */
/* What a child says, line by line, and no faster than it may. */
#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/children/child_internal.h"

#define NS_PER_MS UINT64_C(1000000)

/* ---- rations ---- */

static void on_ration_over(uv_timer_t *timer) {
    ex_child_pipes_resume(timer->data);
}

/* Counts a line that nobody asked for; past the ration the child is not read for a while. */
static void ration(struct ex_child *child) {
    uint64_t now_ns = ex_clock_ns();

    if (now_ns - child->ration_start_ns > EX_CHILD_RATION_MS * NS_PER_MS) {
        child->ration_start_ns = now_ns;
        child->ration_lines = 0;
    }
    if (++child->ration_lines < EX_CHILD_RATION_LINES || !child->pipes)
        return;
    (void)uv_read_stop((uv_stream_t *)&child->pipes->output);
    (void)uv_read_stop((uv_stream_t *)&child->pipes->errors);
    (void)uv_timer_start(&child->ration, on_ration_over, EX_CHILD_RATION_MS, 0);
}

static void log_line(struct ex_child *child, int level, struct fo_str text) {
    uint64_t now_ns = ex_clock_ns();

    if (now_ns - child->log_start_ns > 1000 * NS_PER_MS) {
        child->log_start_ns = now_ns;
        child->log_lines = 0;
    }
    if (child->log_lines++ >= EX_CHILD_LOG_LINES) {
        child->config.owner.suppressed(child->config.owner.ctx);
        return;
    }
    ex_log((enum ex_log_level)level, "A listener says:", EX_TEXT("listener", child->config.name),
           EX_STR("text", text));
}

/* ---- the protocol ---- */

static void take_answer(struct ex_child *child, struct ex_child_line *line) {
    const struct ex_child_owner *owner = &child->config.owner;
    bool late;
    struct ex_call *call = ex_calls_find(&child->calls, line->completion, &late);

    child->silent_calls = 0;
    if (!call) {
        ration(child);
        owner->answered(owner->ctx, NULL, late ? EX_CALL_LATE : EX_CALL_ERROR, -1, NULL);
        return;
    }
    if (line->kind == EX_CHILD_ERROR) {
        log_line(child, EX_LOG_WARN, line->text);
        ex_child_end_call(child, call, EX_CALL_ERROR, NULL);
    } else if (line->kind == EX_CHILD_ANSWER && line->label_count == 0) {
        ex_child_end_call(child, call, EX_CALL_EMPTY, NULL);
    } else {
        ex_child_end_call(child, call, EX_CALL_OK, line);
    }
}

/* What it was not sent, or has been done with before, counts as unasked. */
static void take_delivered(struct ex_child *child, uint64_t number) {
    const struct ex_child_owner *owner = &child->config.owner;

    child->silent_calls = 0;
    if (!owner->delivered(owner->ctx, number))
        ration(child);
}

static void take_line(struct ex_child *child, struct fo_str text) {
    struct ex_child_line *line = &child->scratch;

    if (ex_child_line_parse(text, line) < 0) {
        ex_child_break(child, "it wrote a line that is none of the protocol");
        return;
    }
    if (line->kind == EX_CHILD_LOG) {
        ration(child);
        log_line(child, line->level, line->text);
    } else if (line->kind == EX_CHILD_METRIC_NEW || line->kind == EX_CHILD_METRIC_UPDATE) {
        ration(child);
        child->config.owner.metric(child->config.owner.ctx, line);
    } else if (line->kind == EX_CHILD_DELIVERED) {
        take_delivered(child, line->delivery);
    } else {
        take_answer(child, line);
    }
    ex_child_line_done(line);
}

/* Metrics and log lines may come before the first line proper: create() may use both. */
static void take_hello(struct ex_child *child, struct fo_str text) {
    struct ex_child_hello hello;
    struct fo_error error;

    if (ex_child_line_parse(text, &child->scratch) == 0) {
        bool early = child->scratch.kind >= EX_CHILD_LOG;
        ex_child_line_done(&child->scratch);
        if (early) {
            take_line(child, text);
            return;
        }
    }
    if (ex_child_hello_parse(text, &hello, &error) < 0) {
        ex_child_break(child, error.text);
        return;
    }
    ex_child_set_up(child, &hello);
    ex_child_hello_done(&hello);
}

static void take(struct ex_child *child, struct fo_str text) {
    if (text.len == 0)
        return;
    if (child->state == EX_CHILD_STARTING)
        take_hello(child, text);
    else
        take_line(child, text);
}

/* The bytes up to a newline, which is taken as well; false: there is none. */
static bool split(struct fo_str *bytes, struct fo_str *ret_line) {
    const char *end = memchr(bytes->ptr, '\n', bytes->len);

    if (!end)
        return false;
    size_t len = (size_t)(end - bytes->ptr);
    *ret_line = (struct fo_str){bytes->ptr, len};
    bytes->ptr += len + 1;
    bytes->len -= len + 1;
    return true;
}

void ex_child_lines_read(struct ex_child *child, struct fo_str bytes) {
    struct ex_child_pipes *pipes = child->pipes;
    struct fo_str line;

    while (split(&bytes, &line)) {
        if (pipes->line.len > 0) {
            ex_buffer_append_str(&pipes->line, line);
            line = ex_buffer_str(&pipes->line);
        }
        if (pipes->line.failure != 0) {
            ex_child_break(child, "it wrote a line that is too long");
            return;
        }
        take(child, line);
        if (child->pipes != pipes)
            return; /* broken by that line; the pipes are about to close */
        ex_buffer_reset(&pipes->line);
    }
    ex_buffer_append_str(&pipes->line, bytes);
    if (pipes->line.failure != 0)
        ex_child_break(child, "it wrote a line that is too long");
}

void ex_child_lines_log(struct ex_child *child, struct fo_str bytes) {
    struct ex_buffer *pending = &child->pipes->log_line;
    struct fo_str line;

    while (split(&bytes, &line)) {
        ex_buffer_append_str(pending, line);
        ration(child);
        if (pending->len > 0)
            log_line(child, EX_LOG_INFO, ex_buffer_str(pending));
        ex_buffer_reset(pending);
    }
    /* Only its beginning is kept of a line that is too long. */
    size_t room = pending->ceiling - pending->len;
    if (bytes.len > room)
        bytes.len = room;
    ex_buffer_append_str(pending, bytes);
}
