/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/job_metrics.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/base/digits.h"
#include "exporter/base/log.h"
#include "exporter/manager/job_overflow.h"

#define COUNT_OF(array_) (sizeof(array_) / sizeof *(array_))

static const char *const exhausted_names[] = {
    [FO_EXHAUSTED_NOT] = "",
    [FO_EXHAUSTED_BUDGET] = "budget",
    [FO_EXHAUSTED_NON_RECOVERABLE] = "non_recoverable",
    [FO_EXHAUSTED_POLICY] = "policy",
};

const char *ex_exhausted_reason_name(enum fo_exhausted_reason reason) {
    return exhausted_names[reason];
}

/* One series per value of the last label. */
static int open_closed_series(struct ex_group *group, struct ex_family *family,
                              const char *(*value_name)(int value), int count,
                              struct ex_series **ret_series) {
    for (int i = 0; i < count; i++) {
        struct fo_str value = fo_str_of(value_name(i));
        int ret = ex_group_series(group, family, &value, &ret_series[i]);
        if (ret < 0)
            return ret;
    }
    return 0;
}

static const char *job_state_name(int state) {
    return fo_job_state_name((enum fo_job_state)state);
}

static const char *task_state_name(int state) {
    return fo_task_state_name((enum fo_task_state)state);
}

static const char *reason_name(int reason) {
    return exhausted_names[reason + 1];
}

/* A family without labels of its own, and where its series goes. */
struct plain {
    struct ex_family *family;
    struct ex_series **place;
};

static int open_plain_series(struct ex_group *group, const struct plain *plain, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int ret = ex_group_series(group, plain[i].family, NULL, plain[i].place);
        if (ret < 0)
            return ret;
    }
    return 0;
}

/* What only grows: sums of it over jobs make sense. */
static int open_counters(struct ex_job_metrics *metrics) {
    const struct ex_job_families *families = metrics->families;
    const struct plain plain[] = {
        {families->failures, &metrics->failures},
        {families->restarts, &metrics->restarts},
        {families->restarted_tasks, &metrics->restarted_tasks},
        {families->recoveries, &metrics->recoveries},
        {families->recovery_seconds, &metrics->recovery_seconds},
    };
    int ret = open_plain_series(metrics->group, plain, COUNT_OF(plain));

    return ret < 0 ? ret
                   : open_closed_series(metrics->group, families->exhausted, reason_name,
                                        EX_EXHAUSTED_REASONS, metrics->exhausted);
}

static int open_gauges(struct ex_job_metrics *metrics) {
    const struct ex_job_families *families = metrics->families;
    const struct plain plain[] = {
        {families->state_timestamp, &metrics->state_timestamp},
        {families->next_restart_timestamp, &metrics->next_restart_timestamp},
        {families->regions, &metrics->regions},
        {families->largest_region, &metrics->largest_region},
        {families->budget_remaining, &metrics->budget_remaining},
        {families->budget_limit, &metrics->budget_limit},
    };
    int ret = open_plain_series(metrics->group, plain, COUNT_OF(plain));

    if (ret == 0)
        ret = open_closed_series(metrics->group, families->state, job_state_name,
                                 FO_JOB_STATE_COUNT, metrics->state);
    return ret < 0 ? ret
                   : open_closed_series(metrics->group, families->tasks, task_state_name,
                                        FO_TASK_STATE_COUNT, metrics->tasks);
}

static int open_info(struct ex_job_metrics *metrics) {
    const struct ex_job_identity *identity = &metrics->identity;
    const struct fo_str values[] = {
        fo_str_of(identity->job_id),
        fo_str_of(identity->restart_strategy),
        fo_str_of(identity->failover_strategy),
    };
    struct ex_series *series;

    return ex_group_series(metrics->group, metrics->families->info, values, &series);
}

static uint32_t largest_region(const struct fo_graph *graph) {
    uint32_t largest = 0;

    for (uint32_t region = 0; region < fo_graph_region_count(graph); region++) {
        uint32_t count = fo_graph_region_tasks(graph, region).count;
        if (count > largest)
            largest = count;
    }
    return largest;
}

