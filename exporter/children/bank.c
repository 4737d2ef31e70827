/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/children/bank.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/log.h"
#include "exporter/children/bank_internal.h"
#include "exporter/children/discovery.h"
#include "exporter/children/enrichers.h"
#include "exporter/events/event.h"

enum { LOG_LINE_MAX_BYTES = 8192, LOOK_MS = 100 };

static int fail(struct fo_error *reterr, int code, struct fo_str name, const char *why) {
    *reterr = (struct fo_error){.code = code};
    (void)snprintf(reterr->text, sizeof reterr->text, "listener \"%.*s\": %.180s",
                   (int)(name.len < 60 ? name.len : 60), name.ptr, why);
    return code;
}

/* ---- what children say ---- */

static void on_ready(void *ctx, const struct ex_child_hello *hello) {
    struct ex_member *member = ctx;
    struct ex_bank *bank = member->bank;

    if (member->version) { /* after a restart; what it exports does not change any more */
        ex_member_begin_again(member);
        return;
    }
    ex_member_set_window(member, hello->window);
    member->version = strndup(hello->version.ptr ? hello->version.ptr : "", hello->version.len);
    if (!member->version || ex_member_set_keys(member, hello) < 0)
        bank->error = (struct fo_error){.code = -ENOMEM, .text = "out of memory"};
    bank->starting--;
}

static void on_unusable(void *ctx, const struct fo_error *error) {
    struct ex_member *member = ctx;

    member->bank->error = *error;
    member->bank->starting--;
}

static bool on_delivered(void *ctx, uint64_t number) {
    return ex_member_acknowledge(ctx, number);
}

static void on_metric(void *ctx, const struct ex_child_line *line) {
    struct ex_member *member = ctx;

    bool taken =
        line->kind == EX_CHILD_METRIC_NEW
            ? ex_plugin_metrics_declare(&member->plugin_metrics, &line->metric)
            : ex_plugin_metrics_update(&member->plugin_metrics, member->bank->group, &line->metric);
    if (!taken)
        ex_member_count_call(member, EX_CALL_ERROR, -1);
}

static void on_restarted(void *ctx) {
    struct ex_member *member = ctx;
    ex_member_count(member, member->metrics.restarts);
}

static void on_dropped(void *ctx) {
    struct ex_member *member = ctx;
    ex_member_count(member, member->metrics.dropped);
}

static void on_suppressed(void *ctx) {
    struct ex_member *member = ctx;
    ex_member_count(member, member->metrics.suppressed);
}

/* ---- answers ---- */

static size_t texts_size(const struct ex_child_line *line) {
    size_t size = 0;

    for (uint32_t i = 0; i < line->label_count; i++)
        size += line->labels[i].value.len;
    return size + line->text.len;
}

static void keep(struct ex_answer *answer, int key, struct fo_str value, char **texts) {
    if (value.len > 0)
        memcpy(*texts, value.ptr, value.len);
    answer->labels[answer->count].key = (uint32_t)key;
    answer->labels[answer->count++].value = (struct fo_str){*texts, value.len};
    *texts += value.len;
}

/* A copy of the labels that the listener may give; the others are dropped one by one. */
static struct ex_answer *copy_answer(const struct ex_member *member,
                                     const struct ex_child_line *line) {
    bool is_tag = line->kind == EX_CHILD_TAG;
    uint32_t count = is_tag ? 1 : line->label_count;
    struct ex_answer *answer = malloc(sizeof *answer + count * sizeof *answer->labels +
                                      (is_tag ? line->text.len : texts_size(line)));

    if (!answer)
        return NULL;
    char *texts = (char *)&answer->labels[count];
    *answer = (struct ex_answer){.member = member};
    if (is_tag) {
        if (member->answers_tag && member->key_count == 1)
            keep(answer, 0, line->text, &texts);
        return answer;
    }
    for (uint32_t i = 0; i < line->label_count; i++) {
        int key = member->answers_tag ? -1 : ex_member_find_key(member, line->labels[i].key);
        if (key >= 0)
            keep(answer, key, line->labels[i].value, &texts);
        else
            ex_log(EX_LOG_DEBUG, "A label with a key that was not declared is dropped.",
                   EX_TEXT("listener", member->name), EX_STR("key", line->labels[i].key));
    }
    return answer;
}

