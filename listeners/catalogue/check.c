/* SPDX-License-Identifier: Apache-2.0 */
/* Tries every rule on its own examples. */
#include <errno.h>
#include <stdio.h>

#include "listeners/catalogue/compiled.h"

struct check {
    const struct catalogue *catalogue;
    struct catalogue_scratch *scratch;
    void (*found)(void *ctx, const struct catalogue_finding *finding);
    void *ctx;
    int findings;
};

static void report(struct check *check, const struct catalogue_rule *rule, const char *text) {
    struct catalogue_finding finding = {rule->id, rule->file, rule->line, text};

    check->found(check->ctx, &finding);
    check->findings++;
}

static bool holds(const struct catalogue_verdict *verdict, const struct catalogue_rule *rule) {
    if (fo_str_equal(verdict->decided_by.rule, rule->id))
        return true;
    for (size_t i = 0; i < verdict->runner_up_count; i++)
        if (fo_str_equal(verdict->runners_up[i].rule, rule->id))
            return true;
    return false;
}

static int check_positive(struct check *check, const struct catalogue_rule *rule, size_t index) {
    struct catalogue_verdict verdict;
    const struct catalogue_match *decider = &verdict.decided_by;
    char text[256];
    int r = catalogue_classify(check->catalogue, &rule->positive.items[index], check->scratch,
                               &verdict);

    if (r != 0 || fo_str_equal(decider->rule, rule->id))
        return r;
    if (holds(&verdict, rule))
        (void)snprintf(text, sizeof text, "positive example %zu is shadowed by rule %.*s (%.*s:%d)",
                       index + 1, (int)decider->rule.len, decider->rule.ptr, (int)decider->file.len,
                       decider->file.ptr, decider->line);
    else
        (void)snprintf(text, sizeof text, "positive example %zu does not match", index + 1);
    report(check, rule, text);
    return 0;
}

static int check_negative(struct check *check, const struct catalogue_rule *rule, size_t index) {
    struct catalogue_verdict verdict;
    char text[64];
    int r = catalogue_classify(check->catalogue, &rule->negative.items[index], check->scratch,
                               &verdict);

    if (r != 0 || !holds(&verdict, rule))
        return r;
    (void)snprintf(text, sizeof text, "negative example %zu matches", index + 1);
    report(check, rule, text);
    return 0;
}

static int check_rule(struct check *check, const struct catalogue_rule *rule) {
    int before = check->findings;
    int r = 0;

    for (size_t i = 0; r == 0 && i < rule->positive.count; i++)
        r = check_positive(check, rule, i);
    if (r == 0 && rule->positive.count == 0)
        report(check, rule, "no positive example shows that it can be reached");
    else if (r == 0 && check->findings - before == (int)rule->positive.count)
        report(check, rule, "cannot be reached: it decides none of its examples");
    for (size_t i = 0; r == 0 && i < rule->negative.count; i++)
        r = check_negative(check, rule, i);
    return r;
}

int catalogue_check(const struct catalogue *catalogue,
                    void (*found)(void *ctx, const struct catalogue_finding *finding), void *ctx) {
    struct check check = {.catalogue = catalogue, .found = found, .ctx = ctx};
    int r = catalogue_scratch_new(catalogue, &check.scratch);

    for (size_t i = 0; r == 0 && i < catalogue->rule_count; i++)
        r = check_rule(&check, catalogue->rules[i]);
    (void)catalogue_scratch_free(check.scratch);
    return r != 0 ? r : check.findings;
}
