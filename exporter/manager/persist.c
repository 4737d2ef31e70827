/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/persist.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/events/event.h"
#include "exporter/manager/job.h"
#include "exporter/manager/record.h"

enum {
    RECORD_MAX_BYTES = EX_EVENT_LINE_MAX_BYTES,
    SAVED_MAX_BYTES = 256 * 1024 * 1024,
    FULL_BYTES = 64 * 1024 * 1024, /* of a batch that waits */
    FULL_ENTRIES = 256 * 1024,
};

/* Losing a change would make the disk and us disagree for ever. */
static _Noreturn void die_without_memory(void) {
    ex_log_plain(EX_LOG_ERROR, "No memory for what is to be stored; the daemon ends.");
    abort();
}

static void add(struct ex_persist *persist, enum ex_write kind, const int64_t *ints,
                const struct fo_str *texts) {
    ex_batch_add(persist->open, kind, ints, texts);
    if (persist->open->bytes.failure != 0)
        die_without_memory();
}

/* ---- marks ---- */

static uint32_t range_count_of(uint32_t task_count) {
    return (task_count + EX_RANGE_TASKS - 1) / EX_RANGE_TASKS;
}

int ex_marks_init(struct ex_marks *marks, uint32_t task_count) {
    uint32_t count = range_count_of(task_count);

    marks->ranges = calloc(count, sizeof *marks->ranges);
    marks->has_range = calloc(count, sizeof *marks->has_range);
    return marks->ranges && marks->has_range ? 0 : -ENOMEM;
}

void ex_marks_done(struct ex_marks *marks) {
    free(marks->ranges);
    free(marks->has_range);
}

static void wake(struct ex_persist *persist);

static bool is_kept(const struct ex_job *job) {
    return job->manager->persist.store && job->number > 0;
}

void ex_persist_mark(struct ex_job *job) {
    struct ex_persist *persist = &job->manager->persist;

    if (!is_kept(job) || job->marks.any)
        return;
    job->marks.any = true;
    TAILQ_INSERT_TAIL(&persist->marked, job, marks.link);
    wake(persist);
}

static void mark_range(struct ex_marks *marks, uint32_t range) {
    if (marks->has_range[range])
        return;
    marks->has_range[range] = true;
    marks->ranges[marks->range_count++] = range;
}

void ex_persist_mark_task(struct ex_job *job, uint32_t task) {
    if (is_kept(job))
        mark_range(&job->marks, task / EX_RANGE_TASKS);
}

static void unmark(struct ex_persist *persist, struct ex_job *job) {
    struct ex_marks *marks = &job->marks;

    if (marks->any)
        TAILQ_REMOVE(&persist->marked, job, marks.link);
    for (uint32_t i = 0; i < marks->range_count; i++)
        marks->has_range[marks->ranges[i]] = false;
    marks->range_count = 0;
    marks->any = false;
}

/* ---- jobs ---- */

void ex_persist_job(struct ex_job *job) {
    struct ex_persist *persist = &job->manager->persist;
    const struct ex_job_spec *spec = job->spec;

    if (!persist->store || !spec->source)
        return;
    job->number = persist->next_job++;
    persist->daemon_marked = true;
    add(persist, EX_WRITE_JOB,
        (int64_t[]){(int64_t)job->number, job->submitted_ms, spec->commands_optional},
        (struct fo_str[]){fo_str_of(job->id), fo_str_of(job->engine->name), fo_str_of(spec->source),
                          fo_str_of(spec->folder), fo_str_of(spec->path)});
    for (uint32_t i = 0; i < range_count_of(fo_graph_task_count(spec->graph)); i++)
        mark_range(&job->marks, i);
    ex_persist_mark(job);
}

void ex_persist_forget(struct ex_manager *manager, uint64_t number) {
    add(&manager->persist, EX_WRITE_JOB_GONE, (int64_t[]){(int64_t)number}, NULL);
    wake(&manager->persist);
}

void ex_persist_job_gone(struct ex_job *job) {
    struct ex_persist *persist = &job->manager->persist;

    if (!is_kept(job))
        return;
    unmark(persist, job);
    ex_persist_forget(job->manager, job->number);
}

static int append(void *ctx, const void *bytes, size_t size) {
    struct ex_buffer *buffer = ctx;

    ex_buffer_append(buffer, bytes, size);
    return buffer->failure;
}

