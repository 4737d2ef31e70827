/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum { BUSY_TIMEOUT_MS = 5000 };

/* Step i brings version i up to i + 1. What has been released is never changed again. */
static const char *const steps[] = {
    /* 1. Rows of jobs hang on `job`; failures and events outlive them. */
    "CREATE TABLE daemon(next_failure INTEGER NOT NULL, next_job INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, rejected_0 INTEGER NOT NULL, rejected_1 INTEGER NOT NULL,"
    " rejected_2 INTEGER NOT NULL, rejected_3 INTEGER NOT NULL, rejected_4 INTEGER NOT NULL,"
    " start_ms INTEGER NOT NULL, failures INTEGER NOT NULL, events INTEGER NOT NULL,"
    " history_bytes INTEGER NOT NULL);"
    "INSERT INTO daemon VALUES(1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);"
    "CREATE TABLE job(no INTEGER PRIMARY KEY, id TEXT NOT NULL, engine TEXT NOT NULL,"
    " submitted_ms INTEGER NOT NULL, commands_optional INTEGER NOT NULL, source TEXT NOT NULL,"
    " folder TEXT, path TEXT);"
    "CREATE TABLE job_state(no INTEGER PRIMARY KEY, ended_ms INTEGER NOT NULL,"
    " accepted INTEGER NOT NULL, counted INTEGER NOT NULL, recoveries INTEGER NOT NULL,"
    " exhausted_0 INTEGER NOT NULL, exhausted_1 INTEGER NOT NULL, exhausted_2 INTEGER NOT NULL,"
    " start_ms INTEGER NOT NULL, head BLOB NOT NULL, tail BLOB NOT NULL, engine_state BLOB NOT "
    "NULL);"
    "CREATE TABLE tasks(job INTEGER NOT NULL, range INTEGER NOT NULL, core BLOB NOT NULL,"
    " times BLOB NOT NULL, PRIMARY KEY(job, range)) WITHOUT ROWID;"
    "CREATE TABLE label_count(job INTEGER NOT NULL, labels BLOB NOT NULL, count INTEGER NOT NULL,"
    " start_ms INTEGER NOT NULL, PRIMARY KEY(job, labels)) WITHOUT ROWID;"
    "CREATE TABLE class_count(type TEXT NOT NULL, category TEXT NOT NULL, count INTEGER NOT NULL,"
    " PRIMARY KEY(type, category)) WITHOUT ROWID;"
    "CREATE TABLE failure(id INTEGER PRIMARY KEY, job INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " final INTEGER NOT NULL, task INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    " decided INTEGER NOT NULL, delay_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL,"
    " restarted INTEGER NOT NULL, policy INTEGER NOT NULL, decision INTEGER NOT NULL,"
    " exhausted INTEGER NOT NULL, pid INTEGER NOT NULL, budget_limit INTEGER NOT NULL,"
    " budget_left INTEGER NOT NULL, record TEXT NOT NULL, labels BLOB NOT NULL,"
    " log_path TEXT NOT NULL, runs BLOB NOT NULL);"
    "CREATE INDEX failure_pending ON failure(id) WHERE final=0;"
    "CREATE TABLE event(no INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,"
    " record TEXT NOT NULL);"
    "CREATE TRIGGER job_gone AFTER DELETE ON job BEGIN"
    " DELETE FROM job_state WHERE no=OLD.no;"
    " DELETE FROM tasks WHERE job=OLD.no;"
    " DELETE FROM label_count WHERE job=OLD.no; END;",
    /* 2. What listeners have yet to acknowledge. */
    "CREATE TABLE delivery(no INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
    " failure INTEGER NOT NULL, event INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " listener TEXT NOT NULL);",
    /* 3. Whether a commit that failed is on the disk all the same. */
    "ALTER TABLE daemon ADD COLUMN batches INTEGER NOT NULL DEFAULT 0;",
};
enum { VERSION = sizeof steps / sizeof *steps };

int ex_schema_errno(int result) {
    switch (result & 0xff) {
    case SQLITE_OK:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return -EROFS;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EINVAL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_NOMEM:
        return -ENOMEM;
    default:
        return -EIO;
    }
}

