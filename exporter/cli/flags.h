/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/cli/flags.h - command-line flags as exporters have them: `--name=value` or `--name
 * value`,
 * `--flag` and `--no-flag`, `--` ends them, and every flag but help and version has an environment
 * variable: --web.listen-address is FAILOVER_EXPORTER_WEB_LISTEN_ADDRESS (the command line wins).
 * Owns: nothing; values are borrowed from argv and the environment. Threads: [main]. */
#ifndef EX_CLI_FLAGS_H
#define EX_CLI_FLAGS_H

#include <stdbool.h>
#include <stdio.h>

#include "failover/types.h"

enum { EX_FLAG_LIST_MAX = 64 };

struct ex_flag_list {
    const char *items[EX_FLAG_LIST_MAX];
    size_t count;
};

enum ex_flag_type {
    EX_FLAG_BOOL,     /* bool */
    EX_FLAG_TEXT,     /* const char * */
    EX_FLAG_LIST,     /* struct ex_flag_list; may be given several times */
    EX_FLAG_COUNT,    /* uint64_t */
    EX_FLAG_DURATION, /* int64_t, milliseconds; as Flink reads them */
};

struct ex_flag {
    const char *name; /* without the dashes; one character for a short flag as well, e.g. "h" */
    enum ex_flag_type type;
    void *value;         /* holds the default beforehand, except of a list */
    const char *operand; /* what the value is called in the help: "FILE" */
    const char *help;
};

/* Both that ask for help; entries of an array of struct ex_flag. */
#define EX_FLAGS_HELP(value_)                                                                      \
    {"help", EX_FLAG_BOOL, (value_), "", "Print this help."}, {                                    \
        "h", EX_FLAG_BOOL, (value_), "", "Print this help."                                        \
    }

/* Reads the environment, then argv[1...]. The positional arguments are moved to the front of argv,
 * after argv[0]; *ret_count is their number.
 * 0; -EINVAL with the flag, the value and what would be right in `reterr`. */
FO_MUST_CHECK int ex_flags_parse(const struct ex_flag *flags, size_t flag_count, int argc,
                                 char **argv, int *ret_count, struct fo_error *reterr);

/* One flag per line, as exporters print them. */
void ex_flags_print(const struct ex_flag *flags, size_t flag_count, FILE *file);

#endif
