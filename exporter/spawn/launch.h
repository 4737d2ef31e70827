/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/spawn/launch.h - makes one process: from an order to a running program.
 * Owns: nothing. Threads: none; the process that calls it has one thread only. */
#ifndef EX_SPAWN_LAUNCH_H
#define EX_SPAWN_LAUNCH_H

#include <sys/types.h>

#include "exporter/spawn/cgroup.h"
#include "exporter/spawn/protocol.h"

/* The page that a new process shares with its maker until its program runs. */
struct ex_launch_failure {
    uint32_t step;
    int32_t error; /* 0 = the program runs */
};

struct ex_launch {
    const struct ex_spawn_order *order;
    const int *descriptors; /* those that came with the order; borrowed, close-on-exec */
    const struct ex_cgroup_door *door;
    struct ex_launch_failure *failure; /* in memory shared over fork, out */
};

/* Ignores the signals that a terminal or a service manager sends to everybody: only the end of its
 * socket ends the spawner. A new process begins with none ignored. Called once, first. */
void ex_launch_signals_ignore(void);

/* Starts the program and returns its pid once it runs, the leader of a group of its own. When it
 * cannot be started, returns 0 and `failure` says why; nothing is left running.
 * The caller is suspended until the program runs. */
pid_t ex_launch_process(const struct ex_launch *launch);

#endif
