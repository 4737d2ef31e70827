/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "exporter/base/name_table.h"

enum { COUNT = 1000, TWINS = 4 };

static void test_find(void **state) {
    static struct ex_name_node nodes[COUNT];
    static char names[COUNT][16];
    struct ex_name_table table;

    (void)state;
    ex_name_table_init(&table, 7);
    assert_null(ex_name_table_find(&table, fo_str_of("nobody")));
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof names[i], "name %d", i / TWINS);
        nodes[i].name = fo_str_of(names[i]);
        assert_int_equal(ex_name_table_add(&table, &nodes[i]), 0);
    }
    for (int i = COUNT - 1; i >= 0; i -= TWINS) { /* the newest first, however often it has grown */
        struct ex_name_node *node = ex_name_table_find(&table, nodes[i].name);
        for (int twin = 0; twin < TWINS; twin++, node = ex_name_table_next(node))
            assert_ptr_equal(node, &nodes[i - twin]);
        assert_null(node);
    }
    for (int i = 0; i < COUNT; i += 2)
        ex_name_table_remove(&table, &nodes[i]);
    assert_int_equal(table.count, COUNT / 2);
    assert_ptr_equal(ex_name_table_find(&table, nodes[0].name), &nodes[3]);
    assert_ptr_equal(ex_name_table_next(&nodes[3]), &nodes[1]);
    assert_null(ex_name_table_next(&nodes[1]));
    assert_null(ex_name_table_find(&table, fo_str_of("")));
    ex_name_table_done(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_find)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