static void on_answered(void *ctx, void *asked, enum ex_call_result result, double seconds,
                        const struct ex_child_line *line) {
    struct ex_member *member = ctx;
    struct ex_ticket *ticket = asked;

    ex_member_count_call(member, result, seconds);
    if (member->outbox.next)
        ex_member_send(member); /* there was no room; now it has read something */
    if (!ticket)
        return;
    if (line && !member->ignored) {
        struct ex_answer *answer = copy_answer(member, line);
        if (answer) {
            answer->next = ticket->answers;
            ticket->answers = answer;
        }
    }
    if (--ticket->waiting == 0)
        ticket->final(ticket);
}

/* ---- failures and events ---- */

static bool wants_failures(const struct ex_member *member) {
    return member->child && (member->events & EX_CHILD_WANTS(0)) != 0;
}

bool ex_bank_has_to_ask(const struct ex_bank *bank) {
    for (uint32_t i = 0; i < bank->member_count; i++) {
        if (wants_failures(&bank->members[i]))
            return true;
    }
    return false;
}

bool ex_bank_ask(struct ex_bank *bank, const struct fl_failure *failure, struct ex_ticket *ticket) {
    bool encoded = false;

    for (uint32_t i = 0; i < bank->member_count; i++) {
        struct ex_member *member = &bank->members[i];
        if (!wants_failures(member))
            continue;
        if (!encoded) {
            ex_buffer_reset(&bank->record);
            ex_event_encode_failure(&bank->record, failure, 0);
            encoded = true;
        }
        if (bank->record.failure == 0 &&
            ex_child_ask(member->child, ex_buffer_str(&bank->record), ticket)) {
            ticket->waiting++;
            ex_member_show_queue(member);
        }
    }
    return ticket->waiting > 0;
}

static uint32_t take_verdict(const struct ex_member *member, const struct fo_label *verdict,
                             uint32_t verdict_count, struct fo_label *ret_labels) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < verdict_count; i++) {
        int key = ex_member_find_key(member, verdict[i].key);
        if (key >= 0)
            ret_labels[count++] =
                (struct fo_label){fo_str_of(member->keys[key].exported), verdict[i].value};
    }
    return count;
}

static uint32_t take_answer(const struct ex_member *member, const struct ex_ticket *ticket,
                            struct fo_label *ret_labels) {
    const struct ex_answer *answer = ticket->answers;

    while (answer && answer->member != member)
        answer = answer->next;
    for (uint32_t i = 0; answer && i < answer->count; i++)
        ret_labels[i] = (struct fo_label){fo_str_of(member->keys[answer->labels[i].key].exported),
                                          answer->labels[i].value};
    return answer ? answer->count : 0;
}

uint32_t ex_bank_take(struct ex_bank *bank, struct ex_ticket *ticket,
                      const struct fo_label *verdict, uint32_t verdict_count,
                      struct fo_label ret_labels[static EX_BANK_LABELS_MAX]) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < bank->member_count; i++) {
        struct ex_member *member = &bank->members[i];
        if (member->child && ticket->waiting > 0)
            ex_child_forget(member->child, ticket);
        if (member->is_catalogue)
            ex_member_count_call(member, EX_CALL_OK, -1);
        if (member->ignored)
            continue;
        count += member->is_catalogue
                     ? take_verdict(member, verdict, verdict_count, ret_labels + count)
                     : take_answer(member, ticket, ret_labels + count);
    }
    ticket->waiting = 0;
    return count;
}

void ex_ticket_done(struct ex_ticket *ticket) {
    while (ticket->answers) {
        struct ex_answer *next = ticket->answers->next;
        free(ticket->answers);
        ticket->answers = next;
    }
}

