/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/exception_history.h - which entries of a job's exception history a reader gets
 * (JobExceptionsHandler, FailureLabelFilterParameter): newest first, filtered by labels, limited.
 * Pure functions; texts are borrowed throughout. Owns: nothing. Threads: any. */
#ifndef EX_MANAGER_EXCEPTION_HISTORY_H
#define EX_MANAGER_EXCEPTION_HISTORY_H

#include <stdbool.h>

#include "failover/types.h"

enum {
    EX_EXCEPTIONS_SHOWN = 20, /* `maxExceptions` when the reader names none */
    EX_EXCEPTION_FILTER_ITEMS_MAX = 64,
};

/* The items of `failureLabelFilter`: all must match. */
struct ex_exception_filter {
    struct fo_label items[EX_EXCEPTION_FILTER_ITEMS_MAX];
    size_t count;
};

/* Reads a comma list of key:value as Flink does: an item must have exactly two parts. Java leaves
 * out empty parts at the end, so "a:" is refused, ":b" has an empty key, and "a:b:" is "a:b".
 * -EINVAL: an item that is not key:value. -E2BIG: too many items. */
FO_MUST_CHECK int ex_exception_filter_parse(struct fo_str text,
                                            struct ex_exception_filter *ret_filter);

/* A root entry, as far as it is chosen by. */
struct ex_exception_labels {
    const struct fo_label *labels;
    size_t count;
};

struct ex_exception_choice {
    size_t count;   /* entries chosen */
    bool truncated; /* more passed the filter than were chosen */
};

/* Chooses at most `limit` of `entries` (oldest first) that pass the filter (NULL = all do), and
 * writes their indices, the newest first, to `indices` (room for limit or entry_count, whichever is
 * less). */
struct ex_exception_choice ex_exceptions_choose(const struct ex_exception_labels *entries,
                                                size_t entry_count,
                                                const struct ex_exception_filter *filter,
                                                size_t limit, size_t *indices);

#endif
