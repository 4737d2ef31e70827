/* SPDX-License-Identifier: Apache-2.0 */
#include "failover/policy.h"

#include <errno.h>

#include "failover/memory.h"

int fo_policies_check(const struct fo_policy *policies, uint32_t count, struct fo_error *reterr) {
    for (uint32_t i = 0; i < count; i++) {
        const struct fo_policy *policy = &policies[i];
        if (policy->action > FO_POLICY_FAIL)
            return fo_strategy_refuse(reterr, "the action of a policy", "a known one");
        if (policy->action == FO_POLICY_RESTART && policy->delay_ms < -1)
            return fo_strategy_refuse(reterr, "the delay of a policy", "at least 0 ms");
        if (policy->action == FO_POLICY_STRATEGY) {
            int rc = fo_strategy_check(&policy->strategy, reterr);
            if (rc != 0)
                return rc;
        }
    }
    return 0;
}

struct sizes {
    size_t matches;
    size_t values;
    size_t bytes;
};

static struct sizes measure(const struct fo_policy *policies, uint32_t count) {
    struct sizes sizes = {0};

    for (uint32_t i = 0; i < count; i++) {
        sizes.matches += policies[i].match_count;
        for (uint32_t j = 0; j < policies[i].match_count; j++) {
            const struct fo_match *match = &policies[i].matches[j];
            sizes.values += match->value_count;
            sizes.bytes += match->key.len;
            for (uint32_t k = 0; k < match->value_count; k++)
                sizes.bytes += match->values[k].len;
        }
    }
    return sizes;
}

static struct fo_str copy_text(char **next, struct fo_str text) {
    struct fo_str copy = {*next, text.len};

    if (text.len > 0)
        memcpy(*next, text.ptr, text.len);
    *next += text.len;
    return copy;
}

static void copy(struct fo_policies *policies, const struct fo_policy *source) {
    struct fo_match *next_match = policies->matches;
    struct fo_str *next_value = policies->values;
    char *next_byte = policies->bytes;

    for (uint32_t i = 0; i < policies->count; i++) {
        policies->items[i] = source[i];
        policies->items[i].matches = next_match;
        if (source[i].action == FO_POLICY_STRATEGY)
            fo_strategy_init(&policies->strategies[i], &source[i].strategy, &policies->allocator);
        for (uint32_t j = 0; j < source[i].match_count; j++) {
            const struct fo_match *match = &source[i].matches[j];
            *next_match++ = (struct fo_match){copy_text(&next_byte, match->key), next_value,
                                              match->value_count};
            for (uint32_t k = 0; k < match->value_count; k++)
                *next_value++ = copy_text(&next_byte, match->values[k]);
        }
    }
}

int fo_policies_init(struct fo_policies *policies, const struct fo_policy *source, uint32_t count,
                     const struct fo_allocator *allocator) {
    struct sizes sizes = measure(source, count);

    memset(policies, 0, sizeof *policies);
    policies->allocator = *allocator;
    policies->items = fo_array_new(allocator, count, sizeof *policies->items);
    policies->strategies = fo_array_new(allocator, count, sizeof *policies->strategies);
    policies->matches = fo_array_new(allocator, sizes.matches, sizeof *policies->matches);
    policies->values = fo_array_new(allocator, sizes.values, sizeof *policies->values);
    policies->bytes = fo_array_new(allocator, sizes.bytes, 1);
    if (!policies->items || !policies->strategies || !policies->matches || !policies->values ||
        !policies->bytes)
        return -ENOMEM;
    policies->count = count;
    copy(policies, source);
    return 0;
}

void fo_policies_done(struct fo_policies *policies) {
    for (uint32_t i = 0; i < policies->count; i++) {
        if (policies->items[i].action == FO_POLICY_STRATEGY)
            fo_strategy_done(&policies->strategies[i]);
    }
    fo_memory_free(&policies->allocator, policies->bytes);
    fo_memory_free(&policies->allocator, policies->values);
    fo_memory_free(&policies->allocator, policies->matches);
    fo_memory_free(&policies->allocator, policies->strategies);
    fo_memory_free(&policies->allocator, policies->items);
}

static bool has_value(const struct fo_match *match, struct fo_str value) {
    for (uint32_t i = 0; i < match->value_count; i++) {
        if (fo_str_equal(match->values[i], value))
            return true;
    }
    return false;
}

static bool holds(const struct fo_match *match, const struct fo_label *labels,
                  uint32_t label_count) {
    for (uint32_t i = 0; i < label_count; i++) {
        if (fo_str_equal(labels[i].key, match->key) && has_value(match, labels[i].value))
            return true;
    }
    return false;
}

static bool all_hold(const struct fo_policy *policy, const struct fo_label *labels,
                     uint32_t label_count) {
    for (uint32_t i = 0; i < policy->match_count; i++) {
        if (!holds(&policy->matches[i], labels, label_count))
            return false;
    }
    return true;
}

int32_t fo_policies_find(const struct fo_policies *policies, const struct fo_label *labels,
                         uint32_t label_count) {
    for (uint32_t i = 0; i < policies->count; i++) {
        if (all_hold(&policies->items[i], labels, label_count))
            return (int32_t)i;
    }
    return -1;
}
