/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/metrics/values.c - numbers, label texts and native buckets, each by itself. */
#include "tests/unit/metrics/fixture.h"

#include <math.h>
#include <stdlib.h>

#include "exporter/metrics/histogram.h"
#include "exporter/metrics/labeltext.h"
#include "exporter/metrics/number.h"
#include "exporter/metrics/series.h"

static void expect_text(const char *expected, const char *text, size_t len) {
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(text, expected, len);
}

static void writes_the_shortest_number(void **state) {
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {1, "1"},
        {-1, "-1"},
        {0.1, "0.1"},
        {1.5, "1.5"},
        {0.001, "0.001"},
        {-0.25, "-0.25"},
        {1e14, "100000000000000"},
        {1e15, "1e+15"},
        {1e300, "1e+300"},
        {(double)NAN, "NaN"},
        {HUGE_VAL, "+Inf"},
        {1e-9, "1e-09"},
        {-HUGE_VAL, "-Inf"},
        {1763720000.123, "1763720000.123"},
        {1.0 / 3, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"},
        {123456.7891, "123456.7891"},
    };
    char out[EX_NUMBER_MAX_BYTES];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_text(cases[i].text, out, ex_number_print_double(out, cases[i].value));
    expect_text("18446744073709551615", out, ex_number_print_u64(out, UINT64_MAX));
    expect_text("10000", out, ex_number_print_u64(out, 10000));
    expect_text("-1.5", out, ex_number_print_seconds(out, -1500));
}

static void every_number_reads_back(void **state) {
    uint64_t bits = 88172645463325252u;
    (void)state;

    for (int i = 0; i < 200000; i++) {
        char out[EX_NUMBER_MAX_BYTES + 1];
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double value = i % 2 ? ex_double_of(bits) : (double)(bits % 1000000000) / 1000;
        if (!isfinite(value))
            continue;
        out[ex_number_print_double(out, value)] = '\0';
        assert_true(strtod(out, NULL) == value);
    }
}

static void writes_bounds_as_others_do(void **state) {
    static const struct {
        double bound;
        const char *text;
    } cases[] = {{0.1, "0.1"},         {1, "1.0"},
                 {10, "10.0"},         {3600, "3600.0"},
                 {1e6, "1e+06"},       {1e-6, "1e-06"},
                 {2.5e-5, "2.5e-05"},  {0.0001, "0.0001"},
                 {999999, "999999.0"}, {1234567, "1.234567e+06"},
                 {HUGE_VAL, "+Inf"}};
    char out[EX_NUMBER_MAX_BYTES];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_text(cases[i].text, out, ex_number_print_bound(out, cases[i].bound));
}

/* Every byte at one place, against the obvious check. */
static void check_plain(size_t len, size_t at) {
    for (int byte = 0; byte < 256; byte++) {
        char text[20];
        memset(text, 'a', sizeof text);
        text[at] = (char)byte;
        bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
        if (ex_label_is_plain((struct fo_str){text, len}, 100) != plain)
            fail_msg("byte %d at %zu of %zu", byte, at, len);
    }
}

static void knows_plain_values(void **state) {
    (void)state;
    for (size_t len = 1; len <= 19; len++) {
        for (size_t at = 0; at < len; at++)
            check_plain(len, at);
    }
    assert_true(ex_label_is_plain((struct fo_str){NULL, 0}, 100));
    assert_false(ex_label_is_plain(STR("aaa"), 2));
}

static void knows_utf8(void **state) {
    static const char *const good[] = {"",
                                       "a",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xe2\x82",
                                      "\xf0\x9f\x98",
                                      "\xff"};
    size_t points;
    (void)state;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(ex_utf8_is_valid(fo_str_of(good[i]), &points));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(ex_utf8_is_valid(fo_str_of(bad[i]), &points));
}

