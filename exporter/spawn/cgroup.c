/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/spawn/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/spawn/cgroup_tree.h"

enum { CPU_PERIOD_US = 100000, MILLI = 1000 };

static bool at(char path[static EX_CGROUP_NAME_SIZE], uint64_t id, const char *file) {
    int len = snprintf(path, EX_CGROUP_NAME_SIZE, file ? "%" PRIu64 "/%s" : "%" PRIu64, id, file);

    return len > 0 && len < EX_CGROUP_NAME_SIZE;
}

static bool group_write(const struct ex_hierarchy *tree, uint64_t id, const char *file,
                        uint64_t value) {
    char path[EX_CGROUP_NAME_SIZE];
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    return at(path, id, file) && ex_cgroup_file_write(tree->fd, path, text);
}

static bool group_make(const struct ex_hierarchy *tree, uint64_t id) {
    char path[EX_CGROUP_NAME_SIZE];

    return tree->fd != -1 && at(path, id, NULL) && mkdirat(tree->fd, path, 0755) == 0;
}

static bool limit_memory(const struct ex_cgroups *cgroups, uint64_t id, uint64_t bytes) {
    if (cgroups->unified_controls[EX_CONTROLLER_MEMORY]) {
        /* Without this a limit would first fill the swap. Absent where swap is not accounted. */
        (void)group_write(&cgroups->unified, id, "memory.swap.max", 0);
        return group_write(&cgroups->unified, id, "memory.max", bytes);
    }
    const struct ex_hierarchy *tree = &cgroups->legacy[EX_CONTROLLER_MEMORY];
    bool kept = group_write(tree, id, "memory.limit_in_bytes", bytes);
    (void)group_write(tree, id, "memory.memsw.limit_in_bytes", bytes);
    return kept;
}

static bool limit_cpu(const struct ex_cgroups *cgroups, uint64_t id, uint64_t milli) {
    uint64_t quota_us = milli * (CPU_PERIOD_US / MILLI);
    if (cgroups->unified_controls[EX_CONTROLLER_CPU])
        return group_write(&cgroups->unified, id, "cpu.max", quota_us);
    const struct ex_hierarchy *tree = &cgroups->legacy[EX_CONTROLLER_CPU];
    return group_write(tree, id, "cpu.cfs_period_us", CPU_PERIOD_US) &&
           group_write(tree, id, "cpu.cfs_quota_us", quota_us);
}

static bool limit_pids(const struct ex_cgroups *cgroups, uint64_t id, uint64_t pids) {
    return group_write(cgroups->unified_controls[EX_CONTROLLER_PIDS]
                           ? &cgroups->unified
                           : &cgroups->legacy[EX_CONTROLLER_PIDS],
                       id, "pids.max", pids);
}

static const struct {
    bool (*apply)(const struct ex_cgroups *cgroups, uint64_t id, uint64_t value);
    uint32_t flag_missing;
} controllers[EX_CONTROLLER_COUNT] = {
    [EX_CONTROLLER_MEMORY] = {limit_memory, EX_SPAWN_FLAG_NO_MEMORY},
    [EX_CONTROLLER_CPU] = {limit_cpu, EX_SPAWN_FLAG_NO_CPU},
    [EX_CONTROLLER_PIDS] = {limit_pids, EX_SPAWN_FLAG_NO_PIDS},
};

static int legacy_door(const struct ex_hierarchy *tree, uint64_t id) {
    char path[EX_CGROUP_NAME_SIZE];

    return at(path, id, "cgroup.procs") ? openat(tree->fd, path, O_WRONLY | O_CLOEXEC) : -1;
}

/* One limit: makes the v1 group if that is what keeps it. */
static bool limit_keep(const struct ex_cgroups *cgroups, uint64_t id, size_t controller,
                       uint64_t value, struct ex_cgroup *cgroup, struct ex_cgroup_door *door) {
    if (cgroups->unified_controls[controller] && cgroup->unified)
        return controllers[controller].apply(cgroups, id, value);
    const struct ex_hierarchy *tree = &cgroups->legacy[controller];
    cgroup->legacy[controller] = group_make(tree, id);
    if (!cgroup->legacy[controller])
        return false;
    door->procs_fd[controller] = legacy_door(tree, id);
    return door->procs_fd[controller] != -1 && controllers[controller].apply(cgroups, id, value);
}

/* -1: it cannot be told. */
static int64_t oom_kills_read(const struct ex_cgroups *cgroups, uint64_t id,
                              const struct ex_cgroup *cgroup) {
    char path[EX_CGROUP_NAME_SIZE];

    if (cgroup->unified && cgroups->unified_controls[EX_CONTROLLER_MEMORY] &&
        at(path, id, "memory.events"))
        return ex_cgroup_file_number(cgroups->unified.fd, path, "oom_kill");
    if (cgroup->legacy[EX_CONTROLLER_MEMORY] && at(path, id, "memory.oom_control"))
        return ex_cgroup_file_number(cgroups->legacy[EX_CONTROLLER_MEMORY].fd, path, "oom_kill");
    return -1;
}

