/* SPDX-License-Identifier: Apache-2.0 */
/* So many failures within a window; one more inside it ends the job
 * (FailureRateRestartBackoffTimeStrategy). Flink keeps the last max + 1 times and asks whether the
 * oldest has left the window; kept here are only times still inside it, which comes to the same and
 * takes no more memory than there were failures. */
#include "failover/strategy.h"

#include <errno.h>

#include "failover/memory.h"

static int check(const struct fo_strategy_config *config, struct fo_error *reterr) {
    if (config->failure_rate.max_failures_per_interval <= 0)
        return fo_strategy_refuse(reterr, "failure-rate max-failures-per-interval", "at least 1");
    if (config->failure_rate.interval_ms <= 0)
        return fo_strategy_refuse(reterr, "the failure-rate interval", "at least 1 ms");
    if (config->failure_rate.delay_ms < 0)
        return fo_strategy_refuse(reterr, "the failure-rate delay", "at least 0 ms");
    return 0;
}

static size_t limit_of(const struct fo_strategy *strategy) {
    return (size_t)strategy->config.failure_rate.max_failures_per_interval;
}

/* The failure counts until the window has passed it: strictly later than the interval. */
static bool has_left(const struct fo_strategy *strategy, size_t index, int64_t now_ms) {
    int64_t at_ms = strategy->failure_rate.times[strategy->failure_rate.first + index];

    return fo_ms_subtract(now_ms, at_ms) > strategy->config.failure_rate.interval_ms;
}

/* How many of the oldest failures have left the window. Times ascend: bisect. */
static size_t count_left(const struct fo_strategy *strategy, int64_t now_ms) {
    size_t low = 0;
    size_t high = strategy->failure_rate.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (has_left(strategy, middle, now_ms))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int reserve(struct fo_strategy *strategy) {
    size_t end = strategy->failure_rate.first + strategy->failure_rate.count;

    if (end < strategy->failure_rate.capacity)
        return 0;
    if (strategy->failure_rate.first > strategy->failure_rate.count) {
        memmove(strategy->failure_rate.times,
                strategy->failure_rate.times + strategy->failure_rate.first,
                strategy->failure_rate.count * sizeof *strategy->failure_rate.times);
        strategy->failure_rate.first = 0;
        return 0;
    }
    int64_t *grown = fo_array_grow(&strategy->allocator, strategy->failure_rate.times,
                                   &strategy->failure_rate.capacity, end + 1,
                                   sizeof *strategy->failure_rate.times);
    if (!grown)
        return -ENOMEM;
    strategy->failure_rate.times = grown;
    return 0;
}

static void drop_oldest(struct fo_strategy *strategy, size_t count) {
    strategy->failure_rate.first += count;
    strategy->failure_rate.count -= count;
}

static bool notify_failure(struct fo_strategy *strategy, int64_t now_ms, uint64_t random) {
    (void)random;
    drop_oldest(strategy, count_left(strategy, now_ms));
    if (strategy->failure_rate.count > limit_of(strategy))
        drop_oldest(strategy, 1);
    if (reserve(strategy) != 0) {
        /* Only without fo_strategy_reserve() before: the oldest makes room, if there is one. */
        if (strategy->failure_rate.count == 0)
            return true;
        drop_oldest(strategy, 1);
        memmove(strategy->failure_rate.times,
                strategy->failure_rate.times + strategy->failure_rate.first,
                strategy->failure_rate.count * sizeof *strategy->failure_rate.times);
        strategy->failure_rate.first = 0;
    }
    strategy->failure_rate.times[strategy->failure_rate.first + strategy->failure_rate.count++] =
        now_ms;
    return true;
}

static bool can_restart(const struct fo_strategy *strategy, int64_t now_ms) {
    return strategy->failure_rate.count - count_left(strategy, now_ms) <= limit_of(strategy);
}

static int64_t backoff_ms(const struct fo_strategy *strategy, int64_t now_ms) {
    (void)now_ms;
    return strategy->config.failure_rate.delay_ms;
}

static struct fo_budget budget(const struct fo_strategy *strategy, int64_t now_ms) {
    size_t limit = limit_of(strategy);
    size_t left = count_left(strategy, now_ms);
    size_t used = strategy->failure_rate.count - left;
    struct fo_budget budget = {.limited = true, .limit = (int64_t)limit, .resets_at_ms = FO_NEVER};

    budget.remaining = used < limit ? (int64_t)(limit - used) : 0;
    budget.next_backoff_ms = budget.remaining > 0 ? strategy->config.failure_rate.delay_ms : -1;
    if (used > 0) {
        /* One failure too many counts as well: with it, two have to leave before one may come. */
        size_t next = strategy->failure_rate.first + left + (used > limit ? 1 : 0);
        int64_t end_ms = fo_ms_add(strategy->failure_rate.times[next],
                                   strategy->config.failure_rate.interval_ms);
        budget.resets_at_ms = fo_ms_add(end_ms, 1);
    }
    return budget;
}

static void describe(const struct fo_strategy *strategy, struct fo_text *text) {
    fo_text_append_text(text, "FailureRateRestartBackoffTimeStrategy("
                              "FailureRateRestartBackoffTimeStrategy(");
    fo_text_append_setting(text, "failuresIntervalMS", strategy->config.failure_rate.interval_ms);
    fo_text_append_setting(text, ",backoffTimeMS", strategy->config.failure_rate.delay_ms);
    fo_text_append_setting(text, ",maxFailuresPerInterval",
                           strategy->config.failure_rate.max_failures_per_interval);
    fo_text_append_text(text, ")");
}

const struct fo_strategy_ops fo_strategy_failure_rate_ops = {
    .check = check,
    .reserve = reserve,
    .notify_failure = notify_failure,
    .can_restart = can_restart,
    .backoff_ms = backoff_ms,
    .budget = budget,
    .describe = describe,
};
