/* SPDX-License-Identifier: Apache-2.0 */
/* Restart strategies on a manual clock. A case is played many times with other random bits, until
 * every wait that jitter may give has been seen; no other may appear. */
#include <stdlib.h>

#include "exporter/config/flink_options.h"
#include "tests/conformance/conformance.h"

enum { PLAYS = 16384 };

struct play {
    struct cf_result *result;
    const json_t *events;
    const struct fo_strategy_config *config;
    uint64_t random;
    bool *reached; /* event x value of backoff_ms_one_of: seen */
    size_t width;  /* of the longest backoff_ms_one_of */
};

/* splitmix64: the same plays each time. */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool check_one_of(struct play *play, size_t event, const json_t *allowed,
                         int64_t backoff_ms) {
    for (size_t i = 0; i < json_array_size(allowed); i++) {
        if (json_integer_value(json_array_get(allowed, i)) == backoff_ms) {
            play->reached[event * play->width + i] = true;
            return true;
        }
    }
    return cf_fail(play->result, "event %zu: a backoff of %lld ms is not allowed", event,
                   (long long)backoff_ms);
}

static bool check_range(struct play *play, size_t event, const json_t *range, int64_t backoff_ms) {
    int64_t low = json_integer_value(json_array_get(range, 0));
    int64_t high = json_integer_value(json_array_get(range, 1));

    if (json_array_size(range) != 2)
        return cf_fail(play->result, "event %zu: backoff_ms_range needs two numbers", event);
    if (backoff_ms < low || backoff_ms > high)
        return cf_fail(play->result, "event %zu: a backoff of %lld ms is out of range", event,
                       (long long)backoff_ms);
    return true;
}

static bool check_backoff(struct play *play, size_t event, const json_t *expect,
                          const struct fo_strategy *strategy, int64_t now_ms) {
    const json_t *exact = json_object_get(expect, "backoff_ms");
    const json_t *one_of = json_object_get(expect, "backoff_ms_one_of");
    const json_t *range = json_object_get(expect, "backoff_ms_range");
    const json_t *error = json_object_get(expect, "backoff_error");
    int64_t backoff_ms = -1;
    int rc = fo_strategy_backoff_ms(strategy, now_ms, &backoff_ms);

    if (error && (!json_is_true(error) || rc == 0))
        return cf_fail(play->result, "event %zu: the backoff should be an error", event);
    if (!exact && !one_of && !range)
        return true;
    if (rc != 0)
        return cf_fail(play->result, "event %zu: the backoff is an error", event);
    if (exact && (!json_is_integer(exact) || json_integer_value(exact) != backoff_ms))
        return cf_fail(play->result, "event %zu: backoff %lld ms instead of %lld", event,
                       (long long)backoff_ms, (long long)json_integer_value(exact));
    return (!one_of || check_one_of(play, event, one_of, backoff_ms)) &&
           (!range || check_range(play, event, range, backoff_ms));
}

static bool check_flag(struct play *play, size_t event, const json_t *expect, const char *name,
                       bool is) {
    const json_t *expected = json_object_get(expect, name);

    if (!expected || (json_is_boolean(expected) && json_is_true(expected) == is))
        return true;
    return cf_fail(play->result, "event %zu: %s is %s", event, name, is ? "true" : "false");
}

