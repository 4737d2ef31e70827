/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/policies.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/config/fail.h"
#include "exporter/config/flink_options.h"
#include "exporter/config/nearest.h"

static const char *const types[] = {"USER", "SYSTEM", "UNKNOWN", NULL};
static const char *const categories[] = {
    "oom",     "resource_limit", "disk",     "network",   "dependency", "quota",
    "timeout", "auth",           "config",   "data",      "code_bug",   "state",
    "infra",   "hardware",       "platform", "cancelled", "unknown",    NULL};
static const char *const retries[] = {"never",     "immediate", "backoff",
                                      "elsewhere", "escalate",  "restart_producer",
                                      "uncharged", "default",   NULL};
static const char *const truths[] = {"true", "false", NULL};

/* The labels of the catalogue, and what they can be; causes are declared by the rule files. */
static const struct {
    const char *key;
    const char *const *values;
} labels[] = {{"type", types},    {"category", categories}, {"cause", NULL},
              {"retry", retries}, {"secondary", truths},    {"wrapper", truths}};
static const char *const label_keys[] = {"type",      "category", "cause", "retry",
                                         "secondary", "wrapper",  NULL};

/* NULL = any value will do. */
static int check_value(const struct ex_fields *match, const char *key, struct fo_str value,
                       const char *const *known) {
    struct ex_nearest nearest = ex_nearest_to(value);

    if (value.len == 0)
        return ex_field_refuse(match, key, "a value is wanted");
    for (; known && *known; known++)
        ex_nearest_try(&nearest, fo_str_of(*known));
    if (!known || nearest.distance == 0)
        return 0;
    return ex_field_refuse(match, key,
                           "\"%.*s\" is not a value of this label; the nearest is \"%.*s\"",
                           ex_shown(value), value.ptr, ex_shown(nearest.best), nearest.best.ptr);
}

/* Copies one value of a match. */
static int copy_value(const struct ex_fields *match, const char *key, struct fo_str value,
                      const char *const *known, struct fo_str *ret_value) {
    int rc = check_value(match, key, value, known);
    if (rc != 0)
        return rc;
    char *copy = strndup(value.ptr, value.len);
    if (!copy)
        return ex_fields_no_memory(match);
    *ret_value = (struct fo_str){copy, value.len};
    return 0;
}

static int read_values(const struct ex_fields *match, const char *key, const char *const *known,
                       struct fo_match *out) {
    const json_t *member = json_object_get(match->object, key);
    bool is_list = json_is_array(member);
    size_t count = is_list ? json_array_size(member) : 1;

    if (count == 0 || count > EX_POLICY_VALUES_MAX)
        return ex_field_refuse(match, key, "from 1 to %d values", EX_POLICY_VALUES_MAX);
    struct fo_str *values = calloc(count, sizeof *values);
    out->values = values;
    if (!values)
        return ex_fields_no_memory(match);
    for (size_t i = 0; i < count; i++) {
        struct fo_str text = is_list ? ex_tree_item_text(match->tree, member, i) : fo_str_of(NULL);
        int rc = is_list ? 0 : ex_field_str(match, key, &text);
        if (rc == 0)
            rc = copy_value(match, key, text, known, &values[i]);
        if (rc != 0)
            return rc;
        out->value_count++;
    }
    return 0;
}

