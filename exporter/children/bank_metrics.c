/* SPDX-License-Identifier: Apache-2.0 */
/* failover_listener_*: what the listeners do, and what goes wrong with them. */
#include "exporter/children/bank_internal.h"

#define COUNT_OF(array_) (sizeof(array_) / sizeof *(array_))

static const char *const listener_labels[] = {"listener"};
static const char *const call_labels[] = {"listener", "result"};
static const char *const info_labels[] = {"listener", "version"};
static const char *const catalogue_labels[] = {"version", "hash"};
static const double seconds_buckets[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                         0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};

static const struct ex_family_spec calls_spec = {
    .name = "failover_listener_calls",
    .help = "Failures that a listener was asked about, by what came of it. An answer after its "
            "time is counted as late besides the timeout; an answer that nobody asked for, and the "
            "end of a listener's process, as an error.",
    .type = EX_COUNTER,
    .stability = EX_STABLE,
    .labels = call_labels,
    .label_count = COUNT_OF(call_labels),
    .closed_labels = 3,
    .cardinality = "listeners x 5",
};
/* One series for each listener. */
#define OF_LISTENER(name_, help_, type_)                                                           \
    {                                                                                              \
        .name = (name_), .help = (help_), .type = (type_), .stability = EX_STABLE,                 \
        .labels = listener_labels, .label_count = 1, .closed_labels = 1,                           \
        .cardinality = "listeners"                                                                 \
    }

static const struct ex_family_spec queue_spec = OF_LISTENER(
    "failover_listener_queue_length", "Failures that a listener has yet to answer.", EX_GAUGE);
static const struct ex_family_spec dropped_spec = OF_LISTENER(
    "failover_listener_dropped",
    "Failures and events that a listener was not told of: it was down or its queue full.",
    EX_COUNTER);
static const struct ex_family_spec restarts_spec = OF_LISTENER(
    "failover_listener_restarts", "Starts of a listener's process after it broke.", EX_COUNTER);
static const struct ex_family_spec suppressed_spec =
    OF_LISTENER("failover_listener_log_lines_suppressed",
                "Log lines of a listener over its ration of 20 a second.", EX_COUNTER);
static const struct ex_family_spec undelivered_spec =
    OF_LISTENER("failover_listener_undelivered",
                "Events that a listener which acknowledges them has yet to acknowledge.", EX_GAUGE);
static const struct ex_family_spec given_up_spec = OF_LISTENER(
    "failover_listener_given_up",
    "Events that a listener had not acknowledged when there were too many, or they were "
    "too old or not known any more.",
    EX_COUNTER);
static const struct ex_family_spec seconds_spec = {
    .name = "failover_listener_seconds",
    .help = "From the question to a listener to its answer or the end of its time.",
    .type = EX_HISTOGRAM,
    .stability = EX_STABLE,
    .unit = "seconds",
    .labels = listener_labels,
    .label_count = 1,
    .closed_labels = 1,
    .buckets = seconds_buckets,
    .bucket_count = COUNT_OF(seconds_buckets),
    .native = true,
    .cardinality = "listeners",
};
static const struct ex_family_spec info_spec = {
    .name = "failover_listener",
    .help = "The listeners that are started.",
    .type = EX_INFO,
    .stability = EX_STABLE,
    .labels = info_labels,
    .label_count = COUNT_OF(info_labels),
    .closed_labels = 1,
    .cardinality = "listeners",
};
static const struct ex_family_spec catalogue_spec = {
    .name = "failover_catalogue",
    .help = "The failure rules: version of the built-in ones, hash of all that are loaded.",
    .type = EX_INFO,
    .stability = EX_STABLE,
    .labels = catalogue_labels,
    .label_count = COUNT_OF(catalogue_labels),
    .closed_labels = 3,
};

struct families {
    struct ex_family *calls;
    struct ex_family *queue_length;
    struct ex_family *dropped;
    struct ex_family *restarts;
    struct ex_family *suppressed;
    struct ex_family *seconds;
    struct ex_family *undelivered;
    struct ex_family *given_up;
    struct ex_family *info;
    struct ex_family *catalogue;
};

