/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "exporter/store/internal.h"

static const char file_name[] = "state.db";

/* ---- opening ---- */

static struct ex_store *store_new(const char *directory) {
    struct ex_store *store = calloc(1, sizeof *store);
    pthread_condattr_t monotonic;

    if (!store)
        return NULL;
    if (asprintf(&store->path, "%s/%s", directory, file_name) == -1) {
        free(store);
        return NULL;
    }
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&store->lock, NULL);
    (void)pthread_cond_init(&store->wake_writer, &monotonic);
    (void)pthread_cond_init(&store->wake_checkpointer, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    store->status.up = true;
    return store;
}

static int fail_memory(struct fo_error *reterr) {
    *reterr = (struct fo_error){.code = -ENOMEM, .text = "out of memory"};
    return -ENOMEM;
}

int ex_store_open(const struct ex_store_config *config, struct ex_store **ret_store,
                  struct fo_error *reterr) {
    struct ex_store *store = store_new(config->directory);
    sqlite3 *db = NULL;

    if (!store)
        return fail_memory(reterr);
    store->config = *config;
    int ret =
        ex_schema_connect(store->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &db, reterr);
    if (ret == 0) {
        store->writing.db = db;
        ret = ex_schema_prepare(db, store->path, config->now_ms, reterr);
    }
    if (ret == 0) {
        ret = ex_writing_open(&store->writing, db);
        if (ret < 0)
            *reterr = (struct fo_error){.code = ret, .text = "the store cannot be written"};
    }
    if (ret < 0) {
        (void)ex_store_close(store);
        return ret;
    }
    store->batches = store->writing.batches;
    store->status.failures = (uint64_t)store->writing.used.failures;
    store->status.events = (uint64_t)store->writing.used.events;
    *ret_store = store;
    return 0;
}

int ex_store_open_reading(const char *directory, struct ex_store **ret_store,
                          struct fo_error *reterr) {
    struct ex_store *store = store_new(directory);

    if (!store)
        return fail_memory(reterr);
    int ret = ex_schema_connect(store->path, SQLITE_OPEN_READONLY, &store->writing.db, reterr);
    if (ret == 0)
        ret = ex_schema_check(store->writing.db, store->path, reterr);
    if (ret < 0) {
        (void)ex_store_close(store);
        return ret;
    }
    *ret_store = store;
    return 0;
}

struct ex_store *ex_store_close(struct ex_store *store) {
    if (!store)
        return NULL;
    if (store->started) {
        (void)pthread_mutex_lock(&store->lock);
        store->stopping = true;
        (void)pthread_cond_signal(&store->wake_writer);
        (void)pthread_cond_signal(&store->wake_checkpointer);
        (void)pthread_mutex_unlock(&store->lock);
        (void)pthread_join(store->writer, NULL);
        (void)pthread_join(store->checkpointer, NULL);
    }
    ex_writing_close(&store->writing);
    (void)pthread_cond_destroy(&store->wake_checkpointer);
    (void)pthread_cond_destroy(&store->wake_writer);
    (void)pthread_mutex_destroy(&store->lock);
    free(store->path);
    free(store);
    return NULL;
}

/* ---- reading ---- */

static void take_row(sqlite3_stmt *statement, const struct ex_row_shape *shape,
                     struct ex_row *ret_row) {
    for (int i = 0; i < shape->ints; i++)
        ret_row->ints[i] = sqlite3_column_int64(statement, i);
    for (int i = 0; i < shape->texts; i++) {
        int column = shape->ints + i;
        const char *bytes = sqlite3_column_blob(statement, column);
        ret_row->texts[i] = (struct fo_str){bytes, (size_t)sqlite3_column_bytes(statement, column)};
    }
}

static bool has_key(const char *sql) {
    return strchr(sql, '?') != NULL;
}

