/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/ledger.h"

#include <stddef.h>

void ex_ledger_init(struct ex_ledger *ledger) {
    *ledger = (struct ex_ledger){.releasing = false};
    STAILQ_INIT(&ledger->waiting);
}

static void release_all(struct ex_ledger *ledger, bool durable) {
    if (ledger->releasing)
        return; /* whoever is at it comes to the new ones as well */
    ledger->releasing = true;
    while (!STAILQ_EMPTY(&ledger->waiting)) {
        struct ex_entry *entry = STAILQ_FIRST(&ledger->waiting);
        STAILQ_REMOVE_HEAD(&ledger->waiting, link);
        entry->release(entry, durable);
    }
    ledger->releasing = false;
}

void ex_ledger_write(struct ex_ledger *ledger, struct ex_entry *entry) {
    STAILQ_INSERT_TAIL(&ledger->waiting, entry, link);
    release_all(ledger, true);
}

void ex_ledger_close(struct ex_ledger *ledger) {
    release_all(ledger, false);
}