static int declare(struct families *families, struct ex_metrics *metrics, struct fo_error *reterr) {
    const struct {
        const struct ex_family_spec *spec;
        struct ex_family **ret;
    } all[] = {
        {&calls_spec, &families->calls},
        {&queue_spec, &families->queue_length},
        {&dropped_spec, &families->dropped},
        {&restarts_spec, &families->restarts},
        {&suppressed_spec, &families->suppressed},
        {&seconds_spec, &families->seconds},
        {&undelivered_spec, &families->undelivered},
        {&given_up_spec, &families->given_up},
        {&info_spec, &families->info},
        {&catalogue_spec, &families->catalogue},
    };
    int ret = 0;

    for (size_t i = 0; i < COUNT_OF(all) && ret == 0; i++)
        ret = ex_metrics_family(metrics, all[i].spec, all[i].ret, reterr);
    return ret;
}

static int open_calls(struct ex_group *group, struct ex_member *member,
                      const struct families *families) {
    static const char *const results[] = {"ok", "empty", "error", "timeout", "late"};
    struct fo_str values[] = {fo_str_of(member->name), {NULL, 0}};
    int ret = 0;

    for (size_t i = 0; i < COUNT_OF(results) && ret == 0; i++) {
        values[1] = fo_str_of(results[i]);
        ret = ex_group_series(group, families->calls, values, &member->metrics.calls[i]);
    }
    return ret;
}

static int open_member(struct ex_group *group, struct ex_member *member,
                       const struct families *families) {
    struct ex_member_metrics *metrics = &member->metrics;
    const struct fo_str name = fo_str_of(member->name);
    const struct fo_str info[] = {name, fo_str_of(member->version)};
    struct ex_series *series;
    int ret = open_calls(group, member, families);

    if (ret == 0)
        ret = ex_group_series(group, families->queue_length, &name, &metrics->queue_length);
    if (ret == 0)
        ret = ex_group_series(group, families->dropped, &name, &metrics->dropped);
    if (ret == 0)
        ret = ex_group_series(group, families->restarts, &name, &metrics->restarts);
    if (ret == 0)
        ret = ex_group_series(group, families->suppressed, &name, &metrics->suppressed);
    if (ret == 0)
        ret = ex_group_series(group, families->seconds, &name, &metrics->seconds);
    if (ret == 0 && member->outbox.window > 0)
        ret = ex_group_series(group, families->undelivered, &name, &metrics->undelivered);
    if (ret == 0 && member->outbox.window > 0)
        ret = ex_group_series(group, families->given_up, &name, &metrics->given_up);
    return ret == 0 ? ex_group_series(group, families->info, info, &series) : ret;
}

int ex_bank_metrics_init(struct ex_bank *bank, const struct ex_bank_config *config,
                         struct fo_error *reterr) {
    const struct fo_str catalogue[] = {fo_str_of(config->catalogue_version),
                                       fo_str_of(config->catalogue_hash)};
    struct families families;
    struct ex_series *series;

    int ret = declare(&families, config->metrics, reterr);
    if (ret == 0)
        ret = ex_group_series(bank->group, families.catalogue, catalogue, &series);
    for (uint32_t i = 0; i < bank->member_count && ret == 0; i++)
        ret = open_member(bank->group, &bank->members[i], &families);
    return ret;
}

void ex_member_count_call(struct ex_member *member, enum ex_call_result result, double seconds) {
    if (!member->metrics.calls[result])
        return; /* it said something before the metrics were made */
    ex_group_begin(member->bank->group);
    ex_counter_add(member->metrics.calls[result], 1);
    if (seconds >= 0)
        ex_histogram_observe(member->metrics.seconds, seconds);
    if (member->child)
        ex_series_set(member->metrics.queue_length, ex_child_waiting(member->child));
    ex_group_publish(member->bank->group);
}

void ex_member_count(struct ex_member *member, struct ex_series *series) {
    if (!series)
        return;
    ex_group_begin(member->bank->group);
    ex_counter_add(series, 1);
    ex_group_publish(member->bank->group);
}

void ex_member_show_queue(struct ex_member *member) {
    ex_group_begin(member->bank->group);
    ex_series_set(member->metrics.queue_length, ex_child_waiting(member->child));
    ex_group_publish(member->bank->group);
}

void ex_member_show_undelivered(struct ex_member *member) {
    if (!member->metrics.undelivered)
        return;
    ex_group_begin(member->bank->group);
    ex_series_set(member->metrics.undelivered, member->outbox.count);
    ex_group_publish(member->bank->group);
}
