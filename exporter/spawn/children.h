/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/spawn/children.h - the processes that the spawner has started, from their start until
 * nothing that descends from them is alive.
 * A process tree is tracked by its v2 cgroup. Where none can be made, what a leader leaves behind
 * becomes the spawner's own child (it is a subreaper) and is known by a setting in its environment,
 * by its group or by its session; who changes all three escapes until the spawner ends.
 * Owns: every struct ex_child. Threads: none, one caller; the process has one thread. */
#ifndef EX_SPAWN_CHILDREN_H
#define EX_SPAWN_CHILDREN_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "exporter/spawn/cgroup.h"
#include "exporter/spawn/launch.h"
#include "exporter/spawn/proctree.h"
#include "exporter/spawn/protocol.h"

#define EX_CHILD_BUCKETS 1024 /* a power of two; ids and pids both count upwards */

/* The life of a child; each step is told to the daemon once. */
enum ex_child_stage { EX_CHILD_NEW, EX_CHILD_STARTED, EX_CHILD_EXITED, EX_CHILD_GONE };

struct ex_child {
    LIST_ENTRY(ex_child) by_id;
    LIST_ENTRY(ex_child) by_pid;
    LIST_ENTRY(ex_child) draining; /* exited, its descendants not yet gone */
    TAILQ_ENTRY(ex_child) untold;  /* its stage is further than what was told */
    bool is_untold;
    bool doomed; /* told to die with all its descendants: those it forked meanwhile too */
    enum ex_child_stage stage;
    enum ex_child_stage told;
    uint64_t id;
    pid_t pid;
    struct ex_cgroup cgroup;
    struct ex_spawn_report report; /* filled as things become known */
};

LIST_HEAD(ex_child_list, ex_child);
TAILQ_HEAD(ex_child_queue, ex_child);

struct ex_children {
    struct ex_cgroups cgroups;
    struct ex_child_list by_id[EX_CHILD_BUCKETS];
    struct ex_child_list by_pid[EX_CHILD_BUCKETS];
    struct ex_child_list draining;
    struct ex_child_queue untold;
    struct ex_proctree tree;
    bool tree_is_whole;      /* the last look at it has seen every process */
    struct ex_child anybody; /* owns processes of which it cannot be told yet whose they are */
    struct ex_pids pids;
    bool sweep_due;                    /* some without a v2 group are doomed since the last sweep */
    struct ex_launch_failure *failure; /* shared with a new process */
    uint64_t nonce; /* with the id, the setting in the environment that marks descendants */
};

/* `name` is that of the folders in the cgroup hierarchies. -errno: memory or random bits. */
FO_MUST_CHECK int ex_children_init(struct ex_children *children, const char *name);

/* Starts a process; what came of it is in the queue of the untold. The order's environment gets a
 * setting of ours. -ENOMEM: not even that could be noted. */
FO_MUST_CHECK int ex_children_start(struct ex_children *children, struct ex_spawn_order *order,
                                    const int *descriptors);

/* Notes that an order could not be read, to be told as NOT_STARTED. -ENOMEM. */
FO_MUST_CHECK int ex_children_refuse(struct ex_children *children, uint64_t id, int error);

/* Signals the group of `id`, or all that descends from it. Unknown ids are ignored: it has ended.
 */
void ex_children_signal(struct ex_children *children, uint64_t id, int signal_number,
                        enum ex_spawn_scope scope);

/* Kills those that were doomed since the last call and have no v2 group: by one look at all
 * processes, however many they are. */
void ex_children_sweep(struct ex_children *children);

/* Asks after every dead child, ours and adopted, and moves stages on. */
void ex_children_reap(struct ex_children *children);

/* Looks at those that exited and moves on the ones of which nothing is left.
 * True: there are others; ask again after a while, or when a child has died. */
bool ex_children_drain(struct ex_children *children);

/* The next thing to tell, or NULL. The caller sends `ret_report` and then says it was told, which
 * may free the child. */
struct ex_child *ex_children_untold(struct ex_children *children,
                                    struct ex_spawn_report *ret_report);
void ex_children_told(struct ex_children *children, struct ex_child *child,
                      const struct ex_spawn_report *report);

/* Kills everything that descends from this process and waits until nothing is left. */
void ex_children_end(struct ex_children *children);

#endif