static void write_range(struct ex_persist *persist, const struct ex_job *job, uint32_t index) {
    struct ex_buffer *core = &persist->bytes[0];
    struct ex_buffer *facts = &persist->bytes[1];
    uint32_t task_count = fo_graph_task_count(job->spec->graph);
    struct fo_task_range range = {index * EX_RANGE_TASKS, EX_RANGE_TASKS};

    if (range.count > task_count - range.first)
        range.count = task_count - range.first;
    ex_buffer_reset(core);
    ex_buffer_reset(facts);
    if (fo_job_save_tasks(job->core, range, append, core) < 0)
        die_without_memory();
    ex_task_facts_pack(facts, job, range);
    if (facts->failure != 0)
        die_without_memory();
    add(persist, EX_WRITE_TASKS, (int64_t[]){(int64_t)job->number, index},
        (struct fo_str[]){ex_buffer_str(core), ex_buffer_str(facts)});
}

static void write_state(struct ex_persist *persist, const struct ex_job *job) {
    const struct ex_job_tally *tally = &job->tally;
    struct ex_buffer *head = &persist->bytes[0];
    struct ex_buffer *tail = &persist->bytes[1];

    ex_buffer_reset(head);
    ex_buffer_reset(tail);
    if (fo_job_save_head(job->core, append, head) < 0 ||
        fo_job_save_tail(job->core, append, tail) < 0)
        die_without_memory();
    add(persist, EX_WRITE_JOB_STATE,
        (int64_t[]){(int64_t)job->number, job->ended_ms, (int64_t)tally->accepted,
                    (int64_t)tally->counted, (int64_t)tally->recoveries,
                    (int64_t)tally->exhausted[0], (int64_t)tally->exhausted[1],
                    (int64_t)tally->exhausted[2], tally->start_ms},
        (struct fo_str[]){ex_buffer_str(head), ex_buffer_str(tail),
                          ex_buffer_str(&job->engine_state)});
}

static void write_marked(struct ex_persist *persist) {
    while (!TAILQ_EMPTY(&persist->marked)) {
        struct ex_job *job = TAILQ_FIRST(&persist->marked);
        write_state(persist, job);
        for (uint32_t i = 0; i < job->marks.range_count; i++)
            write_range(persist, job, job->marks.ranges[i]);
        unmark(persist, job);
    }
}

/* ---- failures ---- */

void ex_persist_failure(struct ex_job *job, const struct ex_failure *failure) {
    struct ex_persist *persist = &job->manager->persist;
    struct ex_row row;

    if (!persist->store)
        return;
    ex_buffer_reset(&persist->record);
    ex_failure_encode(job, failure, &persist->record);
    ex_failure_to_row(failure, job->number, ex_buffer_str(&persist->record), &persist->bytes[0],
                      &persist->bytes[1], &row);
    if (persist->record.failure != 0 || persist->bytes[0].failure != 0 ||
        persist->bytes[1].failure != 0)
        die_without_memory();
    add(persist, EX_WRITE_FAILURE, row.ints, row.texts);
    persist->daemon_marked = true;
}

static struct fo_str pack_labels(struct ex_persist *persist, const struct fo_label *labels,
                                 uint32_t count) {
    struct ex_buffer *bytes = &persist->bytes[2];

    ex_buffer_reset(bytes);
    ex_labels_pack(bytes, labels, count);
    if (bytes->failure != 0)
        die_without_memory();
    return ex_buffer_str(bytes);
}

void ex_persist_labelled(struct ex_job *job, const struct ex_failure *failure) {
    struct ex_persist *persist = &job->manager->persist;

    if (!persist->store)
        return;
    struct fo_str labels = pack_labels(persist, failure->labels.items, failure->labels.count);
    add(persist, EX_WRITE_LABELLED, (int64_t[]){(int64_t)failure->id}, &labels);
}

