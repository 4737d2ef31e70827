/* SPDX-License-Identifier: Apache-2.0 */
/* An event record from anywhere: what is read can be written, and is read the same again, by both
 * readers. */
#include <stdlib.h>

#include "exporter/events/event.h"

static void write_again(const struct ex_event *event, struct ex_buffer *out) {
    if (event->kind == 0)
        ex_event_encode_failure(out, &event->failure, event->completion);
    else
        ex_event_encode(out, &event->event);
}

/* Reads quickly and writes; `outcome` and `expected` are what the other reader made of the line. */
static void check_quick(struct fo_str line, int outcome, const struct ex_buffer *expected) {
    static struct ex_event event;
    char *room = malloc(line.len + 1);
    struct ex_buffer out;

    if (!room || ex_event_decode_quick(line, room, &event) != outcome)
        abort();
    ex_buffer_init(&out, (size_t)8 * EX_EVENT_LINE_MAX_BYTES);
    if (outcome == 0) {
        write_again(&event, &out);
        ex_event_done(&event);
        if (!fo_str_equal(ex_buffer_str(&out), ex_buffer_str(expected)))
            abort();
    }
    ex_buffer_done(&out);
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ex_event event;
    struct ex_buffer once;
    struct ex_buffer twice;

    struct fo_str line = {(const char *)data, size};
    int outcome = ex_event_decode(line, &event);
    if (outcome < 0) {
        check_quick(line, outcome, NULL);
        return 0;
    }
    ex_buffer_init(&once, (size_t)8 * EX_EVENT_LINE_MAX_BYTES);
    ex_buffer_init(&twice, (size_t)8 * EX_EVENT_LINE_MAX_BYTES);
    write_again(&event, &once);
    ex_event_done(&event);
    check_quick(line, 0, &once);
    if (once.failure == 0 && once.len <= EX_EVENT_LINE_MAX_BYTES) {
        if (ex_event_decode(ex_buffer_str(&once), &event) < 0)
            abort();
        write_again(&event, &twice);
        ex_event_done(&event);
        check_quick(ex_buffer_str(&once), 0, &twice);
        if (!fo_str_equal(ex_buffer_str(&once), ex_buffer_str(&twice)))
            abort();
    }
    ex_buffer_done(&once);
    ex_buffer_done(&twice);
    return 0;
}
