/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/spawn/proctree.h - the processes of this machine as a tree, read from /proc at one
 * moment. A process may end, and its number be used again, right after; so a caller who kills does
 * it in rounds, until nothing is left.
 * Owns: its array. Threads: none, one caller. */
#ifndef EX_SPAWN_PROCTREE_H
#define EX_SPAWN_PROCTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "failover/types.h"

struct ex_process {
    pid_t pid;
    pid_t parent;
    pid_t group;
    pid_t session;
    bool dead;    /* a zombie: its parent has not asked for its end yet */
    bool dying;   /* it runs no code any more: the kernel takes it apart; true of the dead too */
    pid_t branch; /* the child of `root` that it is or descends from; 0 = it does not */
    void *owner;  /* the reader's to use; NULL after reading */
};

struct ex_proctree {
    struct ex_process *processes; /* ascending by pid */
    size_t count;
    size_t capacity;
};

/* Reads all processes and where they hang below `root`. -ENOMEM; -errno when /proc is not there.
 * `tree` is zeroed before its first use and may be used again. */
FO_MUST_CHECK int ex_proctree_read(struct ex_proctree *tree, pid_t root);
void ex_proctree_done(struct ex_proctree *tree);

/* NULL: there is no such process. */
const struct ex_process *ex_proctree_find(const struct ex_proctree *tree, pid_t pid);

/* Whether the process is dying or dead: its descriptors may be closed, its end not yet told. */
bool ex_process_is_dying(pid_t pid);

enum ex_setting {
    EX_SETTING_ABSENT, /* not there, or not to be read by us */
    EX_SETTING_FOUND,
    EX_SETTING_NOT_YET, /* the process is changing its program: ask again */
};

/* The value of `name` in the environment with which `pid` began, up to `size` - 1 bytes. */
enum ex_setting ex_process_environment(pid_t pid, const char *name, char *value, size_t size);

/* A list that grows; zeroed before first use, ended with free(items). */
struct ex_pids {
    pid_t *items;
    size_t capacity;
};

/* The children of this process, the dead among them too. Returns their count; -errno when the
 * kernel cannot say (no CONFIG_PROC_CHILDREN), -ENOMEM. Exact as long as the caller, the process's
 * only thread, reaps nobody meanwhile. */
ssize_t ex_process_children(struct ex_pids *pids);

#endif
