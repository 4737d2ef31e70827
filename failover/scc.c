/* SPDX-License-Identifier: Apache-2.0 */
/* Tarjan's algorithm with its recursion on an array. A node's number in order of discovery and the
 * lowest number it can reach share one array: once a child is done only the lowest is asked for. */
#include "failover/scc.h"

#include <errno.h>

#include "failover/memory.h"

#define UNSEEN 0u
#define NO_COMPONENT UINT32_MAX

struct search {
    const struct fo_arrows *arrows;
    uint32_t *component;
    uint32_t *low;    /* lowest discovery number reachable so far, from 1; UNSEEN */
    uint32_t *next;   /* next arrow to follow */
    uint32_t *path;   /* nodes under way, the deepest last */
    uint32_t *number; /* discovery number of the node at the same depth of `path` */
    uint32_t *open;   /* nodes whose component is not closed */
    uint32_t path_count;
    uint32_t open_count;
    uint32_t discovered;
    uint32_t components;
};

static void enter(struct search *search, uint32_t node) {
    search->low[node] = ++search->discovered;
    search->next[node] = search->arrows->first[node];
    search->number[search->path_count] = search->discovered;
    search->path[search->path_count++] = node;
    search->open[search->open_count++] = node;
}

static void lower(struct search *search, uint32_t node, uint32_t number) {
    if (number < search->low[node])
        search->low[node] = number;
}

static void leave(struct search *search) {
    uint32_t node = search->path[--search->path_count];

    if (search->low[node] == search->number[search->path_count]) {
        uint32_t member;
        do {
            member = search->open[--search->open_count];
            search->component[member] = search->components;
        } while (member != node);
        search->components++;
    }
    if (search->path_count > 0)
        lower(search, search->path[search->path_count - 1], search->low[node]);
}

static void explore(struct search *search, uint32_t root) {
    enter(search, root);
    while (search->path_count > 0) {
        uint32_t node = search->path[search->path_count - 1];
        if (search->next[node] == search->arrows->first[node + 1]) {
            leave(search);
            continue;
        }
        uint32_t target = search->arrows->targets[search->next[node]++];
        if (search->low[target] == UNSEEN)
            enter(search, target);
        else if (search->component[target] == NO_COMPONENT)
            lower(search, node, search->low[target]);
    }
}

int fo_scc(const struct fo_arrows *arrows, const struct fo_allocator *allocator,
           uint32_t *component, uint32_t *ret_count) {
    enum { ARRAYS = 5 };
    size_t nodes = arrows->node_count;
    uint32_t *memory = fo_array_new(allocator, nodes * ARRAYS, sizeof *memory);
    struct search search = {.arrows = arrows, .component = component};

    if (!memory)
        return -ENOMEM;
    search.low = memory;
    search.next = memory + nodes;
    search.path = memory + 2 * nodes;
    search.number = memory + 3 * nodes;
    search.open = memory + 4 * nodes;
    for (uint32_t node = 0; node < arrows->node_count; node++)
        component[node] = NO_COMPONENT;
    for (uint32_t node = 0; node < arrows->node_count; node++) {
        if (search.low[node] == UNSEEN)
            explore(&search, node);
    }
    fo_memory_free(allocator, memory);
    *ret_count = search.components;
    return 0;
}
