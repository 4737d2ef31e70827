/* SPDX-License-Identifier: Apache-2.0 */
/* Reading rules: what is refused, where and why; what is cached, redacted and checked. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/catalogue/support.h"

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

#define LABELS "labels: {type: USER, category: data, cause: missing_input, retry: never}"
#define RULE(id_, priority_, match_)                                                               \
    "- id: " id_ "\n  priority: " priority_ "\n  match: {" match_ "}\n  " LABELS "\n"

static void test_refusals(void **state) {
    static const struct {
        const char *yaml;
        int code;
        const char *text; /* how the error begins */
    } cases[] = {
        {"a: b", -EINVAL, "user.yaml:1: unknown key `a`"},
        {"causes: [x]", -EINVAL, "user.yaml:1: `rules` is missing"},
        {"hello", -EINVAL, "user.yaml:1: rules must be a list"},
        {"- 1", -EINVAL, "user.yaml:1: a rule must be a map"},
        {"- priority: 1", -EINVAL, "user.yaml:1: a rule has no `id`"},
        {"- id: 'a b'", -EINVAL, "user.yaml:1: an `id` is printable"},
        {"- id: a\n  priority: 1\n  match: {exit_code: 1}", -EINVAL,
         "user.yaml:1: rule a: `labels` is missing"},
        {RULE("a", "-1", "exit_code: 1"), -EINVAL, "user.yaml:2: rule a: `priority`"},
        {RULE("a", "high", "exit_code: 1"), -EINVAL, "user.yaml:2: rule a: `priority`"},
        {RULE("a", "1", ""), -EINVAL, "user.yaml:3: rule a: `match`"},
        {RULE("a", "1", "exit: 1"), -EINVAL, "user.yaml:3: rule a: unknown key `exit`"},
        {RULE("a", "1", "exit_code: []"), -EINVAL, "user.yaml:3: rule a: `exit_code` is an empty"},
        {RULE("a", "1", "exit_code: zero"), -EINVAL, "user.yaml:3: rule a: `exit_code` takes"},
        {RULE("a", "1", "exit_code: 3000000000"), -EINVAL, "user.yaml:3: rule a: `exit_code`"},
        {RULE("a", "1", "signal: SIGNOT"), -EINVAL, "user.yaml:3: rule a: `signal` takes"},
        {RULE("a", "1", "signal: 65"), -EINVAL, "user.yaml:3: rule a: `signal` takes"},
        {RULE("a", "1", "evidence: magic"), -EINVAL, "user.yaml:3: rule a: `evidence` takes"},
        {RULE("a", "1", "message_regex: '(?=x)'"), -EINVAL,
         "user.yaml:3: rule a: unsupported expression: ( ) groups"},
        {RULE("a", "1", "message_regex: 'x*'"), -EINVAL,
         "user.yaml:1: rule a: unsupported expression: "},
        {RULE("a", "1", "message_regex: [x, 1]"), -EINVAL,
         "user.yaml:3: rule a: `message_regex` must be text"},
        {RULE("a", "1", "runtime: ''"), -EINVAL, "user.yaml:3: rule a: `runtime` holds an empty"},
        {RULE("a", "1", "exit_code: 1") "  colour: red", -EINVAL,
         "user.yaml:5: rule a: unknown key `colour`"},
        {RULE("a", "1", "exit_code: 1") "  tests: {good: {line: x}}", -EINVAL,
         "user.yaml:5: rule a: unknown key `good` in `tests`"},
        {RULE("a", "1", "exit_code: 1") "  tests: {positive: [{lines: x}]}", -EINVAL,
         "user.yaml:5: rule a: unknown key `lines` in an example"},
        {RULE("a", "1", "exit_code: 1") RULE("a", "2", "exit_code: 2"), -EEXIST,
         "user.yaml:5: rule a: duplicate id, used at user.yaml:1"},
        {"- id: a\n  priority: 1\n  match: {exit_code: 1}\n  labels:\n    type: USERS", -EINVAL,
         "user.yaml:5: rule a: label `type` cannot be `USERS`"},
        {"- id: a\n  priority: 1\n  match: {exit_code: 1}\n  labels:\n    {type: USER, category: "
         "x}",
         -EINVAL, "user.yaml:5: rule a: label `category` cannot be `x`"},
        {"- id: a\n  priority: 1\n  match: {exit_code: 1}\n"
         "  labels: {type: USER, category: data, cause: mine, retry: never}",
         -EINVAL, "user.yaml:4: rule a: label `cause` cannot be `mine`: declare it"},
        {"- id: a\n  priority: 1\n  match: {exit_code: 1}\n"
         "  labels: {type: USER, category: data, cause: missing_input, retry: often}",
         -EINVAL, "user.yaml:4: rule a: label `retry` cannot be `often`"},
        {"- id: a\n  priority: 1\n  match: {exit_code: 1}\n"
         "  labels: {type: USER, category: data, cause: missing_input}",
         -EINVAL, "user.yaml:4: rule a: label `retry` is missing"},
        {"- id: a\n  priority: 1\n  match: {exit_code: 1}\n  labels: {team: red}", -EINVAL,
         "user.yaml:4: rule a: unknown label `team`"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct catalogue *catalogue = NULL;
        struct fo_error error;
        int r = try_rules(cases[i].yaml, NULL, &catalogue, &error);
        if (r != cases[i].code)
            fail_msg("%s: %d, %s", cases[i].yaml, r, r == 0 ? "taken" : error.text);
        if (strncmp(error.text, cases[i].text, strlen(cases[i].text)) != 0)
            fail_msg("%s instead of %s", error.text, cases[i].text);
        assert_int_equal(error.code, r);
        assert_null(catalogue);
    }
}

