/* SPDX-License-Identifier: Apache-2.0 */
/* From evidence to labels (the built-in categoriser), and from final labels to counters. */
#include <errno.h>

#include "exporter/base/log.h"
#include "exporter/manager/job.h"

enum { EXCEPTIONS_MAX = 32 };

static unsigned evidence_bits(const struct ex_evidence *evidence) {
    unsigned bits = 0;

    if (evidence->deadline_exceeded)
        bits |= CATALOGUE_DEADLINE_EXCEEDED;
    if (evidence->cgroup_oom_kill == EX_PROOF_YES)
        bits |= CATALOGUE_CGROUP_OOM_KILL;
    if (evidence->heartbeat_missed)
        bits |= CATALOGUE_HEARTBEAT_MISSED;
    return bits;
}

static size_t list_exceptions(const struct ex_evidence *evidence, struct fo_str *ret_names) {
    size_t count = evidence->exception_count;

    if (count > EXCEPTIONS_MAX)
        count = EXCEPTIONS_MAX;
    for (size_t i = 0; i < count; i++)
        ret_names[i] = evidence->exceptions[i].class_name;
    return count;
}

void ex_failure_categorise(struct ex_manager *manager, struct ex_failure *failure) {
    const struct ex_evidence *evidence = &failure->evidence;
    struct fo_str exceptions[EXCEPTIONS_MAX];
    struct catalogue_input input = {
        .head = evidence->output_head,
        .tail = evidence->output_tail,
        .exited = evidence->exit_code >= 0,
        .exit_code = evidence->exit_code,
        .signal = evidence->signal,
        .runtime = evidence->runtime,
        .platform_reason = evidence->platform_reason,
        .exceptions = exceptions,
        .exception_count = list_exceptions(evidence, exceptions),
        .evidence = evidence_bits(evidence),
    };
    struct catalogue_verdict verdict;
    struct fo_label labels[CATALOGUE_LABELS_MAX];

    if (catalogue_classify(manager->catalogue, &input, manager->scratch, &verdict) < 0)
        ex_log_plain(EX_LOG_WARN, "No memory to categorise a failure; it counts as unknown.");
    size_t count = catalogue_verdict_labels(&verdict, labels);
    if (ex_failure_set_labels(failure, labels, (uint32_t)count) < 0)
        ex_log_plain(EX_LOG_WARN, "No memory for the labels of a failure; it has none.");
    ex_failure_trim(failure);
}

struct counted {
    struct ex_job *job;
    const struct ex_failure *failure;
};

static void count_in_job(void *ctx, const struct fo_str *values) {
    const struct counted *counted = ctx;
    const struct ex_failure_trace trace = {
        .job_id = counted->job->id,
        .failure_id = counted->failure->id,
        .time_ms = counted->failure->at_ms,
    };

    ex_job_metrics_count_failure(&counted->job->metrics, values, &trace);
}

void ex_failure_count(struct ex_job *job, struct ex_failure *failure) {
    const struct ex_failure_class class = {
        .type = ex_failure_label(failure, "type"),
        .category = ex_failure_label(failure, "category"),
    };
    struct counted counted = {job, failure};

    failure->labelled = true;
    counting_on_labelled(job->manager->counting, failure->labels, failure->label_count,
                         count_in_job, &counted);
    ex_failure_metrics_count(&job->manager->account, &class);
    ex_job_tell(job, EX_CHANGE_LABELLED, NULL, failure);
}
