/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/store/internal.h - the inside of a store, for this room only. The connection belongs to
 * the caller until ex_store_start(), then to the writer's thread.
 * Owns: see store.h. Threads: told per member. */
#ifndef EX_STORE_INTERNAL_H
#define EX_STORE_INTERNAL_H

#include <pthread.h>

#include "exporter/store/schema.h"
#include "exporter/store/store.h"

/* What retention goes by; part of each transaction. */
struct ex_usage {
    int64_t failures;
    int64_t events;
    int64_t bytes;
};

/* A connection with its statements. */
struct ex_writing {
    sqlite3 *db; /* NULL: it could not be opened again */
    sqlite3_stmt *changes[EX_WRITES];
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
    sqlite3_stmt *usage;
    sqlite3_stmt *forget_failures;
    sqlite3_stmt *forget_events;
    struct ex_usage used;
    int64_t age_checked_ms;
    int64_t batches;               /* that were ever committed to the file */
    bool begun;                    /* it has had the lock, and both are as the file has them */
    int wal_pages;                 /* after the last commit */
    char why[EX_STORE_TEXT_BYTES]; /* the last one failed */
};

struct ex_store {
    char *path;
    struct ex_store_config config;
    struct ex_writing writing; /* the writer's, once it runs */
    int64_t batches;           /* likewise: that it knows to be durable, as counted in the file */
    int log_unit_pages;        /* the log is kept short by this measure */
    bool started;

    pthread_t writer;
    pthread_t checkpointer;
    pthread_mutex_t lock; /* from here on */
    pthread_cond_t wake_writer;
    pthread_cond_t wake_checkpointer;
    struct ex_batch *batch; /* to be written; NULL = none */
    bool finished;          /* it is durable */
    uint64_t commit_ns;     /* what that took */
    bool stopping;
    int wal_pages;     /* of the log */
    int moved_pages;   /* of these, those that the last checkpoint was about */
    bool checkpointed; /* by the checkpointer, and the rest is the writer's to move */
    struct ex_store_status status;
};

/* ---- writing.c ---- */

/* Prepares the statements. 0, or a negative errno. */
FO_MUST_CHECK int ex_writing_open(struct ex_writing *writing, sqlite3 *db);
void ex_writing_close(struct ex_writing *writing);
/* One transaction: the batch (may be NULL: only retention), what retention forgets, the account of
 * both. All or nothing. `ret_deleted`: rows forgotten.
 * A commit that failed may be on the disk all the same: its part of the log was whole when what
 * comes after it failed. So a batch is not written when the file counts more than `done` batches,
 * which are those known to be in it: it is this one, and twice would count twice. */
FO_MUST_CHECK int ex_writing_commit(struct ex_writing *writing,
                                    const struct ex_store_config *limits,
                                    const struct ex_batch *batch, int64_t done,
                                    uint64_t *ret_deleted);

/* ---- threads.c ---- */

/* Tries once to write a batch (may be NULL), over a new connection after a trouble. */
FO_MUST_CHECK int ex_store_commit(struct ex_store *store, const struct ex_batch *batch,
                                  uint64_t *ret_deleted);

void *ex_store_write_loop(void *ctx);
void *ex_store_checkpoint_loop(void *ctx);

#endif
