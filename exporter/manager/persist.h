/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/persist.h - between the ledger and the store: what has changed since the last
 * batch, made into the next one. While a batch is on its way to the disk, steps go on and collect
 * in the next; their entries are released with it. Of a job that many steps have changed only the
 * last state is written. Without a store nothing is kept and entries go at once. Private to the job
 * manager [main]. Owns: two batches, the marks of what has changed. */
#ifndef EX_MANAGER_PERSIST_H
#define EX_MANAGER_PERSIST_H

#include <uv.h>

#include "exporter/manager/failure_metrics.h"
#include "exporter/manager/job_metrics.h"
#include "exporter/manager/ledger.h"
#include "exporter/manager/store_metrics.h"
#include "exporter/store/store.h"
#include "failover/listener.h"

struct ex_failure;
struct ex_job;
struct ex_manager;
struct ex_step;

enum { EX_RANGE_TASKS = 128 }; /* of a job that are written together */

/* What of a job is to be written. */
struct ex_marks {
    TAILQ_ENTRY(ex_job) link; /* of all that have any */
    bool any;
    uint32_t *ranges; /* of tasks, in no order */
    uint32_t range_count;
    bool *has_range;
};

struct ex_persist {
    struct ex_manager *manager; /* that it is part of */
    struct ex_store *store;     /* borrowed; NULL = in memory */
    struct ex_batch batches[2];
    struct ex_batch *open; /* of the two */
    bool shipped;          /* the other one is on its way */
    TAILQ_HEAD(ex_marked_jobs, ex_job) marked;
    bool daemon_marked;
    uint64_t next_job;
    int64_t epoch;
    uint64_t rejected[EX_REJECTIONS];
    struct ex_store_metrics metrics;
    uv_prepare_t prepare; /* before the loop waits, what has collected is shipped */
    uv_async_t news;      /* of the writer */
    struct ex_buffer record;
    struct ex_buffer bytes[3];
};

/* 0, or what libuv says. */
FO_MUST_CHECK int ex_persist_init(struct ex_persist *persist, struct ex_manager *manager,
                                  struct ex_store *store);
/* From now on nothing is written. The store's writer must have ended. */
void ex_persist_close(struct ex_persist *persist);

/* An entry of the ledger, with all that was marked and added since the one before. */
void ex_persist_write(struct ex_persist *persist, struct ex_ledger *ledger, struct ex_entry *entry);

FO_MUST_CHECK int ex_marks_init(struct ex_marks *marks, uint32_t task_count);
void ex_marks_done(struct ex_marks *marks);

/* ---- what has changed ---- */

/* It is new. One without `source` cannot be made again, and is not kept. */
void ex_persist_job(struct ex_job *job);
void ex_persist_mark(struct ex_job *job); /* something that goes with every change */
void ex_persist_mark_task(struct ex_job *job, uint32_t task);
void ex_persist_mark_daemon(struct ex_manager *manager);
void ex_persist_forget(struct ex_manager *manager, uint64_t number); /* one that was not made */
void ex_persist_job_gone(struct ex_job *job); /* with all that hangs on it; not its failures */
void ex_persist_failure(struct ex_job *job, const struct ex_failure *failure);
/* The labels of a failure that was written without them are final. */
void ex_persist_labelled(struct ex_job *job, const struct ex_failure *failure);
/* It is counted: by class, and by its exported labels. */
void ex_persist_counted(struct ex_job *job, const struct ex_failure *failure);
/* A pending failure whose job is not there any more: counted by the categoriser's verdict. */
void ex_persist_orphan(struct ex_manager *manager, const struct ex_failure *failure);
void ex_persist_rejected(struct ex_manager *manager, enum ex_rejection reason, uint64_t count);
void ex_persist_event(struct ex_manager *manager, const struct fl_event *event);
/* A listener is to acknowledge the event; it has done so, or never will: the latter goes with the
 * next batch, whenever that is. */
void ex_persist_delivery(struct ex_manager *manager, const struct fl_event *event, uint64_t number,
                         struct fo_str listener);
void ex_persist_delivered(struct ex_manager *manager, uint64_t number);
void ex_persist_flush(struct ex_manager *manager); /* the next batch is now */

/* Whether the last attempt to write went well. */
bool ex_persist_is_up(const struct ex_manager *manager);

/* Whether all that was written is durable. */
bool ex_persist_is_idle(const struct ex_manager *manager);

/* More waits to be stored than should: what can be refused, is. */
bool ex_persist_is_full(const struct ex_manager *manager);

#endif
