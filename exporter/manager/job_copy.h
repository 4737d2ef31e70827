/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/job_copy.h - a job as it stands at one instant, copied out of the job manager so
 * that another thread can make an answer of it. What never changes is shared: the specification
 * with its graph. Owns: everything else that it points to.
 * Threads: made on the manager's [main]; afterwards one thread at a time. */
#ifndef EX_MANAGER_JOB_COPY_H
#define EX_MANAGER_JOB_COPY_H

#include "exporter/manager/by_hand.h"
#include "exporter/manager/exception_history.h"
#include "exporter/manager/manager.h"

struct ex_task_copy {
    enum fo_task_state state;
    uint32_t attempt;
    int64_t since_ms;     /* when this attempt came into this state */
    int64_t deploying_ms; /* when it came to be deployed; 0 = not yet */
};

/* An entry of the exception history. */
struct ex_exception_copy {
    int64_t at_ms;
    uint32_t task; /* FO_NO_TASK: global */
    uint32_t attempt;
    struct ex_failure *failure; /* owned; NULL: its record is gone */
    struct ex_exception_copy *concurrent;
    uint32_t concurrent_count;
};

struct ex_job_copy {
    char id[EX_JOB_ID_LEN + 1];
    struct ex_job_spec *spec; /* a reference */
    int64_t now_ms;
    int64_t submitted_ms;
    int64_t modified_ms;     /* the newest change of a task, or the end */
    int64_t next_restart_ms; /* FO_NEVER = none waits */
    uint64_t restarts;
    uint64_t failures;
    struct fo_budget budget;
    bool paused;
    enum fo_job_state state;
    int64_t state_since_ms[FO_JOB_STATE_COUNT]; /* 0 = never */
    uint32_t task_counts[FO_TASK_STATE_COUNT];
    struct ex_by_hand by_hand;

    /* ex_job_copy_tasks() */
    struct ex_task_copy *tasks;        /* of the graph, by number */
    enum fo_task_state *vertex_states; /* by vertex */

    /* ex_job_copy_newest() */
    struct ex_failure *newest; /* brief; owned; NULL = none is kept */

    /* ex_job_copy_core() */
    char *saved; /* as of fo_job_save() */
    size_t saved_len;

    /* ex_job_copy_exceptions() */
    struct ex_exception_copy *roots; /* newest first */
    uint32_t root_count;
    bool roots_truncated;
    struct ex_exception_copy *newest_root; /* whatever the filter said; NULL = none */
    struct ex_exception_copy *current;     /* failures of current attempts, ascending by task */
    uint32_t current_count;
};

/* Fills a copy with what is cheap, whatever the size of the job. */
void ex_job_copy_init(struct ex_job_copy *copy, const struct ex_job *job);
void ex_job_copy_done(struct ex_job_copy *copy); /* a zeroed one is fine */

/* Adds to an initialised copy, all or nothing. 0 or -ENOMEM. */
FO_MUST_CHECK int ex_job_copy_tasks(struct ex_job_copy *copy, const struct ex_job *job);
/* The failure that happened last, as ex_failure_copy_brief(). */
FO_MUST_CHECK int ex_job_copy_newest(struct ex_job_copy *copy, const struct ex_job *job);
/* The whole state of the core: the job can be made again of it. Also -EMSGSIZE. */
FO_MUST_CHECK int ex_job_copy_core(struct ex_job_copy *copy, const struct ex_job *job);
/* Root entries as chosen by filter (NULL = all) and limit. */
FO_MUST_CHECK int ex_job_copy_exceptions(struct ex_job_copy *copy, const struct ex_job *job,
                                         const struct ex_exception_filter *filter, size_t limit);

int64_t ex_job_copy_start_ms(const struct ex_job_copy *copy);
int64_t ex_job_copy_end_ms(const struct ex_job_copy *copy);      /* -1 = has not ended */
int64_t ex_job_copy_duration_ms(const struct ex_job_copy *copy); /* until the end, or until now */

/* All jobs, oldest first, as ex_job_copy_init(). The array is the caller's: each copy is to be
 * ended, then free(). 0 or -ENOMEM. */
FO_MUST_CHECK int ex_manager_copy_jobs(const struct ex_manager *manager,
                                       struct ex_job_copy **ret_copies, size_t *ret_count);

#endif
