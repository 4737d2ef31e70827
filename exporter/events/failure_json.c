/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/events/failure_json.h"

#include <errno.h>
#include <stdio.h>

static int refuse(struct ex_failure_facts *facts, const char *key, const char *expected) {
    (void)snprintf(facts->why, sizeof facts->why, "`%s` must be %s", key, expected);
    return -EINVAL;
}

static struct fo_str text_of(const json_t *value) {
    struct fo_str text = {json_string_value(value), json_string_length(value)};
    return text;
}

/* null is as good as absent. */
static const json_t *get(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static int read_text(struct ex_failure_facts *facts, const json_t *object, const char *key,
                     struct fo_str *ret_text) {
    const json_t *value = get(object, key);

    if (!value)
        return 0;
    if (!json_is_string(value))
        return refuse(facts, key, "text");
    *ret_text = text_of(value);
    return 0;
}

static int read_exit_code(struct ex_failure_facts *facts, const json_t *object) {
    const json_t *value = get(object, "exit_code");
    json_int_t number = json_integer_value(value);

    if (!value)
        return 0;
    if (!json_is_integer(value) || number < INT32_MIN || number > INT32_MAX)
        return refuse(facts, "exit_code", "a whole number");
    facts->input.exited = true;
    facts->input.exit_code = (int)number;
    return 0;
}

/* The number 0 is how some say that there was none. */
static int read_signal(struct ex_failure_facts *facts, const json_t *object) {
    const json_t *value = get(object, "signal");
    char digits[24];

    if (!value || (json_is_integer(value) && json_integer_value(value) == 0))
        return 0;
    (void)snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(value));
    facts->input.signal =
        catalogue_signal_of(json_is_integer(value) ? fo_str_of(digits) : text_of(value));
    return facts->input.signal == 0 ? refuse(facts, "signal", "the name or number of a signal") : 0;
}

static int read_exceptions(struct ex_failure_facts *facts, const json_t *object) {
    const json_t *value = get(object, "exception");
    size_t count = json_is_array(value) ? json_array_size(value) : 1;

    if (!value)
        return 0;
    for (size_t i = 0; i < count && i < EX_FAILURE_EXCEPTIONS_MAX; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_string(item))
            return refuse(facts, "exception", "text or a list of texts");
        facts->exceptions[facts->input.exception_count++] = text_of(item);
    }
    facts->input.exceptions = facts->exceptions;
    return 0;
}

/* A word that no rule asks for is no error: reporters may know more kinds of evidence. */
static int read_evidence(struct ex_failure_facts *facts, const json_t *object) {
    const json_t *value = get(object, "evidence");
    const json_t *word;
    size_t i;

    if (!value)
        return 0;
    if (!json_is_array(value))
        return refuse(facts, "evidence", "a list of texts");
    json_array_foreach(value, i, word) {
        if (!json_is_string(word))
            return refuse(facts, "evidence", "a list of texts");
        facts->input.evidence |= catalogue_evidence_of(text_of(word));
        if (strcmp(json_string_value(word), "non_recoverable") == 0)
            facts->non_recoverable = true;
    }
    return 0;
}

int ex_failure_facts_read(struct ex_failure_facts *facts, const json_t *object) {
    int r = 0;

    *facts = (struct ex_failure_facts){.why = ""};
    if (!json_is_object(object))
        return refuse(facts, "failure", "an object");
    r = read_text(facts, object, "output", &facts->input.head);
    if (r == 0)
        r = read_text(facts, object, "runtime", &facts->input.runtime);
    if (r == 0)
        r = read_text(facts, object, "platform_reason", &facts->input.platform_reason);
    if (r == 0)
        r = read_exit_code(facts, object);
    if (r == 0)
        r = read_signal(facts, object);
    if (r == 0)
        r = read_exceptions(facts, object);
    return r == 0 ? read_evidence(facts, object) : r;
}
