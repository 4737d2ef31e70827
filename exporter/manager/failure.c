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

int ex_failure_copy(const struct ex_failure *failure, struct ex_failure **ret_copy) {
    struct ex_failure *copy = calloc(1, sizeof *copy);

    if (!copy)
        return -ENOMEM;
    *copy = *failure;
    copy->next = NULL;
    copy->texts = NULL; /* both point to the original's until they are copied */
    copy->label_texts = NULL;
    int ret = own_texts(copy);
    if (ret == 0)
        ret = ex_failure_set_labels(copy, failure->labels, failure->label_count);
    if (ret < 0) {
        (void)ex_failure_free(copy);
        return ret;
    }
    *ret_copy = copy;
    return 0;
}

struct ex_failure *ex_failure_free(struct ex_failure *failure) {
    if (failure) {
        free(failure->texts);
        free(failure->label_texts);
        free(failure);
    }
    return NULL;
}

int ex_failure_set_labels(struct ex_failure *failure, const struct fo_label *labels,
                          uint32_t count) {
    size_t size = 0;

    if (count > EX_FAILURE_LABELS_MAX)
        return -E2BIG;
    for (uint32_t i = 0; i < count; i++)
        size += labels[i].key.len + labels[i].value.len + 2;
    char *memory = malloc(size + 1);
    if (!memory)
        return -ENOMEM;

    char *cursor = memory;
    for (uint32_t i = 0; i < count; i++) {
        struct fo_label label = labels[i];
        move_text(&label.key, &cursor);
        move_text(&label.value, &cursor);
        failure->labels[i] = label;
    }
    failure->label_count = count;
    free(failure->label_texts);
    failure->label_texts = memory;
    return 0;
}

struct fo_str ex_failure_label(const struct ex_failure *failure, const char *key) {
    for (uint32_t i = 0; i < failure->label_count; i++) {
        if (fo_str_equal(failure->labels[i].key, fo_str_of(key)))
            return failure->labels[i].value;
    }
    return fo_str_of("");
}

static void keep_end(struct fo_str *text, size_t len) {
    if (text->len > len) {
        text->ptr += text->len - len;
        text->len = len;
    }
}

void ex_failure_trim(struct ex_failure *failure) {
    struct ex_evidence before = failure->evidence;
    struct fo_str *head = &failure->evidence.output_head;
    struct fo_str *tail = &failure->evidence.output_tail;

    if (head->len + tail->len <= EX_FAILURE_OUTPUT_MAX_BYTES)
        return;
    keep_end(tail, EX_FAILURE_OUTPUT_MAX_BYTES);
    keep_end(head, EX_FAILURE_OUTPUT_MAX_BYTES - tail->len);
    if (own_texts(failure) < 0)
        failure->evidence = before;
}