static void test_declared_cause(void **state) {
    struct bench bench;

    (void)state;
    bench_init(&bench,
               "causes: [mine]\nrules:\n- id: a\n  priority: 1\n  match: {message_regex: x}\n"
               "  labels: {type: USER, category: data, cause: mine, retry: never, wrapper: true}",
               NULL);
    assert_string_equal(judge_output(&bench, "x"), "a");
    assert_str(bench.verdict.cause, "mine");
    assert_true(bench.verdict.wrapper);
    assert_false(bench.verdict.secondary);
    bench_done(&bench);
}

static void test_disabled(void **state) {
    const struct fo_str id = fo_str_of("b");
    const struct catalogue_options options = {.disabled = &id, .disabled_count = 1};
    struct catalogue *catalogue = NULL;
    struct fo_error error;
    struct bench bench;

    (void)state;
    bench_init(&bench, RULE("a", "1", "message_regex: x") RULE("b", "2", "message_regex: x"),
               &options);
    assert_string_equal(judge_output(&bench, "x"), "a");
    assert_int_equal(catalogue_rule_count(bench.catalogue), 1);
    bench_done(&bench);
    assert_int_equal(try_rules(RULE("a", "1", "exit_code: 1"), &options, &catalogue, &error),
                     -EINVAL);
    assert_string_equal(error.text, "no rule `b` to disable");
}

static void test_hash(void **state) {
    struct bench one;
    struct bench same;
    struct bench other;

    (void)state;
    bench_init(&one, RULE("a", "1", "exit_code: [1, 2]"), NULL);
    bench_init(&same, RULE("a", "1", "exit_code: [1, 2]") "  rationale: text", NULL);
    bench_init(&other, RULE("a", "1", "exit_code: [1, 3]"), NULL);
    assert_int_equal(strlen(catalogue_hash(one.catalogue)), 32);
    assert_string_equal(catalogue_hash(one.catalogue), catalogue_hash(same.catalogue));
    assert_string_not_equal(catalogue_hash(one.catalogue), catalogue_hash(other.catalogue));
    bench_done(&one);
    bench_done(&same);
    bench_done(&other);
}

