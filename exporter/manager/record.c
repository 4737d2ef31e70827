/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/record.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/events/event.h"
#include "exporter/manager/job.h"

/* ---- numbers: seven bits a byte, the last one without the high bit ---- */

static void put_number(struct ex_buffer *out, uint64_t number) {
    for (; number >= 0x80; number >>= 7)
        ex_buffer_append_char(out, (char)(number | 0x80));
    ex_buffer_append_char(out, (char)number);
}

/* False at the end, or of one that is too long. */
static bool take_number(struct fo_str *from, uint64_t *ret_number) {
    uint64_t number = 0;

    for (unsigned shift = 0; shift < 64 && from->len > 0; shift += 7) {
        uint64_t byte = (unsigned char)*from->ptr;
        from->ptr++;
        from->len--;
        number |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_number = number;
            return true;
        }
    }
    return false;
}

/* Small numbers of either sign stay small. */
static void put_signed(struct ex_buffer *out, int64_t number) {
    put_number(out, ((uint64_t)number << 1) ^ (number < 0 ? UINT64_MAX : 0));
}

static bool take_signed(struct fo_str *from, int64_t *ret_number) {
    uint64_t number;

    if (!take_number(from, &number))
        return false;
    *ret_number = (int64_t)(number >> 1 ^ (number & 1 ? UINT64_MAX : 0));
    return true;
}

/* ---- labels ---- */

static void put_text(struct ex_buffer *out, struct fo_str text) {
    put_number(out, text.len);
    ex_buffer_append_str(out, text);
}

static bool take_text(struct fo_str *from, struct fo_str *ret_text) {
    uint64_t len;

    if (!take_number(from, &len) || len > from->len)
        return false;
    *ret_text = (struct fo_str){from->ptr, (size_t)len};
    from->ptr += len;
    from->len -= (size_t)len;
    return true;
}

void ex_labels_pack(struct ex_buffer *out, const struct fo_label *labels, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        put_text(out, labels[i].key);
        put_text(out, labels[i].value);
    }
}

uint32_t ex_labels_unpack(struct fo_str packed, struct fo_label ret_labels[EX_BANK_LABELS_MAX]) {
    uint32_t count = 0;

    while (count < EX_BANK_LABELS_MAX && take_text(&packed, &ret_labels[count].key) &&
           take_text(&packed, &ret_labels[count].value))
        count++;
    return count;
}

/* ---- tasks ---- */

void ex_task_facts_pack(struct ex_buffer *out, const struct ex_job *job,
                        struct fo_task_range range) {
    for (uint32_t i = 0; i < range.count; i++) {
        const struct ex_task_times *times = &job->task_times[range.first + i];
        put_signed(out, times->since_ms - job->submitted_ms);
        put_signed(out, times->deploying_ms == 0 ? 0 : times->deploying_ms - job->submitted_ms + 1);
        put_number(out, job->sequences ? job->sequences[range.first + i].current : 0);
        put_number(out, job->sequences ? job->sequences[range.first + i].former : 0);
    }
}

int ex_task_facts_unpack(struct ex_job *job, struct fo_task_range range, struct fo_str packed) {
    for (uint32_t i = 0; i < range.count; i++) {
        struct ex_task_times *times = &job->task_times[range.first + i];
        int64_t since_ms;
        int64_t deploying_ms;
        struct ex_sequences sequences;
        if (!take_signed(&packed, &since_ms) || !take_signed(&packed, &deploying_ms) ||
            !take_number(&packed, &sequences.current) || !take_number(&packed, &sequences.former))
            return -EINVAL;
        times->since_ms = job->submitted_ms + since_ms;
        times->deploying_ms = deploying_ms == 0 ? 0 : job->submitted_ms + deploying_ms - 1;
        if (sequences.current == 0 && sequences.former == 0)
            continue;
        int ret = ex_job_note_sequence(job, range.first + i, sequences.current);
        if (ret < 0)
            return ret;
        job->sequences[range.first + i].former = sequences.former;
    }
    return packed.len == 0 ? 0 : -EINVAL;
}

/* ---- failures ---- */

static void pack_runs(struct ex_buffer *out, const struct ex_task_runs *runs) {
    for (uint32_t i = 0; i < runs->count; i++) {
        put_number(out, runs->items[i].first);
        put_number(out, runs->items[i].count);
    }
}

static int unpack_runs(struct fo_str packed, struct ex_task_runs *ret_runs) {
    size_t most = packed.len / 2;
    uint64_t first;
    uint64_t count;

    if (most == 0)
        return 0;
    if (most > EX_FAILURE_RUNS_MAX)
        most = EX_FAILURE_RUNS_MAX;
    ret_runs->items = calloc(most, sizeof *ret_runs->items);
    if (!ret_runs->items)
        return -ENOMEM;
    while (ret_runs->count < most && take_number(&packed, &first) && take_number(&packed, &count))
        ret_runs->items[ret_runs->count++] =
            (struct fo_task_range){(uint32_t)first, (uint32_t)count};
    return 0;
}

static int64_t decision_bits(const struct ex_failure *failure) {
    return (failure->decided ? EX_STORED_DECIDED : 0) |
           (failure->decision.restart ? EX_STORED_RESTART : 0) |
           (failure->decision.new_attempt ? EX_STORED_NEW_ATTEMPT : 0) |
           (failure->evidence.non_recoverable ? EX_STORED_NON_RECOVERABLE : 0);
}

