/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/children/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/children/child_internal.h"

enum {
    BACK_OFF_MS = 100,
    BACK_OFF_MAX_MS = 60000,
    LATE_MS = 100,
    STEADY_MS = 60000, /* up for that long: the back-off begins anew */
    ARGUMENTS_MAX = 2 * 64 + 8,
    NS_PER_MS = 1000000,
};

static void on_timer(uv_timer_t *timer);
static void start(struct ex_child *child);

/* ---- the end ---- */

static void free_child(struct ex_child *child) {
    struct ex_child_owner owner = child->config.owner;

    json_decref(child->settings);
    json_decref(child->writable);
    ex_buffer_done(&child->out);
    ex_calls_done(&child->calls);
    free(child);
    owner.ended(owner.ctx);
}

static void on_handle_closed(uv_handle_t *handle) {
    struct ex_child *child = handle->data;

    if (--child->handles == 0)
        free_child(child);
}

static void end_if_gone(struct ex_child *child) {
    if (child->running || uv_is_closing((uv_handle_t *)&child->timer))
        return;
    ex_child_pipes_close(child);
    uv_close((uv_handle_t *)&child->timer, on_handle_closed);
    uv_close((uv_handle_t *)&child->ration, on_handle_closed);
}

static void kill_all(struct ex_child *child) {
    if (child->running)
        ex_spawner_signal(child->config.spawner, &child->watch, SIGKILL, EX_SPAWN_EVERYTHING);
}

/* ---- calls ---- */

void ex_child_end_call(struct ex_child *child, struct ex_call *call, enum ex_call_result result,
                       const struct ex_child_line *answer) {
    const struct ex_child_owner *owner = &child->config.owner;
    void *asked = call->asked;
    double seconds = (double)(ex_clock_ns() - call->sent_ns) / 1e9;

    ex_calls_end(&child->calls, call, result == EX_CALL_TIMEOUT);
    owner->answered(owner->ctx, asked, result, seconds, answer);
}

static void end_calls(struct ex_child *child) {
    struct ex_call *call;

    while ((call = ex_calls_oldest(&child->calls)) != NULL)
        ex_child_end_call(child, call, EX_CALL_ERROR, NULL);
}

static uint64_t deadline_ns(const struct ex_child *child, const struct ex_call *call) {
    return call->sent_ns + (uint64_t)child->config.timeout_ms * NS_PER_MS;
}

void ex_child_arm(struct ex_child *child) {
    const struct ex_call *call = ex_calls_oldest(&child->calls);
    uint64_t now_ns = ex_clock_ns();

    if (!call || child->state != EX_CHILD_UP) {
        (void)uv_timer_stop(&child->timer);
        return;
    }
    uint64_t end_ns = deadline_ns(child, call);
    uint64_t wait_ms = end_ns > now_ns ? (end_ns - now_ns) / NS_PER_MS + 1 : 0;
    (void)uv_timer_start(&child->timer, on_timer, wait_ms, 0);
}

/* This process was stopped, or starved, until long after a deadline: the answer may lie ready to be
 * read, which is done first, once. */
static bool is_late(struct ex_child *child) {
    const struct ex_call *call = ex_calls_oldest(&child->calls);
    bool late = call && ex_clock_ns() > deadline_ns(child, call) + (uint64_t)LATE_MS * NS_PER_MS;

    child->timer_late = late && !child->timer_late;
    return child->timer_late;
}

static void expire_calls(struct ex_child *child) {
    uint64_t now_ns = ex_clock_ns();
    struct ex_call *call;

    if (is_late(child)) {
        (void)uv_timer_start(&child->timer, on_timer, 1, 0); /* 0 would be before the loop reads */
        return;
    }
    while ((call = ex_calls_oldest(&child->calls)) != NULL && deadline_ns(child, call) <= now_ns) {
        child->silent_calls++;
        ex_child_end_call(child, call, EX_CALL_TIMEOUT, NULL);
    }
    if (child->silent_calls >= EX_CHILD_SILENT_CALLS)
        ex_child_break(child, "it does not answer");
    else
        ex_child_arm(child);
}

/* ---- one life ---- */

static uint64_t back_off_ms(const struct ex_child *child) {
    uint64_t wait_ms = BACK_OFF_MS;

    for (uint32_t i = 1; i < child->failures_in_row && wait_ms < BACK_OFF_MAX_MS; i++)
        wait_ms *= 2;
    return wait_ms < BACK_OFF_MAX_MS ? wait_ms : BACK_OFF_MAX_MS;
}

/* Everything of the last life is gone. */
static void start_again_later(struct ex_child *child) {
    if (child->state == EX_CHILD_CLOSING || !child->ever_ready) {
        if (child->state == EX_CHILD_CLOSING)
            end_if_gone(child);
        return;
    }
    (void)uv_timer_start(&child->timer, on_timer, back_off_ms(child), 0);
}

