/* SPDX-License-Identifier: Apache-2.0 */
/* From the report of a failure to the decision, with the verdict made before it; without a store.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/listeners.h"
#include "exporter/base/clock.h"
#include "exporter/config/job_file.h"
#include "exporter/manager/manager.h"
#include "exporter/metrics/metrics.h"

enum { FAILURES = 20000 };

struct decision {
    uv_loop_t loop;
    struct ex_metrics *metrics;
    struct ex_manager *manager;
    struct ex_engine engine;
    void *owner;
    uint32_t attempt;
    bool running;
    uint64_t decided_ns;
};

static struct decision *decision; /* of the one run */

/* ---- an engine whose one task always runs ---- */

static int open_job(void *engine, const char *job_id, const struct ex_job_spec *spec, void *owner,
                    struct ex_engine_job **ret_job, struct fo_error *reterr) {
    (void)engine;
    (void)job_id;
    (void)spec;
    (void)reterr;
    decision->owner = owner;
    *ret_job = NULL;
    return 0;
}

static void report(enum fo_task_state state, const struct ex_evidence *evidence) {
    const struct ex_report told = {
        .attempt = decision->attempt, .state = state, .evidence = evidence};

    ex_manager_sink()->report(decision->owner, &told);
}

static void deploy(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                   uint32_t count) {
    (void)job;
    (void)count;
    decision->attempt = attempts[0].attempt;
    report(FO_TASK_INITIALIZING, NULL);
    report(FO_TASK_RUNNING, NULL);
    decision->running = true;
}

static void cancel(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                   uint32_t count) {
    (void)job;
    (void)attempts;
    (void)count;
    report(FO_TASK_CANCELED, NULL);
}

static void withdraw(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                     uint32_t count) {
    (void)job;
    (void)attempts;
    (void)count;
}

static void close_job(struct ex_engine_job *job) {
    (void)job;
    ex_manager_sink()->job_closed(decision->owner);
}

static const struct ex_engine_ops ops = {
    .kind = "bench",
    .open_job = open_job,
    .deploy = deploy,
    .cancel = cancel,
    .withdraw = withdraw,
    .close_job = close_job,
};

/* ---- the run ---- */

static void observe(void *ctx, const struct ex_job *job, const struct ex_change *change) {
    (void)ctx;
    (void)job;
    if (change->kind == EX_CHANGE_DECIDED)
        decision->decided_ns = ex_clock_ns();
}

static int submit(struct fo_error *reterr) {
    static const char text[] = "name: bench\nconfiguration: {restart-strategy.type: fixed-delay, "
                               "restart-strategy.fixed-delay.attempts: 2147483647, "
                               "restart-strategy.fixed-delay.delay: 0 s}\n"
                               "vertices: [{id: a, command: [cat]}]\n";
    const struct ex_job_origin origin = {.working_directory = "/"};
    struct ex_job_spec *spec = NULL;
    struct ex_job *job;

    int r = ex_job_parse(fo_str_of(text), &origin, NULL, &spec, reterr);
    if (r == 0)
        r = ex_manager_submit(decision->manager, &decision->engine, spec, &job, reterr);
    (void)ex_job_spec_unref(spec);
    return r;
}

static int fail_often(void) {
    static double values[FAILURES];
    const struct ex_evidence evidence = {
        .exit_code = 1,
        .message = fo_str_of("exit status 1"),
        .output_head =
            fo_str_of("Traceback (most recent call last):\n  File \"/srv/job.py\", line 12, in "
                      "<module>\n    main()\nOSError: [Errno 28] No space left on device\n"),
        .lost = {.producer = FO_NO_TASK},
    };

    for (unsigned i = 0; i < FAILURES; i++) {
        while (!decision->running)
            (void)uv_run(&decision->loop, UV_RUN_ONCE);
        (void)uv_run(&decision->loop, UV_RUN_NOWAIT);
        decision->running = false;
        decision->decided_ns = 0;
        uint64_t start_ns = ex_clock_ns();
        report(FO_TASK_FAILED, &evidence);
        while (decision->decided_ns == 0)
            (void)uv_run(&decision->loop, UV_RUN_ONCE);
        values[i] = (double)(decision->decided_ns - start_ns) / 1000.0;
    }
    bench_print_share("decision_with_labels_p99", values, FAILURES, 0.99, "us");
    bench_print_median("decision_with_labels_median", values, FAILURES, "us");
    return 0;
}

static void on_stopped(void *ctx) {
    (void)ctx;
    decision->manager = ex_manager_free(decision->manager);
}

int bench_decision(const struct catalogue *catalogue) {
    static const struct ex_metrics_limits limits;
    const struct fo_str keys[] = {fo_str_of("type"), fo_str_of("category"), fo_str_of("cause")};
    struct fo_error error = {.text = "out of memory"};

    decision = calloc(1, sizeof *decision);
    if (!decision)
        return -ENOMEM;
    (void)uv_loop_init(&decision->loop);
    decision->engine = (struct ex_engine){.ops = &ops, .name = "bench"};
    int r = ex_metrics_new(&limits, 1, &decision->metrics);
    const struct ex_manager_config config = {
        .loop = &decision->loop,
        .metrics = decision->metrics,
        .catalogue = catalogue,
        .label_keys = keys,
        .label_key_count = 3,
        .observer = observe,
    };
    if (r == 0)
        r = ex_manager_new(&config, &decision->manager, &error);
    if (r == 0)
        r = submit(&error);
    if (r == 0)
        r = fail_often();
    else
        (void)fprintf(stderr, "decision: %s\n", error.text);
    if (decision->manager)
        ex_manager_stop(decision->manager, EX_STOP_CANCEL, on_stopped, NULL);
    (void)uv_run(&decision->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&decision->loop);
    ex_metrics_free(decision->metrics);
    free(decision);
    return r;
}
