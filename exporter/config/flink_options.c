/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/flink_options.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "exporter/config/duration.h"
#include "exporter/config/fail.h"
#include "exporter/config/fields.h"
#include "exporter/config/nearest.h"
#include "exporter/config/number.h"

static const struct ex_option options[EX_OPTION_COUNT] = {
    [EX_OPTION_RESTART_TYPE] = {.key = "restart-strategy.type",
                                .old_key = "restart-strategy",
                                .type = EX_OPTION_STRING,
                                .of_job = true,
                                .meaning =
                                    "which restart strategy: none (off, disable), fixed-delay, "
                                    "failure-rate or exponential-delay"},
    [EX_OPTION_FIXED_ATTEMPTS] = {.key = "restart-strategy.fixed-delay.attempts",
                                  .type = EX_OPTION_INT,
                                  .fallback = "1",
                                  .of_job = true,
                                  .meaning = "restarts allowed over the whole life of the job"},
    [EX_OPTION_FIXED_DELAY] = {.key = "restart-strategy.fixed-delay.delay",
                               .type = EX_OPTION_DURATION,
                               .fallback = "1 s",
                               .of_job = true,
                               .meaning = "wait before each restart"},
    [EX_OPTION_RATE_MAX_FAILURES] = {.key =
                                         "restart-strategy.failure-rate.max-failures-per-interval",
                                     .type = EX_OPTION_INT,
                                     .fallback = "1",
                                     .least = 1,
                                     .of_job = true,
                                     .meaning = "failures tolerated inside the window"},
    [EX_OPTION_RATE_INTERVAL] = {.key = "restart-strategy.failure-rate.failure-rate-interval",
                                 .type = EX_OPTION_DURATION,
                                 .fallback = "1 min",
                                 .least = 1,
                                 .of_job = true,
                                 .meaning = "length of the window"},
    [EX_OPTION_RATE_DELAY] = {.key = "restart-strategy.failure-rate.delay",
                              .type = EX_OPTION_DURATION,
                              .fallback = "1 s",
                              .of_job = true,
                              .meaning = "wait before each restart"},
    [EX_OPTION_EXPONENTIAL_INITIAL] = {.key = "restart-strategy.exponential-delay.initial-backoff",
                                       .type = EX_OPTION_DURATION,
                                       .fallback = "1 s",
                                       .least = 1,
                                       .of_job = true,
                                       .meaning = "the first wait"},
    [EX_OPTION_EXPONENTIAL_MAX] = {.key = "restart-strategy.exponential-delay.max-backoff",
                                   .type = EX_OPTION_DURATION,
                                   .fallback = "1 min",
                                   .least = 1,
                                   .of_job = true,
                                   .meaning = "the longest wait; at least the first one"},
    [EX_OPTION_EXPONENTIAL_MULTIPLIER] =
        {.key = "restart-strategy.exponential-delay.backoff-multiplier",
         .type = EX_OPTION_DOUBLE,
         .fallback = "1.5",
         .least = 1,
         .above_least = true,
         .of_job = true,
         .meaning = "growth of the wait from attempt to attempt"},
    [EX_OPTION_EXPONENTIAL_RESET] =
        {.key = "restart-strategy.exponential-delay.reset-backoff-threshold",
         .type = EX_OPTION_DURATION,
         .fallback = "1 h",
         .least = 1,
         .of_job = true,
         .meaning = "quiet time that resets the wait and the attempts"},
    [EX_OPTION_EXPONENTIAL_JITTER] = {.key = "restart-strategy.exponential-delay.jitter-factor",
                                      .type = EX_OPTION_DOUBLE,
                                      .fallback = "0.1",
                                      .most = 1,
                                      .of_job = true,
                                      .meaning =
                                          "half-width of the random offset, as a share of the "
                                          "wait"},
    [EX_OPTION_EXPONENTIAL_ATTEMPTS] =
        {.key = "restart-strategy.exponential-delay.attempts-before-reset-backoff",
         .type = EX_OPTION_INT,
         .fallback = "2147483647",
         .least = 1,
         .of_job = true,
         .meaning = "attempts allowed between two resets; the default is no limit"},
    [EX_OPTION_FAILOVER_STRATEGY] = {.key = "jobmanager.execution.failover-strategy",
                                     .type = EX_OPTION_STRING,
                                     .fallback = "region",
                                     .of_job = true,
                                     .meaning = "which tasks restart: region or full"},
    [EX_OPTION_EXCEPTION_HISTORY] = {.key = "web.exception-history-size",
                                     .type = EX_OPTION_INT,
                                     .fallback = "16",
                                     .of_job = true,
                                     .meaning = "failures kept in a job's exception history"},
    [EX_OPTION_ATTEMPTS_HISTORY] = {.key = "jobmanager.execution.attempts-history-size",
                                    .old_key = "job-manager.max-attempts-history-size",
                                    .type = EX_OPTION_INT,
                                    .fallback = "16",
                                    .meaning = "finished attempts kept per task"},
    [EX_OPTION_ENRICHERS] = {.key = "jobmanager.failure-enrichers",
                             .type = EX_OPTION_STRING,
                             .fallback = "catalogue",
                             .meaning = "the failure listeners to start, parted by commas; set to "
                                        "nothing = none"},
    [EX_OPTION_JOB_STATUS_METRICS] = {.key = "metrics.job.status.enable",
                                      .type = EX_OPTION_STRING,
                                      .fallback = "CURRENT_TIME",
                                      .meaning = "job status metrics under Flink's names: STATE, "
                                                 "CURRENT_TIME, TOTAL_TIME"},
    [EX_OPTION_REFRESH_INTERVAL] = {.key = "web.refresh-interval",
                                    .old_key = "jobmanager.web.refresh-interval",
                                    .type = EX_OPTION_DURATION,
                                    .fallback = "3000 ms",
                                    .most = EX_FIELD_MS_MAX,
                                    .meaning = "answered by GET /config"},
    [EX_OPTION_WEB_CANCEL] = {.key = "web.cancel.enable",
                              .type = EX_OPTION_BOOL,
                              .fallback = "true",
                              .meaning = "answered by GET /config"},
    [EX_OPTION_WEB_SUBMIT] = {.key = "web.submit.enable",
                              .type = EX_OPTION_BOOL,
                              .fallback = "true",
                              .meaning = "answered by GET /config"},
    [EX_OPTION_HEARTBEAT_TIMEOUT] = {.key = "heartbeat.timeout",
                                     .type = EX_OPTION_DURATION,
                                     .fallback = "50 s",
                                     .most = EX_FIELD_MS_MAX,
                                     .least = 1,
                                     .meaning =
                                         "silence after which a scheduler of the push engine "
                                         "is lost"},
    [EX_OPTION_COMPATIBILITY] = {.key = "compatibility.flink",
                                 .type = EX_OPTION_STRING,
                                 .fallback = "1",
                                 .ours = true,
                                 .meaning = "\"1\" or \"2\": the restart strategy of jobs with "
                                            "checkpointing that name none, and fields of REST"},
    [EX_OPTION_METRICS_RETENTION] = {.key = "metrics.retention",
                                     .type = EX_OPTION_DURATION,
                                     .fallback = "1 h",
                                     .most = EX_FIELD_MS_MAX,
                                     .ours = true,
                                     .meaning = "how long the metrics of a job that ended stay"},
    [EX_OPTION_METRICS_VALUE_BYTES] = {.key = "metrics.limits.value-bytes",
                                       .type = EX_OPTION_INT,
                                       .fallback = "128",
                                       .least = 32,
                                       .most = 1024,
                                       .ours = true,
                                       .meaning = "bytes of one label value"},
    [EX_OPTION_METRICS_VALUES_PER_LABEL] = {.key = "metrics.limits.values-per-label",
                                            .type = EX_OPTION_INT,
                                            .fallback = "1000",
                                            .least = 32, /* our own labels fit */
                                            .ours = true,
                                            .meaning = "distinct values of one label"},
    [EX_OPTION_METRICS_SERIES_PER_FAMILY] = {.key = "metrics.limits.series-per-family",
                                             .type = EX_OPTION_INT,
                                             .fallback = "250000",
                                             .least = 64, /* our own families fit */
                                             .ours = true,
                                             .meaning = "series of one metric family"},
    [EX_OPTION_METRICS_SERIES_TOTAL] = {.key = "metrics.limits.series-total",
                                        .type = EX_OPTION_INT,
                                        .fallback = "2000000",
                                        .least = 1000,
                                        .ours = true,
                                        .meaning = "series of all families together"},
    [EX_OPTION_METRICS_BYTES_TOTAL] = {.key = "metrics.limits.bytes-total",
                                       .type = EX_OPTION_SIZE,
                                       .fallback = "1 GiB",
                                       .least = 65536,
                                       .ours = true,
                                       .meaning = "memory of all series, without what is kept "
                                                  "of the pages with them"},
    [EX_OPTION_METRICS_ALLOWLIST] = {.key = "metrics.allowlist",
                                     .type = EX_OPTION_STRING,
                                     .ours = true,
                                     .meaning = "metric families to show, parted by commas, * for "
                                                "any characters; not set = all"},
    [EX_OPTION_METRICS_DENYLIST] = {.key = "metrics.denylist",
                                    .type = EX_OPTION_STRING,
                                    .ours = true,
                                    .meaning = "metric families not to show, written likewise; "
                                               "they are counted as ever"},
    [EX_OPTION_STORAGE_COUNT] = {.key = "storage.retention.count",
                                 .type = EX_OPTION_INT,
                                 .fallback = "1000000",
                                 .least = 1,
                                 .ours = true,
                                 .meaning = "events kept in the store"},
    [EX_OPTION_STORAGE_BYTES] = {.key = "storage.retention.bytes",
                                 .type = EX_OPTION_SIZE,
                                 .fallback = "1 GiB",
                                 .least = 1048576,
                                 .ours = true,
                                 .meaning = "bytes of events kept in the store"},
    [EX_OPTION_STORAGE_AGE] = {.key = "storage.retention.age",
                               .type = EX_OPTION_DURATION,
                               .fallback = "30 d",
                               .most = EX_FIELD_MS_MAX,
                               .least = 1,
                               .ours = true,
                               .meaning = "how long events are kept in the store"},
};

