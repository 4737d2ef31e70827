/* SPDX-License-Identifier: Apache-2.0 */
/* Waits that grow from attempt to attempt until the job has been quiet for long enough
 * (ExponentialDelayRestartBackoffTimeStrategy, 1.19 and later). A failure while a restart waits
 * belongs to the attempt that waits. */
#include "failover/strategy.h"

#include <math.h>

__extension__ typedef unsigned __int128 wide;

/* What Flink shows before the first failure. */
#define NO_RESTART_SHOWN INT32_MIN

static int check(const struct fo_strategy_config *config, struct fo_error *reterr) {
    if (config->exponential_delay.initial_backoff_ms < 1)
        return fo_strategy_refuse(reterr, "exponential-delay initial-backoff", "at least 1 ms");
    if (config->exponential_delay.max_backoff_ms < config->exponential_delay.initial_backoff_ms)
        return fo_strategy_refuse(reterr, "exponential-delay max-backoff",
                                  "at least initial-backoff");
    if (!(config->exponential_delay.backoff_multiplier > 1.0))
        return fo_strategy_refuse(reterr, "exponential-delay backoff-multiplier", "above 1");
    if (config->exponential_delay.reset_backoff_threshold_ms < 1)
        return fo_strategy_refuse(reterr, "exponential-delay reset-backoff-threshold",
                                  "at least 1 ms");
    if (!(config->exponential_delay.jitter_factor >= 0.0 &&
          config->exponential_delay.jitter_factor <= 1.0))
        return fo_strategy_refuse(reterr, "exponential-delay jitter-factor", "between 0 and 1");
    if (config->exponential_delay.attempts_before_reset_backoff < 1)
        return fo_strategy_refuse(reterr, "exponential-delay attempts-before-reset-backoff",
                                  "at least 1");
    return 0;
}

/* As a Java cast does: cut off, and stopped at the end of the type. */
static int64_t truncate(double value) {
    return value < 9223372036854775807.0 ? (int64_t)value : INT64_MAX;
}

/* Even over -width .. width. */
static int64_t draw_offset(int64_t width, uint64_t random) {
    uint64_t most = (uint64_t)width;
    uint64_t drawn = (uint64_t)(((wide)random * (2 * most + 1)) >> 64);

    return drawn < most ? -(int64_t)(most - drawn) : (int64_t)(drawn - most);
}

/* The wait of an attempt: `jitter` of it up or down, then the two bounds. */
static int64_t wait_ms(const struct fo_strategy *strategy, int32_t attempt, double jitter,
                       uint64_t random) {
    int64_t initial_ms = strategy->config.exponential_delay.initial_backoff_ms;
    int64_t max_ms = strategy->config.exponential_delay.max_backoff_ms;
    double multiplier = strategy->config.exponential_delay.backoff_multiplier;
    int64_t base_ms = truncate((double)initial_ms * pow(multiplier, attempt));
    int64_t width_ms = truncate((double)base_ms * jitter);
    int64_t total_ms = base_ms;

    if (width_ms > 0)
        total_ms = fo_ms_add(base_ms, draw_offset(width_ms, random));
    if (total_ms > max_ms)
        total_ms = max_ms;
    return total_ms < initial_ms ? initial_ms : total_ms;
}

static bool is_merged(const struct fo_strategy *strategy, int64_t now_ms) {
    return strategy->exponential_delay.notified &&
           now_ms <= strategy->exponential_delay.next_restart_ms;
}

/* The attempt that a failure now would open: counted anew after a quiet time. */
static int32_t next_attempt(const struct fo_strategy *strategy, int64_t now_ms) {
    if (!strategy->exponential_delay.notified)
        return 0;
    int64_t quiet_ms = fo_ms_subtract(now_ms, strategy->exponential_delay.next_restart_ms);
    return quiet_ms >= strategy->config.exponential_delay.reset_backoff_threshold_ms
               ? 0
               : strategy->exponential_delay.attempt;
}

static bool notify_failure(struct fo_strategy *strategy, int64_t now_ms, uint64_t random) {
    if (is_merged(strategy, now_ms))
        return false;
    int32_t attempt = next_attempt(strategy, now_ms);
    double jitter = strategy->config.exponential_delay.jitter_factor;
    strategy->exponential_delay.next_restart_ms =
        fo_ms_add(now_ms, wait_ms(strategy, attempt, jitter, random));
    strategy->exponential_delay.attempt = attempt < INT32_MAX ? attempt + 1 : attempt;
    strategy->exponential_delay.notified = true;
    return true;
}

static bool can_restart(const struct fo_strategy *strategy, int64_t now_ms) {
    (void)now_ms;
    return strategy->exponential_delay.attempt <=
           strategy->config.exponential_delay.attempts_before_reset_backoff;
}

static int64_t backoff_ms(const struct fo_strategy *strategy, int64_t now_ms) {
    int64_t left_ms = fo_ms_subtract(strategy->exponential_delay.next_restart_ms, now_ms);

    return left_ms > 0 ? left_ms : 0;
}

static struct fo_budget budget(const struct fo_strategy *strategy, int64_t now_ms) {
    int32_t limit = strategy->config.exponential_delay.attempts_before_reset_backoff;
    bool merged = is_merged(strategy, now_ms);
    int32_t used = next_attempt(strategy, now_ms);
    struct fo_budget budget = {.resets_at_ms = FO_NEVER};

    budget.next_backoff_ms =
        merged ? backoff_ms(strategy, now_ms) : wait_ms(strategy, used, 0.0, 0);
    if (used > 0)
        budget.resets_at_ms =
            fo_ms_add(strategy->exponential_delay.next_restart_ms,
                      strategy->config.exponential_delay.reset_backoff_threshold_ms);
    if (limit == FO_ATTEMPTS_UNLIMITED)
        return budget;
    budget.limited = true;
    budget.limit = limit;
    budget.remaining = used < limit ? limit - used : 0;
    if (merged ? used > limit : used >= limit)
        budget.next_backoff_ms = -1;
    return budget;
}

static void describe(const struct fo_strategy *strategy, struct fo_text *text) {
    const struct fo_strategy_config *config = &strategy->config;
    int64_t next_restart_ms = strategy->exponential_delay.notified
                                  ? strategy->exponential_delay.next_restart_ms
                                  : NO_RESTART_SHOWN;

    fo_text_append_text(text, "ExponentialDelayRestartBackoffTimeStrategy(");
    fo_text_append_setting(text, "initialBackoffMS", config->exponential_delay.initial_backoff_ms);
    fo_text_append_setting(text, ", maxBackoffMS", config->exponential_delay.max_backoff_ms);
    fo_text_append_text(text, ", backoffMultiplier=");
    fo_text_append_double(text, config->exponential_delay.backoff_multiplier);
    fo_text_append_setting(text, ", resetBackoffThresholdMS",
                           config->exponential_delay.reset_backoff_threshold_ms);
    fo_text_append_text(text, ", jitterFactor=");
    fo_text_append_double(text, config->exponential_delay.jitter_factor);
    fo_text_append_setting(text, ", attemptsBeforeResetBackoff",
                           config->exponential_delay.attempts_before_reset_backoff);
    fo_text_append_setting(text, ", currentRestartAttempt", strategy->exponential_delay.attempt);
    fo_text_append_setting(text, ", nextRestartTimestamp", next_restart_ms);
    fo_text_append_text(text, ")");
}

const struct fo_strategy_ops fo_strategy_exponential_delay_ops = {
    .check = check,
    .notify_failure = notify_failure,
    .can_restart = can_restart,
    .backoff_ms = backoff_ms,
    .budget = budget,
    .describe = describe,
};
