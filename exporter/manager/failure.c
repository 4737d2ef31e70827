/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/failure.h"

#include <errno.h>
#include <stdlib.h>

/* Moves a text to `*cursor`, which points into memory that is large enough. */
static void move_text(struct fo_str *text, char **cursor) {
    if (text->len > 0)
        memcpy(*cursor, text->ptr, text->len);
    text->ptr = *cursor;
    *cursor += text->len;
    **cursor = '\0'; /* so that each may also be given to printf */
    *cursor += 1;
}

enum { EVIDENCE_TEXTS = 6 };

static void list_texts(struct ex_evidence *evidence, struct fo_str *ret_texts[EVIDENCE_TEXTS]) {
    ret_texts[0] = &evidence->message;
    ret_texts[1] = &evidence->output_head;
    ret_texts[2] = &evidence->output_tail;
    ret_texts[3] = &evidence->runtime;
    ret_texts[4] = &evidence->platform_reason;
    ret_texts[5] = &evidence->log_path;
}

static size_t texts_size(struct ex_evidence *evidence, struct fo_str *texts[EVIDENCE_TEXTS]) {
    size_t size = evidence->exception_count * (sizeof(struct ex_exception) + 2);

    for (uint32_t i = 0; i < evidence->exception_count; i++)
        size += evidence->exceptions[i].class_name.len + evidence->exceptions[i].message.len;
    for (size_t i = 0; i < EVIDENCE_TEXTS; i++)
        size += texts[i]->len + 1;
    return size;
}

/* Gives the failure texts of its own in one piece of memory: first the exceptions' array, which
 * needs the alignment, then every text. */
static int own_texts(struct ex_failure *failure) {
    struct ex_evidence *evidence = &failure->evidence;
    struct fo_str *texts[EVIDENCE_TEXTS];

    list_texts(evidence, texts);
    char *memory = malloc(texts_size(evidence, texts));
    if (!memory)
        return -ENOMEM;

    struct ex_exception *exceptions = (struct ex_exception *)(void *)memory;
    char *cursor = memory + evidence->exception_count * sizeof *exceptions;
    for (uint32_t i = 0; i < evidence->exception_count; i++) {
        exceptions[i] = evidence->exceptions[i];
        move_text(&exceptions[i].class_name, &cursor);
        move_text(&exceptions[i].message, &cursor);
    }
    evidence->exceptions = exceptions;
    for (size_t i = 0; i < EVIDENCE_TEXTS; i++)
        move_text(texts[i], &cursor);
    free(failure->texts);
    failure->texts = memory;
    return 0;
}

int ex_failure_new(const struct ex_report *report, struct ex_failure **ret_failure) {
    struct ex_failure *failure = calloc(1, sizeof *failure);

    if (!failure)
        return -ENOMEM;
    failure->task = report->task;
    failure->attempt = report->attempt;
    failure->evidence = *report->evidence;
    int ret = own_texts(failure);
    if (ret < 0) {
        free(failure);
        return ret;
    }
    *ret_failure = failure;
    return 0;
}

static int copy_runs(struct ex_task_runs *runs, struct ex_task_runs from) {
    size_t size = from.count * sizeof *from.items;

    if (from.count == 0)
        return 0;
    runs->items = malloc(size);
    if (!runs->items)
        return -ENOMEM;
    memcpy(runs->items, from.items, size);
    runs->count = from.count;
    return 0;
}

int ex_failure_copy(const struct ex_failure *failure, struct ex_failure **ret_copy) {
    struct ex_failure *copy = calloc(1, sizeof *copy);

    if (!copy)
        return -ENOMEM;
    *copy = (struct ex_failure){
        .id = failure->id,
        .at_ms = failure->at_ms,
        .task = failure->task,
        .attempt = failure->attempt,
        .evidence = failure->evidence,
        .decision = failure->decision,
        .decided = failure->decided,
        .budget = failure->budget,
        .labelled = failure->labelled,
    };
    int ret = own_texts(copy);
    if (ret == 0)
        ret = copy_runs(&copy->restarted, failure->restarted);
    if (ret == 0 && failure->matched) {
        copy->matched = strdup(failure->matched);
        ret = copy->matched ? 0 : -ENOMEM;
    }
    if (ret == 0)
        ret = ex_label_set_copy(&copy->verdict, failure->verdict.items, failure->verdict.count);
    if (ret == 0)
        ret = ex_label_set_copy(&copy->labels, failure->labels.items, failure->labels.count);
    if (ret < 0) {
        (void)ex_failure_free(copy);
        return ret;
    }
    *ret_copy = copy;
    return 0;
}

