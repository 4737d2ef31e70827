/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction: changes, retention, and the account of how much there is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exporter/base/clock.h"
#include "exporter/store/internal.h"

enum {
    FORGET_MIN = 64,        /* rows that one transaction may forget, */
    FORGET_FACTOR = 2,      /* or so many times what it adds */
    AGE_INTERVAL_MS = 1000, /* between two looks at the oldest */
};

/* ---- statements ---- */

static int prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_statement) {
    return ex_schema_errno(
        sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL));
}

static int prepare_all(struct ex_writing *writing) {
    /* The oldest; a failure that is not final is not forgotten. */
    static const char forget_failures[] =
        "DELETE FROM failure WHERE id IN (SELECT id FROM (SELECT id, at_ms FROM failure"
        " WHERE final=1 ORDER BY id LIMIT ?1) WHERE at_ms<?2)"
        " RETURNING length(CAST(record AS BLOB))";
    static const char forget_events[] =
        "DELETE FROM event WHERE no IN (SELECT no FROM (SELECT no, at_ms FROM event"
        " ORDER BY no LIMIT ?1) WHERE at_ms<?2) RETURNING length(CAST(record AS BLOB))";
    const struct {
        const char *sql;
        sqlite3_stmt **place;
    } others[] = {
        {"BEGIN IMMEDIATE", &writing->begin},
        {"COMMIT", &writing->commit},
        {"UPDATE daemon SET failures=?1, events=?2, history_bytes=?3, batches=?4", &writing->usage},
        {forget_failures, &writing->forget_failures},
        {forget_events, &writing->forget_events},
    };
    int ret = 0;

    for (int kind = 0; kind < EX_WRITES && ret == 0; kind++)
        ret =
            prepare(writing->db, ex_write_shape((enum ex_write)kind)->sql, &writing->changes[kind]);
    for (size_t i = 0; i < sizeof others / sizeof *others && ret == 0; i++)
        ret = prepare(writing->db, others[i].sql, others[i].place);
    return ret;
}

static int note_wal(void *ctx, sqlite3 *db, const char *name, int pages) {
    struct ex_writing *writing = ctx;

    (void)db;
    (void)name;
    writing->wal_pages = pages;
    return SQLITE_OK;
}

/* What the file says of itself; what cannot be read stays as it was. */
static void read_account(struct ex_writing *writing) {
    struct ex_usage *used = &writing->used;
    sqlite3 *db = writing->db;

    used->failures = ex_schema_number(db, "SELECT failures FROM daemon", used->failures);
    used->events = ex_schema_number(db, "SELECT events FROM daemon", used->events);
    used->bytes = ex_schema_number(db, "SELECT history_bytes FROM daemon", used->bytes);
    writing->batches = ex_schema_number(db, "SELECT batches FROM daemon", writing->batches);
}

int ex_writing_open(struct ex_writing *writing, sqlite3 *db) {
    *writing = (struct ex_writing){.db = db};
    int ret = prepare_all(writing);

    if (ret < 0) {
        ex_writing_close(writing);
        return ret;
    }
    read_account(writing);
    (void)sqlite3_wal_hook(db, note_wal, writing);
    return 0;
}

void ex_writing_close(struct ex_writing *writing) {
    for (int kind = 0; kind < EX_WRITES; kind++)
        (void)sqlite3_finalize(writing->changes[kind]);
    (void)sqlite3_finalize(writing->begin);
    (void)sqlite3_finalize(writing->commit);
    (void)sqlite3_finalize(writing->usage);
    (void)sqlite3_finalize(writing->forget_failures);
    (void)sqlite3_finalize(writing->forget_events);
    (void)sqlite3_close(writing->db);
    *writing = (struct ex_writing){.db = NULL};
}

static int run(sqlite3_stmt *statement) {
    int result = sqlite3_step(statement);

    (void)sqlite3_reset(statement);
    return result == SQLITE_DONE ? 0 : ex_schema_errno(result);
}

/* ---- changes ---- */

