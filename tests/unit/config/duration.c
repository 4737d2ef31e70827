/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/duration.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "exporter/config/number.h"

/* Flink's own cases are in tests/conformance/vectors/durations.json; these are the edges. */
static const struct {
    const char *text;
    int rc;
    uint32_t nanos;
    int64_t seconds;
} cases[] = {
    {"0", 0, 0, 0},
    {"1500", 0, 500000000, 1},
    {"\t 7 \n s \r", 0, 0, 7},
    {"00000000000000000000000000000000000000000000000000000000000000001 d", 0, 0, 86400},
    {"9223372036854775807 s", 0, 0, INT64_MAX},
    {"9223372036854775807999999999 ns", 0, 999999999, INT64_MAX},
    {"9223372036854775808 s", -ERANGE, 0, 0},
    {"9223372036854775808000000000 ns", -ERANGE, 0, 0},
    {"106751991167300 d", 0, 0, INT64_C(9223372036854720000)},
    {"106751991167301 d", -ERANGE, 0, 0},
    {"99999999999999999999999999999999999999999999999999999999999999999 ns", -ERANGE, 0, 0},
    {"5 \xC2\xB5s", 0, 5000, 0},
    {"5 \xCE\xBCs", -EINVAL, 0, 0},
    {"5 Minutes", 0, 0, 300},
    {"1.5 s", -EINVAL, 0, 0},
    {"1 h 5 min", -EINVAL, 0, 0},
    {"16 16 ms", -EINVAL, 0, 0},
    {"1 hr", -EINVAL, 0, 0},
    {"1 week", -EINVAL, 0, 0},
    {"s", -EINVAL, 0, 0},
    {"", -EINVAL, 0, 0},
    {"PT1H30M", 0, 0, 5400},
    {"p1dt1h1m1.000000001s", 0, 1, 90061},
    {"PT0,5S", 0, 500000000, 0},
    {"PT1.S", 0, 0, 1},
    {"+PT1S", 0, 0, 1},
    {"PT6H-3M", 0, 0, 21420},
    {"PT2H-0.5S", 0, 500000000, 7199},
    {"-PT-6H", 0, 0, 21600},
    {"-PT-0.5S", 0, 500000000, 0},
    {"PT-0.5S", -EINVAL, 0, 0},
    {"PT-1S", -EINVAL, 0, 0},
    {"P", -EINVAL, 0, 0},
    {"PT", -EINVAL, 0, 0},
    {"P1DT", -EINVAL, 0, 0},
    {"P1W", -EINVAL, 0, 0},
    {"P1H", -EINVAL, 0, 0},
    {"PT1M1H", -EINVAL, 0, 0},
    {"PT.5S", -EINVAL, 0, 0},
    {"PT1.5M", -EINVAL, 0, 0},
    {"PT0.1234567890S", -EINVAL, 0, 0},
    {"PT1S PT1S", -EINVAL, 0, 0},
    {"PT9223372036854775807S", 0, 0, INT64_MAX},
    {"PT9223372036854775808S", -ERANGE, 0, 0},
    {"PT9223372036854775807H", -ERANGE, 0, 0},
    {"-", -EINVAL, 0, 0},
};

static void parses_exactly(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ex_duration duration = {-1, 1};
        int rc = ex_duration_parse(fo_str_of(cases[i].text), &duration);
        if (rc != cases[i].rc)
            fail_msg("\"%s\": %d instead of %d", cases[i].text, rc, cases[i].rc);
        if (rc == 0 && (duration.seconds != cases[i].seconds || duration.nanos != cases[i].nanos))
            fail_msg("\"%s\": %lld s %u ns", cases[i].text, (long long)duration.seconds,
                     duration.nanos);
    }
}

static void converts(void **state) {
    char text[EX_DURATION_NS_SIZE];
    int64_t ms = -1;
    (void)state;

    assert_int_equal(ex_duration_parse_ms(fo_str_of("999999 ns"), &ms), 0);
    assert_int_equal(ms, 0);
    assert_int_equal(ex_duration_parse_ms(fo_str_of("9223372036854775807 ms"), &ms), 0);
    assert_int_equal(ms, INT64_MAX);
    assert_int_equal(ex_duration_parse_ms(fo_str_of("9223372036854775808 ms"), &ms), -ERANGE);
    ex_duration_format_ns((struct ex_duration){INT64_MAX, 999999999}, text);
    assert_string_equal(text, "9223372036854775807999999999");
    ex_duration_format_ns((struct ex_duration){1, 5}, text);
    assert_string_equal(text, "1000000005");
    ex_duration_format_ns((struct ex_duration){0, 5}, text);
    assert_string_equal(text, "5");
}

static void reads_sizes(void **state) {
    static const struct {
        const char *text;
        int rc;
        uint64_t bytes;
    } sizes[] = {
        {"0", 0, 0},
        {"4096", 0, 4096},
        {"4096 bytes", 0, 4096},
        {"256 MiB", 0, UINT64_C(256) << 20},
        {"1GiB", 0, UINT64_C(1) << 30},
        {"3 kib", 0, 3072},
        {"17179869183 GiB", 0, UINT64_C(17179869183) << 30},
        {"17179869184 GiB", -ERANGE, 0},
        {"256 MB", -EINVAL, 0},
        {"1.5 GiB", -EINVAL, 0},
        {"-1", -EINVAL, 0},
        {"1  KiB", -EINVAL, 0},
        {"1 ", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"KiB", -EINVAL, 0},
        {"", -EINVAL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t bytes = 0;
        int rc = ex_number_bytes(fo_str_of(sizes[i].text), &bytes);
        if (rc != sizes[i].rc || bytes != sizes[i].bytes)
            fail_msg("\"%s\": %d, %llu", sizes[i].text, rc, (unsigned long long)bytes);
    }
}

static void reads_numbers(void **state) {
    int32_t small = 0;
    int64_t wide = 0;
    double real = 0;
    (void)state;

    assert_int_equal(ex_number_i32(fo_str_of("2147483647"), &small), 0);
    assert_int_equal(small, INT32_MAX);
    assert_int_equal(ex_number_i32(fo_str_of("-2147483648"), &small), 0);
    assert_int_equal(ex_number_i32(fo_str_of("2147483648"), &small), -ERANGE);
    assert_int_equal(ex_number_i32(fo_str_of("+3"), &small), 0);
    assert_int_equal(small, 3);
    assert_int_equal(ex_number_i32(fo_str_of("three"), &small), -EINVAL);
    assert_int_equal(ex_number_i32(fo_str_of(" 3"), &small), -EINVAL);
    assert_int_equal(ex_number_i64(fo_str_of("-9223372036854775808"), &wide), 0);
    assert_true(wide == INT64_MIN);
    assert_int_equal(ex_number_i64(fo_str_of("9223372036854775808"), &wide), -ERANGE);
    assert_int_equal(ex_number_i64(fo_str_of("-"), &wide), -EINVAL);
    assert_int_equal(ex_number_double(fo_str_of("-1.25e2"), &real), 0);
    assert_true(real > -125.01 && real < -124.99);
    assert_int_equal(ex_number_double(fo_str_of("1e999"), &real), -ERANGE);
    assert_int_equal(ex_number_double(fo_str_of("0x10"), &real), -EINVAL);
    assert_int_equal(ex_number_double(fo_str_of("nan"), &real), -EINVAL);
    assert_int_equal(ex_number_double(fo_str_of("1,5"), &real), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_exactly),
        cmocka_unit_test(converts),
        cmocka_unit_test(reads_sizes),
        cmocka_unit_test(reads_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