int ex_failure_copy_brief(const struct ex_failure *failure, struct ex_failure **ret_copy) {
    struct ex_failure brief = *failure; /* all borrowed */
    struct ex_evidence *evidence = &brief.evidence;

    evidence->output_head = evidence->output_tail = fo_str_of(NULL);
    evidence->exceptions = NULL;
    evidence->exception_count = 0;
    if (evidence->message.len > EX_FAILURE_BRIEF_MAX_BYTES)
        evidence->message.len = EX_FAILURE_BRIEF_MAX_BYTES;
    return ex_failure_copy(&brief, ret_copy);
}

struct ex_failure *ex_failure_free(struct ex_failure *failure) {
    if (failure) {
        ex_ticket_done(&failure->ticket);
        free(failure->texts);
        free(failure->verdict.items);
        free(failure->labels.items);
        free(failure->passed.items);
        free(failure->matched);
        free(failure->restarted.items);
        free(failure);
    }
    return NULL;
}

int ex_label_set_copy(struct ex_label_set *set, const struct fo_label *labels, uint32_t count) {
    size_t size = count * sizeof *labels;

    for (uint32_t i = 0; i < count; i++)
        size += labels[i].key.len + labels[i].value.len + 2;
    struct fo_label *items = malloc(size + 1);
    if (!items)
        return -ENOMEM;

    char *cursor = (char *)(items + count);
    for (uint32_t i = 0; i < count; i++) {
        items[i] = labels[i];
        move_text(&items[i].key, &cursor);
        move_text(&items[i].value, &cursor);
    }
    free(set->items);
    *set = (struct ex_label_set){items, count};
    return 0;
}

/* Writes the runs to `runs` (NULL = only counts) and returns their number. */
static uint32_t make_runs(struct fo_task_list tasks, struct fo_task_range *runs) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < tasks.count; i++) {
        bool begins = i == 0 || tasks.tasks[i] != tasks.tasks[i - 1] + 1;
        count += begins;
        if (runs && begins)
            runs[count - 1] = (struct fo_task_range){.first = tasks.tasks[i]};
        if (runs)
            runs[count - 1].count++;
    }
    return count;
}

void ex_failure_keep_decision(struct ex_failure *failure, struct fo_task_list tasks,
                              struct fo_budget budget) {
    uint32_t count = make_runs(tasks, NULL);

    failure->budget = budget;
    if (count == 0 || count > EX_FAILURE_RUNS_MAX)
        return;
    free(failure->restarted.items);
    failure->restarted = (struct ex_task_runs){malloc(count * sizeof(struct fo_task_range)), count};
    if (failure->restarted.items)
        (void)make_runs(tasks, failure->restarted.items);
    else
        failure->restarted.count = 0;
}

struct fo_str ex_failure_label(const struct ex_failure *failure, const char *key) {
    for (uint32_t i = 0; i < failure->verdict.count; i++) {
        if (fo_str_equal(failure->verdict.items[i].key, fo_str_of(key)))
            return failure->verdict.items[i].value;
    }
    return fo_str_of("");
}

static void keep_end(struct fo_str *text, size_t len) {
    if (text->len > len) {
        text->ptr += text->len - len;
        text->len = len;
    }
}

int ex_failure_own_evidence(struct ex_failure *failure) {
    struct fo_str *head = &failure->evidence.output_head;
    struct fo_str *tail = &failure->evidence.output_tail;

    keep_end(tail, EX_FAILURE_OUTPUT_MAX_BYTES);
    keep_end(head, EX_FAILURE_OUTPUT_MAX_BYTES - tail->len);
    return own_texts(failure);
}