static int open_group(struct ex_job_metrics *metrics, struct ex_group *old) {
    struct fo_label labels[EX_JOB_LABELS];

    ex_job_labels(metrics->identity.engine, metrics->identity.job_name, labels);
    return ex_group_new(metrics->families->metrics, labels, EX_JOB_LABELS, old, &metrics->group);
}

static int open_series(struct ex_job_metrics *metrics) {
    int ret = open_counters(metrics);

    if (ret == 0)
        ret = open_gauges(metrics);
    if (ret == 0)
        ret = open_info(metrics);
    if (ret == 0 && metrics->families->has_flink_names)
        ret = ex_flink_names_open(&metrics->flink, &metrics->families->flink, metrics->group,
                                  metrics->identity.job_id);
    return ret;
}

/* Series of its own, not seen yet. -ENOSPC: a limit; nothing has changed then. */
static int open_own(struct ex_job_metrics *metrics, struct ex_group *old) {
    int ret = open_group(metrics, old);

    if (ret < 0)
        return ret;
    ex_group_begin(metrics->group);
    ret = open_series(metrics);
    if (ret < 0) {
        ex_group_retire(metrics->group);
        metrics->group = NULL;
        return ret;
    }
    ex_series_set(metrics->regions, fo_graph_region_count(fo_job_graph(metrics->core)));
    ex_series_set(metrics->largest_region, largest_region(fo_job_graph(metrics->core)));
    return 0;
}

/* By opening the series of a job that there is not, in a registry that nobody sees. */
int ex_job_metrics_fit(const struct ex_metrics_limits *limits, bool flink_names,
                       struct ex_group_fit *ret_fit, struct fo_error *reterr) {
    struct ex_job_families families;
    struct ex_job_metrics job = {
        .families = &families,
        .identity = {"-", "-", "00000000000000000000000000000000", "exponential-delay", "region"}};
    struct ex_metrics *metrics = NULL;
    int ret = ex_metrics_new(limits, 0, &metrics);

    if (ret == 0)
        ret = ex_job_families_init(&families, metrics, NULL, 0, flink_names, reterr);
    if (ret == 0)
        ret = open_group(&job, NULL);
    if (ret == 0)
        ret = open_series(&job);
    if (ret == 0)
        ex_group_fit(job.group, ret_fit);
    ex_group_retire(job.group);
    ex_metrics_free(metrics);
    return ret;
}

int ex_job_metrics_open_row(struct ex_job_metrics *row, struct ex_job_families *families,
                            const char *engine, const char *job_name) {
    struct fo_label labels[EX_JOB_LABELS];

    ex_job_labels(engine, job_name, labels);
    *row = (struct ex_job_metrics){.families = families};
    int ret = ex_group_new_spare(families->metrics, labels, EX_JOB_LABELS, &row->group);
    if (ret < 0)
        return ret;
    ex_group_begin(row->group);
    ret = open_counters(row);
    if (ret < 0) {
        ex_group_retire(row->group);
        return ret;
    }
    ex_group_publish(row->group);
    return 0;
}

void ex_job_metrics_share(struct ex_job_metrics *metrics, const struct ex_job_metrics *row) {
    metrics->group = row->group;
    metrics->failures = row->failures;
    metrics->restarts = row->restarts;
    metrics->restarted_tasks = row->restarted_tasks;
    metrics->recoveries = row->recoveries;
    metrics->recovery_seconds = row->recovery_seconds;
    memcpy(metrics->exhausted, row->exhausted, sizeof metrics->exhausted);
}

/* Takes the place of `replaced`, whose series go in the same instant when there is room for both.
 */
static int take_place(struct ex_job_metrics *metrics, struct ex_job_metrics *replaced) {
    bool has_own = replaced && replaced->group && !replaced->overflows;
    int ret = open_own(metrics, has_own ? replaced->group : NULL);

    if (ret == -ENOSPC && has_own) {
        ex_group_retire(replaced->group);
        ret = open_own(metrics, NULL);
    }
    if (has_own && (ret == 0 || ret == -ENOSPC))
        replaced->group = NULL;
    return ret;
}

