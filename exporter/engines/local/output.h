/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/local/output.h - what tasks print, moved from their pipes to their logs.
 * One thread does it for all tasks, so that a task that floods burdens only that thread. Nothing is
 * kept in memory: the beginning and the end of the output are read back from the log. What the disk
 * does not take is dropped and counted, but for its last bytes, so that a task is never blocked by
 * a full disk and its last words are still known.
 * A log is `path`, with the first bytes up to the size of a piece, then `path`.1 and .2 with the
 * newest; what lies between is forgotten.
 * Owns: the thread, pipes and files. Threads: [main] all functions. */
#ifndef EX_ENGINES_LOCAL_OUTPUT_H
#define EX_ENGINES_LOCAL_OUTPUT_H

#include <stdatomic.h>
#include <uv.h>

#include "exporter/base/buffer.h"

#define EX_OUTPUT_HEAD_BYTES ((size_t)64 * 1024)
#define EX_OUTPUT_TAIL_BYTES ((size_t)256 * 1024)

struct ex_pump;
struct ex_output;

/* Starts the thread. `dropped_bytes` is borrowed until ex_pump_close(): bytes that could not be
 * written, of all outputs that ever were, are added to it. -errno. */
FO_MUST_CHECK int ex_pump_new(uv_loop_t *loop, atomic_uint_fast64_t *dropped_bytes,
                              struct ex_pump **ret_pump);

/* Ends the thread; every output was freed before. The loop must turn once more. */
void ex_pump_close(struct ex_pump *pump);

/* Makes a pipe to the log `path` (copied). *ret_write_fd is the caller's; a task gets it.
 * -errno of pipe2() and epoll_ctl(); -ENOMEM. */
FO_MUST_CHECK int ex_output_open(struct ex_pump *pump, const char *path, uint64_t piece_bytes,
                                 struct ex_output **ret_output, int *ret_write_fd);

/* Takes what is in the pipe now, however much others still write to it, and closes it; then calls
 * `done` on the loop. Once only. */
void ex_output_finish(struct ex_output *output, void (*done)(void *ctx), void *ctx);

/* After `done`: the first EX_OUTPUT_HEAD_BYTES, and of what follows the last EX_OUTPUT_TAIL_BYTES.
 * Both buffers are initialised by the caller; what cannot be read is left out. */
void ex_output_read(const struct ex_output *output, struct ex_buffer *head, struct ex_buffer *tail);

/* After `done`. The log stays. Returns NULL. */
struct ex_output *ex_output_free(struct ex_output *output);

/* Removes the log `path` with its pieces. */
void ex_output_remove(const char *path);

#endif
