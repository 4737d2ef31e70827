/* SPDX-License-Identifier: Apache-2.0 */
/* What an earlier daemon has left in the store, taken back: counters, jobs, failures. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/config/job_file.h"
#include "exporter/manager/job.h"
#include "exporter/manager/record.h"

enum { SAVED_MAX_BYTES = 256 * 1024 * 1024 };

struct recovering {
    struct ex_manager *manager;
    const struct ex_recovery *recovery;
    uint64_t jobs;
    uint64_t pending;
};

/* A job being made again. */
struct reviving {
    struct recovering *all;
    uint64_t number;
    struct ex_row state;
    bool has_state;
    struct ex_buffer saved; /* the core's head, tasks and tail, one after the other */
    struct ex_buffer tail;
    struct ex_buffer engine_state;
    struct ex_job *job; /* once made */
};

/* ---- counters ---- */

static int take_daemon(void *ctx, const struct ex_row *row) {
    struct ex_manager *manager = ctx;

    manager->next_failure_id = (uint64_t)row->ints[0];
    manager->persist.next_job = (uint64_t)row->ints[1];
    manager->persist.epoch = row->ints[2];
    for (int i = 0; i < EX_REJECTIONS; i++)
        manager->persist.rejected[i] = (uint64_t)row->ints[3 + i];
    manager->counting_since_ms = row->ints[8];
    ex_failure_metrics_restore_rejected(&manager->account, manager->persist.rejected,
                                        manager->counting_since_ms);
    return 0;
}

static int take_class(void *ctx, const struct ex_row *row) {
    struct ex_manager *manager = ctx;
    const struct ex_failure_class class = {.type = row->texts[0], .category = row->texts[1]};

    ex_failure_metrics_restore_class(&manager->account, &class, (uint64_t)row->ints[0],
                                     manager->counting_since_ms);
    return 0;
}

struct restoring_labels {
    struct ex_job *job;
    const struct ex_row *row;
};

static void restore_labels(void *ctx, const struct fo_str *values) {
    const struct restoring_labels *it = ctx;

    ex_job_metrics_restore_labels(&it->job->metrics, values, (uint64_t)it->row->ints[1],
                                  it->row->ints[2]);
}

static int take_label_count(void *ctx, const struct ex_row *row) {
    struct ex_job *job = ctx;
    struct restoring_labels it = {job, row};
    struct fo_label labels[EX_BANK_LABELS_MAX];
    uint32_t count = ex_labels_unpack(row->texts[0], labels);

    counting_on_labelled(job->manager->counting, labels, count, restore_labels, &it);
    return 0;
}

static int restore_counters(struct reviving *it) {
    struct ex_job *job = it->job;
    const int64_t *ints = it->state.ints;
    struct ex_store *store = job->manager->persist.store;

    job->tally = (struct ex_job_tally){
        .accepted = (uint64_t)ints[2],
        .counted = (uint64_t)ints[3],
        .recoveries = (uint64_t)ints[4],
        .exhausted = {(uint64_t)ints[5], (uint64_t)ints[6], (uint64_t)ints[7]},
        .start_ms = ints[8],
    };
    job->failure_count = job->tally.accepted;
    const struct ex_job_view view = ex_job_view_of(job->core, ex_clock_ms());

    ex_job_metrics_begin(&job->metrics);
    ex_job_metrics_restore(&job->metrics, &job->tally, &view);
    int ret =
        ex_store_read(store, EX_READ_LABEL_COUNTS, (int64_t)job->number, take_label_count, job);
    ex_job_metrics_show(&job->metrics, &view);
    ex_job_metrics_end(&job->metrics);
    return ret;
}

/* ---- failures ---- */

static int take_failure(void *ctx, const struct ex_row *row) {
    struct ex_job *job = ctx;
    struct ex_failure *failure;
    int ret = ex_failure_from_row(row, &failure);

    if (ret == -ENOMEM)
        return ret;
    if (ret == 0)
        ex_job_keep_failure(job, failure);
    return 0; /* one that cannot be read is shown as one whose record is gone */
}

