/* SPDX-License-Identifier: Apache-2.0 */
/* The push engine with a core behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "fuzz/push_stage.h"

enum { TEXT_BYTES = 1 << 20, PATIENCE = 3000 };

static struct push_stage stage;
static struct ex_buffer answers;

static void open_stage(uint32_t parallelism, int64_t delay_ms, int64_t heartbeat_ms) {
    push_stage_open(&stage, parallelism, delay_ms, heartbeat_ms);
    ex_buffer_init(&answers, TEXT_BYTES);
}

static void close_stage(void) {
    ex_buffer_done(&answers);
    push_stage_close(&stage);
}

static const char *report(const char *body) {
    ex_buffer_reset(&answers);
    assert_int_equal(push_stage_report(&stage, fo_str_of(body), true, &answers), 0);
    return ex_buffer_text(&answers);
}

#define LINE(task_, attempt_, sequence_, state_)                                                   \
    "{\"task\":\"" task_ "\",\"attempt\":" #attempt_ ",\"sequence\":" #sequence_                   \
    ",\"state\":\"" state_ "\"}\n"
#define NONE "{\"decision\":{\"action\":\"none\",\"restart\":[],\"delay_ms\":0}}\n"
#define RESTART(tasks_, delay_)                                                                    \
    "{\"decision\":{\"action\":\"restart\",\"restart\":[" tasks_ "],\"delay_ms\":" #delay_ "}}\n"

/* ---- a follower that remembers ---- */

struct memory {
    struct ex_push_follower own; /* first */
    char text[TEXT_BYTES];       /* "deploy cancel ..." */
    uint64_t last_id;
    unsigned ended;
};

static bool remember(struct ex_push_follower *own, const struct ex_push_told *event) {
    struct memory *memory = (struct memory *)(void *)own;
    size_t len = strlen(memory->text);

    (void)snprintf(memory->text + len, sizeof memory->text - len, "%s ", event->action);
    memory->last_id = event->id;
    return true;
}

static bool is_there(struct ex_push_follower *own) {
    (void)own;
    return true;
}

static void end(struct ex_push_follower *own) {
    ((struct memory *)(void *)own)->ended++;
}

static void follow(struct memory *memory, uint64_t after, bool once) {
    memory->own =
        (struct ex_push_follower){.once = once, .tell = remember, .is_there = is_there, .end = end};
    memory->text[0] = '\0';
    memory->ended = 0;
    assert_int_equal(ex_push_follow(stage.push, fo_str_of("job"), &memory->own, after), 0);
}

/* ---- tests ---- */

static void test_repeats(void **state) {
    (void)state;
    open_stage(2, 7, 0);
    assert_string_equal(report(LINE("a[0]", 0, 5, "RUNNING")), NONE);
    assert_string_equal(report(LINE("a[0]", 0, 5, "RUNNING")), NONE);
    assert_int_equal(stage.told, 1);
    assert_string_equal(report(LINE("a[0]", 0, 6, "FAILED")), RESTART("\"a[0]\"", 7));
    assert_string_equal(report(LINE("a[0]", 0, 6, "FAILED")), RESTART("\"a[0]\"", 7));
    assert_string_equal(report(LINE("a[0]", 0, 4, "FAILED")),
                        "{\"error\":\"`attempt`: this is not the attempt to run now\",\"reason\":"
                        "\"stale_attempt\",\"status\":409}\n");
    assert_int_equal(stage.failures, 1);
    push_stage_wait(&stage, 7);
    assert_string_equal(report(LINE("a[0]", 1, 0, "RUNNING")), NONE);
    assert_string_equal(report(LINE("a[0]", 0, 6, "FAILED")), RESTART("\"a[0]\"", 7));
    assert_string_equal(report(LINE("a[0]", 0, 5, "RUNNING")), NONE);
    assert_int_equal(stage.failures, 1);
    close_stage();
}

/* The same report twice in a batch: both wait for one answer. */
static void test_twins(void **state) {
    (void)state;
    open_stage(2, 0, 0);
    assert_string_equal(report(LINE("a[1]", 0, 1, "FAILED") LINE("a[1]", 0, 1, "FAILED")),
                        RESTART("\"a[1]\"", 0) RESTART("\"a[1]\"", 0));
    assert_int_equal(stage.told, 1);
    close_stage();
}

/* A report that overtook an older one does not make it a repetition. */
static void test_order(void **state) {
    (void)state;
    open_stage(1, 0, 0);
    assert_string_equal(report(LINE("a[0]", 0, 9, "INITIALIZING")), NONE);
    assert_string_equal(report(LINE("a[0]", 0, 3, "RUNNING")), NONE);
    assert_int_equal(stage.told, 2);
    assert_string_equal(report(LINE("a[0]", 0, 2000, "RUNNING")), NONE);
    assert_int_equal(stage.told, 2); /* it says nothing new */
    assert_string_equal(report(LINE("a[0]", 0, 1937, "FINISHED")), NONE);
    assert_int_equal(stage.told, 3);
    assert_int_equal(fo_job_task_state(stage.core, 0), FO_TASK_FINISHED);
    close_stage();
}

