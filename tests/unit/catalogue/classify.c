/* SPDX-License-Identifier: Apache-2.0 */
/* Which rule decides, and on what text. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/catalogue/support.h"

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

#define RULE(id_, priority_, match_)                                                               \
    "- id: " id_ "\n  priority: " priority_ "\n  match: {" match_ "}\n"                            \
    "  labels: {type: USER, category: data, cause: missing_input, retry: never}\n"

static void test_unknown(void **state) {
    struct fo_label labels[CATALOGUE_LABELS_MAX];
    struct bench bench;

    (void)state;
    bench_init(&bench, "[]", NULL); /* no rule at all */
    assert_string_equal(judge_output(&bench, "anything"), "");
    assert_int_equal(catalogue_verdict_labels(&bench.verdict, labels), 4);
    assert_str(labels[0].key, "type");
    assert_str(labels[0].value, "UNKNOWN");
    assert_str(labels[1].value, "unknown");
    assert_str(labels[2].value, "unknown");
    assert_str(labels[3].key, "retry");
    assert_str(labels[3].value, "default");
    assert_int_equal(bench.verdict.runner_up_count, 0);
    bench_done(&bench);
}

/* Tier, then priority, then the newest match, then the place in the file. */
static void test_order(void **state) {
    static const char rules[] = RULE("exit", "900", "exit_code: nonzero") /* asked last */
        RULE("low", "5", "message_regex: low") RULE("first", "50", "message_regex: first")
            RULE("second", "50", "message_regex: second") RULE("twin", "50", "message_regex: first")
                RULE("word", "50", "platform_reason: Evicted");
    struct catalogue_input input = {.exited = true, .exit_code = 1};
    struct bench bench;

    (void)state;
    bench_init(&bench, rules, NULL);
    assert_string_equal(judge(&bench, &input), "exit");
    assert_str(bench.verdict.decided_by.matched, "exit code 1");
    input.head = fo_str_of("low");
    assert_string_equal(judge(&bench, &input), "low");
    input.head = fo_str_of("first\nlow");
    assert_string_equal(judge(&bench, &input), "first");
    input.head = fo_str_of("first\nsecond\nlow");
    assert_string_equal(judge(&bench, &input), "second");
    input.head = fo_str_of("second\nfirst of all\nlow");
    assert_string_equal(judge(&bench, &input), "first");
    assert_str(bench.verdict.decided_by.matched, "first of all");
    assert_int_equal(bench.verdict.runner_up_count, 4);
    assert_str(bench.verdict.runners_up[0].rule, "twin");
    assert_str(bench.verdict.runners_up[1].rule, "second");
    assert_str(bench.verdict.runners_up[2].rule, "low");
    assert_str(bench.verdict.runners_up[3].rule, "exit");
    input.platform_reason = fo_str_of("Evicted"); /* a fact is newer than any output */
    assert_string_equal(judge(&bench, &input), "word");
    bench_done(&bench);
}

static void test_runners_up_are_bounded(void **state) {
    char yaml[4096] = "";
    struct bench bench;

    (void)state;
    for (int i = 0; i < 12; i++)
        (void)snprintf(yaml + strlen(yaml), sizeof yaml - strlen(yaml),
                       "- {id: r%d, priority: %d, match: {message_regex: x}, labels: {type: USER, "
                       "category: data, cause: missing_input, retry: never}}\n",
                       i, i);
    bench_init(&bench, yaml, NULL);
    assert_string_equal(judge_output(&bench, "x"), "r11");
    assert_int_equal(bench.verdict.runner_up_count, CATALOGUE_RUNNERS_UP_MAX);
    assert_str(bench.verdict.runners_up[0].rule, "r10");
    assert_str(bench.verdict.runners_up[7].rule, "r3");
    bench_done(&bench);
}

