/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/cli/run_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "exporter/base/clean_text.h"
#include "exporter/base/clock.h"

enum {
    REDRAW_MS = 100,
    FRAME_MAX_BYTES = 256 * 1024,
    VERTICES_SHOWN = 24,
    FAILURES_SHOWN = 6,
    OUTPUT_SHOWN_BYTES = 4096,
    TASK_NAME_BYTES = FO_ID_MAX + 16,
};

/* The order in which a person asks after tasks: what is wrong first. */
static const enum fo_task_state shown_states[] = {
    FO_TASK_FAILED,    FO_TASK_CANCELING,    FO_TASK_CANCELED, FO_TASK_RUNNING,
    FO_TASK_DEPLOYING, FO_TASK_INITIALIZING, FO_TASK_CREATED,  FO_TASK_FINISHED,
};

/* ---- texts ---- */

static void append_duration(struct ex_buffer *out, int64_t ms) {
    if (ms < 10000)
        ex_buffer_printf(out, "%lld.%lld s", (long long)(ms / 1000), (long long)(ms % 1000 / 100));
    else if (ms < 120000)
        ex_buffer_printf(out, "%lld s", (long long)(ms / 1000));
    else
        ex_buffer_printf(out, "%lld min", (long long)(ms / 60000));
}

static void append_clock(struct ex_buffer *out, int64_t at_ms) {
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm local;
    char text[16];

    (void)localtime_r(&seconds, &local);
    (void)strftime(text, sizeof text, "%H:%M:%S", &local);
    ex_buffer_append_text(out, text);
}

static void append_budget(struct ex_buffer *out, const struct ex_job *job) {
    struct fo_budget budget = fo_job_budget(ex_job_core(job), ex_clock_ms());

    if (budget.limited)
        ex_buffer_printf(out, "%lld of %lld restarts left", (long long)budget.remaining,
                         (long long)budget.limit);
    else
        ex_buffer_append_text(out, "restarts unlimited");
}

/* "count[1], attempt 0: killed by signal 9 (SYSTEM, hardware)" */
static void append_failure(struct ex_buffer *out, const struct ex_job *job,
                           const struct ex_failure *failure) {
    char task[TASK_NAME_BYTES];

    ex_buffer_printf(out,
                     "%s, attempt %u: ", ex_job_task_name(job, failure->task, task, sizeof task),
                     failure->attempt);
    ex_clean_terminal(out, failure->evidence.message);
    ex_buffer_append_text(out, " (");
    ex_clean_terminal(out, ex_failure_label(failure, "type"));
    ex_buffer_append_text(out, ", ");
    ex_clean_terminal(out, ex_failure_label(failure, "category"));
    ex_buffer_append_char(out, ')');
}

static void append_decision(struct ex_buffer *out, const struct fo_decision *decision) {
    if (!decision->restart) {
        ex_buffer_append_text(out, "the job gives up");
        return;
    }
    ex_buffer_printf(out, "%u task%s restart%s", decision->restart_count,
                     decision->restart_count == 1 ? "" : "s",
                     decision->restart_count == 1 ? "s" : "");
    if (decision->delay_ms > 0) {
        ex_buffer_append_text(out, " in ");
        append_duration(out, decision->delay_ms);
    }
}

/* ---- plain lines ---- */

static void print_buffer(const struct ex_buffer *out) {
    (void)fputs(ex_buffer_text(out), stdout);
    (void)fflush(stdout);
}

static void start_line(struct ex_buffer *line) {
    ex_buffer_init(line, FRAME_MAX_BYTES);
    append_clock(line, ex_clock_wall_ms());
    ex_buffer_append_text(line, "  ");
}

static void print_line(struct ex_buffer *line) {
    ex_buffer_append_char(line, '\n');
    print_buffer(line);
    ex_buffer_done(line);
}

static void print_job_state(const struct ex_job *job, const struct fo_action *action) {
    struct ex_buffer line;

    start_line(&line);
    ex_clean_terminal(&line, fo_str_of(ex_job_spec(job)->name));
    ex_buffer_printf(&line, " is %s", fo_job_state_name(action->job_to));
    print_line(&line);
}

static void print_decision(const struct ex_job *job, const struct ex_change *change) {
    struct ex_buffer line;

    start_line(&line);
    if (change->failure)
        append_failure(&line, job, change->failure);
    else
        ex_buffer_append_text(&line, "restart by hand");
    ex_buffer_append_text(&line, "; ");
    append_decision(&line, &change->action->decision);
    ex_buffer_append_text(&line, ", ");
    append_budget(&line, job);
    print_line(&line);
}

