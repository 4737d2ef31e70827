/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/outbox.h - the events that one listener has yet to acknowledge, in their order:
 * each is sent once in every life of the listener's process, no more at a time than it takes, and
 * stays until it is acknowledged or has to be given up.
 * Owns: copies of the events. Threads: none, the caller serialises. */
#ifndef EX_CHILDREN_OUTBOX_H
#define EX_CHILDREN_OUTBOX_H

#include <stdbool.h>
#include <sys/queue.h>

#include "failover/types.h"

/* What is kept for one listener; beyond it the oldest is given up. */
enum { EX_OUTBOX_COUNT_MAX = 10000, EX_OUTBOX_BYTES_MAX = 16 * 1024 * 1024 };
#define EX_OUTBOX_AGE_MAX_MS (INT64_C(7) * 24 * 60 * 60 * 1000)

struct ex_parcel {
    TAILQ_ENTRY(ex_parcel) link;
    uint64_t number;
    int64_t at_ms; /* wall clock, of the event */
    size_t len;
    char record[]; /* a line of ex_event_encode() */
};

struct ex_outbox {
    TAILQ_HEAD(ex_parcels, ex_parcel) parcels; /* their numbers rise */
    struct ex_parcel *next;                    /* to be sent; NULL = all are */
    uint64_t newest_sent;                      /* its number, in any life */
    uint32_t window;                           /* how many it takes unacknowledged */
    uint32_t in_flight;                        /* sent in this life */
    uint32_t count;
    size_t bytes;
};

void ex_outbox_init(struct ex_outbox *outbox, uint32_t window);
void ex_outbox_done(struct ex_outbox *outbox);

/* Copies an event; its number is above all before it. False: no memory. */
bool ex_outbox_add(struct ex_outbox *outbox, uint64_t number, int64_t at_ms, struct fo_str record);

/* The next one to be sent; NULL: there is none, or it takes no more now. Borrowed. */
struct ex_parcel *ex_outbox_next(const struct ex_outbox *outbox);
void ex_outbox_sent(struct ex_outbox *outbox); /* that one was */

/* The listener has begun a new life and knows of none. */
void ex_outbox_begin_again(struct ex_outbox *outbox);

/* The listener is done with one: it is gone. False: none of those sent has this number. */
bool ex_outbox_acknowledge(struct ex_outbox *outbox, uint64_t number);

/* Takes out one that is too many or too old at `now_ms` and returns its number; 0: there is none.
 * Those that the listener has are kept before those that it has not been sent. */
uint64_t ex_outbox_give_up(struct ex_outbox *outbox, int64_t now_ms);

#endif
