/* SPDX-License-Identifier: Apache-2.0 */
/* Which end is the failure: a table of ends and what must come of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "exporter/engines/local/judge.h"

enum { TASKS_MAX = 6, NOW_MS = 1000 };

/* Ends as letters, by task: '.' not yet, 0 exit 0, P broken pipe, F failure, and as judged before:
 * 1 finished, X failed, C cancelled. The turn in which each was read as a digit. Verdicts: '.'
 * wait, 1 finished, F the failure, s secondary. */
struct row {
    const char *name;
    const char *graph; /* which one */
    const char *ends;
    const char *turns;
    int64_t age_ms; /* how long ago the ends were */
    const char *verdicts;
    int64_t again_ms; /* from now; -1 = never */
};

static const struct row rows[] = {
    /* a | b */
    {"nothing ended", "chain2", "..", "00", 0, "..", -1},
    {"consumer first: it waits for its producer", "chain2", ".0", "00", 0, "..", -1},
    {"producer first", "chain2", "0.", "00", 0, "1.", -1},
    {"both", "chain2", "00", "00", 0, "11", -1},
    {"consumer after a finished producer", "chain2", "10", "00", 0, ".1", -1},
    {"yes | head", "chain2", "P0", "00", 0, "11", -1},
    {"yes | head, head is read later", "chain2", "P.", "00", 0, "..", 50},
    {"a broken pipe without an explanation", "chain2", "P.", "00", 50, "F.", -1},
    {"a broken pipe at the end of the line", "chain2", "1P", "00", 50, ".F", -1},
    {"consumer killed, its producer's SIGPIPE", "chain2", "PF", "00", 0, "sF", -1},
    {"the same, SIGPIPE was read first", "chain2", "PF", "01", 20, "sF", -1},
    {"consumer judged before", "chain2", "PX", "00", 0, "s.", -1},
    {"producer killed, its consumer ends well: cut short", "chain2", "F0", "00", 0, "F.", -1},
    {"producer killed, the consumer notices", "chain2", "FF", "00", 0, "Fs", -1},
    {"consumer failed a turn earlier than its producer", "chain2", "FF", "10", 0, "sF", -1},
    {"consumer cancelled, the rest is its consequence", "chain2", "PC", "00", 0, "s.", -1},
    /* a | b | c */
    {"yes | tr | head", "chain3", "PP0", "000", 0, "111", -1},
    {"yes still runs", "chain3", ".P0", "000", 0, "...", -1},
    {"yes | tr | head, tr was no filter but failed", "chain3", "PF0", "000", 0, "sF.", -1},
    {"the last is killed", "chain3", "PPF", "000", 0, "ssF", -1},
    {"broken in the middle: the one downstream explains", "chain3", "PP.", "000", 50, "sF.", -1},
    {"... unless it came later", "chain3", "PP.", "010", 50, "Fs.", -1},
    {"first fails, those behind it end well", "chain3", "F00", "000", 0, "F..", -1},
    {"first fails after the others went well", "chain3", "FP0", "000", 0, "F..", -1},
    {"middle ends early and well", "chain3", "P00", "000", 0, "111", -1},
    {"middle ends early, first not yet", "chain3", ".00", "000", 0, "...", -1},
    /* a and b write to c and d, all-to-all */
    {"one consumer wants no more, the other runs", "cross", "P.0.", "0000", 0, "....", 50},
    {"... for too long", "cross", "P.0.", "0000", 50, "F...", -1},
    {"both want no more", "cross", "PP00", "0000", 0, "1111", -1},
    {"one consumer is killed", "cross", "PPF.", "0000", 0, "ssF.", -1},
    {"one producer fails: both consumers are cut short", "cross", "F100", "0000", 0, "F...", -1},
    {"two fail in one turn: one failure", "cross", "FF..", "0000", 0, "Fs..", -1},
};

static const struct fo_edge_spec chain2[] = {{.from = 0, .to = 1}};
/* The spec's order of vertices is not the topological one: judging must not lean on it. */
static const struct fo_edge_spec chain3[] = {{.from = 1, .to = 2}, {.from = 0, .to = 1}};
static const struct fo_edge_spec cross[] = {{.from = 0, .to = 1}};

static struct fo_graph *graph_of(const char *name) {
    const struct fo_vertex_spec ones[] = {{{"a", 1}, 1}, {{"b", 1}, 1}, {{"c", 1}, 1}};
    const struct fo_vertex_spec twos[] = {{{"ab", 2}, 2}, {{"cd", 2}, 2}};
    struct fo_graph_spec spec = {ones, 2, chain2, 1};
    struct fo_graph *graph = NULL;

