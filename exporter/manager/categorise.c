/* SPDX-License-Identifier: Apache-2.0 */
/* From evidence to the verdict of the built-in categoriser. */
#include <stdlib.h>

#include "exporter/base/log.h"
#include "exporter/manager/job.h"

enum { EXCEPTIONS_MAX = 32 };

static unsigned evidence_bits(const struct ex_evidence *evidence) {
    unsigned bits = 0;

    if (evidence->deadline_exceeded)
        bits |= CATALOGUE_DEADLINE_EXCEEDED;
    if (evidence->cgroup_oom_kill == EX_PROOF_YES)
        bits |= CATALOGUE_CGROUP_OOM_KILL;
    if (evidence->heartbeat_missed)
        bits |= CATALOGUE_HEARTBEAT_MISSED;
    return bits;
}

/* Writes `class: message`, as programs print it, and moves on behind it. */
static struct fo_str join(const struct ex_exception *exception, char **cursor) {
    struct fo_str text = {*cursor, 0};
    const struct fo_str parts[] = {exception->class_name, fo_str_of(": "), exception->message};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].len > 0)
            memcpy(*cursor, parts[i].ptr, parts[i].len);
        *cursor += parts[i].len;
    }
    text.len = (size_t)(*cursor - text.ptr);
    return text;
}

/* The exceptions as rules read them. *ret_block holds what had to be put together, to be freed;
 * without memory for it the classes stand alone. */
static size_t list_exceptions(const struct ex_evidence *evidence, struct fo_str *ret_texts,
                              char **ret_block) {
    size_t count = evidence->exception_count;
    size_t size = 1;

    if (count > EXCEPTIONS_MAX)
        count = EXCEPTIONS_MAX;
    for (size_t i = 0; i < count; i++)
        size += evidence->exceptions[i].class_name.len + 2 + evidence->exceptions[i].message.len;
    *ret_block = count > 0 ? malloc(size) : NULL;
    char *cursor = *ret_block;
    for (size_t i = 0; i < count; i++) {
        const struct ex_exception *exception = &evidence->exceptions[i];
        ret_texts[i] = exception->class_name;
        if (cursor && exception->message.len > 0)
            ret_texts[i] =
                exception->class_name.len > 0 ? join(exception, &cursor) : exception->message;
    }
    return count;
}

/* ---- what must not be shown ---- */

enum { TEXTS_MAX = EXCEPTIONS_MAX + 4 };

/* Redacted copies, until the failure has its own. */
struct redaction {
    struct ex_manager *manager;
    char *copies[TEXTS_MAX];
    size_t count;
};

static void redact(struct redaction *redaction, struct fo_str *text) {
    struct fo_str clean;
    int ret =
        catalogue_redact(redaction->manager->catalogue, redaction->manager->scratch, *text, &clean);

    if (ret == 0 && clean.ptr == text->ptr && clean.len == text->len)
        return;
    char *copy = ret == 0 ? strndup(clean.ptr, clean.len) : NULL;
    redaction->copies[redaction->count++] = copy;
    *text = copy ? (struct fo_str){copy, clean.len} : fo_str_of("");
}

/* Without a chain of its own the failure gets the one that the categoriser saw in the output. */
static void take_chain(struct ex_failure *failure, const struct catalogue_verdict *verdict,
                       struct ex_exception exceptions[static EXCEPTIONS_MAX]) {
    struct ex_evidence *evidence = &failure->evidence;
    bool own = evidence->exception_count > 0;
    size_t count = own ? evidence->exception_count : verdict->chain_count;

    if (count > EXCEPTIONS_MAX)
        count = EXCEPTIONS_MAX;
    for (size_t i = 0; i < count; i++)
        exceptions[i] =
            own ? evidence->exceptions[i]
                : (struct ex_exception){verdict->chain[i].name, verdict->chain[i].message};
    evidence->exceptions = exceptions;
    evidence->exception_count = (uint32_t)count;
}

