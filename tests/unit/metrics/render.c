/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/metrics/render.c - what a page looks like, in each format, exactly. */
#include "tests/unit/metrics/fixture.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static const char *const job_labels[] = {"engine", "job_name", "state", "cause"};

#define JOB_LABELS(count_) .labels = job_labels, .label_count = (count_), .group_label_count = 2

static const struct ex_family_spec failures_spec = {
    .name = "numJobFailure",
    .help = "Failures, by \"label\".\nSecond \\ line.",
    .type = EX_COUNTER,
    JOB_LABELS(4),
};

static void expect_page(struct ex_metrics *metrics, enum ex_format format, const char *expected) {
    char *page = fixture_page(metrics, format);

    assert_string_equal(page, expected);
    free(page);
}

static void shows_a_counter_in_both_text_formats(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *failures = fixture_family(metrics, &failures_spec);
    struct ex_group *job = fixture_job(metrics, "wordcount", NULL);
    (void)state;

    ex_group_begin(job);
    ex_counter_add(fixture_series(job, failures, "FAILED", "a\\b\"c\nd"), 3);
    ex_counter_add(fixture_series(job, failures, "", "x"), 1);
    ex_group_publish(job);
    expect_page(metrics, EX_TEXT_0_0_4,
                "# HELP numJobFailure_total Failures, by \"label\".\\nSecond \\\\ line.\n"
                "# TYPE numJobFailure_total counter\n"
                "numJobFailure_total{engine=\"local\",job_name=\"wordcount\",state=\"FAILED\","
                "cause=\"a\\\\b\\\"c\\nd\"} 3\n"
                "numJobFailure_total{engine=\"local\",job_name=\"wordcount\",cause=\"x\"} 1\n");
    expect_page(metrics, EX_OPENMETRICS,
                "# TYPE numJobFailure counter\n"
                "# HELP numJobFailure Failures, by \\\"label\\\".\\nSecond \\\\ line.\n"
                "numJobFailure_total{engine=\"local\",job_name=\"wordcount\",state=\"FAILED\","
                "cause=\"a\\\\b\\\"c\\nd\"} 3\n"
                "numJobFailure_total{engine=\"local\",job_name=\"wordcount\",cause=\"x\"} 1\n"
                "# EOF\n");
    ex_metrics_free(metrics);
}

static void shows_gauges_and_infos(void **state) {
    static const struct ex_family_spec gauge = {
        .name = "g_seconds", .help = "G.", .type = EX_GAUGE, .unit = "seconds", JOB_LABELS(3)};
    static const struct ex_family_spec info = {
        .name = "failover_job", .help = "I.", .type = EX_INFO, JOB_LABELS(3)};
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *gauges = fixture_family(metrics, &gauge);
    struct ex_family *infos = fixture_family(metrics, &info);
    struct ex_group *job = fixture_job(metrics, "j", NULL);
    (void)state;

    ex_series_set(fixture_series(job, gauges, "a", NULL), 1763720000.125);
    ex_series_set(fixture_series(job, gauges, "b", NULL), (double)NAN);
    ex_series_set(fixture_series(job, gauges, "c", NULL), -HUGE_VAL);
    ex_series_hide(fixture_series(job, gauges, "d", NULL));
    (void)fixture_series(job, infos, "x", NULL);
    expect_page(metrics, EX_OPENMETRICS,
                "# TYPE g_seconds gauge\n# UNIT g_seconds seconds\n# HELP g_seconds G.\n"
                "g_seconds{engine=\"local\",job_name=\"j\",state=\"a\"} 1763720000.125\n"
                "g_seconds{engine=\"local\",job_name=\"j\",state=\"b\"} NaN\n"
                "g_seconds{engine=\"local\",job_name=\"j\",state=\"c\"} -Inf\n"
                "# TYPE failover_job info\n# HELP failover_job I.\n"
                "failover_job_info{engine=\"local\",job_name=\"j\",state=\"x\"} 1\n"
                "# EOF\n");
    ex_group_begin(job);
    ex_series_set(fixture_series(job, gauges, "a", NULL), 0);
    for (const char *row = "bc"; *row; row++)
        ex_series_hide(fixture_series(job, gauges, (char[]){*row, '\0'}, NULL));
    ex_group_publish(job);
    expect_page(metrics, EX_TEXT_1_0_0,
                "# HELP g_seconds G.\n# TYPE g_seconds gauge\n"
                "g_seconds{engine=\"local\",job_name=\"j\",state=\"a\"} 0\n"
                "# HELP failover_job_info I.\n# TYPE failover_job_info gauge\n"
                "failover_job_info{engine=\"local\",job_name=\"j\",state=\"x\"} 1\n");
    ex_metrics_free(metrics);
}

