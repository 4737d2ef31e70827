/* SPDX-License-Identifier: Apache-2.0 */
/* failover/wiring.h - who is connected with whom over a pointwise edge (EdgeManagerBuildUtil).
 * Ranges of different consumers (producers) are disjoint, so walking an edge is linear.
 * Owns: nothing. Threads: any. */
#ifndef FAILOVER_WIRING_H
#define FAILOVER_WIRING_H

#include "failover/failover.h"

/* Subtask numbers of the producers that subtask `consumer` reads, of `producers` and `consumers`.
 */
struct fo_task_range fo_wiring_producers(uint32_t producers, uint32_t consumers, uint32_t consumer);

/* The other way round: the consumers of subtask `producer`. */
struct fo_task_range fo_wiring_consumers(uint32_t producers, uint32_t consumers, uint32_t producer);

#endif
