/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/ledger.h"

#include <stddef.h>

void ex_ledger_init(struct ex_ledger *ledger, bool holds) {
    *ledger = (struct ex_ledger){.holds = holds};
    STAILQ_INIT(&ledger->waiting);
    STAILQ_INIT(&ledger->shipped);
    STAILQ_INIT(&ledger->released);
}

/* Whoever is at it already comes to the new ones as well. */
static void release_all(struct ex_ledger *ledger, bool durable) {
    if (ledger->releasing)
        return;
    ledger->releasing = true;
    while (!STAILQ_EMPTY(&ledger->released)) {
        struct ex_entry *entry = STAILQ_FIRST(&ledger->released);
        STAILQ_REMOVE_HEAD(&ledger->released, link);
        ledger->count--;
        entry->release(entry, durable);
    }
    ledger->releasing = false;
}

void ex_ledger_write(struct ex_ledger *ledger, struct ex_entry *entry) {
    ledger->count++;
    STAILQ_INSERT_TAIL(ledger->holds ? &ledger->waiting : &ledger->released, entry, link);
    release_all(ledger, !ledger->closed);
}

void ex_ledger_ship(struct ex_ledger *ledger) {
    STAILQ_CONCAT(&ledger->shipped, &ledger->waiting);
}

void ex_ledger_land(struct ex_ledger *ledger) {
    STAILQ_CONCAT(&ledger->released, &ledger->shipped);
    release_all(ledger, true);
}

void ex_ledger_close(struct ex_ledger *ledger) {
    ledger->holds = false;
    ledger->closed = true;
    STAILQ_CONCAT(&ledger->released, &ledger->shipped);
    STAILQ_CONCAT(&ledger->released, &ledger->waiting);
    release_all(ledger, false);
}
