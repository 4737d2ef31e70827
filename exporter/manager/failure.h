/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/failure.h - the record of one accepted failure: what happened, what was decided,
 * which labels it got. Owns: all its texts. Threads: the job manager's [main]. */
#ifndef EX_MANAGER_FAILURE_H
#define EX_MANAGER_FAILURE_H

#include "exporter/children/bank.h"
#include "exporter/engines/engine.h"
#include "exporter/manager/ledger.h"

enum {
    /* What is kept of a task's output once the failure is labelled; the whole is in the log file.
     */
    EX_FAILURE_OUTPUT_MAX_BYTES = 16 * 1024,
    EX_FAILURE_RUNS_MAX = 1024,        /* of the tasks that its decision restarts */
    EX_FAILURE_BRIEF_MAX_BYTES = 1024, /* of the message of a brief copy */
};

/* Labels with their texts, in one piece of memory. */
struct ex_label_set {
    struct fo_label *items; /* owned */
    uint32_t count;
};

/* Tasks, ascending, as runs of consecutive ones. */
struct ex_task_runs {
    struct fo_task_range *items; /* owned */
    uint32_t count;
};

struct ex_failure {
    struct ex_failure *next; /* newer one of the same job */
    uint64_t id;             /* of this daemon, rising */
    int64_t at_ms;           /* wall clock */
    uint32_t task;           /* FO_NO_TASK: global */
    uint32_t attempt;
    struct ex_evidence evidence; /* texts are copies */
    struct fo_decision decision;
    bool decided;
    struct ex_task_runs restarted; /* by the decision; empty when there are too many runs */
    struct fo_budget budget;       /* of the job, after the decision */
    bool is_final;                 /* `labels` are; counted as soon as that is durable */
    bool labelled;                 /* it is counted */
    struct ex_label_set verdict;   /* the categoriser's */
    struct ex_label_set labels;    /* of all listeners; empty until final */
    struct ex_label_set passed;    /* that it came with; they join the final ones */
    char *matched;                 /* the line that the categoriser decided by; NULL = none */
    char *texts;                   /* what `evidence` points into */
    struct ex_ticket ticket;       /* its round of the listeners */
    struct ex_entry counting;      /* that its labels are final */
    struct ex_job *job;            /* while it is on it */
};

/* Copies a report with its evidence. 0 or -ENOMEM. */
FO_MUST_CHECK int ex_failure_new(const struct ex_report *report, struct ex_failure **ret_failure);
/* Copies what is known of the failure, with all texts; not what waits for it. 0 or -ENOMEM. */
FO_MUST_CHECK int ex_failure_copy(const struct ex_failure *failure, struct ex_failure **ret_copy);
/* The same without output and exceptions, the message cut: for lists. */
FO_MUST_CHECK int ex_failure_copy_brief(const struct ex_failure *failure,
                                        struct ex_failure **ret_copy);
struct ex_failure *ex_failure_free(struct ex_failure *failure); /* NULL allowed; returns NULL */

/* Replaces a set by copies of these. 0 or -ENOMEM. */
FO_MUST_CHECK int ex_label_set_copy(struct ex_label_set *set, const struct fo_label *labels,
                                    uint32_t count);

/* Keeps which tasks the decision restarts and what it leaves of the budget, for people: without
 * memory the tasks are left out. */
void ex_failure_keep_decision(struct ex_failure *failure, struct fo_task_list tasks,
                              struct fo_budget budget);

/* The value of a label of the categoriser's verdict; empty when it has none. Borrowed. */
struct fo_str ex_failure_label(const struct ex_failure *failure, const char *key);

/* Cuts the output down to EX_FAILURE_OUTPUT_MAX_BYTES of its end and copies all texts of the
 * evidence, wherever they lead. -ENOMEM: the evidence leads nowhere any more. */
FO_MUST_CHECK int ex_failure_own_evidence(struct ex_failure *failure);

#endif