int ex_store_read(struct ex_store *store, enum ex_read question, int64_t key, ex_store_visit *visit,
                  void *ctx) {
    const struct ex_row_shape *shape = ex_read_shape(question);
    sqlite3_stmt *statement = NULL;
    struct ex_row row;
    int visited = 0;
    int result = sqlite3_prepare_v2(store->writing.db, shape->sql, -1, &statement, NULL);

    if (result == SQLITE_OK && has_key(shape->sql))
        result = sqlite3_bind_int64(statement, 1, key);
    while (result == SQLITE_OK || result == SQLITE_ROW) {
        result = sqlite3_step(statement);
        if (result != SQLITE_ROW)
            break;
        take_row(statement, shape, &row);
        visited = visit(ctx, &row);
        if (visited != 0)
            break;
    }
    (void)sqlite3_finalize(statement);
    if (visited != 0)
        return visited;
    return result == SQLITE_DONE ? 0 : ex_schema_errno(result);
}

int ex_store_write(struct ex_store *store, const struct ex_batch *batch) {
    uint64_t deleted;

    return ex_store_commit(store, batch, &deleted);
}

/* ---- writing ---- */

/* 16 MB that are not in the file are worth a checkpoint; on a small disk less, for a log that fills
 * it could not even be moved into the file. */
static int log_unit_pages(const char *path) {
    enum { PAGE_BYTES = 4096, PAGES_MAX = 4 * 1024, PAGES_MIN = 64, PARTS = 64 };
    struct statvfs disk;

    if (statvfs(path, &disk) == -1)
        return PAGES_MAX;
    uint64_t pages = (uint64_t)disk.f_blocks * disk.f_frsize / PAGE_BYTES / PARTS;
    return pages > PAGES_MAX ? PAGES_MAX : pages < PAGES_MIN ? PAGES_MIN : (int)pages;
}

int ex_store_start(struct ex_store *store) {
    store->log_unit_pages = log_unit_pages(store->path);
    int ret = -pthread_create(&store->writer, NULL, ex_store_write_loop, store);

    if (ret < 0)
        return ret;
    ret = -pthread_create(&store->checkpointer, NULL, ex_store_checkpoint_loop, store);
    if (ret < 0) {
        (void)pthread_mutex_lock(&store->lock);
        store->stopping = true;
        (void)pthread_cond_signal(&store->wake_writer);
        (void)pthread_mutex_unlock(&store->lock);
        (void)pthread_join(store->writer, NULL);
        return ret;
    }
    store->started = true;
    return 0;
}

void ex_store_submit(struct ex_store *store, struct ex_batch *batch) {
    (void)pthread_mutex_lock(&store->lock);
    store->batch = batch;
    (void)pthread_cond_signal(&store->wake_writer);
    (void)pthread_mutex_unlock(&store->lock);
}

bool ex_store_finish(struct ex_store *store, uint64_t *ret_commit_ns) {
    (void)pthread_mutex_lock(&store->lock);
    bool finished = store->finished;
    store->finished = false;
    *ret_commit_ns = store->commit_ns;
    (void)pthread_mutex_unlock(&store->lock);
    return finished;
}

void ex_store_status(struct ex_store *store, struct ex_store_status *ret_status) {
    (void)pthread_mutex_lock(&store->lock);
    *ret_status = store->status;
    (void)pthread_mutex_unlock(&store->lock);
}

/* ---- copying ---- */

int ex_store_backup(struct ex_store *store, const char *path, struct fo_error *reterr) {
    sqlite3_stmt *statement = NULL;

    if (access(path, F_OK) == 0) {
        *reterr = (struct fo_error){.code = -EEXIST};
        (void)snprintf(reterr->text, sizeof reterr->text, "%.200s is already there", path);
        return -EEXIST;
    }
    int result = sqlite3_prepare_v2(store->writing.db, "VACUUM INTO ?1", -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    (void)sqlite3_finalize(statement);
    if (result == SQLITE_DONE)
        return 0;
    *reterr = (struct fo_error){.code = ex_schema_errno(result)};
    (void)snprintf(reterr->text, sizeof reterr->text, "%.150s: %.90s", path,
                   sqlite3_errmsg(store->writing.db));
    return reterr->code;
}
