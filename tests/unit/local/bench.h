/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/local/bench.h - a job on the real local engine, with an owner who only listens.
 * One bench at a time; a failed expectation ends the test. */
#ifndef TESTS_UNIT_LOCAL_BENCH_H
#define TESTS_UNIT_LOCAL_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporter/engines/local/local.h"

enum { BENCH_VERTICES_MAX = 8, BENCH_EDGES_MAX = 8, BENCH_TASKS_MAX = 64, BENCH_WAIT_MS = 30000 };

/* What the engine has told of a task's current attempt. */
struct bench_task {
    uint32_t attempt;
    enum fo_task_state state;
    bool was_running;
    bool was_initializing;
    uint32_t order; /* of the final report among all reports of the job; from 1 */
    /* Of the failure. */
    int exit_code;
    int signal;
    bool secondary;
    bool deadline_exceeded;
    bool heartbeat_missed;
    enum ex_proof oom;
    struct fo_partition lost;
    char message[512];
    char output[4096];      /* the head, cut */
    char output_tail[4096]; /* the end of the tail */
    size_t head_bytes;
    size_t tail_bytes;
    pid_t pid;
    char log_path[4096];
};

struct bench {
    uv_loop_t loop;
    struct ex_spawner *spawner;
    void *engine;
    atomic_uint_fast64_t output_dropped_bytes;
    char directory[64];
    struct ex_job_spec spec;
    struct ex_vertex_spec vertices[BENCH_VERTICES_MAX];
    struct fo_edge_spec edges[BENCH_EDGES_MAX];
    char *commands[BENCH_VERTICES_MAX][4];
    struct ex_engine_job *job;
    struct bench_task tasks[BENCH_TASKS_MAX];
    uint32_t task_count;
    uint32_t reports;
    uint32_t lost_count; /* partition_lost was called */
    struct fo_partition lost[16];
    bool closed;
};

extern struct bench bench;
extern bool bench_without_cgroups;
extern const char *bench_user; /* that tasks run as; NULL = ours */

/* cmocka's setup and teardown: spawner, engine and a folder of its own; teardown expects that the
 * folder holds no job any more and that no process is left. */
int bench_setup(void **state);
int bench_teardown(void **state);

/* Describes the job. The script is run as sh -c. Settings of the vertex may be changed until
 * bench_open(). */
struct ex_vertex_spec *bench_vertex(const char *id, uint32_t parallelism, const char *script);
void bench_edge(uint32_t from, uint32_t to, enum fo_exchange exchange, enum fo_pattern pattern);
void bench_open(void);

/* Starts the next attempt of the tasks from `first` on, all in one call. */
void bench_deploy(uint32_t first, uint32_t count);
void bench_cancel(uint32_t first, uint32_t count);
/* The region of `task`: a restart as the core would do it. */
void bench_restart_region(uint32_t task);

/* Runs the loop until the task is in that state. */
void bench_expect(uint32_t task, enum fo_task_state state);
/* Runs the loop for so long. */
void bench_run_ms(int ms);
/* Runs the loop until the task's attempt has been RUNNING, which may be over. */
void bench_await_running(uint32_t task);
/* Ends the job and waits for job_closed. */
void bench_close(void);

/* The pid of a live task of this bench that has `word` as an argument. */
pid_t bench_leader(const char *word);
/* Whether a live descendant of this process (not a zombie) has `word` as an argument. */
bool bench_is_alive(const char *word);
/* Run the loop until such a process is alive, and until none is. */
void bench_await_alive(const char *word);
void bench_await_dead(const char *word);

/* How many descriptors this process may have; 0 = as many as at first. */
void bench_descriptor_limit(unsigned most);

/* A file below the job's folder. */
const char *bench_path(const char *relative);
bool bench_exists(const char *relative);
/* Runs the loop until it is there. */
void bench_await_file(const char *relative);
/* Makes an empty one: tasks wait for it. */
void bench_touch(const char *relative);
/* Its content; "" when it is not there. */
const char *bench_content(const char *relative);

#endif
