/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/metrics/registry.c - declarations, the life of groups, and the limits. */
#include "tests/unit/metrics/fixture.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>

#include "exporter/metrics/manifest.h"
#include "exporter/metrics/process.h"

static const char *const labels[] = {"engine", "job_name", "class", "cause"};

#define LABELS(count_) .labels = labels, .label_count = (count_), .group_label_count = 2

static const struct ex_family_spec counter_spec = {
    .name = "failures", .help = "H.", .type = EX_COUNTER, LABELS(4), .closed_labels = 1 << 2};

static int declare(struct ex_metrics *metrics, struct ex_family_spec spec) {
    struct ex_family *family = NULL;
    struct fo_error error = {0};
    int failed = ex_metrics_family(metrics, &spec, &family, &error);

    assert_int_equal(failed, error.code);
    assert_int_equal(failed == 0, error.text[0] == '\0');
    assert_int_equal(failed == 0, family != NULL);
    return failed;
}

static void refuses_bad_declarations(void **state) {
    static const double falling[] = {2, 1};
    static const double infinite[] = {1, HUGE_VAL};
    static const char *const twice[] = {"a", "a"};
    static const char *const reserved[] = {"le", "quantile", "__x", "a-b", "", "_a"};
    struct ex_metrics *metrics = fixture_metrics(NULL);
    (void)state;

#define DECLARE(...) declare(metrics, (struct ex_family_spec){.help = "H.", __VA_ARGS__})
    assert_int_equal(DECLARE(.name = ""), -EINVAL);
    assert_int_equal(DECLARE(.name = "1a"), -EINVAL);
    assert_int_equal(DECLARE(.name = "_a"), -EINVAL);
    assert_int_equal(DECLARE(.name = "a:b"), -EINVAL);
    assert_int_equal(DECLARE(.name = "a", .unit = "seconds"), -EINVAL);
    assert_int_equal(DECLARE(.name = "aseconds", .unit = "seconds"), -EINVAL);
    assert_int_equal(DECLARE(.name = "a", .labels = twice, .label_count = 2), -EINVAL);
    assert_int_equal(
        DECLARE(.name = "a", .labels = twice, .label_count = 1, .group_label_count = 2), -EINVAL);
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        assert_int_equal(DECLARE(.name = "a", .labels = &reserved[i], .label_count = 1), -EINVAL);
    assert_int_equal(
        DECLARE(.name = "a", .type = EX_HISTOGRAM, .buckets = falling, .bucket_count = 2), -EINVAL);
    assert_int_equal(
        DECLARE(.name = "a", .type = EX_HISTOGRAM, .buckets = infinite, .bucket_count = 2),
        -EINVAL);
    assert_int_equal(declare(metrics, (struct ex_family_spec){.name = "a"}), -EINVAL);
    assert_int_equal(declare(metrics, (struct ex_family_spec){.name = "a", .help = "\xff"}),
                     -EINVAL);
    ex_metrics_free(metrics);
}

static void refuses_names_that_clash(void **state) {
    static const struct {
        const char *name;
        enum ex_family_type type;
        int expected;
    } cases[] = {
        {"a", EX_COUNTER, 0},
        {"a", EX_GAUGE, -EEXIST},
        {"a_total", EX_GAUGE, -EEXIST},
        {"a_created", EX_GAUGE, -EEXIST},
        {"a_count", EX_GAUGE, 0},
        {"h", EX_HISTOGRAM, 0},
        {"h_bucket", EX_GAUGE, -EEXIST},
        {"h_sum", EX_COUNTER, -EEXIST},
        {"h_total", EX_GAUGE, 0},
        {"h", EX_COUNTER, -EEXIST},
        {"b_total", EX_GAUGE, 0},
        {"b", EX_COUNTER, -EEXIST},
        {"i", EX_INFO, 0},
        {"i_info", EX_GAUGE, -EEXIST},
    };
    struct ex_metrics *metrics = fixture_metrics(NULL);
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (DECLARE(.name = cases[i].name, .type = cases[i].type) != cases[i].expected)
            fail_msg("%s", cases[i].name);
    }
    ex_metrics_free(metrics);
}

static void lists_families_as_declared(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    const struct ex_family *family = NULL;
    const struct ex_family_spec *last = NULL;
    (void)state;

    (void)fixture_family(metrics, &counter_spec);
    while ((family = ex_metrics_next_family(metrics, family)))
        last = ex_family_spec(family);
    assert_string_equal(last->name, "failures");
    assert_ptr_not_equal(last->name, counter_spec.name);
    assert_string_equal(last->labels[3], "cause");
    assert_string_equal(last->collector, "failover");
    ex_metrics_free(metrics);
}

