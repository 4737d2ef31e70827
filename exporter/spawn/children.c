/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/spawn/children.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MARK_NAME "FAILOVER_SPAWN_ID"

enum {
    MARK_DIGITS = 32,
    MARK_VALUE_SIZE = MARK_DIGITS + 1,
    BYTES_PER_KIB = 1024,
    US_PER_S = 1000000,
    END_AGAIN_NS = 2000000
};

static struct ex_child_list *id_bucket(struct ex_children *children, uint64_t id) {
    return &children->by_id[id % EX_CHILD_BUCKETS];
}

static struct ex_child_list *pid_bucket(struct ex_children *children, pid_t pid) {
    return &children->by_pid[(unsigned)pid % EX_CHILD_BUCKETS];
}

static struct ex_child *find_id(struct ex_children *children, uint64_t id) {
    struct ex_child *child = NULL;

    LIST_FOREACH(child, id_bucket(children, id), by_id) {
        if (child->id == id)
            return child;
    }
    return NULL;
}

/* A child whose leader is alive, by the leader's pid. */
static struct ex_child *find_leader(struct ex_children *children, pid_t pid) {
    struct ex_child *child = NULL;

    LIST_FOREACH(child, pid_bucket(children, pid), by_pid) {
        if (child->pid == pid)
            return child;
    }
    return NULL;
}

