/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/rest/texts.h"

#include <stdio.h>
#include <strings.h>

#include "exporter/base/buffer.h"
#include "exporter/base/clean_text.h"

/* A failure keeps 16 KiB of output; a bad byte takes three when it is shown. */
static const size_t text_max_bytes = (size_t)4 << 20;

json_t *ex_rest_text(struct fo_str text) {
    struct ex_buffer clean;

    ex_buffer_init(&clean, text_max_bytes);
    ex_clean_utf8(&clean, text);
    json_t *json = clean.failure == 0 ? json_stringn(ex_buffer_text(&clean), clean.len) : NULL;
    ex_buffer_done(&clean);
    return json;
}

const char *ex_rest_exchange_name(enum fo_exchange exchange) {
    static const char *const names[] = {
        [FO_PIPELINED] = "pipelined",
        [FO_PIPELINED_BOUNDED] = "pipelined_bounded",
        [FO_PIPELINED_APPROXIMATE] = "pipelined_approximate",
        [FO_BLOCKING] = "blocking",
        [FO_BLOCKING_PERSISTENT] = "blocking_persistent",
        [FO_HYBRID_FULL] = "hybrid_full",
        [FO_HYBRID_SELECTIVE] = "hybrid_selective",
    };

    return names[exchange];
}

const char *ex_rest_pattern_name(enum fo_pattern pattern) {
    return pattern == FO_POINTWISE ? "POINTWISE" : "ALL_TO_ALL";
}

json_t *ex_rest_task_name(const struct fo_graph *graph, uint32_t task, int64_t attempt) {
    uint32_t vertex = fo_graph_task_vertex(graph, task);
    struct fo_str id = fo_graph_vertex_id(graph, vertex);
    char name[FO_ID_MAX + 64];
    int len = snprintf(name, sizeof name, "%.*s (%u/%u)", (int)id.len, id.ptr,
                       fo_graph_task_subtask(graph, task) + 1,
                       fo_graph_vertex_parallelism(graph, vertex));

    if (attempt >= 0)
        (void)snprintf(name + len, sizeof name - (size_t)len, " - execution #%lld",
                       (long long)attempt);
    return ex_rest_text(fo_str_of(name));
}

const char *ex_rest_duration(int64_t duration_ms, char text[static EX_REST_DURATION_BYTES]) {
    enum { MS_PER_SECOND = 1000, MS_PER_MINUTE = 60 * 1000, MS_PER_HOUR = 60 * 60 * 1000 };
    long long hours = duration_ms / MS_PER_HOUR;
    long long minutes = duration_ms % MS_PER_HOUR / MS_PER_MINUTE;
    long long rest_ms = duration_ms % MS_PER_MINUTE;
    struct ex_buffer iso;

    if (duration_ms == 0)
        return memcpy(text, "PT0S", sizeof "PT0S");
    ex_buffer_init(&iso, EX_REST_DURATION_BYTES - 1);
    ex_buffer_append_text(&iso, "PT");
    if (hours > 0)
        ex_buffer_printf(&iso, "%lldH", hours);
    if (minutes > 0)
        ex_buffer_printf(&iso, "%lldM", minutes);
    if (rest_ms > 0)
        ex_buffer_printf(&iso, "%lld", rest_ms / MS_PER_SECOND);
    if (rest_ms % MS_PER_SECOND > 0) {
        ex_buffer_printf(&iso, ".%03lld", rest_ms % MS_PER_SECOND);
        while (ex_buffer_text(&iso)[iso.len - 1] == '0')
            ex_buffer_truncate(&iso, iso.len - 1);
    }
    if (rest_ms > 0)
        ex_buffer_append_char(&iso, 'S');
    (void)snprintf(text, EX_REST_DURATION_BYTES, "%s", ex_buffer_text(&iso));
    ex_buffer_done(&iso);
    return text;
}

