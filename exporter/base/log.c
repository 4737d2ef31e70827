/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "exporter/base/buffer.h"
#include "exporter/base/clock.h"
#include "exporter/base/utf8.h"

enum { LINE_MAX_BYTES = 16 * 1024 };

static atomic_int least_level = EX_LOG_INFO;
static atomic_int line_format = EX_LOG_LOGFMT;

static const char *const level_names[] = {
    [EX_LOG_DEBUG] = "debug",
    [EX_LOG_INFO] = "info",
    [EX_LOG_WARN] = "warn",
    [EX_LOG_ERROR] = "error",
};

void ex_log_configure(enum ex_log_level least, enum ex_log_format format) {
    atomic_store(&least_level, (int)least);
    atomic_store(&line_format, (int)format);
}

/* Quoted as JSON does it; valid in logfmt too. Nothing in it steers a terminal. */
static void append_quoted(struct ex_buffer *line, struct fo_str text) {
    size_t step = 1;

    ex_buffer_append_char(line, '"');
    for (size_t i = 0; i < text.len; i += step) {
        uint32_t code;
        char c = text.ptr[i];
        size_t steering = ex_utf8_steers((struct fo_str){text.ptr + i, text.len - i}, &code);
        step = steering > 0 ? steering : 1;
        if (c == '"' || c == '\\')
            ex_buffer_printf(line, "\\%c", c);
        else if (c == '\n')
            ex_buffer_append_text(line, "\\n");
        else if (steering > 0)
            ex_buffer_printf(line, "\\u%04x", (unsigned)code);
        else
            ex_buffer_append_char(line, c);
    }
    ex_buffer_append_char(line, '"');
}

static void append_key(struct ex_buffer *line, const char *key, int json) {
    if (line->len > 1)
        ex_buffer_append_char(line, json ? ',' : ' ');
    ex_buffer_printf(line, json ? "\"%s\":" : "%s=", key);
}

static void append_text_field(struct ex_buffer *line, const char *key, struct fo_str text,
                              int json) {
    append_key(line, key, json);
    append_quoted(line, text);
}

static void append_time(struct ex_buffer *line, int json) {
    int64_t now_ms = ex_clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    char day[32];

    (void)gmtime_r(&seconds, &utc);
    (void)strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    append_key(line, "time", json);
    ex_buffer_printf(line, json ? "\"%s.%03dZ\"" : "%s.%03dZ", day, (int)(now_ms % 1000));
}

static void append_level(struct ex_buffer *line, enum ex_log_level level, int json) {
    append_key(line, "level", json);
    ex_buffer_printf(line, json ? "\"%s\"" : "%s", level_names[level]);
}

void ex_log_fields(enum ex_log_level level, const char *message, const struct ex_log_field *fields,
                   size_t count) {
    struct ex_buffer line;
    int json = atomic_load(&line_format) == EX_LOG_JSON;

    if ((int)level < atomic_load(&least_level))
        return;
    ex_buffer_init(&line, LINE_MAX_BYTES);
    if (json)
        ex_buffer_append_char(&line, '{');
    append_time(&line, json);
    append_level(&line, level, json);
    append_text_field(&line, "msg", fo_str_of(message), json);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].text.ptr) {
            append_text_field(&line, fields[i].key, fields[i].text, json);
        } else {
            append_key(&line, fields[i].key, json);
            ex_buffer_append_i64(&line, fields[i].number);
        }
    }
    line.failure = 0; /* a line over the ceiling is cut, not lost */
    line.ceiling += 2;
    ex_buffer_append_text(&line, json ? "}\n" : "\n");
    ssize_t written = write(STDERR_FILENO, line.bytes, line.len);
    (void)written; /* there is nobody left to tell */
    ex_buffer_done(&line);
}