void ex_failure_to_row(const struct ex_failure *failure, uint64_t job, struct fo_str record,
                       struct ex_buffer *labels, struct ex_buffer *runs, struct ex_row *ret_row) {
    const struct fo_decision *decision = &failure->decision;
    const struct ex_label_set *kept = failure->is_final ? &failure->labels : &failure->passed;

    ex_buffer_reset(labels);
    ex_labels_pack(labels, kept->items, kept->count);
    ex_buffer_reset(runs);
    pack_runs(runs, &failure->restarted);
    *ret_row = (struct ex_row){
        .ints = {(int64_t)failure->id, (int64_t)job, failure->at_ms, failure->is_final,
                 failure->task, failure->attempt, decision_bits(failure), decision->delay_ms,
                 decision->due_ms, decision->restart_count, decision->policy, (int64_t)decision->id,
                 (int64_t)decision->exhausted, failure->evidence.pid,
                 failure->budget.limited ? failure->budget.limit : -1, failure->budget.remaining},
        .texts = {record, ex_buffer_str(labels), failure->evidence.log_path, ex_buffer_str(runs)},
    };
}

static void read_evidence(const struct fl_failure *told, const struct ex_row *row,
                          struct ex_evidence *ret_evidence) {
    *ret_evidence = (struct ex_evidence){
        .exit_code = told->exit_code,
        .signal = told->signal,
        .core_dumped = told->core_dumped != 0,
        .deadline_exceeded = told->deadline_exceeded != 0,
        .heartbeat_missed = told->heartbeat_missed != 0,
        .secondary = told->secondary != 0,
        .cgroup_oom_kill = (enum ex_proof)told->cgroup_oom_kill, /* the enums agree */
        .message = told->message,
        .output_head = told->output,
        .runtime = told->runtime,
        .platform_reason = told->platform_reason,
        .non_recoverable = (row->ints[6] & EX_STORED_NON_RECOVERABLE) != 0,
        .lost = {.producer = FO_NO_TASK},
        .pid = row->ints[13],
        .log_path = row->texts[2],
    };
}

static void read_decision(const struct fl_failure *told, const struct ex_row *row,
                          struct ex_failure *failure) {
    int64_t bits = row->ints[6];

    failure->decided = (bits & EX_STORED_DECIDED) != 0;
    failure->decision = (struct fo_decision){
        .id = (uint64_t)row->ints[11],
        .failure_id = failure->id,
        .incident = told->incident,
        .delay_ms = row->ints[7],
        .due_ms = row->ints[8],
        .restart_count = (uint32_t)row->ints[9],
        .policy = (int32_t)row->ints[10],
        .restart = (bits & EX_STORED_RESTART) != 0,
        .new_attempt = (bits & EX_STORED_NEW_ATTEMPT) != 0,
        .exhausted = row->ints[12] >= 0 && row->ints[12] <= FO_EXHAUSTED_POLICY
                         ? (enum fo_exhausted_reason)row->ints[12]
                         : FO_EXHAUSTED_NOT,
    };
    failure->budget = (struct fo_budget){
        .limited = row->ints[14] >= 0,
        .limit = row->ints[14] >= 0 ? row->ints[14] : 0,
        .remaining = row->ints[15],
        .resets_at_ms = FO_NEVER,
    };
}

static int read_labels(const struct fl_failure *told, const struct ex_row *row,
                       struct ex_failure *failure) {
    struct fo_label labels[EX_BANK_LABELS_MAX];
    uint32_t count = ex_labels_unpack(row->texts[1], labels);
    int ret = ex_label_set_copy(&failure->verdict, told->labels, told->label_count);

    failure->is_final = failure->labelled = row->ints[3] != 0;
    if (ret == 0)
        ret = ex_label_set_copy(failure->is_final ? &failure->labels : &failure->passed, labels,
                                count);
    if (ret == 0 && told->matched.len > 0) {
        failure->matched = strndup(told->matched.ptr, told->matched.len);
        ret = failure->matched ? 0 : -ENOMEM;
    }
    return ret == 0 ? unpack_runs(row->texts[3], &failure->restarted) : ret;
}

static int make_failure(const struct fl_failure *told, const struct ex_row *row,
                        struct ex_failure **ret_failure) {
    struct ex_exception exceptions[EX_EVENT_EXCEPTIONS_MAX];
    struct ex_evidence evidence;
    const struct ex_report report = {
        .task = (uint32_t)row->ints[4], .attempt = (uint32_t)row->ints[5], .evidence = &evidence};
    struct ex_failure *failure;

    read_evidence(told, row, &evidence);
    for (uint32_t i = 0; i < told->exception_count && i < EX_EVENT_EXCEPTIONS_MAX; i++)
        exceptions[i] =
            (struct ex_exception){told->exceptions[i].class_name, told->exceptions[i].message};
    evidence.exceptions = exceptions;
    evidence.exception_count = told->exception_count;
    int ret = ex_failure_new(&report, &failure);
    if (ret < 0)
        return ret;
    failure->id = (uint64_t)row->ints[0];
    failure->at_ms = row->ints[2];
    read_decision(told, row, failure);
    ret = read_labels(told, row, failure);
    if (ret < 0) {
        (void)ex_failure_free(failure);
        return ret;
    }
    *ret_failure = failure;
    return 0;
}

int ex_failure_from_row(const struct ex_row *row, struct ex_failure **ret_failure) {
    struct ex_event *event = malloc(sizeof *event);

    if (!event)
        return -ENOMEM;
    int ret = ex_event_decode(row->texts[0], event);
    if (ret == 0) {
        ret = event->kind == 0 ? make_failure(&event->failure, row, ret_failure) : -EINVAL;
        ex_event_done(event);
    }
    free(event);
    return ret;
}
