/* SPDX-License-Identifier: Apache-2.0 */
/* One JobManager: its turns, and whether it answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/random.h"
#include "exporter/engines/flink/internal.h"

enum { STATUS_OK = 200, STATUS_NOT_FOUND = 404, NS_PER_MS = 1000000 };

/* ---- answers ----------------------------------------------------------------------------------
 */

static void log_refusal(const struct ex_flink_jm *jm, const char *what, const char *why,
                        long status) {
    ex_log(EX_LOG_WARN, "A JobManager gave no answer that can be used.",
           EX_TEXT("jobmanager", jm->url), EX_TEXT("what", what), EX_TEXT("why", why),
           EX_INT("status", status));
}

json_t *ex_flink_read(struct ex_flink_jm *jm, const char *what, const struct ex_fetched *fetched) {
    json_error_t error;
    json_t *answer = NULL;

    if (fetched->error == 0 && fetched->status == STATUS_OK) {
        answer = json_loadb(fetched->body.ptr, fetched->body.len, 0, &error);
        if (!answer)
            log_refusal(jm, what, error.text, fetched->status);
    } else if (fetched->error < 0) {
        log_refusal(jm, what, fetched->why, 0);
    } else if (fetched->status != STATUS_NOT_FOUND) {
        log_refusal(jm, what, "another status was expected", fetched->status);
    }
    if (!answer && (fetched->error < 0 || fetched->status != STATUS_NOT_FOUND))
        ex_flink_jm_series_add(&jm->series, EX_FLINK_FAILED_REQUESTS);
    return answer;
}

/* ---- the end of a turn --------------------------------------------------------------------------
 */

static void on_timer(uv_timer_t *timer);

/* A tenth more or less, so that many exporters and JobManagers do not march in step. */
static uint64_t jitter(struct ex_flink *flink, int64_t wait_ms) {
    uint64_t tenth = (uint64_t)wait_ms / 10;

    return (uint64_t)wait_ms - tenth / 2 + ex_random_next(&flink->random_state) % (tenth + 1);
}

static void sleep_until_next(struct ex_flink_jm *jm, int64_t wait_ms) {
    if (!jm->is_closing)
        (void)uv_timer_start(&jm->timer, on_timer, jitter(jm->flink, wait_ms), 0);
}

static void set_up(struct ex_flink_jm *jm, bool up) {
    if (jm->is_up != up || !jm->is_told)
        ex_log(up ? EX_LOG_INFO : EX_LOG_ERROR,
               up ? "A JobManager answers." : "A JobManager does not answer.",
               EX_TEXT("jobmanager", jm->url));
    jm->is_up = up;
    jm->is_told = true;
    ex_flink_jm_series_set(&jm->series, EX_FLINK_UP, up);
    ex_flink_check_up(jm->flink);
}

static void turn_failed(struct ex_flink_jm *jm) {
    int64_t wait_ms = jm->flink->config.settings->interval_ms;

    for (unsigned i = 0; i < jm->failures && wait_ms < EX_FLINK_BACK_OFF_MAX_MS; i++)
        wait_ms *= 2;
    jm->failures++;
    set_up(jm, false);
    sleep_until_next(jm, wait_ms < EX_FLINK_BACK_OFF_MAX_MS ? wait_ms : EX_FLINK_BACK_OFF_MAX_MS);
}

static void end_turn(struct ex_flink_jm *jm) {
    double seconds = (double)(ex_clock_ns() - jm->began_ns) / 1e9;
    int64_t took_ms = (int64_t)(seconds * 1000);
    int64_t interval_ms = jm->flink->config.settings->interval_ms;

    ex_flink_jm_series_set(&jm->series, EX_FLINK_POLL_SECONDS, seconds);
    sleep_until_next(jm, took_ms < interval_ms / 2 ? interval_ms - took_ms : interval_ms / 2);
}

