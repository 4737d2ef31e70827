/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/spawn/cgroup.h - one control group per process tree: limits, the proof of a memory kill,
 * and a name for "all that descends from it".
 * The unified hierarchy (v2) tracks and kills, and limits where its controllers are handed to us;
 * otherwise a v1 hierarchy limits. Groups are made below the spawner's own, in a folder that
 * nobody else uses, and no other group is ever written to (but see ex_cgroups_open()).
 * Owns: the folders it makes, and descriptors of them. Threads: none, one caller. */
#ifndef EX_SPAWN_CGROUP_H
#define EX_SPAWN_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "exporter/spawn/protocol.h"

enum ex_controller { EX_CONTROLLER_MEMORY, EX_CONTROLLER_CPU, EX_CONTROLLER_PIDS };
#define EX_CONTROLLER_COUNT 3

/* The largest group name, terminated. */
#define EX_CGROUP_NAME_SIZE 64
#define EX_CGROUP_PATH_SIZE 4096

/* Our folder in one hierarchy. */
struct ex_hierarchy {
    int fd; /* of the folder; -1 = none */
    char path[EX_CGROUP_PATH_SIZE];
};

struct ex_cgroups {
    struct ex_hierarchy unified;
    bool unified_controls[EX_CONTROLLER_COUNT]; /* v2 limits */
    struct ex_hierarchy legacy[EX_CONTROLLER_COUNT];
};

/* Finds where groups can be made and makes the folder `name` there; where it exists it is a dead
 * predecessor's and is emptied. What cannot be had is left out; that is no error. An empty name
 * means that no groups are wanted. If the spawner's
 * own v2 group was delegated to it (the mark that systemd sets for Delegate=yes), and only then, it
 * moves itself and its parent, the daemon, to a leaf so that the controllers can be used. */
void ex_cgroups_open(struct ex_cgroups *cgroups, const char *name);

/* The same below given folders instead of the spawner's own groups; NULL = that one cannot be had.
 * Plain folders with plain files serve for tests. */
void ex_cgroups_open_at(struct ex_cgroups *cgroups, const char *unified,
                        const char *const legacy[EX_CONTROLLER_COUNT], const char *name);

/* Kills what is left, removes the folders. */
void ex_cgroups_close(struct ex_cgroups *cgroups);

/* EX_SPAWN_FLAG_* of what can be done. */
uint32_t ex_cgroups_flags(const struct ex_cgroups *cgroups);

/* The groups of one process tree. */
struct ex_cgroup {
    bool unified;                     /* it has a v2 group: tracked */
    bool legacy[EX_CONTROLLER_COUNT]; /* it has a v1 group */
    int64_t oom_kills_before;         /* as counted at its start; -1 = unsupported */
};

/* How a new process gets in; descriptors to be closed by ex_cgroup_door_close(). */
struct ex_cgroup_door {
    int unified_fd;                    /* of the group's folder, for clone3(); -1 = none */
    int procs_fd[EX_CONTROLLER_COUNT]; /* cgroup.procs of a v1 group, to write "0" to; -1 = none */
};

/* Makes the groups of `id`. A v1 group is made only for a limit, for entering one takes the kernel
 * some 10 ms on an idle machine. Returns EX_SPAWN_FLAG_NO_* of limits that cannot be kept. */
uint32_t ex_cgroup_make(const struct ex_cgroups *cgroups, uint64_t id,
                        const struct ex_spawn_limits *limits, struct ex_cgroup *ret_cgroup,
                        struct ex_cgroup_door *ret_door);
void ex_cgroup_door_close(struct ex_cgroup_door *door);

/* Memory kills since the start, or EX_SPAWN_OOM_UNSUPPORTED. */
int32_t ex_cgroup_oom_kills(const struct ex_cgroups *cgroups, uint64_t id,
                            const struct ex_cgroup *cgroup);

/* Kills all in the v2 group. False: there is none, or the kernel has no cgroup.kill. */
bool ex_cgroup_kill(const struct ex_cgroups *cgroups, uint64_t id, const struct ex_cgroup *cgroup);

/* Sends `signal_number` to everything in the v2 group, or else in a v1 group. False: there is none.
 */
bool ex_cgroup_signal(const struct ex_cgroups *cgroups, uint64_t id, const struct ex_cgroup *cgroup,
                      int signal_number);

/* Removes the groups. False: something is alive in one. */
bool ex_cgroup_remove(const struct ex_cgroups *cgroups, uint64_t id, struct ex_cgroup *cgroup);

#endif
