/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/manager/stage.h"

#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/config/job_file.h"
#include "exporter/manager/ledger.h"
#include "exporter/metrics/metrics.h"
#include "exporter/metrics/render.h"
#include "exporter/store/store.h"
#include "listeners/catalogue/catalogue.h"

struct stage *stage;
static struct catalogue *catalogue;

static void tell(char what, const struct ex_task_attempt *attempts, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        assert_true(stage->told_count < STAGE_TOLD_MAX);
        stage->told[stage->told_count++] =
            (struct told){what, attempts[i].task, attempts[i].attempt};
    }
}

void say(uint32_t task, uint32_t attempt, enum fo_task_state state) {
    const struct ex_report report = {.task = task, .attempt = attempt, .state = state};

    ex_manager_sink()->report(stage->owner, &report);
}

void say_failed(uint32_t task, uint32_t attempt, const char *output) {
    const struct ex_evidence evidence = {
        .exit_code = 3,
        .message = fo_str_of("exit status 3"),
        .output_head = fo_str_of(output),
        .lost = {.producer = FO_NO_TASK},
    };
    const struct ex_report report = {
        .task = task, .attempt = attempt, .state = FO_TASK_FAILED, .evidence = &evidence};

    ex_manager_sink()->report(stage->owner, &report);
}

/* ---- the engine ---- */

static int open_job(void *engine, const char *job_id, const struct ex_job_spec *spec, void *owner,
                    struct ex_engine_job **ret_job, struct fo_error *reterr) {
    (void)engine;
    (void)spec;
    (void)reterr;
    assert_int_equal(strlen(job_id), EX_JOB_ID_LEN);
    stage->owner = owner;
    *ret_job = NULL;
    tell('o', &(struct ex_task_attempt){0, 0}, 1);
    return 0;
}

/* Runs what it is told to run, from inside the call, as engines may. */
static void deploy(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                   uint32_t count) {
    (void)job;
    tell('d', attempts, count);
    for (uint32_t i = 0; i < count; i++) {
        say(attempts[i].task, attempts[i].attempt, FO_TASK_INITIALIZING);
        say(attempts[i].task, attempts[i].attempt, FO_TASK_RUNNING);
    }
}

static void cancel(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                   uint32_t count) {
    (void)job;
    tell('c', attempts, count);
    for (uint32_t i = 0; i < count && stage->ends_at_once; i++)
        say(attempts[i].task, attempts[i].attempt, FO_TASK_CANCELED);
}

static void withdraw(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                     uint32_t count) {
    (void)job;
    tell('w', attempts, count);
}

static void close_job(struct ex_engine_job *job) {
    (void)job;
    tell('x', &(struct ex_task_attempt){0, 0}, 1);
    ex_manager_sink()->job_closed(stage->owner);
}

static const struct ex_engine_ops ops = {
    .kind = "list",
    .open_job = open_job,
    .deploy = deploy,
    .cancel = cancel,
    .withdraw = withdraw,
    .close_job = close_job,
};

/* ---- helpers ---- */

static void turn(void) {
    for (int i = 0; i < 8; i++)
        (void)uv_run(&stage->loop, UV_RUN_NOWAIT);
}

struct awaited {
    struct ex_entry entry; /* first */
    bool released;
};

static void on_durable(struct ex_entry *entry, bool durable) {
    assert_true(durable);
    ((struct awaited *)(void *)entry)->released = true;
}

void settle(void) {
    turn();
    for (int round = 0; stage->store && round < 4; round++) {
        struct awaited awaited = {.entry.release = on_durable};
        ex_manager_when_durable(stage->manager, &awaited.entry);
        while (!awaited.released) {
            uv_sleep(1); /* the writer's thread has its turn */
            turn();
        }
        turn();
    }
}

static void observe(void *ctx, const struct ex_job *job, const struct ex_change *change) {
    (void)ctx;
    (void)job;
    stage->labelled += change->kind == EX_CHANGE_LABELLED;
    stage->recovered += change->kind == EX_CHANGE_RECOVERED;
}

int stage_begin(void **state) {
    const struct catalogue_source builtin = {.root = NULL};
    struct fo_error error;

    (void)state;
    return catalogue_new(&builtin, 1, NULL, &catalogue, &error);
}

int stage_end(void **state) {
    (void)state;
    catalogue = catalogue_free(catalogue);
    return 0;
}

/* ---- up and down ---- */

static void on_stored(void *ctx, bool up) {
    (void)ctx;
    (void)up;
    ex_manager_on_stored(stage->manager);
}

static void open_store(void) {
    const struct ex_store_config config = {
        .directory = stage->directory, .now_ms = ex_clock_wall_ms(), .changed = on_stored};
    struct fo_error error;

    assert_int_equal(ex_store_open(&config, &stage->store, &error), 0);
}

static bool goes_on(void *ctx, const struct ex_job_spec *spec) {
    (void)ctx;
    (void)spec;
    return !stage->forgets;
}

