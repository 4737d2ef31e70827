/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/task_name.h - tasks as people write them: `vertex[2]`, with a time
 * `vertex[2]@30s`. Threads: any. */
#ifndef EX_CONFIG_TASK_NAME_H
#define EX_CONFIG_TASK_NAME_H

#include "failover/failover.h"

/* Reads `vertex[2]`; of a vertex with one task `vertex` will do.
 * -ENOENT: no such vertex or subtask; -EINVAL: not of that form. `reterr` says it in words. */
FO_MUST_CHECK int ex_task_name_parse(const struct fo_graph *graph, struct fo_str text,
                                     uint32_t *ret_task, struct fo_error *reterr);

/* Writes `vertex[2]`, cut at `size`. Returns `text`. */
const char *ex_task_name_print(const struct fo_graph *graph, uint32_t task, char *text,
                               size_t size);

#endif
