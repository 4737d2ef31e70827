/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/page/page.h"

#include "exporter/metrics/negotiate.h"
#include "exporter/page/files.h"

/* Nothing from elsewhere, nothing inline, nowhere to send anything, in nobody's frame. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const char again_each_time[] = "private, no-cache";
static const char for_ever[] = "private, max-age=31536000, immutable";

/* Whether the list of an If-None-Match header has the tag, weak or not. */
static bool has_tag(struct fo_str list, const char *etag) {
    return list.len > 0 &&
           (fo_str_equal(list, fo_str_of("*")) || memmem(list.ptr, list.len, etag, strlen(etag)));
}

static void answer(const struct ex_page_file *file, const char *keep,
                   struct ex_http_request *request, struct ex_http_response *response) {
    ex_http_response_header(response, "Cache-Control", keep);
    ex_http_response_header(response, "ETag", file->etag);
    ex_http_response_header(response, "Vary", "Accept-Encoding");
    ex_http_response_header(response, "Content-Security-Policy", policy);
    ex_http_response_header(response, "Referrer-Policy", "no-referrer");
    ex_http_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
    ex_http_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    if (has_tag(ex_http_request_header(request, "If-None-Match"), file->etag)) {
        ex_http_response_status(response, 304);
        return;
    }
    bool packed =
        ex_encoding_negotiate(ex_http_request_header(request, "Accept-Encoding")) == EX_GZIP;
    ex_http_response_header(response, "Content-Type", file->content_type);
    if (packed)
        ex_http_response_header(response, "Content-Encoding", "gzip");
    ex_http_response_borrow(response, packed ? file->gzip : file->plain, NULL, NULL);
}

void ex_page_answer(struct ex_http_request *request, struct ex_http_response *response) {
    answer(&ex_page_files[0], again_each_time, request, response);
}

void ex_page_answer_file(struct ex_http_request *request, struct ex_http_response *response) {
    struct fo_str version = ex_http_request_param(request, "version");
    struct fo_str name = ex_http_request_param(request, "file");

    for (size_t i = 1; i < ex_page_file_count; i++) {
        if (fo_str_equal(version, fo_str_of(ex_page_version)) &&
            fo_str_equal(name, fo_str_of(ex_page_files[i].name))) {
            answer(&ex_page_files[i], for_ever, request, response);
            return;
        }
    }
    ex_http_response_error(response, 404, "not a file of this version's status page");
}