/* What the failure says from now on: redacted, trimmed, with what the categoriser found out. What
 * it says already is its own and need not be copied again. */
static int settle_evidence(struct ex_manager *manager, struct ex_failure *failure,
                           const struct catalogue_verdict *verdict) {
    struct ex_evidence *evidence = &failure->evidence;
    struct redaction redaction = {.manager = manager};
    struct ex_exception exceptions[EXCEPTIONS_MAX];
    bool grows = evidence->runtime.len == 0 && verdict->runtime.len > 0;

    take_chain(failure, verdict, exceptions);
    if (grows)
        evidence->runtime = verdict->runtime;
    redact(&redaction, &evidence->message);
    redact(&redaction, &evidence->output_head);
    redact(&redaction, &evidence->output_tail);
    for (uint32_t i = 0; i < evidence->exception_count; i++)
        redact(&redaction, &exceptions[i].message);
    bool has_output = evidence->output_head.len + evidence->output_tail.len > 0;
    bool stays = !grows && !has_output && evidence->exception_count == 0 && redaction.count == 0;
    if (stays)
        evidence->exceptions = NULL; /* they were about to be ours */
    int ret = stays ? 0 : ex_failure_own_evidence(failure);
    for (size_t i = 0; i < redaction.count; i++)
        free(redaction.copies[i]);
    return ret;
}

static void keep_matched(struct ex_failure *failure, struct fo_str matched) {
    failure->matched = matched.len > 0 ? strndup(matched.ptr, matched.len) : NULL;
}

/* Showing what was to be redacted, or counting without a class, would be worse. */
static _Noreturn void die_without_memory(void) {
    ex_log_plain(EX_LOG_ERROR, "No memory for a failure; the daemon ends.");
    abort();
}

static void take_verdict(struct ex_manager *manager, struct ex_failure *failure,
                         const struct ex_memo_verdict *brief,
                         const struct catalogue_verdict *verdict) {
    keep_matched(failure, brief->matched);
    if (ex_label_set_copy(&failure->verdict, brief->labels, brief->label_count) < 0 ||
        settle_evidence(manager, failure, verdict) < 0)
        die_without_memory();
}

/* The categoriser is asked. */
static void judge(struct ex_manager *manager, struct ex_failure *failure,
                  const struct catalogue_input *input, const struct ex_memo_key *key) {
    struct catalogue_verdict verdict;
    struct ex_memo_verdict brief;
    int ret = catalogue_classify(manager->catalogue, input, manager->scratch, &verdict);

    if (ret < 0)
        ex_log_plain(EX_LOG_WARN, "No memory to categorise a failure; it counts as unknown.");
    else if (verdict.runtime.len == input->runtime.len)
        ex_verdict_memo_keep(manager->memo, key, &verdict);
    brief.label_count = (uint32_t)catalogue_verdict_labels(&verdict, brief.labels);
    brief.matched = verdict.decided_by.matched;
    take_verdict(manager, failure, &brief, &verdict);
}

void ex_failure_categorise(struct ex_manager *manager, struct ex_failure *failure) {
    static const struct catalogue_verdict nothing_more;
    const struct ex_evidence *evidence = &failure->evidence;
    struct fo_str exceptions[EXCEPTIONS_MAX];
    char *block;
    struct catalogue_input input = {
        .head = evidence->output_head,
        .tail = evidence->output_tail,
        .exited = evidence->exit_code >= 0,
        .exit_code = evidence->exit_code,
        .signal = evidence->signal,
        .runtime = evidence->runtime,
        .platform_reason = evidence->platform_reason,
        .exceptions = exceptions,
        .exception_count = list_exceptions(evidence, exceptions, &block),
        .evidence = evidence_bits(evidence),
    };
    const struct ex_memo_key key = ex_memo_key_of(&input);
    const struct ex_memo_verdict *known = ex_verdict_memo_find(manager->memo, &key);

    if (known)
        take_verdict(manager, failure, known, &nothing_more);
    else
        judge(manager, failure, &input, &key);
    free(block);
}
