/* SPDX-License-Identifier: Apache-2.0 */
/* The quick reader of reports against the one that knows all of JSON: what it accepts the other
 * accepts too, and reads alike. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "exporter/engines/push/report_quick.h"

static void check(bool holds) {
    if (!holds)
        abort();
}

static void check_text(const json_t *object, const char *key, struct fo_str said) {
    const json_t *value = json_object_get(object, key);

    check(value ? json_string_length(value) == said.len &&
                      memcmp(json_string_value(value), said.len > 0 ? said.ptr : "", said.len) == 0
                : said.len == 0);
}

static void check_number(const json_t *object, const char *key, int64_t said) {
    const json_t *value = json_object_get(object, key);

    check(json_is_integer(value) && json_integer_value(value) == said);
}

static void check_all(const struct ex_push_said *said, const json_t *report) {
    const json_t *failure = json_object_get(report, "failure");

    check_text(report, "task", said->task);
    check_text(report, "state", said->state);
    check_number(report, "attempt", said->attempt);
    check_number(report, "sequence", (int64_t)said->sequence);
    check(json_is_object(failure) == said->has_failure);
    check_text(failure, "output", said->output);
    check_text(failure, "runtime", said->runtime);
    check_text(failure, "platform_reason", said->platform_reason);
    if (said->exited)
        check_number(failure, "exit_code", said->exit_code);
    check(json_object_size(report) == (said->has_failure ? 5 : 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct fo_str line = {(const char *)data, size};
    struct ex_push_said said;

    if (size == 0 || !ex_push_said_read(&said, line))
        return 0;
    json_t *report = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);
    check(report);
    check_all(&said, report);
    json_decref(report);
    return 0;
}
