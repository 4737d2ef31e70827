/* SPDX-License-Identifier: Apache-2.0 */
/* An event record from anywhere: what is read can be written, and is read the same again. */
#include <stdlib.h>

#include "exporter/events/event.h"

static void write_again(const struct ex_event *event, struct ex_buffer *out) {
    if (event->kind == 0)
        ex_event_encode_failure(out, &event->failure, event->completion);
    else
        ex_event_encode(out, &event->event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ex_event event;
    struct ex_buffer once;
    struct ex_buffer twice;

    if (ex_event_decode((struct fo_str){(const char *)data, size}, &event) < 0)
        return 0;
    ex_buffer_init(&once, (size_t)8 * EX_EVENT_LINE_MAX_BYTES);
    ex_buffer_init(&twice, (size_t)8 * EX_EVENT_LINE_MAX_BYTES);
    write_again(&event, &once);
    ex_event_done(&event);
    if (once.failure == 0 && once.len <= EX_EVENT_LINE_MAX_BYTES) {
        if (ex_event_decode(ex_buffer_str(&once), &event) < 0)
            abort();
        write_again(&event, &twice);
        ex_event_done(&event);
        if (!fo_str_equal(ex_buffer_str(&once), ex_buffer_str(&twice)))
            abort();
    }
    ex_buffer_done(&once);
    ex_buffer_done(&twice);
    return 0;
}
