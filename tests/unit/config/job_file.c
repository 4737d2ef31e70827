/* SPDX-License-Identifier: Apache-2.0 */
/* What comes out of job files that are right; mistakes are in tests/cases/jobs. */
#include "exporter/config/job_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exporter/config/config.h"

static struct ex_job_spec *must_load(const char *path, const struct ex_config *config) {
    struct ex_job_spec *spec = NULL;
    struct fo_error error = {0};

    if (ex_job_file_load(path, config, &spec, &error) != 0)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    return spec;
}

static struct ex_config *must_configure(const char *text) {
    struct ex_config *config = NULL;
    struct fo_error error = {0};

    if (ex_config_parse(fo_str_of(text), ".", &config, &error) != 0)
        fail_msg("%d: %s", error.line, error.text);
    return config;
}

static struct ex_job_spec *must_parse(const char *text, const struct ex_config *config) {
    const struct ex_job_origin origin = {.working_directory = "/", .commands_optional = true};
    struct ex_job_spec *spec = NULL;
    struct fo_error error = {0};

    if (ex_job_parse(fo_str_of(text), &origin, config, &spec, &error) != 0)
        fail_msg("%d: %s", error.line, error.text);
    return spec;
}

static void assert_words(char *const *words, const char *joined) {
    char all[256] = "";

    for (; *words; words++) {
        size_t len = strlen(all);
        (void)snprintf(all + len, sizeof all - len, "%s|", *words);
    }
    assert_string_equal(all, joined);
}

static void check_split(const struct ex_vertex_spec *split) {
    assert_true(fo_str_equal(split->id, fo_str_of("split")));
    assert_int_equal(split->parallelism, 2);
    assert_words(split->command, "./split.sh|10|true|x y|");
    assert_words(split->env, "COMMON=1|A=b|EMPTY=|");
    assert_string_equal(split->runtime, "shell");
    assert_int_equal(split->ready, EX_READY_NOTIFY);
    assert_int_equal(split->stop_timeout_ms, 3000);
    assert_int_equal(split->timeout_ms, 3600000);
    assert_int_equal(split->watchdog_ms, 30000);
    assert_int_equal(split->memory_bytes, 256 << 20);
    assert_true(split->cpu > 0.49 && split->cpu < 0.51);
    assert_int_equal(split->pids, 32);
    assert_int_equal(split->nofile, 128);
    assert_int_equal(split->line, 14);
}

static void reads_every_key(void **state) {
    (void)state;
    struct ex_job_spec *spec = must_load(CASES "/jobs/full/input.yaml", NULL);

    assert_string_equal(spec->name, "wordcount");
    assert_string_equal(spec->engine, "local");
    assert_string_equal(spec->path, CASES "/jobs/full/input.yaml");
    assert_string_equal(spec->working_directory, CASES "/jobs/full/sub");
    assert_true(spec->checkpointing);
    assert_true(spec->strategy_from_job);
    assert_int_equal(spec->decisions.restart_strategy.kind, FO_STRATEGY_FAILURE_RATE);
    assert_int_equal(spec->decisions.restart_strategy.failure_rate.delay_ms, 2000);
    assert_int_equal(spec->decisions.failover_strategy, FO_FAILOVER_FULL);
    assert_int_equal(spec->decisions.history_size, 3);
    assert_int_equal(spec->vertex_count, 3);
    check_split(&spec->vertices[0]);
    assert_words(spec->vertices[1].env, "COMMON=1|A=outer|");
    assert_int_equal(spec->edge_count, 2);
    assert_int_equal(spec->edges[0].exchange, FO_PIPELINED);
    assert_int_equal(spec->edges[0].pattern, FO_ALL_TO_ALL);
    assert_int_equal(spec->edges[1].exchange, FO_BLOCKING);
    assert_int_equal(spec->edges[1].pattern, FO_POINTWISE);
    assert_int_equal(fo_graph_task_count(spec->graph), 7);
    assert_string_equal(json_string_value(json_object_get(spec->configuration,
                                                          "restart-strategy.failure-rate.delay")),
                        "2 s");
    ex_job_spec_unref(spec);
}

