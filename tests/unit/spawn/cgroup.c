/* SPDX-License-Identifier: Apache-2.0 */
/* Groups in a tree of plain files, laid out as the kernel does it: what is written where, and what
 * is read from it. (The kernel makes a new group's files; here the test does, in its place.) */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "exporter/spawn/cgroup.h"
#include "exporter/spawn/cgroup_tree.h"

enum { PATH_SIZE = 256 };

static char root[] = "/tmp/fo-cgroup-XXXXXX";

static void file_put(const char *path, const char *text) {
    char full[PATH_SIZE];

    (void)snprintf(full, sizeof full, "%s/%s", root, path);
    FILE *file = fopen(full, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void folder_make(const char *path) {
    char full[PATH_SIZE];

    (void)snprintf(full, sizeof full, "%s/%s", root, path);
    assert_int_equal(mkdir(full, 0755), 0);
}

static void expect_content(const char *path, const char *expected) {
    char full[PATH_SIZE];
    char text[PATH_SIZE];

    (void)snprintf(full, sizeof full, "%s/%s", root, path);
    assert_true(ex_cgroup_file_read(AT_FDCWD, full, text, sizeof text));
    assert_string_equal(text, expected);
}

/* The folder exists beforehand, as a predecessor's would, with the files the kernel would make. */
static void open_unified(struct ex_cgroups *cgroups, const char *controllers) {
    static const char *const no_legacy[EX_CONTROLLER_COUNT] = {0};
    char full[PATH_SIZE];

    folder_make("v2");
    folder_make("v2/ours");
    file_put("v2/ours/cgroup.subtree_control", controllers);
    file_put("v2/ours/cgroup.kill", "");
    (void)snprintf(full, sizeof full, "%s/v2", root);
    ex_cgroups_open_at(cgroups, full, no_legacy, "ours");
    expect_content("v2/ours/cgroup.kill", "1"); /* the predecessor's processes */
}

static int setup(void **state) {
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/fo-cgroup-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state) {
    char command[PATH_SIZE];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command); // NOLINT(concurrency-mt-unsafe,cert-env33-c)
}

static void test_memory_events(void **state) {
    const struct ex_spawn_limits limits = {.memory_bytes = 1 << 20};
    struct ex_cgroups cgroups;
    struct ex_cgroup cgroup;
    struct ex_cgroup_door door;

    (void)state;
    open_unified(&cgroups, "cpu memory pids");
    assert_int_equal(ex_cgroups_flags(&cgroups), EX_SPAWN_FLAG_TRACKING);
    /* memory.max is missing in a plain folder: the limit cannot be kept and the caller hears it. */
    assert_int_equal(ex_cgroup_make(&cgroups, 5, &limits, &cgroup, &door), EX_SPAWN_FLAG_NO_MEMORY);
    assert_true(cgroup.unified);
    assert_int_not_equal(door.unified_fd, -1);
    ex_cgroup_door_close(&door);
    assert_int_equal(ex_cgroup_oom_kills(&cgroups, 5, &cgroup), EX_SPAWN_OOM_UNSUPPORTED);

    file_put("v2/ours/5/memory.events",
             "low 0\nhigh 3\nmax 9\noom 2\noom_kill 2\noom_group_kill 1\n");
    assert_int_equal(ex_cgroup_oom_kills(&cgroups, 5, &cgroup), EX_SPAWN_OOM_UNSUPPORTED);
    cgroup.oom_kills_before = 0;
    assert_int_equal(ex_cgroup_oom_kills(&cgroups, 5, &cgroup), 2);
    cgroup.oom_kills_before = 2;
    assert_int_equal(ex_cgroup_oom_kills(&cgroups, 5, &cgroup), 0);
    file_put("v2/ours/5/memory.events", "low 0\noom_kill nonsense\n");
    assert_int_equal(ex_cgroup_oom_kills(&cgroups, 5, &cgroup), EX_SPAWN_OOM_UNSUPPORTED);
    ex_cgroups_close(&cgroups);
}

static void test_no_memory_controller(void **state) {
    const struct ex_spawn_limits limits = {.memory_bytes = 1 << 20};
    struct ex_cgroups cgroups;
    struct ex_cgroup cgroup;
    struct ex_cgroup_door door;

    (void)state;
    open_unified(&cgroups, "pids");
    assert_int_equal(ex_cgroups_flags(&cgroups),
                     EX_SPAWN_FLAG_TRACKING | EX_SPAWN_FLAG_NO_MEMORY | EX_SPAWN_FLAG_NO_CPU);
    assert_int_equal(ex_cgroup_make(&cgroups, 5, &limits, &cgroup, &door), EX_SPAWN_FLAG_NO_MEMORY);
    ex_cgroup_door_close(&door);
    assert_int_equal(ex_cgroup_oom_kills(&cgroups, 5, &cgroup), EX_SPAWN_OOM_UNSUPPORTED);
    ex_cgroups_close(&cgroups);
}

static void test_kill_and_remove(void **state) {
    const struct ex_spawn_limits none = {0};
    struct ex_cgroups cgroups;
    struct ex_cgroup cgroup;
    struct ex_cgroup_door door;

    (void)state;
    open_unified(&cgroups, "");
    assert_int_equal(ex_cgroup_make(&cgroups, 9, &none, &cgroup, &door), 0);
    ex_cgroup_door_close(&door);
    assert_false(ex_cgroup_kill(&cgroups, 9, &cgroup)); /* an old kernel has no cgroup.kill */
    file_put("v2/ours/9/cgroup.kill", "");
    assert_true(ex_cgroup_kill(&cgroups, 9, &cgroup));
    expect_content("v2/ours/9/cgroup.kill", "1");
    assert_false(ex_cgroup_remove(&cgroups, 9, &cgroup)); /* not empty: as if something lived */
    assert_true(cgroup.unified);
    char full[PATH_SIZE];
    (void)snprintf(full, sizeof full, "%s/v2/ours/9/cgroup.kill", root);
    assert_int_equal(unlink(full), 0);
    folder_make("v2/ours/9/made-by-the-task");
    assert_true(ex_cgroup_remove(&cgroups, 9, &cgroup));
    ex_cgroups_close(&cgroups);
}

static void test_nothing_to_be_had(void **state) {
    static const char *const no_legacy[EX_CONTROLLER_COUNT] = {0};
    const struct ex_spawn_limits limits = {.memory_bytes = 1, .cpu_milli = 1, .pids = 1};
    const uint32_t all = EX_SPAWN_FLAG_NO_MEMORY | EX_SPAWN_FLAG_NO_CPU | EX_SPAWN_FLAG_NO_PIDS;
    struct ex_cgroups cgroups;
    struct ex_cgroup cgroup;
    struct ex_cgroup_door door;

    (void)state;
    ex_cgroups_open_at(&cgroups, "/no/such/folder", no_legacy, "ours");
    assert_int_equal(ex_cgroups_flags(&cgroups), all);
    assert_int_equal(ex_cgroup_make(&cgroups, 1, &limits, &cgroup, &door), all);
    assert_int_equal(door.unified_fd, -1);
    assert_false(ex_cgroup_kill(&cgroups, 1, &cgroup));
    assert_int_equal(ex_cgroup_oom_kills(&cgroups, 1, &cgroup), EX_SPAWN_OOM_UNSUPPORTED);
    assert_true(ex_cgroup_remove(&cgroups, 1, &cgroup));
    ex_cgroups_close(&cgroups);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_memory_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory_controller, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill_and_remove, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_be_had, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
