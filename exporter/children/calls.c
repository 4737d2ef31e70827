/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/children/calls.h"

#include <errno.h>
#include <stdlib.h>

int ex_calls_init(struct ex_calls *calls, uint32_t limit) {
    uint32_t slot_count = 2;

    while (slot_count < 2 * (uint64_t)limit)
        slot_count *= 2;
    *calls = (struct ex_calls){.next = 1, .oldest = 1, .slot_count = slot_count, .limit = limit};
    calls->slots = calloc(slot_count, sizeof *calls->slots);
    return calls->slots ? 0 : -ENOMEM;
}

void ex_calls_done(struct ex_calls *calls) {
    free(calls->slots);
    *calls = (struct ex_calls){0};
}

static struct ex_call *slot_of(struct ex_calls *calls, uint64_t id) {
    return &calls->slots[id & (calls->slot_count - 1)];
}

uint64_t ex_calls_add(struct ex_calls *calls, void *asked, uint64_t now_ns) {
    struct ex_call *slot = slot_of(calls, calls->next);

    if (calls->waiting >= calls->limit || slot->waiting)
        return 0;
    *slot = (struct ex_call){.id = calls->next, .asked = asked, .sent_ns = now_ns, .waiting = true};
    calls->waiting++;
    return calls->next++;
}

struct ex_call *ex_calls_oldest(struct ex_calls *calls) {
    while (calls->oldest < calls->next && !slot_of(calls, calls->oldest)->waiting)
        calls->oldest++;
    return calls->oldest < calls->next ? slot_of(calls, calls->oldest) : NULL;
}

struct ex_call *ex_calls_find(struct ex_calls *calls, uint64_t id, bool *ret_late) {
    struct ex_call *slot = slot_of(calls, id);

    *ret_late = false;
    if (id == 0 || id >= calls->next)
        return NULL;
    if (slot->id != id || slot->timed_out)
        *ret_late = true; /* a slot is used again only when its call is long over */
    return slot->id == id && slot->waiting ? slot : NULL;
}

void ex_calls_end(struct ex_calls *calls, struct ex_call *call, bool timed_out) {
    call->waiting = false;
    call->asked = NULL;
    call->timed_out = timed_out;
    calls->waiting--;
}

void ex_calls_forget(struct ex_calls *calls, const void *asked) {
    for (uint32_t i = 0; i < calls->slot_count; i++) {
        if (calls->slots[i].asked == asked)
            calls->slots[i].asked = NULL;
    }
}
