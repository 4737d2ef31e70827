/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/log.h - log lines on standard error: one line per event, logfmt or JSON.
 * Libraries never log; the daemon's rooms do, once, where an error is handled.
 * Threads: any; a line is one write. */
#ifndef EX_BASE_LOG_H
#define EX_BASE_LOG_H

#include "failover/types.h"

enum ex_log_level { EX_LOG_DEBUG, EX_LOG_INFO, EX_LOG_WARN, EX_LOG_ERROR };
enum ex_log_format { EX_LOG_LOGFMT, EX_LOG_JSON };

/* Before the first line; the defaults are info and logfmt. [main] */
void ex_log_configure(enum ex_log_level least, enum ex_log_format format);

/* A further key of the line. Build with EX_STR, EX_INT. */
struct ex_log_field {
    const char *key;
    struct fo_str text; /* used when ptr is not NULL */
    int64_t number;
};
#define EX_STR(key_, str_) ((struct ex_log_field){.key = (key_), .text = (str_)})
#define EX_TEXT(key_, text_) ((struct ex_log_field){.key = (key_), .text = fo_str_of(text_)})
#define EX_INT(key_, number_) ((struct ex_log_field){.key = (key_), .number = (number_)})

/* Writes one line: time, level, msg, then the fields. Values are quoted and control characters
 * escaped, so that no text from outside can forge a line.
 *   ex_log(EX_LOG_INFO, "Job ended.", EX_STR("job_name", name), EX_INT("restarts", n)); */
void ex_log_fields(enum ex_log_level level, const char *message, const struct ex_log_field *fields,
                   size_t count);
#define ex_log(level_, message_, ...)                                                              \
    ex_log_fields(level_, message_, (const struct ex_log_field[]){__VA_ARGS__},                    \
                  sizeof((const struct ex_log_field[]){__VA_ARGS__}) /                             \
                      sizeof(struct ex_log_field))
#define ex_log_plain(level_, message_) ex_log_fields(level_, message_, NULL, 0)

#endif
