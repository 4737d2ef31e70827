/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/events/event.h - the event record (docs/event.schema.json): one JSON object on one line
 * for each of failure, labelled, exhausted and recovered. The same record for listener children,
 * webhooks, streams, export and replay; written and read here only.
 * Owns: a decoded event owns its tree, its texts are borrowed from it or from the `room` given.
 * Threads: none, the caller serialises. */
#ifndef EX_EVENTS_EVENT_H
#define EX_EVENTS_EVENT_H

#include <jansson.h>

#include "exporter/base/buffer.h"
#include "failover/listener.h"

enum {
    EX_EVENT_LINE_MAX_BYTES = 512 * 1024, /* a line that is longer is refused */
    EX_EVENT_LABELS_MAX = 64,
    EX_EVENT_EXCEPTIONS_MAX = 32, /* further links of a chain are left out */
};

/* Appends one line with its newline. `completion` 0 = no answer is wanted. Check out->failure. */
void ex_event_encode_failure(struct ex_buffer *out, const struct fl_failure *failure,
                             uint64_t completion);
void ex_event_encode(struct ex_buffer *out, const struct fl_event *event);

struct ex_event {
    int kind;                  /* 0 = a failure, else enum fl_event_kind */
    uint64_t completion;       /* of a failure; 0 = no answer is wanted */
    struct fl_failure failure; /* kind 0 */
    struct fl_event event;     /* any other kind */
    struct fo_label labels[EX_EVENT_LABELS_MAX];
    struct fl_exception exceptions[EX_EVENT_EXCEPTIONS_MAX];
    json_t *root; /* NULL when it was read without */
};

/* Reads a line. A member that is missing is zero or empty, one that is not known is passed over:
 * both ends may be of different versions. -EINVAL: no JSON object, no kind that is known, a member
 * of a wrong type or out of range. -E2BIG: over a limit. On an error nothing is to be ended. */
FO_MUST_CHECK int ex_event_decode(struct fo_str line, struct ex_event *ret_event);
/* The same, for a reader of very many: a failure as this version writes it is read without a tree,
 * its texts in `room`, which has line.len bytes and is borrowed until ex_event_done(). */
FO_MUST_CHECK int ex_event_decode_quick(struct fo_str line, char *room, struct ex_event *ret_event);
void ex_event_done(struct ex_event *event);

/* "failure", "labelled", "exhausted", "recovered"; NULL = no such kind. */
const char *ex_event_kind_name(int kind);
int ex_event_kind_find(const char *name); /* -1 = none */

#endif