static json_t *exponential(const struct fo_strategy_config *strategy) {
    char initial[EX_REST_DURATION_BYTES];
    char max[EX_REST_DURATION_BYTES];
    char reset[EX_REST_DURATION_BYTES];

    return json_sprintf(
        "Restart with exponential delay: starting at %s, increasing by %f, with maximum %s. Delay "
        "resets after %s with jitter %f.",
        ex_rest_duration(strategy->exponential_delay.initial_backoff_ms, initial),
        strategy->exponential_delay.backoff_multiplier,
        ex_rest_duration(strategy->exponential_delay.max_backoff_ms, max),
        ex_rest_duration(strategy->exponential_delay.reset_backoff_threshold_ms, reset),
        strategy->exponential_delay.jitter_factor);
}

json_t *ex_rest_strategy(const struct fo_strategy_config *strategy) {
    char delay[EX_REST_DURATION_BYTES];
    char interval[EX_REST_DURATION_BYTES];

    switch (strategy->kind) {
    case FO_STRATEGY_NONE:
        return json_string("Restart deactivated.");
    case FO_STRATEGY_FIXED_DELAY:
        return json_sprintf("Restart with fixed delay (%s). #%d restart attempts.",
                            ex_rest_duration(strategy->fixed_delay.delay_ms, delay),
                            strategy->fixed_delay.attempts);
    case FO_STRATEGY_FAILURE_RATE:
        return json_sprintf("Failure rate restart with maximum of %d failures within interval %s "
                            "and fixed delay %s.",
                            strategy->failure_rate.max_failures_per_interval,
                            ex_rest_duration(strategy->failure_rate.interval_ms, interval),
                            ex_rest_duration(strategy->failure_rate.delay_ms, delay));
    case FO_STRATEGY_EXPONENTIAL_DELAY:
        return exponential(strategy);
    }
    return NULL;
}

static json_t *attempts_or_null(int32_t attempts) {
    return attempts == FO_ATTEMPTS_UNLIMITED ? json_null() : json_integer(attempts);
}

json_t *ex_rest_strategy_settings(const struct fo_strategy_config *strategy) {
    switch (strategy->kind) {
    case FO_STRATEGY_NONE:
        return json_pack("{s:s}", "type", "none");
    case FO_STRATEGY_FIXED_DELAY:
        return json_pack("{s:s, s:o, s:I}", "type", "fixed-delay", "attempts",
                         attempts_or_null(strategy->fixed_delay.attempts), "delay_ms",
                         (json_int_t)strategy->fixed_delay.delay_ms);
    case FO_STRATEGY_FAILURE_RATE:
        return json_pack("{s:s, s:I, s:I, s:I}", "type", "failure-rate",
                         "max_failures_per_interval",
                         (json_int_t)strategy->failure_rate.max_failures_per_interval,
                         "interval_ms", (json_int_t)strategy->failure_rate.interval_ms, "delay_ms",
                         (json_int_t)strategy->failure_rate.delay_ms);
    case FO_STRATEGY_EXPONENTIAL_DELAY:
        return json_pack(
            "{s:s, s:I, s:I, s:f, s:I, s:f, s:o}", "type", "exponential-delay",
            "initial_backoff_ms", (json_int_t)strategy->exponential_delay.initial_backoff_ms,
            "max_backoff_ms", (json_int_t)strategy->exponential_delay.max_backoff_ms,
            "backoff_multiplier", strategy->exponential_delay.backoff_multiplier,
            "reset_backoff_threshold_ms",
            (json_int_t)strategy->exponential_delay.reset_backoff_threshold_ms, "jitter_factor",
            strategy->exponential_delay.jitter_factor, "attempts_before_reset_backoff",
            attempts_or_null(strategy->exponential_delay.attempts_before_reset_backoff));
    }
    return NULL;
}

bool ex_rest_is_secret(const char *key) {
    static const char *const words[] = {
        "password",   "secret",      "fs.azure.account.key", "apikey",
        "api-key",    "auth-params", "service-key",          "token",
        "basic-auth", "jaas.config", "http-headers",         "credential",
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i]);
        for (const char *at = key; *at; at++) {
            if (strncasecmp(at, words[i], len) == 0)
                return true;
        }
    }
    return false;
}
