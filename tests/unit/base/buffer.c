/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exporter/base/buffer.h"

static void test_appends_of_every_kind(void **state) {
    struct ex_buffer buffer;

    (void)state;
    ex_buffer_init(&buffer, 1000);
    assert_string_equal(ex_buffer_text(&buffer), "");
    ex_buffer_append_text(&buffer, "a");
    ex_buffer_append_char(&buffer, 'b');
    ex_buffer_append_u64(&buffer, UINT64_MAX);
    ex_buffer_append_i64(&buffer, INT64_MIN);
    ex_buffer_append_u64(&buffer, 0);
    ex_buffer_printf(&buffer, "%s%d", "c", 7);
    ex_buffer_append_str(&buffer, (struct fo_str){NULL, 0});
    assert_string_equal(ex_buffer_text(&buffer), "ab18446744073709551615-92233720368547758080c7");
    assert_int_equal(buffer.failure, 0);
    ex_buffer_done(&buffer);
}

static void test_ceiling_keeps_what_was_there(void **state) {
    struct ex_buffer buffer;

    (void)state;
    ex_buffer_init(&buffer, 4);
    ex_buffer_append_text(&buffer, "1234");
    assert_int_equal(buffer.failure, 0);
    ex_buffer_append_text(&buffer, "5");
    assert_int_equal(buffer.failure, -EMSGSIZE);
    assert_string_equal(ex_buffer_text(&buffer), "1234");
    ex_buffer_truncate(&buffer, 1);
    ex_buffer_append_text(&buffer, "x"); /* a failed buffer takes nothing more */
    assert_string_equal(ex_buffer_text(&buffer), "1");
    ex_buffer_reset(&buffer);
    ex_buffer_append_text(&buffer, "x");
    assert_string_equal(ex_buffer_text(&buffer), "x");
    ex_buffer_done(&buffer);
}

static void test_take_hands_over(void **state) {
    struct ex_buffer buffer;
    size_t len;

    (void)state;
    ex_buffer_init(&buffer, 100);
    ex_buffer_append_text(&buffer, "mine");
    char *bytes = ex_buffer_take(&buffer, &len);
    assert_int_equal(len, 4);
    assert_string_equal(bytes, "mine");
    free(bytes);
    assert_int_equal(buffer.len, 0);
    assert_null(ex_buffer_take(&buffer, &len));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_of_every_kind),
        cmocka_unit_test(test_ceiling_keeps_what_was_there),
        cmocka_unit_test(test_take_hands_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