const struct ex_option *ex_option(enum ex_option_id id) {
    return &options[id];
}

const struct ex_option *ex_option_find(const char *key) {
    for (size_t i = 0; i < EX_OPTION_COUNT; i++) {
        if (strcmp(options[i].key, key) == 0 ||
            (options[i].old_key && strcmp(options[i].old_key, key) == 0))
            return &options[i];
    }
    return NULL;
}

struct fo_str ex_option_nearest(const char *key) {
    struct ex_nearest nearest = ex_nearest_to(fo_str_of(key));

    for (size_t i = 0; i < EX_OPTION_COUNT; i++)
        ex_nearest_try(&nearest, fo_str_of(options[i].key));
    return nearest.best;
}

int ex_flink_profile_parse(struct fo_str name, enum ex_flink_profile *ret_profile) {
    static const struct {
        const char *name;
        enum ex_flink_profile profile;
    } profiles[] = {
        {"1", EX_FLINK_1}, {"2", EX_FLINK_2}, {"2.x", EX_FLINK_2}, {"1.12", EX_FLINK_1_12}};

    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        if (fo_str_equal(name, fo_str_of(profiles[i].name))) {
            *ret_profile = profiles[i].profile;
            return 0;
        }
    }
    return -EINVAL;
}

/* ---- values ------------------------------------------------------------------------------ */

