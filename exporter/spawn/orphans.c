/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/spawn/orphans.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int ex_orphans_init(struct ex_orphans *orphans) {
    *orphans = (struct ex_orphans){0};
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1)
        return -errno;
    int err = ex_proctree_read(&orphans->tree, getpid());
    orphans->spared = err ? NULL : calloc(orphans->tree.count + 1, sizeof *orphans->spared);
    if (!orphans->spared) {
        ex_orphans_done(orphans);
        return err ? err : -ENOMEM;
    }
    for (size_t i = 0; i < orphans->tree.count; i++) {
        const struct ex_process *process = &orphans->tree.processes[i];
        if (process->branch == process->pid)
            orphans->spared[orphans->spared_count++] = process->pid;
    }
    return 0;
}

void ex_orphans_done(struct ex_orphans *orphans) {
    free(orphans->spared);
    ex_proctree_done(&orphans->tree);
    *orphans = (struct ex_orphans){0};
}

static bool is_spared(const struct ex_orphans *orphans, pid_t branch) {
    for (size_t i = 0; i < orphans->spared_count; i++)
        if (orphans->spared[i] == branch)
            return true;
    return false;
}

bool ex_orphans_kill(struct ex_orphans *orphans) {
    bool left = false;

    if (ex_proctree_read(&orphans->tree, getpid()) != 0)
        return true;
    for (size_t i = 0; i < orphans->tree.count; i++) {
        const struct ex_process *process = &orphans->tree.processes[i];
        if (process->branch == 0 || is_spared(orphans, process->branch))
            continue;
        left = true;
        (void)kill(process->pid, SIGKILL);
        if (process->parent == getpid())
            (void)waitpid(process->pid, NULL, WNOHANG);
    }
    return left;
}
