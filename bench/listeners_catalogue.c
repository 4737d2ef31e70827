/* SPDX-License-Identifier: Apache-2.0 */
/* How long a verdict takes with all built-in rules, and how long they take to load. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/listeners.h"
#include "exporter/base/buffer.h"
#include "exporter/base/clock.h"

enum { ROUNDS = 101, COLD_ROUNDS = 5, SMALL_BYTES = 4096, LARGE_BYTES = 256 * 1024 };

/* What a JVM task prints as it dies: an exception, its cause, a page of frames. */
static void append_trace(struct ex_buffer *buffer, size_t size) {
    size_t start = buffer->len;

    ex_buffer_append_text(buffer, "Exception in thread \"main\" java.lang.RuntimeException: "
                                  "Failed to process record 123\n");
    for (unsigned line = 100; buffer->len - start < size / 2; line++)
        ex_buffer_printf(buffer, "\tat com.example.jobs.Step%u.invoke(Step%u.java:%u)\n", line,
                         line, line * 3);
    ex_buffer_append_text(buffer, "Caused by: java.net.SocketTimeoutException: Read timed out\n");
    for (unsigned line = 100; buffer->len - start < size; line++)
        ex_buffer_printf(buffer, "\tat com.example.client.Http%uClient.call(HttpClient.java:%u)\n",
                         line, line * 7);
    ex_buffer_truncate(buffer, start + size);
}

/* The log of a long run that dies at last. */
static void append_log(struct ex_buffer *buffer, size_t size) {
    for (unsigned i = 0; buffer->len < size - SMALL_BYTES; i++)
        ex_buffer_printf(buffer,
                         "2026-11-21 10:%02u:%02u,%03u INFO  com.example.jobs.Importer [worker-%u] "
                         "Imported part %u of table orders: %u rows, %u ms, 0 retries\n",
                         i / 60 % 60, i % 60, i * 37 % 1000, i % 8, i, i * 1013 % 90000, i % 700);
    append_trace(buffer, size - buffer->len);
}

static int bench_classify(const struct catalogue *catalogue, struct catalogue_scratch *scratch,
                          const char *figure, const struct catalogue_input *input) {
    unsigned calls = input->tail.len > 0 ? 10 : 500;
    double values[ROUNDS];
    struct catalogue_verdict verdict;

    for (size_t i = 0; i < ROUNDS; i++) {
        uint64_t start_ns = ex_clock_ns();
        for (unsigned call = 0; call < calls; call++)
            if (catalogue_classify(catalogue, input, scratch, &verdict) != 0)
                return -ENOMEM;
        values[i] = (double)(ex_clock_ns() - start_ns) / 1000.0 / calls;
    }
    if (!fo_str_equal(verdict.category, fo_str_of("network"))) {
        (void)fprintf(stderr, "%s: the verdict is wrong\n", figure);
        return -EINVAL;
    }
    bench_print_median(figure, values, ROUNDS, "us");
    return 0;
}

static int bench_verdicts(const struct catalogue *catalogue) {
    struct catalogue_scratch *scratch = NULL;
    struct ex_buffer text;
    int r = catalogue_scratch_new(catalogue, &scratch);

    ex_buffer_init(&text, (size_t)2 * LARGE_BYTES); /* the last line may pass the size */
    if (r == 0) {
        append_trace(&text, SMALL_BYTES);
        struct catalogue_input input = {.head = ex_buffer_str(&text), .exited = true};
        input.exit_code = 1;
        r = bench_classify(catalogue, scratch, "classify_4k_trace", &input);
    }
    if (r == 0) {
        ex_buffer_reset(&text);
        append_log(&text, LARGE_BYTES);
        struct catalogue_input input = {.tail = ex_buffer_str(&text), .exited = true};
        input.exit_code = 1;
        r = bench_classify(catalogue, scratch, "classify_256k", &input);
    }
    ex_buffer_done(&text);
    (void)catalogue_scratch_free(scratch);
    return r;
}

static int bench_load(const char *figure, const struct catalogue_options *options, size_t rounds) {
    const struct catalogue_source builtin = {.root = NULL};
    double values[ROUNDS];

    for (size_t i = 0; i < rounds; i++) {
        struct catalogue *catalogue = NULL;
        struct fo_error error;
        uint64_t start_ns = ex_clock_ns();
        int r = catalogue_new(&builtin, 1, options, &catalogue, &error);
        if (r != 0)
            return r;
        values[i] = (double)(ex_clock_ns() - start_ns) / 1e6;
        (void)catalogue_free(catalogue);
    }
    bench_print_median(figure, values, rounds, "ms");
    return 0;
}

static void remove_files(const char *folder) {
    char pattern[64];
    glob_t found;

    (void)snprintf(pattern, sizeof pattern, "%s/*", folder);
    if (glob(pattern, 0, NULL, &found) == 0) /* NOLINT(concurrency-mt-unsafe): one thread */
        for (size_t i = 0; i < found.gl_pathc; i++)
            (void)unlink(found.gl_pathv[i]);
    globfree(&found);
}

/* Cold and cached: as where the rules that were compiled with the program do not fit. */
static int bench_loads(void) {
    char cache_dir[] = "/tmp/bench_catalogue.XXXXXX";
    const struct catalogue_options cold = {.compile_builtin = true};
    const struct catalogue_options cached = {.compile_builtin = true, .cache_dir = cache_dir};

    if (!mkdtemp(cache_dir))
        return -errno;
    int r = bench_load("catalogue_load_cold", &cold, COLD_ROUNDS);
    if (r == 0) /* the first round of all fills the cache */
        r = bench_load("catalogue_load_cached", &cached, ROUNDS);
    if (r == 0)
        r = bench_load("catalogue_load_builtin", NULL, ROUNDS);
    remove_files(cache_dir);
    return rmdir(cache_dir) == 0 ? r : -errno;
}

int bench_catalogue(const struct catalogue *catalogue) {
    int r = bench_verdicts(catalogue);

    return r == 0 ? bench_loads() : r;
}