static int by_id(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static size_t count_history(const struct fo_job *core) {
    size_t count = 0;

    for (uint32_t i = 0; i < fo_job_history_count(core); i++)
        count += 1 + fo_job_history(core, i).concurrent_count;
    return count;
}

/* The ids of all failures that the history speaks of, ascending, each once. */
static size_t list_history(const struct fo_job *core, uint64_t *ids) {
    size_t count = 0;
    size_t kept = 0;

    for (uint32_t i = 0; i < fo_job_history_count(core); i++) {
        struct fo_history_entry root = fo_job_history(core, i);
        ids[count++] = root.failure_id;
        for (uint32_t j = 0; j < root.concurrent_count; j++)
            ids[count++] = fo_job_history_concurrent(core, i, j).failure_id;
    }
    qsort(ids, count, sizeof *ids, by_id);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || ids[kept - 1] != ids[i])
            ids[kept++] = ids[i];
    }
    return kept;
}

static int restore_failures(struct ex_job *job) {
    uint64_t *ids = calloc(count_history(job->core) + 1, sizeof *ids);
    int ret = ids ? 0 : -ENOMEM;
    size_t count = ids ? list_history(job->core, ids) : 0;

    for (size_t i = count > EX_JOB_FAILURES_KEPT_MAX ? count - EX_JOB_FAILURES_KEPT_MAX : 0;
         i < count && ret == 0; i++)
        ret = ex_store_read(job->manager->persist.store, EX_READ_FAILURE, (int64_t)ids[i],
                            take_failure, job);
    free(ids);
    return ret;
}

static struct ex_job *find_number(const struct ex_manager *manager, uint64_t number) {
    struct ex_job *job;

    TAILQ_FOREACH(job, &manager->jobs, link) {
        if (job->number == number)
            return job;
    }
    return NULL;
}

/* Puts a failure where its id belongs; false: it is there already. */
static bool insert_failure(struct ex_job *job, struct ex_failure *failure) {
    struct ex_failure **place = &job->failures;

    while (*place && (*place)->id < failure->id)
        place = &(*place)->next;
    if (*place && (*place)->id == failure->id)
        return false;
    failure->next = *place;
    failure->job = job;
    *place = failure;
    if (!failure->next)
        job->newest_failure = failure;
    job->failures_kept++;
    return true;
}

/* Nobody is left whose listeners could be asked for it. */
static void count_orphan(struct ex_manager *manager, struct ex_failure *failure) {
    const struct ex_failure_class class = {
        .type = ex_failure_label(failure, "type"),
        .category = ex_failure_label(failure, "category"),
    };

    ex_persist_orphan(manager, failure);
    ex_failure_metrics_restore_class(&manager->account, &class, 1, manager->counting_since_ms);
    (void)ex_failure_free(failure);
}

static int take_pending(void *ctx, const struct ex_row *row) {
    struct recovering *it = ctx;
    struct ex_job *job = find_number(it->manager, (uint64_t)row->ints[1]);
    struct ex_failure *failure;

    it->pending++;
    int ret = ex_failure_from_row(row, &failure);
    if (ret < 0)
        return ret;
    if (!job) {
        count_orphan(it->manager, failure);
        return 0;
    }
    ex_failure_metrics_restore_pending(&it->manager->account);
    if (!insert_failure(job, failure))
        (void)ex_failure_free(failure); /* it was read with the history */
    return 0;
}

/* ---- jobs ---- */

static int take_state(void *ctx, const struct ex_row *row) {
    struct reviving *it = ctx;

    it->state = *row;
    it->has_state = true;
    ex_buffer_append_str(&it->saved, row->texts[0]);
    ex_buffer_append_str(&it->tail, row->texts[1]);
    ex_buffer_append_str(&it->engine_state, row->texts[2]);
    return 0;
}