static void test_classes(void **state) {
    struct fo_str type;
    struct fo_str category;
    struct bench bench;

    (void)state;
    bench_init(&bench, RULE("a", "1", "exit_code: 1") RULE("b", "1", "exit_code: 2"), NULL);
    assert_int_equal(catalogue_class_count(bench.catalogue), 2);
    catalogue_class_at(bench.catalogue, 0, &type, &category);
    assert_str(type, "UNKNOWN");
    assert_str(category, "unknown");
    catalogue_class_at(bench.catalogue, 1, &type, &category);
    assert_str(type, "USER");
    assert_str(category, "data");
    bench_done(&bench);
}

/* ---- the cache ---- */

static const char cached_rules[] = RULE("a", "1", "message_regex: 'no such thing'");

static size_t cached_files(const char *folder, char path[static 128]) {
    char pattern[64];
    glob_t found;

    (void)snprintf(pattern, sizeof pattern, "%s/*", folder);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    if (count > 0)
        (void)snprintf(path, 128, "%s", found.gl_pathv[0]);
    globfree(&found);
    return count;
}

static void load_cached(const char *folder) {
    const struct catalogue_options options = {.cache_dir = folder};
    struct bench bench;

    bench_init(&bench, cached_rules, &options);
    assert_string_equal(judge_output(&bench, "there is no such thing"), "a");
    bench_done(&bench);
}

static void test_cache(void **state) {
    char folder[] = "/tmp/catalogue.XXXXXX";
    char path[128];
    struct stat before;
    struct stat after;

    (void)state;
    assert_non_null(mkdtemp(folder));
    load_cached(folder);
    assert_int_equal(cached_files(folder, path), 1);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(before.st_mode & 0777, 0600);
    load_cached(folder); /* from the cache: the file is left alone */
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);

    /* Damaged, cut short, writable by others, a link: never used, and replaced by a good one. */
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "damage", 6, before.st_size / 2), 6);
    assert_int_equal(close(fd), 0);
    load_cached(folder);
    assert_int_equal(truncate(path, before.st_size / 2), 0);
    load_cached(folder);
    assert_int_equal(chmod(path, 0666), 0);
    load_cached(folder);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_mode & 0777, 0600);
    assert_int_equal(after.st_size, before.st_size);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    load_cached(folder);
    assert_int_equal(lstat(path, &after), 0);
    assert_true(S_ISREG(after.st_mode));
    assert_int_equal(cached_files(folder, path), 1);
    assert_int_equal(unlink(path), 0);

    /* A folder that others may write is not used at all. */
    assert_int_equal(chmod(folder, 0777), 0);
    load_cached(folder);
    assert_int_equal(cached_files(folder, path), 0);
    assert_int_equal(rmdir(folder), 0);
    load_cached(folder); /* nor one that is not there */
}

/* ---- redaction ---- */

static void test_redact(void **state) {
    static const char *const pairs[][2] = {
        {"nothing", "nothing"},
        {"password=abc rest", "*** rest"},
        {"a password=abc\npassword=def", "a ***\n***"},
        {"TOKEN 12 token 34", "*** ***"},
        {"a password=abc and more b", "a *** b"}, /* two expressions overlap */
        {"", ""},
    };
    const struct fo_str expressions[] = {fo_str_of("password=[^ ]*"), fo_str_of("(?i)token [0-9]+"),
                                         fo_str_of("word=[a-z]+ and more")};
    const struct catalogue_options options = {.redact = expressions, .redact_count = 3};
    struct bench bench;

    (void)state;
    bench_init(&bench, RULE("a", "1", "message_regex: 'login failed'"), &options);
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct fo_str shown;
        assert_int_equal(
            catalogue_redact(bench.catalogue, bench.scratch, fo_str_of(pairs[i][0]), &shown), 0);
        assert_str(shown, pairs[i][1]);
    }
    assert_string_equal(judge_output(&bench, "x\nlogin failed: password=abc for me\ny"), "a");
    assert_str(bench.verdict.decided_by.matched, "login failed: *** for me");
    assert_string_equal(judge_output(&bench, "Exception in thread \"m\" a.BError: password=abc"),
                        "");
    assert_str(bench.verdict.chain[0].message, "***");
    bench_done(&bench);
}

