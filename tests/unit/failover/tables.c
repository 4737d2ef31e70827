/* SPDX-License-Identifier: Apache-2.0 */
/* Every cell of the state tables is there, and the transitions are those of Flink's description,
 * listed here once more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failover/job_table.h"
#include "failover/task_table.h"

static bool task_has_ended(unsigned state) {
    return state == FO_TASK_FINISHED || state == FO_TASK_CANCELED || state == FO_TASK_FAILED;
}

static void test_every_task_cell_is_there(void **state) {
    (void)state;
    for (unsigned from = 0; from < FO_TASK_STATE_COUNT; from++) {
        for (unsigned input = 0; input < FO_TASK_INPUT_COUNT; input++) {
            struct fo_task_cell cell = fo_task_cell((enum fo_task_state)from, input);
            assert_in_range(cell.verdict, FO_CELL_MISSING + 1, FO_CELL_NEVER);
            assert_in_range(cell.to, 0, FO_TASK_STATE_COUNT - 1);
            assert_in_range(cell.via, 0, FO_TASK_STATE_COUNT - 1);
        }
    }
}

static void test_ended_attempts_are_stale(void **state) {
    (void)state;
    for (unsigned from = 0; from < FO_TASK_STATE_COUNT; from++) {
        for (unsigned report = 0; report < FO_TASK_STATE_COUNT; report++) {
            struct fo_task_cell cell = fo_task_cell((enum fo_task_state)from, report);
            assert_int_equal(cell.verdict == FO_CELL_STALE, task_has_ended(from));
        }
    }
}

/* What a report or order makes of a task: the state, or -1 for none. */
static int outcome(enum fo_task_state from, unsigned input) {
    struct fo_task_cell cell = fo_task_cell(from, input);
    bool moves = cell.verdict == FO_CELL_GO || cell.verdict == FO_CELL_GO_VIA ||
                 cell.verdict == FO_CELL_FAIL;

    return moves ? cell.to : -1;
}

static void test_task_transitions(void **state) {
    static const enum fo_task_state deployed[] = {FO_TASK_DEPLOYING, FO_TASK_INITIALIZING,
                                                  FO_TASK_RUNNING};
    static const enum fo_task_state early[] = {FO_TASK_CREATED, FO_TASK_SCHEDULED};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(outcome(deployed[i], FO_TASK_FINISHED), FO_TASK_FINISHED);
        assert_int_equal(outcome(deployed[i], FO_TASK_CANCELED), FO_TASK_CANCELED);
        assert_int_equal(outcome(deployed[i], FO_TASK_FAILED), FO_TASK_FAILED);
        assert_int_equal(fo_task_cell(deployed[i], FO_TASK_FAILED).verdict, FO_CELL_FAIL);
        assert_int_equal(outcome(deployed[i], FO_ORDER_CANCEL), FO_TASK_CANCELING);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct fo_task_cell cancel = fo_task_cell(early[i], FO_ORDER_CANCEL);
        assert_int_equal(cancel.verdict, FO_CELL_GO_VIA);
        assert_int_equal(cancel.via, FO_TASK_CANCELING);
        assert_int_equal(cancel.to, FO_TASK_CANCELED);
        assert_int_equal(fo_task_cell(early[i], FO_TASK_FAILED).verdict, FO_CELL_FAIL);
        assert_int_equal(fo_task_cell(early[i], FO_TASK_FINISHED).verdict, FO_CELL_FAIL);
        assert_int_equal(fo_task_cell(early[i], FO_TASK_CANCELED).verdict, FO_CELL_FAIL_ALL);
        assert_int_equal(fo_task_cell(early[i], FO_TASK_RUNNING).verdict, FO_CELL_NEVER);
    }
    assert_int_equal(outcome(FO_TASK_CANCELING, FO_TASK_CANCELED), FO_TASK_CANCELED);
    assert_int_equal(outcome(FO_TASK_CANCELING, FO_TASK_FINISHED), FO_TASK_CANCELED);
    assert_int_equal(outcome(FO_TASK_CANCELING, FO_TASK_FAILED), FO_TASK_CANCELED);
    assert_int_equal(fo_task_cell(FO_TASK_CANCELING, FO_TASK_FAILED).verdict, FO_CELL_GO);
    assert_int_equal(fo_task_cell(FO_TASK_CANCELING, FO_TASK_RUNNING).verdict, FO_CELL_IGNORE);
    assert_int_equal(fo_task_cell(FO_TASK_RECONCILING, FO_TASK_FINISHED).verdict, FO_CELL_FAIL);
    assert_int_equal(fo_task_cell(FO_TASK_DEPLOYING, FO_TASK_RUNNING).via, FO_TASK_INITIALIZING);
}

/* Orders: SCHEDULE, DEPLOY and RESET are legal from exactly one kind of state. */
static void test_orders(void **state) {
    (void)state;
    for (unsigned from = 0; from < FO_TASK_STATE_COUNT; from++) {
        enum fo_task_state task = (enum fo_task_state)from;
        assert_int_equal(outcome(task, FO_ORDER_SCHEDULE),
                         from == FO_TASK_CREATED ? FO_TASK_SCHEDULED : -1);
        assert_int_equal(outcome(task, FO_ORDER_DEPLOY),
                         from == FO_TASK_SCHEDULED ? FO_TASK_DEPLOYING : -1);
        assert_int_equal(outcome(task, FO_ORDER_RESET),
                         task_has_ended(from) ? FO_TASK_CREATED : -1);
        if (task_has_ended(from))
            assert_int_equal(fo_task_cell(task, FO_ORDER_CANCEL).verdict, FO_CELL_IGNORE);
    }
}

