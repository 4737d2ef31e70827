/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <strings.h>

#include "exporter/config/fail.h"
#include "exporter/config/flink_options.h"

struct strategy_name {
    const char *name; /* lower case; compared without case, never trimmed */
    enum fo_strategy_kind kind;
};

static const struct strategy_name strategy_names[] = {
    {"none", FO_STRATEGY_NONE},
    {"off", FO_STRATEGY_NONE},
    {"disable", FO_STRATEGY_NONE},
    {"fixed-delay", FO_STRATEGY_FIXED_DELAY},
    {"fixeddelay", FO_STRATEGY_FIXED_DELAY},
    {"failure-rate", FO_STRATEGY_FAILURE_RATE},
    {"failurerate", FO_STRATEGY_FAILURE_RATE},
    {"exponential-delay", FO_STRATEGY_EXPONENTIAL_DELAY},
    {"exponentialdelay", FO_STRATEGY_EXPONENTIAL_DELAY},
};

static bool equal_without_case(struct fo_str text, const char *word) {
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

/* 1.12 knows only the old key, and no exponential-delay. */
static struct fo_str type_text(const struct ex_settings *settings, enum ex_flink_profile profile) {
    if (profile == EX_FLINK_1_12)
        return ex_settings_get(settings, ex_option(EX_OPTION_RESTART_TYPE)->old_key);
    return ex_option_text(settings, EX_OPTION_RESTART_TYPE);
}

static int type_line(const struct ex_settings *settings) {
    const struct ex_option *option = ex_option(EX_OPTION_RESTART_TYPE);
    int line = ex_settings_line(settings, option->key);

    return line > 0 ? line : ex_settings_line(settings, option->old_key);
}

static int parse_type(struct fo_str text, enum ex_flink_profile profile,
                      enum fo_strategy_kind *ret_kind) {
    for (size_t i = 0; i < sizeof strategy_names / sizeof strategy_names[0]; i++) {
        if (!equal_without_case(text, strategy_names[i].name))
            continue;
        *ret_kind = strategy_names[i].kind;
        return profile == EX_FLINK_1_12 && *ret_kind == FO_STRATEGY_EXPONENTIAL_DELAY ? -EINVAL : 0;
    }
    return -EINVAL;
}

static int read_fixed_delay(const struct ex_settings *settings, struct fo_strategy_config *config,
                            struct fo_error *reterr) {
    int rc =
        ex_option_i32(settings, EX_OPTION_FIXED_ATTEMPTS, &config->fixed_delay.attempts, reterr);

    if (rc != 0)
        return rc;
    return ex_option_ms(settings, EX_OPTION_FIXED_DELAY, &config->fixed_delay.delay_ms, reterr);
}

static int read_failure_rate(const struct ex_settings *settings, struct fo_strategy_config *config,
                             struct fo_error *reterr) {
    int rc = ex_option_i32(settings, EX_OPTION_RATE_MAX_FAILURES,
                           &config->failure_rate.max_failures_per_interval, reterr);

    if (rc == 0)
        rc = ex_option_ms(settings, EX_OPTION_RATE_INTERVAL, &config->failure_rate.interval_ms,
                          reterr);
    if (rc == 0)
        rc = ex_option_ms(settings, EX_OPTION_RATE_DELAY, &config->failure_rate.delay_ms, reterr);
    return rc;
}

static int read_exponential_delay(const struct ex_settings *settings,
                                  struct fo_strategy_config *config, struct fo_error *reterr) {
    int rc = ex_option_ms(settings, EX_OPTION_EXPONENTIAL_INITIAL,
                          &config->exponential_delay.initial_backoff_ms, reterr);

    if (rc == 0)
        rc = ex_option_ms(settings, EX_OPTION_EXPONENTIAL_MAX,
                          &config->exponential_delay.max_backoff_ms, reterr);
    if (rc == 0)
        rc = ex_option_double(settings, EX_OPTION_EXPONENTIAL_MULTIPLIER,
                              &config->exponential_delay.backoff_multiplier, reterr);
    if (rc == 0)
        rc = ex_option_ms(settings, EX_OPTION_EXPONENTIAL_RESET,
                          &config->exponential_delay.reset_backoff_threshold_ms, reterr);
    if (rc == 0)
        rc = ex_option_double(settings, EX_OPTION_EXPONENTIAL_JITTER,
                              &config->exponential_delay.jitter_factor, reterr);
    if (rc == 0)
        rc = ex_option_i32(settings, EX_OPTION_EXPONENTIAL_ATTEMPTS,
                           &config->exponential_delay.attempts_before_reset_backoff, reterr);
    return rc;
}

static int read_settings(const struct ex_settings *settings, struct fo_strategy_config *config,
                         struct fo_error *reterr) {
    switch (config->kind) {
    case FO_STRATEGY_NONE:
        return 0;
    case FO_STRATEGY_FIXED_DELAY:
        return read_fixed_delay(settings, config, reterr);
    case FO_STRATEGY_FAILURE_RATE:
        return read_failure_rate(settings, config, reterr);
    case FO_STRATEGY_EXPONENTIAL_DELAY:
        return read_exponential_delay(settings, config, reterr);
    }
    return -EINVAL;
}

/* The strategy that one level names: 1; 0: it names none. */
static int read_level(const struct ex_settings *settings, enum ex_flink_profile profile,
                      struct fo_strategy_config *ret_config, struct fo_error *reterr) {
    struct fo_str type = type_text(settings, profile);
    struct fo_strategy_config config = {0};

    if (!type.ptr)
        return 0;
    if (parse_type(type, profile, &config.kind) != 0)
        return ex_fail(reterr, -EINVAL, type_line(settings),
                       "restart-strategy.type: \"%.*s\" is not none, fixed-delay, failure-rate or "
                       "exponential-delay",
                       ex_shown(type), type.ptr);
    int rc = read_settings(settings, &config, reterr);
    if (rc != 0)
        return rc;
    *ret_config = config;
    return 1;
}

/* What a job gets when nobody names a strategy: built-in values, whatever else is configured. */
static int read_default(const struct ex_strategy_choice *choice,
                        struct fo_strategy_config *ret_config) {
    const struct ex_settings nothing = {NULL, NULL};
    struct fo_strategy_config config = {.kind = FO_STRATEGY_NONE};
    int rc = 0;

    if (choice->checkpointing && choice->profile == EX_FLINK_2) {
        config.kind = FO_STRATEGY_EXPONENTIAL_DELAY;
        rc = read_exponential_delay(&nothing, &config, NULL);
    } else if (choice->checkpointing) {
        config.kind = FO_STRATEGY_FIXED_DELAY;
        config.fixed_delay.attempts = FO_ATTEMPTS_UNLIMITED;
        config.fixed_delay.delay_ms = 1000;
    }
    if (rc == 0)
        *ret_config = config;
    return rc;
}

int ex_restart_strategy_choose(const struct ex_strategy_choice *choice,
                               struct fo_strategy_config *ret_strategy, struct fo_error *reterr) {
    struct fo_strategy_config of_job = {0};
    struct fo_strategy_config of_cluster = {0};

    /* Flink builds both before it picks one: an unreadable cluster fails every job. */
    int cluster = read_level(&choice->cluster, choice->profile, &of_cluster, reterr);
    if (cluster < 0)
        return cluster;
    int job = choice->profile == EX_FLINK_1_12
                  ? 0
                  : read_level(&choice->job, choice->profile, &of_job, reterr);
    if (job < 0)
        return job;
    if (job == 0 && cluster == 0)
        return read_default(choice, ret_strategy);
    *ret_strategy = job ? of_job : of_cluster;
    return 0;
}

int ex_restart_strategy_load(const struct ex_strategy_choice *choice,
                             struct fo_strategy_config *ret_strategy, struct fo_error *reterr) {
    struct fo_strategy_config strategy;
    int rc = ex_restart_strategy_choose(choice, &strategy, reterr);

    if (rc != 0)
        return rc;
    rc = fo_strategy_check(&strategy, reterr);
    if (rc == 0)
        *ret_strategy = strategy;
    else if (reterr)
        reterr->line = type_line(type_line(&choice->job) > 0 ? &choice->job : &choice->cluster);
    return rc;
}

bool ex_restart_strategy_is_named(const struct ex_settings *settings) {
    return ex_option_text(settings, EX_OPTION_RESTART_TYPE).ptr != NULL;
}

int ex_failover_strategy_choose(const struct ex_strategy_choice *choice,
                                enum fo_failover_kind *ret_kind, struct fo_error *reterr) {
    const char *key = ex_option(EX_OPTION_FAILOVER_STRATEGY)->key;
    bool by_job = ex_settings_get(&choice->job, key).ptr != NULL;
    const struct ex_settings *settings = by_job ? &choice->job : &choice->cluster;
    struct fo_str name = ex_option_text(settings, EX_OPTION_FAILOVER_STRATEGY);

    if (equal_without_case(name, "region"))
        *ret_kind = FO_FAILOVER_REGION;
    else if (equal_without_case(name, "full"))
        *ret_kind = FO_FAILOVER_FULL;
    else
        return ex_fail(reterr, -EINVAL, ex_settings_line(settings, key),
                       "%s: \"%.*s\" is not region or full", key, ex_shown(name), name.ptr);
    return 0;
}
