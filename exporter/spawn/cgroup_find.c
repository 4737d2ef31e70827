/* SPDX-License-Identifier: Apache-2.0 */
/* Where groups can be made: reads /proc/self/mountinfo and /proc/self/cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "exporter/spawn/cgroup.h"
#include "exporter/spawn/cgroup_tree.h"

#define LEAF "failover-supervisor"

enum { LINE_SIZE = 8192, FIELD_ROOT = 3, FIELD_MOUNT_POINT = 4, FIELD_OPTIONS = 6 };

static const char *const controller_names[EX_CONTROLLER_COUNT] = {
    [EX_CONTROLLER_MEMORY] = "memory",
    [EX_CONTROLLER_CPU] = "cpu",
    [EX_CONTROLLER_PIDS] = "pids",
};

/* Whether `word` is one of a list parted by `parts`. */
static bool list_has(const char *list, const char *word, const char *parts) {
    size_t word_len = strlen(word);

    while (*list) {
        size_t len = strcspn(list, parts);
        if (len == word_len && memcmp(list, word, len) == 0)
            return true;
        list += len;
        list += strspn(list, parts);
    }
    return false;
}

/* Splits a line of mountinfo in place: root, mount point, type and the options of the file system.
 */
struct mount {
    const char *root;
    const char *point;
    const char *type;
    const char *options;
};

static bool mount_split(char *line, struct mount *mount) {
    char *rest = NULL;
    int field = 0;
    bool after_dash = false;

    *mount = (struct mount){0};
    for (char *word = strtok_r(line, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        if (!after_dash && field == FIELD_ROOT) {
            mount->root = word;
        } else if (!after_dash && field == FIELD_MOUNT_POINT) {
            mount->point = word;
        } else if (!after_dash && field >= FIELD_OPTIONS && strcmp(word, "-") == 0) {
            after_dash = true;
            field = -1;
        } else if (after_dash && field == 0) {
            mount->type = word;
        } else if (after_dash && field == 2) {
            mount->options = word;
        }
        field++;
    }
    return mount->options != NULL;
}

/* The path of our own group in the hierarchy of `controller`, "" being the unified one. */
static bool own_group(const char *controller, char *path, size_t size) {
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[LINE_SIZE];
    bool found = false;

    while (file && !found && fgets(line, sizeof line, file)) {
        char *list = strchr(line, ':');
        char *own = list ? strchr(list + 1, ':') : NULL;
        if (!own)
            continue;
        *list++ = '\0';
        *own++ = '\0';
        own[strcspn(own, "\n")] = '\0';
        bool matches =
            *controller ? list_has(list, controller, ",") : *list == '\0' && strcmp(line, "0") == 0;
        found = matches && (size_t)snprintf(path, size, "%s", own) < size;
    }
    if (file)
        (void)fclose(file);
    return found;
}

/* Our own group as a folder: mount point plus what our path has below the mount's root. */
static bool own_folder(const struct mount *mount, const char *controller, char *path, size_t size) {
    char own[EX_CGROUP_PATH_SIZE];
    size_t root_len = strcmp(mount->root, "/") == 0 ? 0 : strlen(mount->root);

    if (!own_group(controller, own, sizeof own) || strncmp(own, mount->root, root_len) != 0)
        return false;
    return (size_t)snprintf(path, size, "%s%s", mount->point, own + root_len) < size;
}

struct found {
    char unified[EX_CGROUP_PATH_SIZE];
    char legacy[EX_CONTROLLER_COUNT][EX_CGROUP_PATH_SIZE];
};

static void mount_look(const struct mount *mount, struct found *found) {
    if (strcmp(mount->type, "cgroup2") == 0 &&
        !own_folder(mount, "", found->unified, sizeof found->unified))
        found->unified[0] = '\0';
    if (strcmp(mount->type, "cgroup") != 0)
        return;
    for (size_t i = 0; i < EX_CONTROLLER_COUNT; i++)
        if (list_has(mount->options, controller_names[i], ",") &&
            !own_folder(mount, controller_names[i], found->legacy[i], sizeof found->legacy[i]))
            found->legacy[i][0] = '\0';
}

static void mounts_read(struct found *found) {
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[LINE_SIZE];

    while (file && fgets(line, sizeof line, file)) {
        struct mount mount;
        if (mount_split(line, &mount))
            mount_look(&mount, found);
    }
    if (file)
        (void)fclose(file);
}

/* ---- delegation -------------------------------------------------------------------------- */

static bool is_delegated(const char *folder) {
    char value[2] = "";

    return (getxattr(folder, "user.delegate", value, sizeof value) == 1 && value[0] == '1') ||
           (getxattr(folder, "trusted.delegate", value, sizeof value) == 1 && value[0] == '1');
}

/* A group with processes in it cannot hand controllers on. The daemon, our parent, was started in
 * this group as we were; where it was not, the kernel refuses or it has long moved. */
static void move_to_leaf(int own_fd) {
    char parent[16];

    if (mkdirat(own_fd, LEAF, 0755) == -1 && errno != EEXIST)
        return;
    (void)ex_cgroup_file_write(own_fd, LEAF "/cgroup.procs", "0");
    if (ex_cgroup_file_lists(own_fd, "cgroup.procs", getppid())) {
        (void)snprintf(parent, sizeof parent, "%d", (int)getppid());
        (void)ex_cgroup_file_write(own_fd, LEAF "/cgroup.procs", parent);
    }
}

/* A spawner that takes the place of a dead one starts in the leaf already. */
static void leave_leaf(char *folder) {
    char *last = strrchr(folder, '/');

    if (!last || strcmp(last + 1, LEAF) != 0)
        return;
    *last = '\0';
    if (!is_delegated(folder))
        *last = '/';
}

/* Asks for the controllers that the kernel would give to groups below `folder_fd`. */
static void controllers_enable(int folder_fd) {
    char available[EX_CGROUP_NAME_SIZE * 4];
    char word[16];

    if (!ex_cgroup_file_read(folder_fd, "cgroup.controllers", available, sizeof available))
        return;
    for (size_t i = 0; i < EX_CONTROLLER_COUNT; i++)
        if (list_has(available, controller_names[i], " \n")) {
            (void)snprintf(word, sizeof word, "+%s", controller_names[i]);
            (void)ex_cgroup_file_write(folder_fd, "cgroup.subtree_control", word);
        }
}

static void delegation_use(const char *folder) {
    int fd = is_delegated(folder) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd == -1)
        return;
    move_to_leaf(fd);
    controllers_enable(fd);
    (void)close(fd);
}

