/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/cli/client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>

enum { TOKEN_MAX_BYTES = 4096, ANSWER_MAX_BYTES = 256 * 1024 * 1024 };

static int refuse(struct fo_error *reterr, int code, const char *what, const char *why) {
    *reterr = (struct fo_error){.code = code};
    (void)snprintf(reterr->text, sizeof reterr->text, "%s: %s", what, why);
    return code;
}

void ex_client_escape(struct ex_buffer *path, const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (isalnum(*c) || strchr("-_.~", *c))
            ex_buffer_append_char(path, (char)*c);
        else
            ex_buffer_printf(path, "%%%02X", *c);
    }
}

/* ---- headers ---- */

static int add_header(struct curl_slist **headers, const char *name, const char *value) {
    char line[TOKEN_MAX_BYTES + 64];

    (void)snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*headers, line);
    if (longer)
        *headers = longer;
    return longer ? 0 : -ENOMEM;
}

static int add_token(struct curl_slist **headers, const char *path, struct fo_error *reterr) {
    char token[TOKEN_MAX_BYTES] = "Bearer ";
    size_t skip = strlen(token);
    FILE *file = fopen(path, "re");

    if (!file)
        return refuse(reterr, -errno, path, strerrordesc_np(errno));
    bool good = fgets(token + skip, (int)(sizeof token - skip), file);
    (void)fclose(file);
    if (!good)
        return refuse(reterr, -EINVAL, path, "holds no token");
    token[strcspn(token, "\r\n")] = '\0';
    int ret = add_header(headers, "Authorization", token);
    explicit_bzero(token, sizeof token);
    return ret;
}

static int make_headers(const struct ex_client *client, const struct ex_client_request *request,
                        struct curl_slist **headers, struct fo_error *reterr) {
    int ret = add_header(headers, "Expect", ""); /* no waiting for 100 */

    if (ret == 0 && request->content_type)
        ret = add_header(headers, "Content-Type", request->content_type);
    if (ret == 0 && client->token_file && !client->socket)
        ret = add_token(headers, client->token_file, reterr);
    return ret;
}

/* ---- the request ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *body) {
    struct ex_buffer *buffer = body;

    ex_buffer_append(buffer, bytes, size * count);
    return buffer->failure == 0 ? size * count : 0;
}

/* Options of these kinds are refused only for want of memory, which the transfer finds out too. */
static void set_options(CURL *curl, const struct ex_client *client,
                        const struct ex_client_request *request, const char *url) {
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)client->timeout_ms);
    if (client->socket)
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
    if (client->ca_file)
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
    if (client->unverified) {
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (request->content_type) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.ptr);
    } else if (strcmp(request->method, "POST") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    }
}

/* Why nobody answers at a socket; libcurl would speak of port 80 of localhost. */
static const char *silence(int number) {
    switch (number) {
    case ENOENT:
        return "no daemon has its socket there; does it run, and with this --storage.path?";
    case ECONNREFUSED:
        return "the daemon of this socket does not run any more";
    case EACCES:
        return "permission denied: it is for the daemon's own user and for root";
    default:
        return number != 0 ? strerrordesc_np(number) : "no daemon answers at this socket";
    }
}

static const char *explain(CURL *curl, CURLcode code, const struct ex_client *client,
                           const char *why) {
    long number = 0;

    if (code == CURLE_COULDNT_CONNECT && client->socket) {
        (void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
        return silence((int)number);
    }
    return why[0] != '\0' ? why : curl_easy_strerror(code);
}

static int perform(CURL *curl, const struct ex_client *client, struct ex_client_answer *answer,
                   struct fo_error *reterr) {
    const char *where = client->socket ? client->socket : client->address;
    char why[CURL_ERROR_SIZE] = "";

    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer->body);
    CURLcode code = curl_easy_perform(curl);
    if (answer->body.failure < 0)
        return refuse(reterr, answer->body.failure, where, "the answer is too large");
    if (code != CURLE_OK)
        return refuse(reterr, -ECONNREFUSED, where, explain(curl, code, client, why));
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    return 0;
}

int ex_client_ask(const struct ex_client *client, const struct ex_client_request *request,
                  struct ex_client_answer *ret_answer, struct fo_error *reterr) {
    struct curl_slist *headers = NULL;
    struct ex_buffer url;
    CURL *curl = curl_easy_init();
    int ret = curl ? 0 : -ENOMEM;

    *reterr = (struct fo_error){.code = -ENOMEM, .text = "out of memory"};
    *ret_answer = (struct ex_client_answer){.status = 0};
    ex_buffer_init(&ret_answer->body, ANSWER_MAX_BYTES);
    ex_buffer_init(&url, (size_t)64 * 1024);
    ex_buffer_append_text(&url, client->socket ? "http://localhost" : client->address);
    ex_buffer_append_text(&url, request->path);
    if (ret == 0)
        ret = url.failure;
    if (ret == 0)
        ret = make_headers(client, request, &headers, reterr);
    if (ret == 0) {
        set_options(curl, client, request, ex_buffer_text(&url));
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        ret = perform(curl, client, ret_answer, reterr);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    ex_buffer_done(&url);
    if (ret < 0)
        ex_client_answer_done(ret_answer);
    return ret;
}

void ex_client_answer_done(struct ex_client_answer *answer) {
    ex_buffer_done(&answer->body);
}
