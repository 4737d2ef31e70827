/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/cli/run_view.h - what `run` shows of its job: a view that redraws itself on a terminal,
 * plain lines elsewhere. Owns: its timer and the last frame. Threads: [main]. */
#ifndef EX_CLI_RUN_VIEW_H
#define EX_CLI_RUN_VIEW_H

#include "exporter/base/buffer.h"
#include "exporter/manager/manager.h"

struct ex_run_view {
    uv_timer_t timer; /* redraws; only on a terminal */
    bool terminal;
    int columns;
    int lines_drawn; /* of the last frame */
    const struct ex_job *job;
    const char *metrics_url; /* borrowed; NULL = not served */
};

/* Starts the view on standard output. 0, or a libuv error. */
FO_MUST_CHECK int ex_run_view_start(struct ex_run_view *view, uv_loop_t *loop);

/* The manager's observer; `ctx` is the view. */
void ex_run_view_observe(void *ctx, const struct ex_job *job, const struct ex_change *change);

/* The last frame, then how it ended: state, time, failures, and the last failure's output when the
 * job failed. The job must still be there. */
void ex_run_view_end(struct ex_run_view *view);

#endif