static void finds_the_same_series_again(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *family = fixture_family(metrics, &counter_spec);
    struct ex_group *a = fixture_job(metrics, "a", NULL);
    struct ex_group *b = fixture_job(metrics, "b", NULL);
    (void)state;

    for (int i = 0; i < 500; i++) { /* over all sizes of the table */
        char value[32];
        (void)snprintf(value, sizeof value, "%s%d", i % 3 ? "x" : "\n\"", i);
        struct ex_series *series = fixture_series(a, family, "c", value);
        assert_ptr_equal(fixture_series(a, family, "c", value), series);
        assert_ptr_not_equal(fixture_series(b, family, "c", value), series);
        ex_counter_add(series, 1);
    }
    assert_int_equal(ex_counter_value(fixture_series(a, family, "c", "x1")), 1);
    assert_ptr_not_equal(fixture_series(a, family, "v", ""), fixture_series(a, family, "", "v"));
    struct ex_series *series = NULL;
    struct ex_group *bare = NULL;
    const struct fo_str values[2] = {STR("a"), STR("b")};
    assert_int_equal(ex_group_new(metrics, NULL, 0, NULL, &bare), 0);
    assert_int_equal(ex_group_series(bare, family, values, &series), -EINVAL);
    ex_group_retire(bare);
    ex_metrics_free(metrics);
}

static bool page_has(struct ex_metrics *metrics, const char *text) {
    char *page = fixture_page(metrics, EX_TEXT_0_0_4);
    bool found = strstr(page, text) != NULL;

    free(page);
    return found;
}

static void a_group_comes_and_goes_as_a_whole(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *family = fixture_family(metrics, &counter_spec);
    const struct fo_label job[] = {LABEL("engine", "local"), LABEL("job_name", "j")};
    struct ex_group *first = NULL;
    struct ex_group *second = NULL;
    (void)state;

    assert_int_equal(ex_group_new(metrics, job, 2, NULL, &first), 0);
    ex_group_begin(first);
    (void)fixture_series(first, family, "c", "old");
    assert_false(page_has(metrics, "old"));
    ex_group_publish(first);
    assert_true(page_has(metrics, "old"));
    assert_int_equal(ex_group_new(metrics, job, 2, first, &second), 0);
    ex_group_begin(second);
    (void)fixture_series(second, family, "c", "new");
    assert_true(page_has(metrics, "old"));
    ex_group_publish(second);
    assert_false(page_has(metrics, "old"));
    assert_true(page_has(metrics, "new"));
    ex_group_retire(second);
    assert_false(page_has(metrics, "job_name"));
    ex_group_retire(NULL);
    ex_metrics_free(metrics);
}

/* A value of the registry's own families for one family. */
static double own_value(struct ex_metrics *metrics, const char *name, const char *family) {
    const struct ex_render_request request = {.names = &(struct fo_str){name, strlen(name)},
                                              .name_count = 1};
    struct ex_buffer page;
    char start[256];

    ex_buffer_init(&page, SIZE_MAX / 2);
    fixture_render(metrics, &request, &page);
    if (family)
        (void)snprintf(start, sizeof start, "\n%s{family=\"%s\"} ", name, family);
    else
        (void)snprintf(start, sizeof start, "\n%s ", name);
    const char *line = strstr(ex_buffer_text(&page), start);
    assert_non_null(line);
    double value = strtod(line + strlen(start), NULL);
    ex_buffer_done(&page);
    return value;
}

static void counts_what_it_holds(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *family = fixture_family(metrics, &counter_spec);
    struct ex_group *job = fixture_job(metrics, "j", NULL);
    (void)state;

    (void)fixture_series(job, family, "c", "1");
    (void)fixture_series(job, family, "c", "2");
    assert_true(own_value(metrics, "failover_series", "failures") == 2);
    assert_true(own_value(metrics, "failover_series_limit", "failures") == 250000);
    ex_group_retire(job);
    assert_true(own_value(metrics, "failover_series", "failures") == 0);
    ex_metrics_free(metrics);
}

