/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/metrics.h - the registry: families, groups, series and their values.
 *
 * A family is a name with help, type and label names. A group is what must be shown as of one
 * instant: one per job, and one for the daemon's own figures. Its labels are given once and stand
 * first in each of its series. A series is one line (a histogram: its lines) of a family in a
 * group.
 *
 * Owns: everything it hands out. A series lives as long as its group, a group until it is retired,
 * a family as long as the registry. Threads: a group has one writer at a time: [writer] functions
 * are for it (for the groups of jobs that is the job manager's thread). [any] functions are for any
 * thread. Scrapes (render.h) run on any number of threads; they never wait for a writer and never
 * make one wait. */
#ifndef EX_METRICS_METRICS_H
#define EX_METRICS_METRICS_H

#include <stdbool.h>

#include "failover/types.h"

enum { EX_FIT_FAMILY_MAX_BYTES = 160 };

struct ex_metrics;
struct ex_family;
struct ex_group;
struct ex_series;

/* What outsiders can make grow. 0 takes the default. */
struct ex_metrics_limits {
    size_t value_bytes;       /* of one label value; a longer one is cut and gets a hash. 128 */
    size_t values_per_label;  /* of one open label of one family in one group. 1000 */
    size_t series_per_family; /* a family may ask for another (series_limit). 250000 */
    size_t series_total;      /* 2000000 */
    size_t bytes_total;       /* of series, without what is kept of their renderings. 1 GiB */
    size_t families;          /* 1000 */
    size_t groups;            /* 100000 */
};

/* Makes a registry; `seed` keys its hash tables and comes from the kernel's random numbers.
 * 0, or -ENOMEM with *ret_metrics untouched. */
FO_MUST_CHECK int ex_metrics_new(const struct ex_metrics_limits *limits, uint64_t seed,
                                 struct ex_metrics **ret_metrics);

/* Ends the registry with all groups; no other thread may be inside any function. NULL is allowed.
 */
void ex_metrics_free(struct ex_metrics *metrics);

enum ex_family_type { EX_COUNTER, EX_GAUGE, EX_HISTOGRAM, EX_INFO };

/* What is promised of a family: docs/metrics.md says what the words mean. */
enum ex_stability { EX_EXPERIMENTAL, EX_STABLE };

/* All texts and arrays are copied. */
struct ex_family_spec {
    const char *name; /* without the suffix _total (counter) or _info (info) */
    const char *help;
    enum ex_family_type type;
    enum ex_stability stability;
    const char *unit;          /* NULL, or what the name ends in: "seconds", "bytes" */
    const char *const *labels; /* every label name; those of the group come first */
    size_t label_count;
    size_t group_label_count; /* how many of them the group gives */
    uint32_t closed_labels; /* bit i: labels[i] only takes values of a closed set of ours; it keeps
                               its value when a limit is hit */
    const double *buckets;  /* histogram: finite upper bounds, ascending */
    size_t bucket_count;
    bool native;             /* histogram: native buckets as well, where the format has them */
    bool real;               /* counter: the value is a double, set with ex_series_set() */
    uint32_t series_limit;   /* 0 = ex_metrics_limits.series_per_family */
    const char *collector;   /* what collect[] and exclude[] name; NULL = "failover" */
    const char *cardinality; /* for the manifest, such as "jobs x 9"; NULL = "1" */
};

/* Declares a family, at any time. [writer] of the daemon's own group
 * -EINVAL: a name that is not [a-zA-Z][a-zA-Z0-9_]*, a reserved label (le, quantile, __*), a label
 * twice, buckets that do not ascend, a unit that the name does not end in, help with invalid UTF-8.
 * -EEXIST: a sample name of it and one of another family are the same.
 * -ENOSPC: the limit of families. -ENOMEM. `reterr` (may be NULL) says it in words. */
FO_MUST_CHECK int ex_metrics_family(struct ex_metrics *metrics, const struct ex_family_spec *spec,
                                    struct ex_family **ret_family, struct fo_error *reterr);

/* The families in the order in which they are shown: NULL starts, NULL ends. [any] */
const struct ex_family *ex_metrics_next_family(const struct ex_metrics *metrics,
                                               const struct ex_family *family);

/* What a family was declared as; borrowed as long as the registry lives. [any] */
const struct ex_family_spec *ex_family_spec(const struct ex_family *family);

/* Leaves families off the page: those that `allow` does not name (empty: none of them) and those
 * that `deny` names, now and when they are declared later. Lists as in selection.h. What is left
 * out counts as ever, so that it is right when it comes back, but is neither taken over nor
 * rendered. -EINVAL, with words; -ENOMEM. [any] before the first scrape */
FO_MUST_CHECK int ex_metrics_select(struct ex_metrics *metrics, struct fo_str allow,
                                    struct fo_str deny, struct fo_error *reterr);

/* The next word of those lists that names no family that is declared by now; `*at` starts at 0.
 * False: there is no more. Borrowed from the registry. */
bool ex_metrics_next_unmatched(const struct ex_metrics *metrics, size_t *at,
                               struct fo_str *ret_pattern);

/* ---- groups ---- */

/* Makes a group. Label values are copied. It is shown from its first ex_group_publish() on; `old`
 * (NULL for none) is retired in the same instant, so that a scrape sees one or the other.
 * -ENOSPC: the limit of groups. -ENOMEM. */
FO_MUST_CHECK int ex_group_new(struct ex_metrics *metrics, const struct fo_label *labels,
                               size_t label_count, struct ex_group *old,
                               struct ex_group **ret_group);

/* A group for what does not fit, such as the failures of all jobs beyond the limits: these do not
 * hold it, but each of its families has at most values_per_label series. -ENOMEM. */
FO_MUST_CHECK int ex_group_new_spare(struct ex_metrics *metrics, const struct fo_label *labels,
                                     size_t label_count, struct ex_group **ret_group);

/* Takes the group off the page for good; the group and its series are gone for the caller. NULL is
 * allowed. [writer] */
void ex_group_retire(struct ex_group *group);

/* Which limit is reached first by groups that are all alike. */
enum ex_fit_limit { EX_FIT_FAMILY, EX_FIT_SERIES, EX_FIT_BYTES, EX_FIT_GROUPS };

struct ex_group_fit {
    size_t series; /* of one group */
    size_t bytes;
    size_t groups; /* so many fit under the limits, if nothing else is there */
    enum ex_fit_limit limit;
    char family[EX_FIT_FAMILY_MAX_BYTES]; /* whose limit, of EX_FIT_FAMILY; else empty */
};

/* How many groups with as many series as this one there can be. [writer] */
void ex_group_fit(const struct ex_group *group, struct ex_group_fit *ret_fit);

/* Brackets a change: a scrape shows all of it or nothing. Does not nest, must not be long: while it
 * is open scrapes show what they showed last. [writer] */
void ex_group_begin(struct ex_group *group);
void ex_group_publish(struct ex_group *group);

/* ---- series ---- */

/* Finds or creates the series of `family` in `group` with these values, one per label that the
 * group does not give. A new one is a zero (an info: 1). May be called inside or outside of a
 * bracket; outside it is a bracket of its own. Values may hold anything: invalid UTF-8 becomes
 * U+FFFD, long ones are cut. At a limit a counter or histogram gives its overflow row (the label at
 * fault becomes
 * __overflow__), so that sums stay right. [writer]
 * -EINVAL: the family wants other group labels. -ENOSPC: a limit, for a gauge or an info, or when
 * all labels are of closed sets.
 * -ENOMEM. */
FO_MUST_CHECK int ex_group_series(struct ex_group *group, struct ex_family *family,
                                  const struct fo_str *values, struct ex_series **ret_series);

/* Counter, one atomic add. Inside a bracket [writer]; a series of a live group (below) [any]. */
void ex_counter_add(struct ex_series *series, uint64_t n);
uint64_t ex_counter_value(const struct ex_series *series);

/* Counter of an earlier process: its value and when it was at zero (ms since the epoch). [writer]
 */
void ex_counter_restore(struct ex_series *series, uint64_t value, int64_t start_ms);
int64_t ex_series_start_ms(const struct ex_series *series);

/* Gauge, or real counter. Inside a bracket [writer]; a series of a live group [any]. */
void ex_series_set(struct ex_series *series, double value);
void ex_gauge_add(struct ex_series *series, double n); /* [writer] */
double ex_series_value(const struct ex_series *series);

/* Histogram. What is not finite is dropped; a duration below 0, of a clock that went back, counts
 * as 0. [writer] */
void ex_histogram_observe(struct ex_series *series, double value);

/* A value that does not exist just now, such as a budget without limit, is hidden. [writer] */
void ex_series_hide(struct ex_series *series);
void ex_series_show(struct ex_series *series);

/* The exemplar of a counter or of the bucket that `value` falls in; replaces the one before.
 * Labels are copied. [writer]
 * -EINVAL: over 128 code points together, invalid UTF-8, a bad label name, another type of series.
 * -ENOMEM. */
FO_MUST_CHECK int ex_series_exemplar(struct ex_series *series, double value, int64_t time_ms,
                                     const struct fo_label *labels, size_t label_count);

/* ---- figures that are not of one instant ---- */

/* A group whose values any thread may change without brackets, such as the counters of HTTP
 * requests. Each value is right by itself; scrapes look at all of them every time.
 * As ex_group_new(); shown at once. */
FO_MUST_CHECK int ex_group_new_live(struct ex_metrics *metrics, struct ex_group **ret_group);

/* `collect` runs at the start of each scrape, on the thread of the scrape, never twice at a time;
 * it may set values of its own live group and nothing else. [any] before the first scrape */
FO_MUST_CHECK int ex_metrics_collector(struct ex_metrics *metrics, void (*collect)(void *arg),
                                       void *arg);

#endif
