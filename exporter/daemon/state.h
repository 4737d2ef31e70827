/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/state.h - what the daemon keeps and where: the folder, the lock that keeps other
 * daemons out of it, the store, and from which number on attempts are counted.
 * Owns: all of them. Threads: [main]. */
#ifndef EX_DAEMON_STATE_H
#define EX_DAEMON_STATE_H

#include "exporter/config/config.h"
#include "exporter/daemon/lock.h"
#include "exporter/daemon/work_dir.h"
#include "exporter/store/store.h"

struct ex_state {
    struct ex_work_dir dir;
    struct ex_lock lock;
    struct ex_store *store; /* NULL: state is in memory */
    int64_t epoch;          /* of the first attempt */
};

struct ex_state_options {
    const char *storage_path;            /* NULL = a private temporary folder */
    bool keep;                           /* state in that path; else only files go there */
    bool standby;                        /* wait for a daemon that has the path to end */
    void (*changed)(void *ctx, bool up); /* as of struct ex_store_config */
    void *ctx;
};

/* Before anything else; ex_state_close() and ex_state_free() may follow at once. */
void ex_state_init(struct ex_state *state);

/* Opens all, with a word in the log when state is not kept. Errors: those of ex_work_dir_open(),
 * ex_lock_take(), ex_store_open() and ex_store_read(); what was opened stays. */
FO_MUST_CHECK int ex_state_open(struct ex_state *state, const struct ex_state_options *options,
                                const struct ex_config *config, struct fo_error *reterr);

/* Writes the rest down: the store ends. */
void ex_state_close(struct ex_state *state);

/* After it and the spawner: folder and lock. */
void ex_state_free(struct ex_state *state);

#endif