static void note_failure(struct ex_child *child, const char *why) {
    if (child->state == EX_CHILD_UP &&
        ex_clock_ns() - child->up_since_ns > (uint64_t)STEADY_MS * NS_PER_MS)
        child->failures_in_row = 0;
    child->failures_in_row++;
    ex_log(EX_LOG_WARN,
           child->ever_ready ? "A listener broke; it is started again."
                             : "A listener could not be started.",
           EX_TEXT("listener", child->config.name), EX_TEXT("why", why));
}

void ex_child_break(struct ex_child *child, const char *why) {
    const struct ex_child_owner *owner = &child->config.owner;

    if (child->state == EX_CHILD_DOWN || child->state == EX_CHILD_CLOSING)
        return;
    note_failure(child, why);
    child->state = EX_CHILD_DOWN;
    (void)uv_timer_stop(&child->timer);
    (void)uv_timer_stop(&child->ration);
    ex_buffer_reset(&child->out);
    ex_child_pipes_close(child);
    kill_all(child);
    /* A life that ends while nothing was asked is an error as well. */
    if (child->calls.waiting == 0 && child->ever_ready)
        owner->answered(owner->ctx, NULL, EX_CALL_ERROR, -1, NULL);
    end_calls(child);
    if (!child->ever_ready) {
        struct fo_error error = {.code = -ECHILD};
        (void)snprintf(error.text, sizeof error.text, "listener \"%.40s\" at %.90s: %.80s",
                       child->config.name, child->config.path, why);
        owner->unusable(owner->ctx, &error);
    }
    if (!child->running)
        start_again_later(child);
}

static void describe_end(const struct ex_spawn_report *report, char *text, size_t size) {
    int status = report->wait_status;

    if (report->header.kind == EX_SPAWN_NOT_STARTED)
        (void)snprintf(text, size, "it cannot be started: %s: %s", ex_spawn_step_name(report->step),
                       uv_strerror(-report->error));
    else if (report->header.kind == EX_SPAWN_LOST)
        (void)snprintf(text, size, "the spawner died");
    else if (report->oom_kills > 0)
        (void)snprintf(text, size, "it was killed for want of memory");
    else if (status >= 0 && (status & 0x7f) != 0)
        (void)snprintf(text, size, "it was killed by signal %d", status & 0x7f);
    else
        (void)snprintf(text, size, "it exited with status %d", status >> 8 & 0xff);
}

static void on_report(struct ex_spawn_watch *watch, const struct ex_spawn_report *report) {
    struct ex_child *child = (struct ex_child *)((char *)watch - offsetof(struct ex_child, watch));
    bool exited = report->header.kind == EX_SPAWN_EXITED;
    bool over = report->header.kind == EX_SPAWN_NOT_STARTED ||
                report->header.kind == EX_SPAWN_GONE || report->header.kind == EX_SPAWN_LOST ||
                (exited && (report->flags & EX_SPAWN_FLAG_GONE) != 0);
    char why[160];

    if (over)
        child->running = false;
    else if (exited)
        kill_all(child); /* what it has left behind */
    if (!over && !exited)
        return;
    ex_child_pipes_drain(child); /* its last words say more than its status */
    bool was_down = child->state == EX_CHILD_DOWN || child->state == EX_CHILD_CLOSING;
    if (!was_down && report->header.kind != EX_SPAWN_GONE) {
        describe_end(report, why, sizeof why);
        ex_child_break(child, why); /* starts again by itself when all is over */
    } else if (over) {
        start_again_later(child);
    }
}

static size_t list_arguments(const struct ex_child *child, char memory[static 24],
                             const char *arguments[static ARGUMENTS_MAX]) {
    size_t count = 0;
    size_t index;
    json_t *path;

    arguments[count++] = child->config.host_program;
    (void)snprintf(memory, 24, "%llu", (unsigned long long)child->config.memory_bytes);
    arguments[count++] = "--memory";
    arguments[count++] = memory;
    json_array_foreach(child->writable, index, path) {
        if (count + 4 > ARGUMENTS_MAX)
            break;
        arguments[count++] = "--writable";
        arguments[count++] = json_string_value(path);
    }
    arguments[count++] = child->config.path;
    arguments[count] = NULL;
    return count;
}

static int spawn(struct ex_child *child, const int theirs[static 3]) {
    static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/",
                                              "LANG=C.UTF-8", "TZ=UTC", NULL};
    static const struct ex_spawn_map map[] = {{0, 0}, {1, 1}, {2, 2}};
    const char *arguments[ARGUMENTS_MAX];
    char memory[24];
    const struct ex_spawn_command command = {
        .arguments = arguments,
        .environment = environment,
        .directory = "/",
        .descriptors = theirs,
        .descriptor_count = 3,
        .map = map,
        .map_count = 3,
        .limits = {.memory_bytes = child->config.memory_bytes, .pids = EX_CHILD_PIDS},
    };

    (void)list_arguments(child, memory, arguments);
    child->watch = (struct ex_spawn_watch){.report = on_report};
    return ex_spawner_start(child->config.spawner, &command, &child->watch);
}

