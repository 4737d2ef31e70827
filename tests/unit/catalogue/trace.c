/* SPDX-License-Identifier: Apache-2.0 */
/* Exception chains and runtimes, from what programs of each runtime really print. */
#include <stdio.h>
#include <string.h>

#include "listeners/catalogue/compiled.h"
#include "tests/unit/catalogue/support.h"

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

struct trace {
    const char *output;
    const char *runtime;
    const char *chain; /* name|message, outermost first, a line each */
};

static const struct trace traces[] = {
    {"Exception in thread \"main\" java.lang.RuntimeException: outer\n"
     "\tat a.B.main(B.java:5)\n"
     "\tSuppressed: a.CloseException: no\n\t\tat a.B.close(B.java:7)\n\tCaused by: a.Inner\n"
     "Caused by: java.io.IOException: middle\n\tat a.B.f(B.java:3)\n\t... 1 more\n"
     "Caused by: java.net.ConnectException\n\tat a.B.g(B.java:2)\n\t... 2 more\n",
     "jvm",
     "java.lang.RuntimeException|outer\njava.io.IOException|middle\njava.net.ConnectException|\n"},
    {"java.lang.Error: old\n\tat a.B.f(B.scala:3)\nINFO retrying\njava.lang.IllegalStateException: "
     "new\n",
     "jvm", "java.lang.IllegalStateException|new\n"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 2, in f\n    return "
     "{}[\"k\"]\nKeyError: 'k'\n\n"
     "During handling of the above exception, another exception occurred:\n\n"
     "Traceback (most recent call last):\n  File \"a.py\", line 9, in <module>\n    g()\n"
     "pkg.errors.MyProblem: it broke\n",
     "python", "pkg.errors.MyProblem|it broke\nKeyError|'k'\n"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 2\nOSError: [Errno 28] No space "
     "left\n\n"
     "The above exception was the direct cause of the following exception:\n\n"
     "Traceback (most recent call last):\n  File \"a.py\", line 9\nKeyboardInterrupt\n",
     "python", "KeyboardInterrupt|\nOSError|[Errno 28] No space left\n"},
    {"/app/a.js:3\n    throw new TypeError('x');\n    ^\n\nTypeError: x is not a function\n"
     "    at f (/app/a.js:3:9)\n    at node:internal/main/run_main_module:28:49 {\n"
     "  [cause]: Error: deeper\n      at g (/app/a.js:1:1)\n}\n\nNode.js v18.19.0\n",
     "node", "TypeError|x is not a function\nError|deeper\n"},
    {"panic: runtime error: index out of range [3] with length 2\n\ngoroutine 1 "
     "[running]:\nmain.main()\n",
     "go", "panic|runtime error: index out of range [3] with length 2\n"},
    {"panic: first [recovered]\n\tpanic: second\n\ngoroutine 7 [running]:\n", "go",
     "panic|second\npanic|first [recovered]\n"},
    {"fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\n", "go",
     "fatal error|all goroutines are asleep - deadlock!\n"},
    {"thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds\nnote: run with "
     "RUST_BACKTRACE=1\n",
     "rust", "panic|index out of bounds\n"},
    {"thread 'w' panicked at 'no', src/main.rs:2:5\n", "rust", "panic|'no', src/main.rs:2:5\n"},
    {"Error: could not start\n\nCaused by:\n    0: reading config\n    1: not found\n", "",
     "Error|could not start\nError|reading config\nError|not found\n"},
    {"==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x6\n    #0 0x4 in main a.c:3\n",
     "c", "AddressSanitizer|heap-use-after-free on address 0x6\n"},
    {"WARNING: ThreadSanitizer: data race (pid=9)\n", "c", "ThreadSanitizer|data race (pid=9)\n"},
    {"terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n",
     "cpp", ""},
    {"Traceback (most recent call last):\n  File \"a.py\", line 1\npy4j.protocol.Py4JJavaError: "
     "o12\n"
     "java.lang.NullPointerException\n\tat a.B.f(B.java:3)\n",
     "python", "java.lang.NullPointerException|\n"},
    {"all went well: 0 errors\nthread 'main' is done\nCaused by: chance alone\nCaused by:\n", "",
     ""},
    {"", "", ""},
};

static void test_traces(void **state) {
    struct bench bench;

    (void)state;
    bench_init(&bench, "[]", NULL);
    for (size_t i = 0; i < COUNT(traces); i++) {
        char chain[1024] = "";
        (void)judge_output(&bench, traces[i].output);
        for (size_t j = 0; j < bench.verdict.chain_count; j++) {
            const struct catalogue_exception *link = &bench.verdict.chain[j];
            (void)snprintf(chain + strlen(chain), sizeof chain - strlen(chain), "%.*s|%.*s\n",
                           (int)link->name.len, link->name.ptr, (int)link->message.len,
                           link->message.ptr);
        }
        assert_string_equal(chain, traces[i].chain);
        assert_str(bench.verdict.runtime, traces[i].runtime);
    }
    bench_done(&bench);
}

