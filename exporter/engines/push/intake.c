/* SPDX-License-Identifier: Apache-2.0 */
/* Takes reports: those that are new and of the attempt to run now go to the job manager, the others
 * are answered at once. */
#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#include "exporter/config/task_name.h"
#include "exporter/engines/push/internal.h"

enum { WINDOW = 64 };

/* ---- room ---- */

bool ex_push_admit(struct ex_push *push, size_t count) {
    if (atomic_fetch_add(&push->admitted, count) + count <= EX_PUSH_REPORTS_IN_FLIGHT)
        return true;
    ex_push_dismiss(push, count);
    return false;
}

void ex_push_turn_away(struct ex_push *push, size_t failures) {
    (void)atomic_fetch_add(&push->turned_away, failures);
}

size_t ex_push_turned_away(struct ex_push *push) {
    return atomic_exchange(&push->turned_away, 0);
}

void ex_push_dismiss(struct ex_push *push, size_t count) {
    (void)atomic_fetch_sub(&push->admitted, count);
}

void ex_push_count(struct ex_push *push, enum ex_push_result result, size_t count) {
    if (count > 0)
        ex_counter_add(push->metrics.reports[result], count);
}

static void note_in_flight(struct ex_push *push) {
    ex_series_set(push->metrics.in_flight, (double)push->in_flight);
}

/* ---- what was taken before ---- */

static bool is_taken(const struct ex_push_task *task, uint64_t sequence) {
    if (task->taken == 0 || sequence > task->last)
        return false;
    uint64_t back = task->last - sequence;
    return back >= WINDOW || (task->taken >> back & 1) != 0;
}

static void mark_taken(struct ex_push_task *task, uint64_t sequence) {
    if (task->taken == 0 || sequence > task->last) {
        uint64_t step = sequence - task->last;
        task->taken = task->taken != 0 && step < WINDOW ? task->taken << step | 1 : 1;
        task->last = sequence;
    } else {
        task->taken |= UINT64_C(1) << (task->last - sequence);
    }
}

/* It was refused: the same report may come again. */
static void unmark_taken(struct ex_push_task *task, const struct ex_push_report *report) {
    uint64_t back = task->last - report->sequence;

    if (task->attempt == report->attempt && back < WINDOW)
        task->taken &= ~(UINT64_C(1) << back);
}

static bool is_repeated(const struct ex_push_task *task, const struct ex_push_report *report) {
    if (task->answer && task->answer->attempt == report->attempt &&
        task->answer->sequence == report->sequence)
        return true;
    if (task->phase == EX_PUSH_NEVER)
        return false;
    if (task->attempt == report->attempt)
        return is_taken(task, report->sequence);
    return task->former_attempt == report->attempt && report->sequence <= task->former_last;
}

/* Reports in flight are found by what they are. */
static size_t bucket_of(const struct ex_push_report *report) {
    const struct {
        const void *job;
        uint64_t sequence;
        uint32_t number;
        uint32_t attempt;
    } key = {report->job, report->sequence, report->number, report->attempt};

    return XXH3_64bits_withSeed(&key, sizeof key, report->job->push->seed) %
           EX_PUSH_IN_FLIGHT_BUCKETS;
}

static struct ex_push_report *find_in_flight(const struct ex_push_report *report) {
    struct ex_push_report *other;

    LIST_FOREACH(other, &report->job->push->reports[bucket_of(report)], link) {
        if (other->job == report->job && other->number == report->number &&
            other->attempt == report->attempt && other->sequence == report->sequence &&
            other->batch)
            return other;
    }
    return NULL;
}

/* ---- results ---- */

static size_t decision_size(uint32_t ranges) {
    return sizeof(struct ex_push_decision) + ranges * sizeof(struct fo_task_range);
}

/* NULL, also for NULL, or without memory. */
static struct ex_push_decision *copy_decision(const struct ex_push_decision *decision) {
    struct ex_push_decision *copy = decision ? malloc(decision_size(decision->range_count)) : NULL;

    if (copy)
        memcpy(copy, decision, decision_size(decision->range_count));
    return copy;
}

static void settle(struct ex_push_report *report, enum ex_push_result result) {
    struct ex_push_batch *batch = report->batch;

    report->result = result;
    if (batch && --batch->unsettled == 0)
        batch->done(batch);
}

/* Without the job manager. */
static void settle_early(struct ex_push_report *report, enum ex_push_result result) {
    report->early = true;
    settle(report, result);
}