void ex_bank_tell(struct ex_bank *bank, const struct fl_event *event) {
    bool encoded = false;

    for (uint32_t i = 0; i < bank->member_count; i++) {
        const struct ex_member *member = &bank->members[i];
        if (!member->child || member->outbox.window > 0 ||
            (member->events & EX_CHILD_WANTS(event->kind)) == 0)
            continue;
        if (!encoded) {
            ex_buffer_reset(&bank->record);
            ex_event_encode(&bank->record, event);
            encoded = true;
        }
        if (bank->record.failure == 0)
            ex_child_tell(member->child, ex_buffer_str(&bank->record));
    }
}

const struct fo_str *ex_bank_keys(const struct ex_bank *bank, uint32_t *ret_count) {
    *ret_count = bank->key_count;
    return bank->keys;
}

/* ---- the end ---- */

static void free_bank(struct ex_bank *bank) {
    void (*closed)(void *ctx) = bank->closed;
    void *ctx = bank->closed_ctx;

    for (uint32_t i = 0; i < bank->member_count; i++)
        ex_member_done(&bank->members[i]);
    ex_buffer_done(&bank->record);
    free(bank->host_program);
    free(bank);
    if (closed)
        closed(ctx);
}

static void on_ended(void *ctx) {
    struct ex_member *member = ctx;

    member->child = NULL;
    if (--member->bank->alive == 0 && member->bank->closing)
        free_bank(member->bank);
}

void ex_bank_close(struct ex_bank *bank, uint64_t grace_ms, void (*closed)(void *ctx), void *ctx) {
    if (!bank) {
        if (closed)
            closed(ctx);
        return;
    }
    bank->closed = closed;
    bank->closed_ctx = ctx;
    bank->alive++; /* so that the last child does not free it under our feet */
    bank->closing = true;
    for (uint32_t i = 0; i < bank->member_count; i++) {
        if (bank->members[i].child)
            ex_child_close(bank->members[i].child, grace_ms);
    }
    if (--bank->alive == 0)
        free_bank(bank);
}

/* ---- the beginning ---- */

/* Flink's words. */
static void log_found(const struct ex_member *member) {
    struct ex_buffer line;

    ex_buffer_init(&line, LOG_LINE_MAX_BYTES);
    ex_buffer_printf(&line, "Found failure enricher %s at %s.", member->name, member->path);
    ex_log_plain(EX_LOG_INFO, ex_buffer_text(&line));
    ex_buffer_done(&line);
}

static int find_file(struct ex_member *member, const char *plugins, struct fo_error *reterr) {
    struct fo_str name = fo_str_of(member->name);
    struct fo_error cause;

    int ret = ex_listener_find(plugins, name, &member->path, &cause);
    if (ret == 0)
        ret = ex_listener_check_owner(member->path, &cause);
    if (ret < 0)
        return fail(reterr, ret, name, cause.text);
    log_found(member);
    return 0;
}

static int start_member(struct ex_member *member, const struct ex_bank_config *config,
                        const char *plugins, const char *host, struct fo_error *reterr) {
    const struct ex_listener_config *own =
        ex_config_listener(config->config, fo_str_of(member->name));
    struct ex_child_config child = {
        .loop = config->loop,
        .spawner = config->spawner,
        .host_program = host,
        .name = member->name,
        .config = own ? own->config : NULL,
        .writable = own ? own->writable : NULL,
        .timeout_ms = own ? own->timeout_ms : 0,
        .memory_bytes = own ? own->memory_bytes : 0,
        .queue = own ? own->queue : 0,
        .owner = {.ctx = member,
                  .ready = on_ready,
                  .unusable = on_unusable,
                  .answered = on_answered,
                  .delivered = on_delivered,
                  .metric = on_metric,
                  .restarted = on_restarted,
                  .dropped = on_dropped,
                  .suppressed = on_suppressed,
                  .ended = on_ended},
    };

    member->rename = own ? own->rename : NULL;
    if (fo_str_equal(fo_str_of(member->name), fo_str_of("catalogue"))) {
        member->is_catalogue = true;
        member->version = strdup(config->catalogue_version);
        return member->version ? ex_member_set_catalogue_keys(member) : -ENOMEM;
    }
    int ret = find_file(member, plugins, reterr);
    if (ret < 0)
        return ret;
    child.path = member->path;
    member->bank->starting++;
    ret = ex_child_new(&child, &member->child);
    if (ret < 0)
        return fail(reterr, ret, fo_str_of(member->name), uv_strerror(ret));
    member->bank->alive++;
    return 0;
}

