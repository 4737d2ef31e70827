/* SPDX-License-Identifier: Apache-2.0 */
/* failover/regions.h - which tasks restart together: pipelined regions.
 * Owns: nothing. Threads: one builder per graph. */
#ifndef FAILOVER_REGIONS_H
#define FAILOVER_REGIONS_H

#include "failover/graph.h"

/* Sets of a union-find: each member points towards the root of its set. */
uint32_t fo_sets_find(uint32_t *parents, uint32_t member);
/* The root with the lower number stays root. */
void fo_sets_unite(uint32_t *parents, uint32_t a, uint32_t b);

/* Unites the vertices that must be pipelined (LogicalPipelinedRegionComputeUtil): afterwards
 * parents[v] is the root of v. `parents` has room for all vertices. */
void fo_regions_logical(const struct fo_graph *graph, uint32_t *parents);

/* Fills the region arrays and region_count of a graph whose vertices, edges and topological order
 * are there. -ENOMEM. */
FO_MUST_CHECK int fo_regions_build(struct fo_graph *graph);

/* Unites the task sets of `parents` that wait on each other in a circle (FLINK-17330). -ENOMEM. */
FO_MUST_CHECK int fo_regions_merge_cycles(struct fo_graph *graph, const uint32_t *logical,
                                          const bool *whole, uint32_t *parents);

#endif