static void settle_repeated(struct ex_push_report *report, const struct ex_push_task *task) {
    const struct ex_push_decision *answer = task->answer;

    if (answer && answer->attempt == report->attempt && answer->sequence == report->sequence)
        report->decision = copy_decision(answer);
    settle_early(report, EX_PUSH_REPEATED);
}

/* ---- taking ---- */

static void hand_over(struct ex_push_report *report) {
    struct ex_push_job *job = report->job;
    const struct ex_report told = {
        .task = report->number,
        .attempt = report->attempt,
        .state = report->state,
        .evidence = report->failure ? &report->failure->evidence : NULL,
        .sequence = report->sequence + 1, /* 0 is one of ours */
        .token = report,
    };

    LIST_INSERT_HEAD(&job->push->reports[bucket_of(report)], report, link);
    job->in_flight++;
    job->push->in_flight++;
    job->push->config.sink->report(job->owner, &told);
}

static void take_known(struct ex_push_report *report, struct ex_push_task *task) {
    if (is_repeated(task, report)) {
        struct ex_push_report *first = find_in_flight(report);
        if (first)
            SLIST_INSERT_HEAD(&first->twins, report, twin);
        else
            settle_repeated(report, task);
        return;
    }
    if (report->job->closed) {
        settle_early(report, EX_PUSH_JOB_ENDED);
        return;
    }
    bool runs = task->phase == EX_PUSH_DEPLOYED || task->phase == EX_PUSH_STOPPING;
    if (!runs || task->attempt != report->attempt) {
        settle_early(report, EX_PUSH_STALE_ATTEMPT);
        return;
    }
    mark_taken(task, report->sequence);
    if (task->told == report->state)
        settle_early(report, EX_PUSH_ACCEPTED); /* nothing new: no need to store it */
    else
        hand_over(report);
}

static void take(struct ex_push_job *job, struct ex_push_report *report) {
    struct fo_error error;

    SLIST_INIT(&report->twins);
    report->job = job;
    if (report->result != EX_PUSH_ACCEPTED)
        settle_early(report, report->result); /* it could not be read */
    else if (ex_task_name_parse(job->graph, fo_str_of(report->task), &report->number, &error) < 0)
        settle_early(report, EX_PUSH_UNKNOWN_TASK);
    else
        take_known(report, &job->tasks[report->number]);
}

int ex_push_take(struct ex_push *push, struct fo_str id_or_name, struct ex_push_batch *batch) {
    struct ex_push_job *job = ex_push_directory_find(push, id_or_name);
    size_t count = batch->count;

    if (!job)
        return -ENOENT;
    ex_push_touch(job);
    ex_histogram_observe(push->metrics.batch_reports, (double)count);
    batch->graph = fo_graph_ref(job->graph);
    batch->unsettled = count + 1; /* one for ourselves: the batch is gone once it is done */
    for (size_t i = 0; i < count; i++) {
        batch->items[i].batch = batch;
        take(job, &batch->items[i]);
    }
    note_in_flight(push);
    if (--batch->unsettled == 0)
        batch->done(batch);
    return 0;
}

/* ---- the engine's own reports ---- */

void ex_push_report_lost(struct ex_push_job *job, uint32_t task, int64_t silence_ms) {
    struct ex_push_report *report = calloc(1, sizeof *report);

    if (report)
        report->failure = ex_push_failure_silent(silence_ms);
    if (!report || !report->failure) {
        free(report);
        return; /* it is silent still when somebody looks again */
    }
    SLIST_INIT(&report->twins);
    report->job = job;
    report->number = task;
    report->attempt = job->tasks[task].attempt;
    report->state = FO_TASK_FAILED;
    hand_over(report);
}

void ex_push_report_stopped(struct ex_push_job *job, uint32_t task) {
    const struct ex_report told = {
        .task = task, .attempt = job->tasks[task].attempt, .state = FO_TASK_CANCELED};

    job->tasks[task].phase = EX_PUSH_OVER;
    job->push->config.sink->report(job->owner, &told);
}

/* ---- answers of the job manager ---- */

