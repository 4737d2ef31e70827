/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/store/rows.h"

static const struct ex_row_shape writes[EX_WRITES] = {
    [EX_WRITE_DAEMON] = {"UPDATE daemon SET next_failure=?1, next_job=?2, epoch=?3,"
                         " rejected_0=?4, rejected_1=?5, rejected_2=?6, rejected_3=?7,"
                         " rejected_4=?8",
                         8, 0, 0},
    [EX_WRITE_JOB] = {"INSERT INTO job(no, submitted_ms, commands_optional, id, engine, source,"
                      " folder, path) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                      3, 5, 0},
    [EX_WRITE_JOB_STATE] = {"INSERT OR REPLACE INTO job_state(no, ended_ms, accepted, counted,"
                            " recoveries, exhausted_0, exhausted_1, exhausted_2, start_ms, head,"
                            " tail, engine_state) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
                            " ?11, ?12)",
                            9, 3, 7},
    [EX_WRITE_TASKS] = {"INSERT OR REPLACE INTO tasks(job, range, core, times)"
                        " VALUES(?1, ?2, ?3, ?4)",
                        2, 2, 3},
    [EX_WRITE_JOB_GONE] = {"DELETE FROM job WHERE no=?1", 1, 0, 0},
    [EX_WRITE_FAILURE] = {"INSERT INTO failure(id, job, at_ms, final, task, attempt, decided,"
                          " delay_ms, due_ms, restarted, policy, decision, exhausted, pid,"
                          " budget_limit, budget_left, record, labels, log_path, runs)"
                          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
                          " ?15, ?16, ?17, ?18, ?19, ?20)",
                          16, 4, 10},
    [EX_WRITE_LABELLED] = {"UPDATE failure SET final=1, labels=?2 WHERE id=?1", 1, 1, 1},
    [EX_WRITE_CLASS_COUNT] = {"INSERT INTO class_count(count, type, category) VALUES(?1, ?2, ?3)"
                              " ON CONFLICT DO UPDATE SET count=count+excluded.count",
                              1, 2, 0},
    [EX_WRITE_LABEL_COUNT] = {"INSERT INTO label_count(job, count, start_ms, labels)"
                              " VALUES(?1, ?2, ?3, ?4)"
                              " ON CONFLICT DO UPDATE SET count=count+excluded.count",
                              3, 1, 1},
    [EX_WRITE_EVENT] = {"INSERT INTO event(at_ms, record) VALUES(?1, ?2)", 1, 1, 0},
    /* 1 is the kind of `labelled`. */
    [EX_WRITE_DELIVERY] = {"INSERT INTO delivery(no, kind, failure, at_ms, listener, event)"
                           " VALUES(?1, ?2, ?3, ?4, ?5,"
                           " CASE ?2 WHEN 1 THEN 0 ELSE (SELECT max(no) FROM event) END)",
                           4, 1, 0},
    [EX_WRITE_DELIVERED] = {"DELETE FROM delivery WHERE no=?1", 1, 0, 0},
};

static const struct ex_row_shape reads[EX_READS] = {
    [EX_READ_DAEMON] = {"SELECT next_failure, next_job, epoch, rejected_0, rejected_1, rejected_2,"
                        " rejected_3, rejected_4, start_ms FROM daemon",
                        9, 0, 0},
    [EX_READ_JOBS] = {"SELECT no, submitted_ms, commands_optional, id, engine, source, folder,"
                      " path FROM job ORDER BY no",
                      3, 5, 0},
    [EX_READ_JOB_STATE] = {"SELECT no, ended_ms, accepted, counted, recoveries, exhausted_0,"
                           " exhausted_1, exhausted_2, start_ms, head, tail, engine_state"
                           " FROM job_state WHERE no=?1",
                           9, 3, 0},
    [EX_READ_TASKS] = {"SELECT job, range, core, times FROM tasks WHERE job=?1 ORDER BY range", 2,
                       2, 0},
    [EX_READ_LABEL_COUNTS] = {"SELECT job, count, start_ms, labels FROM label_count WHERE job=?1",
                              3, 1, 0},
    [EX_READ_CLASS_COUNTS] = {"SELECT count, type, category FROM class_count", 1, 2, 0},
#define FAILURE_COLUMNS                                                                            \
    "SELECT id, job, at_ms, final, task, attempt, decided, delay_ms, due_ms, restarted, policy,"   \
    " decision, exhausted, pid, budget_limit, budget_left, record, labels, log_path, runs"         \
    " FROM failure "
    [EX_READ_FAILURE] = {FAILURE_COLUMNS "WHERE id=?1", 16, 4, 0},
    [EX_READ_PENDING] = {FAILURE_COLUMNS "WHERE final=0 ORDER BY id", 16, 4, 0},
    [EX_READ_FAILURES] = {FAILURE_COLUMNS "WHERE id>=?1 ORDER BY id", 16, 4, 0},
    [EX_READ_EVENTS] = {"SELECT no, at_ms, record FROM event WHERE no>=?1 ORDER BY no", 2, 1, 0},
    [EX_READ_DELIVERIES] = {"SELECT delivery.no, kind, failure, delivery.at_ms, listener,"
                            " failure.record, labels, event.record FROM delivery"
                            " LEFT JOIN failure ON failure.id=delivery.failure"
                            " LEFT JOIN event ON event.no=delivery.event ORDER BY delivery.no",
                            4, 4, 0},
};

const struct ex_row_shape *ex_write_shape(enum ex_write kind) {
    return &writes[kind];
}

const struct ex_row_shape *ex_read_shape(enum ex_read kind) {
    return &reads[kind];
}
