/* SPDX-License-Identifier: Apache-2.0 */
/* A line of a listener child: its first one, or any other. */
#include <stdlib.h>

#include "exporter/children/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ex_child_line line;
    const struct fo_str text = {(const char *)data, size};
    struct ex_child_hello hello;
    struct fo_error error;

    if (ex_child_line_parse(text, &line) == 0) {
        if (line.label_count > EX_CHILD_LABELS_MAX ||
            line.metric.label_count > EX_CHILD_METRIC_LABELS_MAX)
            abort();
        ex_child_line_done(&line);
    }
    if (ex_child_hello_parse(text, &hello, &error) == 0)
        ex_child_hello_done(&hello);
    return 0;
}
