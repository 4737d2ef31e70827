/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>

#include "failover/job.h"
#include "failover/memory.h"

int fo_actions_promise(struct fo_step *step, uint64_t count) {
    struct fo_actions *out = step->out;
    uint64_t want = step->first_action + step->promised + count;

    if (want > SIZE_MAX)
        return -ENOMEM;
    struct fo_action *items = fo_array_grow(&step->job->allocator, out->items, &out->capacity,
                                            (size_t)want, sizeof *items);
    if (!items)
        return -ENOMEM;
    out->items = items;
    step->promised += count;
    return 0;
}

void fo_actions_push(struct fo_step *step, const struct fo_action *action) {
    assert(step->out->count < step->first_action + step->promised);
    step->out->items[step->out->count++] = *action;
}

void fo_actions_done(struct fo_actions *actions, const struct fo_allocator *allocator) {
    struct fo_allocator kept = fo_allocator_or_default(allocator);

    fo_memory_free(&kept, actions->items);
    memset(actions, 0, sizeof *actions);
}