static int bind_text(sqlite3_stmt *statement, int place, struct fo_str text, bool binary) {
    const char *bytes = text.len > 0 ? text.ptr : "";

    return binary
               ? sqlite3_bind_blob64(statement, place, bytes, text.len, SQLITE_STATIC)
               : sqlite3_bind_text64(statement, place, bytes, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static int write_row(struct ex_writing *writing, enum ex_write kind, const struct ex_row *row) {
    const struct ex_row_shape *shape = ex_write_shape(kind);
    sqlite3_stmt *statement = writing->changes[kind];
    int result = SQLITE_OK;

    for (int i = 0; i < shape->ints && result == SQLITE_OK; i++)
        result = sqlite3_bind_int64(statement, i + 1, row->ints[i]);
    for (int i = 0; i < shape->texts && result == SQLITE_OK; i++)
        result =
            bind_text(statement, shape->ints + i + 1, row->texts[i], (shape->binary >> i & 1) != 0);
    return result == SQLITE_OK ? run(statement) : ex_schema_errno(result);
}

static int write_batch(struct ex_writing *writing, const struct ex_batch *batch) {
    struct ex_row row;
    enum ex_write kind;
    size_t offset = 0;
    int ret = 0;

    while (ret == 0 && ex_batch_next(batch, &offset, &kind, &row))
        ret = write_row(writing, kind, &row);
    writing->used.failures += batch->failures;
    writing->used.events += batch->events;
    writing->used.bytes += (int64_t)batch->history_bytes;
    return ret;
}

/* ---- retention ---- */

/* Forgets up to `count` of the oldest rows that are older than `before_ms`. */
static int forget(struct ex_writing *writing, sqlite3_stmt *statement, int64_t count,
                  int64_t before_ms, int64_t *rows) {
    int result = sqlite3_bind_int64(statement, 1, count);

    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(statement, 2, before_ms);
    for (result = result == SQLITE_OK ? sqlite3_step(statement) : result; result == SQLITE_ROW;
         result = sqlite3_step(statement)) {
        writing->used.bytes -= EX_HISTORY_ROW_BYTES + sqlite3_column_int64(statement, 0);
        --*rows;
    }
    (void)sqlite3_reset(statement);
    return result == SQLITE_DONE ? 0 : ex_schema_errno(result);
}

/* How many rows are too many. */
static int64_t excess(const struct ex_writing *writing, const struct ex_store_config *limits,
                      int64_t rows) {
    int64_t count = (int64_t)limits->retention_count;
    int64_t all = writing->used.failures + writing->used.events;
    int64_t by_count = count > 0 && rows > count ? rows - count : 0;
    int64_t bytes = writing->used.bytes - (int64_t)limits->retention_bytes;
    int64_t by_bytes = limits->retention_bytes > 0 && bytes > 0 && all > 0
                           ? bytes / (writing->used.bytes / all + 1) + 1
                           : 0;

    return by_count > by_bytes ? by_count : by_bytes;
}

static int forget_excess(struct ex_writing *writing, const struct ex_store_config *limits,
                         int64_t most) {
    int64_t failures = excess(writing, limits, writing->used.failures);
    int64_t events = excess(writing, limits, writing->used.events);
    int ret = 0;

    if (failures > 0)
        ret = forget(writing, writing->forget_failures, failures < most ? failures : most,
                     INT64_MAX, &writing->used.failures);
    if (ret == 0 && events > 0)
        ret = forget(writing, writing->forget_events, events < most ? events : most, INT64_MAX,
                     &writing->used.events);
    return ret;
}

static int forget_old(struct ex_writing *writing, const struct ex_store_config *limits,
                      int64_t most) {
    int64_t now_ms = ex_clock_wall_ms();
    int64_t before_ms = now_ms - limits->retention_age_ms;

    if (limits->retention_age_ms <= 0 || now_ms - writing->age_checked_ms < AGE_INTERVAL_MS)
        return 0;
    writing->age_checked_ms = now_ms;
    int ret = forget(writing, writing->forget_failures, most, before_ms, &writing->used.failures);
    return ret == 0
               ? forget(writing, writing->forget_events, most, before_ms, &writing->used.events)
               : ret;
}

/* ---- the transaction ---- */

static int write_usage(struct ex_writing *writing, int64_t batches) {
    (void)sqlite3_bind_int64(writing->usage, 1, writing->used.failures);
    (void)sqlite3_bind_int64(writing->usage, 2, writing->used.events);
    (void)sqlite3_bind_int64(writing->usage, 3, writing->used.bytes);
    (void)sqlite3_bind_int64(writing->usage, 4, batches);
    return run(writing->usage);
}

static int transact(struct ex_writing *writing, const struct ex_store_config *limits,
                    const struct ex_batch *batch) {
    int64_t added = batch ? batch->failures + batch->events : 0;
    int64_t most = added * FORGET_FACTOR + FORGET_MIN;
    const struct ex_usage before = writing->used;
    int ret = batch ? write_batch(writing, batch) : 0;

    if (ret == 0)
        ret = forget_excess(writing, limits, most);
    if (ret == 0)
        ret = forget_old(writing, limits, most);
    if (ret == 0 && (batch || memcmp(&before, &writing->used, sizeof before) != 0))
        ret = write_usage(writing, writing->batches + (batch != NULL));
    return ret == 0 ? run(writing->commit) : ret;
}

/* The account is read once more when nobody else can write: what it said before may be old. */
static int begin(struct ex_writing *writing) {
    int ret = run(writing->begin);

    if (ret == 0 && !writing->begun)
        read_account(writing);
    writing->begun = writing->begun || ret == 0;
    return ret;
}

static void roll_back(struct ex_writing *writing) {
    (void)sqlite3_exec(writing->db, "ROLLBACK", NULL, NULL, NULL);
}

int ex_writing_commit(struct ex_writing *writing, const struct ex_store_config *limits,
                      const struct ex_batch *batch, int64_t done, uint64_t *ret_deleted) {
    int64_t added = batch ? batch->failures + batch->events : 0;
    int ret = begin(writing);
    const struct ex_usage before = writing->used;

    *ret_deleted = 0;
    if (ret == 0 && batch && writing->batches > done) {
        roll_back(writing);
        return 0;
    }
    if (ret == 0)
        ret = transact(writing, limits, batch);
    if (ret < 0) {
        (void)snprintf(writing->why, sizeof writing->why, "%s", sqlite3_errmsg(writing->db));
        roll_back(writing);
        writing->used = before;
        return ret;
    }
    writing->batches += batch != NULL;
    *ret_deleted = (uint64_t)(before.failures + before.events + added - writing->used.failures -
                              writing->used.events);
    return 0;
}
