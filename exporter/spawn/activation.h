/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/spawn/activation.h - failover_spawn as a service of its own: the connection of a daemon
 * that a service manager accepted and handed over.
 * Threads: none, one caller; the process has one thread. */
#ifndef EX_SPAWN_ACTIVATION_H
#define EX_SPAWN_ACTIVATION_H

#include <sys/types.h>

#include "failover/types.h"

/* Takes the one descriptor that was handed over as LISTEN_PID and LISTEN_FDS say; it will not be
 * inherited. -ENOENT: none, or more than one. -EPROTOTYPE: no connection of the kind that the
 * daemon makes. -EPERM: who is at the other end is neither our own user nor root. */
FO_MUST_CHECK int ex_activation_socket(int *ret_socket);

/* Splits the process in two that share all descriptors: a keeper, which only waits, and the
 * spawner, in which alone this returns. Should the spawner die before its time, everything that it
 * had started becomes the keeper's, who kills it and ends. So the daemon reads the end of the
 * socket (and the lock is let go) when nothing is alive any more, not before: for it is no
 * ancestor, and cannot clear away by itself. Should the keeper die, the spawner is sent
 * EX_KEEPER_DIED. `name` is that of the cgroup folders. 0 with the keeper's pid, or -errno. */
FO_MUST_CHECK int ex_keeper_split(const char *name, pid_t *ret_keeper);

/* The signal to be awaited, and whether it was for this reason. */
#define EX_KEEPER_DIED SIGHUP

#endif
