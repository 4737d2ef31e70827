/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs: what is refused, facts by index, wiring in both directions, large regions. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "failover/failover.h"
#include "failover/wiring.h"

static int build(const struct fo_vertex_spec *vertices, uint32_t vertex_count,
                 const struct fo_edge_spec *edges, uint32_t edge_count, struct fo_error *reterr) {
    const struct fo_graph_spec spec = {vertices, vertex_count, edges, edge_count};
    struct fo_graph *graph = NULL;
    int rc = fo_graph_new(&spec, NULL, &graph, reterr);

    assert_true((rc == 0) == (graph != NULL));
    graph = fo_graph_unref(graph);
    return rc;
}

static void test_bad_specs(void **state) {
    struct fo_vertex_spec two[] = {{{"a", 1}, 1}, {{"b", 1}, 1}};
    struct fo_edge_spec edge = {0, 1, FO_PIPELINED, FO_ALL_TO_ALL, 0};
    char long_id[FO_ID_MAX + 1];
    struct fo_error error;

    (void)state;
    assert_int_equal(build(two, 2, &edge, 1, NULL), 0);
    assert_int_equal(build(NULL, 0, NULL, 0, &error), -EINVAL);
    assert_int_equal(build(two, 2, NULL, 1, &error), -EINVAL);
    assert_int_equal(build(two, FO_VERTICES_MAX + 1, NULL, 0, &error), -E2BIG);
    assert_int_equal(build(two, 2, &edge, FO_EDGES_MAX + 1, &error), -E2BIG);
    two[1].parallelism = 0;
    assert_int_equal(build(two, 2, &edge, 1, &error), -EINVAL);
    assert_non_null(strstr(error.text, "vertex b"));
    two[1].parallelism = FO_PARALLELISM_MAX + 1;
    assert_int_equal(build(two, 2, &edge, 1, &error), -E2BIG);
    two[1] = (struct fo_vertex_spec){{"a", 1}, 1};
    assert_int_equal(build(two, 2, &edge, 1, &error), -EINVAL);
    assert_non_null(strstr(error.text, "the id a"));
    two[1].id.len = 0;
    assert_int_equal(build(two, 2, &edge, 1, NULL), -EINVAL);
    memset(long_id, 'x', sizeof long_id);
    two[1].id = (struct fo_str){long_id, sizeof long_id};
    assert_int_equal(build(two, 2, &edge, 1, NULL), -EINVAL);
    two[1].id.len = FO_ID_MAX;
    assert_int_equal(build(two, 2, &edge, 1, NULL), 0);
    edge.to = 2;
    assert_int_equal(build(two, 2, &edge, 1, NULL), -EINVAL);
    edge = (struct fo_edge_spec){0, 1, (enum fo_exchange)9, FO_ALL_TO_ALL, 0};
    assert_int_equal(build(two, 2, &edge, 1, NULL), -EINVAL);
    edge = (struct fo_edge_spec){0, 1, FO_BLOCKING, (enum fo_pattern)9, 0};
    assert_int_equal(build(two, 2, &edge, 1, NULL), -EINVAL);
}

static void test_as_many_vertices_as_may_be(void **state) {
    struct fo_vertex_spec *vertices = calloc(FO_VERTICES_MAX, sizeof *vertices);
    uint32_t *ids = calloc(FO_VERTICES_MAX, sizeof *ids);

    (void)state;
    assert_true(vertices && ids);
    for (uint32_t i = 0; i < FO_VERTICES_MAX; i++) {
        ids[i] = i;
        vertices[i] = (struct fo_vertex_spec){{(const char *)&ids[i], sizeof ids[i]}, 1};
    }
    assert_int_equal(build(vertices, FO_VERTICES_MAX, NULL, 0, NULL), 0);
    free(ids);
    free(vertices);
}

