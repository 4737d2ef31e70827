/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/response.h"

#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

void ex_http_response_init(struct ex_http_response *response, bool json_errors) {
    *response = (struct ex_http_response){.status = 200, .json_errors = json_errors};
}

static void drop_body(struct ex_http_response *response) {
    if (response->release)
        response->release(response->release_ctx);
    response->release = NULL;
    free(response->taken);
    free(response->pieces);
    response->taken = NULL;
    response->pieces = NULL;
    response->piece_count = 0;
    response->len = 0;
}

static void drop_headers(struct ex_http_response *response) {
    for (size_t i = 0; i < response->header_count; i++) {
        free(response->headers[i].name);
        free(response->headers[i].value);
    }
    response->header_count = 0;
}

void ex_http_response_done(struct ex_http_response *response) {
    drop_body(response);
    drop_headers(response);
}

void ex_http_response_status(struct ex_http_response *response, int status) {
    response->status = status;
}

/* ---- Headers ---- */

static bool is_header_name(const char *name) {
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (const char *c = name; *c; c++) {
        bool alnum =
            (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        if (!alnum && !strchr(others, *c))
            return false;
    }
    return *name != '\0';
}

bool ex_http_is_header_value(const char *value) {
    for (const char *c = value; *c; c++) {
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            return false;
    }
    return true;
}

static size_t find_header(const struct ex_http_response *response, const char *name) {
    size_t i = 0;

    while (i < response->header_count && strcasecmp(response->headers[i].name, name) != 0)
        i++;
    return i;
}

const char *ex_http_response_get(const struct ex_http_response *response, const char *name) {
    size_t i = find_header(response, name);

    return i < response->header_count ? response->headers[i].value : NULL;
}

void ex_http_response_header(struct ex_http_response *response, const char *name,
                             const char *value) {
    size_t i = find_header(response, name);

    if (i == EX_HTTP_RESPONSE_HEADERS_MAX || !is_header_name(name) ||
        !ex_http_is_header_value(value)) {
        response->failed = true;
        return;
    }
    struct ex_http_header header = {strdup(name), strdup(value)};
    if (!header.name || !header.value) {
        response->failed = true;
        free(header.name);
        free(header.value);
        return;
    }
    if (i < response->header_count) {
        free(response->headers[i].name);
        free(response->headers[i].value);
    } else {
        response->header_count++;
    }
    response->headers[i] = header;
}

/* ---- Bodies ---- */

void ex_http_response_take(struct ex_http_response *response, char *body, size_t len) {
    drop_body(response);
    response->taken = body;
    response->len = len;
}

void ex_http_response_copy(struct ex_http_response *response, struct fo_str body) {
    char *copy = malloc(body.len > 0 ? body.len : 1);

    if (copy && body.len > 0)
        memcpy(copy, body.ptr, body.len);
    response->failed = response->failed || !copy;
    ex_http_response_take(response, copy, copy ? body.len : 0);
}

void ex_http_response_borrow(struct ex_http_response *response, struct fo_str body,
                             void (*release)(void *ctx), void *ctx) {
    ex_http_response_pieces(response, &body, 1, release, ctx);
}

void ex_http_response_pieces(struct ex_http_response *response, const struct fo_str *pieces,
                             size_t count, void (*release)(void *ctx), void *ctx) {
    drop_body(response);
    response->release = release;
    response->release_ctx = ctx;
    response->pieces = calloc(count > 0 ? count : 1, sizeof *response->pieces);
    if (!response->pieces) {
        response->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len > 0)
            response->pieces[response->piece_count++] =
                (struct MHD_IoVec){pieces[i].ptr, pieces[i].len};
    }
}

/* ---- Errors ---- */

/* JSON holds UTF-8 only; text that is none loses the bytes beyond ASCII. */
static json_t *json_of(char *text) {
    json_t *string = json_string(text);

    if (!string) {
        for (char *c = text; *c; c++) {
            if ((unsigned char)*c >= 0x80)
                *c = '?';
        }
        string = json_string(text);
    }
    return string;
}

static char *json_error_body(char *text) {
    json_t *root = json_pack("{s:[o]}", "errors", json_of(text));
    char *body = root ? json_dumps(root, JSON_COMPACT) : NULL;

    json_decref(root);
    return body;
}

static char *text_error_body(const char *text) {
    size_t len = strlen(text);
    char *body = malloc(len + 2);

    if (body)
        (void)snprintf(body, len + 2, "%s\n", text);
    return body;
}

