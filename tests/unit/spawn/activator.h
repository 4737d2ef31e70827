/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd does for a socket unit with Accept=yes: listens, and starts failover_spawn for each
 * who connects. A process of its own. */
#ifndef TEST_SPAWN_ACTIVATOR_H
#define TEST_SPAWN_ACTIVATOR_H

#include <sys/types.h>

/* Listens at `path`, which must be free, from when this returns. */
pid_t activator_start(const char *path, const char *program);

/* Kills it; spawners that it has started live on. */
void activator_stop(pid_t activator, const char *path);

#endif