static void test_cycles_and_sums(void **state) {
    struct fo_vertex_spec vertices[] = {{{"first", 5}, 1}, {{"second", 6}, 1}, {{"third", 5}, 1}};
    const struct fo_edge_spec ring[] = {{0, 1, FO_BLOCKING, FO_ALL_TO_ALL, 0},
                                        {1, 2, FO_BLOCKING, FO_ALL_TO_ALL, 0},
                                        {2, 1, FO_BLOCKING, FO_ALL_TO_ALL, 0}};
    const struct fo_edge_spec self = {1, 1, FO_BLOCKING, FO_ALL_TO_ALL, 0};
    struct fo_error error;

    (void)state;
    assert_int_equal(build(vertices, 3, ring, 3, &error), -ELOOP);
    assert_true(strstr(error.text, "second") || strstr(error.text, "third"));
    assert_int_equal(build(vertices, 3, &self, 1, &error), -ELOOP);
    struct fo_vertex_spec many[5];
    char names[5][1];
    for (uint32_t i = 0; i < 5; i++) {
        names[i][0] = (char)('a' + i);
        many[i] = (struct fo_vertex_spec){{names[i], 1}, FO_PARALLELISM_MAX};
    }
    assert_int_equal(build(many, 5, NULL, 0, &error), -E2BIG);
    struct fo_edge_spec *wide = calloc(64, sizeof *wide);
    assert_non_null(wide);
    for (uint32_t i = 0; i < 64; i++)
        wide[i] = (struct fo_edge_spec){0, 1, FO_BLOCKING, FO_POINTWISE, 0};
    assert_int_equal(build(many, 2, wide, 64, &error), -E2BIG);
    free(wide);
}

static bool is_connected(uint32_t s, uint32_t t, uint32_t p, uint32_t c) {
    if (s >= t)
        return p >= c * s / t && p < (c + 1) * s / t;
    return c >= (p * t + s - 1) / s && c < ((p + 1) * t + s - 1) / s;
}

static void check_wiring(uint32_t s, uint32_t t) {
    for (uint32_t p = 0; p < s; p++) {
        struct fo_task_range consumers = fo_wiring_consumers(s, t, p);
        for (uint32_t c = 0; c < t; c++) {
            struct fo_task_range producers = fo_wiring_producers(s, t, c);
            assert_int_equal(p - producers.first < producers.count, is_connected(s, t, p, c));
            assert_int_equal(c - consumers.first < consumers.count, is_connected(s, t, p, c));
        }
    }
}

/* Both directions of the wiring against the definition, for all small numbers. */
static void test_wiring(void **state) {
    (void)state;
    for (uint32_t s = 1; s <= 12; s++) {
        for (uint32_t t = 1; t <= 12; t++)
            check_wiring(s, t);
    }
    assert_int_equal(fo_wiring_producers(FO_PARALLELISM_MAX, 3, 2).count, 1398102);
}

static void test_facts(void **state) {
    const struct fo_vertex_spec vertices[] = {
        {{"sink", 4}, 2}, {{"source", 6}, 3}, {{"mid", 3}, 2}};
    const struct fo_edge_spec edges[] = {{1, 2, FO_PIPELINED, FO_POINTWISE, 0},
                                         {2, 0, FO_BLOCKING, FO_ALL_TO_ALL, 0}};
    const struct fo_graph_spec spec = {vertices, 3, edges, 2};
    struct fo_graph *graph = NULL;

    (void)state;
    assert_int_equal(fo_graph_new(&spec, NULL, &graph, NULL), 0);
    assert_int_equal(fo_graph_vertex_count(graph), 3);
    assert_int_equal(fo_graph_edge_count(graph), 2);
    assert_int_equal(fo_graph_task_count(graph), 7);
    assert_int_equal(fo_graph_find_vertex(graph, fo_str_of("mid")), 2);
    assert_int_equal(fo_graph_find_vertex(graph, fo_str_of("m")), FO_NO_TASK);
    assert_int_equal(fo_graph_find_vertex(graph, fo_str_of("z")), FO_NO_TASK);
    assert_int_equal(fo_graph_vertex_first_task(graph, 2), 5);
    assert_int_equal(fo_graph_vertex_parallelism(graph, 1), 3);
    assert_int_equal(fo_graph_task_vertex(graph, 4), 1);
    assert_int_equal(fo_graph_task_subtask(graph, 4), 2);
    assert_int_equal(fo_graph_topological(graph, 0), 1);
    assert_int_equal(fo_graph_topological(graph, 2), 0);
    assert_int_equal(fo_graph_inputs(graph, 2).count, 1);
    assert_int_equal(fo_graph_outputs(graph, 2).edges[0], 1);
    assert_int_equal(fo_graph_producers(graph, 0, 6).first, 3);
    assert_int_equal(fo_graph_producers(graph, 0, 6).count, 2);
    assert_int_equal(fo_graph_consumers(graph, 0, 2).first, 5);
    assert_int_equal(fo_graph_consumers(graph, 1, 5).count, 2);
    assert_int_equal(fo_graph_edge_channels(graph, 0), 3);
    assert_int_equal(fo_graph_edge_channels(graph, 1), 4);
    assert_int_equal(fo_graph_region_count(graph), 4);
    assert_int_equal(fo_graph_task_region(graph, 2), 0); /* the first in topological order */
    assert_int_equal(fo_graph_region_tasks(graph, 1).count, 3);
    assert_int_equal(fo_graph_edge(graph, 1).exchange, FO_BLOCKING);
    assert_ptr_equal(fo_graph_ref(graph), graph);
    assert_null(fo_graph_unref(graph));
    assert_memory_equal(fo_graph_vertex_id(graph, 0).ptr, "sink", 4);
    graph = fo_graph_unref(graph);
    assert_null(fo_graph_ref(NULL));
}

