/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/cli/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "listeners/catalogue/catalogue.h"

enum {
    HEAD_BYTES = CATALOGUE_HEAD_MAX_BYTES,
    TAIL_BYTES = CATALOGUE_TAIL_MAX_BYTES,
    BUFFER_BYTES = 2 * TAIL_BYTES
};

static int allocate(struct ex_capture *capture) {
    capture->head = malloc(HEAD_BYTES);
    capture->tail = malloc(BUFFER_BYTES);
    return capture->head && capture->tail ? 0 : -ENOMEM;
}

/* Keeps the last half of a buffer that is full. */
static void slide(struct ex_capture *capture) {
    memmove(capture->tail, capture->tail + TAIL_BYTES, TAIL_BYTES);
    capture->tail_len = TAIL_BYTES;
    capture->cut = true;
}

/* Reads once, into the head while it has room. */
static ssize_t read_some(struct ex_capture *capture, int fd) {
    bool first = capture->head_len < HEAD_BYTES;
    char *into = first ? capture->head + capture->head_len : capture->tail + capture->tail_len;
    size_t room = first ? HEAD_BYTES - capture->head_len : BUFFER_BYTES - capture->tail_len;
    ssize_t got = read(fd, into, room);

    if (got > 0 && first)
        capture->head_len += (size_t)got;
    else if (got > 0)
        capture->tail_len += (size_t)got;
    return got;
}

int ex_capture_read(struct ex_capture *capture, int fd) {
    int r = allocate(capture);

    while (r == 0) {
        if (capture->tail_len == BUFFER_BYTES)
            slide(capture);
        ssize_t got = read_some(capture, fd);
        if (got == 0)
            break;
        if (got == -1 && errno != EINTR)
            r = -errno;
    }
    capture->cut = capture->cut || capture->tail_len > TAIL_BYTES;
    return r;
}

struct fo_str ex_capture_head(const struct ex_capture *capture) {
    struct fo_str head = {capture->head, capture->head_len};
    return head;
}

struct fo_str ex_capture_tail(const struct ex_capture *capture) {
    size_t len = capture->tail_len < TAIL_BYTES ? capture->tail_len : TAIL_BYTES;
    struct fo_str tail = {capture->tail ? capture->tail + capture->tail_len - len : NULL, len};
    return tail;
}

void ex_capture_done(struct ex_capture *capture) {
    free(capture->head);
    free(capture->tail);
    *capture = (struct ex_capture){NULL, 0, NULL, 0, false};
}