static int take_tasks(void *ctx, const struct ex_row *row) {
    struct reviving *it = ctx;

    ex_buffer_append_str(&it->saved, row->texts[0]);
    return 0;
}

static int take_facts(void *ctx, const struct ex_row *row) {
    struct ex_job *job = ctx;
    uint32_t task_count = fo_graph_task_count(job->spec->graph);
    uint64_t first = (uint64_t)row->ints[1] * EX_RANGE_TASKS;

    if (row->ints[1] < 0 || first >= task_count)
        return -EINVAL;
    struct fo_task_range range = {(uint32_t)first, EX_RANGE_TASKS};
    if (range.count > task_count - range.first)
        range.count = task_count - range.first;
    return ex_task_facts_unpack(job, range, row->texts[1]);
}

static int read_saved(struct reviving *it) {
    struct ex_store *store = it->all->manager->persist.store;
    int ret = ex_store_read(store, EX_READ_JOB_STATE, (int64_t)it->number, take_state, it);

    if (ret == 0)
        ret = ex_store_read(store, EX_READ_TASKS, (int64_t)it->number, take_tasks, it);
    ex_buffer_append_str(&it->saved, ex_buffer_str(&it->tail));
    if (ret == 0 && (it->saved.failure | it->tail.failure | it->engine_state.failure) != 0)
        ret = -ENOMEM;
    return ret == 0 && !it->has_state ? -EINVAL : ret;
}

/* An ended job is shown for what is left of its time. */
static void retain(struct ex_job *job) {
    int64_t left_ms = job->manager->retention_ms - (ex_clock_wall_ms() - job->ended_ms);

    if (left_ms > job->manager->retention_ms)
        left_ms = job->manager->retention_ms; /* the clock was set back */
    ex_job_retain(job, left_ms > 0 ? left_ms : 0);
}

static int resume(struct ex_job *job, bool same_boot) {
    uint32_t count = fo_graph_task_count(job->spec->graph);
    struct ex_resumed_task *tasks = calloc(count, sizeof *tasks);

    if (!tasks)
        return -ENOMEM;
    for (uint32_t task = 0; task < count; task++)
        tasks[task] = (struct ex_resumed_task){
            .attempt = fo_job_task_attempt(job->core, task),
            .state = fo_job_task_state(job->core, task),
            .sequence = job->sequences ? job->sequences[task].current : 0,
            .former_sequence = job->sequences ? job->sequences[task].former : 0,
        };
    for (const struct ex_failure *failure = job->failures; failure; failure = failure->next) {
        if (!failure->decided || failure->task >= count)
            continue;
        struct ex_resumed_task *task = &tasks[failure->task];
        task->decision = &failure->decision;
        task->decision_attempt = failure->attempt;
        task->restarted = failure->restarted.items;
        task->restarted_count = failure->restarted.count;
    }
    job->engine->ops->resume(job->engine_job, tasks, same_boot);
    free(tasks);
    return 0;
}

static int open_in_engine(struct ex_job *job, const struct ex_recovery *recovery,
                          struct fo_error *reterr) {
    int ret = job->engine->ops->open_job(job->engine->self, job->id, job->spec, job,
                                         &job->engine_job, reterr);

    if (ret == 0 && job->engine->ops->resume)
        ret = resume(job, recovery->same_boot);
    return ret;
}

static int revive(struct reviving *it, const struct ex_row *row, const struct ex_engine *engine,
                  struct ex_job_spec *spec, struct fo_error *reterr) {
    struct ex_manager *manager = it->all->manager;
    char id[EX_JOB_ID_LEN + 1] = "";

    if (row->texts[0].len != EX_JOB_ID_LEN)
        return -EINVAL;
    memcpy(id, row->texts[0].ptr, EX_JOB_ID_LEN);
    const struct ex_job_birth birth = {
        .engine = engine,
        .spec = spec,
        .id = id,
        .submitted_ms = row->ints[1],
        .saved = ex_buffer_str(&it->saved),
    };
    int ret = ex_job_new(manager, &birth, &it->job, reterr);
    if (ret < 0)
        return ret;
    it->job->number = it->number;
    it->job->ended_ms = it->state.ints[1];
    ex_buffer_append_str(&it->job->engine_state, ex_buffer_str(&it->engine_state));
    ret = ex_store_read(manager->persist.store, EX_READ_TASKS, (int64_t)it->number, take_facts,
                        it->job);
    if (ret == 0)
        ret = restore_counters(it);
    return ret == 0 ? restore_failures(it->job) : ret;
}

