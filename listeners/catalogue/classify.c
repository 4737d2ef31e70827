/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "listeners/catalogue/compiled.h"

enum {
    KEPT_MAX = 1 + CATALOGUE_RUNNERS_UP_MAX,
    FACT_MAX_BYTES = 64,
    NEWEST = INT32_MAX /* facts about the death itself are newer than any output */
};

/* A rule that holds. */
struct candidate {
    const struct catalogue_rule *rule;
    uint32_t index;    /* of the rule, which is its place in the files */
    uint32_t position; /* where its newest match ended */
    uint32_t line_end; /* 0: it has no line to show */
};

struct judgement {
    const struct catalogue *catalogue;
    const struct catalogue_input *input;
    struct catalogue_scratch *scratch;
    struct fo_str text;
    struct fo_str runtime;
    struct candidate kept[KEPT_MAX]; /* best first */
    size_t kept_count;
};

static struct catalogue_hit *hit_of(struct catalogue_scratch *scratch, uint32_t rule) {
    struct catalogue_hit *hit = &scratch->hits[rule];

    if (hit->generation != scratch->generation) {
        *hit = (struct catalogue_hit){.generation = scratch->generation};
        scratch->touched[scratch->touched_count++] = rule;
    }
    return hit;
}

/* A matcher at work on a piece of the text. */
struct search {
    struct judgement *judgement;
    const struct catalogue_matcher *matcher;
    size_t offset; /* of the piece */
};

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *ctx) {
    const struct search *search = ctx;
    struct judgement *judgement = search->judgement;
    const struct catalogue_expression *expression =
        &search->matcher->expressions[id >> CATALOGUE_TAIL_BITS];
    unsigned tail = id & ((1U << CATALOGUE_TAIL_BITS) - 1);
    size_t end = search->offset + to;

    (void)from;
    (void)flags;
    if (tail != 0)
        end = catalogue_tail_end(tail, judgement->text, end);
    if (end == 0 || expression->rule == CATALOGUE_NO_RULE)
        return 0;
    if (expression->kind == CATALOGUE_TEXT) {
        struct catalogue_hit *hit = hit_of(judgement->scratch, expression->rule);
        hit->text_end = end > hit->text_end ? (uint32_t)end : hit->text_end;
    } else if (catalogue_exception_named(judgement->text, end, expression->name_len)) {
        struct catalogue_hit *hit = hit_of(judgement->scratch, expression->rule);
        hit->exception_end = end > hit->exception_end ? (uint32_t)end : hit->exception_end;
    }
    return 0;
}

static void search(struct judgement *judgement, const struct catalogue_matcher *matcher,
                   struct fo_str piece) {
    struct search search = {judgement, matcher, (size_t)(piece.ptr - judgement->text.ptr)};

    if (piece.len == 0 || !matcher->database)
        return;
    hs_error_t outcome = hs_scan(matcher->database, piece.ptr, (unsigned)piece.len, 0,
                                 judgement->scratch->matcher, on_match, &search);
    assert(outcome == HS_SUCCESS);
    (void)outcome;
}

static void search_piece(void *ctx, const char *from, size_t len) {
    struct judgement *judgement = ctx;

    search(judgement, &judgement->catalogue->builtin, (struct fo_str){from, len});
}

static void forget_last(struct catalogue_scratch *scratch) {
    scratch->touched_count = 0;
    scratch->shown_used = 0;
    if (++scratch->generation == 0) {
        memset(scratch->hits, 0, scratch->catalogue->rule_count * sizeof *scratch->hits);
        scratch->generation = 1;
    }
}

static bool word_in(struct fo_str word, const struct catalogue_texts *texts) {
    for (size_t i = 0; i < texts->count; i++)
        if (texts->items[i].len == word.len &&
            strncasecmp(texts->items[i].ptr, word.ptr, word.len) == 0)
            return true;
    return false;
}

static bool ends_word(char c) {
    bool inside = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
    return !inside;
}

/* Platforms say more than their word at times: `CANCELLED by 1000`, `OUT_OF_MEMORY+`. */
static bool reason_in(struct fo_str reason, const struct catalogue_texts *words) {
    for (size_t i = 0; i < words->count; i++) {
        const struct fo_str *word = &words->items[i];
        if (reason.len >= word->len && memcmp(reason.ptr, word->ptr, word->len) == 0 &&
            (reason.len == word->len || ends_word(reason.ptr[word->len])))
            return true;
    }
    return false;
}

static bool exit_holds(const struct catalogue_rule_match *match,
                       const struct catalogue_input *input) {
    if (match->exit_code.count == 0 && !match->exit_nonzero)
        return true;
    if (!input->exited)
        return false;
    for (size_t i = 0; i < match->exit_code.count; i++)
        if (match->exit_code.items[i] == input->exit_code)
            return true;
    return match->exit_nonzero && input->exit_code != 0;
}

