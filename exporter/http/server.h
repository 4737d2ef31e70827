/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/server.h - one server, as the files of this room see it.
 *
 * Threads: the door thread accepts, watches deadlines and looks at the web configuration file;
 * libmicrohttpd's few threads read, call handlers and write; the verifier checks passwords. */
#ifndef EX_HTTP_SERVER_H
#define EX_HTTP_SERVER_H

#include <pthread.h>

#include "exporter/http/auth.h"
#include "exporter/http/http.h"
#include "exporter/http/listen.h"
#include "exporter/http/table.h"
#include "exporter/http/web.h"

struct MHD_Daemon;

struct ex_http_server {
    char *name;
    struct ex_http_route *routes; /* copied */
    size_t route_count;
    char *prefix; /* "" or "/a/b" */
    unsigned max_requests;
    unsigned threads;
    bool json_errors;
    ex_http_authorize *authorize;
    void *authorize_ctx;

    struct ex_http_listeners listeners;
    struct MHD_Daemon *plain;
    struct MHD_Daemon *tls; /* set before the first configuration that needs it is in force */
    struct ex_http_table table;
    struct ex_http_counters counters;

    char *web_path;              /* NULL = there is no web configuration */
    struct ex_http_auth *auth;   /* as `tls` */
    pthread_mutex_t reload_lock; /* held over a whole reload; the stamps. Taken before web_lock */
    struct ex_http_stamps stamps;
    bool http2_noticed;
    pthread_mutex_t web_lock; /* the pointer */
    struct ex_http_web *web;
    _Atomic unsigned generation; /* of the web configuration */

    pthread_t door;
    int64_t warned_ms;    /* the door thread's: when it last told that it cannot accept */
    int wake_fd;          /* an eventfd: the door thread has something to look at */
    atomic_bool draining; /* nothing more is accepted, connections end with their next answer */
};

/* The web configuration in force, with a reference for the caller. */
struct ex_http_web *ex_http_server_web(struct ex_http_server *server);

/* Reloads if one of the web configuration's files has changed. */
void ex_http_server_look_at_files(struct ex_http_server *server);

#endif
