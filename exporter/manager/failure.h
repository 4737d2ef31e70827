/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/failure.h - the record of one accepted failure: what happened, what was decided,
 * which labels it got. Owns: all its texts. Threads: the job manager's [main]. */
#ifndef EX_MANAGER_FAILURE_H
#define EX_MANAGER_FAILURE_H

#include "exporter/engines/engine.h"

/* What is kept of a task's output once the failure is labelled; the whole is in the log file. */
enum { EX_FAILURE_OUTPUT_MAX_BYTES = 16 * 1024, EX_FAILURE_LABELS_MAX = 64 };

struct ex_failure {
    struct ex_failure *next; /* newer one of the same job */
    uint64_t id;             /* of this daemon, rising */
    int64_t at_ms;           /* wall clock */
    uint32_t task;           /* FO_NO_TASK: global */
    uint32_t attempt;
    struct ex_evidence evidence; /* texts are copies */
    struct fo_decision decision;
    bool decided;
    bool labelled;
    struct fo_label labels[EX_FAILURE_LABELS_MAX]; /* merged, final once labelled; copies */
    uint32_t label_count;
    char *texts;       /* what `evidence` points into */
    char *label_texts; /* what `labels` point into */
};

/* Copies a report with its evidence. 0 or -ENOMEM. */
FO_MUST_CHECK int ex_failure_new(const struct ex_report *report, struct ex_failure **ret_failure);
/* Copies the record with all its texts; it stands in no list. 0 or -ENOMEM. */
FO_MUST_CHECK int ex_failure_copy(const struct ex_failure *failure, struct ex_failure **ret_copy);
struct ex_failure *ex_failure_free(struct ex_failure *failure); /* NULL allowed; returns NULL */

/* Replaces the labels by copies of these. 0 or -ENOMEM; -E2BIG over EX_FAILURE_LABELS_MAX. */
FO_MUST_CHECK int ex_failure_set_labels(struct ex_failure *failure, const struct fo_label *labels,
                                        uint32_t count);

/* The value of a label; empty when it has none. Borrowed. */
struct fo_str ex_failure_label(const struct ex_failure *failure, const char *key);

/* Cuts the output down to EX_FAILURE_OUTPUT_MAX_BYTES of its end. Keeps all when memory is short.
 */
void ex_failure_trim(struct ex_failure *failure);

#endif
