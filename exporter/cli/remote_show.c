/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "exporter/base/clean_text.h"
#include "exporter/cli/remote.h"

enum { MS_PER_SECOND = 1000, NAME_COLUMN = 24, STATE_COLUMN = 12 };

/* A member as text for the terminal, cut at its first line, padded to `width`. */
static void print_text(const json_t *object, const char *key, int width) {
    const char *text = json_string_value(json_object_get(object, key));
    struct ex_buffer clean;

    ex_buffer_init(&clean, (size_t)1 << 20);
    if (text)
        ex_clean_terminal(&clean, (struct fo_str){text, strcspn(text, "\n")});
    (void)printf("%-*s", width, ex_buffer_text(&clean));
    ex_buffer_done(&clean);
}

static json_int_t number(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static void print_seconds(json_int_t ms) {
    (void)printf("%lld.%lld s", ms / MS_PER_SECOND, ms % MS_PER_SECOND / (MS_PER_SECOND / 10));
}

static void print_time(json_int_t ms) {
    time_t seconds = (time_t)(ms / MS_PER_SECOND);
    char text[32] = "";
    struct tm utc;

    if (gmtime_r(&seconds, &utc))
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)printf("%s.%03lldZ", text, ms % MS_PER_SECOND);
}

void ex_remote_show_list(const json_t *overview) {
    size_t index;
    const json_t *job;

    (void)printf("%-*s %-*s %-32s %-9s %s\n", NAME_COLUMN, "JOB", STATE_COLUMN, "STATE", "ID",
                 "RUNNING", "FOR");
    json_array_foreach(json_object_get(overview, "jobs"), index, job) {
        const json_t *tasks = json_object_get(job, "tasks");
        char running[48];
        (void)snprintf(running, sizeof running, "%lld/%lld", number(tasks, "running"),
                       number(tasks, "total"));
        print_text(job, "name", NAME_COLUMN + 1);
        print_text(job, "state", STATE_COLUMN + 1);
        print_text(job, "jid", 0);
        (void)printf(" %-9s ", running);
        print_seconds(number(job, "duration"));
        (void)putchar('\n');
    }
}

/* The states that tasks of a vertex are in: "RUNNING 2, FINISHED 1". */
static void print_task_states(json_t *tasks) {
    const char *separator = "";
    const char *state;
    json_t *value;

    json_object_foreach(tasks, state, value) {
        if (json_integer_value(value) == 0)
            continue;
        (void)printf("%s%s %lld", separator, state, json_integer_value(value));
        separator = ", ";
    }
}

void ex_remote_show_status(const json_t *job) {
    size_t index;
    const json_t *vertex;

    print_text(job, "name", 0);
    (void)printf("  ");
    print_text(job, "state", 0);
    (void)printf("  ");
    print_text(job, "jid", 0);
    (void)printf("  for ");
    print_seconds(number(job, "duration"));
    (void)putchar('\n');
    json_array_foreach(json_object_get(job, "vertices"), index, vertex) {
        (void)printf("  ");
        print_text(vertex, "name", NAME_COLUMN + 1);
        print_text(vertex, "status", STATE_COLUMN + 1);
        print_task_states(json_object_get(vertex, "tasks"));
        (void)putchar('\n');
    }
}

static void print_labels(const json_t *labels) {
    static const char *const keys[] = {"type", "category", "cause"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!json_object_get(labels, keys[i]))
            continue;
        (void)printf(" %s=", keys[i]);
        print_text(labels, keys[i], 0);
    }
}

static void show_failure(const json_t *entry, const char *indent) {
    (void)printf("%s", indent);
    print_time(number(entry, "timestamp"));
    (void)printf("  ");
    if (json_object_get(entry, "taskName"))
        print_text(entry, "taskName", 0);
    else
        (void)printf("the job");
    (void)printf(" ");
    print_labels(json_object_get(entry, "failureLabels"));
    (void)printf("\n%s  ", indent);
    print_text(entry, "stacktrace", 0);
    (void)putchar('\n');
}

void ex_remote_show_failures(const json_t *exceptions) {
    const json_t *history = json_object_get(exceptions, "exceptionHistory");
    const json_t *entries = json_object_get(history, "entries");
    size_t index;
    const json_t *entry;

    if (json_array_size(entries) == 0)
        (void)puts("No failures are kept.");
    json_array_foreach(entries, index, entry) {
        size_t inner;
        const json_t *other;
        show_failure(entry, "");
        json_array_foreach(json_object_get(entry, "concurrentExceptions"), inner, other)
            show_failure(other, "    ");
    }
    if (json_is_true(json_object_get(history, "truncated")))
        (void)printf("... older ones are not shown; --max says how many are\n");
}

/* ---- what if ---- */

static void print_tasks(const json_t *tasks) {
    size_t index;
    const json_t *task;

    json_array_foreach(tasks, index, task)(void)
        printf(" %s", json_string_value(task)); /* of plain characters, by the job file */
}

void ex_remote_show_plan(const json_t *plan) {
    size_t index;
    const json_t *decision;

    json_array_foreach(json_object_get(plan, "decisions"), index, decision) {
        const char *failed = json_string_value(json_object_get(decision, "failed"));
        const char *action = json_string_value(json_object_get(decision, "action"));
        const json_t *left = json_object_get(decision, "budget_left");
        (void)printf("%s fails: ", failed ? failed : "the job");
        if (!action || strcmp(action, "restart") != 0) {
            (void)puts("the job gives up");
            continue;
        }
        (void)printf("after ");
        print_seconds(number(decision, "delay_ms"));
        (void)printf(" restart");
        print_tasks(json_object_get(decision, "restart"));
        if (json_is_integer(left))
            (void)printf(" (%lld more)", json_integer_value(left));
        (void)putchar('\n');
    }
}

/* ---- logs ---- */

void ex_remote_show_log(const json_t *log) {
    const json_t *value = json_object_get(log, "text");
    struct fo_str text = {json_string_value(value), json_string_length(value)};
    struct ex_buffer clean;

    ex_buffer_init(&clean, (size_t)16 << 20);
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        struct fo_str line = {text.ptr, end ? (size_t)(end - text.ptr) : text.len};
        ex_clean_terminal(&clean, line);
        if (end)
            ex_buffer_append_char(&clean, '\n');
        text.ptr += line.len + (end != NULL);
        text.len -= line.len + (end != NULL);
    }
    (void)fwrite(ex_buffer_text(&clean), 1, clean.len, stdout);
    (void)fflush(stdout);
    ex_buffer_done(&clean);
}