int ex_schema_run(sqlite3 *db, const char *sql) {
    return ex_schema_errno(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

/* False: there is no row, or SQLite says why. */
static bool ask_number(sqlite3 *db, const char *sql, int64_t *ret_number) {
    sqlite3_stmt *statement = NULL;
    bool found = sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
                 sqlite3_step(statement) == SQLITE_ROW;

    if (found)
        *ret_number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return found;
}

int64_t ex_schema_number(sqlite3 *db, const char *sql, int64_t otherwise) {
    int64_t number = otherwise;

    (void)ask_number(db, sql, &number);
    return number;
}

static int fail(struct fo_error *reterr, int code, const char *path, const char *why) {
    *reterr = (struct fo_error){.code = code};
    (void)snprintf(reterr->text, sizeof reterr->text, "%.90s: %.150s", path, why);
    return code;
}

static int refuse_damaged(struct fo_error *reterr, const char *path) {
    return fail(reterr, -EINVAL, path,
                "is damaged, or no database; nothing was changed. Put a backup in its place, or "
                "move it away to begin anew");
}

/* What went wrong with a file that was asked something. */
static int fail_reading(sqlite3 *db, const char *path, struct fo_error *reterr) {
    int code = ex_schema_errno(sqlite3_errcode(db));

    return code == -EINVAL || code == 0 /* it finds nothing wrong with it, we do */
               ? refuse_damaged(reterr, path)
               : fail(reterr, code, path, sqlite3_errmsg(db));
}

/* SQLite would make it readable for all. */
static int make_private(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd == -1)
        return -errno;
    (void)close(fd);
    return 0;
}

int ex_schema_connect(const char *path, int flags, sqlite3 **ret_db, struct fo_error *reterr) {
    /* A checkpoint is made by whom we want, when we want; see checkpoint.c. */
    static const char settings[] =
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864;"
        "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384;";
    bool writes = (flags & SQLITE_OPEN_READWRITE) != 0;
    sqlite3 *db = NULL;
    int ret = (flags & SQLITE_OPEN_CREATE) != 0 ? make_private(path) : 0;

    if (ret < 0)
        return fail(reterr, ret, path, strerrordesc_np(-ret));
    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        ret = fail(reterr, ex_schema_errno(sqlite3_errcode(db)), path, sqlite3_errmsg(db));
    (void)sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
    (void)sqlite3_extended_result_codes(db, 1);
    if (ret == 0 && writes && ex_schema_run(db, settings) != 0)
        ret = fail_reading(db, path, reterr);
    if (ret < 0)
        (void)sqlite3_close(db);
    else
        *ret_db = db;
    return ret;
}

static int check_version(sqlite3 *db, const char *path, int64_t *ret_version,
                         struct fo_error *reterr) {
    int64_t application;
    int64_t tables;

    if (!ask_number(db, "PRAGMA application_id", &application) ||
        !ask_number(db, "SELECT count(*) FROM sqlite_schema", &tables) ||
        !ask_number(db, "PRAGMA user_version", ret_version))
        return fail_reading(db, path, reterr);
    if (tables > 0 && application != EX_SCHEMA_APPLICATION)
        return fail(reterr, -EINVAL, path,
                    "is the database of another program; give another --storage.path");
    if (*ret_version < 0 || (*ret_version == 0) != (tables == 0))
        return refuse_damaged(reterr, path);
    if (*ret_version > VERSION) {
        char why[140];
        (void)snprintf(why, sizeof why,
                       "was written by a later version of this program (schema %lld, this one "
                       "knows %d): start that one, or put a backup in its place",
                       (long long)*ret_version, VERSION);
        return fail(reterr, -EPROTO, path, why);
    }
    return 0;
}

static int migrate(sqlite3 *db, int64_t version, int64_t now_ms) {
    char mark[128];
    int ret = ex_schema_run(db, "BEGIN IMMEDIATE");

    if (ret == 0)
        ret = ex_schema_run(db, steps[version]);
    (void)snprintf(mark, sizeof mark, "PRAGMA application_id=%d; PRAGMA user_version=%lld; %s",
                   EX_SCHEMA_APPLICATION, (long long)version + 1, "COMMIT");
    if (ret == 0 && version == 0) {
        char start[80];
        (void)snprintf(start, sizeof start, "UPDATE daemon SET start_ms=%lld", (long long)now_ms);
        ret = ex_schema_run(db, start);
    }
    if (ret == 0)
        ret = ex_schema_run(db, mark);
    if (ret < 0)
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return ret;
}

/* The small tables, whose damage would be believed; of a long history no more than what is asked
 * for is read. */
static int check_tables(sqlite3 *db, const char *path, struct fo_error *reterr) {
    static const char *const checks[] = {
        "SELECT quick_check<>'ok' FROM pragma_quick_check('daemon')",
        "SELECT quick_check<>'ok' FROM pragma_quick_check('job')",
        "SELECT quick_check<>'ok' FROM pragma_quick_check('job_state')",
        "SELECT quick_check<>'ok' FROM pragma_quick_check('tasks')",
        "SELECT quick_check<>'ok' FROM pragma_quick_check('label_count')",
        "SELECT quick_check<>'ok' FROM pragma_quick_check('class_count')",
        "SELECT quick_check<>'ok' FROM pragma_quick_check('delivery')",
        "SELECT count(*)<>1 FROM daemon",
        "SELECT count(*) FROM failure WHERE id=(SELECT max(id) FROM failure) AND id<0",
    };

    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (ex_schema_number(db, checks[i], 1) != 0)
            return refuse_damaged(reterr, path);
    }
    return 0;
}

int ex_schema_prepare(sqlite3 *db, const char *path, int64_t now_ms, struct fo_error *reterr) {
    int64_t version = 0;
    int ret = check_version(db, path, &version, reterr);

    for (; ret == 0 && version >= 0 && version < VERSION; version++) {
        if (migrate(db, version, now_ms) < 0)
            ret = fail_reading(db, path, reterr);
    }
    return ret == 0 ? check_tables(db, path, reterr) : ret;
}

int ex_schema_check(sqlite3 *db, const char *path, struct fo_error *reterr) {
    int64_t version = 0;
    int ret = check_version(db, path, &version, reterr);

    if (ret == 0 && version != VERSION)
        ret = fail(reterr, -EPROTO, path,
                   "is of an earlier version; start the daemon once to bring it up to date");
    return ret;
}
