/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/rest/reports.h - what an outside scheduler asks of the push engine:
 *   POST /jobs/:id/reports     how tasks are; answered with what was decided
 *   GET  /jobs/:id/decisions   what to do: a stream of server-sent events, or (?wait=30s) one poll
 * Reports are read on the door's thread, and answered once each has been decided and stored.
 * Private to this room. Owns: requests under way. Threads: handlers on the doors'. */
#ifndef EX_REST_REPORTS_H
#define EX_REST_REPORTS_H

#include "exporter/http/http.h"

/* Their context is the struct ex_rest. */
ex_http_handler ex_reports_handle;
ex_http_handler ex_decisions_handle;

#endif