static bool signal_holds(const struct catalogue_rule_match *match,
                         const struct catalogue_input *input) {
    if (match->signals == 0)
        return true;
    return input->signal > 0 && input->signal <= CATALOGUE_SIGNAL_MAX &&
           (match->signals >> (input->signal - 1) & 1) != 0;
}

/* All keys but those of the text, cheapest first. */
static bool facts_hold(const struct judgement *judgement, const struct catalogue_rule *rule) {
    const struct catalogue_rule_match *match = &rule->match;
    const struct catalogue_input *input = judgement->input;

    return (match->evidence == 0 || (match->evidence & input->evidence) != 0) &&
           signal_holds(match, input) && exit_holds(match, input) &&
           (match->runtime.count == 0 || word_in(judgement->runtime, &match->runtime)) &&
           (match->platform_reason.count == 0 ||
            reason_in(input->platform_reason, &match->platform_reason));
}

/* The order of catalogue.h: never equal, since no two rules have one place. */
static bool better(const struct candidate *a, const struct candidate *b) {
    bool a_rests = catalogue_rule_rests_on_exit(a->rule);
    bool b_rests = catalogue_rule_rests_on_exit(b->rule);

    if (a_rests != b_rests)
        return b_rests;
    if (a->rule->priority != b->rule->priority)
        return a->rule->priority > b->rule->priority;
    if (a->position != b->position)
        return a->position > b->position;
    return a->index < b->index;
}

static void keep(struct judgement *judgement, const struct candidate *candidate) {
    size_t place = judgement->kept_count;

    while (place > 0 && better(candidate, &judgement->kept[place - 1])) {
        if (place < KEPT_MAX)
            judgement->kept[place] = judgement->kept[place - 1];
        place--;
    }
    if (place == KEPT_MAX)
        return;
    judgement->kept[place] = *candidate;
    if (judgement->kept_count < KEPT_MAX)
        judgement->kept_count++;
}

static void weigh_text(struct judgement *judgement, uint32_t index) {
    const struct catalogue_rule *rule = judgement->catalogue->rules[index];
    const struct catalogue_hit *hit = &judgement->scratch->hits[index];

    if ((rule->match.message_regex.count > 0 && hit->text_end == 0) ||
        (rule->match.exception.count > 0 && hit->exception_end == 0) ||
        !facts_hold(judgement, rule))
        return;
    uint32_t end = hit->text_end > hit->exception_end ? hit->text_end : hit->exception_end;
    struct candidate candidate = {rule, index, end, end};
    keep(judgement, &candidate);
}

static void weigh_facts(struct judgement *judgement, enum catalogue_fact fact) {
    const struct catalogue_rule_list *list = &judgement->catalogue->by_fact[fact];

    for (size_t i = 0; i < list->count; i++) {
        const struct catalogue_rule *rule = judgement->catalogue->rules[list->items[i]];
        struct candidate candidate = {rule, list->items[i], NEWEST, 0};
        if (facts_hold(judgement, rule))
            keep(judgement, &candidate);
    }
}

static void weigh(struct judgement *judgement) {
    const struct catalogue_input *input = judgement->input;

    for (size_t i = 0; i < judgement->scratch->touched_count; i++)
        weigh_text(judgement, judgement->scratch->touched[i]);
    if (input->evidence != 0)
        weigh_facts(judgement, CATALOGUE_BY_EVIDENCE);
    if (input->platform_reason.len > 0)
        weigh_facts(judgement, CATALOGUE_BY_PLATFORM);
    if (input->signal > 0)
        weigh_facts(judgement, CATALOGUE_BY_SIGNAL);
    if (input->exited)
        weigh_facts(judgement, CATALOGUE_BY_EXIT);
    if (judgement->runtime.len > 0)
        weigh_facts(judgement, CATALOGUE_BY_RUNTIME);
}

/* The whole line in which a match ended. */
static struct fo_str line_around(struct judgement *judgement, uint32_t end) {
    struct fo_str text = judgement->text;
    const char *before = memrchr(text.ptr, '\n', end - 1);
    size_t from = before ? (size_t)(before - text.ptr) + 1 : 0;
    const char *after = memchr(text.ptr + end - 1, '\n', text.len - (end - 1));
    size_t to = after ? (size_t)(after - text.ptr) : text.len;
    struct fo_str line = {text.ptr + from, to > from ? to - from : 0};

    return catalogue_show(judgement->scratch, line, end - from);
}

