/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/local/folders.h - names and folders of the local engine's files.
 * Owns: nothing. Threads: any. */
#ifndef EX_ENGINES_LOCAL_FOLDERS_H
#define EX_ENGINES_LOCAL_FOLDERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "failover/failover.h"

#define EX_LOCAL_PATH_SIZE 4096

/* Who tasks run as. */
struct ex_local_user {
    bool change; /* false: as we do */
    uid_t uid;
    gid_t gid;
    char *home; /* owned by the engine */
};

/* printf into a path; false: too long. */
bool ex_path_print(char path[static EX_LOCAL_PATH_SIZE], const char *format, ...) FO_PRINTF(2, 3);
/* A name of a vertex as part of a file name: letters, digits, '.', '_' and '-' as they are but for
 * a dot at the beginning, all else as %XX. `size` at least 3 * FO_ID_MAX + 1. */
#define EX_NAME_SIZE (3 * FO_ID_MAX + 1)
void ex_name_escape(struct fo_str name, char text[static EX_NAME_SIZE]);
/* Makes a folder (0700), which may exist. With `user`, it becomes that user's. -errno. */
FO_MUST_CHECK int ex_folder_make(const char *path, const struct ex_local_user *user);
/* Makes a folder that tasks only walk through. -errno. */
FO_MUST_CHECK int ex_folder_make_passage(const char *path, const struct ex_local_user *user);
/* Removes a file or a folder with all in it, as far as it can. */
void ex_folder_remove(const char *path);

#endif
