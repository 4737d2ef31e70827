/* SPDX-License-Identifier: Apache-2.0 */
/* failover/strategy.h - the inside of restart strategies: one file per kind, behind a table.
 * Owns: the times of a failure-rate window. Threads: none, the caller serialises. */
#ifndef FAILOVER_STRATEGY_H
#define FAILOVER_STRATEGY_H

#include "failover/failover.h"
#include "failover/text.h"

struct fo_strategy {
    struct fo_allocator allocator;
    struct fo_strategy_config config;
    union {
        struct {
            int32_t failures;
        } fixed_delay;
        struct {
            int64_t *times; /* of the failures that count, oldest first, from `first` on */
            size_t capacity;
            size_t first;
            size_t count;
        } failure_rate;
        struct {
            int32_t attempt; /* since the last reset */
            bool notified;   /* next_restart_ms means something */
            int64_t next_restart_ms;
        } exponential_delay;
    };
};

/* What differs between the kinds. Times never go back. */
struct fo_strategy_ops {
    int (*check)(const struct fo_strategy_config *config, struct fo_error *reterr);
    int (*reserve)(struct fo_strategy *strategy); /* NULL: needs no memory */
    bool (*notify_failure)(struct fo_strategy *strategy, int64_t now_ms, uint64_t random);
    bool (*can_restart)(const struct fo_strategy *strategy, int64_t now_ms);
    int64_t (*backoff_ms)(const struct fo_strategy *strategy, int64_t now_ms);
    struct fo_budget (*budget)(const struct fo_strategy *strategy, int64_t now_ms);
    void (*describe)(const struct fo_strategy *strategy, struct fo_text *text);
};

extern const struct fo_strategy_ops fo_strategy_none_ops;
extern const struct fo_strategy_ops fo_strategy_fixed_delay_ops;
extern const struct fo_strategy_ops fo_strategy_failure_rate_ops;
extern const struct fo_strategy_ops fo_strategy_exponential_delay_ops;

/* In place, for a config that fo_strategy_check() has passed; needs no memory. */
void fo_strategy_init(struct fo_strategy *strategy, const struct fo_strategy_config *config,
                      const struct fo_allocator *allocator);
void fo_strategy_done(struct fo_strategy *strategy);

/* Makes sure that the next notification needs no memory. -ENOMEM. */
FO_MUST_CHECK int fo_strategy_reserve(struct fo_strategy *strategy);

/* Sums and differences of times that stop at the ends of their type. */
int64_t fo_ms_add(int64_t a_ms, int64_t b_ms);
int64_t fo_ms_subtract(int64_t a_ms, int64_t b_ms);

/* "setting must be bound": -EINVAL. */
int fo_strategy_refuse(struct fo_error *reterr, const char *setting, const char *bound);

/* Appends ", name=value"; the first of a list without the comma. */
void fo_text_append_setting(struct fo_text *text, const char *name, int64_t value);

#endif
