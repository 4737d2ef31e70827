/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/control_door.h - the door through which things are changed: a unix socket for our
 * own user and root, and TCP addresses for holders of the token and for users with a role over TLS.
 * It serves all that the read door does as well.
 *
 * No web page may drive it: a request with an Origin header is refused, so is one over TCP whose
 * Host is a name that we do not know (DNS rebinding), and a body must have a Content-Type that a
 * page cannot send without asking first.
 * Owns: its two servers, the token. Threads: [main] unless said otherwise. */
#ifndef EX_DAEMON_CONTROL_DOOR_H
#define EX_DAEMON_CONTROL_DOOR_H

#include "exporter/config/config.h"
#include "exporter/daemon/read_door.h"

struct ex_control_door_options {
    bool enabled;
    const char *const *addresses; /* of TCP; none = only the socket */
    size_t address_count;
    const char *token_file; /* NULL = no token */
};

struct ex_control_door {
    struct ex_http_server *local;  /* the socket's */
    struct ex_http_server *remote; /* NULL without addresses */
    struct ex_control_door_options options;
    const struct ex_config *config; /* borrowed: roles */
    char *token;                    /* NULL = none */
    size_t token_len;
};

/* Opens `<directory>/control.sock` and the addresses, which the read door's web configuration holds
 * for as well. -EINVAL: addresses without a token and without a web configuration; -EACCES: the
 * token file is open to others; or what ex_http_start() and reading say. */
FO_MUST_CHECK int ex_control_door_open(struct ex_control_door *door,
                                       const struct ex_control_door_options *options,
                                       struct ex_read_door *read_door, const char *directory,
                                       const struct ex_config *config, struct fo_error *reterr);

/* As ex_http_reload(). */
FO_MUST_CHECK int ex_control_door_reload(struct ex_control_door *door, struct fo_error *reterr);

/* Lets running requests finish for up to `drain_ms`. A door that was never opened is fine. */
void ex_control_door_close(struct ex_control_door *door, uint64_t drain_ms);

#endif
