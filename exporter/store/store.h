/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/store/store.h - what survives the daemon: one SQLite file, written by one thread.
 *
 *     ex_store_open()     the file is made, recognised or refused; then it may be read
 *     ex_store_start()    from now on it is written, a batch at a time
 *     ex_store_submit()   ... changed() ... ex_store_finish()
 *
 * A batch is one transaction. It is durable when ex_store_finish() says so, or never: what cannot
 * be written, because the disk is full or does not answer, is tried again until it can. Nothing
 * that was written is changed by hand, and no file is ever deleted here. Owns: the file's
 * connections, two threads. Threads: [main] one caller's, unless told otherwise. */
#ifndef EX_STORE_STORE_H
#define EX_STORE_STORE_H

#include "exporter/store/batch.h"

struct ex_store;

struct ex_store_config {
    const char *directory; /* holds the file; copied */
    int64_t now_ms;        /* wall clock; a new file's counters begin then */
    /* How much of the history is kept; 0 = all of it. */
    uint64_t retention_count; /* failures, and as many other events */
    uint64_t retention_bytes;
    int64_t retention_age_ms;
    /* ex_store_finish() or ex_store_status() has news; `up` as there. Must not call the store.
     * [writer's thread] */
    void (*changed)(void *ctx, bool up);
    void *ctx;
};

/* -EINVAL: another program's file, or a damaged one; -EPROTO: of a later version; or what the
 * system says; `reterr` names the file and the remedy. */
FO_MUST_CHECK int ex_store_open(const struct ex_store_config *config, struct ex_store **ret_store,
                                struct fo_error *reterr);

/* Opens a store of a daemon that may be running, for reading only. */
FO_MUST_CHECK int ex_store_open_reading(const char *directory, struct ex_store **ret_store,
                                        struct fo_error *reterr);

/* Calls `visit` with each row of an answer, until it returns other than 0, which is then returned.
 * `keys` as the question says. Before ex_store_start(). 0; -EINVAL: damaged; -EIO, -ENOMEM. */
typedef int ex_store_visit(void *ctx, const struct ex_row *row);
FO_MUST_CHECK int ex_store_read(struct ex_store *store, enum ex_read question, int64_t key,
                                ex_store_visit *visit, void *ctx);

/* Writes a batch at once, before ex_store_start(). */
FO_MUST_CHECK int ex_store_write(struct ex_store *store, const struct ex_batch *batch);

/* Starts the writer. 0, or what the system says. */
FO_MUST_CHECK int ex_store_start(struct ex_store *store);

/* Hands a batch to the writer; it is lent until ex_store_finish(). One at a time. */
void ex_store_submit(struct ex_store *store, struct ex_batch *batch);

/* True, once, when the batch is durable: it is the caller's again. */
bool ex_store_finish(struct ex_store *store, uint64_t *ret_commit_ns);

/* Why a write failed. */
enum ex_store_trouble {
    EX_STORE_FULL,
    EX_STORE_IO,
    EX_STORE_READ_ONLY,
    EX_STORE_DAMAGED,
    EX_STORE_OTHER,
    EX_STORE_TROUBLES,
};
const char *ex_store_trouble_name(enum ex_store_trouble trouble); /* a label's value */

enum { EX_STORE_TEXT_BYTES = 160 };

struct ex_store_status {
    bool up; /* the last write went well */
    uint64_t troubles[EX_STORE_TROUBLES];
    char text[EX_STORE_TEXT_BYTES]; /* of the last trouble */
    uint64_t failures;              /* rows kept */
    uint64_t events;
    uint64_t deleted;    /* rows, by retention, since the start */
    uint64_t file_bytes; /* with what is not checkpointed */
};
void ex_store_status(struct ex_store *store, struct ex_store_status *ret_status);

/* Copies the whole store to a new file, as of one instant; beside a running daemon too. -EEXIST:
 * the file is there. */
FO_MUST_CHECK int ex_store_backup(struct ex_store *store, const char *path,
                                  struct fo_error *reterr);

/* Ends the writer; a batch that is not durable by then is given up. NULL allowed; returns NULL. */
struct ex_store *ex_store_close(struct ex_store *store);

#endif
