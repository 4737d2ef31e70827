/* SPDX-License-Identifier: Apache-2.0 */
/* failover/scc.h - strongly connected components, iterative: a ring of any length fits.
 * Owns: nothing. Threads: any. */
#ifndef FAILOVER_SCC_H
#define FAILOVER_SCC_H

#include "failover/failover.h"

/* A directed graph: the arrows of node i lead to targets[first[i]] .. targets[first[i + 1] - 1]. */
struct fo_arrows {
    uint32_t node_count;
    const uint32_t *first; /* node_count + 1 */
    const uint32_t *targets;
};

/* Writes each node's component, 0 .. *ret_count - 1, to `component` (room for all nodes). An arrow
 * between components leads from the higher number to the lower. -ENOMEM. */
FO_MUST_CHECK int fo_scc(const struct fo_arrows *arrows, const struct fo_allocator *allocator,
                         uint32_t *component, uint32_t *ret_count);

#endif