/* ---- chains -------------------------------------------------------------------------------------
 */

/* Starts chains as long as there is room; the last to end, ends the turn. */
static void pump(struct ex_flink_jm *jm) {
    while (jm->chains < EX_FLINK_CHAINS_MAX && !STAILQ_EMPTY(&jm->queue)) {
        struct ex_engine_job *record = STAILQ_FIRST(&jm->queue);
        STAILQ_REMOVE_HEAD(&jm->queue, queued);
        record->is_queued = false;
        if (record->is_done)
            continue;
        jm->chains++;
        ex_flink_job_start(record);
    }
}

static void pump_to_end(struct ex_flink_jm *jm) {
    if (jm->is_pumping || jm->is_closing)
        return; /* whoever is at it comes back to this */
    jm->is_pumping = true;
    pump(jm);
    jm->is_pumping = false;
    if (jm->chains == 0 && jm->in_turn) {
        jm->in_turn = false;
        end_turn(jm);
    }
}

void ex_flink_jm_chain_done(struct ex_flink_jm *jm) {
    jm->chains--;
    pump_to_end(jm);
}

/* ---- the overviews ------------------------------------------------------------------------------
 */

static int by_start(const void *left, const void *right) {
    int64_t a = ex_flink_number(*(json_t *const *)left, "start-time", 0);
    int64_t b = ex_flink_number(*(json_t *const *)right, "start-time", 0);

    return (a > b) - (a < b);
}

static void miss_unlisted(struct ex_flink_jm *jm) {
    struct ex_engine_job *next;

    for (struct ex_engine_job *record = TAILQ_FIRST(&jm->jobs); record; record = next) {
        next = TAILQ_NEXT(record, link);
        if (record->poll != jm->poll)
            ex_flink_job_missed(record);
    }
}

/* Oldest first, so that a later job of a name takes the place of an ended one. */
static int take_jobs(struct ex_flink_jm *jm, const json_t *list) {
    size_t count = json_array_size(list);
    int64_t now_ms = ex_clock_ms();
    int ret = 0;

    if (count > EX_FLINK_JOBS_MAX)
        return -E2BIG;
    const json_t **entries = malloc((count + 1) * sizeof *entries);
    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        entries[i] = json_array_get(list, i);
    qsort(entries, count, sizeof *entries, by_start);
    jm->poll++;
    for (size_t i = 0; i < count && ret == 0; i++)
        ret = ex_flink_job_listed(jm, entries[i], now_ms);
    if (ret == 0)
        miss_unlisted(jm);
    if (ret == 0 && count > 0) {
        int64_t newest_ms = ex_flink_number(entries[count - 1], "start-time", 0);
        if (newest_ms > jm->newest_start_ms)
            jm->newest_start_ms = newest_ms;
    }
    free(entries);
    ex_flink_jm_series_set(&jm->series, EX_FLINK_JOBS, (double)count);
    return ret;
}

static void on_jobs(void *ctx, const struct ex_fetched *fetched) {
    struct ex_flink_jm *jm = ctx;
    json_t *answer = ex_flink_read(jm, "/jobs/overview", fetched);
    const json_t *list = json_object_get(answer, "jobs");

    jm->fetch = NULL;
    int ret = json_is_array(list) ? take_jobs(jm, list) : -EINVAL;
    json_decref(answer);
    if (ret < 0) {
        ex_log(EX_LOG_WARN, "The list of jobs is not understood.", EX_TEXT("jobmanager", jm->url),
               EX_TEXT("error", uv_strerror(ret)));
        turn_failed(jm);
        return;
    }
    jm->failures = 0;
    jm->is_known = true;
    set_up(jm, true);
    ex_flink_jm_series_add(&jm->series, EX_FLINK_POLLS);
    jm->in_turn = true;
    pump_to_end(jm);
}

