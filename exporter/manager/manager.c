/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/manager.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/random.h"
#include "exporter/manager/job.h"

enum { TICK_MS = 1000 };

/* ---- making and ending ---- */

/* The account's classes are those that verdicts of the catalogue can have. */
static int init_account(struct ex_manager *manager, struct ex_metrics *metrics,
                        struct fo_error *reterr) {
    size_t count = catalogue_class_count(manager->catalogue);
    struct ex_failure_class *classes = calloc(count + 1, sizeof *classes);

    if (!classes)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        catalogue_class_at(manager->catalogue, i, &classes[i].type, &classes[i].category);
    int ret = ex_failure_metrics_init(&manager->account, metrics, classes, count, reterr);
    free(classes);
    return ret;
}

static int copy_label_keys(struct ex_manager *manager, const struct ex_manager_config *config) {
    manager->label_keys = calloc((size_t)config->label_key_count + 1, sizeof *manager->label_keys);
    if (!manager->label_keys)
        return -ENOMEM;
    for (uint32_t i = 0; i < config->label_key_count; i++) {
        const struct fo_str *key = &config->label_keys[i];
        char *copy = strndup(key->ptr, key->len);
        if (!copy)
            return -ENOMEM;
        manager->label_keys[manager->label_key_count++] = (struct fo_str){copy, key->len};
    }
    return 0;
}

static void free_label_keys(struct ex_manager *manager) {
    for (uint32_t i = 0; i < manager->label_key_count; i++) {
        union {
            const char *owned;
            char *freed;
        } key = {manager->label_keys[i].ptr};
        free(key.freed);
    }
    free(manager->label_keys);
}

static int init(struct ex_manager *manager, const struct ex_manager_config *config,
                struct fo_error *reterr) {
    manager->random_state = ex_random_seed();
    manager->memo = ex_verdict_memo_new(ex_random_seed());
    int ret = copy_label_keys(manager, config);
    if (ret == 0)
        ret = counting_new(config->label_keys, config->label_key_count, &manager->counting);
    if (ret == 0)
        ret = catalogue_scratch_new(config->catalogue, &manager->scratch);
    if (ret == 0)
        ret = ex_job_families_init(&manager->families, config->metrics, config->label_keys,
                                   config->label_key_count, config->flink_names, reterr);
    if (ret == 0)
        ret = init_account(manager, config->metrics, reterr);
    if (ret == 0)
        ret = ex_store_metrics_init(&manager->persist.metrics, config->metrics, config->store,
                                    reterr);
    return ret;
}

/* An ended job changes no more. */
static void on_tick(uv_timer_t *timer) {
    const struct ex_manager *manager = timer->data;
    struct ex_job *job;

    TAILQ_FOREACH(job, &manager->jobs, link) {
        if (!job->closed)
            ex_job_metrics_tick(&job->metrics);
    }
}

static void start_tick(struct ex_manager *manager, bool needed) {
    (void)uv_timer_init(manager->loop, &manager->tick); /* cannot fail */
    manager->tick.data = manager;
    if (!needed)
        return;
    (void)uv_timer_start(&manager->tick, on_tick, TICK_MS, TICK_MS);
    uv_unref((uv_handle_t *)&manager->tick); /* it keeps no loop going */
}

int ex_manager_new(const struct ex_manager_config *config, struct ex_manager **ret_manager,
                   struct fo_error *reterr) {
    struct ex_manager *manager = calloc(1, sizeof *manager);

    if (!manager)
        return -ENOMEM;
    manager->loop = config->loop;
    int ret = ex_persist_init(&manager->persist, manager, config->store);
    if (ret < 0) {
        free(manager);
        return ret;
    }
    manager->catalogue = config->catalogue;
    manager->retention_ms = config->retention_ms;
    manager->observer = config->observer;
    manager->observer_ctx = config->observer_ctx;
    manager->tap = config->tap;
    manager->tap_ctx = config->tap_ctx;
    manager->next_failure_id = 1;
    TAILQ_INIT(&manager->jobs);
    ex_name_table_init(&manager->by_id, ex_random_seed());
    ex_name_table_init(&manager->by_name, ex_random_seed());
    STAILQ_INIT(&manager->messages);
    STAILQ_INIT(&manager->spare_messages);
    STAILQ_INIT(&manager->spare_steps);
    ex_ledger_init(&manager->ledger, config->store != NULL);
    (void)uv_idle_init(manager->loop, &manager->drainer); /* cannot fail */
    (void)uv_timer_init(manager->loop, &manager->settle);
    manager->drainer.data = manager;
    manager->settle.data = manager;
    start_tick(manager, config->flink_names);
    manager->handles += 3;
    manager->bank = config->bank;
    ex_deliveries_init(manager);
    ex_buffer_init(&manager->output, EX_FAILURE_OUTPUT_MAX_BYTES);
    ret = init(manager, config, reterr);
    if (ret < 0) {
        (void)ex_manager_free(manager);
        return ret;
    }
    *ret_manager = manager;
    return 0;
}