    if (strcmp(name, "chain3") == 0)
        spec = (struct fo_graph_spec){ones, 3, chain3, 2};
    else if (strcmp(name, "cross") == 0)
        spec = (struct fo_graph_spec){twos, 2, cross, 1};
    assert_int_equal(fo_graph_new(&spec, NULL, &graph, NULL), 0);
    assert_int_equal(fo_graph_region_count(graph), 1);
    return graph;
}

static enum ex_end end_of(char letter) {
    switch (letter) {
    case '0':
        return EX_END_ZERO;
    case 'P':
        return EX_END_BROKEN;
    case 'F':
        return EX_END_FAILURE;
    case '1':
        return EX_END_FINISHED;
    case 'X':
        return EX_END_FAILED;
    case 'C':
        return EX_END_CANCELLED;
    default:
        return EX_END_NOT_YET;
    }
}

static void expect_row(const struct row *row) {
    static const char letters[] = {[EX_VERDICT_WAIT] = '.',
                                   [EX_VERDICT_FINISHED] = '1',
                                   [EX_VERDICT_FAILED] = 'F',
                                   [EX_VERDICT_SECONDARY] = 's'};
    struct fo_graph *graph = graph_of(row->graph);
    uint32_t count = fo_graph_task_count(graph);
    struct ex_ending endings[TASKS_MAX] = {0};
    enum ex_verdict verdicts[TASKS_MAX];
    char found[TASKS_MAX + 1] = "";

    for (uint32_t i = 0; i < count; i++)
        endings[i] = (struct ex_ending){.end = end_of(row->ends[i]),
                                        .at_ms = NOW_MS - row->age_ms,
                                        .turn = (uint64_t)(row->turns[i] - '0')};
    int64_t again_ms = ex_judge_region(graph, 0, endings, NOW_MS, verdicts);
    for (uint32_t i = 0; i < count; i++)
        found[i] = letters[verdicts[i]];
    int64_t expected_again_ms = row->again_ms < 0 ? FO_NEVER : NOW_MS + row->again_ms;
    if (strcmp(found, row->verdicts) != 0 || again_ms != expected_again_ms)
        fail_msg("%s: %s -> %s, expected %s", row->name, row->ends, found, row->verdicts);
    (void)fo_graph_unref(graph);
}

static void test_table(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_row(&rows[i]);
}

/* Whatever the ends: at most one failure, nothing is judged twice, and whoever finishes has only
 * finished producers. */
static void test_every_combination(void **state) {
    static const char letters[] = ".0PF1XC";
    struct fo_graph *graph = graph_of("chain3");

    (void)state;
    for (unsigned n = 0; n < 7 * 7 * 7; n++) {
        const char ends[] = {letters[n % 7], letters[n / 7 % 7], letters[n / 49]};
        struct ex_ending endings[3] = {0};
        enum ex_verdict verdicts[3];
        unsigned failures = 0;
        for (uint32_t i = 0; i < 3; i++)
            endings[i].end = end_of(ends[i]);
        (void)ex_judge_region(graph, 0, endings, NOW_MS, verdicts);
        for (uint32_t i = 0; i < 3; i++) {
            failures += verdicts[i] == EX_VERDICT_FAILED;
            if (verdicts[i] != EX_VERDICT_WAIT)
                assert_true(ends[i] == '0' || ends[i] == 'P' || ends[i] == 'F');
            if (verdicts[i] == EX_VERDICT_FINISHED && i > 0)
                assert_true(verdicts[i - 1] == EX_VERDICT_FINISHED || ends[i - 1] == '1');
        }
        assert_true(failures <= 1);
    }
    (void)fo_graph_unref(graph);
}

/* A blocking edge is no reason to wait for anybody. */
static void test_blocking_neighbour(void **state) {
    const struct fo_vertex_spec vertices[] = {{{"a", 1}, 1}, {{"b", 1}, 1}};
    const struct fo_edge_spec edge = {.from = 0, .to = 1, .exchange = FO_BLOCKING};
    const struct fo_graph_spec spec = {vertices, 2, &edge, 1};
    struct fo_graph *graph = NULL;
    struct ex_ending endings[2] = {{.end = EX_END_NOT_YET}, {.end = EX_END_ZERO}};
    enum ex_verdict verdict = EX_VERDICT_WAIT;

    (void)state;
    assert_int_equal(fo_graph_new(&spec, NULL, &graph, NULL), 0);
    (void)ex_judge_region(graph, fo_graph_task_region(graph, 1), endings, NOW_MS, &verdict);
    assert_int_equal(verdict, EX_VERDICT_FINISHED);
    (void)fo_graph_unref(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_every_combination),
        cmocka_unit_test(test_blocking_neighbour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