static const double bounds[] = {0.1, 1, 1e6};
static const struct ex_family_spec histogram_spec = {
    .name = "h", .help = "H.", .type = EX_HISTOGRAM, .buckets = bounds, .bucket_count = 3};

static struct ex_group *own_group(struct ex_metrics *metrics) {
    struct ex_group *group = NULL;

    assert_int_equal(ex_group_new(metrics, NULL, 0, NULL, &group), 0);
    ex_group_begin(group);
    ex_group_publish(group);
    return group;
}

static void shows_histograms_with_exemplars(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *family = fixture_family(metrics, &histogram_spec);
    struct ex_group *group = own_group(metrics);
    struct ex_series *series = fixture_series(group, family, NULL, NULL);
    const struct fo_label trace = LABEL("trace_id", "t\"1");
    (void)state;

    ex_histogram_observe(series, 0.1);
    ex_histogram_observe(series, 2);
    ex_histogram_observe(series, 2e6);
    ex_histogram_observe(series, (double)NAN);
    ex_histogram_observe(series, -1); /* a clock that went back: counts as 0 */
    assert_int_equal(ex_series_exemplar(series, 2, 1763720000500, &trace, 1), 0);
    expect_page(metrics, EX_OPENMETRICS,
                "# TYPE h histogram\n# HELP h H.\n"
                "h_bucket{le=\"0.1\"} 2\nh_bucket{le=\"1.0\"} 2\n"
                "h_bucket{le=\"1e+06\"} 3 # {trace_id=\"t\\\"1\"} 2 1763720000.5\n"
                "h_bucket{le=\"+Inf\"} 4\nh_sum 2000002.1\nh_count 4\n# EOF\n");
    expect_page(metrics, EX_TEXT_0_0_4,
                "# HELP h H.\n# TYPE h histogram\n"
                "h_bucket{le=\"0.1\"} 2\nh_bucket{le=\"1.0\"} 2\nh_bucket{le=\"1e+06\"} 3\n"
                "h_bucket{le=\"+Inf\"} 4\nh_sum 2000002.1\nh_count 4\n");
    ex_metrics_free(metrics);
}

static void doubles_underscores_of_names_when_asked_to(void **state) {
    static const struct ex_family_spec spec = {
        .name = "a_b", .help = "H.", .type = EX_COUNTER, JOB_LABELS(3)};
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_render_request request = {
        .format = EX_TEXT_1_0_0, .escaping = EX_DOTS, .names = &STR("a_b_total"), .name_count = 1};
    struct ex_buffer out;
    (void)state;

    (void)fixture_series(fixture_job(metrics, "j", NULL), fixture_family(metrics, &spec), "s", "");
    ex_buffer_init(&out, 10000);
    fixture_render(metrics, &request, &out);
    assert_string_equal(ex_buffer_text(&out),
                        "# HELP a__b__total H.\n# TYPE a__b__total counter\n"
                        "a__b__total{engine=\"local\",job_name=\"j\",state=\"s\"} 0\n");
    ex_buffer_done(&out);
    ex_metrics_free(metrics);
}

static void shows_when_counters_were_at_zero(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *failures = fixture_family(metrics, &failures_spec);
    struct ex_group *job = fixture_job(metrics, "j", NULL);
    struct ex_series *series = fixture_series(job, failures, NULL, NULL);
    const struct ex_render_request request = {.format = EX_OPENMETRICS,
                                              .created_lines = true,
                                              .names = &STR("numJobFailure"),
                                              .name_count = 1};
    struct ex_buffer out;
    (void)state;

    assert_true(ex_series_start_ms(series) > 1700000000000);
    ex_counter_restore(series, 7, 1600000000250);
    ex_buffer_init(&out, 10000);
    fixture_render(metrics, &request, &out);
    assert_non_null(strstr(ex_buffer_text(&out),
                           "\nnumJobFailure_total{engine=\"local\",job_name=\"j\"} 7\n"
                           "numJobFailure_created{engine=\"local\",job_name=\"j\"} 1600000000.25\n"
                           "# EOF\n"));
    assert_int_equal(ex_counter_value(series), 7);
    ex_group_begin(job);
    ex_counter_restore(series, 7, 1600000000000); /* the same value, another start */
    ex_group_publish(job);
    ex_buffer_reset(&out);
    fixture_render(metrics, &request, &out);
    assert_non_null(strstr(ex_buffer_text(&out), "job_name=\"j\"} 1600000000\n# EOF\n"));
    ex_buffer_done(&out);
    ex_metrics_free(metrics);
}

