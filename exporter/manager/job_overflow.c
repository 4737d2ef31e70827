/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/job_overflow.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"

enum { WARN_EVERY_MS = 60 * 1000 };

static const char row_name[] = "__overflow__";
static const char *const state_label[] = {"state"};

/* The row of one engine. */
struct ex_overflow_row {
    SLIST_ENTRY(ex_overflow_row) link;
    struct ex_job_metrics metrics; /* its counters; gauges are NULL */
    char engine[];
};

bool ex_job_overflow_is_name(const char *job_name) {
    return strcmp(job_name, row_name) == 0;
}

int ex_job_overflow_init(struct ex_job_families *families, struct fo_error *reterr) {
    static const struct ex_family_spec spec = {
        .name = "failover_overflow_jobs",
        .help = "Jobs without series of their own, because of a limit, by state.",
        .type = EX_GAUGE,
        .stability = EX_STABLE,
        .labels = state_label,
        .label_count = 1,
        .closed_labels = 1,
        .cardinality = "11",
    };
    struct ex_family *family;
    struct ex_group *group;

    TAILQ_INIT(&families->overflowing);
    SLIST_INIT(&families->rows);
    int ret = ex_metrics_family(families->metrics, &spec, &family, reterr);
    if (ret == 0)
        ret = ex_group_new_live(families->metrics, &group);
    for (int i = 0; i < FO_JOB_STATE_COUNT && ret == 0; i++) {
        struct fo_str value = fo_str_of(fo_job_state_name((enum fo_job_state)i));
        ret = ex_group_series(group, family, &value, &families->overflow_jobs[i]);
    }
    return ret;
}

/* Finds or makes the row. NULL: no memory. */
static struct ex_overflow_row *find_row(struct ex_job_families *families, const char *engine) {
    struct ex_overflow_row *row;

    SLIST_FOREACH(row, &families->rows, link) {
        if (strcmp(row->engine, engine) == 0)
            return row;
    }
    size_t size = strlen(engine) + 1;
    row = calloc(1, sizeof *row + size);
    if (!row)
        return NULL;
    memcpy(row->engine, engine, size);
    if (ex_job_metrics_open_row(&row->metrics, families, row->engine, row_name) < 0) {
        free(row);
        return NULL;
    }
    SLIST_INSERT_HEAD(&families->rows, row, link);
    return row;
}

static void warn(struct ex_job_families *families, const char *job_name) {
    int64_t now_ms = ex_clock_ms();

    if (families->warned_ms != 0 && now_ms - families->warned_ms < WARN_EVERY_MS)
        return;
    families->warned_ms = now_ms;
    ex_log(EX_LOG_WARN, "The metrics reached a limit: this job has no series of its own.",
           EX_TEXT("job_name", job_name), EX_TEXT("counted_as", row_name));
}

int ex_job_overflow_join(struct ex_job_metrics *metrics) {
    struct ex_job_families *families = metrics->families;
    const struct ex_overflow_row *row = find_row(families, metrics->identity.engine);

    if (!row)
        return -ENOMEM;
    warn(families, metrics->identity.job_name);
    metrics->overflows = true;
    ex_job_metrics_share(metrics, &row->metrics);
    metrics->shown_state = FO_JOB_STATE_COUNT;
    TAILQ_INSERT_TAIL(&families->overflowing, metrics, link);
    return 0;
}

void ex_job_overflow_show(struct ex_job_metrics *metrics, int state) {
    struct ex_series *const *jobs = metrics->families->overflow_jobs;

    if (metrics->shown_state == state)
        return;
    if (metrics->shown_state < FO_JOB_STATE_COUNT)
        ex_gauge_add(jobs[metrics->shown_state], -1);
    if (state < FO_JOB_STATE_COUNT)
        ex_gauge_add(jobs[state], 1);
    metrics->shown_state = state;
}

void ex_job_overflow_leave(struct ex_job_metrics *metrics) {
    ex_job_overflow_show(metrics, FO_JOB_STATE_COUNT);
    TAILQ_REMOVE(&metrics->families->overflowing, metrics, link);
    metrics->overflows = false;
    metrics->group = NULL;
}

void ex_job_overflow_done(struct ex_job_families *families) {
    while (!SLIST_EMPTY(&families->rows)) {
        struct ex_overflow_row *row = SLIST_FIRST(&families->rows);
        SLIST_REMOVE_HEAD(&families->rows, link);
        free(row); /* its series go with the registry */
    }
}
