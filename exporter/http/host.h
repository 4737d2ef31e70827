/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/host.h - by which name a client has called this server.
 *
 * A web page whose own name was made to lead to this machine (DNS rebinding) talks to us from the
 * visitor's browser as one of our own clients, but the Host that it sends is the page's name. An
 * address cannot be rebound, nor can `localhost`: these and the names that we were told are known.
 * Owns: nothing. Threads: any. */
#ifndef EX_HTTP_HOST_H
#define EX_HTTP_HOST_H

#include <stdbool.h>

#include "failover/types.h"

enum { EX_HTTP_HOST_MAX_BYTES = 256 }; /* with the port and the NUL */

/* Whether a Host header names an address, `localhost`, a name below that, or the host of one of
 * `names`: "name", "name:1234", "https://name/path", several with commas between them; NULL is
 * passed over. Ports are not compared. A header that is absent or empty is not known. */
bool ex_http_host_is_known(struct fo_str header, const char *const *names, size_t count);

/* 0, or -EINVAL, told in `reterr`: what was typed for --web.allowed-hosts is no list of names. */
FO_MUST_CHECK int ex_http_host_check_names(const char *names, struct fo_error *reterr);

#endif