/* The fact that made a rule without text hold. */
static struct fo_str fact_of(struct judgement *judgement, const struct catalogue_rule *rule) {
    const struct catalogue_input *input = judgement->input;
    char text[FACT_MAX_BYTES];

    if (rule->match.platform_reason.count > 0)
        return catalogue_show(judgement->scratch, input->platform_reason, 0);
    if (rule->match.evidence != 0)
        return catalogue_evidence_word(rule->match.evidence & input->evidence);
    if (rule->match.signals != 0)
        (void)snprintf(text, sizeof text, "signal %d", input->signal);
    else if (rule->match.exit_code.count > 0 || rule->match.exit_nonzero)
        (void)snprintf(text, sizeof text, "exit code %d", input->exit_code);
    else
        return judgement->runtime;
    return catalogue_show_copy(judgement->scratch, fo_str_of(text));
}

static void describe(struct judgement *judgement, const struct candidate *candidate,
                     struct catalogue_match *ret_match) {
    ret_match->rule = candidate->rule->id;
    ret_match->file = candidate->rule->file;
    ret_match->line = candidate->rule->line;
    ret_match->priority = candidate->rule->priority;
    ret_match->matched = candidate->line_end > 0 ? line_around(judgement, candidate->line_end)
                                                 : fact_of(judgement, candidate->rule);
}

static void set_unknown(struct catalogue_verdict *verdict) {
    *verdict = (struct catalogue_verdict){
        .type = fo_str_of("UNKNOWN"),
        .category = fo_str_of("unknown"),
        .cause = fo_str_of("unknown"),
        .retry = fo_str_of("default"),
    };
}

static void set_decided(struct judgement *judgement, struct catalogue_verdict *verdict) {
    const struct catalogue_rule_labels *labels = &judgement->kept[0].rule->labels;

    verdict->type = labels->type;
    verdict->category = labels->category;
    verdict->cause = labels->cause;
    verdict->retry = labels->retry;
    verdict->secondary = labels->secondary;
    verdict->wrapper = labels->wrapper;
    describe(judgement, &judgement->kept[0], &verdict->decided_by);
    for (size_t i = 1; i < judgement->kept_count; i++)
        describe(judgement, &judgement->kept[i], &verdict->runners_up[i - 1]);
    verdict->runner_up_count = judgement->kept_count - 1;
}

/* Searches the output, and reads what the trace in it tells, unless it was told better. */
static void read_text(struct judgement *judgement, struct catalogue_verdict *verdict) {
    const struct catalogue_input *input = judgement->input;

    verdict->chain_count = catalogue_trace_read(judgement->text, search_piece, judgement,
                                                verdict->chain, &judgement->runtime);
    search(judgement, &judgement->catalogue->own, judgement->text);
    if (input->runtime.len > 0)
        judgement->runtime = catalogue_runtime_name(input->runtime);
    if (input->exception_count > 0)
        verdict->chain_count =
            catalogue_trace_reported(input->exceptions, input->exception_count, verdict->chain);
    verdict->runtime = judgement->runtime;
    for (size_t i = 0; i < verdict->chain_count; i++)
        verdict->chain[i].message =
            catalogue_show(judgement->scratch, verdict->chain[i].message, 0);
}

int catalogue_classify(const struct catalogue *catalogue, const struct catalogue_input *input,
                       struct catalogue_scratch *scratch, struct catalogue_verdict *ret_verdict) {
    struct judgement judgement = {.catalogue = catalogue, .input = input, .scratch = scratch};

    assert(scratch->catalogue == catalogue);
    set_unknown(ret_verdict);
    int r = catalogue_text_join(scratch, input, &judgement.text);
    if (r != 0)
        return r;
    forget_last(scratch);
    read_text(&judgement, ret_verdict);
    weigh(&judgement);
    if (judgement.kept_count > 0)
        set_decided(&judgement, ret_verdict);
    return 0;
}

size_t catalogue_verdict_labels(const struct catalogue_verdict *verdict,
                                struct fo_label ret_labels[CATALOGUE_LABELS_MAX]) {
    size_t count = 0;

    ret_labels[count++] = (struct fo_label){fo_str_of("type"), verdict->type};
    ret_labels[count++] = (struct fo_label){fo_str_of("category"), verdict->category};
    ret_labels[count++] = (struct fo_label){fo_str_of("cause"), verdict->cause};
    ret_labels[count++] = (struct fo_label){fo_str_of("retry"), verdict->retry};
    if (verdict->secondary)
        ret_labels[count++] = (struct fo_label){fo_str_of("secondary"), fo_str_of("true")};
    if (verdict->wrapper)
        ret_labels[count++] = (struct fo_label){fo_str_of("wrapper"), fo_str_of("true")};
    return count;
}