/* Each key alone, with what holds and what does not. */
static void test_keys(void **state) {
    static const struct {
        const char *match;
        struct catalogue_input yes, no;
    } cases[] = {
        {"exit_code: [3, 4]", {.exited = true, .exit_code = 4}, {.exited = true, .exit_code = 5}},
        {"exit_code: -103", {.exited = true, .exit_code = -103}, {.exited = false}},
        {"exit_code: nonzero", {.exited = true, .exit_code = 7}, {.exited = true}},
        {"exit_code: 0", {.exited = true}, {.exited = false}},
        {"signal: [SIGKILL, TERM]", {.signal = 15}, {.signal = 2}},
        {"signal: 64", {.signal = 64}, {.signal = 0}},
        {"evidence: [deadline_exceeded, heartbeat_missed]",
         {.evidence = CATALOGUE_HEARTBEAT_MISSED},
         {.evidence = CATALOGUE_CGROUP_OOM_KILL}},
        {"platform_reason: OOMKilled",
         {.platform_reason = {"OOMKilled", 9}},
         {.platform_reason = {"OOMKilledNot", 12}}},
        {"platform_reason: CANCELLED",
         {.platform_reason = {"CANCELLED by 1000", 17}},
         {.platform_reason = {"was CANCELLED", 13}}},
        {"runtime: jvm", {.runtime = {"Java", 4}}, {.runtime = {"node", 4}}},
        {"runtime: jvm, exit_code: 3",
         {.runtime = {"jvm", 3}, .exited = true, .exit_code = 3},
         {.exited = true, .exit_code = 3}},
        {"message_regex: [a.c, xyz]", {.head = {"abc", 3}}, {.head = {"ab\nc", 4}}},
        {"message_regex: '(?i)abc'", {.head = {"ABC", 3}}, {.head = {"AB", 2}}},
        {"message_regex: abc", {.head = {"abc", 3}}, {.head = {"ABC", 3}}},
        {"message_regex: abc, exit_code: 1",
         {.head = {"abc", 3}, .exited = true, .exit_code = 1},
         {.head = {"abc", 3}, .exited = true, .exit_code = 2}},
        {"message_regex: abc, exception: XError",
         {.head = {"XError: abc", 11}},
         {.head = {"YError: abc", 11}}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bench bench;
        char yaml[512];
        (void)snprintf(yaml, sizeof yaml, RULE("r", "1", "%s"), cases[i].match);
        bench_init(&bench, yaml, NULL);
        if (strcmp(judge(&bench, &cases[i].yes), "r") != 0)
            fail_msg("%s does not hold", cases[i].match);
        if (strcmp(judge(&bench, &cases[i].no), "") != 0)
            fail_msg("%s holds", cases[i].match);
        bench_done(&bench);
    }
}

/* `^` and `$` are line ends, a negated class never takes one, a trailing `\r` is not there. */
static void test_lines(void **state) {
    static const struct {
        const char *expression;
        struct fo_str output;
        bool holds;
    } cases[] = {
        {"^b$", {"a\nb\nc", 5}, true},
        {"^b$", {"a\r\nb\r\nc", 7}, true},
        {"^b$", {"a\nb\r", 4}, true},
        {"^b$", {"a\nxb\n", 5}, false},
        {"a[^x]b", {"a\nb", 3}, false},
        {"a[^x]b", {"a b", 3}, true},
        {"a.b", {"a\nb", 3}, false},
        {"a.b", {"a\0b", 3}, true},
        {"a[^x]+b",
         {"a\xFF\xFE"
          "b",
          4},
         true},
        {"end$", {"the end\0\nx", 10}, false},
        {"c\rd", {"c\rd", 3}, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct catalogue_input input = {.head = cases[i].output};
        struct bench bench;
        char yaml[512];
        (void)snprintf(yaml, sizeof yaml, RULE("r", "1", "message_regex: \"%s\""),
                       cases[i].expression[1] == '\r' ? "c\\rd" : cases[i].expression);
        bench_init(&bench, yaml, NULL);
        if ((strcmp(judge(&bench, &input), "r") == 0) != cases[i].holds)
            fail_msg("case %zu, %s", i, cases[i].expression);
        bench_done(&bench);
    }
}

static void test_exceptions(void **state) {
    static const struct {
        const char *output;
        bool holds;
    } cases[] = {
        {"a.b.XException: text", true},
        {"XException", true},
        {"Caused by: a.b.Outer$XException: text", true},
        {"2026-11-21 ERROR [main] job failed: a.XException: text", true},
        {"Exception in thread \"main\" XException", true},
        {"wrapped (a.XException).", true},
        {"a.MyXException: text", false},
        {"a.XExceptionHandler: text", false},
        {"\tat a.XException.<init>(XException.java:12)", false},
        {"    at a.XException", false},
        {"    raise XException(\"text\")", false},
        {"XException.java", false},
    };
    struct bench bench;

    (void)state;
    bench_init(&bench, RULE("r", "1", "exception: [XException]"), NULL);
    for (size_t i = 0; i < COUNT(cases); i++)
        if ((strcmp(judge_output(&bench, cases[i].output), "r") == 0) != cases[i].holds)
            fail_msg("%s", cases[i].output);
    bench_done(&bench);

    bench_init(&bench, RULE("r", "1", "exception: [a.b.XException]"), NULL);
    assert_string_equal(judge_output(&bench, "a.b.XException: text"), "r");
    assert_string_equal(judge_output(&bench, "c.a.b.XException: text"), "");
    assert_string_equal(judge_output(&bench, "a.c.XException: text"), "");
    bench_done(&bench);
}

static void test_reported_exceptions(void **state) {
    const struct fo_str chain[] = {fo_str_of("a.Outer: went wrong"), fo_str_of("a.b.XException")};
    const struct catalogue_input input = {
        .head = fo_str_of("YException"), .exceptions = chain, .exception_count = 2};
    struct bench bench;

    (void)state;
    bench_init(&bench,
               RULE("y", "1", "exception: YException") RULE("x", "1", "exception: XException"),
               NULL);
    assert_string_equal(judge(&bench, &input), "x");
    assert_int_equal(bench.verdict.chain_count, 2);
    assert_str(bench.verdict.chain[0].name, "a.Outer");
    assert_str(bench.verdict.chain[0].message, "went wrong");
    assert_str(bench.verdict.chain[1].name, "a.b.XException");
    bench_done(&bench);
}

/* A platform's sentence is searched like output. */
static void test_platform_sentence(void **state) {
    const struct catalogue_input input = {.platform_reason =
                                              fo_str_of("The node was low on resource: memory")};
    struct bench bench;

    (void)state;
    bench_init(&bench, RULE("r", "1", "message_regex: 'low on resource'"), NULL);
    assert_string_equal(judge(&bench, &input), "r");
    bench_done(&bench);
}

/* ---- output of any size ---- */

static char *filled(size_t size, char c) {
    char *text = malloc(size);

    assert_non_null(text);
    (void)memset(text, c, size);
    return text;
}

static void test_head_and_tail(void **state) {
    struct catalogue_input input = {.head = fo_str_of("one li"), .tail = fo_str_of("ne two\nend")};
    struct bench bench;

    (void)state;
    bench_init(&bench,
               RULE("line", "9", "message_regex: '^one line two$'")
                   RULE("edge", "1", "message_regex: '^ne|li$'"),
               NULL);
    assert_string_equal(judge(&bench, &input), "line");
    input.cut = true; /* now nobody knows where these lines end and begin */
    assert_string_equal(judge(&bench, &input), "");
    bench_done(&bench);
}

static void test_one_endless_line(void **state) {
    size_t size = (size_t)100 << 20;
    char *text = filled(size, 'x');
    struct bench bench;

    (void)state;
    bench_init(&bench,
               RULE("head", "1", "message_regex: 'first words'")
                   RULE("middle", "9", "message_regex: 'in the middle'")
                       RULE("tail", "1", "message_regex: 'last words'"),
               NULL);
    put_text(text, "first words");
    put_text(text + size / 2, "in the middle");
    put_text(text + size - 10, "last words");
    const struct catalogue_input input = {.head = {text, size}};
    assert_string_equal(judge(&bench, &input), "tail");
    assert_int_equal(bench.verdict.decided_by.matched.len, CATALOGUE_SHOWN_MAX_BYTES);
    assert_int_equal(bench.verdict.runner_up_count, 1);
    assert_str(bench.verdict.runners_up[0].rule, "head");
    bench_done(&bench);
    free(text);
}

/* Output made to cost: every byte a match, every line a mention, frames without end. */
static void test_hostile_output(void **state) {
    static const char *const units[] = {"x",
                                        "XException ",
                                        "Caused by: a.B: c\n",
                                        "\tat a.B(C.java:1)\n",
                                        "Traceback (most recent call last):\n",
                                        "\r",
                                        "\r\n",
                                        "\0"};
    struct bench bench;

    (void)state;
    bench_init(&bench,
               RULE("r", "1", "message_regex: 'x+', exit_code: 1")
                   RULE("e", "1", "exception: XException"),
               NULL);
    for (size_t i = 0; i < COUNT(units); i++) {
        size_t unit = strlen(units[i]) > 0 ? strlen(units[i]) : 1;
        size_t size = CATALOGUE_TAIL_MAX_BYTES / unit * unit;
        char *text = filled(size, 0);
        for (size_t at = 0; at < size; at += unit)
            (void)memcpy(text + at, units[i], unit);
        const struct catalogue_input input = {.tail = {text, size}};
        assert_string_equal(judge(&bench, &input), i == 1 ? "e" : "");
        free(text);
    }
    bench_done(&bench);
}

/* ---- many threads, one catalogue ---- */

static void *judge_many(void *catalogue) {
    struct bench bench = {.catalogue = catalogue};
    size_t right = 0;

    if (catalogue_scratch_new(catalogue, &bench.scratch) != 0)
        return NULL;
    for (size_t i = 0; i < 300; i++) {
        const struct catalogue_input input = {.head = fo_str_of(i % 2 ? "even" : "odd\r\n")};
        if (catalogue_classify(catalogue, &input, bench.scratch, &bench.verdict) == 0 &&
            fo_str_equal(bench.verdict.decided_by.rule, fo_str_of(i % 2 ? "even" : "odd")))
            right++;
    }
    (void)catalogue_scratch_free(bench.scratch);
    return right == 300 ? catalogue : NULL;
}

static void test_threads(void **state) {
    pthread_t threads[4];
    struct bench bench;

    (void)state;
    bench_init(&bench,
               RULE("odd", "1", "message_regex: '^odd$'") RULE("even", "1", "message_regex: even"),
               NULL);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, judge_many, bench.catalogue), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, bench.catalogue);
    }
    bench_done(&bench);
}