uint32_t ex_cgroup_make(const struct ex_cgroups *cgroups, uint64_t id,
                        const struct ex_spawn_limits *limits, struct ex_cgroup *ret_cgroup,
                        struct ex_cgroup_door *ret_door) {
    const uint64_t values[EX_CONTROLLER_COUNT] = {limits->memory_bytes, limits->cpu_milli,
                                                  limits->pids};
    uint32_t missing = 0;
    char path[EX_CGROUP_NAME_SIZE];

    *ret_cgroup = (struct ex_cgroup){.oom_kills_before = -1};
    *ret_door = (struct ex_cgroup_door){-1, {-1, -1, -1}};
    if (group_make(&cgroups->unified, id) && at(path, id, NULL)) {
        ret_cgroup->unified = true;
        ret_door->unified_fd =
            openat(cgroups->unified.fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    for (size_t i = 0; i < EX_CONTROLLER_COUNT; i++)
        if (values[i] > 0 && !limit_keep(cgroups, id, i, values[i], ret_cgroup, ret_door))
            missing |= controllers[i].flag_missing;
    ret_cgroup->oom_kills_before = oom_kills_read(cgroups, id, ret_cgroup);
    return missing;
}

static void close_if_open(int *fd) {
    if (*fd != -1)
        (void)close(*fd);
    *fd = -1;
}

void ex_cgroup_door_close(struct ex_cgroup_door *door) {
    close_if_open(&door->unified_fd);
    for (size_t i = 0; i < EX_CONTROLLER_COUNT; i++)
        close_if_open(&door->procs_fd[i]);
}

int32_t ex_cgroup_oom_kills(const struct ex_cgroups *cgroups, uint64_t id,
                            const struct ex_cgroup *cgroup) {
    int64_t now = oom_kills_read(cgroups, id, cgroup);

    if (now < 0 || cgroup->oom_kills_before < 0)
        return EX_SPAWN_OOM_UNSUPPORTED;
    int64_t kills = now - cgroup->oom_kills_before;
    return kills > INT32_MAX ? INT32_MAX : (int32_t)kills;
}

bool ex_cgroup_kill(const struct ex_cgroups *cgroups, uint64_t id, const struct ex_cgroup *cgroup) {
    return cgroup->unified && group_write(&cgroups->unified, id, "cgroup.kill", 1);
}

static bool group_signal(const struct ex_hierarchy *tree, uint64_t id, int signal_number) {
    char path[EX_CGROUP_NAME_SIZE];

    return at(path, id, "cgroup.procs") && ex_cgroup_file_signal(tree->fd, path, signal_number);
}

bool ex_cgroup_signal(const struct ex_cgroups *cgroups, uint64_t id, const struct ex_cgroup *cgroup,
                      int signal_number) {
    if (cgroup->unified)
        return group_signal(&cgroups->unified, id, signal_number);
    for (size_t i = 0; i < EX_CONTROLLER_COUNT; i++)
        if (cgroup->legacy[i])
            return group_signal(&cgroups->legacy[i], id, signal_number);
    return false;
}

static bool group_remove(const struct ex_hierarchy *tree, uint64_t id) {
    char path[EX_CGROUP_NAME_SIZE];

    return at(path, id, NULL) && ex_cgroup_folder_remove(tree->fd, path);
}

bool ex_cgroup_remove(const struct ex_cgroups *cgroups, uint64_t id, struct ex_cgroup *cgroup) {
    if (cgroup->unified)
        cgroup->unified = !group_remove(&cgroups->unified, id);
    for (size_t i = 0; i < EX_CONTROLLER_COUNT; i++)
        if (cgroup->legacy[i])
            cgroup->legacy[i] = !group_remove(&cgroups->legacy[i], id);
    return !cgroup->unified && !cgroup->legacy[EX_CONTROLLER_MEMORY] &&
           !cgroup->legacy[EX_CONTROLLER_CPU] && !cgroup->legacy[EX_CONTROLLER_PIDS];
}

uint32_t ex_cgroups_flags(const struct ex_cgroups *cgroups) {
    uint32_t flags = cgroups->unified.fd != -1 ? EX_SPAWN_FLAG_TRACKING : 0;

    for (size_t i = 0; i < EX_CONTROLLER_COUNT; i++)
        if (!cgroups->unified_controls[i] && cgroups->legacy[i].fd == -1)
            flags |= controllers[i].flag_missing;
    return flags;
}