void ex_http_response_error(struct ex_http_response *response, int status, const char *format,
                            ...) {
    char text[EX_HTTP_ERROR_MAX_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    drop_headers(response);
    response->failed = false;
    response->status = status;
    char *body = response->json_errors ? json_error_body(text) : text_error_body(text);
    ex_http_response_take(response, body, body ? strlen(body) : 0);
    ex_http_response_header(response, "Content-Type",
                            response->json_errors ? "application/json; charset=UTF-8"
                                                  : "text/plain; charset=utf-8");
}

/* ---- Handing over ---- */

/* libmicrohttpd keeps a list of pieces in the connection's memory. A longer one than this is read
 * piece by piece into a block instead, at the cost of one copy. */
enum { PIECES_SENT_DIRECTLY = 64, BLOCK_BYTES = 128 * 1024 };

struct reading {
    struct MHD_IoVec *pieces;
    size_t count;
    size_t at;     /* the piece to read next */
    size_t offset; /* in it */
    void (*release)(void *ctx);
    void *release_ctx;
};

static ssize_t read_pieces(void *ctx, uint64_t position, char *buffer, size_t room) {
    struct reading *reading = ctx;
    size_t done = 0;

    (void)position; /* it only moves on */
    while (done < room && reading->at < reading->count) {
        const struct MHD_IoVec *piece = &reading->pieces[reading->at];
        size_t left = piece->iov_len - reading->offset;
        size_t len = left < room - done ? left : room - done;
        memcpy(buffer + done, (const char *)piece->iov_base + reading->offset, len);
        done += len;
        reading->offset += len;
        if (reading->offset == piece->iov_len) {
            reading->at++;
            reading->offset = 0;
        }
    }
    return (ssize_t)done;
}

static void end_reading(void *ctx) {
    struct reading *reading = ctx;

    if (reading->release)
        reading->release(reading->release_ctx);
    free(reading->pieces);
    free(reading);
}

static struct MHD_Response *build_blocks(struct ex_http_response *response) {
    struct reading *reading = malloc(sizeof *reading);
    uint64_t total = 0;

    if (!reading)
        return NULL;
    *reading = (struct reading){.pieces = response->pieces,
                                .count = response->piece_count,
                                .release = response->release,
                                .release_ctx = response->release_ctx};
    for (size_t i = 0; i < response->piece_count; i++)
        total += response->pieces[i].iov_len;
    struct MHD_Response *built =
        MHD_create_response_from_callback(total, BLOCK_BYTES, read_pieces, reading, end_reading);
    if (built)
        response->pieces = NULL;
    else
        free(reading);
    return built;
}

static struct MHD_Response *build_body(struct ex_http_response *response) {
    static char empty[] = "";

    if (response->piece_count > PIECES_SENT_DIRECTLY)
        return build_blocks(response);
    if (response->pieces)
        return MHD_create_response_from_iovec(response->pieces, (unsigned)response->piece_count,
                                              response->release, response->release_ctx);
    if (response->taken)
        return MHD_create_response_from_buffer(response->len, response->taken,
                                               MHD_RESPMEM_MUST_FREE);
    return MHD_create_response_from_buffer(0, empty, MHD_RESPMEM_PERSISTENT);
}

struct MHD_Response *ex_http_response_build(struct ex_http_response *response) {
    if (response->failed)
        ex_http_response_error(response, 500, "The answer could not be made.");

    struct MHD_Response *built = build_body(response);
    if (built) { /* the body is libmicrohttpd's now */
        response->taken = NULL;
        response->release = NULL;
    }
    if (built && ex_http_response_add_headers(response, built) != 0) {
        MHD_destroy_response(built);
        built = NULL;
    }
    drop_body(response);
    return built;
}

static int add_default(const struct ex_http_response *response, struct MHD_Response *built,
                       const char *name, const char *value) {
    if (ex_http_response_get(response, name))
        return 0;
    return MHD_add_response_header(built, name, value) == MHD_YES ? 0 : -ENOMEM;
}

int ex_http_response_add_headers(const struct ex_http_response *response,
                                 struct MHD_Response *built) {
    for (size_t i = 0; i < response->header_count; i++) {
        if (MHD_add_response_header(built, response->headers[i].name, response->headers[i].value) ==
            MHD_NO)
            return -ENOMEM;
    }
    int err = add_default(response, built, "X-Content-Type-Options", "nosniff");
    return err != 0 ? err : add_default(response, built, "Cache-Control", "no-store");
}
