/* SPDX-License-Identifier: Apache-2.0 */
/* What has been counted of a history, and what was never seen. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporter/engines/flink/seen.h"

static bool is_new(struct ex_flink_seen *seen, uint64_t hash) {
    bool new = false;

    assert_non_null(ex_flink_seen_note(seen, hash, &new));
    return new;
}

/* As the engine does it when nothing is under way. */
static uint64_t take_gaps(struct ex_flink_seen *seen) {
    uint64_t missing = ex_flink_seen_missing(seen);

    ex_flink_seen_gaps(seen, missing);
    return missing;
}

static void notes_each_once(void **state) {
    (void)state;
    struct ex_flink_seen seen = {0};

    for (uint64_t i = 0; i < 100; i++)
        assert_true(is_new(&seen, i));
    for (uint64_t i = 0; i < 100; i++)
        assert_false(is_new(&seen, i));
    ex_flink_seen_done(&seen);
}

static void forgets_the_oldest(void **state) {
    (void)state;
    struct ex_flink_seen seen = {0};

    for (uint64_t i = 0; i < EX_FLINK_SEEN_MAX + 10; i++)
        assert_true(is_new(&seen, i));
    assert_int_equal(seen.count, EX_FLINK_SEEN_MAX);
    assert_false(ex_flink_seen_has(&seen, 9));
    assert_true(ex_flink_seen_has(&seen, 10));
    ex_flink_seen_done(&seen);
}

static void finds_gaps_once(void **state) {
    (void)state;
    struct ex_flink_seen seen = {0};

    ex_flink_seen_root(&seen);
    ex_flink_seen_restarts(&seen, 0); /* it comes from a cache, and lags */
    assert_int_equal(seen.restarts, 1);
    assert_int_equal(take_gaps(&seen), 0);
    ex_flink_seen_restarts(&seen, 1);
    assert_int_equal(take_gaps(&seen), 0);
    ex_flink_seen_restarts(&seen, 4);
    ex_flink_seen_root(&seen);
    assert_int_equal(take_gaps(&seen), 2);
    assert_int_equal(take_gaps(&seen), 0);
    assert_int_equal(seen.restarts, 4);
    ex_flink_seen_done(&seen);
}

/* We come to a job that has restarted 50 times; what was before us is no gap. */
static void comes_late(void **state) {
    (void)state;
    struct ex_flink_seen seen = {0};

    ex_flink_seen_restarts(&seen, 48);
    ex_flink_seen_before(&seen, ex_flink_seen_missing(&seen));
    ex_flink_seen_restarts(&seen, 50);
    ex_flink_seen_before(&seen, ex_flink_seen_missing(&seen));
    ex_flink_seen_root(&seen);
    ex_flink_seen_restarts(&seen, 51);
    assert_int_equal(take_gaps(&seen), 0);
    assert_int_equal(seen.restarts, 51);
    ex_flink_seen_done(&seen);
}

/* Another JobManager counts from 0 again; the counter goes on. */
static void outlives_a_jobmanager(void **state) {
    (void)state;
    struct ex_flink_seen seen = {0};

    for (int i = 0; i < 5; i++)
        ex_flink_seen_root(&seen);
    ex_flink_seen_restarts(&seen, 5);
    ex_flink_seen_restarts(&seen, 0);
    assert_int_equal(take_gaps(&seen), 0);
    ex_flink_seen_root(&seen);
    ex_flink_seen_restarts(&seen, 1);
    assert_int_equal(take_gaps(&seen), 0);
    assert_int_equal(seen.restarts, 6);
    ex_flink_seen_restarts(&seen, 3);
    assert_int_equal(take_gaps(&seen), 2);
    ex_flink_seen_done(&seen);
}

static void goes_on_from_bytes(void **state) {
    (void)state;
    struct ex_flink_seen seen = {0};
    struct ex_flink_seen again = {0};
    struct ex_buffer bytes;

    ex_buffer_init(&bytes, 65536);
    for (uint64_t i = 0; i < 40; i++) {
        assert_true(is_new(&seen, i * 7));
        ex_flink_seen_root(&seen);
    }
    ex_flink_seen_restarts(&seen, 41);
    assert_int_equal(take_gaps(&seen), 1);
    ex_flink_seen_save(&seen, &bytes);
    struct fo_str saved = ex_buffer_str(&bytes);
    assert_int_equal(ex_flink_seen_load(&again, saved), 0);
    for (uint64_t i = 0; i < 40; i++)
        assert_false(is_new(&again, i * 7));
    assert_true(is_new(&again, 1));
    assert_int_equal(take_gaps(&again), 0);
    assert_int_equal(again.restarts, 41);
    for (size_t len = 0; len < saved.len; len++)
        assert_int_equal(ex_flink_seen_load(&again, (struct fo_str){saved.ptr, len}), -EINVAL);
    ex_buffer_done(&bytes);
    ex_flink_seen_done(&seen);
    ex_flink_seen_done(&again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_each_once),       cmocka_unit_test(forgets_the_oldest),
        cmocka_unit_test(finds_gaps_once),       cmocka_unit_test(comes_late),
        cmocka_unit_test(outlives_a_jobmanager), cmocka_unit_test(goes_on_from_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
