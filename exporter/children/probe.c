/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/children/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/children/discovery.h"
#include "exporter/children/protocol.h"
#include "exporter/config/fail.h"
#include "exporter/events/event.h"

enum { ANSWER_MS = 5000, END_MS = 3000, BURST = 100 };
enum { TEXT_BYTES = 512, SHOWN_BYTES = 100, HOSTILE_BYTES = 8192 };
enum { ARGUMENTS_MAX = 2 * EX_WRITABLE_MAX + 3 };

struct probe {
    pid_t pid;
    int to;
    int from;
    struct ex_buffer read; /* not yet taken */
    size_t taken;          /* of `read` */
    struct ex_child_hello hello;
    struct ex_child_hello *handed_over; /* who only wants the first line */
    uint64_t last_completion;
    struct ex_child_line line;
    const struct ex_listener_config *settings; /* NULL = none */
    void (*note)(void *ctx, const char *text);
    void *ctx;
    struct fo_error *reterr;
};

/* ---- the process ---- */

static void list_arguments(const struct probe *probe, const char *host, const char *path,
                           const char *ret_arguments[static ARGUMENTS_MAX]) {
    size_t count = 0;
    size_t i;
    json_t *granted;

    ret_arguments[count++] = host;
    json_array_foreach(probe->settings ? probe->settings->writable : NULL, i, granted) {
        ret_arguments[count++] = "--writable";
        ret_arguments[count++] = json_string_value(granted);
    }
    ret_arguments[count++] = path;
    ret_arguments[count] = NULL;
}

