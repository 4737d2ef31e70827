/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/metrics/memory.c - the same story with the 1st, 2nd, ... allocation failing: each call
 * says -ENOMEM or succeeds, nothing leaks, and a scrape with memory afterwards is whole. The linker
 * puts these functions in place of the allocator's (see CMakeLists.txt). */
#include "tests/unit/metrics/fixture.h"

#include <errno.h>
#include <stdlib.h>

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker wants these names */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long countdown = -1; /* allocations until one fails; -1 = never */

static bool fails_now(void) {
    if (countdown < 0)
        return false;
    return countdown-- == 0;
}

void *__wrap_malloc(size_t size) {
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
    return fails_now() ? NULL : __real_realloc(old, size);
}
/* NOLINTEND(bugprone-reserved-identifier) */

static const char *const labels[] = {"engine", "job_name", "cause"};
static const double bounds[] = {1, 2};

static const struct ex_family_spec specs[] = {
    {.name = "c",
     .help = "H.",
     .type = EX_COUNTER,
     .labels = labels,
     .label_count = 3,
     .group_label_count = 2},
    {.name = "h",
     .help = "H.",
     .type = EX_HISTOGRAM,
     .labels = labels,
     .label_count = 3,
     .group_label_count = 2,
     .buckets = bounds,
     .bucket_count = 2,
     .native = true},
};

static int fill(struct ex_group *group, struct ex_family *const *families) {
    const struct fo_label trace = LABEL("id", "1");
    int failed = 0;

    for (unsigned i = 0; i < 200 && !failed; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%s%u", i % 5 ? "v" : "\xff", i);
        const struct fo_str value = fo_str_of(text);
        struct ex_series *series = NULL;
        failed = ex_group_series(group, families[i % 2], &value, &series);
        if (!failed && i % 2)
            ex_histogram_observe(series, i * 0.7);
        if (!failed)
            failed = ex_series_exemplar(series, 1, 1, &trace, 1);
    }
    return failed;
}

static int scrape(struct ex_metrics *metrics) {
    int failed = 0;

    for (int i = 0; i < 12 && !failed; i++) {
        const struct ex_render_request request = {.format = (enum ex_format)(i % 4),
                                                  .encoding = (enum ex_encoding)(i / 4)};
        struct ex_body *body = NULL;
        failed = ex_metrics_render(metrics, &request, &body);
        assert_int_equal(body == NULL, failed != 0);
        ex_body_unref(body);
    }
    return failed;
}

static int live_a_life(struct ex_metrics *metrics) {
    const struct fo_label job[] = {LABEL("engine", "e"), LABEL("job_name", "\xff")};
    struct ex_family *families[2] = {NULL, NULL};
    struct ex_group *group = NULL;
    int failed = ex_metrics_family(metrics, &specs[0], &families[0], NULL);

    if (!failed)
        failed = ex_metrics_family(metrics, &specs[1], &families[1], NULL);
    if (!failed)
        failed = ex_group_new(metrics, job, 2, NULL, &group);
    if (failed)
        return failed;
    ex_group_begin(group);
    failed = fill(group, families);
    ex_group_publish(group);
    int rendered = scrape(metrics);
    ex_group_retire(group);
    return failed ? failed : rendered;
}

static void every_allocation_may_fail(void **state) {
    const struct ex_metrics_limits limits = {.values_per_label = 60};
    long failing = 0;
    int failed;
    (void)state;

    do {
        struct ex_metrics *metrics = NULL;
        countdown = failing++;
        failed = ex_metrics_new(&limits, 1, &metrics);
        if (!failed)
            failed = live_a_life(metrics);
        bool reached = countdown < 0;
        countdown = -1;
        assert_true(failed == 0 || failed == -ENOMEM);
        if (metrics)
            assert_int_equal(scrape(metrics), 0);
        ex_metrics_free(metrics);
        if (!reached)
            break;
    } while (failing < 100000);
    assert_true(failing > 100);
    assert_true(failing < 100000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
