/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/cli/capture.h - keeps the head and the tail of an output of any length, as the
 * categoriser wants them, in bounded memory.
 * Owns: its memory. Threads: none, the caller serialises. */
#ifndef EX_CLI_CAPTURE_H
#define EX_CLI_CAPTURE_H

#include <stdbool.h>

#include "failover/types.h"

/* Starts all zero. The tail is a window that slides over a buffer of twice its size. */
struct ex_capture {
    char *head; /* owned */
    size_t head_len;
    char *tail; /* owned */
    size_t tail_len;
    bool cut; /* something between them was dropped */
};

/* Reads to the end. 0, or -ENOMEM, or the negative errno of read(). */
FO_MUST_CHECK int ex_capture_read(struct ex_capture *capture, int fd);

/* At most the limits of the categoriser; borrowed. */
struct fo_str ex_capture_head(const struct ex_capture *capture);
struct fo_str ex_capture_tail(const struct ex_capture *capture);

void ex_capture_done(struct ex_capture *capture);

#endif