static int start_members(struct ex_bank *bank, const struct ex_bank_config *config,
                         const char *plugins, const char *host, struct fo_error *reterr) {
    struct fo_str names[EX_BANK_MEMBERS_MAX];
    size_t count =
        ex_enricher_list_parse(config->config->failure_enrichers, names, EX_BANK_MEMBERS_MAX);

    if (count > EX_BANK_MEMBERS_MAX)
        return fail(reterr, -E2BIG, names[0], "there are more than 64 of them");
    for (size_t i = 0; i < count; i++) {
        struct ex_member *member = &bank->members[bank->member_count];
        *member = (struct ex_member){.bank = bank, .name = strndup(names[i].ptr, names[i].len)};
        if (!member->name)
            return -ENOMEM;
        member->plugin_metrics =
            (struct ex_plugin_metrics){.metrics = config->metrics, .listener = member->name};
        bank->member_count++;
        int ret = start_member(member, config, plugins, host, reterr);
        if (ret < 0)
            return ret;
    }
    return 0;
}

static void on_look(uv_timer_t *timer) {
    (void)timer; /* that it fires is all: the loop comes round */
}

/* Each first line comes within its own time limit, so this ends. Timers that are due fire before
 * the loop waits: if its clock is late, one that fires once may do so for nothing, and the wait has
 * no end. So one that repeats is there as well. */
static int await_members(struct ex_bank *bank, struct fo_error *reterr) {
    uv_timer_t look;

    (void)uv_timer_init(bank->loop, &look); /* cannot fail */
    (void)uv_timer_start(&look, on_look, LOOK_MS, LOOK_MS);
    while (bank->starting > 0 && bank->error.code == 0)
        (void)uv_run(bank->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&look, NULL);
    (void)uv_run(bank->loop, UV_RUN_NOWAIT); /* it is on our stack */
    *reterr = bank->error;
    return bank->error.code;
}

static int open_bank(struct ex_bank *bank, const struct ex_bank_config *config,
                     struct fo_error *reterr) {
    char *plugins = config->plugins ? strdup(config->plugins) : ex_listener_default_folder();
    char *host = ex_listener_host_program();
    int ret = -ENOMEM;

    if (plugins && !host)
        ret = fail(reterr, -ENOENT, fo_str_of("failover_listener_host"),
                   "the program that listeners run in is not there");
    else if (plugins)
        ret = start_members(bank, config, plugins, host, reterr);
    if (ret == 0)
        ret = await_members(bank, reterr);
    if (ret == 0)
        ret = ex_bank_settle_keys(bank, reterr);
    if (ret == 0)
        ret = ex_bank_metrics_init(bank, config, reterr);
    bank->host_program = host; /* its children use it as long as they live */
    free(plugins);
    return ret;
}

static void note_closed(void *closed) {
    *(bool *)closed = true;
}

int ex_bank_open(const struct ex_bank_config *config, struct ex_bank **ret_bank,
                 struct fo_error *reterr) {
    struct ex_bank *bank = calloc(1, sizeof *bank);

    if (!bank)
        return -ENOMEM;
    bank->loop = config->loop;
    ex_buffer_init(&bank->record, EX_EVENT_LINE_MAX_BYTES);
    uv_update_time(config->loop); /* compiling the rules took long; deadlines begin now */
    int ret = ex_group_new(config->metrics, NULL, 0, NULL, &bank->group);
    if (ret == 0) {
        ex_group_begin(bank->group);
        ex_group_publish(bank->group);
        ret = open_bank(bank, config, reterr);
    }
    if (ret < 0) {
        bool closed = false;
        ex_bank_close(bank, 0, note_closed, &closed);
        while (!closed)
            (void)uv_run(config->loop, UV_RUN_ONCE);
        return ret;
    }
    *ret_bank = bank;
    return 0;
}