int ex_job_metrics_init(struct ex_job_metrics *metrics, struct ex_job_families *families,
                        const struct ex_job_identity *identity, const struct fo_job *core,
                        struct ex_job_metrics *replaced) {
    *metrics = (struct ex_job_metrics){.families = families, .identity = *identity, .core = core};
    bool is_row = ex_job_overflow_is_name(identity->job_name);
    int ret = is_row ? -ENOSPC : take_place(metrics, replaced);

    return ret == -ENOSPC ? ex_job_overflow_join(metrics) : ret;
}

/* Gives series of their own to jobs that wait for them, as far as there is room. */
static void promote(struct ex_job_families *families) {
    struct ex_job_metrics *metrics;
    struct ex_job_metrics *next;

    for (metrics = TAILQ_FIRST(&families->overflowing); metrics; metrics = next) {
        struct ex_job_metrics own = *metrics;
        next = TAILQ_NEXT(metrics, link);
        if (ex_job_overflow_is_name(own.identity.job_name))
            continue;
        if (open_own(&own, NULL) < 0)
            return;
        ex_job_overflow_leave(metrics);
        own.overflows = false;
        *metrics = own;
        const struct ex_job_view view = metrics->shown;
        ex_job_metrics_show(metrics, &view);
        ex_job_metrics_end(metrics);
    }
}

void ex_job_metrics_done(struct ex_job_metrics *metrics) {
    if (metrics->overflows) {
        ex_job_overflow_leave(metrics);
        metrics->group = NULL;
        return;
    }
    ex_group_retire(metrics->group);
    metrics->group = NULL;
    promote(metrics->families);
}

void ex_job_metrics_begin(struct ex_job_metrics *metrics) {
    if (metrics->group)
        ex_group_begin(metrics->group);
}

static void show_seconds(struct ex_series *series, int64_t time_ms) {
    ex_series_set(series, (double)time_ms / 1000.0);
}

static void show_budget(struct ex_job_metrics *metrics, const struct fo_budget *budget) {
    if (!budget->limited) {
        ex_series_hide(metrics->budget_remaining);
        ex_series_hide(metrics->budget_limit);
        return;
    }
    ex_series_set(metrics->budget_remaining, (double)budget->remaining);
    ex_series_set(metrics->budget_limit, (double)budget->limit);
    ex_series_show(metrics->budget_remaining);
    ex_series_show(metrics->budget_limit);
}

static void show_flink(struct ex_job_metrics *metrics, const struct ex_job_view *view) {
    const struct ex_flink_figures figures = {
        .state = view->state,
        .since_ms = view->since_ms,
        .failing_ms = view->failing_ms,
        .restarts = view->restarts,
        .failures = ex_counter_value(metrics->failures),
    };

    ex_flink_names_show(&metrics->flink, &figures, ex_clock_ms());
}

static void show_gauges(struct ex_job_metrics *metrics, const struct ex_job_view *view) {
    for (int i = 0; i < FO_JOB_STATE_COUNT; i++)
        ex_series_set(metrics->state[i], i == (int)view->state);
    for (int i = 0; i < FO_TASK_STATE_COUNT; i++)
        ex_series_set(metrics->tasks[i], view->tasks[i]);
    show_seconds(metrics->state_timestamp, view->since_ms);
    show_seconds(metrics->next_restart_timestamp,
                 view->next_restart_ms == FO_NEVER ? 0 : view->next_restart_ms);
    show_budget(metrics, &view->budget);
    if (metrics->families->has_flink_names)
        show_flink(metrics, view);
}

struct ex_job_view ex_job_view_of(const struct fo_job *core, int64_t now_ms) {
    struct ex_job_view view = {
        .state = fo_job_state(core),
        .next_restart_ms = fo_job_next_restart_ms(core),
        .budget = fo_job_budget(core, now_ms),
        .restarts = fo_job_restarts(core),
        .restarted_tasks = fo_job_restarted_tasks(core),
    };

    int64_t failing_ms = fo_job_state_since_ms(core, FO_JOB_FAILING);

