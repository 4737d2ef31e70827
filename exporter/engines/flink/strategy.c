/* SPDX-License-Identifier: Apache-2.0 */
/* Restart strategies out of the sentences that Flink shows to people: "Restart with fixed delay
 * (PT10S). #3 restart attempts." Durations are "500 ms" (1.18), ISO-8601 (2.x) or bare
 * milliseconds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/config/duration.h"
#include "exporter/engines/flink/plan.h"

enum { SENTENCE_MAX_BYTES = 512 };

static const struct ex_flink_strategy unknown = {
    .config = {.kind = FO_STRATEGY_FIXED_DELAY,
               .fixed_delay = {.attempts = FO_ATTEMPTS_UNLIMITED, .delay_ms = 0}},
};

/* The text between two marks. */
static bool take_between(const char *text, const char *before, const char *after,
                         struct fo_str *ret_taken) {
    const char *begin = strstr(text, before);
    const char *end = begin ? strstr(begin + strlen(before), after) : NULL;

    if (!end)
        return false;
    begin += strlen(before);
    *ret_taken = (struct fo_str){begin, (size_t)(end - begin)};
    return true;
}

static bool take_ms(const char *text, const char *before, const char *after, int64_t *ret_ms) {
    struct fo_str taken;

    return take_between(text, before, after, &taken) && ex_duration_parse_ms(taken, ret_ms) == 0;
}

static bool take_count(const char *text, const char *before, int32_t *ret_count) {
    const char *begin = strstr(text, before);
    char *end;

    if (!begin)
        return false;
    begin += strlen(before);
    errno = 0;
    long count = strtol(begin, &end, 10);
    if (end == begin || errno != 0 || count < 0 || count > INT32_MAX)
        return false;
    *ret_count = (int32_t)count;
    return true;
}

static bool take_share(const char *text, const char *before, double *ret_share) {
    const char *begin = strstr(text, before);
    char *end;

    if (!begin)
        return false;
    begin += strlen(before);
    *ret_share = strtod(begin, &end);
    return end != begin;
}

static bool read_fixed_delay(const char *text, struct fo_strategy_config *config) {
    config->kind = FO_STRATEGY_FIXED_DELAY;
    return take_ms(text, "fixed delay (", ")", &config->fixed_delay.delay_ms) &&
           take_count(text, "#", &config->fixed_delay.attempts);
}

static bool read_failure_rate(const char *text, struct fo_strategy_config *config) {
    config->kind = FO_STRATEGY_FAILURE_RATE;
    return take_count(text, "maximum of ", &config->failure_rate.max_failures_per_interval) &&
           take_ms(text, "within interval ", " and fixed delay",
                   &config->failure_rate.interval_ms) &&
           take_ms(text, "and fixed delay ", "\n", &config->failure_rate.delay_ms);
}

static bool read_exponential(const char *text, struct fo_strategy_config *config) {
    config->kind = FO_STRATEGY_EXPONENTIAL_DELAY;
    config->exponential_delay.attempts_before_reset_backoff = FO_ATTEMPTS_UNLIMITED;
    return take_ms(text, "starting at ", ", increasing",
                   &config->exponential_delay.initial_backoff_ms) &&
           take_share(text, "increasing by ", &config->exponential_delay.backoff_multiplier) &&
           take_ms(text, "with maximum ", ". ", &config->exponential_delay.max_backoff_ms) &&
           take_ms(text, "resets after ", " with jitter",
                   &config->exponential_delay.reset_backoff_threshold_ms) &&
           take_share(text, "with jitter ", &config->exponential_delay.jitter_factor);
}

struct ex_flink_strategy ex_flink_strategy_read(struct fo_str text) {
    struct ex_flink_strategy strategy = {.known = true};
    char sentence[SENTENCE_MAX_BYTES];

    if (text.len + 1 >= sizeof sentence)
        return unknown;
    if (text.len > 0 && text.ptr[text.len - 1] == '.')
        text.len--; /* the end of the sentence; ISO durations have points in them */
    (void)snprintf(sentence, sizeof sentence, "%.*s\n", (int)text.len, text.ptr);
    if (strncmp(sentence, "Restart deactivated", strlen("Restart deactivated")) == 0)
        return strategy; /* none */
    bool understood = read_fixed_delay(sentence, &strategy.config);
    if (!understood)
        understood = read_failure_rate(sentence, &strategy.config);
    if (!understood)
        understood = read_exponential(sentence, &strategy.config);
    return understood && fo_strategy_check(&strategy.config, NULL) == 0 ? strategy : unknown;
}
