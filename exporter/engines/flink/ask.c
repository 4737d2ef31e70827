/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/engines/flink/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "exporter/config/fail.h"
#include "exporter/engines/flink/client.h"
#include "exporter/engines/flink/plan.h"

enum { STATUS_OK = 200, HISTORY_SIZE = 16, URL_BYTES = EX_FLINK_URL_MAX_BYTES + 256 };

/* A question under way. */
struct question {
    uv_loop_t loop;
    struct ex_client *client;
    const char *url;
    json_t *answer; /* of the last */
    struct fo_error *reterr;
    int ret;
};

static void on_answer(void *ctx, const struct ex_fetched *fetched) {
    struct question *question = ctx;

    if (fetched->error < 0)
        question->ret =
            ex_fail(question->reterr, fetched->error, 0, "%.100s: %s", question->url, fetched->why);
    else if (fetched->status != STATUS_OK)
        question->ret = ex_fail(question->reterr, -EIO, 0, "%.100s: status %ld", question->url,
                                fetched->status);
    else
        question->answer = json_loadb(fetched->body.ptr, fetched->body.len, 0, NULL);
    if (question->ret == 0 && !json_is_object(question->answer))
        question->ret = ex_fail(question->reterr, -EINVAL, 0,
                                "%.100s: not the answer of a JobManager", question->url);
    uv_stop(&question->loop);
}

/* A new reference. */
static int ask(struct question *question, const char *path, json_t **ret_answer) {
    char url[URL_BYTES];
    struct ex_fetch *fetch;

    (void)snprintf(url, sizeof url, "%s%s", question->url, path);
    question->ret = 0;
    question->answer = NULL;
    int ret = ex_client_get(question->client, url, on_answer, question, &fetch);
    if (ret < 0)
        return ex_fail(question->reterr, ret, 0, "%.100s: %s", question->url, uv_strerror(ret));
    (void)uv_run(&question->loop, UV_RUN_DEFAULT);
    if (question->ret == 0)
        *ret_answer = question->answer;
    else
        json_decref(question->answer);
    return question->ret;
}

/* ---- which job --------------------------------------------------------------------------------
 */

static bool is_live(const json_t *entry) {
    return ex_flink_number(entry, "end-time", -1) < 0;
}

static bool is_better(const json_t *entry, const json_t *best) {
    if (!best || is_live(entry) != is_live(best))
        return !best || is_live(entry);
    return ex_flink_number(entry, "start-time", 0) > ex_flink_number(best, "start-time", 0);
}

static const json_t *choose(const json_t *list, struct fo_str job) {
    const json_t *best = NULL;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        if (fo_str_equal(ex_flink_text(entry, "jid"), job))
            return entry;
        if (fo_str_equal(ex_flink_text(entry, "name"), job) && is_better(entry, best))
            best = entry;
    }
    return best;
}

static int find_job(struct question *question, const char *job, char path[static URL_BYTES]) {
    json_t *overview = NULL;
    int ret = ask(question, "/jobs/overview", &overview);

    if (ret < 0)
        return ret;
    const json_t *entry = choose(json_object_get(overview, "jobs"), fo_str_of(job));
    struct fo_str id = ex_flink_text(entry, "jid");
    if (!entry)
        ret = ex_fail(question->reterr, -ENOENT, 0, "%.100s has no job \"%.80s\"", question->url,
                      job);
    else if (id.len != strspn(id.ptr, "0123456789abcdef"))
        ret = ex_fail(question->reterr, -EINVAL, 0, "%.100s: a job's id is not understood",
                      question->url);
    else
        (void)snprintf(path, URL_BYTES, "/jobs/%.64s", id.ptr);
    json_decref(overview);
    return ret;
}

static int ask_all(struct question *question, const char *job, struct ex_job_spec **ret_spec) {
    char path[URL_BYTES];
    char config_path[URL_BYTES + 8];
    json_t *details = NULL;
    json_t *config = NULL;
    int ret = find_job(question, job, path);

    if (ret == 0)
        ret = ask(question, path, &details);
    (void)snprintf(config_path, sizeof config_path, "%s/config", ret == 0 ? path : "");
    if (ret == 0)
        ret = ask(question, config_path, &config);
    if (ret == 0) {
        const struct ex_flink_plan plan = {
            .details = details,
            .config = config,
            .engine = "flink",
            .name = job,
            .history_size = HISTORY_SIZE,
        };
        ret = ex_flink_plan_read(&plan, ret_spec, question->reterr);
    }
    json_decref(details);
    json_decref(config);
    return ret;
}

int ex_flink_ask(const char *url, const char *job, const struct ex_flink_settings *settings,
                 struct ex_job_spec **ret_spec, struct fo_error *reterr) {
    struct question question = {.reterr = reterr};
    char *address;
    int ret = ex_flink_url_read(fo_str_of(url), &address);

    if (ret < 0) {
        return ex_fail(question.reterr, ret, 0,
                       "\"%.100s\" is no address such as http://jobmanager:8081", url);
    }
    question.url = address;
    ret = uv_loop_init(&question.loop);
    if (ret == 0)
        ret = ex_client_new(&question.loop, settings, &question.client);
    if (ret == 0) {
        ret = ask_all(&question, job, ret_spec);
        question.client = ex_client_free(question.client);
        (void)uv_run(&question.loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&question.loop);
    }
    free(address);
    return ret;
}