static int start(struct probe *probe, const char *host, const char *path) {
    int input[2];
    int output[2];
    const char *listed[ARGUMENTS_MAX] = {NULL};
    char *arguments[ARGUMENTS_MAX];
    posix_spawn_file_actions_t actions;

    list_arguments(probe, host, path, listed);
    memcpy(arguments, listed, sizeof arguments); /* POSIX forgot the const */
    if (pipe2(input, O_CLOEXEC) == -1 || pipe2(output, O_CLOEXEC) == -1)
        return ex_fail(probe->reterr, -errno, 0, "no pipes");
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    int err = posix_spawn(&probe->pid, host, &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(input[0]);
    (void)close(output[1]);
    probe->to = input[1];
    probe->from = output[0];
    if (err == 0)
        return 0;
    probe->pid = 0;
    return ex_fail(probe->reterr, -ECHILD, 0, "it cannot be started");
}

/* Its exit status, 0 after a proper end; it is killed when its time is over. */
static int await_end(struct probe *probe) {
    int status = 0;

    for (int waited_ms = 0; waited_ms < END_MS; waited_ms += 10) {
        if (waitpid(probe->pid, &status, WNOHANG) == probe->pid) {
            probe->pid = 0;
            return status == 0
                       ? 0
                       : ex_fail(probe->reterr, -EPROTO, 0,
                                 "it ended badly when its input ended: %s %d",
                                 WIFSIGNALED(status) ? "signal" : "exit status",
                                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        }
        (void)usleep(10000);
    }
    return ex_fail(probe->reterr, -ETIMEDOUT, 0,
                   "it did not end within %d ms of the end of its input", END_MS);
}

static void stop(struct probe *probe) {
    if (probe->to != -1)
        (void)close(probe->to);
    if (probe->from != -1)
        (void)close(probe->from);
    if (probe->pid > 0) {
        (void)kill(probe->pid, SIGKILL);
        (void)waitpid(probe->pid, NULL, 0);
    }
    ex_child_hello_done(&probe->hello);
    ex_buffer_done(&probe->read);
}

/* ---- lines ---- */

static int send_line(struct probe *probe, struct ex_buffer *line) {
    size_t sent = 0;

    while (sent < line->len) {
        ssize_t written = write(probe->to, line->bytes + sent, line->len - sent);
        if (written == -1 && errno != EINTR)
            return ex_fail(probe->reterr, -EPROTO, 0,
                           "it does not read any more: it has ended or closed its input");
        sent += written > 0 ? (size_t)written : 0;
    }
    ex_buffer_reset(line);
    return 0;
}

static int read_more(struct probe *probe, int64_t until_ms) {
    struct pollfd waiting = {.fd = probe->from, .events = POLLIN};
    int64_t left_ms = until_ms - ex_clock_ms();
    char *room = ex_buffer_reserve(&probe->read, EX_CHILD_LINE_MAX_BYTES);

    if (!room)
        return ex_fail(probe->reterr, -EPROTO, 0, "it wrote a line that is too long");
    if (left_ms <= 0 || poll(&waiting, 1, (int)left_ms) <= 0)
        return ex_fail(probe->reterr, -ETIMEDOUT, 0, "nothing came from it within %d ms",
                       ANSWER_MS);
    ssize_t len = read(probe->from, room, EX_CHILD_LINE_MAX_BYTES);
    if (len <= 0)
        return ex_fail(probe->reterr, -EPROTO, 0, "it ended, or closed its output");
    ex_buffer_commit(&probe->read, (size_t)len);
    return 0;
}

/* The next line, borrowed until the one after it. */
static int next_line(struct probe *probe, int64_t until_ms, struct fo_str *ret_line) {
    struct ex_buffer *read = &probe->read;

    if (probe->taken > 0) {
        memmove(read->bytes, read->bytes + probe->taken, read->len - probe->taken);
        ex_buffer_truncate(read, read->len - probe->taken);
        probe->taken = 0;
    }
    char *end;
    while ((end = read->len > 0 ? memchr(read->bytes, '\n', read->len) : NULL) == NULL) {
        int ret = read_more(probe, until_ms);
        if (ret < 0)
            return ret;
    }
    *ret_line = (struct fo_str){read->bytes, (size_t)(end - read->bytes)};
    probe->taken = ret_line->len + 1;
    return 0;
}

/* The next answer; log lines and metrics are passed over. It must be ended. */
static int next_answer(struct probe *probe, int64_t until_ms) {
    struct fo_str text;

    for (;;) {
        int ret = next_line(probe, until_ms, &text);
        if (ret < 0)
            return ret;
        if (ex_child_line_parse(text, &probe->line) < 0)
            return ex_fail(probe->reterr, -EPROTO, 0, "a line that is none of the protocol: %.*s",
                           text.len < SHOWN_BYTES ? (int)text.len : SHOWN_BYTES, text.ptr);
        if (probe->line.kind < EX_CHILD_LOG)
            return 0;
        ex_child_line_done(&probe->line);
    }
}

/* ---- the steps ---- */

static int greet(struct probe *probe) {
    struct ex_buffer line;
    struct fo_str text;

    ex_buffer_init(&line, EX_EVENT_LINE_MAX_BYTES);
    ex_child_write_config(&line, probe->settings ? probe->settings->config : NULL);
    int ret = send_line(probe, &line);
    ex_buffer_done(&line);
    while (ret == 0 && (ret = next_line(probe, ex_clock_ms() + ANSWER_MS, &text)) == 0) {
        bool early = ex_child_line_parse(text, &probe->line) == 0;
        if (early && probe->line.kind >= EX_CHILD_LOG) {
            ex_child_line_done(&probe->line);
            continue;
        }
        if (early)
            ex_child_line_done(&probe->line);
        ret = ex_child_hello_parse(text, &probe->hello, probe->reterr);
        break;
    }
    return ret;
}

static int check_hello(struct probe *probe) {
    char note[TEXT_BYTES];

    (void)snprintf(note, sizeof note, "first line: name %.*s, version %.*s, %u output keys",
                   (int)probe->hello.name.len, probe->hello.name.ptr, (int)probe->hello.version.len,
                   probe->hello.version.ptr, probe->hello.key_count);
    probe->note(probe->ctx, note);
    for (uint32_t i = 0; i < probe->hello.key_count; i++) {
        struct fo_str key = probe->hello.keys[i];
        if (!ex_child_key_is_label(key))
            return ex_fail(probe->reterr, -EPROTO, 0,
                           "the output key \"%.*s\" is reserved or no label name", (int)key.len,
                           key.ptr);
    }
    return 0;
}

static bool is_declared(const struct ex_child_hello *hello, struct fo_str key) {
    for (uint32_t i = 0; i < hello->key_count; i++) {
        if (fo_str_equal(hello->keys[i], key))
            return true;
    }
    return false;
}

static int check_answer(struct probe *probe) {
    const struct ex_child_line *line = &probe->line;

    if (line->kind == EX_CHILD_ERROR)
        return ex_fail(probe->reterr, -EPROTO, 0, "it answered an error: %.*s", (int)line->text.len,
                       line->text.ptr);
    if (line->kind == EX_CHILD_TAG && probe->hello.key_count > 0)
        return ex_fail(probe->reterr, -EPROTO, 0,
                       "it answered a tag though it declares output keys");
    for (uint32_t i = 0; i < line->label_count; i++) {
        if (!is_declared(&probe->hello, line->labels[i].key))
            return ex_fail(probe->reterr, -EPROTO, 0,
                           "it answered a label that it does not declare: %.*s",
                           (int)line->labels[i].key.len, line->labels[i].key.ptr);
    }
    return 0;
}

/* Asks `count` times at once and wants each answer, once. */
static int ask(struct probe *probe, const struct fl_failure *failure, unsigned count) {
    bool answered[BURST] = {false};
    struct ex_buffer line;
    int ret = 0;
    uint64_t first = probe->last_completion + 1;

    ex_buffer_init(&line, EX_EVENT_LINE_MAX_BYTES);
    for (unsigned i = 0; i < count && ret == 0; i++) {
        ex_event_encode_failure(&line, failure, ++probe->last_completion);
        ret = send_line(probe, &line);
    }
    ex_buffer_done(&line);
    int64_t until_ms = ex_clock_ms() + ANSWER_MS;
    for (unsigned i = 0; i < count && ret == 0; i++) {
        ret = next_answer(probe, until_ms);
        if (ret < 0)
            break;
        uint64_t which = probe->line.completion - first;
        if (which >= count || answered[which])
            ret = ex_fail(probe->reterr, -EPROTO, 0,
                          "it answered twice, or what it was not asked: %llu",
                          (unsigned long long)probe->line.completion);
        else
            ret = check_answer(probe);
        if (ret == 0)
            answered[which] = true;
        ex_child_line_done(&probe->line);
    }
    return ret;
}

static struct fl_failure example(void) {
    return (struct fl_failure){
        .size = sizeof(struct fl_failure),
        .abi = FL_ABI,
        .id = 1,
        .incident = 1,
        .time_ms = ex_clock_wall_ms(),
        .engine = fo_str_of("local"),
        .job_id = fo_str_of("00000000000000000000000000000001"),
        .job_name = fo_str_of("probe"),
        .task = fo_str_of("split[0]"),
        .vertex = fo_str_of("split"),
        .exit_code = 1,
        .message = fo_str_of("exit status 1"),
        .output = fo_str_of("Traceback (most recent call last):\nValueError: bad record\n"),
    };
}

static int ask_all(struct probe *probe) {
    char hostile[HOSTILE_BYTES];
    struct fl_failure failure = example();

    if ((probe->hello.events & EX_CHILD_WANTS(0)) == 0)
        return 0;
    int ret = ask(probe, &failure, 1);
    if (ret < 0)
        return ret;
    probe->note(probe->ctx, "a failure: answered");
    for (size_t i = 0; i < sizeof hostile; i++)
        hostile[i] = (char)(i * 7);
    failure.output = (struct fo_str){hostile, sizeof hostile};
    failure.message = failure.output;
    failure.job_name = failure.output;
    ret = ask(probe, &failure, 1);
    if (ret < 0)
        return ret;
    probe->note(probe->ctx, "a failure with every byte in its texts: answered");
    failure = example();
    failure.failure_type = FL_FAILURE_GLOBAL;
    failure.task = failure.vertex = fo_str_of("");
    ret = ask(probe, &failure, BURST);
    if (ret == 0)
        probe->note(probe->ctx, "100 global failures at once: each answered once");
    return ret;
}

static int tell_all(struct probe *probe) {
    struct ex_buffer line;
    struct fl_failure failure = example();
    int ret = 0;

    ex_buffer_init(&line, EX_EVENT_LINE_MAX_BYTES);
    for (int kind = FL_EVENT_LABELLED; kind <= FL_EVENT_RECOVERED && ret == 0; kind++) {
        struct fl_event event = {.size = sizeof event,
                                 .abi = FL_ABI,
                                 .kind = kind,
                                 .incident = 1,
                                 .job_name = failure.job_name,
                                 .reason = fo_str_of("budget")};
        if ((probe->hello.events & EX_CHILD_WANTS(kind)) == 0)
            continue;
        ex_event_encode(&line, &event);
        ret = send_line(probe, &line);
    }
    ex_buffer_done(&line);
    /* Still there: it ends by itself when its input does, and not before. */
    if (ret == 0 && waitpid(probe->pid, NULL, WNOHANG) == probe->pid) {
        probe->pid = 0;
        ret = ex_fail(probe->reterr, -EPROTO, 0, "it ended while it was told of events");
    }
    return ret;
}

static int end(struct probe *probe) {
    (void)close(probe->to);
    probe->to = -1;
    int ret = await_end(probe);
    if (ret == 0)
        probe->note(probe->ctx, "the end of its input: it ended");
    return ret;
}

/* ---- from the first line on ---- */

static int run(struct probe *probe, const char *path, int (*go_on)(struct probe *probe)) {
    char *resolved = realpath(path, NULL);
    char *host = ex_listener_host_program();
    int ret;

    (void)signal(SIGPIPE, SIG_IGN);
    if (!resolved)
        ret = ex_fail(probe->reterr, -ENOENT, 0, "there is no such file");
    else if (!host)
        ret =
            ex_fail(probe->reterr, -ENOENT, 0, "failover_listener_host is not beside the program");
    else
        ret = ex_listener_check_owner(resolved, probe->reterr);
    if (ret == 0 && host) /* which it is; the analyzer does not know */
        ret = start(probe, host, resolved);
    if (ret == 0)
        ret = greet(probe);
    if (ret == 0)
        ret = go_on(probe);
    stop(probe);
    free(host);
    free(resolved);
    return ret;
}

static struct probe *new_probe(const struct ex_listener_config *settings, struct fo_error *reterr) {
    struct probe *probe = calloc(1, sizeof *probe);

    if (!probe) {
        (void)ex_fail(reterr, -ENOMEM, 0, "out of memory");
        return NULL;
    }
    *probe = (struct probe){.to = -1, .from = -1, .settings = settings, .reterr = reterr};
    ex_buffer_init(&probe->read, (size_t)3 * EX_CHILD_LINE_MAX_BYTES);
    return probe;
}

static int try_all(struct probe *probe) {
    int ret = check_hello(probe);

    if (ret == 0)
        ret = ask_all(probe);
    if (ret == 0)
        ret = tell_all(probe);
    return ret == 0 ? end(probe) : ret;
}

int ex_listener_probe(const char *path, const struct ex_listener_config *settings,
                      void (*note)(void *ctx, const char *text), void *ctx,
                      struct fo_error *reterr) {
    struct probe *probe = new_probe(settings, reterr);

    if (!probe)
        return -ENOMEM;
    probe->note = note;
    probe->ctx = ctx;
    int ret = run(probe, path, try_all);
    free(probe);
    return ret;
}

/* The caller gets the first line. */
static int hand_over(struct probe *probe) {
    *probe->handed_over = probe->hello;
    probe->hello = (struct ex_child_hello){0};
    return 0;
}

int ex_listener_greet(const char *path, const struct ex_listener_config *settings,
                      struct ex_child_hello *ret_hello, struct fo_error *reterr) {
    struct probe *probe = new_probe(settings, reterr);

    if (!probe)
        return -ENOMEM;
    probe->handed_over = ret_hello;
    int ret = run(probe, path, hand_over);
    free(probe);
    return ret;
}
