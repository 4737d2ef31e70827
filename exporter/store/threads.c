/* SPDX-License-Identifier: Apache-2.0 */
/* The writer, which makes batches durable and never gives up; and the checkpointer, which moves
 * what is in the log into the file beside it, so that no commit has to. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "exporter/base/clock.h"
#include "exporter/store/internal.h"

enum {
    RETRY_MIN_MS = 50,
    RETRY_MAX_MS = 2000,
    IDLE_MS = 30 * 1000, /* between two looks at the age of the history */
    LOG_UNITS_NEW = 3,   /* so long, and after the next checkpoint the log begins anew; */
    LOG_UNITS_MAX = 4,   /* so long: at once */
    MS_PER_S = 1000,
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000,
};

static const char *const trouble_names[EX_STORE_TROUBLES] = {
    [EX_STORE_FULL] = "full",       [EX_STORE_IO] = "io",       [EX_STORE_READ_ONLY] = "read_only",
    [EX_STORE_DAMAGED] = "damaged", [EX_STORE_OTHER] = "other",
};

const char *ex_store_trouble_name(enum ex_store_trouble trouble) {
    return trouble_names[trouble];
}

static enum ex_store_trouble trouble_of(int error) {
    switch (error) {
    case -ENOSPC:
        return EX_STORE_FULL;
    case -EIO:
        return EX_STORE_IO;
    case -EROFS:
        return EX_STORE_READ_ONLY;
    case -EINVAL:
        return EX_STORE_DAMAGED;
    default:
        return EX_STORE_OTHER;
    }
}

static void wait_for(pthread_cond_t *cond, pthread_mutex_t *lock, int ms) {
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / MS_PER_S;
    until.tv_nsec += (long)(ms % MS_PER_S) * NS_PER_MS;
    if (until.tv_nsec >= NS_PER_S) {
        until.tv_nsec -= NS_PER_S;
        until.tv_sec++;
    }
    (void)pthread_cond_timedwait(cond, lock, &until);
}

/* ---- the writer ---- */

static uint64_t size_of_files(const char *path) {
    char wal[4096 + 8];
    struct stat status;
    uint64_t size = 0;

    if (stat(path, &status) == 0)
        size += (uint64_t)status.st_size;
    (void)snprintf(wal, sizeof wal, "%s-wal", path);
    if (stat(wal, &status) == 0)
        size += (uint64_t)status.st_size;
    return size;
}

/* After a trouble a new connection: the old one may hold pages that never reached the disk. */
static int reconnect(struct ex_store *store) {
    struct fo_error error;
    sqlite3 *db = NULL;

    ex_writing_close(&store->writing);
    int ret = ex_schema_connect(store->path, SQLITE_OPEN_READWRITE, &db, &error);
    return ret == 0 ? ex_writing_open(&store->writing, db) : ret;
}

int ex_store_commit(struct ex_store *store, const struct ex_batch *batch, uint64_t *ret_deleted) {
    int ret = store->writing.db ? 0 : reconnect(store);

    if (ret == 0)
        ret =
            ex_writing_commit(&store->writing, &store->config, batch, store->batches, ret_deleted);
    if (ret == 0)
        store->batches = store->writing.batches;
    return ret;
}

/* With the lock. */
static void note_trouble(struct ex_store *store, int error) {
    store->status.troubles[trouble_of(error)]++;
    store->status.up = false;
    (void)snprintf(store->status.text, sizeof store->status.text, "%s",
                   store->writing.db ? store->writing.why : strerrordesc_np(-error));
}

/* With the lock. */
static bool is_checkpoint_due(const struct ex_store *store) {
    return store->wal_pages - store->moved_pages >= store->log_unit_pages;
}

/* With the lock. */
static void note_success(struct ex_store *store, uint64_t deleted) {
    store->status.up = true;
    store->status.deleted += deleted;
    store->status.failures = (uint64_t)store->writing.used.failures;
    store->status.events = (uint64_t)store->writing.used.events;
    store->wal_pages = store->writing.wal_pages;
    if (store->wal_pages < store->moved_pages)
        store->moved_pages = 0; /* the log has begun anew */
    if (is_checkpoint_due(store))
        (void)pthread_cond_signal(&store->wake_checkpointer);
}

