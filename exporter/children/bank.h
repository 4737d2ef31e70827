/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/bank.h - all listeners that jobmanager.failure-enrichers names: finds them,
 * starts them, asks all of them about each failure at once, and puts their labels together.
 *
 * `catalogue` is one of them and answers at once; each other one is a child of its own. The labels
 * of a failure are final when every child that was asked has answered, run out of time or broken.
 * Nothing that the bank does waits for a child, except ex_bank_open().
 * Owns: the children, the series of failover_listener_* and failover_plugin_*. Threads: [main]. */
#ifndef EX_CHILDREN_BANK_H
#define EX_CHILDREN_BANK_H

#include "exporter/config/config.h"
#include "exporter/metrics/metrics.h"
#include "exporter/spawn/client.h"
#include "failover/listener.h"

struct ex_bank;

struct ex_bank_config {
    uv_loop_t *loop;                /* borrowed */
    struct ex_spawner *spawner;     /* borrowed */
    struct ex_metrics *metrics;     /* borrowed */
    const struct ex_config *config; /* borrowed; names, settings and folder */
    const char *plugins;            /* --listeners.path; NULL = beside the program, else libexec */
    const char *catalogue_version;  /* borrowed; for the info metrics */
    const char *catalogue_hash;
};

/* Finds and starts all listeners; runs the loop until each has said its first line, or one has
 * failed. -ENOENT: no such listener; -EACCES: others may write it; -ECHILD: it cannot be started;
 * -E2BIG: too many keys; -ENOMEM. `reterr` names the listener, its file and the reason. */
FO_MUST_CHECK int ex_bank_open(const struct ex_bank_config *config, struct ex_bank **ret_bank,
                               struct fo_error *reterr);

/* Ends all children: their input first, after `grace_ms` by force. `closed` (may be NULL) is called
 * when the last is gone; the bank is freed after that. No ticket may be open. NULL allowed: then
 * `closed` is called at once. */
void ex_bank_close(struct ex_bank *bank, uint64_t grace_ms, void (*closed)(void *ctx), void *ctx);

/* The exported keys of all listeners, as labels: renamed, without those of listeners that conflict.
 * Borrowed as long as the bank. */
const struct fo_str *ex_bank_keys(const struct ex_bank *bank, uint32_t *ret_count);

/* ---- failures ---- */

enum { EX_BANK_LABELS_MAX = 60 };

/* A failure on its round; embedded in what the asker owns, zeroed before use, not moved while it is
 * open. */
struct ex_ticket {
    void (*final)(struct ex_ticket *ticket); /* all have answered; never from inside a call */
    uint32_t waiting;
    struct ex_answer *answers; /* the bank's */
};

/* Whether there is any child to be asked; if not, the categoriser's verdict is final. */
bool ex_bank_has_to_ask(const struct ex_bank *bank);

/* Asks every child. `verdict` is the categoriser's. True: ticket->final() follows, from the loop,
 * within the longest time limit of a listener. False: nobody is to be waited for. */
bool ex_bank_ask(struct ex_bank *bank, const struct fl_failure *failure, struct ex_ticket *ticket);

/* Ends the ticket, whoever has yet to answer: the labels so far, `verdict` being the categoriser's,
 * in the order in which the listeners are configured; their keys are from ex_bank_keys().
 * Returns their count. Values are borrowed from `verdict` and until ex_ticket_done(). */
uint32_t ex_bank_take(struct ex_bank *bank, struct ex_ticket *ticket,
                      const struct fo_label *verdict, uint32_t verdict_count,
                      struct fo_label ret_labels[static EX_BANK_LABELS_MAX]);
void ex_ticket_done(struct ex_ticket *ticket);

/* Tells the children that want it and do not acknowledge. */
void ex_bank_tell(struct ex_bank *bank, const struct fl_event *event);

/* ---- deliveries: events for listeners that acknowledge them ---- */

/* The listeners that acknowledge and want events of a kind: bit i is listener i. */
uint64_t ex_bank_acknowledgers(const struct ex_bank *bank, int32_t kind);
const char *ex_bank_listener_name(const struct ex_bank *bank, uint32_t listener); /* borrowed */
int ex_bank_find_acknowledger(const struct ex_bank *bank, struct fo_str name);    /* -1 = none */

/* Who is told that the delivery of this number is over: acknowledged or given up. From the loop,
 * and from inside ex_bank_deliver(). NULL = nobody. */
void ex_bank_on_settled(struct ex_bank *bank, void (*settled)(void *ctx, uint64_t number),
                        void *ctx);

struct ex_delivery {
    uint64_t number;      /* above all before it */
    int64_t at_ms;        /* wall clock, of the event */
    struct fo_str record; /* a line of ex_event_encode(); copied. Empty: it is not known any more */
};

/* Has an event delivered: it is sent as often as the listener begins a new life, until that
 * acknowledges it. Beyond the bounds of outbox.h the oldest is given up, and counted. */
void ex_bank_deliver(struct ex_bank *bank, uint32_t listener, const struct ex_delivery *delivery);

/* Whether anything has yet to be acknowledged. */
bool ex_bank_has_undelivered(const struct ex_bank *bank);

#endif