/* Every sum of the family over its rows, by reading the page. */
static uint64_t total_of(const char *page, const char *needle) {
    uint64_t total = 0;

    for (const char *line = strstr(page, "\nfailures_total{"); line;
         line = strstr(line + 1, "\nfailures_total{")) {
        const char *end = strchr(line + 1, '\n');
        const char *found = strstr(line, needle);
        if (found && found < end)
            total += strtoull(strstr(line, "} ") + 2, NULL, 10);
    }
    return total;
}

/* Pushes `count` values nobody has seen before through one label and more than a few through both.
 */
static void flood(struct ex_group *job, struct ex_family *family, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char cause[32];
        (void)snprintf(cause, sizeof cause, "hostile-%u", i);
        ex_group_begin(job);
        ex_counter_add(fixture_series(job, family, i % 2 ? "USER" : "SYSTEM", cause), 1);
        ex_group_publish(job);
    }
}

static void hostile_values_overflow_and_totals_stay_right(void **state) {
    enum { BEFORE = 100000, MORE = 900000 };
    const struct ex_metrics_limits limits = {.values_per_label = 50};
    struct ex_metrics *metrics = fixture_metrics(&limits);
    struct ex_family *family = fixture_family(metrics, &counter_spec);
    struct ex_group *job = fixture_job(metrics, "j", NULL);
    struct ex_series *real = fixture_series(job, family, "USER", "real");
    (void)state;

    ex_counter_add(real, 7);
    flood(job, family, BEFORE);
    size_t memory = mallinfo2().uordblks;
    flood(job, family, MORE);
    assert_true(mallinfo2().uordblks < memory + 4096);
    char *page = fixture_page(metrics, EX_TEXT_0_0_4);
    /* the first flood's known values were hit again by the second one */
    assert_int_equal(total_of(page, "failures_total"), BEFORE + MORE + 7);
    assert_int_equal(total_of(page, "class=\"USER\""), (BEFORE + MORE) / 2 + 7);
    assert_int_equal(total_of(page, "cause=\"real\""), 7);
    assert_true(total_of(page, "class=\"SYSTEM\",cause=\"__overflow__\"") > 499000 - 100);
    free(page);
    assert_ptr_equal(fixture_series(job, family, "USER", "real"), real);
    assert_true(own_value(metrics, "failover_series", "failures") <= 55);
    assert_true(own_value(metrics, "failover_series_overflow_total", "failures") >
                BEFORE + MORE - 200);
    ex_metrics_free(metrics);
}

static void the_family_limit_takes_all_open_labels_at_last(void **state) {
    static const struct ex_family_spec open_spec = {
        .name = "failures", .help = "H.", .type = EX_COUNTER, LABELS(4), .series_limit = 20};
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *family = fixture_family(metrics, &open_spec);
    struct ex_group *job = fixture_job(metrics, "j", NULL);
    (void)state;

    for (unsigned i = 0; i < 5000; i++) {
        char class[16];
        char cause[16];
        (void)snprintf(class, sizeof class, "%u", i * 7);
        (void)snprintf(cause, sizeof cause, "%u", i);
        ex_group_begin(job);
        ex_counter_add(fixture_series(job, family, class, cause), 1);
        ex_group_publish(job);
    }
    char *page = fixture_page(metrics, EX_TEXT_0_0_4);
    assert_int_equal(total_of(page, "failures_total"), 5000);
    assert_true(total_of(page, "class=\"__overflow__\",cause=\"__overflow__\"") > 4000);
    free(page);
    assert_true(own_value(metrics, "failover_series", "failures") < 20 + 70);
    ex_metrics_free(metrics);
}

static void what_does_not_add_up_is_refused_at_the_limit(void **state) {
    const struct ex_metrics_limits limits = {.series_per_family = 3, .groups = 3, .families = 9};
    static const struct ex_family_spec gauge = {
        .name = "g", .help = "H.", .type = EX_GAUGE, LABELS(3)};
    struct ex_metrics *metrics = fixture_metrics(&limits);
    struct ex_family *family = fixture_family(metrics, &gauge);
    struct ex_group *job = fixture_job(metrics, "j", NULL);
    struct ex_group *other = fixture_job(metrics, "k", NULL);
    struct ex_group *none = NULL;
    struct ex_series *series = NULL;
    (void)state;

    for (const char *row = "abc"; *row; row++)
        (void)fixture_series(job, family, (char[]){*row, '\0'}, NULL);
    assert_int_equal(ex_group_series(job, family, &STR("d"), &series), -ENOSPC);
    assert_null(series);
    assert_int_equal(ex_group_series(job, family, &STR("a"), &series), 0);
    assert_int_equal(ex_group_new(metrics, NULL, 0, NULL, &none), -ENOSPC);
    assert_int_equal(DECLARE(.name = "nine"), 0);
    assert_int_equal(DECLARE(.name = "ten"), -ENOSPC);
    ex_group_retire(other);
    assert_int_equal(ex_group_new(metrics, NULL, 0, NULL, &none), 0);
    ex_group_retire(none);
    ex_metrics_free(metrics);
}

