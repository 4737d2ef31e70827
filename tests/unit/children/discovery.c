/* SPDX-License-Identifier: Apache-2.0 */
/* Where listeners are found, and who may write there. */
#include <errno.h>
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

#include "exporter/children/discovery.h"

static char root[] = "/tmp/test_discovery.XXXXXX";

static void make(const char *folder, const char *file, mode_t mode) {
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", root, folder);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof path, "%s/%s/%s", root, folder, file);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_not_equal(fd, -1);
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static int setup(void **state) {
    (void)state;
    assert_non_null(mkdtemp(root));
    make("mine", "team.so", 0644);
    make("other", "libalert.so", 0644);
    make("other", "script.py", 0755);
    make("other", "README", 0644);
    make("webhook", "program", 0755);
    make("twice", "two.so", 0644);
    make("twice", "two.py", 0755);
    make("loose", "open.so", 0666);
    return 0;
}

static int teardown(void **state) {
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -r %s", root);
    return system(command); /* NOLINT(concurrency-mt-unsafe,cert-env33-c) */
}

static void assert_found(const char *name, const char *end) {
    char *path;
    struct fo_error error;

    assert_int_equal(ex_listener_find(root, fo_str_of(name), &path, &error), 0);
    assert_true(strlen(path) > strlen(end));
    assert_string_equal(path + strlen(path) - strlen(end), end);
    assert_int_equal(ex_listener_check_owner(path, &error), 0);
    free(path);
}

static void assert_not_found(const char *name, int code) {
    char *path = NULL;
    struct fo_error error;

    assert_int_equal(ex_listener_find(root, fo_str_of(name), &path, &error), code);
    assert_null(path);
    assert_non_null(strstr(error.text, root));
}

static void test_find(void **state) {
    (void)state;
    assert_found("team", "/mine/team.so");
    assert_found("mine", "/mine/team.so"); /* the only one in its folder */
    assert_found("alert", "/other/libalert.so");
    assert_found("script", "/other/script.py");
    assert_found("webhook", "/webhook/program");
    assert_not_found("other", -ENOENT); /* holds two */
    assert_not_found("README", -ENOENT);
    assert_not_found("../mine/team", -ENOENT);
    assert_not_found("two", -EEXIST);
    assert_not_found("", -ENOENT);
}

static void test_owner(void **state) {
    char *path;
    struct fo_error error;

    (void)state;
    assert_int_equal(ex_listener_find(root, fo_str_of("open"), &path, &error), 0);
    assert_int_equal(ex_listener_check_owner(path, &error), -EACCES);
    assert_non_null(strstr(error.text, "open.so may be written by others"));
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(ex_listener_check_owner(path, &error), 0);
    assert_int_equal(chmod(root, 0775), 0);
    assert_int_equal(ex_listener_check_owner(path, &error), -EACCES);
    assert_int_equal(chmod(root, 0700), 0);
    free(path);
    assert_int_equal(ex_listener_check_owner("relative", &error), -EINVAL);
}

static void test_missing_folder(void **state) {
    char *path;
    struct fo_error error;

    (void)state;
    assert_int_equal(ex_listener_find("/nonexistent", fo_str_of("a"), &path, &error), -ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_missing_folder),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