static void print_recovered(const struct fo_action *action) {
    struct ex_buffer line;

    start_line(&line);
    ex_buffer_append_text(&line, "recovered after ");
    append_duration(&line, ex_clock_ms() - action->incident.began_ms);
    print_line(&line);
}

static void print_change(const struct ex_job *job, const struct ex_change *change) {
    switch (change->kind) {
    case EX_CHANGE_JOB_STATE:
        print_job_state(job, change->action);
        break;
    case EX_CHANGE_DECIDED:
        print_decision(job, change);
        break;
    case EX_CHANGE_RECOVERED:
        print_recovered(change->action);
        break;
    case EX_CHANGE_SUBMITTED:
    case EX_CHANGE_TASK_STATE:
    case EX_CHANGE_LABELLED:
    case EX_CHANGE_CLOSED:
        break;
    }
}

/* ---- the live view ---- */

/* A line of the frame is cut at the terminal's edge: one that wrapped would break the redrawing. */
static void end_row(struct ex_buffer *frame, struct ex_buffer *row,
                    const struct ex_run_view *view) {
    size_t width = 0;
    size_t i = 0;

    for (; i < row->len; i++) {
        bool starts_character = ((unsigned char)row->bytes[i] & 0xc0u) != 0x80;
        if (starts_character && width++ == (size_t)view->columns)
            break;
    }
    ex_buffer_append(frame, ex_buffer_text(row), i);
    ex_buffer_append_text(frame, "\033[K\n");
    ex_buffer_reset(row);
}

static void draw_header(struct ex_buffer *row, const struct ex_run_view *view) {
    const struct ex_job *job = view->job;

    ex_clean_terminal(row, fo_str_of(ex_job_spec(job)->name));
    ex_buffer_printf(row, "  %s  ", fo_job_state_name(fo_job_state(ex_job_core(job))));
    append_duration(row, ex_clock_ms() - ex_job_submitted_ms(job));
    if (view->metrics_url)
        ex_buffer_printf(row, "  %s", view->metrics_url);
}

static void draw_vertex(struct ex_buffer *row, const struct ex_job *job, uint32_t vertex) {
    const struct fo_job *core = ex_job_core(job);
    const struct fo_graph *graph = fo_job_graph(core);
    uint32_t counts[FO_TASK_STATE_COUNT] = {0};
    uint32_t first = fo_graph_vertex_first_task(graph, vertex);

    for (uint32_t i = 0; i < fo_graph_vertex_parallelism(graph, vertex); i++)
        counts[fo_job_task_state(core, first + i)]++;
    struct fo_str id = fo_graph_vertex_id(graph, vertex);
    ex_buffer_printf(row, "  %-20.*s", (int)id.len, id.ptr);
    for (size_t i = 0; i < sizeof shown_states / sizeof *shown_states; i++) {
        if (counts[shown_states[i]] > 0)
            ex_buffer_printf(row, "  %s %u", fo_task_state_name(shown_states[i]),
                             counts[shown_states[i]]);
    }
}

static void draw_vertices(struct ex_buffer *frame, struct ex_buffer *row,
                          const struct ex_run_view *view) {
    const struct fo_graph *graph = fo_job_graph(ex_job_core(view->job));
    uint32_t count = fo_graph_vertex_count(graph);

    for (uint32_t i = 0; i < count && i < VERTICES_SHOWN; i++) {
        draw_vertex(row, view->job, fo_graph_topological(graph, i));
        end_row(frame, row, view);
    }
    if (count > VERTICES_SHOWN) {
        ex_buffer_printf(row, "  and %u more vertices", count - VERTICES_SHOWN);
        end_row(frame, row, view);
    }
}

static void draw_restarts(struct ex_buffer *row, const struct ex_job *job) {
    const struct fo_job *core = ex_job_core(job);
    int64_t next_ms = fo_job_next_restart_ms(core);

    ex_buffer_printf(row, "restarts %llu, ", (unsigned long long)fo_job_restarts(core));
    append_budget(row, job);
    if (next_ms != FO_NEVER) {
        int64_t wait_ms = next_ms - ex_clock_ms();
        ex_buffer_append_text(row, ", next restart in ");
        append_duration(row, wait_ms > 0 ? wait_ms : 0);
    }
}

static void draw_failures(struct ex_buffer *frame, struct ex_buffer *row,
                          const struct ex_run_view *view) {
    const struct ex_failure *recent[FAILURES_SHOWN];
    size_t count = 0;

    ex_buffer_printf(row, "failures %llu", (unsigned long long)ex_job_failure_count(view->job));
    end_row(frame, row, view);
    for (const struct ex_failure *f = ex_job_failures(view->job); f; f = f->next)
        recent[count++ % FAILURES_SHOWN] = f;
    for (size_t i = count > FAILURES_SHOWN ? count - FAILURES_SHOWN : 0; i < count; i++) {
        const struct ex_failure *failure = recent[i % FAILURES_SHOWN];
        ex_buffer_append_text(row, "  ");
        append_clock(row, failure->at_ms);
        ex_buffer_append_text(row, "  ");
        append_failure(row, view->job, failure);
        ex_buffer_append_text(row, "; ");
        append_decision(row, &failure->decision);
        end_row(frame, row, view);
    }
}

