/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/rule.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

static const char *const types[] = {"USER", "SYSTEM", "UNKNOWN"};
static const char *const categories[] = {
    "oom",     "resource_limit", "disk",     "network",   "dependency", "quota",
    "timeout", "auth",           "config",   "data",      "code_bug",   "state",
    "infra",   "hardware",       "platform", "cancelled", "unknown"};
static const char *const retries[] = {"never",    "immediate",        "backoff",   "elsewhere",
                                      "escalate", "restart_producer", "uncharged", "default"};

bool catalogue_rule_needs_text(const struct catalogue_rule *rule) {
    return rule->match.message_regex.count > 0 || rule->match.exception.count > 0;
}

bool catalogue_rule_rests_on_exit(const struct catalogue_rule *rule) {
    return !catalogue_rule_needs_text(rule) && rule->match.platform_reason.count == 0 &&
           rule->match.evidence == 0;
}

static bool known_in(const char *const *set, size_t count, struct fo_str value) {
    for (size_t i = 0; i < count; i++)
        if (fo_str_equal(fo_str_of(set[i]), value))
            return true;
    return false;
}

bool catalogue_type_known(struct fo_str value) {
    return known_in(types, COUNT(types), value);
}

bool catalogue_category_known(struct fo_str value) {
    return known_in(categories, COUNT(categories), value);
}

bool catalogue_retry_known(struct fo_str value) {
    return known_in(retries, COUNT(retries), value);
}

int catalogue_text_compare(const void *a, const void *b) {
    const struct fo_str *left = a;
    const struct fo_str *right = b;
    size_t shared = left->len < right->len ? left->len : right->len;
    int order = shared > 0 ? memcmp(left->ptr, right->ptr, shared) : 0;

    return order != 0 ? order : (left->len > right->len) - (left->len < right->len);
}

bool catalogue_cause_known(struct fo_str value) {
    return bsearch(&value, catalogue_builtin_causes, catalogue_builtin_cause_count, sizeof value,
                   catalogue_text_compare) != NULL;
}

static bool same_word(struct fo_str text, const char *word) {
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

struct fo_str catalogue_runtime_name(struct fo_str runtime) {
    static const char *const names[][2] = {
        {"java", "jvm"},    {"scala", "jvm"}, {"kotlin", "jvm"},       {"python3", "python"},
        {"nodejs", "node"}, {"golang", "go"}, {"docker", "container"}, {"podman", "container"},
        {"bash", "shell"},  {"sh", "shell"},  {"c++", "cpp"},          {"pyspark", "spark"},
    };

    for (size_t i = 0; i < COUNT(names); i++)
        if (same_word(runtime, names[i][0]))
            return fo_str_of(names[i][1]);
    return runtime;
}

static const char *const evidence_words[] = {"stop_requested", "deadline_exceeded",
                                             "cgroup_oom_kill", "heartbeat_missed"};

unsigned catalogue_evidence_of(struct fo_str word) {
    for (unsigned i = 0; i < COUNT(evidence_words); i++)
        if (fo_str_equal(word, fo_str_of(evidence_words[i])))
            return 1U << i;
    return 0;
}

struct fo_str catalogue_evidence_word(unsigned evidence) {
    return fo_str_of(evidence_words[__builtin_ctz(evidence)]);
}
