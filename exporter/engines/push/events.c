/* SPDX-License-Identifier: Apache-2.0 */
/* The decisions of a job: numbered events, the newest of which are kept, and who follows them. */
#include <errno.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/engines/push/internal.h"
#include "exporter/events/json_text.h"

/* ---- in words ---- */

static void begin(struct ex_buffer *json, const struct ex_push_job *job, uint64_t id,
                  const char *action, int64_t due_ms) {
    ex_buffer_reset(json);
    ex_buffer_append_char(json, '{');
    ex_json_integer(json, "id", (int64_t)id);
    ex_json_string(json, "action", fo_str_of(action));
    ex_json_string(json, "job", fo_str_of(job->id));
    ex_json_integer(json, "due_ms", due_ms);
    ex_buffer_append_text(json, ",\"tasks\":[");
}

static void append_attempt(struct ex_buffer *json, const struct ex_push_job *job,
                           const struct ex_task_attempt *attempt, const char *state,
                           const char *comma) {
    ex_buffer_append_text(json, comma);
    ex_buffer_append_text(json, "{\"task\":");
    ex_push_append_task(json, job->graph, attempt->task);
    ex_buffer_append_text(json, ",\"attempt\":");
    ex_buffer_append_u64(json, attempt->attempt);
    if (state) {
        ex_buffer_append_text(json, ",\"state\":\"");
        ex_buffer_append_text(json, state);
        ex_buffer_append_char(json, '"');
    }
    ex_buffer_append_char(json, '}');
}

static struct ex_push_told describe(struct ex_push_job *job, const struct ex_push_event *event) {
    struct ex_buffer *json = &job->push->json;

    begin(json, job, event->id, event->action, event->due_ms);
    for (uint32_t i = 0; i < event->count; i++)
        append_attempt(json, job, &event->tasks[i], NULL, i > 0 ? "," : "");
    ex_buffer_append_text(json, "]}");
    return (struct ex_push_told){event->id, event->action, ex_buffer_str(json)};
}

/* Everything that is to run or to be stopped; nothing else is. */
static struct ex_push_told describe_all(struct ex_push_job *job) {
    static const char action[] = "reset";
    struct ex_buffer *json = &job->push->json;
    const char *comma = "";

    begin(json, job, job->last_id, action, ex_clock_ms());
    for (uint32_t i = 0; i < fo_graph_task_count(job->graph); i++) {
        const struct ex_push_task *task = &job->tasks[i];
        bool stops = task->phase == EX_PUSH_STOPPING;
        if (!stops && task->phase != EX_PUSH_DEPLOYED)
            continue;
        append_attempt(
            json, job, &(struct ex_task_attempt){i, task->attempt},
            fo_task_state_name(stops ? FO_TASK_CANCELING : (enum fo_task_state)task->told), comma);
        comma = ",";
    }
    ex_buffer_append_text(json, "]}");
    return (struct ex_push_told){job->last_id, action, ex_buffer_str(json)};
}

/* ---- followers ---- */

static void note_followers(const struct ex_push_job *job, double change) {
    ex_gauge_add(job->push->metrics.followers, change);
}

static void add_follower(struct ex_push_job *job, struct ex_push_follower *follower) {
    if (TAILQ_EMPTY(&job->followers))
        TAILQ_INSERT_TAIL(&job->push->followed, job, followed);
    TAILQ_INSERT_TAIL(&job->followers, follower, link);
    note_followers(job, 1);
}

static void end_follower(struct ex_push_job *job, struct ex_push_follower *follower) {
    TAILQ_REMOVE(&job->followers, follower, link);
    if (TAILQ_EMPTY(&job->followers))
        TAILQ_REMOVE(&job->push->followed, job, followed);
    note_followers(job, -1);
    ex_push_touch(job); /* silence begins now */
    follower->end(follower);
}

static void tell_all(struct ex_push_job *job, const struct ex_push_told *told) {
    struct ex_push_follower *follower = TAILQ_FIRST(&job->followers);

    while (follower) {
        struct ex_push_follower *next = TAILQ_NEXT(follower, link);
        if (!follower->tell(follower, told) || follower->once)
            end_follower(job, follower);
        follower = next;
    }
}

