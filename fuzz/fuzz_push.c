/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of a hostile scheduler, line by line, to a job that lives: every report has an answer,
 * each of which is JSON; said again, they say the same of what was accepted. */
#include <jansson.h>
#include <stdlib.h>

#include "fuzz/push_stage.h"

enum { PARALLELISM = 3, ANSWERS_MAX_BYTES = EX_PUSH_ANSWER_MAX_BYTES };

static void check_lines(struct fo_str text, size_t *ret_count) {
    *ret_count = 0;
    while (text.len > 0) {
        size_t len = (size_t)((const char *)memchr(text.ptr, '\n', text.len) - text.ptr);
        json_t *line = json_loadb(text.ptr, len, JSON_REJECT_DUPLICATES, NULL);
        if (!json_object_get(line, "decision") && !json_object_get(line, "error"))
            abort();
        json_decref(line);
        text.ptr += len + 1;
        text.len -= len + 1;
        ++*ret_count;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct fo_str body = {(const char *)data, size};
    struct push_stage stage;
    struct ex_buffer answers;
    size_t counts[2];

    push_stage_open(&stage, PARALLELISM, 0, 0);
    ex_buffer_init(&answers, ANSWERS_MAX_BYTES);
    for (int turn = 0; turn < 2; turn++) {
        ex_buffer_reset(&answers);
        if (push_stage_report(&stage, body, size == 0 || data[0] != '{' || turn == 1, &answers) < 0)
            break;
        check_lines(ex_buffer_str(&answers), &counts[turn]);
        unsigned told = stage.told;
        uint64_t failures = stage.failures;
        ex_buffer_reset(&answers);
        if (push_stage_report(&stage, body, true, &answers) == 0 && turn == 1 &&
            (stage.told < told || stage.failures < failures))
            abort();
        push_stage_wait(&stage, 1);
    }
    ex_buffer_done(&answers);
    push_stage_close(&stage);
    return 0;
}
