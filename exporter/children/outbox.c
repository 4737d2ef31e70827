/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/children/outbox.h"

#include <stdlib.h>

void ex_outbox_init(struct ex_outbox *outbox, uint32_t window) {
    *outbox = (struct ex_outbox){.window = window};
    TAILQ_INIT(&outbox->parcels);
}

/* Whether it was sent in this life. Those are the ones before `next`. */
static bool is_in_flight(const struct ex_outbox *outbox, const struct ex_parcel *parcel) {
    return !outbox->next || parcel->number < outbox->next->number;
}

static void take_out(struct ex_outbox *outbox, struct ex_parcel *parcel) {
    if (is_in_flight(outbox, parcel))
        outbox->in_flight--;
    if (parcel == outbox->next)
        outbox->next = TAILQ_NEXT(parcel, link);
    outbox->count--;
    outbox->bytes -= parcel->len;
    TAILQ_REMOVE(&outbox->parcels, parcel, link);
    free(parcel);
}

void ex_outbox_done(struct ex_outbox *outbox) {
    while (outbox->count > 0)
        take_out(outbox, TAILQ_FIRST(&outbox->parcels));
}

bool ex_outbox_add(struct ex_outbox *outbox, uint64_t number, int64_t at_ms, struct fo_str record) {
    struct ex_parcel *parcel = malloc(sizeof *parcel + record.len);

    if (!parcel)
        return false;
    *parcel = (struct ex_parcel){.number = number, .at_ms = at_ms, .len = record.len};
    memcpy(parcel->record, record.ptr, record.len);
    TAILQ_INSERT_TAIL(&outbox->parcels, parcel, link);
    outbox->count++;
    outbox->bytes += record.len;
    if (!outbox->next)
        outbox->next = parcel;
    return true;
}

struct ex_parcel *ex_outbox_next(const struct ex_outbox *outbox) {
    return outbox->in_flight < outbox->window ? outbox->next : NULL;
}

void ex_outbox_sent(struct ex_outbox *outbox) {
    if (outbox->next->number > outbox->newest_sent)
        outbox->newest_sent = outbox->next->number;
    outbox->next = TAILQ_NEXT(outbox->next, link);
    outbox->in_flight++;
}

void ex_outbox_begin_again(struct ex_outbox *outbox) {
    outbox->next = TAILQ_FIRST(&outbox->parcels);
    outbox->in_flight = 0;
}

bool ex_outbox_acknowledge(struct ex_outbox *outbox, uint64_t number) {
    struct ex_parcel *parcel;

    TAILQ_FOREACH(parcel, &outbox->parcels, link) {
        if (parcel->number >= number || !is_in_flight(outbox, parcel))
            break;
    }
    if (!parcel || parcel->number != number || !is_in_flight(outbox, parcel))
        return false;
    take_out(outbox, parcel);
    return true;
}

uint64_t ex_outbox_give_up(struct ex_outbox *outbox, int64_t now_ms) {
    struct ex_parcel *oldest = TAILQ_FIRST(&outbox->parcels);
    struct ex_parcel *parcel = NULL;

    if (outbox->count > EX_OUTBOX_COUNT_MAX || outbox->bytes > EX_OUTBOX_BYTES_MAX)
        parcel = outbox->next ? outbox->next : oldest;
    else if (oldest && now_ms - oldest->at_ms > EX_OUTBOX_AGE_MAX_MS)
        parcel = oldest;
    if (!parcel)
        return 0;
    uint64_t number = parcel->number;
    take_out(outbox, parcel);
    return number;
}