static void fills_in_defaults(void **state) {
    (void)state;
    struct ex_job_spec *spec = must_parse("{name: j, vertices: [{id: a, command: [cat]}]}", NULL);
    const struct ex_vertex_spec *a = &spec->vertices[0];

    assert_false(spec->checkpointing);
    assert_int_equal(spec->decisions.restart_strategy.kind, FO_STRATEGY_NONE);
    assert_int_equal(spec->decisions.failover_strategy, FO_FAILOVER_REGION);
    assert_int_equal(spec->decisions.history_size, 16);
    assert_false(spec->strategy_from_job);
    assert_int_equal(a->parallelism, 1);
    assert_null(a->env);
    assert_null(a->runtime);
    assert_int_equal(a->ready, EX_READY_EXEC);
    assert_int_equal(a->stop_timeout_ms, 10000);
    assert_int_equal(a->timeout_ms, 0);
    assert_int_equal(a->watchdog_ms, 0);
    assert_int_equal(a->memory_bytes, 0);
    assert_int_equal(a->pids, 0);
    assert_string_equal(spec->working_directory, "/");
    assert_null(spec->path);
    ex_job_spec_unref(spec);
}

static void job_wins_over_cluster(void **state) {
    static const char bare[] = "{name: j, vertices: [{id: a}]}";
    static const char named[] =
        "{name: j, vertices: [{id: a}], configuration: {restart-strategy.type: fixed-delay}}";
    (void)state;
    struct ex_config *config = must_configure("restart-strategy.type: fixed-delay\n"
                                              "restart-strategy.fixed-delay.attempts: 7\n"
                                              "web.exception-history-size: 5\n"
                                              "policies: [{action: fail}]\n");
    struct ex_job_spec *spec = must_parse(bare, config);
    assert_int_equal(spec->decisions.restart_strategy.fixed_delay.attempts, 7);
    assert_int_equal(spec->decisions.history_size, 5);
    assert_false(spec->strategy_from_job);
    ex_config_unref(config);
    /* The policies outlive the configuration. */
    assert_int_equal(spec->decisions.policy_count, 1);
    assert_int_equal(spec->decisions.policies[0].action, FO_POLICY_FAIL);
    ex_job_spec_unref(spec);

    config = must_configure("restart-strategy.fixed-delay.attempts: 7\n"
                            "restart-strategy.type: failure-rate\n");
    spec = must_parse(named, config);
    assert_int_equal(spec->decisions.restart_strategy.kind, FO_STRATEGY_FIXED_DELAY);
    assert_int_equal(spec->decisions.restart_strategy.fixed_delay.attempts, 1);
    ex_job_spec_unref(spec);
    ex_config_unref(config);
}

static void compatibility_changes_the_default(void **state) {
    static const char text[] = "{name: j, checkpointing: true, vertices: [{id: a}]}";
    (void)state;
    struct ex_job_spec *spec = must_parse(text, NULL);
    assert_int_equal(spec->decisions.restart_strategy.kind, FO_STRATEGY_FIXED_DELAY);
    assert_int_equal(spec->decisions.restart_strategy.fixed_delay.attempts, FO_ATTEMPTS_UNLIMITED);
    ex_job_spec_unref(spec);
    struct ex_config *config = must_configure("compatibility.flink: 2\n");
    spec = must_parse(text, config);
    assert_int_equal(spec->decisions.restart_strategy.kind, FO_STRATEGY_EXPONENTIAL_DELAY);
    ex_job_spec_unref(spec);
    ex_config_unref(config);
}

static void chooses_the_engine(void **state) {
    struct fo_error error;
    struct ex_job_spec *spec = NULL;
    (void)state;

    spec = must_parse("{name: j, vertices: [{id: a}]}", NULL);
    assert_string_equal(spec->engine, "push");
    assert_null(spec->working_directory);
    ex_job_spec_unref(spec);
    spec = must_parse("{name: j, vertices: [{id: a}, {id: b, command: [x]}], engine: push}", NULL);
    assert_string_equal(spec->engine_kind, "push");
    spec = ex_job_spec_unref(spec);
    assert_int_equal(
        ex_job_parse(fo_str_of("{name: j, vertices: [{id: a}, {id: b, command: [x]}]}"), NULL, NULL,
                     &spec, &error),
        -EINVAL);
    assert_non_null(strstr(error.text, "working-directory"));
    struct ex_config *config =
        must_configure("engines: {outside: {kind: push}, jm: {kind: flink, urls: [jm]}}\n");
    spec = must_parse("{name: j, vertices: [{id: a}], engine: outside}", config);
    assert_string_equal(spec->engine, "outside");
    assert_string_equal(spec->engine_kind, "push");
    spec = ex_job_spec_unref(spec);
    assert_int_equal(ex_job_parse(fo_str_of("{name: j, vertices: [{id: a}], engine: jm}"), NULL,
                                  config, &spec, &error),
                     -EINVAL);
    ex_config_unref(config);
}

