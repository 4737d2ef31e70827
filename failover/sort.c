/* SPDX-License-Identifier: Apache-2.0 */
#include "failover/sort.h"

#include <stddef.h>

/* Lets the item at `root` sink until both its children belong before it. */
static void sift_down(uint32_t *items, uint32_t root, uint32_t count, fo_before before,
                      const void *ctx) {
    uint32_t item = items[root];

    for (uint64_t child = 2 * (uint64_t)root + 1; child < count; child = 2 * child + 1) {
        if (child + 1 < count && before(ctx, items[child], items[child + 1]))
            child++;
        if (!before(ctx, item, items[child]))
            break;
        items[root] = items[child];
        root = (uint32_t)child;
    }
    items[root] = item;
}

void fo_sort(uint32_t *items, uint32_t count, fo_before before, const void *ctx) {
    for (uint32_t root = count / 2; root > 0; root--)
        sift_down(items, root - 1, count, before, ctx);
    for (uint32_t last = count; last > 1; last--) {
        uint32_t largest = items[0];
        items[0] = items[last - 1];
        items[last - 1] = largest;
        sift_down(items, 0, last - 1, before, ctx);
    }
}

static bool is_less(const void *ctx, uint32_t a, uint32_t b) {
    (void)ctx;
    return a < b;
}

void fo_sort_ascending(uint32_t *items, uint32_t count) {
    uint32_t ordered = 1;

    while (ordered < count && items[ordered - 1] <= items[ordered])
        ordered++;
    if (ordered < count)
        fo_sort(items, count, is_less, NULL);
}
