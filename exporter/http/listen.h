/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/listen.h - the listening sockets of a server.
 * Owns: the descriptors, and the unix socket files that it made. Threads: one at a time. */
#ifndef EX_HTTP_LISTEN_H
#define EX_HTTP_LISTEN_H

#include "exporter/http/http.h"
#include "exporter/http/limits.h"

enum { EX_HTTP_ADDRESS_TEXT_BYTES = 128 };

struct ex_http_listener {
    int fd;
    char address[EX_HTTP_ADDRESS_TEXT_BYTES]; /* where it can be reached */
    char *unlink_path;                        /* the unix socket that we made, or NULL */
};

struct ex_http_listeners {
    struct ex_http_listener *items;
    size_t count;
};

/* Opens what the configuration names and takes its descriptors. Errors as ex_http_start(): then
 * nothing is open, and the descriptors are closed. A unix socket that nobody listens on any more is
 * replaced; one that answers is -EADDRINUSE. */
FO_MUST_CHECK int ex_http_listeners_open(const struct ex_http_config *config,
                                         struct ex_http_listeners *ret_listeners,
                                         struct fo_error *reterr);
void ex_http_listeners_close(struct ex_http_listeners *listeners);

/* A TCP address as people write it. */
struct ex_http_tcp_address {
    char host[64]; /* a literal; empty = every address */
    unsigned port;
};

/* Parses ":9999", "127.0.0.1:9999", "[::1]:9999", "localhost:9999". -EINVAL. */
FO_MUST_CHECK int ex_http_tcp_address_parse(const char *text,
                                            struct ex_http_tcp_address *ret_address);

#endif
