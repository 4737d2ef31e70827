/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/manager/stage.h - a job manager with an engine made of a list: what it was told, and
 * what the test lets it say. With or without a store, and taken down and up again on it.
 * Owns: one stage at a time. Threads: none. */
#ifndef TEST_MANAGER_STAGE_H
#define TEST_MANAGER_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporter/manager/manager.h"

enum { STAGE_TOLD_MAX = 1024 };

struct told {
    char what; /* d, c, w: deploy, cancel, withdraw; o, x: open, close */
    uint32_t task;
    uint32_t attempt;
};

struct stage {
    uv_loop_t loop;
    char directory[64]; /* of the store; empty = none */
    struct ex_store *store;
    struct ex_metrics *metrics;
    struct ex_manager *manager;
    struct ex_engines engines; /* one */
    struct told told[STAGE_TOLD_MAX];
    size_t told_count;
    void *owner;
    bool ends_at_once; /* what is cancelled says so from inside the call */
    bool stopped;
    bool forgets; /* no job of the store is to go on */
    int labelled;
    int recovered;
};

extern struct stage *stage; /* of the running test; the engine's jobs point to it */

/* The group's: the catalogue, which takes long to make. */
int stage_begin(void **state);
int stage_end(void **state);

/* A test's: a manager in memory, or one with a store in a folder of its own. */
int stage_open(void **state);
int stage_open_stored(void **state);
int stage_close(void **state);

/* Stops the manager, which suspends its jobs, and makes another of what is stored. */
void stage_restart(void);

/* Lets the manager handle what was said, and what was said to that; with a store, until all of it
 * is durable. */
void settle(void);

void say(uint32_t task, uint32_t attempt, enum fo_task_state state);
void say_failed(uint32_t task, uint32_t attempt, const char *output);

int submit(const char *text, struct ex_job **ret_job);
/* A job "two" of one vertex with so many tasks. */
struct ex_job *submit_tasks(uint32_t parallelism, const char *strategy);
struct ex_job *submit_two(const char *strategy);
#define FIXED                                                                                      \
    "restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 2, "               \
    "restart-strategy.fixed-delay.delay: 0 s"

/* The page of metrics has this line. */
void assert_shown(const char *line);
void assert_told(size_t index, char what, uint32_t task, uint32_t attempt);

#endif
