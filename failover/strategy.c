/* SPDX-License-Identifier: Apache-2.0 */
#include "failover/strategy.h"

#include <errno.h>

#include "failover/memory.h"

static const struct fo_strategy_ops *const kinds[] = {
    [FO_STRATEGY_NONE] = &fo_strategy_none_ops,
    [FO_STRATEGY_FIXED_DELAY] = &fo_strategy_fixed_delay_ops,
    [FO_STRATEGY_FAILURE_RATE] = &fo_strategy_failure_rate_ops,
    [FO_STRATEGY_EXPONENTIAL_DELAY] = &fo_strategy_exponential_delay_ops,
};

static const struct fo_strategy_ops *ops_of(const struct fo_strategy *strategy) {
    return kinds[strategy->config.kind];
}

int64_t fo_ms_add(int64_t a_ms, int64_t b_ms) {
    int64_t sum = 0;

    if (__builtin_add_overflow(a_ms, b_ms, &sum))
        return b_ms < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

int64_t fo_ms_subtract(int64_t a_ms, int64_t b_ms) {
    int64_t difference = 0;

    if (__builtin_sub_overflow(a_ms, b_ms, &difference))
        return b_ms > 0 ? INT64_MIN : INT64_MAX;
    return difference;
}

int fo_strategy_refuse(struct fo_error *reterr, const char *setting, const char *bound) {
    return fo_error_set(reterr, -EINVAL, setting, fo_str_of(" must be "), bound);
}

void fo_text_append_setting(struct fo_text *text, const char *name, int64_t value) {
    fo_text_append_text(text, name);
    fo_text_append_text(text, "=");
    fo_text_append_i64(text, value);
}

int fo_strategy_check(const struct fo_strategy_config *config, struct fo_error *reterr) {
    if (config->kind > FO_STRATEGY_EXPONENTIAL_DELAY)
        return fo_strategy_refuse(reterr, "the kind of a restart strategy", "a known one");
    return kinds[config->kind]->check(config, reterr);
}

void fo_strategy_init(struct fo_strategy *strategy, const struct fo_strategy_config *config,
                      const struct fo_allocator *allocator) {
    memset(strategy, 0, sizeof *strategy);
    strategy->config = *config;
    strategy->allocator = *allocator;
}

void fo_strategy_done(struct fo_strategy *strategy) {
    if (strategy->config.kind == FO_STRATEGY_FAILURE_RATE)
        fo_memory_free(&strategy->allocator, strategy->failure_rate.times);
}

int fo_strategy_reserve(struct fo_strategy *strategy) {
    const struct fo_strategy_ops *ops = ops_of(strategy);

    return ops->reserve ? ops->reserve(strategy) : 0;
}

int fo_strategy_new(const struct fo_strategy_config *config, const struct fo_allocator *allocator,
                    struct fo_strategy **ret_strategy) {
    struct fo_allocator kept = fo_allocator_or_default(allocator);
    int rc = fo_strategy_check(config, NULL);

    if (rc != 0)
        return rc;
    struct fo_strategy *strategy = fo_array_new(&kept, 1, sizeof *strategy);
    if (!strategy)
        return -ENOMEM;
    fo_strategy_init(strategy, config, &kept);
    *ret_strategy = strategy;
    return 0;
}

struct fo_strategy *fo_strategy_free(struct fo_strategy *strategy) {
    if (strategy) {
        struct fo_allocator allocator = strategy->allocator;
        fo_strategy_done(strategy);
        fo_memory_free(&allocator, strategy);
    }
    return NULL;
}

bool fo_strategy_notify_failure(struct fo_strategy *strategy, int64_t now_ms, uint64_t random) {
    return ops_of(strategy)->notify_failure(strategy, now_ms, random);
}

bool fo_strategy_can_restart(const struct fo_strategy *strategy, int64_t now_ms) {
    return ops_of(strategy)->can_restart(strategy, now_ms);
}

int fo_strategy_backoff_ms(const struct fo_strategy *strategy, int64_t now_ms,
                           int64_t *ret_backoff_ms) {
    if (strategy->config.kind == FO_STRATEGY_EXPONENTIAL_DELAY &&
        !strategy->exponential_delay.notified)
        return -EINVAL;
    *ret_backoff_ms = ops_of(strategy)->backoff_ms(strategy, now_ms);
    return 0;
}

struct fo_budget fo_strategy_budget(const struct fo_strategy *strategy, int64_t now_ms) {
    return ops_of(strategy)->budget(strategy, now_ms);
}

size_t fo_strategy_describe(const struct fo_strategy *strategy, char *text, size_t size) {
    struct fo_text builder;

    fo_text_init(&builder, text, size);
    ops_of(strategy)->describe(strategy, &builder);
    return builder.len;
}
