/* SPDX-License-Identifier: Apache-2.0 */
/* What the job manager keeps, as bytes: read as it was written, and whatever else is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exporter/manager/job.h"
#include "exporter/manager/record.h"

static void test_labels(void **state) {
    const struct fo_label labels[] = {{fo_str_of("type"), fo_str_of("USER")},
                                      {fo_str_of("empty"), fo_str_of("")},
                                      {fo_str_of("any"), {"a\0b", 3}}};
    struct fo_label read[EX_BANK_LABELS_MAX];
    struct ex_buffer packed;

    (void)state;
    ex_buffer_init(&packed, 1000);
    ex_labels_pack(&packed, labels, 3);
    assert_int_equal(ex_labels_unpack(ex_buffer_str(&packed), read), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(fo_str_equal(read[i].key, labels[i].key));
        assert_true(fo_str_equal(read[i].value, labels[i].value));
    }
    for (size_t len = 0; len < packed.len; len++) /* cut short: no label too many, nothing read */
        assert_true(ex_labels_unpack((struct fo_str){packed.bytes, len}, read) < 3);
    assert_int_equal(
        ex_labels_unpack((struct fo_str){"\377\377\377\377\377\377\377\377\377x", 10}, read), 0);
    ex_buffer_done(&packed);
}

static void test_task_facts(void **state) {
    struct ex_task_times times[3] = {{1000, 0}, {999, 1500}, {INT64_MAX / 4, 1000}};
    struct ex_task_times read_times[3] = {{0, 0}};
    struct ex_sequences sequences[3] = {{0, 0}, {127, 0}, {UINT64_MAX, 9}};
    struct ex_sequences read_sequences[3] = {{0, 0}};
    struct ex_job job = {.submitted_ms = 1000, .task_times = times, .sequences = sequences};
    struct ex_job again = {
        .submitted_ms = 1000, .task_times = read_times, .sequences = read_sequences};
    const struct fo_task_range range = {0, 3};
    struct ex_buffer packed;

    (void)state;
    ex_buffer_init(&packed, 1000);
    ex_task_facts_pack(&packed, &job, range);
    assert_int_equal(ex_task_facts_unpack(&again, range, ex_buffer_str(&packed)), 0);
    assert_memory_equal(read_times, times, sizeof times);
    assert_memory_equal(read_sequences, sequences, sizeof sequences);
    for (size_t len = 0; len < packed.len; len++)
        assert_int_equal(ex_task_facts_unpack(&again, range, (struct fo_str){packed.bytes, len}),
                         -EINVAL);
    ex_buffer_append_char(&packed, 'x');
    assert_int_equal(ex_task_facts_unpack(&again, range, ex_buffer_str(&packed)), -EINVAL);
    ex_buffer_done(&packed);
}

static void test_a_failure(void **state) {
    static const char record[] =
        "{\"kind\":\"failure\",\"incident\":4,\"time_ms\":77,\"failure_id\":12,\"engine\":\"e\","
        "\"job_id\":\"j\",\"job_name\":\"n\",\"task\":\"a[1]\",\"vertex\":\"a\",\"subtask\":1,"
        "\"attempt\":3,\"failure_type\":\"TASK\",\"exit_code\":7,\"message\":\"exit status 7\","
        "\"output\":\"said\",\"exceptions\":[{\"class\":\"C\",\"message\":\"m\"}],"
        "\"labels\":{\"type\":\"USER\"}}";
    struct fo_task_range runs[] = {{2, 1}, {500, 300}};
    struct fo_label labels[] = {{fo_str_of("mine"), fo_str_of("x")}};
    struct ex_failure failure = {
        .id = 12,
        .at_ms = 77,
        .task = 1,
        .attempt = 3,
        .is_final = true,
        .decided = true,
        .evidence = {.pid = 99, .log_path = fo_str_of("/log")},
        .decision = {.restart = true,
                     .delay_ms = 5,
                     .due_ms = 82,
                     .restart_count = 301,
                     .policy = -1,
                     .id = 6},
        .restarted = {runs, 2},
        .budget = {.limited = true, .limit = 9, .remaining = 8},
        .labels = {labels, 1},
    };
    struct ex_failure *again;
    struct ex_buffer packed_labels;
    struct ex_buffer packed_runs;
    struct ex_row row;

    (void)state;
    ex_buffer_init(&packed_labels, 1000);
    ex_buffer_init(&packed_runs, 1000);
    ex_failure_to_row(&failure, 1, fo_str_of(record), &packed_labels, &packed_runs, &row);
    assert_int_equal(ex_failure_from_row(&row, &again), 0);
    assert_int_equal(again->id, 12);
    assert_int_equal(again->evidence.exit_code, 7);
    assert_int_equal(again->evidence.pid, 99);
    assert_true(fo_str_equal(again->evidence.output_head, fo_str_of("said")));
    assert_true(fo_str_equal(again->evidence.exceptions[0].class_name, fo_str_of("C")));
    assert_true(fo_str_equal(ex_failure_label(again, "type"), fo_str_of("USER")));
    assert_true(fo_str_equal(again->labels.items[0].value, fo_str_of("x")));
    assert_int_equal(again->decision.incident, 4);
    assert_int_equal(again->decision.due_ms, 82);
    assert_true(again->decision.restart && again->labelled && again->decided);
    assert_int_equal(again->restarted.count, 2);
    assert_memory_equal(again->restarted.items, runs, sizeof runs);
    assert_int_equal(again->budget.remaining, 8);
    (void)ex_failure_free(again);
    failure.is_final = false; /* what it came with is not lost while its labels are awaited */
    failure.labels.count = 0;
    failure.passed = (struct ex_label_set){labels, 1};
    ex_failure_to_row(&failure, 1, fo_str_of(record), &packed_labels, &packed_runs, &row);
    assert_int_equal(ex_failure_from_row(&row, &again), 0);
    assert_false(again->is_final || again->labelled);
    assert_int_equal(again->labels.count, 0);
    assert_int_equal(again->passed.count, 1);
    assert_true(fo_str_equal(again->passed.items[0].value, fo_str_of("x")));
    (void)ex_failure_free(again);
    row.texts[0] = fo_str_of("[]");
    assert_int_equal(ex_failure_from_row(&row, &again), -EINVAL);
    ex_buffer_done(&packed_labels);
    ex_buffer_done(&packed_runs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_task_facts),
        cmocka_unit_test(test_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