static int read_match(const struct ex_fields *policy, struct fo_policy *out) {
    struct ex_fields match;
    int rc = ex_fields_open_member(policy, "match", label_keys, &match);

    if (rc <= 0)
        return rc;
    struct fo_match *matches = calloc(sizeof labels / sizeof labels[0], sizeof *matches);
    if (!matches)
        return ex_fields_no_memory(policy);
    out->matches = matches;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        if (!ex_field_is_set(&match, labels[i].key))
            continue;
        struct fo_match *next = &matches[out->match_count++];
        next->key = fo_str_of(labels[i].key);
        rc = read_values(&match, labels[i].key, labels[i].values, next);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The policy's own strategy: Flink's keys without "restart-strategy." in front. */
static int read_strategy(const struct ex_fields *policy, struct fo_policy *out) {
    struct ex_strategy_choice choice = {.profile = EX_FLINK_2};
    struct ex_notices notices = {NULL, 0};

    if (ex_settings_init(&choice.job) != 0)
        return ex_fields_no_memory(policy);
    int rc = ex_settings_add_member(&choice.job, policy->tree, policy->object, "",
                                    "restart-strategy", policy->reterr);
    if (rc == 0)
        rc = ex_options_check(&choice.job, true, &notices, policy->reterr);
    if (rc == 0 && !ex_restart_strategy_is_named(&choice.job))
        rc = ex_field_refuse(policy, "restart-strategy", "a type is wanted");
    if (rc == 0)
        rc = ex_restart_strategy_load(&choice, &out->strategy, policy->reterr);
    out->action = FO_POLICY_STRATEGY;
    ex_notices_done(&notices);
    ex_settings_done(&choice.job);
    return rc;
}

static int read_restart(const struct ex_fields *policy, struct fo_policy *out) {
    out->action = FO_POLICY_RESTART;
    out->charge = true;
    out->delay_ms = -1;
    int rc = ex_field_bool(policy, "charge", &out->charge);
    return rc != 0 ? rc : ex_field_ms(policy, "delay", 0, &out->delay_ms);
}

static int read_action(const struct ex_fields *policy, struct fo_policy *out) {
    static const char *const actions[] = {"fail", "restart", NULL};
    bool by_strategy = ex_field_is_set(policy, "restart-strategy");
    unsigned action = 0;

    if (by_strategy == ex_field_is_set(policy, "action"))
        return ex_fail(policy->reterr, -EINVAL, policy->line,
                       "policy: an action (fail or restart) or a restart-strategy is wanted");
    int rc = ex_field_word(policy, "action", actions, &action);
    if (rc != 0)
        return rc;
    if (!by_strategy && action == 1)
        return read_restart(policy, out);
    if (ex_field_is_set(policy, "charge") || ex_field_is_set(policy, "delay"))
        return ex_fail(policy->reterr, -EINVAL, policy->line,
                       "policy: charge and delay belong to action: restart");
    out->action = FO_POLICY_FAIL;
    return by_strategy ? read_strategy(policy, out) : 0;
}

static int read_policy(const struct ex_tree *tree, json_t *node, int line, struct fo_policy *out,
                       struct fo_error *reterr) {
    static const char *const keys[] = {"match",  "action", "restart-strategy",
                                       "charge", "delay",  NULL};
    struct ex_fields policy;

    if (!json_is_object(node))
        return ex_fail(reterr, -EINVAL, line, "policy: a map (key: value) is wanted");
    int rc = ex_fields_open(tree, node, "policy", keys, &policy, reterr);
    if (rc == 0)
        rc = read_match(&policy, out);
    return rc != 0 ? rc : read_action(&policy, out);
}

static int read_all(const struct ex_tree *tree, const json_t *list, struct ex_policies *policies,
                    struct fo_error *reterr) {
    size_t count = json_array_size(list);

    policies->items = calloc(count + 1, sizeof *policies->items);
    policies->lines = calloc(count + 1, sizeof *policies->lines);
    if (!policies->items || !policies->lines)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    for (size_t i = 0; i < count; i++) {
        policies->lines[i] = ex_tree_item_line(tree, list, i);
        policies->count++;
        int rc = read_policy(tree, json_array_get(list, i), policies->lines[i], &policies->items[i],
                             reterr);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int ex_policies_read(const struct ex_tree *tree, const json_t *list,
                     struct ex_policies **ret_policies, struct fo_error *reterr) {
    if (json_array_size(list) > EX_POLICIES_MAX)
        return ex_fail(reterr, -E2BIG, ex_tree_line(tree, list), "more than %d policies",
                       EX_POLICIES_MAX);
    struct ex_policies *policies = calloc(1, sizeof *policies);
    if (!policies)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    policies->owners = 1;
    int rc = read_all(tree, list, policies, reterr);
    if (rc != 0) {
        ex_policies_unref(policies);
        return rc;
    }
    *ret_policies = policies;
    return 0;
}

struct ex_policies *ex_policies_ref(struct ex_policies *policies) {
    __atomic_add_fetch(&policies->owners, 1, __ATOMIC_RELAXED);
    return policies;
}

/* What was allocated here is behind the core's const pointers. */
static void free_owned(const void *owned) {
    union {
        const void *owned;
        void *freed;
    } same = {owned};

    free(same.freed);
}

static void policy_done(const struct fo_policy *policy) {
    for (uint32_t i = 0; i < policy->match_count; i++) {
        for (uint32_t j = 0; j < policy->matches[i].value_count; j++)
            free_owned(policy->matches[i].values[j].ptr);
        free_owned(policy->matches[i].values);
    }
    free_owned(policy->matches);
}

struct ex_policies *ex_policies_unref(struct ex_policies *policies) {
    if (!policies || __atomic_sub_fetch(&policies->owners, 1, __ATOMIC_ACQ_REL) > 0)
        return NULL;
    for (uint32_t i = 0; i < policies->count; i++)
        policy_done(&policies->items[i]);
    free(policies->items);
    free(policies->lines);
    free(policies);
    return NULL;
}
