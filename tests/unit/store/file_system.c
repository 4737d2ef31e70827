/* SPDX-License-Identifier: Apache-2.0 */
/* What the storage path may be on: the type is found in the table of mounts, and judged by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "exporter/daemon/file_system.h"

static char table[] = /* fmemopen() takes no constant */
    "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "rubbish\n"
    "22 21 0:45 / /mnt/far\\040away rw master:1 propagate_from:2 - fuse.sshfs me@there:/ rw\n"
    "23 21 8:17 / /mnt/stick rw - fuseblk /dev/sdb1 rw\n"
    "24 21 0:46 / /mnt/cut rw -\n"
    "25 21 0:47 / /mnt/end rw - fuse";

static void assert_type(unsigned high, unsigned low, const char *expected) {
    char type[EX_FILE_SYSTEM_TYPE_BYTES];
    FILE *mounts = fmemopen(table, sizeof table - 1, "r");

    assert_non_null(mounts);
    ex_file_system_type(mounts, makedev(high, low), type);
    (void)fclose(mounts);
    assert_string_equal(type, expected);
}

static void test_type(void **state) {
    (void)state;
    assert_type(8, 1, "ext4");
    assert_type(0, 45, "fuse.sshfs");
    assert_type(8, 17, "fuseblk");
    assert_type(0, 46, "");
    assert_type(0, 47, "fuse");
    assert_type(9, 9, "");
}

static void test_kind(void **state) {
    (void)state;
    assert_int_equal(ex_file_system_kind_of("fuseblk"), EX_FILE_SYSTEM_LOCAL);
    assert_int_equal(ex_file_system_kind_of("fuse.sshfs"), EX_FILE_SYSTEM_NETWORK);
    assert_int_equal(ex_file_system_kind_of("fuse.sshfsx"), EX_FILE_SYSTEM_UNKNOWN);
    assert_int_equal(ex_file_system_kind_of("fuse"), EX_FILE_SYSTEM_UNKNOWN);
    assert_int_equal(ex_file_system_kind_of(""), EX_FILE_SYSTEM_UNKNOWN);
}

static void test_this_machine(void **state) {
    struct fo_error error;

    (void)state;
    assert_int_equal(ex_file_system_check("/dev/shm", &error), 0);
    assert_int_not_equal(ex_file_system_check("/no/such/folder", &error), 0);
    assert_non_null(strstr(error.text, "/no/such/folder"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_type),
        cmocka_unit_test(test_kind),
        cmocka_unit_test(test_this_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
