/* SPDX-License-Identifier: Apache-2.0 */
/* A failure to the example listener in C and its labels back, as the daemon does it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/listeners.h"
#include "exporter/base/clock.h"
#include "exporter/children/bank.h"

enum { ROUNDS = 5000, FAILURES = 200000, AT_A_TIME = 512 };

struct plugin {
    uv_loop_t loop;
    struct ex_config *config;
    struct ex_metrics *metrics;
    struct ex_spawner *spawner;
    struct ex_bank *bank;
    struct ex_ticket tickets[AT_A_TIME];
    unsigned final;
    unsigned labelled;
};

static struct plugin *plugin; /* of the one run */

static const struct fl_failure *example(void) {
    static struct fl_failure failure;

    failure = (struct fl_failure){
        .id = 1,
        .incident = 1,
        .time_ms = ex_clock_wall_ms(),
        .engine = fo_str_of("local"),
        .job_id = fo_str_of("0123456789abcdef0123456789abcdef"),
        .job_name = fo_str_of("wordcount"),
        .task = fo_str_of("count[1]"),
        .vertex = fo_str_of("count"),
        .exit_code = 1,
        .message = fo_str_of("exit status 1"),
        .output = fo_str_of("sort: write failed: /tmp/sortq5fXaB: No space left on device"),
    };
    return &failure;
}

static void on_final(struct ex_ticket *ticket) {
    struct fo_label labels[EX_BANK_LABELS_MAX];

    plugin->labelled += ex_bank_take(plugin->bank, ticket, NULL, 0, labels);
    ex_ticket_done(ticket);
    plugin->final++;
}

static int ask(struct ex_ticket *ticket) {
    *ticket = (struct ex_ticket){.final = on_final};
    return ex_bank_ask(plugin->bank, example(), ticket) ? 0 : -EIO;
}

static int bench_round_trip(void) {
    static double values[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t start_ns = ex_clock_ns();
        plugin->final = 0;
        if (ask(&plugin->tickets[0]) < 0)
            return -EIO;
        while (plugin->final == 0)
            (void)uv_run(&plugin->loop, UV_RUN_ONCE);
        values[i] = (double)(ex_clock_ns() - start_ns) / 1000.0;
    }
    bench_print_median("plugin_round_trip", values, ROUNDS, "us");
    return 0;
}

static int bench_throughput(void) {
    uint64_t start_ns = ex_clock_ns();

    plugin->labelled = 0;
    for (unsigned done = 0; done < FAILURES; done += AT_A_TIME) {
        plugin->final = 0;
        for (unsigned i = 0; i < AT_A_TIME; i++) {
            if (ask(&plugin->tickets[i]) < 0)
                return -EIO;
        }
        while (plugin->final < AT_A_TIME)
            (void)uv_run(&plugin->loop, UV_RUN_ONCE);
    }
    double seconds = (double)(ex_clock_ns() - start_ns) / 1e9;
    (void)printf("plugin_throughput %.0f failures/s\n", plugin->labelled / seconds);
    return plugin->labelled >= FAILURES ? 0 : -EIO;
}

static int open_all(const struct catalogue *catalogue, struct fo_error *reterr) {
    static const struct ex_metrics_limits limits;
    const struct fo_str text = fo_str_of("jobmanager.failure-enrichers: minimal\n");

    int r = ex_config_parse(text, ".", &plugin->config, reterr);
    if (r == 0)
        r = ex_metrics_new(&limits, 1, &plugin->metrics);
    if (r == 0)
        r = ex_spawner_new(&(struct ex_spawner_config){.loop = &plugin->loop}, &plugin->spawner,
                           reterr);
    const struct ex_bank_config bank = {
        .loop = &plugin->loop,
        .spawner = plugin->spawner,
        .metrics = plugin->metrics,
        .config = plugin->config,
        .plugins = BENCH_PLUGINS,
        .catalogue_version = catalogue_version(catalogue),
        .catalogue_hash = catalogue_hash(catalogue),
    };
    return r == 0 ? ex_bank_open(&bank, &plugin->bank, reterr) : r;
}

static void on_closed(void *ctx) {
    (void)ctx;
    if (plugin->spawner)
        ex_spawner_close(plugin->spawner, NULL);
}

int bench_plugin(const struct catalogue *catalogue) {
    struct fo_error error = {.text = "out of memory"};

    plugin = calloc(1, sizeof *plugin);
    if (!plugin)
        return -ENOMEM;
    (void)uv_loop_init(&plugin->loop);
    int r = open_all(catalogue, &error);
    if (r < 0)
        (void)fprintf(stderr, "plugin: %s\n", error.text);
    if (r == 0)
        r = bench_round_trip();
    if (r == 0)
        r = bench_throughput();
    ex_bank_close(plugin->bank, 1000, on_closed, NULL);
    (void)uv_run(&plugin->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&plugin->loop);
    ex_metrics_free(plugin->metrics);
    (void)ex_config_unref(plugin->config);
    free(plugin);
    return r;
}
