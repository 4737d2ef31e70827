/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/server.h - one server, as the files of this room see it.
 *
 * Threads: the door thread accepts, watches deadlines and looks at the web configuration file;
 * libmicrohttpd's few threads read, call handlers and write; the verifier checks passwords. */
#ifndef EX_HTTP_SERVER_H
#define EX_HTTP_SERVER_H

#include <pthread.h>

#include "exporter/http/connection.h"
#include "exporter/http/http.h"
#include "exporter/http/listen.h"

struct MHD_Daemon;

struct ex_http_server {
    char *name;
    struct ex_http_route *routes; /* copied */
    size_t route_count;
    unsigned max_requests;
    unsigned threads;
    bool json_errors;
    ex_http_authorize *authorize;
    void *authorize_ctx;

    struct ex_http_listeners listeners;
    struct MHD_Daemon *plain;
    struct ex_http_table table;
    struct ex_http_counters counters;

    pthread_t door;
    int wake_fd;          /* an eventfd: the door thread has something to look at */
    atomic_bool draining; /* nothing more is accepted, connections end with their next answer */
};

#endif
