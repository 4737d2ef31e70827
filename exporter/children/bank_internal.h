/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/bank_internal.h - the bank inside. Private to bank*.c. */
#ifndef EX_CHILDREN_BANK_INTERNAL_H
#define EX_CHILDREN_BANK_INTERNAL_H

#include "exporter/children/bank.h"
#include "exporter/children/child.h"
#include "exporter/children/outbox.h"
#include "exporter/children/plugin_metrics.h"

enum { EX_BANK_MEMBERS_MAX = 64 };

/* The series of one listener. */
struct ex_member_metrics {
    struct ex_series *calls[EX_CALL_RESULTS];
    struct ex_series *queue_length;
    struct ex_series *dropped;
    struct ex_series *restarts;
    struct ex_series *suppressed;
    struct ex_series *seconds;
    struct ex_series *undelivered; /* of one that acknowledges */
    struct ex_series *given_up;
};

/* What a listener may answer, and what it is called on counters. */
struct ex_member_key {
    char *answered; /* owned */
    char *exported; /* owned */
};

struct ex_member {
    struct ex_bank *bank;
    char *name;
    char *path;
    char *version;
    struct ex_child *child; /* NULL = the catalogue, or ended */
    bool is_catalogue;
    bool answers_tag; /* declares no keys */
    bool ignored;     /* its keys conflict with another's */
    uint32_t events;
    struct ex_outbox outbox; /* without a window it does not acknowledge */
    struct ex_member_key keys[EX_CHILD_KEYS_MAX];
    uint32_t key_count;
    json_t *rename; /* borrowed */
    struct ex_member_metrics metrics;
    struct ex_plugin_metrics plugin_metrics;
};

/* What one child has answered for a ticket: the labels that count, by the index of their key. */
struct ex_answer {
    struct ex_answer *next;
    const struct ex_member *member;
    uint32_t count;
    struct {
        uint32_t key;
        struct fo_str value;
    } labels[];
};

struct ex_bank {
    uv_loop_t *loop;
    struct ex_group *group;
    char *host_program;
    struct ex_member members[EX_BANK_MEMBERS_MAX];
    uint32_t member_count;
    uint32_t starting; /* children without their first line */
    uint32_t alive;    /* children that have not ended */
    struct fo_error error;
    struct fo_str keys[EX_BANK_LABELS_MAX];
    uint32_t key_count;
    struct ex_buffer record;
    void (*settled)(void *ctx, uint64_t number);
    void *settled_ctx;
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* ---- bank_keys.c ---- */

/* Notes what a listener may answer, renamed; what no label can be called is left out. */
FO_MUST_CHECK int ex_member_set_keys(struct ex_member *member, const struct ex_child_hello *hello);
/* The catalogue's. */
FO_MUST_CHECK int ex_member_set_catalogue_keys(struct ex_member *member);
/* -EEXIST: two members export one key, which `reterr` tells with their names. -ENOMEM. */
FO_MUST_CHECK int ex_bank_check_keys(const struct ex_bank *bank, struct fo_error *reterr);
/* Finds conflicts and lists the exported keys of all. */
FO_MUST_CHECK int ex_bank_settle_keys(struct ex_bank *bank, struct fo_error *reterr);
/* The index of a key that the member may answer; -1 = none. */
int ex_member_find_key(const struct ex_member *member, struct fo_str answered);
/* Frees what a member owns but its child. */
void ex_member_done(struct ex_member *member);

/* ---- bank_deliver.c ---- */

/* How many events the listener takes before it acknowledges one; 0 = it does not. */
void ex_member_set_window(struct ex_member *member, uint32_t window);
/* It has begun a new life. */
void ex_member_begin_again(struct ex_member *member);
/* Sends what it will take: when there is more, when it has read something, when it comes up. */
void ex_member_send(struct ex_member *member);
/* It is done with a delivery; false: with none that it was sent. */
bool ex_member_acknowledge(struct ex_member *member, uint64_t number);

/* ---- bank_metrics.c ---- */

FO_MUST_CHECK int ex_bank_metrics_init(struct ex_bank *bank, const struct ex_bank_config *config,
                                       struct fo_error *reterr);
void ex_member_count_call(struct ex_member *member, enum ex_call_result result, double seconds);
void ex_member_count(struct ex_member *member, struct ex_series *series);
void ex_member_show_queue(struct ex_member *member);
void ex_member_show_undelivered(struct ex_member *member);

#endif