/* The root cause stays last, whatever the length of the chain. */
static void test_long_chain(void **state) {
    char text[8192] = "a.FirstException: 0\n";
    struct bench bench;

    (void)state;
    bench_init(&bench, "[]", NULL);
    for (int i = 0; i < 100; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "Caused by: a.B: %d\n", i);
    (void)judge_output(&bench, text);
    assert_int_equal(bench.verdict.chain_count, CATALOGUE_CHAIN_MAX);
    assert_str(bench.verdict.chain[0].name, "a.FirstException");
    assert_str(bench.verdict.chain[CATALOGUE_CHAIN_MAX - 1].message, "99");
    bench_done(&bench);
}

/* What is declared is not guessed. */
static void test_declared_runtime(void **state) {
    const struct catalogue_input input = {.head = fo_str_of(traces[0].output),
                                          .runtime = fo_str_of("golang")};
    struct bench bench;

    (void)state;
    bench_init(&bench, "[]", NULL);
    (void)judge(&bench, &input);
    assert_str(bench.verdict.runtime, "go");
    bench_done(&bench);
}

/* ---- what is left out ---- */

struct found {
    char text[512];
    size_t len;
};

static void on_piece(void *ctx, const char *from, size_t len) {
    struct found *found = ctx;

    assert_true(found->len + len + 1 < sizeof found->text);
    (void)memcpy(found->text + found->len, from, len);
    found->len += len;
    found->text[found->len++] = '|';
}

static void assert_pieces(const char *output, const char *expected) {
    struct catalogue_exception chain[CATALOGUE_CHAIN_MAX];
    struct fo_str runtime;
    struct found found = {.len = 0};

    (void)catalogue_trace_read(fo_str_of(output), on_piece, &found, chain, &runtime);
    assert_str((struct fo_str){found.text, found.len}, expected);
}

static void test_frames(void **state) {
    (void)state;
    assert_pieces("", "");
    assert_pieces("a\nb\n", "a\nb\n|");
    assert_pieces("\tat a.B.c(B.java:1)", "\tat a.B.c(B.java:1)|");
    assert_pieces("x\n\tat a.B.c(B.java:1)\n\tat a.B.d(B.scala:22)\n  at a.B.e(B.kt:333)\ny",
                  "x\n|  at a.B.e(B.kt:333)\ny|");
    assert_pieces("\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)\n", "\tat a.B.d(B.java:2)\n|");
    assert_pieces("\tat a.B.c(B.java:1)\nx\n\tat a.B.d(B.java:2)\n",
                  "\tat a.B.c(B.java:1)\nx\n\tat a.B.d(B.java:2)\n|");
    assert_pieces("\tat a.B.c(B.java:1) ~[a.jar:1]\n\tat a.B.d(B.java:2) ~[?:?]\nx",
                  "\tat a.B.d(B.java:2) ~[?:?]\nx|");
    /* Not of the kind. */
    assert_pieces("\tat x (a 5)\n\tat y(z:5)\n\tat a.B.c(Native Method)\nat a.B.c(B.java:1)\n",
                  "\tat x (a 5)\n\tat y(z:5)\n\tat a.B.c(Native Method)\nat a.B.c(B.java:1)\n|");
}

static const char lured[] =
    "io.acme.OddException: odd\n"
    "\tat io.trino.ExceededMemoryLimitException.of(ExceededMemoryLimit.java:40)\n"
    "\tat io.acme.Own.call(Own.java:41)\n"
    "\tat io.acme.Main.main(Main.java:42)\n"
    "Caused by: java.net.SocketTimeoutException: Read timed out\n"
    "\tat io.acme.Own.call(Own.java:43)\n"
    "\tat io.acme.Main.main(Main.java:44)\n";

/* What was called says nothing about what went wrong; places are those of the whole output. */
static void test_frames_lure_nobody(void **state) {
    struct bench bench;

    (void)state;
    bench_init(&bench, NULL, NULL);
    assert_string_equal(judge_output(&bench, lured), "jvm.socket-timeout");
    assert_str(bench.verdict.decided_by.matched,
               "Caused by: java.net.SocketTimeoutException: Read timed out");
    for (size_t i = 0; i < bench.verdict.runner_up_count; i++)
        assert_null(strstr(bench.verdict.runners_up[i].rule.ptr, "memory"));
    bench_done(&bench);
}

/* A user's rule may look for a frame. */
static void test_frames_of_own_rules(void **state) {
    static const char rules[] =
        "- {id: own, priority: 900, match: {message_regex: 'at io\\.acme\\.Own\\.call\\('}, "
        "labels: {type: USER, category: data, cause: bad_row, retry: never}}\n"
        "- {id: newer, priority: 900, match: {message_regex: 'SocketTimeout'}, "
        "labels: {type: USER, category: data, cause: bad_row, retry: never}}\n";
    struct bench bench;

    (void)state;
    bench_init(&bench, rules, NULL);
    assert_string_equal(judge_output(&bench, lured), "own");
    assert_str(bench.verdict.decided_by.matched, "\tat io.acme.Own.call(Own.java:43)");
    bench_done(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traces),
        cmocka_unit_test(test_long_chain),
        cmocka_unit_test(test_declared_runtime),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_frames_lure_nobody),
        cmocka_unit_test(test_frames_of_own_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
