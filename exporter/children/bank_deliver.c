/* SPDX-License-Identifier: Apache-2.0 */
/* Events for listeners that acknowledge them: sent until they are, or given up. */
#include "exporter/base/clock.h"
#include "exporter/children/bank_internal.h"

_Static_assert(EX_BANK_MEMBERS_MAX <= 64, "a bit for each");

static void settle(const struct ex_member *member, uint64_t number) {
    const struct ex_bank *bank = member->bank;

    if (bank->settled)
        bank->settled(bank->settled_ctx, number);
}

static void give_up(struct ex_member *member, uint64_t number) {
    ex_member_count(member, member->metrics.given_up);
    settle(member, number);
}

static void tidy(struct ex_member *member) {
    int64_t now_ms = ex_clock_wall_ms();
    uint64_t number;

    while ((number = ex_outbox_give_up(&member->outbox, now_ms)) != 0)
        give_up(member, number);
}

void ex_member_send(struct ex_member *member) {
    const struct ex_parcel *parcel;

    while (member->child && (parcel = ex_outbox_next(&member->outbox)) != NULL) {
        const struct fo_str record = {parcel->record, parcel->len};
        if (!ex_child_deliver(member->child, record, parcel->number))
            break;
        ex_outbox_sent(&member->outbox);
    }
    ex_member_show_undelivered(member);
}

void ex_member_set_window(struct ex_member *member, uint32_t window) {
    ex_outbox_init(&member->outbox, window);
}

void ex_member_begin_again(struct ex_member *member) {
    if (member->outbox.window == 0)
        return;
    ex_outbox_begin_again(&member->outbox);
    tidy(member);
    ex_member_send(member);
}

bool ex_member_acknowledge(struct ex_member *member, uint64_t number) {
    bool known = ex_outbox_acknowledge(&member->outbox, number);

    if (number > member->outbox.newest_sent)
        ex_member_count_call(member, EX_CALL_ERROR, -1);
    if (!known)
        return false;
    settle(member, number);
    tidy(member);
    ex_member_send(member);
    return true;
}

uint64_t ex_bank_acknowledgers(const struct ex_bank *bank, int32_t kind) {
    uint64_t all = 0;

    for (uint32_t i = 0; i < bank->member_count; i++) {
        const struct ex_member *member = &bank->members[i];
        if (member->outbox.window > 0 && (member->events & EX_CHILD_WANTS(kind)) != 0)
            all |= UINT64_C(1) << i;
    }
    return all;
}

const char *ex_bank_listener_name(const struct ex_bank *bank, uint32_t listener) {
    return bank->members[listener].name;
}

int ex_bank_find_acknowledger(const struct ex_bank *bank, struct fo_str name) {
    for (uint32_t i = 0; i < bank->member_count; i++) {
        const struct ex_member *member = &bank->members[i];
        if (member->outbox.window > 0 && fo_str_equal(fo_str_of(member->name), name))
            return (int)i;
    }
    return -1;
}

void ex_bank_on_settled(struct ex_bank *bank, void (*settled)(void *ctx, uint64_t number),
                        void *ctx) {
    bank->settled = settled;
    bank->settled_ctx = ctx;
}

void ex_bank_deliver(struct ex_bank *bank, uint32_t listener, const struct ex_delivery *delivery) {
    struct ex_member *member = &bank->members[listener];

    if (delivery->record.len == 0 ||
        !ex_outbox_add(&member->outbox, delivery->number, delivery->at_ms, delivery->record)) {
        give_up(member, delivery->number);
        return;
    }
    tidy(member);
    ex_member_send(member);
}

bool ex_bank_has_undelivered(const struct ex_bank *bank) {
    for (uint32_t i = 0; i < bank->member_count; i++) {
        if (bank->members[i].outbox.count > 0)
            return true;
    }
    return false;
}
