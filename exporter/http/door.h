/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/door.h - the thread that stands at the door of a server: it accepts connections and
 * hands them to libmicrohttpd, looks at the clock for those that take too long, and notices when
 * the web configuration's files change. It ends when the server drains. */
#ifndef EX_HTTP_DOOR_H
#define EX_HTTP_DOOR_H

#include "exporter/http/server.h"

/* A thread's start function; `ctx` is the struct ex_http_server. */
void *ex_http_door(void *ctx);

/* Makes the thread look around now. [any] */
void ex_http_door_wake(struct ex_http_server *server);

#endif
