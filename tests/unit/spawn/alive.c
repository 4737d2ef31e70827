/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/spawn/alive.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "exporter/spawn/proctree.h"

static bool has_argument(pid_t pid, const char *word) {
    char path[64];
    char line[1024];

    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd == -1 ? 0 : read(fd, line, sizeof line - 1);
    if (fd != -1)
        (void)close(fd);
    line[len < 0 ? 0 : len] = '\0';
    for (const char *at = line; at < line + len; at += strlen(at) + 1)
        if (strcmp(at, word) == 0)
            return true;
    return false;
}

/* How many there are, and one of them. */
static size_t find(pid_t root, bool children_only, const char *word, pid_t *ret_found) {
    struct ex_proctree tree = {0};
    size_t count = 0;

    if (ex_proctree_read(&tree, root) != 0)
        tree.count = 0;
    for (size_t i = 0; i < tree.count; i++) {
        const struct ex_process *process = &tree.processes[i];
        bool is_below = children_only ? process->parent == root : process->branch != 0;
        if (is_below && !process->dead && has_argument(process->pid, word)) {
            *ret_found = process->pid;
            count++;
        }
    }
    ex_proctree_done(&tree);
    return count;
}

pid_t alive_find(const char *word) {
    pid_t found = 0;

    (void)find(getpid(), false, word, &found);
    return found;
}

size_t alive_count(const char *word) {
    pid_t found = 0;

    return find(getpid(), false, word, &found);
}

pid_t alive_find_child(pid_t parent, const char *word) {
    pid_t found = 0;

    (void)find(parent, true, word, &found);
    return found;
}

bool alive_adopt(void) {
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}