/* An ended job needs no engine any more; a mirrored one is taken up by its engine when that finds
 * it again. */
static int take_up(struct reviving *it, struct fo_error *reterr) {
    struct ex_job *job = it->job;

    if (job->engine->ops->mirrors) {
        job->closing = job->closed = true;
        if (job->ended_ms == 0)
            ex_job_retain(job, job->manager->retention_ms);
        else
            retain(job);
        return 0;
    }
    if (!fo_job_state_is_terminal(fo_job_state(job->core)))
        return open_in_engine(job, it->all->recovery, reterr);
    job->closing = job->closed = true;
    if (job->ended_ms == 0)
        job->ended_ms = ex_clock_wall_ms();
    retain(job);
    return 0;
}

static int read_job_file(const struct recovering *all, const struct ex_row *row,
                         struct ex_job_spec **ret_spec, struct fo_error *reterr) {
    char *folder = row->texts[3].len > 0 ? strndup(row->texts[3].ptr, row->texts[3].len) : NULL;
    char *path = row->texts[4].len > 0 ? strndup(row->texts[4].ptr, row->texts[4].len) : NULL;
    const struct ex_job_origin origin = {
        .path = path, .working_directory = folder, .commands_optional = row->ints[2] != 0};
    int ret = ex_job_parse(row->texts[2], &origin, all->recovery->config, ret_spec, reterr);

    free(folder);
    free(path);
    return ret;
}

static int read_spec(const struct recovering *all, const struct ex_row *row,
                     const struct ex_engine *engine, struct ex_job_spec **ret_spec,
                     struct fo_error *reterr) {
    if (engine->ops->read_spec)
        return engine->ops->read_spec(engine->self, row->texts[2], ret_spec, reterr);
    return read_job_file(all, row, ret_spec, reterr);
}

/* It stays in the store as it is: with another configuration it may go on. */
static void leave(const struct ex_row *row, const struct fo_error *error) {
    ex_log(EX_LOG_ERROR, "A job of the store cannot be taken up; it stays there.",
           EX_STR("job_id", row->texts[0]), EX_STR("engine", row->texts[1]),
           EX_TEXT("error", error->text));
}

static int revive_with_spec(struct recovering *all, const struct ex_row *row,
                            const struct ex_engine *engine, struct ex_job_spec *spec,
                            struct fo_error *reterr) {
    struct reviving it = {.all = all, .number = (uint64_t)row->ints[0]};

    ex_buffer_init(&it.saved, SAVED_MAX_BYTES);
    ex_buffer_init(&it.tail, SAVED_MAX_BYTES);
    ex_buffer_init(&it.engine_state, EX_MIRROR_STATE_MAX_BYTES);
    int ret = read_saved(&it);
    if (ret == 0)
        ret = revive(&it, row, engine, spec, reterr);
    if (ret == 0)
        ret = take_up(&it, reterr);
    if (ret < 0 && it.job)
        ex_job_forget(it.job);
    ex_buffer_done(&it.saved);
    ex_buffer_done(&it.tail);
    ex_buffer_done(&it.engine_state);
    return ret;
}

static const struct ex_engine *find_engine(const struct ex_engines *engines, struct fo_str name) {
    for (size_t i = 0; i < engines->count; i++) {
        if (fo_str_equal(fo_str_of(engines->items[i].name), name))
            return &engines->items[i];
    }
    return NULL;
}

