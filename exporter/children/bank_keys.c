/* SPDX-License-Identifier: Apache-2.0 */
/* Which labels the listeners may give: declared keys, renamed, without those that conflict. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/log.h"
#include "exporter/children/bank_internal.h"
#include "exporter/children/enrichers.h"
#include "exporter/config/fail.h"

/* The label of an output key: renamed, or as it is. */
static struct fo_str label_of(const struct ex_member *member, struct fo_str key) {
    const char *name;
    json_t *label;

    json_object_foreach(member->rename, name, label) {
        if (fo_str_equal(fo_str_of(name), key))
            return fo_str_of(json_string_value(label));
    }
    return key;
}

static int add_key(struct ex_member *member, struct fo_str answered, struct fo_str exported) {
    struct ex_member_key *key = &member->keys[member->key_count];

    if (!ex_child_key_is_label(exported)) {
        ex_log(EX_LOG_WARN,
               "An output key of a listener is reserved or no label name; it is dropped.",
               EX_TEXT("listener", member->name), EX_STR("key", exported));
        return 0;
    }
    key->answered = strndup(answered.ptr, answered.len);
    key->exported = strndup(exported.ptr, exported.len);
    member->key_count += key->answered || key->exported ? 1 : 0;
    return key->answered && key->exported ? 0 : -ENOMEM;
}

/* A tag becomes the label named after the listener. */
static int add_tag_key(struct ex_member *member) {
    struct fo_str name = fo_str_of(member->name);
    struct fo_str label = label_of(member, name);
    char text[EX_CHILD_KEY_MAX_BYTES + 1];

    (void)snprintf(text, sizeof text, "%.*s", (int)label.len, label.ptr);
    for (char *c = text; *c; c++) {
        if (*c == '-' || *c == '.')
            *c = '_';
    }
    return add_key(member, name, fo_str_of(text));
}

int ex_member_set_keys(struct ex_member *member, const struct ex_child_hello *hello) {
    int ret = 0;

    member->events = hello->events;
    if ((hello->events & EX_CHILD_WANTS(0)) == 0)
        return 0; /* is not asked, so it has no labels */
    member->answers_tag = hello->key_count == 0;
    if (member->answers_tag)
        return add_tag_key(member);
    for (uint32_t i = 0; i < hello->key_count && ret == 0; i++)
        ret = add_key(member, hello->keys[i], label_of(member, hello->keys[i]));
    return ret;
}

int ex_member_set_catalogue_keys(struct ex_member *member) {
    static const char *const exported[] = {"type", "category", "cause"};
    int ret = 0;

    for (size_t i = 0; i < sizeof exported / sizeof *exported && ret == 0; i++)
        ret = add_key(member, fo_str_of(exported[i]), label_of(member, fo_str_of(exported[i])));
    return ret;
}

int ex_member_find_key(const struct ex_member *member, struct fo_str answered) {
    for (uint32_t i = 0; i < member->key_count; i++) {
        if (fo_str_equal(fo_str_of(member->keys[i].answered), answered))
            return (int)i;
    }
    return -1;
}

void ex_member_done(struct ex_member *member) {
    for (uint32_t i = 0; i < member->key_count; i++) {
        free(member->keys[i].answered);
        free(member->keys[i].exported);
    }
    ex_outbox_done(&member->outbox);
    free(member->name);
    free(member->path);
    free(member->version);
}

/* ---- conflicts ---- */

/* The members as Flink's rules see them. */
struct view {
    struct ex_enricher enrichers[EX_BANK_MEMBERS_MAX];
    struct fo_str keys[EX_BANK_MEMBERS_MAX][EX_CHILD_KEYS_MAX];
    struct ex_enricher_conflict conflicts[EX_BANK_MEMBERS_MAX];
};

static struct view *view_conflicts(const struct ex_bank *bank) {
    struct view *view = calloc(1, sizeof *view);

    if (!view)
        return NULL;
    for (uint32_t i = 0; i < bank->member_count; i++) {
        const struct ex_member *member = &bank->members[i];
        for (uint32_t k = 0; k < member->key_count; k++)
            view->keys[i][k] = fo_str_of(member->keys[k].exported);
        view->enrichers[i] = (struct ex_enricher){.class_name = fo_str_of(member->name),
                                                  .output_keys = view->keys[i],
                                                  .output_key_count = member->key_count};
    }
    ex_enricher_find_conflicts(view->enrichers, bank->member_count, view->conflicts);
    return view;
}

int ex_bank_check_keys(const struct ex_bank *bank, struct fo_error *reterr) {
    struct view *view = view_conflicts(bank);
    int ret = 0;

    if (!view)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    for (uint32_t i = 0; i < bank->member_count && ret == 0; i++) {
        const struct ex_enricher_conflict *conflict = &view->conflicts[i];
        if (conflict->other != EX_NO_ENRICHER)
            ret = ex_fail(reterr, -EEXIST, 0,
                          "listeners \"%s\" and \"%s\" both export \"%.*s\", so that all labels of "
                          "both would be ignored; rename one",
                          bank->members[i].name, bank->members[conflict->other].name,
                          ex_shown(conflict->key), conflict->key.ptr);
    }
    free(view);
    return ret;
}

static void note_conflict(struct ex_bank *bank, uint32_t i, const struct view *view) {
    const struct ex_enricher_conflict *conflict = &view->conflicts[i];

    if (conflict->other == EX_NO_ENRICHER)
        return;
    bank->members[i].ignored = true;
    ex_log(EX_LOG_WARN,
           "Two listeners export one key; all labels of both are ignored. Rename one of them.",
           EX_TEXT("listener", bank->members[i].name),
           EX_TEXT("other", bank->members[conflict->other].name), EX_STR("key", conflict->key));
}

static int list_keys(struct ex_bank *bank, struct fo_error *reterr) {
    for (uint32_t i = 0; i < bank->member_count; i++) {
        const struct ex_member *member = &bank->members[i];
        for (uint32_t k = 0; k < member->key_count && !member->ignored; k++) {
            if (bank->key_count == EX_BANK_LABELS_MAX) {
                *reterr = (struct fo_error){.code = -E2BIG};
                (void)snprintf(reterr->text, sizeof reterr->text,
                               "the listeners export more than %d keys together",
                               EX_BANK_LABELS_MAX);
                return -E2BIG;
            }
            bank->keys[bank->key_count++] = fo_str_of(member->keys[k].exported);
        }
    }
    return 0;
}

int ex_bank_settle_keys(struct ex_bank *bank, struct fo_error *reterr) {
    struct view *view = view_conflicts(bank);

    if (!view)
        return -ENOMEM;
    for (uint32_t i = 0; i < bank->member_count; i++)
        note_conflict(bank, i, view);
    free(view);
    return list_keys(bank, reterr);
}