static int count_lines(const struct ex_buffer *frame) {
    int lines = 0;

    for (size_t i = 0; i < frame->len; i++)
        lines += frame->bytes[i] == '\n';
    return lines;
}

static void draw(struct ex_run_view *view) {
    struct ex_buffer frame;
    struct ex_buffer row;

    if (!view->job)
        return;
    ex_buffer_init(&frame, FRAME_MAX_BYTES);
    ex_buffer_init(&row, FRAME_MAX_BYTES);
    if (view->lines_drawn > 0)
        ex_buffer_printf(&frame, "\033[%dA", view->lines_drawn);
    draw_header(&row, view);
    end_row(&frame, &row, view);
    draw_vertices(&frame, &row, view);
    draw_restarts(&row, view->job);
    end_row(&frame, &row, view);
    draw_failures(&frame, &row, view);
    ex_buffer_append_text(&frame, "\033[J");
    print_buffer(&frame);
    view->lines_drawn = count_lines(&frame);
    ex_buffer_done(&row);
    ex_buffer_done(&frame);
}

static void on_redraw(uv_timer_t *timer) {
    draw(timer->data);
}

/* ---- life ---- */

static int terminal_columns(void) {
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == -1 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

int ex_run_view_start(struct ex_run_view *view, uv_loop_t *loop) {
    *view = (struct ex_run_view){
        .terminal = isatty(STDOUT_FILENO) == 1,
        .columns = terminal_columns(),
    };
    int ret = uv_timer_init(loop, &view->timer);
    if (ret < 0)
        return ret;
    view->timer.data = view;
    if (!view->terminal)
        return 0;
    return uv_timer_start(&view->timer, on_redraw, 0, REDRAW_MS);
}

void ex_run_view_observe(void *ctx, const struct ex_job *job, const struct ex_change *change) {
    struct ex_run_view *view = ctx;

    view->job = job;
    if (!view->terminal)
        print_change(job, change);
}

/* As many lines as it has, none of which steers the terminal. */
static void append_lines(struct ex_buffer *out, struct fo_str text) {
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        ex_clean_terminal(out, (struct fo_str){text.ptr, len});
        ex_buffer_append_char(out, '\n');
        len += end != NULL;
        text = (struct fo_str){text.ptr + len, text.len - len};
    }
}

static void print_output(const struct ex_failure *failure) {
    struct ex_buffer shown;
    struct fo_str output = failure->evidence.output_tail;

    if (output.len == 0)
        output = failure->evidence.output_head;
    if (output.len > OUTPUT_SHOWN_BYTES) {
        output.ptr += output.len - OUTPUT_SHOWN_BYTES;
        output.len = OUTPUT_SHOWN_BYTES;
    }
    if (output.len == 0)
        return;
    ex_buffer_init(&shown, FRAME_MAX_BYTES);
    ex_buffer_append_text(&shown, "Its output ended with:\n");
    append_lines(&shown, output);
    print_buffer(&shown);
    ex_buffer_done(&shown);
}

void ex_run_view_end(struct ex_run_view *view) {
    const struct ex_job *job = view->job;
    const struct ex_failure *failure = job ? ex_job_newest_failure(job) : NULL;
    struct ex_buffer line;

    if (view->terminal)
        draw(view);
    uv_close((uv_handle_t *)&view->timer, NULL);
    if (!job)
        return;
    start_line(&line);
    ex_clean_terminal(&line, fo_str_of(ex_job_spec(job)->name));
    ex_buffer_printf(&line, " ended %s after ", fo_job_state_name(fo_job_state(ex_job_core(job))));
    append_duration(&line, ex_clock_ms() - ex_job_submitted_ms(job));
    ex_buffer_printf(&line, ": %llu failure%s, %llu restart%s",
                     (unsigned long long)ex_job_failure_count(job),
                     ex_job_failure_count(job) == 1 ? "" : "s",
                     (unsigned long long)fo_job_restarts(ex_job_core(job)),
                     fo_job_restarts(ex_job_core(job)) == 1 ? "" : "s");
    print_line(&line);
    if (failure && fo_job_state(ex_job_core(job)) == FO_JOB_FAILED)
        print_output(failure);
}
