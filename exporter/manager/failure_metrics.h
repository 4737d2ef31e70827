/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/failure_metrics.h - the account of all failures, which adds up in every scrape:
 * received = accepted + rejected, accepted = counted + pending, counted = the sum over all classes.
 * Owns: the group of series. Threads: the job manager's [main]. */
#ifndef EX_MANAGER_FAILURE_METRICS_H
#define EX_MANAGER_FAILURE_METRICS_H

#include "exporter/metrics/metrics.h"

enum ex_rejection {
    EX_REJECTED_STALE_ATTEMPT,
    EX_REJECTED_UNKNOWN_JOB,
    EX_REJECTED_UNKNOWN_TASK,
    EX_REJECTED_MALFORMED,
    EX_REJECTED_LIMIT,
};
enum { EX_REJECTIONS = 5 };

/* A type and a category of the catalogue. */
struct ex_failure_class {
    struct fo_str type;
    struct fo_str category;
};

struct ex_failure_metrics {
    struct ex_group *group;
    struct ex_family *by_class;
    struct ex_series *received;
    struct ex_series *rejected[EX_REJECTIONS];
    struct ex_series *counted;
    struct ex_series *pending;
    struct ex_series *decision_seconds;
};

/* Declares the families and makes every class's series, at 0. As ex_metrics_family(). */
FO_MUST_CHECK int ex_failure_metrics_init(struct ex_failure_metrics *account,
                                          struct ex_metrics *metrics,
                                          const struct ex_failure_class *classes,
                                          size_t class_count, struct fo_error *reterr);

void ex_failure_metrics_reject(struct ex_failure_metrics *account, enum ex_rejection reason,
                               uint64_t count);

/* Accepted: received and pending, until it is counted. */
void ex_failure_metrics_accept(struct ex_failure_metrics *account, double decision_seconds);
/* A failure of an earlier daemon that is still pending. */
void ex_failure_metrics_restore_pending(struct ex_failure_metrics *account);
/* What an earlier daemon has counted since `start_ms`. Before anything else is. */
void ex_failure_metrics_restore_class(struct ex_failure_metrics *account,
                                      const struct ex_failure_class *class, uint64_t count,
                                      int64_t start_ms);
void ex_failure_metrics_restore_rejected(struct ex_failure_metrics *account,
                                         const uint64_t counts[static EX_REJECTIONS],
                                         int64_t start_ms);
void ex_failure_metrics_count(struct ex_failure_metrics *account,
                              const struct ex_failure_class *class);

#endif