static void memory_is_a_limit_too(void **state) {
    const struct ex_metrics_limits limits = {.bytes_total = 256 * 1024};
    struct ex_metrics *metrics = fixture_metrics(&limits);
    struct ex_family *family = fixture_family(metrics, &counter_spec);
    struct ex_group *job = fixture_job(metrics, "j", NULL);
    (void)state;

    flood(job, family, 100000);
    assert_in_range(own_value(metrics, "failover_series_bytes", NULL), 128 * 1024, 512 * 1024);
    assert_int_equal(own_value(metrics, "failover_series_limit_bytes", NULL), 256 * 1024);
    char *page = fixture_page(metrics, EX_TEXT_0_0_4);
    assert_int_equal(total_of(page, "failures_total"), 100000);
    free(page);
    ex_group_retire(job);
    assert_true(own_value(metrics, "failover_series_bytes", NULL) < 64 * 1024);
    ex_metrics_free(metrics);
}

/* A spare group takes what does not fit: it fits always, and stays small all the same. */
static void a_spare_group_is_beyond_the_limits(void **state) {
    const struct ex_metrics_limits limits = {
        .series_per_family = 1, .groups = 2, .values_per_label = 50};
    struct ex_metrics *metrics = fixture_metrics(&limits);
    struct ex_family *family = fixture_family(metrics, &counter_spec);
    struct ex_group *job = fixture_job(metrics, "j", NULL);
    const struct fo_label row[] = {LABEL("engine", "local"), LABEL("job_name", "o")};
    struct ex_group *spare;
    (void)state;

    (void)fixture_series(job, family, "USER", "a");
    assert_int_equal(ex_group_new_spare(metrics, row, 2, &spare), 0);
    ex_group_begin(spare);
    ex_group_publish(spare);
    ex_counter_add(fixture_series(spare, family, "USER", "b"), 1);
    assert_true(page_has(metrics, "job_name=\"o\",class=\"USER\",cause=\"b\"} 1\n"));
    flood(spare, family, 100000);
    assert_true(own_value(metrics, "failover_series", "failures") < 50 + 70);
    ex_metrics_free(metrics);
}

static void repairs_label_values(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *family = fixture_family(metrics, &counter_spec);
    struct ex_group *job = fixture_job(metrics, "j", NULL);
    char longer[300];
    (void)state;

    (void)fixture_series(job, family, "\xff\xc3(\xed\xa0\x80\xf0\x9f\x98", "\xf0\x9f\x98\x80");
    assert_true(page_has(metrics, "class=\"\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD"
                                  "\xEF\xBF\xBD\xEF\xBF\xBD\",cause=\"\xf0\x9f\x98\x80\""));
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    struct ex_series *one = fixture_series(job, family, "c", longer);
    assert_ptr_equal(fixture_series(job, family, "c", longer), one);
    longer[200] = 'y';
    assert_ptr_not_equal(fixture_series(job, family, "c", longer), one);
    char *page = fixture_page(metrics, EX_TEXT_0_0_4);
    const char *cut = strstr(page, "xxx");
    assert_int_equal(strcspn(cut, "\""), 128);
    assert_int_equal(cut[128 - 17], '~');
    free(page);
    ex_metrics_free(metrics);
}

static void hidden_series_come_back(void **state) {
    static const struct ex_family_spec gauge = {
        .name = "budget", .help = "H.", .type = EX_GAUGE, LABELS(2)};
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_group *job = fixture_job(metrics, "j", NULL);
    struct ex_series *series = fixture_series(job, fixture_family(metrics, &gauge), NULL, NULL);
    (void)state;

    for (int i = 0; i < 4; i++) {
        ex_group_begin(job);
        if (i % 2)
            ex_series_hide(series);
        else
            ex_series_show(series);
        ex_group_publish(job);
        assert_int_equal(page_has(metrics, "budget"), i % 2 == 0);
    }
    ex_metrics_free(metrics);
}

