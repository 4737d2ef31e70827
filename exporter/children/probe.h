/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/probe.h - tries a listener as its author would: starts it as the daemon does
 * and sees whether it keeps to the child protocol. Blocks; for the command line only. Owns: the
 * process, for the time of the call. Threads: [main]. */
#ifndef EX_CHILDREN_PROBE_H
#define EX_CHILDREN_PROBE_H

#include <jansson.h>

#include "failover/types.h"

/* `path`: a library or a program. `config`: its part of the configuration; NULL = none. `note` is
 * told of each step that went well. 0; -EACCES: others may write it; -ECHILD: it cannot be started;
 * -EPROTO: it broke the protocol; -ETIMEDOUT; -ENOMEM. `reterr` says what happened. */
FO_MUST_CHECK int ex_listener_probe(const char *path, const json_t *config,
                                    void (*note)(void *ctx, const char *text), void *ctx,
                                    struct fo_error *reterr);

#endif
