/* SPDX-License-Identifier: Apache-2.0 */
/* A job as bytes. restore.c reads them in the same order; a change of either is a new version. The
 * parts that may be written by themselves are the bytes of the whole, cut.
 * Tasks are written as runs of equal ones, so that a large job at rest is a few bytes. Of restarts
 * that wait only number and time are written: their tasks are those that carry the number. */
#include "failover/codec.h"
#include "failover/job.h"

static void write_frame(struct fo_writer *writer, const struct fo_graph *graph) {
    fo_write_u32(writer, FO_SAVE_MAGIC);
    fo_write_u32(writer, FO_SAVE_VERSION);
    fo_write_u32(writer, graph->vertex_count);
    fo_write_u32(writer, graph->edge_count);
    fo_write_u32(writer, graph->task_count);
    fo_write_u32(writer, graph->region_count);
}

static void write_job(struct fo_writer *writer, const struct fo_job *job) {
    fo_write_i64(writer, job->now_ms);
    fo_write_u8(writer, (uint8_t)job->state);
    fo_write_u8(writer, (uint8_t)job->state_before_suspend);
    fo_write_u8(writer, job->is_paused);
    for (unsigned state = 0; state < FO_JOB_STATE_COUNT; state++)
        fo_write_i64(writer, job->since_ms[state]);
    fo_write_u64(writer, job->last_serial);
    fo_write_u64(writer, job->decisions);
    fo_write_u64(writer, job->restarts_made);
    fo_write_u64(writer, job->restarted_tasks);
    fo_write_u64(writer, job->end_failure_id);
    fo_write_u8(writer, job->incident.is_open);
    fo_write_u64(writer, job->incident.id);
    fo_write_i64(writer, job->incident.began_ms);
    fo_write_u64(writer, job->incident.first_serial);
    fo_write_u8(writer, job->is_mirror);
    fo_write_i64(writer, job->mirror_failed_ms);
}

static bool are_equal(const struct fo_job *job, uint32_t a, uint32_t b) {
    return job->states[a] == job->states[b] && job->attempts[a] == job->attempts[b] &&
           job->versions[a] == job->versions[b];
}

static void write_tasks(struct fo_writer *writer, const struct fo_job *job,
                        struct fo_task_range range) {
    uint32_t end = range.first + range.count;

    for (uint32_t task = range.first, count = 0; task < end; task += count) {
        count = 1;
        while (task + count < end && are_equal(job, task, task + count))
            count++;
        fo_write_u32(writer, count);
        fo_write_u8(writer, job->states[task]);
        fo_write_u32(writer, job->attempts[task]);
        fo_write_u64(writer, job->versions[task]);
    }
}

static void write_failures(struct fo_writer *writer, const struct fo_job *job) {
    fo_write_u32(writer, job->failure_count);
    for (uint32_t i = 0; i < job->failure_count; i++) {
        fo_write_u32(writer, job->failures[i].task);
        fo_write_u64(writer, job->failures[i].failure_id);
        fo_write_i64(writer, job->failures[i].at_ms);
    }
}

static void write_lost(struct fo_writer *writer, const struct fo_job *job) {
    fo_write_u64(writer, job->lost.count);
    for (uint32_t edge = 0; job->lost.count > 0 && edge < job->graph->edge_count; edge++) {
        struct fo_task_range producers =
            fo_vertex_tasks(&job->graph->vertices[job->graph->edges[edge].from]);
        if (job->lost.results[edge].count == 0)
            continue;
        for (uint32_t i = 0; i < producers.count; i++) {
            struct fo_partition partition = {producers.first + i, edge};
            if (!fo_lost_has(&job->lost, partition))
                continue;
            fo_write_u32(writer, partition.producer);
            fo_write_u32(writer, partition.edge);
        }
    }
}

