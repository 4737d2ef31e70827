/* SPDX-License-Identifier: Apache-2.0 */
/* Failures with their evidence and what was decided, and why. Ours; names as in the event record.
 */
#include "exporter/config/task_name.h"
#include "exporter/manager/job_metrics.h"
#include "exporter/rest/shapes.h"
#include "exporter/rest/texts.h"

enum { TASK_NAME_BYTES = FO_ID_MAX + 16 };

/* A task's name; null: it is about the whole job. */
static json_t *show_task(const struct ex_job_copy *job, uint32_t task) {
    char name[TASK_NAME_BYTES];

    if (task == FO_NO_TASK)
        return json_null();
    return ex_rest_text(fo_str_of(ex_task_name_print(job->spec->graph, task, name, sizeof name)));
}

static json_t *show_label_list(const struct ex_label_set *labels) {
    json_t *shown = json_object();

    for (uint32_t i = 0; i < labels->count; i++) {
        json_t *key = ex_rest_text(labels->items[i].key);
        (void)json_object_set_new(shown, json_string_value(key),
                                  ex_rest_text(labels->items[i].value));
        json_decref(key);
    }
    return shown;
}

/* ---- the decision ---- */

static json_t *show_match(const struct fo_policy *policy) {
    json_t *shown = json_object();

    for (uint32_t i = 0; i < policy->match_count; i++) {
        const struct fo_match *match = &policy->matches[i];
        json_t *key = ex_rest_text(match->key);
        json_t *values = json_array();
        for (uint32_t v = 0; v < match->value_count; v++)
            (void)json_array_append_new(values, ex_rest_text(match->values[v]));
        (void)json_object_set_new(shown, json_string_value(key), values);
        json_decref(key);
    }
    return shown;
}

/* The policy that decided; null: the job's own restart strategy did. Counted from 1, as people do.
 */
static json_t *show_policy(const struct fo_job_config *config, int32_t index) {
    static const char *const actions[] = {
        [FO_POLICY_STRATEGY] = "restart-strategy",
        [FO_POLICY_RESTART] = "restart",
        [FO_POLICY_FAIL] = "fail",
    };

    if (index < 0 || (uint32_t)index >= config->policy_count)
        return json_null();
    const struct fo_policy *policy = &config->policies[index];
    return json_pack("{s:i, s:o, s:s, s:b}", "number", (int)index + 1, "match", show_match(policy),
                     "action", actions[policy->action], "charge", (int)policy->charge);
}

/* The restart strategy that was asked; null: none was. */
static json_t *show_strategy(const struct fo_job_config *config, int32_t index) {
    if (index < 0 || (uint32_t)index >= config->policy_count)
        return ex_rest_strategy_settings(&config->restart_strategy);
    const struct fo_policy *policy = &config->policies[index];
    if (policy->action == FO_POLICY_STRATEGY)
        return ex_rest_strategy_settings(&policy->strategy);
    return policy->action == FO_POLICY_RESTART && policy->charge
               ? ex_rest_strategy_settings(&config->restart_strategy)
               : json_null();
}

/* A run of tasks may pass from one vertex into the next: one object for each. */
static json_t *show_restarted(const struct fo_graph *graph, const struct ex_task_runs *runs) {
    json_t *shown = json_array();

    for (uint32_t i = 0; i < runs->count; i++) {
        uint32_t task = runs->items[i].first;
        uint32_t behind = task + runs->items[i].count;
        while (task < behind) {
            uint32_t vertex = fo_graph_task_vertex(graph, task);
            uint32_t end = fo_graph_vertex_first_task(graph, vertex) +
                           fo_graph_vertex_parallelism(graph, vertex);
            end = end < behind ? end : behind;
            (void)json_array_append_new(
                shown, json_pack("{s:o, s:I, s:I}", "vertex",
                                 ex_rest_text(fo_graph_vertex_id(graph, vertex)), "first",
                                 (json_int_t)fo_graph_task_subtask(graph, task), "count",
                                 (json_int_t)(end - task)));
            task = end;
        }
    }
    return shown;
}

static json_t *show_decision(const struct ex_job_copy *job, const struct ex_failure *failure,
                             bool tasks) {
    const struct fo_decision *decision = &failure->decision;
    const struct fo_job_config *config = &job->spec->decisions;
    bool lists = tasks && decision->restart;
    json_t *reason = decision->restart ? json_null()
                                       : json_string(ex_exhausted_reason_name(decision->exhausted));
    json_t *left = failure->budget.limited ? json_integer(failure->budget.remaining) : json_null();

    return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:b, s:I, s:o, s:o*}", "action",
                     decision->restart ? "restart" : "fail", "reason", reason, "policy",
                     show_policy(config, decision->policy), "strategy",
                     show_strategy(config, decision->policy), "delay_ms",
                     (json_int_t)decision->delay_ms, "due_ms", (json_int_t)decision->due_ms,
                     "new_attempt", (int)decision->new_attempt, "restart_count",
                     (json_int_t)decision->restart_count, "budget_left", left, "restart",
                     lists ? show_restarted(job->spec->graph, &failure->restarted) : NULL);
}

