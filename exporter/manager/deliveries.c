/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/deliveries.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/children/outbox.h"
#include "exporter/events/event.h"
#include "exporter/manager/job.h"
#include "exporter/manager/record.h"

enum { TIDY_MS = 1000 }; /* a row that is over may stay that long; it is told once more at worst */

/* An event on its way to the disk. */
struct parcel {
    struct ex_entry entry;
    struct ex_manager *manager;
    uint64_t listeners; /* bits of the bank's */
    uint64_t number;    /* of the first of them; the others follow */
    int64_t at_ms;
    struct ex_buffer record;
};

static void hand_over(const struct parcel *parcel) {
    struct ex_bank *bank = parcel->manager->bank;
    struct ex_delivery delivery = {parcel->number, parcel->at_ms, ex_buffer_str(&parcel->record)};

    for (uint32_t i = 0; parcel->listeners >> i != 0; i++) {
        if ((parcel->listeners >> i & 1) == 0)
            continue;
        ex_bank_deliver(bank, i, &delivery);
        delivery.number++;
    }
}

static void on_release(struct ex_entry *entry, bool durable) {
    struct parcel *parcel = (struct parcel *)entry; /* its first member */

    if (durable)
        hand_over(parcel);
    ex_buffer_done(&parcel->record);
    free(parcel);
}

static _Noreturn void die_without_memory(void) {
    ex_log_plain(EX_LOG_ERROR, "No memory for an event that is to be delivered; the daemon ends.");
    abort(); /* to lose it would be worse */
}

static struct parcel *make_parcel(struct ex_manager *manager, const struct fl_event *event) {
    struct parcel *parcel = calloc(1, sizeof *parcel);

    if (!parcel)
        die_without_memory();
    parcel->entry.release = on_release;
    parcel->manager = manager;
    parcel->number = manager->deliveries.next;
    parcel->at_ms = event->time_ms;
    ex_buffer_init(&parcel->record, EX_EVENT_LINE_MAX_BYTES);
    ex_event_encode(&parcel->record, event);
    if (parcel->record.failure != 0)
        die_without_memory();
    return parcel;
}

static uint64_t listeners_for(const struct ex_manager *manager, int32_t kind) {
    return manager->bank ? ex_bank_acknowledgers(manager->bank, kind) : 0;
}

bool ex_deliveries_are_wanted(const struct ex_manager *manager, int32_t kind) {
    return listeners_for(manager, kind) != 0;
}

void ex_deliveries_add(struct ex_manager *manager, const struct fl_event *event) {
    uint64_t listeners = listeners_for(manager, event->kind);

    if (listeners == 0)
        return;
    struct parcel *parcel = make_parcel(manager, event);
    for (uint32_t i = 0; listeners >> i != 0; i++) {
        if ((listeners >> i & 1) != 0)
            ex_persist_delivery(manager, event, manager->deliveries.next++,
                                fo_str_of(ex_bank_listener_name(manager->bank, i)));
    }
    parcel->listeners = listeners;
    ex_persist_write(&manager->persist, &manager->ledger, &parcel->entry);
}

/* ---- when they are over ---- */

static void on_tidy(uv_timer_t *timer) {
    ex_persist_flush(timer->data);
}

/* Not worth a commit of its own, unless there is no later one. */
static void on_settled(void *ctx, uint64_t number) {
    struct ex_manager *manager = ctx;
    uv_timer_t *tidy = &manager->deliveries.tidy;

    ex_persist_delivered(manager, number);
    if (manager->stopping)
        ex_persist_flush(manager);
    else if (!uv_is_active((uv_handle_t *)tidy))
        (void)uv_timer_start(tidy, on_tidy, TIDY_MS, 0);
    ex_manager_on_settled(manager);
}

bool ex_deliveries_are_over(const struct ex_manager *manager) {
    return manager->deliveries.waived || !manager->bank || !ex_bank_has_undelivered(manager->bank);
}

/* ---- life ---- */

void ex_deliveries_init(struct ex_manager *manager) {
    manager->deliveries.next = 1;
    (void)uv_timer_init(manager->loop, &manager->deliveries.tidy); /* cannot fail */
    manager->deliveries.tidy.data = manager;
    manager->handles++;
    if (manager->bank)
        ex_bank_on_settled(manager->bank, on_settled, manager);
}

void ex_deliveries_close(struct ex_manager *manager) {
    if (manager->bank)
        ex_bank_on_settled(manager->bank, NULL, NULL);
    uv_close((uv_handle_t *)&manager->deliveries.tidy, ex_manager_on_handle_closed);
}

/* ---- what an earlier daemon has left ---- */

/* `labelled`, as it was told when the labels became final. */
static void encode_labelled(const struct ex_row *row, const struct fl_failure *failure,
                            struct ex_buffer *out) {
    struct fo_label labels[EX_BANK_LABELS_MAX];
    const struct fl_event event = {
        .size = sizeof event,
        .abi = FL_ABI,
        .kind = FL_EVENT_LABELLED,
        .incident = failure->incident,
        .failure_id = failure->id,
        .time_ms = row->ints[3],
        .engine = failure->engine,
        .job_id = failure->job_id,
        .job_name = failure->job_name,
        .labels = labels,
        .label_count = ex_labels_unpack(row->texts[2], labels),
        .task = failure->task,
        .message = failure->message,
    };

    ex_event_encode(out, &event);
}

/* Nothing is appended when it is not known any more. */
static int make_record(const struct ex_row *row, struct ex_buffer *out) {
    if (row->ints[1] != FL_EVENT_LABELLED) {
        ex_buffer_append_str(out, row->texts[3]);
        return out->failure;
    }
    struct ex_event *event = malloc(sizeof *event);
    if (!event)
        return -ENOMEM;
    if (ex_event_decode(row->texts[1], event) == 0) {
        if (event->kind == 0)
            encode_labelled(row, &event->failure, out);
        ex_event_done(event);
    }
    free(event);
    return out->failure;
}

static int deliver_again(struct ex_manager *manager, uint32_t listener, const struct ex_row *row) {
    struct ex_buffer record;

    ex_buffer_init(&record, EX_EVENT_LINE_MAX_BYTES);
    int ret = make_record(row, &record);
    if (ret == 0) {
        const struct ex_delivery delivery = {(uint64_t)row->ints[0], row->ints[3],
                                             ex_buffer_str(&record)};
        ex_bank_deliver(manager->bank, listener, &delivery);
    }
    ex_buffer_done(&record);
    return ret;
}

/* What is for a listener that is not there is kept for a while: it may come back. */
static int take_delivery(void *ctx, const struct ex_row *row) {
    struct ex_manager *manager = ctx;
    uint64_t number = (uint64_t)row->ints[0];
    int listener = manager->bank ? ex_bank_find_acknowledger(manager->bank, row->texts[0]) : -1;

    if (row->ints[0] <= 0 || row->ints[0] == INT64_MAX)
        return -EINVAL;
    manager->deliveries.next = number + 1;
    if (listener >= 0)
        return deliver_again(manager, (uint32_t)listener, row);
    if (ex_clock_wall_ms() - row->ints[3] > EX_OUTBOX_AGE_MAX_MS)
        ex_persist_delivered(manager, number);
    return 0;
}

int ex_deliveries_recover(struct ex_manager *manager) {
    return ex_store_read(manager->persist.store, EX_READ_DELIVERIES, 0, take_delivery, manager);
}
