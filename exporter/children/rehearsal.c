/* SPDX-License-Identifier: Apache-2.0 */
/* What the bank does at start, without a daemon around it: which keys would each listener export?
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/children/bank_internal.h"
#include "exporter/children/discovery.h"
#include "exporter/children/enrichers.h"
#include "exporter/children/probe.h"
#include "exporter/config/fail.h"

enum { NOTE_BYTES = 512 };

struct rehearsal {
    const struct ex_config *config;
    const char *plugins;
    void (*note)(void *ctx, const char *text);
    void *ctx;
    struct fo_error *reterr;
    struct ex_bank bank; /* its members' keys only */
};

/* The first line of a child that is there; 0 without keys when it is not. */
static int greet(struct rehearsal *rehearsal, struct ex_member *member) {
    const struct ex_listener_config *own =
        ex_config_listener(rehearsal->config, fo_str_of(member->name));
    struct ex_child_hello hello;
    char note[NOTE_BYTES];

    int ret = ex_listener_find(rehearsal->plugins, fo_str_of(member->name), &member->path,
                               rehearsal->reterr);
    if (ret == -ENOENT) {
        (void)snprintf(note, sizeof note,
                       "listener \"%s\" is not here, so its keys are not checked", member->name);
        rehearsal->note(rehearsal->ctx, note);
        return 0;
    }
    if (ret == 0)
        ret = ex_listener_greet(member->path, own, &hello, rehearsal->reterr);
    if (ret < 0)
        return ret;
    ret = ex_member_set_keys(member, &hello);
    ex_child_hello_done(&hello);
    return ret;
}

static int add_member(struct rehearsal *rehearsal, struct fo_str name) {
    struct ex_member *member = &rehearsal->bank.members[rehearsal->bank.member_count];
    const struct ex_listener_config *own = ex_config_listener(rehearsal->config, name);

    *member =
        (struct ex_member){.name = strndup(name.ptr, name.len), .rename = own ? own->rename : NULL};
    if (!member->name)
        return ex_fail(rehearsal->reterr, -ENOMEM, 0, "out of memory");
    rehearsal->bank.member_count++;
    if (fo_str_equal(name, fo_str_of("catalogue")))
        return ex_member_set_catalogue_keys(member);
    int ret = greet(rehearsal, member);
    if (ret < 0) {
        struct fo_error cause = *rehearsal->reterr;
        return ex_fail(rehearsal->reterr, ret, 0, "listener \"%s\": %s", member->name, cause.text);
    }
    return 0;
}

static int rehearse(struct rehearsal *rehearsal) {
    struct fo_str names[EX_BANK_MEMBERS_MAX];
    size_t count =
        ex_enricher_list_parse(rehearsal->config->failure_enrichers, names, EX_BANK_MEMBERS_MAX);
    int ret = 0;

    if (count > EX_BANK_MEMBERS_MAX)
        return ex_fail(rehearsal->reterr, -E2BIG, 0, "more than %d listeners", EX_BANK_MEMBERS_MAX);
    for (size_t i = 0; i < count && ret == 0; i++)
        ret = add_member(rehearsal, names[i]);
    return ret == 0 ? ex_bank_check_keys(&rehearsal->bank, rehearsal->reterr) : ret;
}

int ex_listeners_check(const struct ex_config *config, const char *plugins,
                       void (*note)(void *ctx, const char *text), void *ctx,
                       struct fo_error *reterr) {
    struct rehearsal *rehearsal = calloc(1, sizeof *rehearsal);
    char *folder = plugins ? strdup(plugins) : ex_listener_default_folder();
    int ret = -ENOMEM;

    *reterr = (struct fo_error){.code = -ENOMEM, .text = "out of memory"};
    if (rehearsal && folder) {
        *rehearsal = (struct rehearsal){
            .config = config, .plugins = folder, .note = note, .ctx = ctx, .reterr = reterr};
        ret = rehearse(rehearsal);
        reterr->line = config->failure_enrichers_line;
        for (uint32_t i = 0; i < rehearsal->bank.member_count; i++)
            ex_member_done(&rehearsal->bank.members[i]);
    }
    free(folder);
    free(rehearsal);
    return ret;
}