static void escapes_and_unescapes(void **state) {
    const struct fo_str value = {"a\"b\\c\n\0d\\n", 10};
    struct fo_str rest;
    struct fo_str name;
    struct fo_str escaped;
    struct ex_buffer text;
    struct ex_buffer back;
    (void)state;

    ex_buffer_init(&text, 1000);
    ex_buffer_init(&back, 1000);
    ex_buffer_append_text(&text, "x=\"");
    (void)ex_label_escape(&text, value, 100);
    ex_buffer_append_text(&text, "\",y=\"1\"");
    rest = ex_buffer_str(&text);
    assert_true(ex_label_next(&rest, &name, &escaped));
    assert_true(fo_str_equal(name, STR("x")));
    ex_label_unescape(&back, escaped);
    assert_true(fo_str_equal(ex_buffer_str(&back), value));
    assert_true(ex_label_next(&rest, &name, &escaped));
    assert_true(fo_str_equal(name, STR("y")) && fo_str_equal(escaped, STR("1")));
    assert_false(ex_label_next(&rest, &name, &escaped));
    ex_buffer_done(&text);
    ex_buffer_done(&back);
}

/* Bucket i of schema s is (b^(i-1), b^i] with b = 2^(2^-s). */
static void native_buckets_hold_what_they_say(void **state) {
    (void)state;
    assert_int_equal(ex_native_index(1), 0);
    assert_int_equal(ex_native_index(2), 8);
    assert_int_equal(ex_native_index(1.0000001), 1);
    assert_int_equal(ex_native_index(0.5), -8);
    for (double value = 1e-9; value < 1e9; value *= 1.037) {
        int index = ex_native_index(value);
        double upper = exp2((double)index / 8);
        double lower = exp2((double)(index - 1) / 8);
        assert_true(value <= upper * (1 + 1e-12) && value > lower * (1 - 1e-12));
    }
    for (int index = -20; index <= 20; index++)
        assert_int_equal(ex_native_merged(index), (int)ceil(index / 2.0));
}

static void too_many_native_buckets_halve_their_resolution(void **state) {
    static const struct ex_family_spec spec = {
        .name = "h", .help = "H.", .type = EX_HISTOGRAM, .native = true};
    struct ex_metrics *metrics = fixture_metrics(NULL);
    struct ex_family *family = fixture_family(metrics, &spec);
    struct ex_group *group = NULL;
    uint64_t observed = 0;
    uint64_t counted = 0;
    (void)state;

    assert_int_equal(ex_group_new(metrics, NULL, 0, NULL, &group), 0);
    struct ex_series *series = fixture_series(group, family, NULL, NULL);
    for (double value = 1e-300; value < 1e300; value *= 1.5, observed++)
        ex_histogram_observe(series, value);
    struct ex_extra *extra = atomic_load(&series->extra);
    struct ex_words *words = atomic_load(&extra->histogram.live);
    size_t first = ex_histogram_pairs_at(family);
    size_t used = atomic_load(&words->used);
    assert_true((used - first) / 2 <= EX_NATIVE_BUCKETS);
    assert_int_equal((int64_t)atomic_load(&words->word[ex_histogram_schema_at(family)]), -3);
    int64_t before = INT64_MIN;
    for (size_t i = first; i < used; i += 2) {
        int64_t index = (int64_t)atomic_load(&words->word[i]);
        assert_true(index > before);
        before = index;
        counted += atomic_load(&words->word[i + 1]);
    }
    uint64_t zeros = atomic_load(&words->word[ex_histogram_zeros_at(family)]);
    assert_true(zeros > 0);
    assert_int_equal(counted + zeros, observed);
    ex_group_retire(group);
    ex_metrics_free(metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_shortest_number),
        cmocka_unit_test(every_number_reads_back),
        cmocka_unit_test(writes_bounds_as_others_do),
        cmocka_unit_test(knows_plain_values),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(escapes_and_unescapes),
        cmocka_unit_test(native_buckets_hold_what_they_say),
        cmocka_unit_test(too_many_native_buckets_halve_their_resolution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
