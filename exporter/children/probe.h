/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/probe.h - tries listeners as their authors and administrators would: starts one
 * as the daemon does and sees what it says. Blocks; for the command line only. Owns: the process,
 * for the time of the call. Threads: [main]. */
#ifndef EX_CHILDREN_PROBE_H
#define EX_CHILDREN_PROBE_H

#include "exporter/children/protocol.h"
#include "exporter/config/config.h"

/* Sees whether a listener keeps to the child protocol. `path`: a library or a program. `settings`:
 * its part of the configuration; NULL = none. `note` is told of each step that went well. 0;
 * -ENOENT: no such file; -EACCES: others may write it; -ECHILD: it cannot be started; -EPROTO: it
 * broke the protocol; -ETIMEDOUT; -ENOMEM. `reterr` says what happened. */
FO_MUST_CHECK int ex_listener_probe(const char *path, const struct ex_listener_config *settings,
                                    void (*note)(void *ctx, const char *text), void *ctx,
                                    struct fo_error *reterr);

/* Asks only for its first line; *ret_hello is the caller's, ended with ex_child_hello_done().
 * Errors as above. */
FO_MUST_CHECK int ex_listener_greet(const char *path, const struct ex_listener_config *settings,
                                    struct ex_child_hello *ret_hello, struct fo_error *reterr);

/* Whether the listeners that the configuration names can all be started and no two export one key.
 * `plugins` as in struct ex_bank_config. A listener whose file is not there is no error: files are
 * checked where the daemon runs; `note` is told of it. -EEXIST: a conflict; else as above, with the
 * line of the configuration. */
FO_MUST_CHECK int ex_listeners_check(const struct ex_config *config, const char *plugins,
                                     void (*note)(void *ctx, const char *text), void *ctx,
                                     struct fo_error *reterr);

#endif