static void recover(void) {
    const struct ex_recovery recovery = {.engines = &stage->engines, .goes_on = goes_on};
    struct fo_error error;

    assert_int_equal(ex_manager_recover(stage->manager, &recovery, &error), 0);
    assert_int_equal(ex_store_start(stage->store), 0);
    ex_manager_go_on(stage->manager);
}

static void open_manager(void) {
    static const struct ex_metrics_limits limits;
    const struct fo_str keys[] = {fo_str_of("type"), fo_str_of("category"), fo_str_of("cause")};
    struct fo_error error;

    assert_int_equal(uv_loop_init(&stage->loop), 0);
    assert_int_equal(ex_metrics_new(&limits, 1, &stage->metrics), 0);
    if (stage->directory[0])
        open_store();
    const struct ex_manager_config config = {
        .loop = &stage->loop,
        .metrics = stage->metrics,
        .catalogue = catalogue,
        .label_keys = keys,
        .label_key_count = 3,
        .store = stage->store,
        .retention_ms = 60000,
        .observer = observe,
    };
    assert_int_equal(ex_manager_new(&config, &stage->manager, &error), 0);
    if (stage->store)
        recover();
}

static int open_stage(bool stored) {
    stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    stage->ends_at_once = true;
    stage->engines.items[0] = (struct ex_engine){.ops = &ops, .name = "list"};
    stage->engines.count = 1;
    if (stored) {
        (void)snprintf(stage->directory, sizeof stage->directory, "/tmp/test-manager-XXXXXX");
        assert_non_null(mkdtemp(stage->directory));
    }
    open_manager();
    return 0;
}

int stage_open(void **state) {
    (void)state;
    return open_stage(false);
}

int stage_open_stored(void **state) {
    (void)state;
    return open_stage(true);
}

static void on_stopped(void *ctx) {
    (void)ctx;
    stage->stopped = true;
}

static void close_manager(enum ex_stop_mode mode) {
    stage->stopped = false;
    ex_manager_stop(stage->manager, mode, on_stopped, NULL);
    while (!stage->stopped)
        settle();
    stage->store = ex_store_close(stage->store);
    stage->manager = ex_manager_free(stage->manager);
    (void)uv_run(&stage->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&stage->loop), 0);
    ex_metrics_free(stage->metrics);
}

int stage_close(void **state) {
    char command[128];

    (void)state;
    close_manager(EX_STOP_CANCEL);
    if (stage->directory[0]) {
        (void)snprintf(command, sizeof command, "rm -rf %s", stage->directory);
        assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
    }
    free(stage);
    return 0;
}

void stage_restart(void) {
    close_manager(EX_STOP_SUSPEND);
    stage->told_count = 0;
    open_manager();
    settle();
}

/* ---- what tests say and see ---- */

int submit(const char *text, struct ex_job **ret_job) {
    const struct ex_job_origin origin = {.working_directory = "/"};
    struct ex_job_spec *spec;
    struct fo_error error;

    assert_int_equal(ex_job_parse(fo_str_of(text), &origin, NULL, &spec, &error), 0);
    int ret = ex_manager_submit(stage->manager, &stage->engines.items[0], spec, ret_job, &error);
    (void)ex_job_spec_unref(spec);
    settle();
    return ret;
}

struct ex_job *submit_tasks(uint32_t parallelism, const char *strategy) {
    struct ex_job *job;
    char text[512];

    (void)snprintf(text, sizeof text,
                   "name: two\nconfiguration: {%s}\n"
                   "vertices: [{id: a, parallelism: %u, command: [cat]}]\n",
                   strategy, parallelism);
    assert_int_equal(submit(text, &job), 0);
    return job;
}

struct ex_job *submit_two(const char *strategy) {
    return submit_tasks(2, strategy);
}

void assert_shown(const char *line) {
    const struct ex_render_request request = {.format = EX_TEXT_0_0_4};
    struct ex_body *body;
    size_t count;
    char wanted[512];

    assert_int_equal(ex_metrics_render(stage->metrics, &request, &body), 0);
    const struct fo_str *parts = ex_body_parts(body, &count);
    char *page = calloc(1, ex_body_size(body) + 1);
    char *end = page;
    for (size_t i = 0; i < count; i++) {
        memcpy(end, parts[i].ptr, parts[i].len);
        end += parts[i].len;
    }
    (void)snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (!strstr(page, wanted))
        print_message("%s\nis not in\n%s", line, page);
    assert_non_null(strstr(page, wanted));
    free(page);
    ex_body_unref(body);
}

void assert_told(size_t index, char what, uint32_t task, uint32_t attempt) {
    assert_true(index < stage->told_count);
    assert_int_equal(stage->told[index].what, what);
    assert_int_equal(stage->told[index].task, task);
    assert_int_equal(stage->told[index].attempt, attempt);
}
