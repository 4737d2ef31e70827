/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/push/report_quick.h - reads a report without a tree, if it is of the plain kind
 * that schedulers send by the thousand. Private to this room.
 * Owns: nothing; texts are borrowed from the line. Threads: any. */
#ifndef EX_ENGINES_PUSH_REPORT_QUICK_H
#define EX_ENGINES_PUSH_REPORT_QUICK_H

#include <stdbool.h>

#include "failover/types.h"

/* The members as they were said; texts that were not are empty. */
struct ex_push_said {
    struct fo_str task;
    struct fo_str state;
    uint32_t attempt;
    uint64_t sequence;
    bool has_failure;
    bool exited; /* exit_code was said */
    int32_t exit_code;
    struct fo_str output;
    struct fo_str runtime;
    struct fo_str platform_reason;
};

/* It accepts less than JSON: known members, each once, ASCII without escapes. It never says that a
 * line is wrong: false leaves it to the reader that knows all of JSON. */
bool ex_push_said_read(struct ex_push_said *ret_said, struct fo_str line);

#endif