static int parse_bool(struct fo_str text, bool *ret_value) {
    if (text.len == 4 && strncasecmp(text.ptr, "true", 4) == 0)
        *ret_value = true;
    else if (text.len == 5 && strncasecmp(text.ptr, "false", 5) == 0)
        *ret_value = false;
    else
        return -EINVAL;
    return 0;
}

/* Any value as a number, to be held against its bounds. */
static int parse_number(const struct ex_option *option, struct fo_str text, double *ret_number) {
    int32_t integer = 0;
    int64_t ms = 0;
    uint64_t bytes = 0;
    bool truth = false;
    int rc = 0;

    switch (option->type) {
    case EX_OPTION_STRING:
        break;
    case EX_OPTION_INT:
        rc = ex_number_i32(text, &integer);
        *ret_number = integer;
        break;
    case EX_OPTION_DURATION:
        rc = ex_duration_parse_ms(text, &ms);
        *ret_number = (double)ms;
        break;
    case EX_OPTION_DOUBLE:
        return ex_number_double(text, ret_number);
    case EX_OPTION_BOOL:
        return parse_bool(text, &truth);
    case EX_OPTION_SIZE:
        rc = ex_number_bytes(text, &bytes);
        *ret_number = (double)bytes;
        break;
    }
    return rc;
}

static int refuse_value(const struct ex_option *option, struct fo_str value, int line,
                        struct fo_error *reterr) {
    static const char *const wanted[] = {
        [EX_OPTION_STRING] = "text",
        [EX_OPTION_INT] = "a whole number of 32 bits",
        [EX_OPTION_DURATION] = "a duration such as 10 s, 500 ms or 1 min",
        [EX_OPTION_DOUBLE] = "a number",
        [EX_OPTION_BOOL] = "true or false",
        [EX_OPTION_SIZE] = "a size such as 256 MiB",
    };

    return ex_fail(reterr, -EINVAL, line, "%s: \"%.*s\" is not %s", option->key, ex_shown(value),
                   value.ptr, wanted[option->type]);
}

