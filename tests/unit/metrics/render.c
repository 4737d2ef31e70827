/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/metrics/fixture.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_a_counter_in_both_text_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