static void hash_is_of_the_meaning(void **state) {
    (void)state;
    struct ex_job_spec *a = must_parse("{name: j, vertices: [{id: a, parallelism: 2}]}", NULL);
    struct ex_job_spec *b =
        must_parse("# a comment\nvertices:\n  - parallelism: 2\n    id: 'a'\nname: j\n", NULL);
    struct ex_job_spec *c = must_parse("{name: j, vertices: [{id: a, parallelism: 3}]}", NULL);

    assert_true(a->content_hash == b->content_hash);
    assert_true(a->content_hash != c->content_hash);
    ex_job_spec_unref(a);
    ex_job_spec_unref(b);
    ex_job_spec_unref(c);
}

static void owners_are_counted(void **state) {
    (void)state;
    struct ex_job_spec *spec = must_parse("{name: j, vertices: [{id: a}]}", NULL);

    assert_ptr_equal(ex_job_spec_ref(spec), spec);
    assert_null(ex_job_spec_unref(spec));
    assert_string_equal(spec->name, "j");
    assert_null(ex_job_spec_unref(spec));
    assert_null(ex_job_spec_unref(NULL));
}

static void long_chain_is_no_cycle(void **state) {
    enum { COUNT = 30000, BYTES = 60 * COUNT };
    char *text = malloc(BYTES);
    size_t len = 0;
    (void)state;

    assert_non_null(text);
    len += (size_t)snprintf(text, BYTES, "{name: j, vertices: [");
    for (int i = 0; i < COUNT; i++)
        len += (size_t)snprintf(text + len, BYTES - len, "{id: v%d},", i);
    len += (size_t)snprintf(text + len, BYTES - len, "], edges: [");
    for (int i = 1; i < COUNT; i++)
        len += (size_t)snprintf(text + len, BYTES - len, "{from: v%d, to: v%d},\n", i - 1, i);
    (void)snprintf(text + len, BYTES - len, "]}");
    struct ex_job_spec *spec = must_parse(text, NULL);
    assert_int_equal(fo_graph_region_count(spec->graph), 1);
    ex_job_spec_unref(spec);

    struct fo_error error;
    spec = NULL;
    (void)snprintf(text + len, BYTES - len, "{from: v%d, to: v0}]}", COUNT - 1);
    assert_int_equal(ex_job_parse(fo_str_of(text), NULL, NULL, &spec, &error), -ELOOP);
    assert_int_equal(error.line, COUNT);
    assert_non_null(strstr(error.text, "v0 -> v1 -> v2"));
    assert_non_null(strstr(error.text, "... -> v0"));
    free(text);
}

static void env_is_not_multiplied_without_end(void **state) {
    enum { VERTICES = 1000, VALUE = 100000, BYTES = VALUE + 40 * VERTICES };
    char *text = malloc(BYTES);
    struct ex_job_spec *spec = NULL;
    struct fo_error error;
    (void)state;

    assert_non_null(text);
    int len = snprintf(text, BYTES, "name: j\nenv: {A: %0*d}\nvertices:\n", VALUE, 0);
    for (int i = 0; i < VERTICES; i++)
        len += snprintf(text + len, BYTES - (size_t)len, "  - {id: v%d}\n", i);
    assert_int_equal(ex_job_parse(fo_str_of(text), NULL, NULL, &spec, &error), -EINVAL);
    assert_int_equal(error.line, 2);
    assert_non_null(strstr(error.text, "each of 1000 vertices"));
    free(text);
}

/* ---- resources --------------------------------------------------------------------------- */

static void must_lack(const char *text, uint64_t nofile, int code, int line, const char *words) {
    struct ex_job_spec *spec = must_parse(text, NULL);
    struct fo_error error = {0};
    int rc = ex_job_check_resources(spec, nofile, &error);

    if (rc != code || error.line != line || (words && !strstr(error.text, words)))
        fail_msg("%d, line %d: %s", rc, error.line, error.text);
    ex_job_spec_unref(spec);
}

