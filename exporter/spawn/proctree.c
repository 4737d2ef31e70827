/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/spawn/proctree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

/* Places in /proc/PID/stat, as proc(5) counts them. */
enum { FIELD_NAME = 2, FIELD_PARENT = 4, FIELD_FLAGS = 9, FIELD_ENVIRONMENT_START = 50 };

enum { FLAG_EXITING = 4 }; /* PF_EXITING of the kernel's sched.h */

enum { PATH_SIZE = 64, STAT_SIZE = 1024, CAPACITY_FIRST = 256, ENVIRONMENT_MAX_BYTES = 256 * 1024 };

static ssize_t file_read(const char *path, char *bytes, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;

    if (fd == -1)
        return -errno;
    while (len < size) {
        ssize_t got = read(fd, bytes + len, size - len);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    (void)close(fd);
    return (ssize_t)len;
}

/* The name stands in parentheses and may hold any byte, so fields are counted from the last one. */
static bool stat_parse(char *text, struct ex_process *process) {
    char *rest = strrchr(text, ')');
    long fields[FIELD_FLAGS - FIELD_PARENT + 1] = {0};

    if (!rest || rest[1] != ' ' || rest[2] == '\0')
        return false;
    process->dead = rest[2] == 'Z' || rest[2] == 'X';
    rest += 3;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char *end = NULL;
        fields[i] = strtol(rest, &end, 10);
        if (end == rest)
            return false;
        rest = end;
    }
    process->parent = (pid_t)fields[0];
    process->group = (pid_t)fields[1];
    process->session = (pid_t)fields[2];
    process->dying = process->dead || fields[FIELD_FLAGS - FIELD_PARENT] & FLAG_EXITING;
    return true;
}

static bool process_read(pid_t pid, struct ex_process *process) {
    char path[PATH_SIZE];
    char text[STAT_SIZE];

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    ssize_t len = file_read(path, text, sizeof text - 1);
    if (len <= 0)
        return false;
    text[len] = '\0';
    *process = (struct ex_process){.pid = pid};
    return stat_parse(text, process);
}

bool ex_process_is_dying(pid_t pid) {
    struct ex_process process;

    return !process_read(pid, &process) || process.dying;
}

static bool tree_grow(struct ex_proctree *tree) {
    size_t capacity = tree->capacity ? tree->capacity * 2 : CAPACITY_FIRST;
    struct ex_process *processes = realloc(tree->processes, capacity * sizeof *processes);

    if (!processes)
        return false;
    tree->processes = processes;
    tree->capacity = capacity;
    return true;
}

static int by_pid(const void *a, const void *b) {
    pid_t left = ((const struct ex_process *)a)->pid;
    pid_t right = ((const struct ex_process *)b)->pid;

    return (left > right) - (left < right);
}

const struct ex_process *ex_proctree_find(const struct ex_proctree *tree, pid_t pid) {
    struct ex_process key = {.pid = pid};

    if (tree->count == 0)
        return NULL;
    return bsearch(&key, tree->processes, tree->count, sizeof key, by_pid);
}

/* Walks up from a process to the child of `root` above it. The steps are bounded because what was
 * read at different instants may, in theory, form a ring. */
static pid_t branch_of(const struct ex_proctree *tree, const struct ex_process *process,
                       pid_t root) {
    for (size_t steps = 0; process && steps < tree->count; steps++) {
        if (process->parent == root)
            return process->pid;
        if (process->pid == root || process->parent == 0)
            return 0;
        process = ex_proctree_find(tree, process->parent);
    }
    return 0;
}

int ex_proctree_read(struct ex_proctree *tree, pid_t root) {
    DIR *dir = opendir("/proc");
    int err = 0;

    tree->count = 0;
    if (!dir)
        return -errno;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is of this call alone */
    for (struct dirent *entry = readdir(dir); entry && err == 0; entry = readdir(dir)) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tree->count == tree->capacity && !tree_grow(tree))
            err = -ENOMEM;
        else if (process_read(pid, &tree->processes[tree->count]))
            tree->count++;
    }
    (void)closedir(dir);
    if (tree->count > 0)
        qsort(tree->processes, tree->count, sizeof *tree->processes, by_pid);
    for (size_t i = 0; i < tree->count; i++)
        tree->processes[i].branch = branch_of(tree, &tree->processes[i], root);
    return err;
}