static void write_restarts(struct fo_writer *writer, const struct fo_restarts *restarts) {
    fo_write_u32(writer, restarts->count - restarts->forgotten);
    for (uint32_t i = 0; i < restarts->count; i++) {
        if (restarts->items[i].owned == 0)
            continue;
        fo_write_u64(writer, restarts->items[i].serial);
        fo_write_i64(writer, restarts->items[i].due_ms);
    }
}

static void write_strategy(struct fo_writer *writer, const struct fo_strategy *strategy) {
    fo_write_u8(writer, (uint8_t)strategy->config.kind);
    switch (strategy->config.kind) {
    case FO_STRATEGY_NONE:
        break;
    case FO_STRATEGY_FIXED_DELAY:
        fo_write_u32(writer, (uint32_t)strategy->fixed_delay.failures);
        break;
    case FO_STRATEGY_FAILURE_RATE:
        fo_write_u32(writer, (uint32_t)strategy->failure_rate.count);
        for (size_t i = 0; i < strategy->failure_rate.count; i++)
            fo_write_i64(writer, strategy->failure_rate.times[strategy->failure_rate.first + i]);
        break;
    case FO_STRATEGY_EXPONENTIAL_DELAY:
        fo_write_u32(writer, (uint32_t)strategy->exponential_delay.attempt);
        fo_write_u8(writer, strategy->exponential_delay.notified);
        fo_write_i64(writer, strategy->exponential_delay.next_restart_ms);
        break;
    }
}

static void write_strategies(struct fo_writer *writer, const struct fo_job *job) {
    fo_write_u32(writer, 1 + job->policies.count);
    write_strategy(writer, &job->strategy);
    for (uint32_t i = 0; i < job->policies.count; i++)
        write_strategy(writer, &job->policies.strategies[i]);
}

static void write_entry(struct fo_writer *writer, const struct fo_history_entry *entry) {
    fo_write_u64(writer, entry->failure_id);
    fo_write_i64(writer, entry->at_ms);
    fo_write_u32(writer, entry->task);
    fo_write_u32(writer, entry->attempt);
}

static void write_history(struct fo_writer *writer, const struct fo_history *history) {
    fo_write_u32(writer, history->count);
    for (uint32_t i = 0; i < history->count; i++) {
        const struct fo_history_root *root = fo_history_root_at(history, i);
        write_entry(writer, &root->entry);
        fo_write_u32(writer, root->entry.concurrent_count);
        for (uint32_t j = 0; j < root->entry.concurrent_count; j++)
            write_entry(writer, &root->concurrent[j]);
    }
}

static void write_head(struct fo_writer *writer, const struct fo_job *job) {
    write_frame(writer, job->graph);
    write_job(writer, job);
}

static void write_tail(struct fo_writer *writer, const struct fo_job *job) {
    write_failures(writer, job);
    write_lost(writer, job);
    write_restarts(writer, &job->restarts);
    write_strategies(writer, job);
    write_history(writer, &job->history);
}

int fo_job_save(const struct fo_job *job, fo_write write, void *ctx) {
    struct fo_writer writer = {.write = write, .ctx = ctx};

    write_head(&writer, job);
    write_tasks(&writer, job, (struct fo_task_range){0, job->graph->task_count});
    write_tail(&writer, job);
    return fo_writer_flush(&writer);
}

int fo_job_save_head(const struct fo_job *job, fo_write write, void *ctx) {
    struct fo_writer writer = {.write = write, .ctx = ctx};

    write_head(&writer, job);
    return fo_writer_flush(&writer);
}

int fo_job_save_tasks(const struct fo_job *job, struct fo_task_range tasks, fo_write write,
                      void *ctx) {
    struct fo_writer writer = {.write = write, .ctx = ctx};

    write_tasks(&writer, job, tasks);
    return fo_writer_flush(&writer);
}

int fo_job_save_tail(const struct fo_job *job, fo_write write, void *ctx) {
    struct fo_writer writer = {.write = write, .ctx = ctx};

    write_tail(&writer, job);
    return fo_writer_flush(&writer);
}
