/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/store/schema.h - the database file: made, recognised, brought up to this version. Never
 * deleted, never mended. Private to this room. Owns: nothing. Threads: of the connection. */
#ifndef EX_STORE_SCHEMA_H
#define EX_STORE_SCHEMA_H

#include <sqlite3.h>

#include "failover/types.h"

/* "FOEX": so that a file of another program is not mistaken for ours. */
#define EX_SCHEMA_APPLICATION 0x464f4558

/* Opens a connection with our settings. -errno and words in `reterr`. */
FO_MUST_CHECK int ex_schema_connect(const char *path, int flags, sqlite3 **ret_db,
                                    struct fo_error *reterr);

/* Makes the tables in an empty file, or brings those of an earlier version up to this one.
 * -EINVAL: another program's file, or a damaged one. -EPROTO: written by a later version. */
FO_MUST_CHECK int ex_schema_prepare(sqlite3 *db, const char *path, int64_t now_ms,
                                    struct fo_error *reterr);

/* That a file is ours and of this version, without changing it. */
FO_MUST_CHECK int ex_schema_check(sqlite3 *db, const char *path, struct fo_error *reterr);

/* Runs statements without results. */
FO_MUST_CHECK int ex_schema_run(sqlite3 *db, const char *sql);

/* The first column of the first row as a number; `otherwise` when there is none. */
int64_t ex_schema_number(sqlite3 *db, const char *sql, int64_t otherwise);

/* -ENOSPC, -EIO, -EROFS, -EINVAL (damaged), -EBUSY or -ENOMEM for an SQLite result. */
int ex_schema_errno(int result);

#endif