void ex_proctree_done(struct ex_proctree *tree) {
    free(tree->processes);
    *tree = (struct ex_proctree){0};
}

static const char *setting_find(const char *bytes, size_t len, const char *name) {
    size_t name_len = strlen(name);

    for (const char *at = bytes; at < bytes + len; at += strlen(at) + 1)
        if (strncmp(at, name, name_len) == 0 && at[name_len] == '=')
            return at + name_len + 1;
    return NULL;
}

/* How long the environment is, by where the kernel says that it begins and ends; -EAGAIN: in the
 * middle of exec it does not know. Both are 0 too if we may not ask, but then the environment could
 * not be opened either. */
static ssize_t environment_length(pid_t pid) {
    char path[PATH_SIZE];
    char text[STAT_SIZE];

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    ssize_t len = file_read(path, text, sizeof text - 1);
    text[len < 0 ? 0 : len] = '\0';
    char *field = strrchr(text, ')');
    for (int number = FIELD_NAME; field && number < FIELD_ENVIRONMENT_START; number++)
        field = strchr(field + 1, ' ');
    if (!field)
        return -EAGAIN;
    unsigned long long start = strtoull(field, &field, 10);
    unsigned long long end = strtoull(field, NULL, 10);
    return end > start ? (ssize_t)(end - start) : end == 0 ? -EAGAIN : 0;
}

/* Up to `size` - 1 bytes, terminated; 0 = it is empty or not to be read; -EAGAIN: in the middle of
 * exec. One that was opened before an exec reads as empty after it, so it is read again. */
static ssize_t environment_read(pid_t pid, char *bytes, size_t size) {
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    ssize_t len = file_read(path, bytes, size - 1);
    if (len == 0) {
        ssize_t expected = environment_length(pid);
        if (expected > 0)
            len = file_read(path, bytes, size - 1);
        if (expected < 0 || (expected > 0 && len == 0))
            return -EAGAIN;
    }
    bytes[len < 0 ? 0 : len] = '\0';
    return len < 0 ? 0 : len;
}

enum ex_setting ex_process_environment(pid_t pid, const char *name, char *value, size_t size) {
    char *bytes = malloc(ENVIRONMENT_MAX_BYTES);
    enum ex_setting answer = EX_SETTING_ABSENT;

    if (!bytes)
        return EX_SETTING_NOT_YET;
    ssize_t len = environment_read(pid, bytes, ENVIRONMENT_MAX_BYTES);
    const char *setting = len > 0 ? setting_find(bytes, (size_t)len, name) : NULL;
    if (len == -EAGAIN)
        answer = EX_SETTING_NOT_YET;
    else if (setting && (size_t)snprintf(value, size, "%s", setting) < size)
        answer = EX_SETTING_FOUND;
    free(bytes);
    return answer;
}

static bool pids_grow(struct ex_pids *pids) {
    size_t capacity = pids->capacity ? pids->capacity * 2 : CAPACITY_FIRST;
    pid_t *items = realloc(pids->items, capacity * sizeof *items);

    if (!items)
        return false;
    pids->items = items;
    pids->capacity = capacity;
    return true;
}

ssize_t ex_process_children(struct ex_pids *pids) {
    char path[PATH_SIZE];
    int pid = 0;
    ssize_t count = 0;

    (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)gettid());
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    while (count >= 0 && fscanf(file, "%d", &pid) == 1) { // NOLINT(cert-err34-c): the kernel's
        if ((size_t)count == pids->capacity && !pids_grow(pids))
            count = -ENOMEM;
        else
            pids->items[count++] = pid;
    }
    (void)fclose(file);
    return count;
}
