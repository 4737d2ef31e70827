/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/spawn/orphans.h - what a dead spawner leaves behind becomes our child, for we are a
 * subreaper: here it is killed, to the last.
 * Owns: the list of children that this process had before. Threads: none, the caller serialises. */
#ifndef EX_SPAWN_ORPHANS_H
#define EX_SPAWN_ORPHANS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "exporter/spawn/proctree.h"

struct ex_orphans {
    pid_t *spared; /* children from before, not ours to end; ascending */
    size_t spared_count;
    struct ex_proctree tree;
};

/* Becomes a subreaper and notes the children there are. -errno of prctl() or /proc; -ENOMEM. */
FO_MUST_CHECK int ex_orphans_init(struct ex_orphans *orphans);
void ex_orphans_done(struct ex_orphans *orphans);

/* One round: kills all that descends from us except the spared, and reaps the dead. True: some are
 * left, call again soon. Never blocks. */
bool ex_orphans_kill(struct ex_orphans *orphans);

#endif