/* The exported keys with the failure's values; those that it has none for are left out. */
static void count_labels(void *ctx, const struct fo_str *values) {
    struct ex_job *job = ctx;
    struct ex_persist *persist = &job->manager->persist;
    const struct ex_manager *manager = job->manager;
    struct fo_label labels[EX_BANK_LABELS_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < manager->label_key_count && count < EX_BANK_LABELS_MAX; i++) {
        if (values[i].len > 0)
            labels[count++] = (struct fo_label){manager->label_keys[i], values[i]};
    }
    struct fo_str packed = pack_labels(persist, labels, count);
    add(persist, EX_WRITE_LABEL_COUNT, (int64_t[]){(int64_t)job->number, 1, ex_clock_ms()},
        &packed);
}

static void count_class(struct ex_persist *persist, const struct ex_failure *failure) {
    add(persist, EX_WRITE_CLASS_COUNT, (int64_t[]){1},
        (struct fo_str[]){ex_failure_label(failure, "type"),
                          ex_failure_label(failure, "category")});
}

void ex_persist_orphan(struct ex_manager *manager, const struct ex_failure *failure) {
    struct ex_persist *persist = &manager->persist;
    struct fo_str labels = pack_labels(persist, failure->verdict.items, failure->verdict.count);

    add(persist, EX_WRITE_LABELLED, (int64_t[]){(int64_t)failure->id}, &labels);
    count_class(persist, failure);
    wake(persist);
}

void ex_persist_counted(struct ex_job *job, const struct ex_failure *failure) {
    struct ex_persist *persist = &job->manager->persist;

    job->tally.counted++;
    if (!persist->store)
        return;
    count_class(persist, failure);
    if (job->gone || job->number == 0)
        return; /* its own counters went with it, or are not kept */
    counting_on_labelled(job->manager->counting, failure->labels.items, failure->labels.count,
                         count_labels, job);
    ex_persist_mark(job);
}

void ex_persist_rejected(struct ex_manager *manager, enum ex_rejection reason, uint64_t count) {
    manager->persist.rejected[reason] += count;
    manager->persist.daemon_marked = manager->persist.store != NULL;
}

void ex_persist_mark_daemon(struct ex_manager *manager) {
    manager->persist.daemon_marked = manager->persist.store != NULL;
    wake(&manager->persist);
}

void ex_persist_event(struct ex_manager *manager, const struct fl_event *event) {
    struct ex_persist *persist = &manager->persist;

    if (!persist->store)
        return;
    ex_buffer_reset(&persist->record);
    ex_event_encode(&persist->record, event);
    if (persist->record.failure != 0)
        die_without_memory();
    struct fo_str record = ex_buffer_str(&persist->record);
    add(persist, EX_WRITE_EVENT, &event->time_ms, &record);
}

void ex_persist_delivery(struct ex_manager *manager, const struct fl_event *event, uint64_t number,
                         struct fo_str listener) {
    struct ex_persist *persist = &manager->persist;

    if (persist->store)
        add(persist, EX_WRITE_DELIVERY,
            (int64_t[]){(int64_t)number, event->kind, (int64_t)event->failure_id, event->time_ms},
            &listener);
}

void ex_persist_delivered(struct ex_manager *manager, uint64_t number) {
    struct ex_persist *persist = &manager->persist;

    if (persist->store)
        add(persist, EX_WRITE_DELIVERED, (int64_t[]){(int64_t)number}, NULL);
}

void ex_persist_flush(struct ex_manager *manager) {
    wake(&manager->persist);
}

/* ---- shipping ---- */

static void write_daemon(struct ex_persist *persist) {
    const struct ex_manager *manager = persist->manager;
    const uint64_t *rejected = persist->rejected;

    if (!persist->daemon_marked)
        return;
    persist->daemon_marked = false;
    _Static_assert(EX_REJECTIONS == 5, "one column each");
    add(persist, EX_WRITE_DAEMON,
        (int64_t[]){(int64_t)manager->next_failure_id, (int64_t)persist->next_job, persist->epoch,
                    (int64_t)rejected[0], (int64_t)rejected[1], (int64_t)rejected[2],
                    (int64_t)rejected[3], (int64_t)rejected[4]},
        NULL);
}

static bool has_something(const struct ex_persist *persist, const struct ex_ledger *ledger) {
    return !STAILQ_EMPTY(&ledger->waiting) || !TAILQ_EMPTY(&persist->marked) ||
           !ex_batch_is_empty(persist->open) || persist->daemon_marked;
}