static void start(struct ex_child *child) {
    int theirs[3];

    if (child->ever_ready)
        child->config.owner.restarted(child->config.owner.ctx);
    child->state = EX_CHILD_STARTING;
    child->silent_calls = 0;
    int ret = ex_child_pipes_open(child, theirs);
    if (ret == 0) {
        ret = spawn(child, theirs);
        child->running = ret == 0;
    }
    if (ret < 0) {
        ex_child_break(child, uv_strerror(ret));
        return;
    }
    ex_child_write_config(&child->out, child->settings);
    ex_child_pipes_flush(child);
    (void)uv_timer_start(&child->timer, on_timer, EX_CHILD_HELLO_MS, 0);
}

static void on_timer(uv_timer_t *timer) {
    struct ex_child *child = timer->data;

    switch (child->state) {
    case EX_CHILD_DOWN:
        start(child);
        break;
    case EX_CHILD_STARTING:
        ex_child_break(child, "its first line did not come in time");
        break;
    case EX_CHILD_UP:
        expire_calls(child);
        break;
    case EX_CHILD_CLOSING:
        kill_all(child);
        break;
    }
}

void ex_child_set_up(struct ex_child *child, const struct ex_child_hello *hello) {
    child->state = EX_CHILD_UP;
    child->ever_ready = true;
    child->up_since_ns = ex_clock_ns();
    (void)uv_timer_stop(&child->timer);
    child->config.owner.ready(child->config.owner.ctx, hello);
}

/* ---- the interface ---- */

int ex_child_new(const struct ex_child_config *config, struct ex_child **ret_child) {
    struct ex_child *child = calloc(1, sizeof *child);

    if (!child)
        return -ENOMEM;
    child->config = *config;
    if (config->timeout_ms == 0)
        child->config.timeout_ms = EX_CHILD_TIMEOUT_MS;
    if (config->memory_bytes == 0)
        child->config.memory_bytes = EX_CHILD_MEMORY_BYTES;
    int ret = ex_calls_init(&child->calls, config->queue > 0 ? config->queue : EX_CHILD_QUEUE);
    if (ret < 0) {
        free(child);
        return ret;
    }
    child->settings = json_deep_copy(config->config);
    child->writable = json_deep_copy(config->writable);
    ex_buffer_init(&child->out, EX_CHILD_OUT_MAX_BYTES);
    (void)uv_timer_init(config->loop, &child->timer); /* cannot fail */
    (void)uv_timer_init(config->loop, &child->ration);
    child->timer.data = child;
    child->ration.data = child;
    child->handles = 2;
    *ret_child = child;
    start(child);
    return 0;
}

void ex_child_close(struct ex_child *child, uint64_t grace_ms) {
    child->state = EX_CHILD_CLOSING;
    end_calls(child);
    (void)uv_timer_stop(&child->ration);
    ex_child_pipes_end_input(child);
    if (grace_ms == 0)
        kill_all(child);
    (void)uv_timer_start(&child->timer, on_timer, grace_ms, 0);
    end_if_gone(child);
}

bool ex_child_is_up(const struct ex_child *child) {
    return child->state == EX_CHILD_UP;
}

uint32_t ex_child_waiting(const struct ex_child *child) {
    return child->calls.waiting;
}

static void drop(struct ex_child *child) {
    child->config.owner.dropped(child->config.owner.ctx);
}

/* Sends a record with a number as its last member. False: there is no room for it. */
static bool send_numbered(struct ex_child *child, struct fo_str record, const char *member,
                          uint64_t number) {
    size_t before = child->out.len;

    ex_buffer_append(&child->out, record.ptr, record.len - 2); /* it ends in "}\n" */
    ex_buffer_append_text(&child->out, member);
    ex_buffer_append_u64(&child->out, number);
    ex_buffer_append(&child->out, "}\n", 2);
    if (child->out.failure != 0) {
        ex_buffer_truncate(&child->out, before);
        child->out.failure = 0;
        return false;
    }
    ex_child_pipes_flush(child);
    return true;
}

bool ex_child_ask(struct ex_child *child, struct fo_str record, void *asked) {
    bool first = child->calls.waiting == 0;
    uint64_t id =
        child->state == EX_CHILD_UP ? ex_calls_add(&child->calls, asked, ex_clock_ns()) : 0;

    if (id == 0) {
        drop(child);
        return false;
    }
    if (!send_numbered(child, record, ",\"completion\":", id)) {
        bool late;
        ex_calls_end(&child->calls, ex_calls_find(&child->calls, id, &late), false);
        drop(child);
        return false;
    }
    if (first)
        ex_child_arm(child);
    return true;
}

void ex_child_tell(struct ex_child *child, struct fo_str line) {
    if (child->state == EX_CHILD_UP)
        ex_buffer_append_str(&child->out, line);
    if (child->state != EX_CHILD_UP || child->out.failure != 0) {
        child->out.failure = 0;
        drop(child);
        return;
    }
    ex_child_pipes_flush(child);
}

bool ex_child_deliver(struct ex_child *child, struct fo_str record, uint64_t number) {
    return child->state == EX_CHILD_UP && send_numbered(child, record, ",\"delivery\":", number);
}

void ex_child_forget(struct ex_child *child, const void *asked) {
    ex_calls_forget(&child->calls, asked);
}