static void counts_descriptors(void **state) {
    static const char wide[] = "name: j\n"
                               "vertices:\n"
                               "  - {id: a, command: [cat], parallelism: 300}\n"
                               "  - {id: b, command: [cat], parallelism: 300}\n"
                               "  - {id: c, command: [cat], parallelism: 300, ready: notify}\n"
                               "edges:\n"
                               "  - {from: a, to: b, pattern: pointwise}\n"
                               "  - {from: b, to: c}\n"
                               "  - {from: a, to: c, exchange: blocking}\n";
    (void)state;
    /* 2 x (300 + 90000) + 3 x 900 + 300 + 64 */
    must_lack(wide, 183664, 0, 0, NULL);
    must_lack(wide, 183663, -EMFILE, 8,
              "183664 descriptors needed, limit 183663: 2 x 90300 channels (a -> b: 300, b -> c: "
              "300 x 300 = 90000) + 3 x 900 tasks + 300 notify sockets + 64");
    must_lack("name: j\n"
              "vertices:\n"
              "  - {id: a, command: [cat], parallelism: 30}\n"
              "  - {id: b, command: [cat], nofile: 16}\n"
              "edges: [{from: a, to: b}]\n",
              1000, -EMFILE, 4, "vertex \"b\": a task has 30 channels + 4");
    must_lack("name: j\nvertices:\n  - {id: a, command: [cat], parallelism: 1000}\n", 1024, -EMFILE,
              3, "+ 3 x 1000 tasks");
}

static void looks_for_commands(void **state) {
    (void)state;
    must_lack(
        "name: j\nvertices:\n  - {id: a, command: [cat]}\n  - id: b\n    command: [no-such-cmd]\n",
        1024, -ENOENT, 5, "vertex \"b\": cannot run \"no-such-cmd\": No such file");
    must_lack("name: j\nvertices:\n  - {id: a, command: [./no-such]}\n", 1024, -ENOENT, 3,
              "No such");
    must_lack("name: j\nvertices:\n  - {id: a, command: [/etc/passwd]}\n", 1024, -EACCES, 3,
              "Permission denied");
    must_lack("name: j\nvertices:\n  - {id: a, command: [/tmp]}\n", 1024, -EACCES, 3, "Permission");
    must_lack("name: j\nvertices:\n  - {id: a, command: [bin/sh]}\n", 1024, 0, 0, NULL);
    must_lack("name: j\nworking-directory: /bin\nvertices:\n  - {id: a, command: [./sh]}\n", 1024,
              0, 0, NULL);
    must_lack("name: j\nworking-directory: /nowhere\nvertices:\n  - {id: a, command: [cat]}\n",
              1024, -ENOENT, 2, "working-directory /nowhere");
    must_lack("name: j\nvertices:\n  - {id: a, command: [cat], env: {PATH: /nowhere}}\n", 1024,
              -ENOENT, 3, "looked for in PATH");
    must_lack("name: j\nvertices:\n  - {id: a, command: [sh], env: {PATH: 'nowhere:bin'}}\n", 1024,
              0, 0, NULL);
    must_lack("name: j\nvertices:\n  - {id: a, parallelism: 100000}\n", 1024, 0, 0, NULL);
}

static void unreadable_files(void **state) {
    struct ex_job_spec *spec = NULL;
    struct fo_error error;
    (void)state;

    assert_int_equal(ex_job_file_load("/no/such/job.yaml", NULL, &spec, &error), -ENOENT);
    assert_int_equal(error.line, 0);
    assert_int_equal(ex_job_file_load("/tmp", NULL, &spec, &error), -EISDIR);
    assert_null(spec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_key),
        cmocka_unit_test(fills_in_defaults),
        cmocka_unit_test(job_wins_over_cluster),
        cmocka_unit_test(compatibility_changes_the_default),
        cmocka_unit_test(chooses_the_engine),
        cmocka_unit_test(hash_is_of_the_meaning),
        cmocka_unit_test(owners_are_counted),
        cmocka_unit_test(long_chain_is_no_cycle),
        cmocka_unit_test(env_is_not_multiplied_without_end),
        cmocka_unit_test(counts_descriptors),
        cmocka_unit_test(looks_for_commands),
        cmocka_unit_test(unreadable_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