/* ---- the failure ---- */

json_t *ex_rest_failure_brief(const struct ex_job_copy *job, const struct ex_failure *failure,
                              bool tasks) {
    json_t *decision = failure->decided ? show_decision(job, failure, tasks) : json_null();

    return json_pack(
        "{s:I, s:I, s:I, s:o, s:I, s:o, s:b, s:o, s:o}", "failure_id", (json_int_t)failure->id,
        "incident", (json_int_t)failure->decision.incident, "time_ms", (json_int_t)failure->at_ms,
        "task", show_task(job, failure->task), "attempt", (json_int_t)failure->attempt, "message",
        ex_rest_text(failure->evidence.message), "labelled", (int)failure->labelled, "labels",
        show_label_list(failure->labelled ? &failure->labels : &failure->verdict), "decision",
        decision);
}

static json_t *show_exceptions(const struct ex_evidence *evidence) {
    json_t *shown = json_array();

    for (uint32_t i = 0; i < evidence->exception_count; i++)
        (void)json_array_append_new(
            shown,
            json_pack("{s:o, s:o}", "class", ex_rest_text(evidence->exceptions[i].class_name),
                      "message", ex_rest_text(evidence->exceptions[i].message)));
    return shown;
}

static json_t *show_output(const struct ex_evidence *evidence) {
    struct fo_str end =
        evidence->output_tail.len > 0 ? evidence->output_tail : evidence->output_head;

    if (end.len > EX_REST_OUTPUT_MAX_BYTES) {
        end.ptr += end.len - EX_REST_OUTPUT_MAX_BYTES;
        end.len = EX_REST_OUTPUT_MAX_BYTES;
    }
    return ex_rest_text(end);
}

static json_t *show_evidence(const struct ex_failure *failure) {
    static const char *const proofs[] = {
        [EX_PROOF_UNSUPPORTED] = "unsupported", [EX_PROOF_NO] = "no", [EX_PROOF_YES] = "yes"};
    const struct ex_evidence *evidence = &failure->evidence;

    return json_pack(
        "{s:o*, s:o*, s:b, s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o}", "exit_code",
        evidence->exit_code >= 0 ? json_integer(evidence->exit_code) : NULL, "signal",
        evidence->signal > 0 ? json_integer(evidence->signal) : NULL, "core_dumped",
        (int)evidence->core_dumped, "cgroup_oom_kill", proofs[evidence->cgroup_oom_kill],
        "deadline_exceeded", (int)evidence->deadline_exceeded, "heartbeat_missed",
        (int)evidence->heartbeat_missed, "secondary", (int)evidence->secondary, "runtime",
        ex_rest_text(evidence->runtime), "platform_reason", ex_rest_text(evidence->platform_reason),
        "exceptions", show_exceptions(evidence), "output", show_output(evidence), "matched",
        failure->matched ? ex_rest_text(fo_str_of(failure->matched)) : json_null());
}

/* NULL when the record is gone: the history may be longer than what is kept. */
static json_t *show_failure(const struct ex_job_copy *job, const struct ex_failure *failure) {
    json_t *shown = failure ? ex_rest_failure_brief(job, failure, true) : NULL;

    if (shown)
        (void)json_object_set_new(shown, "evidence", show_evidence(failure));
    return shown;
}

static json_t *show_root(const struct ex_job_copy *job, const struct ex_exception_copy *root) {
    json_t *shown = show_failure(job, root->failure);
    json_t *concurrent = json_array();
    json_int_t count = 0;

    for (uint32_t i = 0; shown && i < root->concurrent_count; i++) {
        const struct ex_failure *other = root->concurrent[i].failure;
        if (!other || other->id == root->failure->id) /* Flink lists the root among them at times */
            continue;
        if (count++ < EX_REST_CONCURRENT_MAX)
            (void)json_array_append_new(concurrent, show_failure(job, other));
    }
    (void)json_object_set_new(shown, "concurrent_count", json_integer(count));
    (void)json_object_set_new(shown, "concurrent", concurrent);
    return shown;
}

static json_t *show_by_hand(const struct ex_job_copy *job) {
    json_t *shown = json_array();

    for (uint32_t i = 0; i < job->by_hand.count; i++) {
        const struct ex_restart_by_hand *restart = &job->by_hand.newest[i];
        (void)json_array_append_new(shown, json_pack("{s:I, s:o, s:I}", "time_ms",
                                                     (json_int_t)restart->at_ms, "task",
                                                     show_task(job, restart->task), "restart_count",
                                                     (json_int_t)restart->restart_count));
    }
    return shown;
}

json_t *ex_rest_failures(const struct ex_job_copy *job) {
    json_t *failures = json_array();

    for (uint32_t i = 0; i < job->root_count; i++) {
        json_t *root = show_root(job, &job->roots[i]);
        if (root)
            (void)json_array_append_new(failures, root);
    }
    return json_pack("{s:o, s:b, s:o}", "failures", failures, "truncated",
                     (int)job->roots_truncated, "by_hand", show_by_hand(job));
}
