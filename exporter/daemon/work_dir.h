/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/work_dir.h - the folder that holds what the daemon writes: --storage.path, or a
 * private temporary one. Threads: [main]. */
#ifndef EX_DAEMON_WORK_DIR_H
#define EX_DAEMON_WORK_DIR_H

#include <stdbool.h>

#include "failover/types.h"

struct ex_work_dir {
    char *path;     /* absolute; owned */
    bool temporary; /* removed at the end */
};

/* Makes the folder (mode 0700) where it is missing; `storage_path` NULL makes a temporary one.
 * -EACCES: it is somebody else's or open to others. Or what the system says. */
FO_MUST_CHECK int ex_work_dir_open(struct ex_work_dir *dir, const char *storage_path,
                                   struct fo_error *reterr);

/* Removes a temporary folder with all in it. */
void ex_work_dir_close(struct ex_work_dir *dir);

#endif