/* The spec's order stays where it is topological already. */
static void test_order_is_kept(void **state) {
    const struct fo_vertex_spec vertices[] = {
        {{"a", 1}, 1}, {{"b", 1}, 1}, {{"c", 1}, 1}, {{"d", 1}, 1}};
    const struct fo_edge_spec edges[] = {{0, 3, FO_BLOCKING, FO_ALL_TO_ALL, 0},
                                         {1, 2, FO_BLOCKING, FO_ALL_TO_ALL, 0}};
    const struct fo_graph_spec spec = {vertices, 4, edges, 2};
    struct fo_graph *graph = NULL;

    (void)state;
    assert_int_equal(fo_graph_new(&spec, NULL, &graph, NULL), 0);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(fo_graph_topological(graph, i), i);
    graph = fo_graph_unref(graph);
}

/* Regions that wait on each other in a long ring. */
static void test_long_circle_of_regions(void **state) {
    enum { LENGTH = 20000, VERTICES = 2 * LENGTH };
    struct fo_vertex_spec *vertices = calloc(VERTICES, sizeof *vertices);
    struct fo_edge_spec *edges = calloc(VERTICES, sizeof *edges);
    char(*names)[8] = calloc(VERTICES, sizeof *names);
    struct fo_graph *graph = NULL;
    uint32_t edge_count = 0;

    (void)state;
    assert_true(vertices && edges && names);
    for (uint32_t i = 0; i < VERTICES; i++) {
        for (uint32_t digit = 0, rest = i; digit < 5; digit++, rest /= 10)
            names[i][digit] = (char)('0' + rest % 10);
        vertices[i] = (struct fo_vertex_spec){{names[i], 5}, 1};
    }
    /* Pairs a -> b, pipelined; each a feeds the next pair's b, the first b hears from the last a.
     */
    for (uint32_t i = 0; i < LENGTH; i++) {
        edges[edge_count++] = (struct fo_edge_spec){i, LENGTH + i, FO_PIPELINED, FO_POINTWISE, 0};
        edges[edge_count++] =
            (struct fo_edge_spec){i, LENGTH + (i + 1) % LENGTH, FO_BLOCKING, FO_POINTWISE, 0};
    }
    const struct fo_graph_spec spec = {vertices, VERTICES, edges, edge_count};
    assert_int_equal(fo_graph_new(&spec, NULL, &graph, NULL), 0);
    assert_int_equal(fo_graph_region_count(graph), 1);
    graph = fo_graph_unref(graph);
    free(names);
    free(edges);
    free(vertices);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_specs),
        cmocka_unit_test(test_as_many_vertices_as_may_be),
        cmocka_unit_test(test_cycles_and_sums),
        cmocka_unit_test(test_wiring),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_order_is_kept),
        cmocka_unit_test(test_long_circle_of_regions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