/* The line is cut for showing; the secret's name is cut off it, the secret must not stay. */
static void test_redact_long_line(void **state) {
    const struct fo_str expression = fo_str_of("secret [a-z]+");
    const struct catalogue_options options = {.redact = &expression, .redact_count = 1};
    struct bench bench;
    char *text = calloc(1, 8192);

    (void)state;
    assert_non_null(text);
    (void)memset(text, '.', 4000);
    put_text(text + 100, "secret ");
    (void)memset(text + 107, 'z', 3800);
    put_text(text + 4000, " login failed at last");
    bench_init(&bench, RULE("a", "1", "message_regex: 'login failed'"), &options);
    assert_string_equal(judge_output(&bench, text), "a");
    struct fo_str shown = bench.verdict.decided_by.matched;
    assert_true(shown.len <= CATALOGUE_SHOWN_MAX_BYTES);
    assert_null(memmem(shown.ptr, shown.len, "zzz", 3));
    assert_non_null(memmem(shown.ptr, shown.len, "login failed", 12));
    bench_done(&bench);
    free(text);
}

static void test_redact_refused(void **state) {
    const struct fo_str expression = fo_str_of("a|");
    const struct catalogue_options options = {.redact = &expression, .redact_count = 1};
    struct catalogue *catalogue = NULL;
    struct fo_error error;

    (void)state;
    assert_int_equal(try_rules(cached_rules, &options, &catalogue, &error), -EINVAL);
    assert_non_null(strstr(error.text, "redact `a|`"));
}

/* ---- check ---- */

struct findings {
    char text[1024];
};

static void note(void *ctx, const struct catalogue_finding *finding) {
    struct findings *findings = ctx;
    size_t len = strlen(findings->text);

    (void)snprintf(findings->text + len, sizeof findings->text - len, "%.*s:%d %.*s: %s\n",
                   (int)finding->file.len, finding->file.ptr, finding->line, (int)finding->rule.len,
                   finding->rule.ptr, finding->text);
}

static void test_check(void **state) {
    struct findings findings = {""};
    struct bench bench;

    (void)state;
    bench_init(
        &bench,
        RULE("good", "5",
             "message_regex: abc") "  tests: {positive: {line: abc}, "
                                   "negative: {line: xyz}}\n" RULE(
                                       "shadowed", "4",
                                       "message_regex: b") "  tests: {positive: [{line: "
                                                           "abc}]}\n" RULE("broken", "9",
                                                                           "message_regex: "
                                                                           "q") "  tests: "
                                                                                "{positive: "
                                                                                "{line: p}, "
                                                                                "negative: "
                                                                                "[{line: "
                                                                                "n}, {line: "
                                                                                "q}]}"
                                                                                "\n" RULE("unteste"
                                                                                          "d",
                                                                                          "1",
                                                                                          "message"
                                                                                          "_regex:"
                                                                                          " zzz"),
        NULL);
    assert_int_equal(catalogue_check(bench.catalogue, note, &findings), 6);
    assert_string_equal(
        findings.text,
        "user.yaml:6 shadowed: positive example 1 is shadowed by rule good (user.yaml:1)\n"
        "user.yaml:6 shadowed: cannot be reached: it decides none of its examples\n"
        "user.yaml:11 broken: positive example 1 does not match\n"
        "user.yaml:11 broken: cannot be reached: it decides none of its examples\n"
        "user.yaml:11 broken: negative example 2 matches\n"
        "user.yaml:16 untested: no positive example shows that it can be reached\n");
    bench_done(&bench);
}

static void test_builtin_rules(void **state) {
    struct findings findings = {""};
    struct bench bench;

    (void)state;
    bench_init(&bench, NULL, NULL);
    if (catalogue_check(bench.catalogue, note, &findings) != 0)
        fail_msg("%s", findings.text);
    assert_true(catalogue_rule_count(bench.catalogue) >= 258);
    bench_done(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_declared_cause),
        cmocka_unit_test(test_disabled),       cmocka_unit_test(test_hash),
        cmocka_unit_test(test_classes),        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_redact),         cmocka_unit_test(test_redact_long_line),
        cmocka_unit_test(test_redact_refused), cmocka_unit_test(test_check),
        cmocka_unit_test(test_builtin_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
