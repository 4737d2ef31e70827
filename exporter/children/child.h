/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/child.h - one listener child: its process, its pipes, the failures that it has
 * been asked about. It is started in its sandbox, told its configuration, and asked from its first
 * line on; when it breaks (ends, talks garbage, answers nothing any more) everything of it is
 * killed and it is started again, later each time.
 *
 * All it says is hostile: lines are bounded, what was not asked for is rationed, and a child that
 * floods is read no faster than the ration. Nothing here waits for it.
 * Owns: the process, the pipes, copies of its configuration. Threads: [main], the loop's. */
#ifndef EX_CHILDREN_CHILD_H
#define EX_CHILDREN_CHILD_H

#include <uv.h>

#include "exporter/children/protocol.h"
#include "exporter/spawn/client.h"

struct ex_child;

enum ex_call_result {
    EX_CALL_OK,
    EX_CALL_EMPTY, /* an answer without labels */
    EX_CALL_ERROR, /* it said so, broke, or answered what it was not asked */
    EX_CALL_TIMEOUT,
    EX_CALL_LATE, /* an answer after its time; the call has been counted as a timeout before */
    EX_CALL_RESULTS,
};

enum {
    EX_CHILD_TIMEOUT_MS = 10000, /* what the configuration's default is as well */
    EX_CHILD_QUEUE = 1024,       /* failures that may wait for answers */
    EX_CHILD_MEMORY_BYTES = 512 * 1024 * 1024,
    EX_CHILD_PIDS = 64,
    EX_CHILD_HELLO_MS = 10000, /* for the first line */
};

/* What a child tells its owner. Texts are borrowed for the call; nothing of the child may be ended
 * inside one. */
struct ex_child_owner {
    void *ctx;
    /* It has said its first line, at first or after a restart. */
    void (*ready)(void *ctx, const struct ex_child_hello *hello);
    /* It has never been ready, and will not be. */
    void (*unusable)(void *ctx, const struct fo_error *error);
    /* A call has ended. `asked` is what ex_child_ask() was given; NULL: it was no call of ours, or
     * it had ended before. `answer` is NULL unless the result is OK. */
    void (*answered)(void *ctx, void *asked, enum ex_call_result result, double seconds,
                     const struct ex_child_line *answer);
    /* It is done with the event of ex_child_deliver(). False: none that it could be done with. */
    bool (*delivered)(void *ctx, uint64_t number);
    void (*metric)(void *ctx, const struct ex_child_line *line);
    void (*restarted)(void *ctx);
    void (*dropped)(void *ctx);    /* something that it should have been told */
    void (*suppressed)(void *ctx); /* a log line over the ration */
    void (*ended)(void *ctx);      /* after ex_child_close(); it is gone */
};

struct ex_child_config {
    uv_loop_t *loop;            /* borrowed */
    struct ex_spawner *spawner; /* borrowed */
    const char *host_program;
    const char *name;
    const char *path;
    const json_t *config;   /* NULL = none */
    const json_t *writable; /* list of paths; NULL = none */
    int64_t timeout_ms;
    uint64_t memory_bytes;
    uint32_t queue;
    struct ex_child_owner owner;
};

/* Starts it; all but the borrowed is copied. -ENOMEM; what making pipes says. */
FO_MUST_CHECK int ex_child_new(const struct ex_child_config *config, struct ex_child **ret_child);

/* Closes its input, so that it ends by itself, kills it after `grace_ms`; then owner.ended() is
 * called and the child is gone. Calls that wait end as errors. */
void ex_child_close(struct ex_child *child, uint64_t grace_ms);

bool ex_child_is_up(const struct ex_child *child);
uint32_t ex_child_waiting(const struct ex_child *child); /* calls without an answer yet */

/* Sends a failure: `record` is its line of ex_event_encode_failure() without a completion. True:
 * owner.answered() follows, from the loop, within the time limit. False: it is down or its queue is
 * full (owner.dropped() was called). */
bool ex_child_ask(struct ex_child *child, struct fo_str record, void *asked);

/* Sends a line that wants no answer. */
void ex_child_tell(struct ex_child *child, struct fo_str line);

/* Sends an event that it is to acknowledge by this number, which is not 0. False: it is down, or
 * has not yet read what it was sent; to be tried again later. */
bool ex_child_deliver(struct ex_child *child, struct fo_str record, uint64_t number);

/* Forgets who asked: answers for `asked` are counted, but not told with it any more. */
void ex_child_forget(struct ex_child *child, const void *asked);

#endif