static void test_fences(void **state) {
    (void)state;
    open_stage(1, 5, 0);
    assert_non_null(strstr(report(LINE("b[0]", 0, 0, "FAILED")), "stale_attempt"));
    assert_non_null(strstr(report(LINE("a[0]", 1, 0, "RUNNING")), "stale_attempt"));
    assert_non_null(strstr(report(LINE("a[7]", 0, 0, "RUNNING")), "unknown_task"));
    (void)report(LINE("a[0]", 0, 0, "FAILED"));
    assert_non_null(strstr(report(LINE("a[0]", 1, 0, "RUNNING")), "stale_attempt")); /* not yet */
    push_stage_wait(&stage, 5);
    assert_string_equal(report(LINE("a[0]", 1, 0, "RUNNING")), NONE);
    assert_non_null(strstr(report(LINE("a[0]", 1, 1, "INITIALIZING")), "illegal_state"));
    assert_string_equal(report(LINE("a[0]", 1, 1, "FINISHED")),
                        NONE); /* refused ones do not count */
    assert_string_equal(report(LINE("b", 0, 0, "FINISHED")), NONE);
    assert_int_equal(fo_job_state(stage.core), FO_JOB_FINISHED);
    assert_true(stage.closed);
    assert_string_equal(report(LINE("b", 0, 0, "FINISHED")), NONE);
    assert_string_equal(report(LINE("a", 0, 0, "FAILED")), RESTART("\"a[0]\"", 5));
    assert_non_null(strstr(report(LINE("b", 0, 1, "FAILED")), "job_ended"));
    close_stage();
}

static void test_events(void **state) {
    static struct memory memory;
    static struct memory later;

    (void)state;
    open_stage(1, 5, 0);
    follow(&memory, 0, false);
    assert_string_equal(memory.text, "reset ");
    (void)report(LINE("a[0]", 0, 0, "FAILED"));
    uint64_t seen = memory.last_id;
    push_stage_wait(&stage, 5);
    assert_string_equal(memory.text, "reset restart deploy ");
    follow(&later, seen, true);
    assert_string_equal(later.text, "deploy ");
    assert_int_equal(later.ended, 1);
    follow(&later, memory.last_id, true);
    assert_int_equal(later.ended, 0); /* it waits */
    push_stage_order(&stage, FO_EVENT_CANCEL);
    assert_string_equal(later.text, "cancel ");
    assert_int_equal(later.ended, 1);
    (void)report(LINE("a[0]", 1, 0, "CANCELED"));
    assert_string_equal(memory.text, "reset restart deploy cancel close ");
    assert_int_equal(memory.ended, 1);
    follow(&later, seen, false);
    assert_string_equal(later.text, "deploy cancel close ");
    assert_int_equal(later.ended, 1);
    follow(&later, 1, true);
    assert_string_equal(later.text, "reset close ");
    close_stage();
}

static void test_gap(void **state) {
    static struct memory memory;
    char line[128];

    (void)state;
    open_stage(1, 0, 0);
    follow(&memory, 0, true);
    uint64_t first = memory.last_id;
    for (unsigned attempt = 0; attempt < EX_PUSH_EVENTS_KEPT; attempt++) {
        (void)snprintf(line, sizeof line,
                       "{\"task\":\"a\",\"attempt\":%u,\"sequence\":0,\"state\":\"FAILED\"}",
                       attempt);
        assert_string_equal(report(line), RESTART("\"a[0]\"", 0));
        push_stage_wait(&stage, 1);
    }
    follow(&memory, first, true);
    assert_string_equal(memory.text, "reset ");
    uint64_t last = memory.last_id;
    follow(&memory, last - EX_PUSH_EVENTS_KEPT, true);
    assert_string_equal(strstr(memory.text, "reset") ? "reset" : "all", "all");
    follow(&memory, last + 1, true); /* of another daemon */
    assert_string_equal(memory.text, "reset ");
    close_stage();
}

static void wait_until(bool (*holds)(void)) {
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

    for (int i = 0; i < PATIENCE && !holds(); i++) {
        (void)nanosleep(&pause, NULL);
        push_stage_wait(&stage, 1);
    }
    assert_true(holds());
}

static bool has_failures(void) {
    return stage.failures >= 2;
}

static bool has_ended(void) {
    return stage.closed;
}

static void test_silence(void **state) {
    (void)state;
    open_stage(2, 1, 50);
    wait_until(has_failures);
    push_stage_order(&stage, FO_EVENT_CANCEL); /* nobody confirms */
    wait_until(has_ended);
    assert_int_equal(fo_job_state(stage.core), FO_JOB_CANCELED);
    close_stage();
}

/* While nobody here could hear it the scheduler was not silent. */
static void test_standstill(void **state) {
    enum { HEARTBEAT_MS = 500 };
    const struct timespec longer = {.tv_nsec = (HEARTBEAT_MS + 400) * 1000000L};

    (void)state;
    open_stage(2, 1, HEARTBEAT_MS);
    (void)nanosleep(&longer, NULL);
    for (int i = 0; i < 3; i++)
        push_stage_wait(&stage, 1);
    assert_int_equal(stage.failures, 0);
    wait_until(has_failures);
    close_stage();
}

static void test_room(void **state) {
    (void)state;
    open_stage(1, 0, 0);
    assert_true(ex_push_admit(stage.push, EX_PUSH_REPORTS_IN_FLIGHT - 1));
    assert_false(ex_push_admit(stage.push, 2));
    assert_true(ex_push_admit(stage.push, 1));
    ex_push_turn_away(stage.push, 3);
    assert_int_equal(ex_push_turned_away(stage.push), 3);
    assert_int_equal(ex_push_turned_away(stage.push), 0);
    ex_push_dismiss(stage.push, EX_PUSH_REPORTS_IN_FLIGHT);
    assert_true(ex_push_knows(stage.push, fo_str_of("job")));
    assert_false(ex_push_knows(stage.push, fo_str_of("nobody")));
    close_stage();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeats), cmocka_unit_test(test_twins),
        cmocka_unit_test(test_order),   cmocka_unit_test(test_fences),
        cmocka_unit_test(test_events),  cmocka_unit_test(test_gap),
        cmocka_unit_test(test_silence), cmocka_unit_test(test_standstill),
        cmocka_unit_test(test_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