static void get(struct ex_flink_jm *jm, const char *path, ex_fetch_done *done) {
    char url[EX_FLINK_URL_BYTES];

    (void)snprintf(url, sizeof url, "%s%s", jm->url, path);
    int ret = ex_client_get(jm->flink->client, url, done, jm, &jm->fetch);
    if (ret == 0)
        return;
    log_refusal(jm, path, ret == -EACCES ? "the secret cannot be read" : uv_strerror(ret), 0);
    turn_failed(jm);
}

static void on_overview(void *ctx, const struct ex_fetched *fetched) {
    struct ex_flink_jm *jm = ctx;
    json_t *answer = ex_flink_read(jm, "/overview", fetched);

    jm->fetch = NULL;
    if (!json_is_object(answer)) {
        json_decref(answer);
        turn_failed(jm);
        return;
    }
    ex_flink_jm_series_set(&jm->series, EX_FLINK_TASKMANAGERS,
                           (double)ex_flink_number(answer, "taskmanagers", 0));
    ex_flink_jm_series_set(&jm->series, EX_FLINK_SLOTS,
                           (double)ex_flink_number(answer, "slots-total", 0));
    ex_flink_jm_series_set(&jm->series, EX_FLINK_SLOTS_FREE,
                           (double)ex_flink_number(answer, "slots-available", 0));
    json_decref(answer);
    get(jm, "/jobs/overview", on_jobs);
}

static void on_timer(uv_timer_t *timer) {
    struct ex_flink_jm *jm = timer->data;

    jm->began_ns = ex_clock_ns();
    get(jm, "/overview", on_overview);
}

/* ---- life
 * ------------------------------------------------------------------------------------------ */

int ex_flink_jm_new(struct ex_flink *flink, char *url) {
    struct ex_flink_jm *jm = calloc(1, sizeof *jm);
    int ret =
        jm ? ex_flink_jm_series_open(flink->families, flink->config.engine->name, url, &jm->series)
           : -ENOMEM;

    if (ret < 0) {
        free(url);
        free(jm);
        return ret;
    }
    jm->flink = flink;
    jm->url = url;
    jm->is_wanted = true;
    TAILQ_INIT(&jm->jobs);
    STAILQ_INIT(&jm->queue);
    (void)uv_timer_init(flink->config.loop, &jm->timer); /* cannot fail */
    jm->timer.data = jm;
    flink->handles++;
    TAILQ_INSERT_TAIL(&flink->jms, jm, link);
    ex_log(EX_LOG_INFO, "A JobManager is watched.", EX_TEXT("jobmanager", jm->url),
           EX_TEXT("engine", flink->config.engine->name));
    return uv_timer_start(&jm->timer, on_timer, 0, 0);
}

static void on_closed(uv_handle_t *handle) {
    struct ex_flink_jm *jm = handle->data;
    struct ex_flink *flink = jm->flink;

    ex_flink_jm_series_close(&jm->series);
    free(jm->url);
    free(jm);
    ex_flink_handle_closed(flink);
}

void ex_flink_jm_check_gone(struct ex_flink_jm *jm) {
    if (!jm->is_closing || !TAILQ_EMPTY(&jm->jobs) || uv_is_closing((uv_handle_t *)&jm->timer))
        return;
    TAILQ_REMOVE(&jm->flink->jms, jm, link);
    uv_close((uv_handle_t *)&jm->timer, on_closed);
}

void ex_flink_jm_close(struct ex_flink_jm *jm) {
    struct ex_engine_job *next;

    jm->is_closing = true;
    jm->in_turn = false;
    (void)uv_timer_stop(&jm->timer);
    if (jm->fetch)
        ex_fetch_give_up(jm->fetch);
    jm->fetch = NULL;
    for (struct ex_engine_job *record = TAILQ_FIRST(&jm->jobs); record; record = next) {
        next = TAILQ_NEXT(record, link);
        ex_flink_job_forget(record);
    }
    ex_flink_jm_check_gone(jm);
}