static void test_words(void **state) {
    (void)state;
    assert_int_equal(catalogue_signal_of(fo_str_of("SIGKILL")), 9);
    assert_int_equal(catalogue_signal_of(fo_str_of("TERM")), 15);
    assert_int_equal(catalogue_signal_of(fo_str_of("64")), 64);
    assert_int_equal(catalogue_signal_of(fo_str_of("SIGRTMIN+2")),
                     catalogue_signal_of(fo_str_of("RTMIN")) + 2);
    assert_int_equal(catalogue_signal_of(fo_str_of("")), 0);
    assert_int_equal(catalogue_signal_of(fo_str_of("0")), 0);
    assert_int_equal(catalogue_signal_of(fo_str_of("SIG")), 0);
    assert_int_equal(catalogue_signal_of(fo_str_of("-9")), 0);
    assert_int_equal(catalogue_signal_of(fo_str_of("RTMIN-1")), 0);
    assert_int_equal(catalogue_signal_of(fo_str_of("sigkill")), 0);
    assert_int_equal(catalogue_evidence_of(fo_str_of("cgroup_oom_kill")),
                     CATALOGUE_CGROUP_OOM_KILL);
    assert_int_equal(catalogue_evidence_of(fo_str_of("oom")), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_runners_up_are_bounded),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_exceptions),
        cmocka_unit_test(test_reported_exceptions),
        cmocka_unit_test(test_platform_sentence),
        cmocka_unit_test(test_head_and_tail),
        cmocka_unit_test(test_one_endless_line),
        cmocka_unit_test(test_hostile_output),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
