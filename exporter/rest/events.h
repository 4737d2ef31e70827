/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/rest/events.h - GET /events: every event record as a server-sent event, to all who
 * listen. Who falls behind is dropped; what happened before is not told again, but a client that
 * comes back with a Last-Event-ID is told `reset` when it has missed something, be it over a
 * restart of the daemon: ids rise for ever.
 * Owns: the open streams. Threads: as tagged. */
#ifndef EX_REST_EVENTS_H
#define EX_REST_EVENTS_H

#include "exporter/http/http.h"
#include "failover/listener.h"

struct ex_events;

/* [main] NULL without memory. */
struct ex_events *ex_events_new(void);

/* Ends all streams; later requests get 503. [main] NULL is allowed. */
void ex_events_close(struct ex_events *events);

/* Once no handler runs any more. Returns NULL. NULL is allowed. [main] */
struct ex_events *ex_events_free(struct ex_events *events);

/* An ex_event_tap of the struct ex_events: tells one record, a failure or another event; the other
 * is NULL. [main] */
void ex_events_tell(void *ctx, const struct fl_failure *failure, const struct fl_event *event);

/* The handler; its context is the struct ex_events. */
ex_http_handler ex_events_handle;

#endif
