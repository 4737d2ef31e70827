/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/ledger.h - what was decided and is not yet acted on: nothing is before it is
 * stored. Entries are let go in the order in which they were written; while state is kept in memory
 * only, at once. Private to the job manager [main]. Owns: the entries that wait. */
#ifndef EX_MANAGER_LEDGER_H
#define EX_MANAGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Part of what its owner writes down. */
struct ex_entry {
    STAILQ_ENTRY(ex_entry) link;
    /* Called exactly once: the entry is durable, act on it; or it never will be, the manager ends.
     * May write further entries; they have their turn after this one. */
    void (*release)(struct ex_entry *entry, bool durable);
};

STAILQ_HEAD(ex_entries, ex_entry);

struct ex_ledger {
    struct ex_entries waiting;  /* to be stored */
    struct ex_entries shipped;  /* being stored */
    struct ex_entries released; /* stored; their turn comes */
    uint32_t count;             /* of all three */
    bool holds;                 /* entries wait to be shipped and landed; else they go at once */
    bool closed;                /* nothing will be durable any more */
    bool releasing;
};

void ex_ledger_init(struct ex_ledger *ledger, bool holds);

/* Takes the entry; it may be released before this returns. */
void ex_ledger_write(struct ex_ledger *ledger, struct ex_entry *entry);

/* All that waits is on its way to the disk; nothing may be under way already. */
void ex_ledger_ship(struct ex_ledger *ledger);

/* What was shipped is durable: releases it. */
void ex_ledger_land(struct ex_ledger *ledger);

/* Releases what waits as not durable, and what comes later as well. */
void ex_ledger_close(struct ex_ledger *ledger);

#endif
