/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/deliveries.h - events for listeners that acknowledge them. An event becomes a
 * row for each such listener in the same commit as what caused it, goes to the bank when that is
 * durable, and its row goes when the listener is done with it. What is left over is told again by
 * the next daemon: each event at least once. Without a store the same, in memory. Private to the
 * job manager [main]. Owns: events that are not durable yet. */
#ifndef EX_MANAGER_DELIVERIES_H
#define EX_MANAGER_DELIVERIES_H

#include <stdbool.h>
#include <uv.h>

#include "failover/listener.h"

struct ex_manager;

struct ex_deliveries {
    uint64_t next;   /* the number of the next row */
    uv_timer_t tidy; /* until rows that are over are written as gone */
    bool waived;     /* at the end nobody is waited for any longer */
};

/* Makes the timer, a handle of the manager, and listens to the bank. */
void ex_deliveries_init(struct ex_manager *manager);
void ex_deliveries_close(struct ex_manager *manager);

/* Whether any listener acknowledges events of the kind; if none does, they need not be added. */
bool ex_deliveries_are_wanted(const struct ex_manager *manager, int32_t kind);

/* An event has come to be; for EXHAUSTED and RECOVERED after ex_persist_event() of the same. */
void ex_deliveries_add(struct ex_manager *manager, const struct fl_event *event);

/* Hands what an earlier daemon has left to the bank. Before the store is started. 0, -ENOMEM, or
 * what ex_store_read() says. */
FO_MUST_CHECK int ex_deliveries_recover(struct ex_manager *manager);

/* Whether nothing is left to be acknowledged, or it is not waited for. */
bool ex_deliveries_are_over(const struct ex_manager *manager);

#endif
