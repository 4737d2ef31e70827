/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/page/page.h - the status page: its files, linked into the program. It shows what the
 * REST API and /events say; who may see it is for the door to decide.
 * Owns: nothing. Threads: [handler]. */
#ifndef EX_PAGE_PAGE_H
#define EX_PAGE_PAGE_H

#include "exporter/http/http.h"

/* The page itself, to be asked for again each time (it names the version of its files). */
void ex_page_answer(struct ex_http_request *request, struct ex_http_response *response);

/* The pattern of its files, and one of them: kept by browsers for ever, since another version has
 * another path. 404 for a file or a version that is not here. */
#define EX_PAGE_FILES_PATTERN "/assets/:version/:file"
void ex_page_answer_file(struct ex_http_request *request, struct ex_http_response *response);

#endif