/* Hands over what has collected. An entry that changes nothing has nothing to wait for. */
static void ship(struct ex_persist *persist) {
    struct ex_manager *manager = persist->manager;

    write_marked(persist);
    write_daemon(persist);
    manager->rejections = NULL; /* later ones are of the next batch */
    ex_ledger_ship(&manager->ledger);
    if (ex_batch_is_empty(persist->open)) {
        ex_ledger_land(&manager->ledger);
        return;
    }
    persist->shipped = true;
    uv_ref((uv_handle_t *)&persist->news); /* the loop goes on until it is durable */
    ex_store_submit(persist->store, persist->open);
    persist->open = persist->open == persist->batches ? persist->batches + 1 : persist->batches;
}

static void on_prepare(uv_prepare_t *prepare) {
    struct ex_persist *persist = &((struct ex_manager *)prepare->data)->persist;

    if (!persist->shipped && has_something(persist, &persist->manager->ledger))
        ship(persist);
    if (persist->shipped || !has_something(persist, &persist->manager->ledger))
        (void)uv_prepare_stop(prepare);
}

static void wake(struct ex_persist *persist) {
    if (persist->store && !persist->shipped)
        (void)uv_prepare_start(&persist->prepare, on_prepare);
}

void ex_manager_on_stored(void *ctx) {
    struct ex_manager *manager = ctx;

    (void)uv_async_send(&manager->persist.news);
}

static void on_news(uv_async_t *news) {
    struct ex_manager *manager = news->data;
    struct ex_persist *persist = &manager->persist;
    uint64_t commit_ns;

    if (!persist->store)
        return;
    bool landed = ex_store_finish(persist->store, &commit_ns);
    ex_store_metrics_show(&persist->metrics, persist->store, landed ? &commit_ns : NULL);
    if (!landed)
        return;
    persist->shipped = false;
    uv_unref((uv_handle_t *)news);
    ex_batch_reset(persist->open == persist->batches ? persist->batches + 1 : persist->batches);
    ex_ledger_land(&manager->ledger);
    wake(persist);
    ex_manager_on_settled(manager);
}

void ex_persist_write(struct ex_persist *persist, struct ex_ledger *ledger,
                      struct ex_entry *entry) {
    ex_ledger_write(ledger, entry);
    wake(persist);
}

bool ex_persist_is_up(const struct ex_manager *manager) {
    return !manager->persist.metrics.was_down;
}

bool ex_persist_is_idle(const struct ex_manager *manager) {
    return manager->ledger.count == 0 && !manager->persist.shipped &&
           !has_something(&manager->persist, &manager->ledger);
}

bool ex_persist_is_full(const struct ex_manager *manager) {
    return manager->persist.open->bytes.len > FULL_BYTES || manager->ledger.count > FULL_ENTRIES;
}

/* ---- life ---- */

int ex_persist_init(struct ex_persist *persist, struct ex_manager *manager,
                    struct ex_store *store) {
    int ret = uv_async_init(manager->loop, &persist->news, on_news);

    if (ret < 0)
        return ret;
    (void)uv_prepare_init(manager->loop, &persist->prepare); /* cannot fail */
    manager->handles += 2;
    persist->prepare.data = manager;
    persist->news.data = manager;
    uv_unref((uv_handle_t *)&persist->news);
    persist->manager = manager;
    persist->store = store;
    persist->open = persist->batches;
    persist->next_job = 1;
    TAILQ_INIT(&persist->marked);
    ex_batch_init(&persist->batches[0]);
    ex_batch_init(&persist->batches[1]);
    ex_buffer_init(&persist->record, RECORD_MAX_BYTES);
    for (size_t i = 0; i < sizeof persist->bytes / sizeof *persist->bytes; i++)
        ex_buffer_init(&persist->bytes[i], SAVED_MAX_BYTES);
    return 0;
}

void ex_persist_close(struct ex_persist *persist) {
    persist->store = NULL;
    ex_batch_done(&persist->batches[0]);
    ex_batch_done(&persist->batches[1]);
    ex_buffer_done(&persist->record);
    for (size_t i = 0; i < sizeof persist->bytes / sizeof *persist->bytes; i++)
        ex_buffer_done(&persist->bytes[i]);
    uv_close((uv_handle_t *)&persist->prepare, ex_manager_on_handle_closed);
    uv_close((uv_handle_t *)&persist->news, ex_manager_on_handle_closed);
}
