/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/rest/logs.h - GET /jobs/:id/logs?task=v[2]&attempt=1&offset=0: what a task has written,
 * in pieces of at most EX_REST_LOG_MAX_BYTES. It is shown as it was written, nothing redacted: for
 * the role `control`. Private to this room; the steps are those of struct ex_question. */
#ifndef EX_REST_LOGS_H
#define EX_REST_LOGS_H

#include "exporter/rest/call.h"

enum { EX_REST_LOG_MAX_BYTES = 256 * 1024 };

bool ex_logs_read(struct ex_call *call, struct ex_http_request *request,
                  struct ex_http_response *response);
int ex_logs_ask(struct ex_call *call, struct ex_manager *manager);
json_t *ex_logs_build(const struct ex_call *call);

#endif
