/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/flink_options.h - the settings that have a meaning here: Flink's keys with
 * Flink's names, values and meaning, and the few of ours that are settings of one value.
 *
 * Flat maps of texts in (jansson objects key -> string, or NULL for an empty one), results out:
 *
 *     struct ex_strategy_choice choice = {job, cluster, checkpointing, EX_FLINK_2};
 *     rc = ex_restart_strategy_choose(&choice, &strategy, &error);
 *
 * Owns: nothing. Threads: any. */
#ifndef EX_CONFIG_FLINK_OPTIONS_H
#define EX_CONFIG_FLINK_OPTIONS_H

#include "exporter/config/settings.h"
#include "failover/failover.h"

/* compatibility.flink "1" and "2"; and 1.12, which exists for conformance only. */
enum ex_flink_profile { EX_FLINK_1, EX_FLINK_2, EX_FLINK_1_12 };

/* "1", "2"; "2.x" and "1.12", as the conformance vectors say. -EINVAL. */
FO_MUST_CHECK int ex_flink_profile_parse(struct fo_str name, enum ex_flink_profile *ret_profile);

enum ex_option_id {
    EX_OPTION_RESTART_TYPE,
    EX_OPTION_FIXED_ATTEMPTS,
    EX_OPTION_FIXED_DELAY,
    EX_OPTION_RATE_MAX_FAILURES,
    EX_OPTION_RATE_INTERVAL,
    EX_OPTION_RATE_DELAY,
    EX_OPTION_EXPONENTIAL_INITIAL,
    EX_OPTION_EXPONENTIAL_MAX,
    EX_OPTION_EXPONENTIAL_MULTIPLIER,
    EX_OPTION_EXPONENTIAL_RESET,
    EX_OPTION_EXPONENTIAL_JITTER,
    EX_OPTION_EXPONENTIAL_ATTEMPTS,
    EX_OPTION_FAILOVER_STRATEGY,
    EX_OPTION_EXCEPTION_HISTORY,
    EX_OPTION_ATTEMPTS_HISTORY,
    EX_OPTION_ENRICHERS,
    EX_OPTION_JOB_STATUS_METRICS,
    EX_OPTION_REFRESH_INTERVAL,
    EX_OPTION_WEB_CANCEL,
    EX_OPTION_WEB_SUBMIT,
    EX_OPTION_HEARTBEAT_TIMEOUT,
    EX_OPTION_COMPATIBILITY,
    EX_OPTION_METRICS_RETENTION,
    EX_OPTION_METRICS_VALUE_BYTES,
    EX_OPTION_METRICS_VALUES_PER_LABEL,
    EX_OPTION_METRICS_SERIES_PER_FAMILY,
    EX_OPTION_METRICS_SERIES_TOTAL,
    EX_OPTION_METRICS_BYTES_TOTAL,
    EX_OPTION_METRICS_ALLOWLIST,
    EX_OPTION_METRICS_DENYLIST,
    EX_OPTION_STORAGE_COUNT,
    EX_OPTION_STORAGE_BYTES,
    EX_OPTION_STORAGE_AGE,
    EX_OPTION_COUNT,
};

enum ex_option_type {
    EX_OPTION_STRING,
    EX_OPTION_INT,      /* 32 bits */
    EX_OPTION_DURATION, /* bounds in ms */
    EX_OPTION_DOUBLE,
    EX_OPTION_BOOL,
    EX_OPTION_SIZE, /* bytes */
};

struct ex_option {
    const char *key;
    const char *old_key;  /* read when `key` is not there; NULL */
    const char *fallback; /* the default, as text; NULL = unset */
    const char *meaning;  /* one line for docs/configuration.md */
    double least;         /* of a number or duration */
    double most;          /* 0 = no bound */
    enum ex_option_type type;
    bool above_least; /* `least` itself is refused */
    bool of_job;      /* may stand in a job's configuration */
    bool ours;        /* not Flink's */
};