static void filters_by_name_and_collector(void **state) {
    static const struct ex_family_spec a = {
        .name = "a", .help = "A.", .type = EX_GAUGE, .collector = "one"};
    static const struct ex_family_spec b = {
        .name = "b", .help = "B.", .type = EX_GAUGE, .collector = "two"};
    const struct {
        struct ex_render_request request;
        bool a;
        bool b;
    } cases[] = {
        {{.names = &STR("a"), .name_count = 1}, true, false},
        {{.collect = &STR("two"), .collect_count = 1}, false, true},
        {{.exclude = &STR("two"), .exclude_count = 1}, true, false},
        {{.names = &STR("c"), .name_count = 1}, false, false},
        {{.format = EX_TEXT_0_0_4}, true, true},
    };
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_group *group = own_group(metrics);
    (void)state;

    (void)fixture_series(group, fixture_family(metrics, &a), NULL, NULL);
    (void)fixture_series(group, fixture_family(metrics, &b), NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ex_buffer out;
        ex_buffer_init(&out, 100000);
        fixture_render(metrics, &cases[i].request, &out);
        assert_int_equal(strstr(ex_buffer_text(&out), "a 0\n") != NULL, cases[i].a);
        assert_int_equal(strstr(ex_buffer_text(&out), "b 0\n") != NULL, cases[i].b);
        ex_buffer_done(&out);
    }
    ex_metrics_free(metrics);
}

/* Changes groups here and there, packs, and compares with the plain page each time. */
static void packs_pieces_that_unpack_to_the_page(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *failures = fixture_family(metrics, &failures_spec);
    struct ex_group *jobs[50];
    (void)state;

    for (int i = 0; i < 50; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "job-%d", i);
        jobs[i] = fixture_job(metrics, name, NULL);
        ex_counter_add(fixture_series(jobs[i], failures, "FAILED", name), (uint64_t)i);
    }
    for (int round = 0; round < 20; round++) {
        struct ex_render_request request = {.format = (enum ex_format)(round % 4)};
        struct ex_buffer plain;
        struct ex_buffer packed;
        struct ex_buffer unpacked;
        ex_buffer_init(&plain, SIZE_MAX / 2);
        ex_buffer_init(&packed, SIZE_MAX / 2);
        ex_buffer_init(&unpacked, SIZE_MAX / 2);
        ex_counter_add(fixture_series(jobs[round * 7 % 50], failures, "FAILED", "new"), 1);
        fixture_render(metrics, &request, &plain);
        request.encoding = round % 2 ? EX_GZIP : EX_ZSTD;
        fixture_render(metrics, &request, &packed);
        fixture_unpack(&packed, request.encoding, &unpacked);
        assert_int_equal(plain.len, unpacked.len);
        assert_memory_equal(plain.bytes, unpacked.bytes, plain.len);
        ex_buffer_done(&plain);
        ex_buffer_done(&packed);
        ex_buffer_done(&unpacked);
    }
    ex_metrics_free(metrics);
}

static void leaves_small_pages_plain_and_refuses_large_ones(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_render_request request = {
        .encoding = EX_GZIP, .names = &STR("failover_series_limit"), .name_count = 1};
    struct ex_body *body = NULL;
    (void)state;

    assert_int_equal(ex_metrics_render(metrics, &request, &body), 0);
    assert_int_equal(ex_body_encoding(body), EX_IDENTITY);
    ex_body_unref(body);
    body = NULL;
    request.max_bytes = 100;
    assert_int_equal(ex_metrics_render(metrics, &request, &body), -EMSGSIZE);
    assert_null(body);
    ex_metrics_free(metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_a_counter_in_both_text_formats),
        cmocka_unit_test(shows_gauges_and_infos),
        cmocka_unit_test(shows_histograms_with_exemplars),
        cmocka_unit_test(doubles_underscores_of_names_when_asked_to),
        cmocka_unit_test(shows_when_counters_were_at_zero),
        cmocka_unit_test(filters_by_name_and_collector),
        cmocka_unit_test(packs_pieces_that_unpack_to_the_page),
        cmocka_unit_test(leaves_small_pages_plain_and_refuses_large_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
