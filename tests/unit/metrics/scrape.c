/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/metrics/scrape.c - one writer against several scrapers: every page must show sums that
 * add up, whatever the writer is in the middle of. Under the thread sanitizer this is also the test
 * that no word is shared without care. */
#include "tests/unit/metrics/fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { SCRAPERS = 3, JOBS = 20, CHANGES = 20000, LINE_MAX_BYTES = 64 };

static const char *const labels[] = {"engine", "job_name", "reason"};

struct shared {
    struct ex_metrics *metrics;
    struct ex_family *accepted;
    struct ex_family *counted;
    struct ex_family *pending;
    struct ex_family *seconds;
    struct ex_group *jobs[JOBS];
    atomic_bool stop;
    atomic_int pages;
    atomic_int wrong;
};

/* The sum of a family's samples on a page. */
static uint64_t sum_of(const char *page, const char *sample) {
    uint64_t sum = 0;
    size_t len = strlen(sample);

    for (const char *line = page; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, sample, len) == 0 && line[len] == '{') {
            const char *value = strchr(line, '}');
            sum += strtoull(value + 1, NULL, 10);
        }
    }
    return sum;
}

static void *scrape(void *arg) {
    struct shared *shared = arg;
    unsigned round = 0;

    while (!atomic_load(&shared->stop)) {
        const struct ex_render_request request = {
            .format = round % 2 ? EX_OPENMETRICS : EX_TEXT_0_0_4, .created_lines = round % 3 == 0};
        struct ex_body *body = NULL;
        struct ex_buffer page;
        size_t count;
        round++;
        if (ex_metrics_render(shared->metrics, &request, &body) != 0) {
            atomic_fetch_add(&shared->wrong, 1);
            continue;
        }
        ex_buffer_init(&page, SIZE_MAX / 2);
        const struct fo_str *parts = ex_body_parts(body, &count);
        for (size_t i = 0; i < count; i++)
            ex_buffer_append_str(&page, parts[i]);
        const char *text = ex_buffer_text(&page);
        uint64_t accepted = sum_of(text, "accepted_total");
        if (accepted != sum_of(text, "counted_total") + sum_of(text, "pending") ||
            accepted != sum_of(text, "took_seconds_count"))
            atomic_fetch_add(&shared->wrong, 1);
        atomic_fetch_add(&shared->pages, 1);
        ex_buffer_done(&page);
        ex_body_unref(body);
    }
    return NULL;
}

/* One failure: accepted, then pending or counted under a reason that may be new, with a duration.
 */
static void change(struct shared *shared, unsigned i) {
    struct ex_group *job = shared->jobs[i * 7 % JOBS];
    char reason[LINE_MAX_BYTES];

    (void)snprintf(reason, sizeof reason, "r%u", i % 97);
    ex_group_begin(job);
    ex_counter_add(fixture_series(job, shared->accepted, "", NULL), 1);
    if (i % 3 == 0)
        ex_gauge_add(fixture_series(job, shared->pending, "", NULL), 1);
    else
        ex_counter_add(fixture_series(job, shared->counted, reason, NULL), 1);
    struct ex_series *took = fixture_series(job, shared->seconds, reason, NULL);
    ex_histogram_observe(took, (double)i * 0.37);
    const struct fo_label trace = {STR("id"), fo_str_of(reason)};
    assert_int_equal(ex_series_exemplar(took, 1, (int64_t)i, &trace, 1), 0);
    ex_group_publish(job);
}

/* A family that comes while everything runs, as those of plug-ins do. */
static void declare_late(struct shared *shared, unsigned i) {
    char name[LINE_MAX_BYTES];
    const struct ex_family_spec spec = {.name = name,
                                        .help = "H.",
                                        .type = EX_COUNTER,
                                        .labels = labels,
                                        .label_count = 3,
                                        .group_label_count = 2};

    (void)snprintf(name, sizeof name, "late_%u", i);
    (void)fixture_series(shared->jobs[i % JOBS], fixture_family(shared->metrics, &spec), "", NULL);
}

