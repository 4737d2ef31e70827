/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/child_internal.h - a child inside. Private to child*.c. */
#ifndef EX_CHILDREN_CHILD_INTERNAL_H
#define EX_CHILDREN_CHILD_INTERNAL_H

#include "exporter/children/calls.h"
#include "exporter/children/child.h"

enum ex_child_state {
    EX_CHILD_DOWN,     /* waits for its process to be gone, or for the back-off to be over */
    EX_CHILD_STARTING, /* until its first line */
    EX_CHILD_UP,
    EX_CHILD_CLOSING,
};

enum {
    EX_CHILD_READ_BYTES = 64 * 1024,
    EX_CHILD_OUT_MAX_BYTES = 8 * 1024 * 1024, /* told and not yet read by it */
    EX_CHILD_RATION_MS = 100,
    EX_CHILD_RATION_LINES = 200, /* that nobody asked for, in that time */
    EX_CHILD_LOG_LINES = 20,     /* a second */
    EX_CHILD_SILENT_CALLS = 3,   /* timeouts in a row without a sign of life */
};

/* The pipes of one life of a child; they close after it. */
struct ex_child_pipes {
    struct ex_child *child; /* NULL once let go of */
    uv_pipe_t input;        /* what it reads */
    uv_pipe_t output;       /* the protocol */
    uv_pipe_t errors;       /* anything */
    unsigned open;
    bool writing;
    uv_write_t write;
    struct ex_buffer written;  /* of `write` */
    struct ex_buffer line;     /* of the protocol, not yet whole */
    struct ex_buffer log_line; /* of the standard error, not yet whole */
    char chunk[EX_CHILD_READ_BYTES];
};

struct ex_child {
    struct ex_child_config config; /* texts are copies */
    json_t *settings;              /* owned reference */
    json_t *writable;
    enum ex_child_state state;
    struct ex_spawn_watch watch;
    bool running; /* the spawner has something of it */
    bool ever_ready;
    struct ex_child_pipes *pipes; /* NULL = none */
    struct ex_buffer out;         /* to be written next */
    uv_timer_t timer;             /* by state: back-off, first line, oldest call, grace */
    bool timer_late;              /* it was, and is asked once more */
    uv_timer_t ration;            /* reads on */
    struct ex_calls calls;
    uint32_t silent_calls;
    uint32_t failures_in_row; /* of its lives; the back-off */
    uint64_t up_since_ns;
    uint64_t ration_start_ns;
    uint32_t ration_lines;
    uint64_t log_start_ns;
    uint32_t log_lines;
    uint32_t handles; /* timers that are open */
    struct ex_child_line scratch;
};

/* ---- child.c ---- */

/* The child is of no use as it is: kills it and starts it again later. */
void ex_child_break(struct ex_child *child, const char *why);
/* Its first line was good. */
void ex_child_set_up(struct ex_child *child, const struct ex_child_hello *hello);
/* Sleeps until the oldest call runs out of time. */
void ex_child_arm(struct ex_child *child);
void ex_child_end_call(struct ex_child *child, struct ex_call *call, enum ex_call_result result,
                       const struct ex_child_line *answer);

/* ---- child_pipes.c ---- */

/* Makes the pipes of a new life; *ret_theirs are the three ends for the process, 0 to 2. */
FO_MUST_CHECK int ex_child_pipes_open(struct ex_child *child, int ret_theirs[static 3]);
/* Lets go of them; they free themselves. */
void ex_child_pipes_close(struct ex_child *child);
/* Ends its input once everything is written. */
void ex_child_pipes_end_input(struct ex_child *child);
/* Writes what is in child->out, as far as it goes. */
void ex_child_pipes_flush(struct ex_child *child);
/* Takes what a process that has ended left in its output. The child may be down after it. */
void ex_child_pipes_drain(struct ex_child *child);
/* Reads again after a ration. */
void ex_child_pipes_resume(struct ex_child *child);

/* ---- child_lines.c ---- */

/* Bytes of the protocol, and of the standard error. The child may be down after either. */
void ex_child_lines_read(struct ex_child *child, struct fo_str bytes);
void ex_child_lines_log(struct ex_child *child, struct fo_str bytes);

#endif