void ex_manager_on_handle_closed(uv_handle_t *handle) {
    struct ex_manager *manager = handle->data;

    if (--manager->handles == 0)
        free(manager);
}

struct ex_manager *ex_manager_free(struct ex_manager *manager) {
    if (!manager)
        return NULL;
    ex_manager_drop_messages(manager);
    ex_persist_close(&manager->persist); /* first: the jobs stay in the store */
    ex_ledger_close(&manager->ledger);
    while (!TAILQ_EMPTY(&manager->jobs))
        ex_job_remove(TAILQ_FIRST(&manager->jobs));
    ex_name_table_done(&manager->by_id);
    ex_name_table_done(&manager->by_name);
    ex_job_families_done(&manager->families);
    ex_manager_free_steps(manager);
    free(manager->attempts);
    free_label_keys(manager);
    (void)counting_free(manager->counting);
    (void)catalogue_scratch_free(manager->scratch);
    (void)ex_verdict_memo_free(manager->memo);
    ex_buffer_done(&manager->output);
    ex_deliveries_close(manager);
    uv_close((uv_handle_t *)&manager->drainer, ex_manager_on_handle_closed);
    uv_close((uv_handle_t *)&manager->settle, ex_manager_on_handle_closed);
    uv_close((uv_handle_t *)&manager->tick, ex_manager_on_handle_closed);
    return NULL;
}

struct ex_job *ex_manager_first_job(const struct ex_manager *manager) {
    return TAILQ_FIRST(&manager->jobs);
}

static struct ex_job *named(struct ex_name_node *node) {
    return (struct ex_job *)(void *)((char *)node - offsetof(struct ex_job, name_node));
}

/* A name may stand for a job on each engine: a live one is meant rather than an ended one. */
struct ex_job *ex_manager_find_job(const struct ex_manager *manager, struct fo_str id_or_name) {
    struct ex_name_node *node = ex_name_table_find(&manager->by_id, id_or_name);

    if (node)
        return (struct ex_job *)(void *)((char *)node - offsetof(struct ex_job, id_node));
    struct ex_name_node *newest = ex_name_table_find(&manager->by_name, id_or_name);
    for (node = newest; node; node = ex_name_table_next(node)) {
        if (!named(node)->closed)
            return named(node);
    }
    return newest ? named(newest) : NULL;
}

struct ex_job *ex_manager_find_name(struct ex_manager *manager, const struct ex_engine *engine,
                                    const char *name) {
    struct ex_name_node *node = ex_name_table_find(&manager->by_name, fo_str_of(name));

    while (node && named(node)->engine != engine)
        node = ex_name_table_next(node);
    return node ? named(node) : NULL;
}

struct ex_job *ex_job_next(const struct ex_job *job) {
    return TAILQ_NEXT(job, link);
}

/* ---- what is refused ---- */

static void on_rejected(struct ex_entry *entry, bool durable) {
    struct ex_rejections *rejections = (struct ex_rejections *)entry; /* its first member */
    struct ex_manager *manager = rejections->manager;

    if (manager->rejections == rejections)
        manager->rejections = NULL;
    for (int i = 0; i < EX_REJECTIONS && durable; i++) {
        if (rejections->counts[i] > 0)
            ex_failure_metrics_reject(&manager->account, (enum ex_rejection)i,
                                      rejections->counts[i]);
    }
    free(rejections);
}

void ex_manager_reject(struct ex_manager *manager, enum ex_rejection reason, uint64_t count) {
    struct ex_rejections *rejections = manager->rejections;

    if (count == 0)
        return;
    ex_persist_rejected(manager, reason, count);
    if (rejections) {
        rejections->counts[reason] += count;
        return;
    }
    rejections = calloc(1, sizeof *rejections);
    if (!rejections) {
        ex_log_plain(EX_LOG_WARN, "No memory to show rejected failures.");
        return;
    }
    rejections->manager = manager;
    rejections->counts[reason] = count;
    rejections->entry.release = on_rejected;
    manager->rejections = rejections;
    ex_persist_write(&manager->persist, &manager->ledger, &rejections->entry);
}

void ex_manager_when_durable(struct ex_manager *manager, struct ex_entry *entry) {
    ex_persist_write(&manager->persist, &manager->ledger, entry);
}
