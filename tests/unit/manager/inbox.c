/* SPDX-License-Identifier: Apache-2.0 */
/* The inbox between threads: each message is handled once, in the order of its poster, before or
 * after the inbox was closed. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporter/manager/inbox.h"

enum { POSTERS = 4, MESSAGES = 500 };

struct message {
    struct ex_inbox_message inbox; /* first */
    int poster;
    int number;
    _Atomic int handled;
    bool with_manager;
};

static struct message messages[POSTERS][MESSAGES];
static struct ex_inbox *inbox;
static int next_number[POSTERS]; /* of the manager's thread */
static int handled_by_manager;
static int last_with_manager; /* closes the inbox */

static void handle(struct ex_inbox_message *posted, struct ex_manager *manager) {
    struct message *message = (struct message *)(void *)posted;

    message->with_manager = manager;
    if (manager) {
        assert_int_equal(message->number, next_number[message->poster]++);
        handled_by_manager++;
    }
    atomic_fetch_add(&message->handled, 1);
    if (manager && handled_by_manager == last_with_manager)
        ex_inbox_close(inbox);
}

static void *post_all(void *ctx) {
    struct message *own = ctx;

    for (int i = 0; i < MESSAGES; i++)
        ex_inbox_post(inbox, &own[i].inbox);
    return NULL;
}

static void run(int last) {
    static int some_manager;
    pthread_t threads[POSTERS];
    uv_loop_t loop;

    last_with_manager = last;
    handled_by_manager = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(ex_inbox_new(&loop, (struct ex_manager *)(void *)&some_manager, &inbox), 0);
    for (int p = 0; p < POSTERS; p++) {
        next_number[p] = 0;
        for (int i = 0; i < MESSAGES; i++) {
            messages[p][i] = (struct message){.poster = p, .number = i};
            messages[p][i].inbox.handle = handle;
        }
        assert_int_equal(pthread_create(&threads[p], NULL, post_all, messages[p]), 0);
    }
    (void)uv_run(&loop, UV_RUN_DEFAULT); /* until the inbox is closed */
    for (int p = 0; p < POSTERS; p++)
        assert_int_equal(pthread_join(threads[p], NULL), 0);
    for (int p = 0; p < POSTERS; p++) {
        for (int i = 0; i < MESSAGES; i++)
            assert_int_equal(atomic_load(&messages[p][i].handled), 1);
    }
    inbox = ex_inbox_free(inbox);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_all_are_handled_in_order(void **state) {
    (void)state;
    run(POSTERS * MESSAGES);
    assert_int_equal(handled_by_manager, POSTERS * MESSAGES);
}

static void test_closing_answers_those_who_wait(void **state) {
    (void)state;
    run(MESSAGES / 2);
    assert_int_equal(handled_by_manager, MESSAGES / 2);
    assert_false(messages[0][MESSAGES - 1].with_manager && messages[1][MESSAGES - 1].with_manager);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_handled_in_order),
        cmocka_unit_test(test_closing_answers_those_who_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