/* ---- opening ----------------------------------------------------------------------------- */

static void hierarchy_open(struct ex_hierarchy *tree, const char *folder, const char *name) {
    tree->fd = -1;
    if (!folder || !*folder || !*name ||
        (size_t)snprintf(tree->path, sizeof tree->path, "%s/%s", folder, name) >= sizeof tree->path)
        return;
    if (mkdir(tree->path, 0755) == -1) {
        if (errno != EEXIST)
            return;
        tree->fd = open(tree->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (tree->fd == -1)
            return;
        (void)ex_cgroup_file_write(tree->fd, "cgroup.kill", "1");
        return;
    }
    tree->fd = open(tree->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void hierarchy_close(struct ex_hierarchy *tree) {
    if (tree->fd == -1)
        return;
    (void)close(tree->fd);
    tree->fd = -1;
    (void)ex_cgroup_folder_remove(AT_FDCWD, tree->path);
}

void ex_cgroups_open_at(struct ex_cgroups *cgroups, const char *unified,
                        const char *const legacy[EX_CONTROLLER_COUNT], const char *name) {
    char enabled[EX_CGROUP_NAME_SIZE * 4] = "";

    *cgroups = (struct ex_cgroups){0};
    hierarchy_open(&cgroups->unified, unified, name);
    if (cgroups->unified.fd != -1) {
        controllers_enable(cgroups->unified.fd);
        (void)ex_cgroup_file_read(cgroups->unified.fd, "cgroup.subtree_control", enabled,
                                  sizeof enabled);
    }
    for (size_t i = 0; i < EX_CONTROLLER_COUNT; i++) {
        cgroups->unified_controls[i] = list_has(enabled, controller_names[i], " \n");
        hierarchy_open(&cgroups->legacy[i], cgroups->unified_controls[i] ? NULL : legacy[i], name);
    }
}

void ex_cgroups_open(struct ex_cgroups *cgroups, const char *name) {
    struct found *found = calloc(1, sizeof *found);
    const char *legacy[EX_CONTROLLER_COUNT] = {0};

    if (found) {
        mounts_read(found);
        leave_leaf(found->unified);
        delegation_use(found->unified);
        for (size_t i = 0; i < EX_CONTROLLER_COUNT; i++)
            legacy[i] = found->legacy[i];
    }
    ex_cgroups_open_at(cgroups, found ? found->unified : NULL, legacy, name);
    free(found);
}

void ex_cgroups_close(struct ex_cgroups *cgroups) {
    if (cgroups->unified.fd != -1)
        (void)ex_cgroup_file_write(cgroups->unified.fd, "cgroup.kill", "1");
    hierarchy_close(&cgroups->unified);
    for (size_t i = 0; i < EX_CONTROLLER_COUNT; i++)
        hierarchy_close(&cgroups->legacy[i]);
}