static void sums_add_up_in_every_scrape(void **state) {
    static const double bounds[] = {1, 100};
    struct ex_family_spec spec = {.name = "accepted",
                                  .help = "H.",
                                  .type = EX_COUNTER,
                                  .labels = labels,
                                  .label_count = 3,
                                  .group_label_count = 2};
    struct shared shared = {.metrics = fixture_metrics(NULL)};
    pthread_t threads[SCRAPERS];
    (void)state;

    shared.accepted = fixture_family(shared.metrics, &spec);
    spec.name = "counted";
    shared.counted = fixture_family(shared.metrics, &spec);
    spec.name = "pending";
    spec.type = EX_GAUGE;
    shared.pending = fixture_family(shared.metrics, &spec);
    spec = (struct ex_family_spec){.name = "took_seconds",
                                   .help = "H.",
                                   .type = EX_HISTOGRAM,
                                   .labels = labels,
                                   .label_count = 3,
                                   .group_label_count = 2,
                                   .buckets = bounds,
                                   .bucket_count = 2,
                                   .native = true};
    shared.seconds = fixture_family(shared.metrics, &spec);
    for (unsigned i = 0; i < JOBS; i++)
        shared.jobs[i] = fixture_job(shared.metrics, "job", NULL);
    for (int i = 0; i < SCRAPERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, scrape, &shared), 0);
    for (unsigned i = 0; i < CHANGES || atomic_load(&shared.pages) < 100; i++) {
        change(&shared, i);
        if (i % 50 == 0) /* a job of that name comes back */
            shared.jobs[i % JOBS] = fixture_job(shared.metrics, "job", shared.jobs[i % JOBS]);
        if (i >= CHANGES) /* enough of these; the scrapers are still at it */
            (void)usleep(100);
        else if (i % 500 == 0)
            declare_late(&shared, i);
        if (i % 333 == 0) {
            ex_group_retire(shared.jobs[3]);
            shared.jobs[3] = fixture_job(shared.metrics, "job", NULL);
        }
    }
    atomic_store(&shared.stop, true);
    for (int i = 0; i < SCRAPERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&shared.wrong), 0);
    ex_metrics_free(shared.metrics);
}

/* A bracket that stays open holds nobody up: scrapes show what was there before it. */
static void an_open_change_is_not_seen_and_holds_nobody_up(void **state) {
    const struct ex_family_spec spec = {.name = "accepted",
                                        .help = "H.",
                                        .type = EX_COUNTER,
                                        .labels = labels,
                                        .label_count = 3,
                                        .group_label_count = 2};
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *family = fixture_family(metrics, &spec);
    struct ex_group *job = fixture_job(metrics, "j", NULL);
    struct ex_series *series = fixture_series(job, family, "a", NULL);
    (void)state;

    ex_counter_add(series, 1);
    ex_group_begin(job);
    ex_group_publish(job);
    char *before = fixture_page(metrics, EX_TEXT_0_0_4);
    ex_group_begin(job);
    ex_counter_add(series, 1);
    ex_counter_add(fixture_series(job, family, "b", NULL), 5);
    char *within = fixture_page(metrics, EX_TEXT_0_0_4);
    ex_group_publish(job);
    char *after = fixture_page(metrics, EX_TEXT_0_0_4);
    assert_string_equal(before, within);
    assert_non_null(strstr(before, "reason=\"a\"} 1\n"));
    assert_non_null(strstr(after, "reason=\"a\"} 2\n"));
    assert_non_null(strstr(after, "reason=\"b\"} 5\n"));
    free(before);
    free(within);
    free(after);
    ex_metrics_free(metrics);
}

/* A body outlives what it was made of. */
static void a_body_outlives_the_registry(void **state) {
    const struct ex_render_request request = {.format = EX_OPENMETRICS};
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_body *body = NULL;
    size_t count;
    (void)state;

    assert_int_equal(ex_metrics_render(metrics, &request, &body), 0);
    ex_metrics_free(metrics);
    const struct fo_str *parts = ex_body_parts(body, &count);
    assert_int_equal(count, 1);
    assert_memory_equal(parts[0].ptr + parts[0].len - 6, "# EOF\n", 6);
    ex_body_unref(body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_add_up_in_every_scrape),
        cmocka_unit_test(an_open_change_is_not_seen_and_holds_nobody_up),
        cmocka_unit_test(a_body_outlives_the_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