static void test_every_job_cell_is_there(void **state) {
    (void)state;
    for (unsigned from = 0; from < FO_JOB_STATE_COUNT; from++) {
        for (unsigned input = 0; input < FO_JOB_INPUT_COUNT; input++) {
            struct fo_job_cell cell =
                fo_job_cell((enum fo_job_state)from, (enum fo_job_input)input);
            assert_in_range(cell.verdict, FO_JOB_CELL_MISSING + 1, FO_JOB_CELL_ENDED);
            assert_in_range(cell.to, 0, FO_JOB_STATE_COUNT - 1);
            assert_int_equal(cell.verdict == FO_JOB_CELL_ENDED,
                             fo_job_state_is_terminal((enum fo_job_state)from) ||
                                 (from == FO_JOB_SUSPENDED && cell.verdict == FO_JOB_CELL_ENDED));
        }
    }
}

static void test_job_transitions(void **state) {
    static const struct {
        enum fo_job_state from;
        enum fo_job_input input;
        enum fo_job_state to;
    } all[] = {
        {FO_JOB_CREATED, FO_IN_START, FO_JOB_RUNNING},
        {FO_JOB_RUNNING, FO_IN_WAIT, FO_JOB_RESTARTING},
        {FO_JOB_RESTARTING, FO_IN_GO_ON, FO_JOB_RUNNING},
        {FO_JOB_CREATED, FO_IN_GIVE_UP, FO_JOB_FAILING},
        {FO_JOB_RUNNING, FO_IN_GIVE_UP, FO_JOB_FAILING},
        {FO_JOB_RESTARTING, FO_IN_GIVE_UP, FO_JOB_FAILING},
        {FO_JOB_CANCELLING, FO_IN_GIVE_UP, FO_JOB_FAILING},
        {FO_JOB_FAILING, FO_IN_ALL_ENDED, FO_JOB_FAILED},
        {FO_JOB_CREATED, FO_IN_CANCEL, FO_JOB_CANCELLING},
        {FO_JOB_RUNNING, FO_IN_CANCEL, FO_JOB_CANCELLING},
        {FO_JOB_RESTARTING, FO_IN_CANCEL, FO_JOB_CANCELLING},
        {FO_JOB_FAILING, FO_IN_CANCEL, FO_JOB_CANCELLING},
        {FO_JOB_CANCELLING, FO_IN_ALL_ENDED, FO_JOB_CANCELED},
        {FO_JOB_RUNNING, FO_IN_ALL_FINISHED, FO_JOB_FINISHED},
        {FO_JOB_CREATED, FO_IN_SUSPEND, FO_JOB_SUSPENDED},
        {FO_JOB_RUNNING, FO_IN_SUSPEND, FO_JOB_SUSPENDED},
        {FO_JOB_RESTARTING, FO_IN_SUSPEND, FO_JOB_SUSPENDED},
        {FO_JOB_FAILING, FO_IN_SUSPEND, FO_JOB_SUSPENDED},
        {FO_JOB_CANCELLING, FO_IN_SUSPEND, FO_JOB_SUSPENDED},
    };
    unsigned moves = 0;

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct fo_job_cell cell = fo_job_cell(all[i].from, all[i].input);
        assert_int_equal(cell.verdict, FO_JOB_CELL_GO);
        assert_int_equal(cell.to, all[i].to);
    }
    for (unsigned from = 0; from < FO_JOB_STATE_COUNT; from++) {
        for (unsigned input = 0; input < FO_JOB_INPUT_COUNT; input++)
            moves += fo_job_cell((enum fo_job_state)from, (enum fo_job_input)input).verdict ==
                     FO_JOB_CELL_GO;
    }
    assert_int_equal(moves, sizeof all / sizeof *all);
}

static void test_names(void **state) {
    enum fo_task_state parsed = FO_TASK_CREATED;

    (void)state;
    for (unsigned i = 0; i < FO_TASK_STATE_COUNT; i++) {
        const char *name = fo_task_state_name((enum fo_task_state)i);
        assert_int_equal(fo_task_state_parse(fo_str_of(name), &parsed), 0);
        assert_int_equal(parsed, i);
        assert_int_equal(fo_task_state_is_terminal((enum fo_task_state)i), task_has_ended(i));
    }
    for (unsigned i = 0; i < FO_JOB_STATE_COUNT; i++)
        assert_non_null(fo_job_state_name((enum fo_job_state)i));
    assert_string_equal(fo_job_state_name(FO_JOB_CANCELLING), "CANCELLING");
    assert_string_equal(fo_job_state_name((enum fo_job_state)99), "?");
    assert_string_equal(fo_task_state_name((enum fo_task_state)99), "?");
    assert_int_not_equal(fo_task_state_parse(fo_str_of("running"), &parsed), 0);
    assert_int_not_equal(fo_task_state_parse(fo_str_of(""), &parsed), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_task_cell_is_there),
        cmocka_unit_test(test_ended_attempts_are_stale),
        cmocka_unit_test(test_task_transitions),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_every_job_cell_is_there),
        cmocka_unit_test(test_job_transitions),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