int ex_children_init(struct ex_children *children, const char *name) {
    *children = (struct ex_children){0};
    TAILQ_INIT(&children->untold);
    void *shared = mmap(NULL, sizeof *children->failure, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return -errno;
    children->failure = shared;
    if (getrandom(&children->nonce, sizeof children->nonce, 0) != sizeof children->nonce)
        return -EIO;
    ex_cgroups_open(&children->cgroups, name);
    return 0;
}

static void tell(struct ex_children *children, struct ex_child *child, enum ex_child_stage stage) {
    child->stage = stage;
    if (!child->is_untold)
        TAILQ_INSERT_TAIL(&children->untold, child, untold);
    child->is_untold = true;
}

static struct ex_child *child_new(struct ex_children *children, uint64_t id) {
    struct ex_child *child = calloc(1, sizeof *child);

    if (child) {
        child->id = id;
        child->report.header = (struct ex_spawn_header){EX_SPAWN_VERSION, 0, id};
        child->report.oom_kills = EX_SPAWN_OOM_UNSUPPORTED;
        LIST_INSERT_HEAD(id_bucket(children, id), child, by_id);
    }
    return child;
}

static void not_started(struct ex_children *children, struct ex_child *child, uint32_t step,
                        int error) {
    child->report.step = step;
    child->report.error = error;
    tell(children, child, EX_CHILD_GONE);
}

int ex_children_refuse(struct ex_children *children, uint64_t id, int error) {
    struct ex_child *child = child_new(children, id);

    if (!child)
        return -ENOMEM;
    not_started(children, child, EX_SPAWN_STEP_REQUEST, error);
    return 0;
}

static void mark_value(const struct ex_children *children, uint64_t id,
                       char value[static MARK_VALUE_SIZE]) {
    (void)snprintf(value, MARK_VALUE_SIZE, "%016" PRIx64 "%016" PRIx64, children->nonce, id);
}

/* False: it is another spawner's, or was made up. */
static bool mark_read(const struct ex_children *children, const char *value, uint64_t *ret_id) {
    char ours[MARK_VALUE_SIZE];
    uint64_t id = strlen(value) == MARK_DIGITS ? strtoull(value + MARK_DIGITS / 2, NULL, 16) : 0;

    mark_value(children, id, ours);
    *ret_id = id;
    return strcmp(value, ours) == 0;
}

int ex_children_start(struct ex_children *children, struct ex_spawn_order *order,
                      const int *descriptors) {
    struct ex_child *child = child_new(children, order->start.header.id);
    struct ex_cgroup_door door;
    char value[MARK_VALUE_SIZE];
    char mark[sizeof MARK_NAME + MARK_VALUE_SIZE];

    if (!child)
        return -ENOMEM;
    mark_value(children, child->id, value);
    (void)snprintf(mark, sizeof mark, MARK_NAME "=%s", value);
    order->environment[0] = mark;
    child->report.flags =
        ex_cgroup_make(&children->cgroups, child->id, &order->start.limits, &child->cgroup, &door);
    struct ex_launch launch = {order, descriptors, &door, children->failure};
    child->pid = ex_launch_process(&launch);
    ex_cgroup_door_close(&door);
    order->environment[0] = NULL;
    if (child->pid == 0) {
        not_started(children, child, children->failure->step, children->failure->error);
        (void)ex_cgroup_remove(&children->cgroups, child->id, &child->cgroup);
        return 0;
    }
    child->report.pid = child->pid;
    LIST_INSERT_HEAD(pid_bucket(children, child->pid), child, by_pid);
    tell(children, child, EX_CHILD_STARTED);
    return 0;
}

/* ---- everything that descends from a child ------------------------------------------------ */

static bool has_live_leader(const struct ex_child *child) {
    return child->stage < EX_CHILD_EXITED;
}

/* Without a cgroup to ask, an adopted process belongs to the child that its environment names. One
 * that has cleared its environment is still known by its group or session; one that has left those
 * as well is nobody's, and lives until the spawner ends. Of a dying process nothing can be read,
 * but what it holds and what hangs below it may be anybody's until it is reaped. */
static struct ex_child *orphan_owner(struct ex_children *children,
                                     const struct ex_process *orphan) {
    char value[MARK_VALUE_SIZE];
    uint64_t id = 0;
    struct ex_child *child = NULL;

    enum ex_setting mark = ex_process_environment(orphan->pid, MARK_NAME, value, sizeof value);
    if (mark == EX_SETTING_NOT_YET)
        return &children->anybody;
    if (mark == EX_SETTING_FOUND)
        return mark_read(children, value, &id) ? find_id(children, id) : NULL;
    LIST_FOREACH(child, &children->draining, draining) {
        if (orphan->group == child->pid || orphan->session == child->pid)
            return child;
    }
    /* Asked again: it may have begun to die since the tree was read. */
    return ex_process_is_dying(orphan->pid) ? &children->anybody : NULL;
}

static struct ex_child *process_owner(struct ex_children *children,
                                      const struct ex_process *process) {
    bool is_ours = process->branch == process->pid; /* to be reaped by us */

    if (process->branch == 0 || (process->dead && !is_ours))
        return NULL;
    struct ex_child *leader = find_leader(children, process->branch);
    if (leader)
        return leader;
    const struct ex_process *orphan = ex_proctree_find(&children->tree, process->branch);
    return orphan ? orphan_owner(children, orphan) : NULL;
}

/* Reads the process tree and whose each process is. All are told apart before the first is
 * signalled: the dead have no environment. */
static void tree_read(struct ex_children *children) {
    struct ex_proctree *tree = &children->tree;

    children->tree_is_whole = ex_proctree_read(tree, getpid()) == 0;
    for (size_t i = 0; i < tree->count; i++)
        tree->processes[i].owner = process_owner(children, &tree->processes[i]);
}

/* Signals those of `child` in the tree last read; returns how many there were, with those that may
 * turn out to be its. Signal 0 only counts. */
static size_t tree_signal(struct ex_children *children, const struct ex_child *child,
                          int signal_number) {
    size_t found = 0;

    for (size_t i = 0; i < children->tree.count; i++) {
        const struct ex_process *process = &children->tree.processes[i];
        if (process->owner == child)
            (void)kill(process->pid, signal_number);
        found += process->owner == child || process->owner == &children->anybody;
    }
    return found;
}

static void everything_kill(struct ex_children *children, struct ex_child *child) {
    child->doomed = true;
    if (ex_cgroup_kill(&children->cgroups, child->id, &child->cgroup))
        return;
    if (child->cgroup.unified)
        (void)ex_cgroup_signal(&children->cgroups, child->id, &child->cgroup, SIGKILL);
    else
        children->sweep_due = true;
}

void ex_children_sweep(struct ex_children *children) {
    if (!children->sweep_due)
        return;
    children->sweep_due = false;
    tree_read(children);
    for (size_t i = 0; i < children->tree.count; i++) {
        const struct ex_child *owner = children->tree.processes[i].owner;
        if (owner && owner->doomed)
            (void)kill(children->tree.processes[i].pid, SIGKILL);
    }
}

static void everything_signal(struct ex_children *children, const struct ex_child *child,
                              int signal_number) {
    if (ex_cgroup_signal(&children->cgroups, child->id, &child->cgroup, signal_number))
        return;
    tree_read(children);
    (void)tree_signal(children, child, signal_number);
}

void ex_children_signal(struct ex_children *children, uint64_t id, int signal_number,
                        enum ex_spawn_scope scope) {
    struct ex_child *child = find_id(children, id);

    if (!child || child->pid == 0 || child->stage == EX_CHILD_GONE)
        return;
    if (scope == EX_SPAWN_EVERYTHING && signal_number == SIGKILL)
        everything_kill(children, child);
    else if (scope == EX_SPAWN_EVERYTHING)
        everything_signal(children, child, signal_number);
    else if (has_live_leader(child))
        (void)kill(-child->pid, signal_number);
}

/* Whether this process has children that are not leaders: only then can something that no cgroup
 * tracks be left of a dead leader. When the kernel cannot say: true. */
static bool have_adopted(struct ex_children *children) {
    ssize_t count = ex_process_children(&children->pids);

    if (count < 0)
        return true;
    for (ssize_t i = 0; i < count; i++)
        if (!find_leader(children, children->pids.items[i]))
            return true;
    return false;
}

/* `tracked` by the process tree: it was just read. Those that were told to die are told again, for
 * they may have forked meanwhile. */
static bool nothing_left(struct ex_children *children, struct ex_child *child, bool tracked) {
    int signal_number = child->doomed ? SIGKILL : 0;

    if (!child->cgroup.unified && tracked &&
        (tree_signal(children, child, signal_number) > 0 || !children->tree_is_whole))
        return false;
    /* A group that holds a process cannot be removed. */
    if (ex_cgroup_remove(&children->cgroups, child->id, &child->cgroup))
        return true;
    if (child->doomed)
        (void)ex_cgroup_signal(&children->cgroups, child->id, &child->cgroup, SIGKILL);
    return false;
}

bool ex_children_drain(struct ex_children *children) {
    struct ex_child *child = NULL;
    bool untracked = false; /* some have no v2 group */

    LIST_FOREACH(child, &children->draining, draining) {
        untracked |= !child->cgroup.unified;
    }
    bool tracked = untracked && have_adopted(children);
    if (tracked)
        tree_read(children);
    child = LIST_FIRST(&children->draining);
    while (child) {
        struct ex_child *next = LIST_NEXT(child, draining);
        if (nothing_left(children, child, tracked)) {
            LIST_REMOVE(child, draining);
            tell(children, child, EX_CHILD_GONE);
        }
        child = next;
    }
    return !LIST_EMPTY(&children->draining);
}

/* ---- ends --------------------------------------------------------------------------------- */

static uint64_t microseconds(struct timeval time) {
    return (uint64_t)time.tv_sec * US_PER_S + (uint64_t)time.tv_usec;
}

static void child_exited(struct ex_children *children, struct ex_child *child, int wait_status,
                         const struct rusage *usage) {
    struct ex_spawn_report *report = &child->report;

    LIST_REMOVE(child, by_pid);
    report->wait_status = wait_status;
    report->user_us = microseconds(usage->ru_utime);
    report->system_us = microseconds(usage->ru_stime);
    report->peak_bytes = (uint64_t)usage->ru_maxrss * BYTES_PER_KIB;
    report->oom_kills = ex_cgroup_oom_kills(&children->cgroups, child->id, &child->cgroup);
    tell(children, child, EX_CHILD_EXITED);
    LIST_INSERT_HEAD(&children->draining, child, draining);
}

void ex_children_reap(struct ex_children *children) {
    struct rusage usage;
    int status = 0;

    for (;;) {
        pid_t pid = wait4(-1, &status, WNOHANG, &usage);
        if (pid <= 0)
            break;
        struct ex_child *child = find_leader(children, pid);
        if (child)
            child_exited(children, child, status, &usage);
    }
}

/* ---- telling ------------------------------------------------------------------------------ */

struct ex_child *ex_children_untold(struct ex_children *children,
                                    struct ex_spawn_report *ret_report) {
    struct ex_child *child = TAILQ_FIRST(&children->untold);

    if (!child)
        return NULL;
    *ret_report = child->report;
    if (child->pid == 0) {
        ret_report->header.kind = EX_SPAWN_NOT_STARTED;
    } else if (child->told < EX_CHILD_STARTED) {
        ret_report->header.kind = EX_SPAWN_STARTED;
    } else if (child->told < EX_CHILD_EXITED) {
        ret_report->header.kind = EX_SPAWN_EXITED;
        ret_report->flags |= child->stage == EX_CHILD_GONE ? EX_SPAWN_FLAG_GONE : 0;
    } else {
        ret_report->header.kind = EX_SPAWN_GONE;
    }
    return child;
}

void ex_children_told(struct ex_children *children, struct ex_child *child,
                      const struct ex_spawn_report *report) {
    if (report->header.kind == EX_SPAWN_STARTED)
        child->told = EX_CHILD_STARTED;
    else if (report->header.kind == EX_SPAWN_EXITED && !(report->flags & EX_SPAWN_FLAG_GONE))
        child->told = EX_CHILD_EXITED;
    else
        child->told = EX_CHILD_GONE;
    if (child->told < child->stage)
        return;
    TAILQ_REMOVE(&children->untold, child, untold);
    child->is_untold = false;
    if (child->told == EX_CHILD_GONE) {
        LIST_REMOVE(child, by_id);
        free(child);
    }
}

/* ---- the end of all ------------------------------------------------------------------------ */

static void branch_kill_all(struct ex_children *children) {
    if (ex_proctree_read(&children->tree, getpid()) != 0)
        return;
    for (size_t i = 0; i < children->tree.count; i++)
        if (children->tree.processes[i].branch != 0)
            (void)kill(children->tree.processes[i].pid, SIGKILL);
}

void ex_children_end(struct ex_children *children) {
    const struct timespec moment = {.tv_nsec = END_AGAIN_NS};
    struct ex_child *child = NULL;

    for (;;) {
        for (size_t i = 0; i < EX_CHILD_BUCKETS; i++)
            LIST_FOREACH(child, &children->by_id[i], by_id) {
                (void)ex_cgroup_kill(&children->cgroups, child->id, &child->cgroup);
            }
        branch_kill_all(children);
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        while (pid > 0)
            pid = waitpid(-1, NULL, WNOHANG);
        if (pid == -1 && errno == ECHILD)
            break;
        (void)nanosleep(&moment, NULL);
    }
    ex_cgroups_close(&children->cgroups);
    ex_proctree_done(&children->tree);
    free(children->pids.items);
}