static bool goes_on(const struct recovering *all, const struct ex_job_spec *spec) {
    const struct ex_recovery *recovery = all->recovery;

    return !recovery->goes_on || recovery->goes_on(recovery->ctx, spec);
}

static int take_job(void *ctx, const struct ex_row *row) {
    struct recovering *all = ctx;
    const struct ex_engine *engine = find_engine(all->recovery->engines, row->texts[1]);
    struct fo_error error = {.text = "its engine is not configured"};
    struct ex_job_spec *spec = NULL;
    int ret = engine ? read_spec(all, row, engine, &spec, &error) : -ENOENT;

    if (ret == 0 && !goes_on(all, spec)) {
        ex_persist_forget(all->manager, (uint64_t)row->ints[0]);
    } else if (ret == 0) {
        error = (struct fo_error){.text = "what is stored of it is damaged"};
        ret = revive_with_spec(all, row, engine, spec, &error);
        all->jobs += ret == 0;
    }
    (void)ex_job_spec_unref(spec);
    if (ret < 0 && ret != -ENOMEM)
        leave(row, &error);
    return ret == -ENOMEM ? ret : 0;
}

/* ---- all of it ---- */

int ex_manager_recover(struct ex_manager *manager, const struct ex_recovery *recovery,
                       struct fo_error *reterr) {
    struct recovering it = {.manager = manager, .recovery = recovery};
    struct ex_store *store = manager->persist.store;
    int ret = ex_store_read(store, EX_READ_DAEMON, 0, take_daemon, manager);

    if (ret == 0)
        ret = ex_store_read(store, EX_READ_CLASS_COUNTS, 0, take_class, manager);
    if (ret == 0)
        ret = ex_store_read(store, EX_READ_JOBS, 0, take_job, &it);
    if (ret == 0)
        ret = ex_store_read(store, EX_READ_PENDING, 0, take_pending, &it);
    if (ret == 0)
        ret = ex_deliveries_recover(manager);
    if (ret < 0) {
        *reterr = (struct fo_error){.code = ret};
        (void)snprintf(reterr->text, sizeof reterr->text, "the state in --storage.path: %s",
                       ret == -EINVAL ? "is damaged; put a backup in its place" : uv_strerror(ret));
        return ret;
    }
    if (it.jobs > 0 || it.pending > 0)
        ex_log(EX_LOG_INFO, "State was recovered.", EX_INT("jobs", (int64_t)it.jobs),
               EX_INT("pending_failures", (int64_t)it.pending));
    return 0;
}

/* Those whose labels were not final go on their round again, with the same ids. */
static void offer_again(struct ex_job *job) {
    ex_job_metrics_begin(&job->metrics);
    for (struct ex_failure *failure = job->failures; failure; failure = failure->next) {
        if (!failure->is_final)
            ex_failure_offer(job, failure);
    }
    ex_job_metrics_end(&job->metrics);
}

static void go_on(struct ex_job *job) {
    struct fo_event event = {.kind = fo_job_state(job->core) == FO_JOB_CREATED ? FO_EVENT_START
                                                                               : FO_EVENT_TIME};

    ex_job_tell(job, EX_CHANGE_SUBMITTED, NULL, NULL);
    int ret = ex_job_feed(job, &(struct ex_input){.event = &event}, NULL, NULL);
    if (ret < 0)
        ex_log(EX_LOG_ERROR, "A recovered job cannot go on.", EX_TEXT("job_name", job->spec->name),
               EX_TEXT("error", uv_strerror(ret)));
}

void ex_manager_go_on(struct ex_manager *manager) {
    struct ex_job *job;

    TAILQ_FOREACH(job, &manager->jobs, link) {
        offer_again(job);
        if (!job->closed)
            go_on(job);
    }
}

int64_t ex_manager_epoch(const struct ex_manager *manager) {
    return manager->persist.epoch;
}

void ex_manager_set_epoch(struct ex_manager *manager, int64_t epoch) {
    manager->persist.epoch = epoch;
    ex_persist_mark_daemon(manager);
}
