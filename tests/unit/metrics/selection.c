/* SPDX-License-Identifier: Apache-2.0 */
/* Which families are on the page, and how many groups fit. */
#include <errno.h>
#include <stdlib.h>

#include "exporter/metrics/selection.h"
#include "tests/unit/metrics/fixture.h"

static const char *const labels[] = {"engine", "job_name", "state"};
static const double buckets[] = {1, 2, 4};

static const struct ex_family_spec count_spec = {.name = "things_counted",
                                                 .help = "H.",
                                                 .type = EX_COUNTER,
                                                 .labels = labels,
                                                 .label_count = 2,
                                                 .group_label_count = 2};
static const struct ex_family_spec state_spec = {.name = "things_state",
                                                 .help = "H.",
                                                 .type = EX_GAUGE,
                                                 .labels = labels,
                                                 .label_count = 3,
                                                 .group_label_count = 2};
static const struct ex_family_spec wait_spec = {.name = "waits",
                                                .help = "H.",
                                                .type = EX_HISTOGRAM,
                                                .labels = labels,
                                                .label_count = 2,
                                                .group_label_count = 2,
                                                .buckets = buckets,
                                                .bucket_count = 3};

static void patterns_match(void **state) {
    static const struct {
        const char *pattern;
        const char *name;
        bool matches;
    } cases[] = {
        {"", "", true},        {"", "a", false},        {"a", "a", true},
        {"a", "ab", false},    {"*", "", true},         {"*", "abc", true},
        {"a*", "abc", true},   {"*c", "abc", true},     {"a*c", "abc", true},
        {"a*c", "acbc", true}, {"a*b", "abc", false},   {"*b*", "abc", true},
        {"**b", "ab", true},   {"a*b*c", "axc", false}, {"a*b*c", "abbc", true},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (ex_selection_matches(fo_str_of(cases[i].pattern), fo_str_of(cases[i].name)) !=
            cases[i].matches)
            fail_msg("%s against %s", cases[i].pattern, cases[i].name);
    }
}

/* A list that is all stars must not take for ever. */
static void patterns_take_no_long_time(void **state) {
    char pattern[2001];
    char name[4001];
    (void)state;

    for (size_t i = 0; i < sizeof pattern - 1; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    memset(name, 'a', sizeof name - 1);
    pattern[sizeof pattern - 1] = '\0';
    name[sizeof name - 1] = '\0';
    name[sizeof name - 2] = 'b';
    assert_false(ex_selection_matches(fo_str_of(pattern), fo_str_of(name)));
}

static bool page_has(struct ex_metrics *metrics, const char *text) {
    char *page = fixture_page(metrics, EX_TEXT_0_0_4);
    bool found = strstr(page, text) != NULL;

    free(page);
    return found;
}

static int choose(struct ex_metrics *metrics, const char *allow, const char *deny) {
    struct fo_error error;

    return ex_metrics_select(metrics, fo_str_of(allow), fo_str_of(deny), &error);
}

/* Families on both sides of the choice, one of each declared before it is made. */
static void what_is_denied_counts_unseen(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *count = fixture_family(metrics, &count_spec);
    struct ex_group *job = fixture_job(metrics, "j", NULL);
    (void)state;

    assert_int_equal(choose(metrics, "", "things_counted_total waits"), 0);
    struct ex_family *wait = fixture_family(metrics, &wait_spec);
    struct ex_family *states = fixture_family(metrics, &state_spec);
    struct ex_series *counter = fixture_series(job, count, NULL, NULL);
    ex_group_begin(job);
    ex_counter_add(counter, 3);
    ex_histogram_observe(fixture_series(job, wait, NULL, NULL), 1);
    ex_series_set(fixture_series(job, states, "UP", NULL), 1);
    ex_group_publish(job);
    assert_true(page_has(metrics, "things_state{"));
    assert_false(page_has(metrics, "things_counted"));
    assert_false(page_has(metrics, "waits"));
    assert_int_equal(ex_counter_value(counter), 3);
    ex_metrics_free(metrics);
}

static void only_what_is_allowed_is_shown(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_group *job = fixture_job(metrics, "j", NULL);
    (void)state;

    assert_int_equal(choose(metrics, "things_*, failover_series", "*_counted"), 0);
    (void)fixture_series(job, fixture_family(metrics, &count_spec), NULL, NULL);
    (void)fixture_series(job, fixture_family(metrics, &state_spec), "UP", NULL);
    struct ex_buffer page;
    ex_buffer_init(&page, SIZE_MAX / 2);
    fixture_render(metrics, &(struct ex_render_request){.format = EX_OPENMETRICS}, &page);
    assert_non_null(strstr(ex_buffer_text(&page), "things_state{"));
    assert_non_null(strstr(ex_buffer_text(&page), "failover_series{family=\"things_counted\"} 1"));
    assert_null(strstr(ex_buffer_text(&page), "things_counted_total"));
    assert_null(strstr(ex_buffer_text(&page), "# TYPE failover_series_limit"));
    ex_buffer_done(&page);
    ex_metrics_free(metrics);
}

static void bad_lists_are_refused_and_idle_names_told(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct fo_str name;
    size_t at = 0;
    (void)state;

    assert_int_equal(choose(metrics, "good, a{b}", ""), -EINVAL);
    assert_int_equal(choose(metrics, "", "a.b"), -EINVAL);
    (void)fixture_family(metrics, &count_spec);
    assert_false(ex_metrics_next_unmatched(metrics, &at, &name));
    assert_int_equal(choose(metrics, "things_counted,nothing;*_counted", "none* waits_sum"), 0);
    static const char *const idle[] = {"nothing", "none*", "waits_sum"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(ex_metrics_next_unmatched(metrics, &at, &name));
        assert_true(fo_str_equal(name, fo_str_of(idle[i])));
    }
    assert_false(ex_metrics_next_unmatched(metrics, &at, &name));
    ex_metrics_free(metrics);
}

/* As many groups fit as it says, and not one more. */
static void says_how_many_groups_fit(void **state) {
    static const struct {
        struct ex_metrics_limits limits;
        enum ex_fit_limit limit;
        size_t groups;
    } cases[] = {
        {{.series_per_family = 25}, EX_FIT_FAMILY, 4}, /* 6 lines of the histogram */
        {{.series_total = 100}, EX_FIT_SERIES, 11},    /* 9 lines in all */
        {{.groups = 7}, EX_FIT_GROUPS, 7},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ex_metrics *metrics = fixture_metrics(&cases[i].limits);
        struct ex_group *job = fixture_job(metrics, "j", NULL);
        struct ex_group_fit fit;
        (void)fixture_series(job, fixture_family(metrics, &count_spec), NULL, NULL);
        (void)fixture_series(job, fixture_family(metrics, &wait_spec), NULL, NULL);
        struct ex_family *states = fixture_family(metrics, &state_spec);
        (void)fixture_series(job, states, "UP", NULL);
        (void)fixture_series(job, states, "DOWN", NULL);
        ex_group_fit(job, &fit);
        assert_int_equal(fit.series, 9);
        assert_int_equal(fit.groups, cases[i].groups);
        assert_int_equal(fit.limit, cases[i].limit);
        assert_string_equal(fit.family, fit.limit == EX_FIT_FAMILY ? "waits" : "");
        ex_metrics_free(metrics);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match),
        cmocka_unit_test(patterns_take_no_long_time),
        cmocka_unit_test(what_is_denied_counts_unseen),
        cmocka_unit_test(only_what_is_allowed_is_shown),
        cmocka_unit_test(bad_lists_are_refused_and_idle_names_told),
        cmocka_unit_test(says_how_many_groups_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