/* Never NULL for an id below EX_OPTION_COUNT. */
const struct ex_option *ex_option(enum ex_option_id id);

/* By its key or old key; NULL = none of these. */
const struct ex_option *ex_option_find(const char *key);

/* Whether Flink 1.18 - 2.x knows the key, though it has no meaning here. */
bool ex_flink_key_is_known(const char *key);
/* Whether such a key begins with the words of `head`, as in `head: {...}`. */
bool ex_flink_key_begins_with(const char *head);

/* The known key nearest to `key`; borrowed, static. */
struct fo_str ex_option_nearest(const char *key);

/* One value of the type and within the bounds of its option. `line` is only told. -EINVAL. */
FO_MUST_CHECK int ex_option_check(const struct ex_option *option, struct fo_str value, int line,
                                  struct fo_error *reterr);

/* Checks every key and value; keys without meaning here give a notice. `of_job`: of a job's
 * configuration. -EINVAL: unknown key (told with the nearest one), or a bad value. -ENOMEM. */
FO_MUST_CHECK int ex_options_check(const struct ex_settings *settings, bool of_job,
                                   struct ex_notices *notices, struct fo_error *reterr);

/* The text of an option: its key, else its old key, else the default (`ptr` NULL if none). */
struct fo_str ex_option_text(const struct ex_settings *settings, enum ex_option_id id);

/* An option as a value, from settings that need not be checked; bounds are not looked at, as Flink
 * does not when it reads. -EINVAL: not of its type; line and key in `reterr`. */
FO_MUST_CHECK int ex_option_i32(const struct ex_settings *settings, enum ex_option_id id,
                                int32_t *ret_value, struct fo_error *reterr);
FO_MUST_CHECK int ex_option_ms(const struct ex_settings *settings, enum ex_option_id id,
                               int64_t *ret_ms, struct fo_error *reterr);
FO_MUST_CHECK int ex_option_double(const struct ex_settings *settings, enum ex_option_id id,
                                   double *ret_value, struct fo_error *reterr);
FO_MUST_CHECK int ex_option_bytes(const struct ex_settings *settings, enum ex_option_id id,
                                  uint64_t *ret_bytes, struct fo_error *reterr);
FO_MUST_CHECK int ex_option_bool(const struct ex_settings *settings, enum ex_option_id id,
                                 bool *ret_value, struct fo_error *reterr);

/* ---- strategies -------------------------------------------------------------------------- */

/* Both levels; a NULL `values` is an empty one. */
struct ex_strategy_choice {
    struct ex_settings job;
    struct ex_settings cluster;
    bool checkpointing;
    enum ex_flink_profile profile;
};

/* RestartBackoffTimeStrategyFactoryLoader: the job's type, else the cluster's, else the default of
 * checkpointing. Sub-options come from the level that named the type; the other level must be
 * readable as well. Whether the numbers make sense together is fo_strategy_check()'s to say.
 * -EINVAL: unknown type or unreadable value; `reterr` names key, value and line. */
FO_MUST_CHECK int ex_restart_strategy_choose(const struct ex_strategy_choice *choice,
                                             struct fo_strategy_config *ret_strategy,
                                             struct fo_error *reterr);

/* The same, and fo_strategy_check() on the result: its refusal is told with the line of the type.
 */
FO_MUST_CHECK int ex_restart_strategy_load(const struct ex_strategy_choice *choice,
                                           struct fo_strategy_config *ret_strategy,
                                           struct fo_error *reterr);

/* Whether the settings name a restart strategy. */
bool ex_restart_strategy_is_named(const struct ex_settings *settings);

/* FailoverStrategyFactoryLoader, where a job's own setting comes first. -EINVAL. */
FO_MUST_CHECK int ex_failover_strategy_choose(const struct ex_strategy_choice *choice,
                                              enum fo_failover_kind *ret_kind,
                                              struct fo_error *reterr);

#endif