static bool play_event(struct play *play, size_t index, struct fo_strategy *strategy) {
    const json_t *event = json_array_get(play->events, index);
    const json_t *expect = json_object_get(event, "expect");
    struct fo_str op;
    int64_t now_ms = 0;

    if (!cf_only(play->result, event, "at_ms op expect note") ||
        !cf_integer(play->result, event, "at_ms", &now_ms) ||
        !cf_text(play->result, event, "op", &op) ||
        !cf_only(play->result, expect,
                 "can_restart new_attempt backoff_ms backoff_ms_one_of backoff_ms_range "
                 "backoff_error"))
        return false;
    if (json_object_size(expect) == 0)
        return cf_fail(play->result, "event %zu expects nothing", index);
    if (fo_str_equal(op, fo_str_of("failure"))) {
        bool is_new = fo_strategy_notify_failure(strategy, now_ms, next_random(&play->random));
        if (!check_flag(play, index, expect, "new_attempt", is_new))
            return false;
    } else if (!fo_str_equal(op, fo_str_of("query")) || json_object_get(expect, "new_attempt")) {
        return cf_fail(play->result, "event %zu: unknown op, or a query with new_attempt", index);
    }
    return check_flag(play, index, expect, "can_restart",
                      fo_strategy_can_restart(strategy, now_ms)) &&
           check_backoff(play, index, expect, strategy, now_ms);
}

static bool play_once(struct play *play) {
    struct fo_strategy *strategy = NULL;

    if (fo_strategy_new(play->config, NULL, &strategy) != 0)
        return cf_fail(play->result, "the strategy cannot be made");
    bool passed = true;
    for (size_t i = 0; passed && i < json_array_size(play->events); i++)
        passed = play_event(play, i, strategy);
    strategy = fo_strategy_free(strategy);
    return passed;
}

static const json_t *allowed_at(const struct play *play, size_t event) {
    const json_t *expect = json_object_get(json_array_get(play->events, event), "expect");

    return json_object_get(expect, "backoff_ms_one_of");
}

/* Whether the plays so far have reached every allowed value; names one that they have not. */
static bool all_reached(struct play *play, struct cf_result *ret_missing) {
    for (size_t i = 0; i < json_array_size(play->events); i++) {
        const json_t *allowed = allowed_at(play, i);
        for (size_t j = 0; j < json_array_size(allowed); j++) {
            if (!play->reached[i * play->width + j])
                return cf_fail(ret_missing, "event %zu: a backoff of %lld ms is never reached", i,
                               (long long)json_integer_value(json_array_get(allowed, j)));
        }
    }
    return true;
}

static bool is_random(const json_t *events) {
    char *text = json_dumps(events, 0);
    bool random = text && (strstr(text, "_one_of") || strstr(text, "_range"));

    free(text);
    return random;
}

static bool play_all(struct play *play) {
    int plays = is_random(play->events) ? PLAYS : 1;

    if (json_array_size(play->events) == 0)
        return cf_fail(play->result, "no events");
    for (int i = 0; i < plays; i++) {
        if (!play_once(play))
            return false;
    }
    return all_reached(play, play->result);
}

static bool play_case(struct cf_result *result, const json_t *events,
                      const struct fo_strategy_config *config) {
    size_t count = json_array_size(events);
    struct play play = {.result = result, .events = events, .config = config, .random = 1};

    for (size_t i = 0; i < count; i++) {
        size_t width = json_array_size(allowed_at(&play, i));
        play.width = width > play.width ? width : play.width;
    }
    play.reached = calloc(count * play.width + 1, sizeof *play.reached);
    bool passed = play.reached ? play_all(&play) : cf_fail(result, "out of memory");
    free(play.reached);
    return passed;
}

bool cf_run_strategy(struct cf_result *result, const json_t *json) {
    const json_t *refused = json_object_get(json, "expect_create_error");
    json_t *settings = json_object_get(json, "config");
    struct ex_strategy_choice choice = {.job = {.values = settings}, .profile = EX_FLINK_2};
    struct fo_strategy_config config;
    struct fo_error error;
    const json_t *events = NULL;

    if (!cf_only(result, json, "name source config events expect_create_error note") ||
        !cf_list(result, json, "events", &events))
        return false;
    if (!json_is_object(settings) || (refused && !json_is_true(refused)))
        return cf_fail(result, "config or expect_create_error is not what it should be");
    int rc = ex_restart_strategy_load(&choice, &config, &error);
    if (refused)
        return rc != 0 ? true : cf_fail(result, "the settings should be refused");
    if (rc != 0)
        return cf_fail(result, "%s", error.text);
    return play_case(result, events, &config);
}