/* A log begins anew only when nothing of it is left to be moved, and while the checkpointer is at
 * work more comes. That rest is moved here, when it is smallest, and seldom, for a commit that
 * comes meanwhile waits. With the lock, which is let go meanwhile. */
static void shorten_log(struct ex_store *store) {
    const int unit = store->log_unit_pages;
    bool rest_is_small = store->checkpointed && store->wal_pages >= LOG_UNITS_NEW * unit;

    store->checkpointed = false;
    if (!rest_is_small && store->wal_pages < LOG_UNITS_MAX * unit)
        return;
    (void)pthread_mutex_unlock(&store->lock);
    (void)sqlite3_wal_checkpoint_v2(store->writing.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    (void)pthread_mutex_lock(&store->lock);
}

/* Tries once; with the lock, which is let go meanwhile. */
static bool try_to_write(struct ex_store *store, const struct ex_batch *batch) {
    uint64_t deleted = 0;

    (void)pthread_mutex_unlock(&store->lock);
    uint64_t began_ns = ex_clock_ns();
    int ret = ex_store_commit(store, batch, &deleted);
    uint64_t took_ns = ex_clock_ns() - began_ns;
    uint64_t bytes = size_of_files(store->path);
    (void)pthread_mutex_lock(&store->lock);
    store->status.file_bytes = bytes;
    if (ret < 0) {
        note_trouble(store, ret);
        (void)pthread_mutex_unlock(&store->lock);
        ex_writing_close(&store->writing);
        (void)pthread_mutex_lock(&store->lock);
        return false;
    }
    note_success(store, deleted);
    if (batch) {
        store->batch = NULL;
        store->finished = true;
        store->commit_ns = took_ns;
    }
    return true;
}

/* Until it is durable, or the store ends. With the lock. */
static void write_one(struct ex_store *store, const struct ex_batch *batch) {
    int wait_ms = RETRY_MIN_MS;

    while (!try_to_write(store, batch)) {
        store->config.changed(store->config.ctx, store->status.up);
        if (store->stopping || !batch)
            return; /* what is only tidied can wait */
        wait_for(&store->wake_writer, &store->lock, wait_ms);
        wait_ms = wait_ms * 2 < RETRY_MAX_MS ? wait_ms * 2 : RETRY_MAX_MS;
    }
    store->config.changed(store->config.ctx, store->status.up);
    shorten_log(store);
}

void *ex_store_write_loop(void *ctx) {
    struct ex_store *store = ctx;

    (void)pthread_mutex_lock(&store->lock);
    while (!store->stopping || store->batch) {
        const struct ex_batch *batch = store->batch;
        if (!batch) {
            wait_for(&store->wake_writer, &store->lock, IDLE_MS);
            if (store->batch || store->stopping)
                continue;
        }
        write_one(store, batch);
        if (store->stopping && !store->finished)
            break;
    }
    (void)pthread_mutex_unlock(&store->lock);
    return NULL;
}

/* ---- the checkpointer ---- */

void *ex_store_checkpoint_loop(void *ctx) {
    struct ex_store *store = ctx;
    struct fo_error error;
    sqlite3 *db = NULL;

    (void)pthread_mutex_lock(&store->lock);
    while (!store->stopping) {
        if (!is_checkpoint_due(store)) {
            (void)pthread_cond_wait(&store->wake_checkpointer, &store->lock);
            continue;
        }
        store->moved_pages = store->wal_pages;
        (void)pthread_mutex_unlock(&store->lock);
        if (!db && ex_schema_connect(store->path, SQLITE_OPEN_READWRITE, &db, &error) < 0)
            db = NULL;
        /* What fails here, the writer meets as well, and says. */
        if (db && sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) !=
                      SQLITE_OK) {
            (void)sqlite3_close(db);
            db = NULL;
        }
        (void)pthread_mutex_lock(&store->lock);
        store->checkpointed = true;
    }
    (void)pthread_mutex_unlock(&store->lock);
    (void)sqlite3_close(db);
    return NULL;
}
