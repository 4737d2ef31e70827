/* SPDX-License-Identifier: Apache-2.0 */
/* So many restarts over the whole life of the job, each after the same wait
 * (FixedDelayRestartBackoffTimeStrategy). The count never goes down. */
#include "failover/strategy.h"

static int check(const struct fo_strategy_config *config, struct fo_error *reterr) {
    if (config->fixed_delay.attempts < 0)
        return fo_strategy_refuse(reterr, "fixed-delay attempts", "at least 0");
    if (config->fixed_delay.delay_ms < 0)
        return fo_strategy_refuse(reterr, "the fixed-delay delay", "at least 0 ms");
    return 0;
}

static bool notify_failure(struct fo_strategy *strategy, int64_t now_ms, uint64_t random) {
    (void)now_ms;
    (void)random;
    if (strategy->fixed_delay.failures < INT32_MAX)
        strategy->fixed_delay.failures++;
    return true;
}

static bool can_restart(const struct fo_strategy *strategy, int64_t now_ms) {
    (void)now_ms;
    return strategy->fixed_delay.failures <= strategy->config.fixed_delay.attempts;
}

static int64_t backoff_ms(const struct fo_strategy *strategy, int64_t now_ms) {
    (void)now_ms;
    return strategy->config.fixed_delay.delay_ms;
}

static struct fo_budget budget(const struct fo_strategy *strategy, int64_t now_ms) {
    int32_t limit = strategy->config.fixed_delay.attempts;
    int32_t used = strategy->fixed_delay.failures;
    struct fo_budget budget = {.resets_at_ms = FO_NEVER};

    (void)now_ms;
    budget.next_backoff_ms = strategy->config.fixed_delay.delay_ms;
    if (limit == FO_ATTEMPTS_UNLIMITED)
        return budget;
    budget.limited = true;
    budget.limit = limit;
    budget.remaining = used < limit ? limit - used : 0;
    if (budget.remaining == 0)
        budget.next_backoff_ms = -1;
    return budget;
}

static void describe(const struct fo_strategy *strategy, struct fo_text *text) {
    fo_text_append_text(text, "FixedDelayRestartBackoffTimeStrategy(");
    fo_text_append_setting(text, "maxNumberRestartAttempts", strategy->config.fixed_delay.attempts);
    fo_text_append_setting(text, ", backoffTimeMS", strategy->config.fixed_delay.delay_ms);
    fo_text_append_text(text, ")");
}

const struct fo_strategy_ops fo_strategy_fixed_delay_ops = {
    .check = check,
    .notify_failure = notify_failure,
    .can_restart = can_restart,
    .backoff_ms = backoff_ms,
    .budget = budget,
    .describe = describe,
};
