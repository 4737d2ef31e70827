/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/events/event_internal.h - words of the event record that both of its readers know; for
 * this room only. Owns: nothing. Threads: any. */
#ifndef EX_EVENTS_EVENT_INTERNAL_H
#define EX_EVENTS_EVENT_INTERNAL_H

#include "failover/types.h"

/* enum fl_proof, and enum fl_failure_type; what is not known is the first of each. */
int32_t ex_event_proof_of(struct fo_str word);
int32_t ex_event_type_of(struct fo_str word);

#endif
