/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/admission.h - may this request be handled? Target, framing, rate limit, password,
 * route, role and length are looked at in this order; the first that objects answers.
 * Threads: libmicrohttpd's. */
#ifndef EX_HTTP_ADMISSION_H
#define EX_HTTP_ADMISSION_H

#include "exporter/http/request.h"

struct ex_http_step {
    bool answered; /* or asleep: nothing more is to be done now */
    enum MHD_Result result;
};

/* Goes on where it stopped, when a password had to be verified first. Not answered: the request is
 * admitted. */
struct ex_http_step ex_http_admit(struct ex_http_request *request);

/* A refusal that no counter of its own stands for. */
#define EX_HTTP_NO_REASON EX_HTTP_REJECTIONS

/* Counts the refusal and answers; after a body that is small enough to be thrown away. */
enum MHD_Result ex_http_request_refuse(struct ex_http_request *request, int status,
                                       enum ex_http_rejection reason, const char *text);

void ex_http_request_count(struct ex_http_request *request, enum ex_http_rejection reason);

/* Whether the header says that a body follows. */
bool ex_http_announces_body(struct ex_http_request *request);

#endif