int ex_option_check(const struct ex_option *option, struct fo_str value, int line,
                    struct fo_error *reterr) {
    const char *unit = option->type == EX_OPTION_DURATION ? " ms"
                       : option->type == EX_OPTION_SIZE   ? " bytes"
                                                          : "";
    double number = option->least;

    if (parse_number(option, value, &number) != 0)
        return refuse_value(option, value, line, reterr);
    if (option->type == EX_OPTION_STRING)
        return 0;
    if (number < option->least || (option->above_least && number <= option->least))
        return ex_fail(reterr, -EINVAL, line, "%s: %.*s is too little, it must be %s %.0f%s",
                       option->key, ex_shown(value), value.ptr,
                       option->above_least ? "more than" : "at least", option->least, unit);
    if (option->most > 0 && number > option->most)
        return ex_fail(reterr, -EINVAL, line, "%s: %.*s is too much, it must be at most %.0f%s",
                       option->key, ex_shown(value), value.ptr, option->most, unit);
    return 0;
}

static int check_key(const struct ex_settings *settings, const char *key, bool of_job,
                     struct ex_notices *notices, struct fo_error *reterr) {
    const struct ex_option *option = ex_option_find(key);
    int line = ex_settings_line(settings, key);

    if (option && (option->of_job || !of_job))
        return ex_option_check(option, ex_settings_get(settings, key), line, reterr);
    if (option ? !option->ours : ex_flink_key_is_known(key)) {
        int rc = ex_notices_add(notices, line, "Flink's key \"%s\" has no meaning %s", key,
                                option ? "in a job" : "here");
        return rc == 0 ? 0 : ex_fail(reterr, rc, line, "out of memory");
    }
    if (option)
        return ex_fail(reterr, -EINVAL, line,
                       "the key \"%s\" belongs into the daemon's configuration", key);
    struct fo_str nearest = ex_option_nearest(key);
    return ex_fail(reterr, -EINVAL, line, "unknown key \"%.*s\"; the nearest known key is \"%.*s\"",
                   EX_SHOWN_MAX, key, (int)nearest.len, nearest.ptr);
}

int ex_options_check(const struct ex_settings *settings, bool of_job, struct ex_notices *notices,
                     struct fo_error *reterr) {
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach(settings->values, key, value) {
        int rc = check_key(settings, key, of_job, notices, reterr);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The key under which an option is set; its own key when it is not set at all. */
static const char *key_in_use(const struct ex_settings *settings, const struct ex_option *option) {
    bool old = option->old_key && !ex_settings_get(settings, option->key).ptr &&
               ex_settings_get(settings, option->old_key).ptr;

    return old ? option->old_key : option->key;
}

struct fo_str ex_option_text(const struct ex_settings *settings, enum ex_option_id id) {
    struct fo_str text = ex_settings_get(settings, key_in_use(settings, &options[id]));

    return text.ptr ? text : fo_str_of(options[id].fallback);
}

static int bad_option(const struct ex_settings *settings, enum ex_option_id id,
                      struct fo_error *reterr) {
    int line = ex_settings_line(settings, key_in_use(settings, &options[id]));

    return refuse_value(&options[id], ex_option_text(settings, id), line, reterr);
}

int ex_option_i32(const struct ex_settings *settings, enum ex_option_id id, int32_t *ret_value,
                  struct fo_error *reterr) {
    int rc = ex_number_i32(ex_option_text(settings, id), ret_value);

    return rc == 0 ? 0 : bad_option(settings, id, reterr);
}

int ex_option_ms(const struct ex_settings *settings, enum ex_option_id id, int64_t *ret_ms,
                 struct fo_error *reterr) {
    int rc = ex_duration_parse_ms(ex_option_text(settings, id), ret_ms);

    return rc == 0 ? 0 : bad_option(settings, id, reterr);
}

int ex_option_double(const struct ex_settings *settings, enum ex_option_id id, double *ret_value,
                     struct fo_error *reterr) {
    int rc = ex_number_double(ex_option_text(settings, id), ret_value);

    return rc == 0 ? 0 : bad_option(settings, id, reterr);
}

int ex_option_bytes(const struct ex_settings *settings, enum ex_option_id id, uint64_t *ret_bytes,
                    struct fo_error *reterr) {
    int rc = ex_number_bytes(ex_option_text(settings, id), ret_bytes);

    return rc == 0 ? 0 : bad_option(settings, id, reterr);
}

int ex_option_bool(const struct ex_settings *settings, enum ex_option_id id, bool *ret_value,
                   struct fo_error *reterr) {
    int rc = parse_bool(ex_option_text(settings, id), ret_value);

    return rc == 0 ? 0 : bad_option(settings, id, reterr);
}