static void refuses_bad_exemplars(void **state) {
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *family = fixture_family(metrics, &counter_spec);
    struct ex_series *series = fixture_series(fixture_job(metrics, "j", NULL), family, "c", "d");
    char text[130];
    struct fo_label label = {STR("ab"), {text, 126}};
    (void)state;

    memset(text, 'x', sizeof text);
    assert_int_equal(ex_series_exemplar(series, 1, 1, &label, 1), 0);
    label.value.len = 127;
    assert_int_equal(ex_series_exemplar(series, 1, 1, &label, 1), -EINVAL);
    label.value = STR("\xff");
    assert_int_equal(ex_series_exemplar(series, 1, 1, &label, 1), -EINVAL);
    label = (struct fo_label){STR("a-b"), STR("x")};
    assert_int_equal(ex_series_exemplar(series, 1, 1, &label, 1), -EINVAL);
    ex_metrics_free(metrics);
}

static void tells_of_its_process(void **state) {
    static const char *const expected[] = {
        "\nprocess_cpu_seconds_total ",
        "\nprocess_open_fds ",
        "\nprocess_max_fds ",
        "\nprocess_virtual_memory_bytes ",
        "\nprocess_resident_memory_bytes ",
        "\nprocess_start_time_seconds 1",
        "\nprocess_threads 1\n",
        "\nfailover_exporter_build_info{version=\"",
    };
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_process *process = NULL;
    struct fo_error error;
    (void)state;

    assert_int_equal(ex_process_new(metrics, "abc", "main", &process, &error), 0);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (!page_has(metrics, expected[i]))
            fail_msg("no%s", expected[i]);
    }
    assert_int_equal(ex_process_new(metrics, "abc", "main", &process, &error), -EEXIST);
    ex_metrics_free(metrics);
    ex_process_free(process);
}

static void lists_its_families_for_people_and_programs(void **state) {
    static const double buckets[] = {0.5, 1};
    static const struct ex_family_spec spec = {.name = "a_seconds",
                                               .help = "A | \"b\".\nC.",
                                               .type = EX_HISTOGRAM,
                                               .stability = EX_STABLE,
                                               .unit = "seconds",
                                               .buckets = buckets,
                                               .bucket_count = 2,
                                               .native = true,
                                               LABELS(3),
                                               .cardinality = "jobs x 2"};
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_buffer out;
    (void)state;

    (void)fixture_family(metrics, &counter_spec);
    (void)fixture_family(metrics, &spec);
    ex_buffer_init(&out, 100000);
    assert_int_equal(ex_manifest_markdown(metrics, &out), 0);
    assert_non_null(
        strstr(ex_buffer_text(&out),
               "--- |\n| `a_seconds` | histogram, native too | seconds | `engine`, "
               "`job_name`, `class` | jobs x 2 | stable | failover | A \\| \"b\". C. |\n"
               "| `failover_label_values_cut_total` | counter | - | - | 1 | "));
    ex_buffer_reset(&out);
    assert_int_equal(ex_manifest_json(metrics, &out), 0);
    assert_non_null(strstr(
        ex_buffer_text(&out),
        "{\"families\":[\n  {\"name\":\"a_seconds\",\"type\":\"histogram\",\"unit\":\"seconds\","
        "\"help\":\"A | \\\"b\\\".\\u000aC.\",\"labels\":[\"engine\",\"job_name\",\"class\"],"
        "\"buckets\":[0.5,1],\"native\":true,\"cardinality\":\"jobs x 2\","
        "\"stability\":\"stable\",\"collector\":\"failover\"},\n"));
    ex_buffer_done(&out);
    ex_metrics_free(metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_bad_declarations),
        cmocka_unit_test(refuses_names_that_clash),
        cmocka_unit_test(lists_families_as_declared),
        cmocka_unit_test(finds_the_same_series_again),
        cmocka_unit_test(a_group_comes_and_goes_as_a_whole),
        cmocka_unit_test(counts_what_it_holds),
        cmocka_unit_test(hostile_values_overflow_and_totals_stay_right),
        cmocka_unit_test(the_family_limit_takes_all_open_labels_at_last),
        cmocka_unit_test(what_does_not_add_up_is_refused_at_the_limit),
        cmocka_unit_test(memory_is_a_limit_too),
        cmocka_unit_test(a_spare_group_is_beyond_the_limits),
        cmocka_unit_test(repairs_label_values),
        cmocka_unit_test(hidden_series_come_back),
        cmocka_unit_test(refuses_bad_exemplars),
        cmocka_unit_test(tells_of_its_process),
        cmocka_unit_test(lists_its_families_for_people_and_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