static enum ex_push_result result_of(int error) {
    switch (error) {
    case 0:
        return EX_PUSH_ACCEPTED;
    case -ENOENT:
        return EX_PUSH_UNKNOWN_TASK;
    case -EINVAL:
        return EX_PUSH_ILLEGAL_STATE;
    case -EALREADY:
        return EX_PUSH_JOB_ENDED;
    case -ESHUTDOWN:
        return EX_PUSH_STOPPED;
    case -ENOMEM:
        return EX_PUSH_LIMIT;
    default:
        return EX_PUSH_STALE_ATTEMPT;
    }
}

static uint32_t count_ranges(struct fo_task_list tasks) {
    uint32_t count = tasks.count > 0;

    for (uint32_t i = 1; i < tasks.count; i++)
        count += tasks.tasks[i] != tasks.tasks[i - 1] + 1;
    return count;
}

static struct ex_push_decision *make_decision(const struct ex_push_report *report,
                                              const struct ex_answer *answer) {
    struct fo_task_list tasks = answer->restart;
    struct ex_push_decision *decision = malloc(decision_size(count_ranges(tasks)));

    if (!decision)
        return NULL;
    *decision = (struct ex_push_decision){
        .attempt = report->attempt,
        .restart = answer->decision->restart,
        .sequence = report->batch ? report->sequence : UINT64_MAX,
        .delay_ms = answer->decision->delay_ms,
        .due_ms = answer->decision->due_ms,
    };
    struct fo_task_range *range = decision->ranges;
    for (uint32_t i = 0; i < tasks.count; i++) {
        if (i > 0 && tasks.tasks[i] == tasks.tasks[i - 1] + 1) {
            range[-1].count++;
        } else {
            *range++ = (struct fo_task_range){tasks.tasks[i], 1};
            decision->range_count++;
        }
    }
    return decision;
}

/* The attempts that a decision ends. */
static void tell_decision(struct ex_push_job *job, const struct ex_push_report *report,
                          const struct ex_answer *answer) {
    struct ex_push *push = job->push;
    bool restart = answer->decision->restart;
    const uint32_t *tasks = restart ? answer->restart.tasks : &report->number;
    uint32_t count = restart ? answer->restart.count : 1;

    if (count > push->attempts_capacity) {
        struct ex_task_attempt *room = realloc(push->attempts, count * sizeof *room);
        if (!room)
            return; /* what is to be done is told as cancel and deploy */
        push->attempts = room;
        push->attempts_capacity = count;
    }
    for (uint32_t i = 0; i < count; i++)
        push->attempts[i] = (struct ex_task_attempt){tasks[i], job->tasks[tasks[i]].attempt};
    ex_push_emit(job, restart ? "restart" : "fail", answer->decision->due_ms, push->attempts,
                 count);
}

static void keep_answer(struct ex_push_task *task, const struct ex_push_report *report,
                        const struct ex_push_decision *decision) {
    if (!report->batch)
        return;
    free(task->answer);
    task->answer = copy_decision(decision);
}

static void accept_report(struct ex_push_report *report, const struct ex_answer *answer) {
    struct ex_push_job *job = report->job;
    struct ex_push_task *task = &job->tasks[report->number];

    if (task->attempt == report->attempt) {
        task->told = (uint8_t)report->state;
        if (fo_task_state_is_terminal(report->state))
            task->phase = EX_PUSH_OVER;
    }
    if (!answer->decision)
        return;
    report->decision = make_decision(report, answer);
    keep_answer(task, report, report->decision);
    if (!job->closed)
        tell_decision(job, report, answer);
}

static void free_own(struct ex_push_report *report) {
    free(report->failure);
    free(report->decision);
    free(report);
}

void ex_push_answered(void *token, const struct ex_answer *answer) {
    struct ex_push_report *report = token;
    struct ex_push_job *job = report->job;
    struct ex_push *push = job->push;
    enum ex_push_result result = result_of(answer->error);

    LIST_REMOVE(report, link);
    job->in_flight--;
    push->in_flight--;
    note_in_flight(push);
    if (result == EX_PUSH_ACCEPTED)
        accept_report(report, answer);
    else if (report->batch)
        unmark_taken(&job->tasks[report->number], report);
    while (!SLIST_EMPTY(&report->twins)) {
        struct ex_push_report *twin = SLIST_FIRST(&report->twins);
        SLIST_REMOVE_HEAD(&report->twins, twin);
        twin->decision = copy_decision(report->decision);
        settle(twin, result == EX_PUSH_ACCEPTED ? EX_PUSH_REPEATED : result);
    }
    if (report->batch)
        settle(report, result);
    else
        free_own(report);
    ex_push_end_if_idle(push);
}