    view.since_ms = fo_job_state_since_ms(core, view.state);
    if (failing_ms > fo_job_state_since_ms(core, FO_JOB_RUNNING))
        view.failing_ms = failing_ms;
    for (int i = 0; i < FO_TASK_STATE_COUNT; i++)
        view.tasks[i] = fo_job_task_count(core, (enum fo_task_state)i);
    return view;
}

void ex_job_metrics_show(struct ex_job_metrics *metrics, const struct ex_job_view *view) {
    if (!metrics->group)
        return;
    if (metrics->overflows)
        ex_job_overflow_show(metrics, view->state);
    else
        show_gauges(metrics, view);
    ex_counter_add(metrics->restarts, view->restarts - metrics->shown.restarts);
    ex_counter_add(metrics->restarted_tasks,
                   view->restarted_tasks - metrics->shown.restarted_tasks);
    metrics->shown = *view;
}

void ex_job_metrics_tick(struct ex_job_metrics *metrics) {
    if (!metrics->group || metrics->overflows)
        return;
    ex_job_metrics_begin(metrics);
    show_flink(metrics, &metrics->shown);
    ex_job_metrics_end(metrics);
}

void ex_job_metrics_end(struct ex_job_metrics *metrics) {
    if (metrics->group)
        ex_group_publish(metrics->group);
}

static void count_traced(struct ex_series *series, const struct ex_failure_trace *trace) {
    char id[EX_DIGITS_MAX];
    size_t len = ex_digits(trace->failure_id, id);
    const struct fo_label labels[] = {
        {fo_str_of("job_id"), fo_str_of(trace->job_id)},
        {fo_str_of("failure_id"), {id, len}},
    };

    ex_counter_add(series, 1);
    if (ex_series_exemplar(series, 1, trace->time_ms, labels, COUNT_OF(labels)) < 0)
        ex_log_plain(EX_LOG_DEBUG, "No memory for an exemplar; the count is right without it.");
}

void ex_job_metrics_count_failure(struct ex_job_metrics *metrics, const struct fo_str *values,
                                  const struct ex_failure_trace *trace) {
    struct ex_series *series;

    if (!metrics->group)
        return;
    count_traced(metrics->failures, trace);
    if (ex_group_series(metrics->group, metrics->families->num_job_failure, values, &series) == 0)
        count_traced(series, trace);
}

void ex_job_metrics_count_exhausted(struct ex_job_metrics *metrics,
                                    enum fo_exhausted_reason reason) {
    if (reason != FO_EXHAUSTED_NOT)
        ex_counter_add(metrics->exhausted[reason - 1], 1);
}

void ex_job_metrics_count_recovery(struct ex_job_metrics *metrics, int64_t duration_ms) {
    ex_counter_add(metrics->recoveries, 1);
    ex_histogram_observe(metrics->recovery_seconds, (double)duration_ms / 1000.0);
}

/* ---- what an earlier daemon has counted ---- */

/* Other jobs may count in the same series. */
static void restore(struct ex_series *series, uint64_t count, int64_t start_ms) {
    ex_counter_restore(series, ex_counter_value(series) + count, start_ms);
}

void ex_job_metrics_restore(struct ex_job_metrics *metrics, const struct ex_job_tally *tally,
                            const struct ex_job_view *view) {
    restore(metrics->failures, tally->counted, tally->start_ms);
    restore(metrics->recoveries, tally->recoveries, tally->start_ms);
    restore(metrics->restarts, view->restarts, tally->start_ms);
    restore(metrics->restarted_tasks, view->restarted_tasks, tally->start_ms);
    for (int i = 0; i < EX_EXHAUSTED_REASONS; i++)
        restore(metrics->exhausted[i], tally->exhausted[i], tally->start_ms);
    metrics->shown = *view;
}

void ex_job_metrics_restore_labels(struct ex_job_metrics *metrics, const struct fo_str *values,
                                   uint64_t count, int64_t start_ms) {
    struct ex_series *series;

    if (ex_group_series(metrics->group, metrics->families->num_job_failure, values, &series) == 0)
        restore(series, count, start_ms);
}
