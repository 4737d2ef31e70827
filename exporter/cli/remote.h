/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/cli/remote.h - how what a daemon says of its jobs is shown to people. Private to the
 * commands that talk to a daemon. Owns: nothing. Threads: [main]. */
#ifndef EX_CLI_REMOTE_H
#define EX_CLI_REMOTE_H

#include <jansson.h>

/* Each takes the answer of the REST call of that name. Text of strangers is made harmless. */
void ex_remote_show_list(const json_t *overview);
void ex_remote_show_status(const json_t *job);
void ex_remote_show_failures(const json_t *exceptions);

#endif