void ex_push_check_followers(struct ex_push_job *job) {
    struct ex_push_follower *follower = TAILQ_FIRST(&job->followers);

    while (follower) {
        struct ex_push_follower *next = TAILQ_NEXT(follower, link);
        if (!follower->is_there(follower))
            end_follower(job, follower);
        follower = next;
    }
}

void ex_push_end_job_followers(struct ex_push_job *job) {
    while (!TAILQ_EMPTY(&job->followers))
        end_follower(job, TAILQ_FIRST(&job->followers));
}

void ex_push_end_followers(struct ex_push *push) {
    if (!push)
        return;
    push->deaf = true;
    while (!TAILQ_EMPTY(&push->followed))
        ex_push_end_job_followers(TAILQ_FIRST(&push->followed));
}

/* ---- keeping ---- */

static void drop_oldest(struct ex_push_job *job) {
    struct ex_push_event *event = TAILQ_FIRST(&job->events);

    TAILQ_REMOVE(&job->events, event, link);
    job->event_count--;
    job->event_tasks -= event->count;
    free(event);
}

void ex_push_events_done(struct ex_push_job *job) {
    while (job->event_count > 0)
        drop_oldest(job);
}

static void keep(struct ex_push_job *job, struct ex_push_event *event) {
    TAILQ_INSERT_TAIL(&job->events, event, link);
    job->event_count++;
    job->event_tasks += event->count;
    while (job->event_count > 1 &&
           (job->event_count > EX_PUSH_EVENTS_KEPT || job->event_tasks > EX_PUSH_EVENT_TASKS_KEPT))
        drop_oldest(job);
}

static void emit(struct ex_push_job *job, const char *action, int64_t due_ms,
                 const struct ex_task_attempt *tasks, uint32_t count) {
    struct ex_push_event *event = malloc(sizeof *event + count * sizeof *tasks);
    struct ex_push_told told;

    job->last_id++;
    ex_counter_add(job->push->metrics.events, 1);
    if (!event) {
        ex_push_events_done(job); /* a gap: who comes back for it gets all */
        told = describe_all(job);
        tell_all(job, &told);
        return;
    }
    event->id = job->last_id;
    event->due_ms = due_ms;
    event->action = action;
    event->count = count;
    if (count > 0)
        memcpy(event->tasks, tasks, count * sizeof *tasks);
    keep(job, event);
    if (TAILQ_EMPTY(&job->followers))
        return;
    told = describe(job, event);
    tell_all(job, &told);
}

void ex_push_emit(struct ex_push_job *job, const char *action, int64_t due_ms,
                  const struct ex_task_attempt *tasks, uint32_t count) {
    uint32_t done = 0;

    do {
        uint32_t part = count - done;
        part = part < EX_PUSH_EVENT_TASKS_MAX ? part : EX_PUSH_EVENT_TASKS_MAX;
        emit(job, action, due_ms, count > 0 ? tasks + done : NULL, part);
        done += part;
    } while (done < count);
}

/* ---- following ---- */

/* False: the follower wants no more. */
static bool tell_past(struct ex_push_job *job, struct ex_push_follower *follower, uint64_t after) {
    const struct ex_push_event *event = TAILQ_FIRST(&job->events);
    struct ex_push_told told;

    if (after == job->last_id)
        return true; /* nothing has happened since */
    if (!event || after > job->last_id || after + 1 < event->id) {
        told = describe_all(job);
        if (!follower->tell(follower, &told))
            return false;
        event = job->closed ? TAILQ_LAST(&job->events, ex_push_events) : NULL;
        after = 0;
    }
    for (; event; event = TAILQ_NEXT(event, link)) {
        if (event->id <= after)
            continue;
        told = describe(job, event);
        if (!follower->tell(follower, &told))
            return false;
    }
    return !follower->once;
}

int ex_push_follow(struct ex_push *push, struct fo_str id_or_name,
                   struct ex_push_follower *follower, uint64_t after) {
    struct ex_push_job *job = ex_push_directory_find(push, id_or_name);

    if (!job)
        return -ENOENT;
    ex_push_touch(job);
    if (tell_past(job, follower, after) && !job->closed && !push->deaf)
        add_follower(job, follower);
    else
        follower->end(follower);
    return 0;
}
