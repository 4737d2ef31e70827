/* SPDX-License-Identifier: Apache-2.0 */
/* The reading of a start request, from memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exporter/spawn/protocol.h"

static _Alignas(uint64_t) char message[1024];
static struct ex_spawn_order order;

static size_t put(size_t at, const void *bytes, size_t len) {
    memcpy(message + at, bytes, len);
    return at + len;
}

static const struct ex_spawn_start sound_start = {
    .header = {EX_SPAWN_VERSION, EX_SPAWN_START, 7},
    .argument_count = 2,
    .environment_count = 1,
    .map_count = 2,
};

static size_t make(const struct ex_spawn_start *start, const struct ex_spawn_map map[2]) {
    size_t len = put(0, start, sizeof *start);

    len = put(len, map, 2 * sizeof *map);
    return put(len, "/tmp\0echo\0hello\0A=b", sizeof "/tmp\0echo\0hello\0A=b");
}

static const struct ex_spawn_map sound_map[2] = {{0, 1}, {0, 2}};

static void test_sound(void **state) {
    (void)state;
    size_t len = make(&sound_start, sound_map);

    assert_int_equal(ex_spawn_order_read(message, len, 1, &order), 0);
    assert_string_equal(order.directory, "/tmp");
    assert_string_equal(order.arguments[0], "echo");
    assert_string_equal(order.arguments[1], "hello");
    assert_null(order.arguments[2]);
    assert_null(order.environment[0]);
    assert_string_equal(order.environment[1], "A=b");
    assert_null(order.environment[2]);
    assert_int_equal(order.map[1].target, 2);
}

static void test_cut_anywhere(void **state) {
    (void)state;
    size_t len = make(&sound_start, sound_map);

    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(ex_spawn_order_read(message, cut, 1, &order), -EINVAL);
    message[len] = '\0';
    assert_int_equal(ex_spawn_order_read(message, len + 1, 1, &order), -EINVAL);
}

static void expect_refused(struct ex_spawn_start start) {
    size_t len = make(&start, sound_map);

    assert_int_equal(ex_spawn_order_read(message, len, 1, &order), -EINVAL);
}

static void test_counts(void **state) {
    struct ex_spawn_start start = sound_start;

    (void)state;
    start.argument_count = 0;
    expect_refused(start);
    start.argument_count = UINT32_MAX;
    expect_refused(start);
    start = sound_start;
    start.environment_count = UINT32_MAX;
    expect_refused(start);
    start.environment_count = EX_SPAWN_STRINGS_MAX;
    expect_refused(start);
    start = sound_start;
    start.map_count = UINT32_MAX;
    expect_refused(start);
    start = sound_start;
    start.change_user = 2;
    expect_refused(start);
}

static void test_map(void **state) {
    static const struct ex_spawn_map bad[][2] = {
        {{1, 1}, {0, 2}},                   /* no such descriptor */
        {{0, 1}, {0, 1}},                   /* one target twice */
        {{0, EX_SPAWN_TARGET_MAX}, {0, 1}}, /* out of range */
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t len = make(&sound_start, bad[i]);
        assert_int_equal(ex_spawn_order_read(message, len, 1, &order), -EINVAL);
    }
}

static void test_step_names(void **state) {
    (void)state;
    for (uint32_t step = 0; step < EX_SPAWN_STEP_COUNT; step++)
        assert_non_null(ex_spawn_step_name(step));
    assert_string_equal(ex_spawn_step_name(EX_SPAWN_STEP_COUNT), "?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),      cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_counts),     cmocka_unit_test(test_map),
        cmocka_unit_test(test_step_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
