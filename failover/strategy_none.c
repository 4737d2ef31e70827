/* SPDX-License-Identifier: Apache-2.0 */
/* No restart: every failure ends the job (NoRestartBackoffTimeStrategy). */
#include "failover/strategy.h"

static int check(const struct fo_strategy_config *config, struct fo_error *reterr) {
    (void)config;
    (void)reterr;
    return 0;
}

static bool notify_failure(struct fo_strategy *strategy, int64_t now_ms, uint64_t random) {
    (void)strategy;
    (void)now_ms;
    (void)random;
    return true;
}

static bool can_restart(const struct fo_strategy *strategy, int64_t now_ms) {
    (void)strategy;
    (void)now_ms;
    return false;
}

static int64_t backoff_ms(const struct fo_strategy *strategy, int64_t now_ms) {
    (void)strategy;
    (void)now_ms;
    return 0;
}

static struct fo_budget budget(const struct fo_strategy *strategy, int64_t now_ms) {
    (void)strategy;
    (void)now_ms;
    return (struct fo_budget){.limited = true, .resets_at_ms = FO_NEVER, .next_backoff_ms = -1};
}

static void describe(const struct fo_strategy *strategy, struct fo_text *text) {
    (void)strategy;
    fo_text_append_text(text, "NoRestartBackoffTimeStrategy");
}

const struct fo_strategy_ops fo_strategy_none_ops = {
    .check = check,
    .notify_failure = notify_failure,
    .can_restart = can_restart,
    .backoff_ms = backoff_ms,
    .budget = budget,
    .describe = describe,
};
