/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/engines/flink/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

enum { SECRET_MAX_BYTES = 8192, SPARES_MAX = 64 };

struct ex_fetch {
    TAILQ_ENTRY(ex_fetch) link;
    struct ex_client *client;
    CURL *easy;
    struct curl_slist *headers;
    struct ex_buffer body;
    ex_fetch_done *done;
    void *ctx;
};

struct ex_client {
    CURLM *multi;
    const struct ex_flink_settings *settings;
    uv_loop_t *loop;
    uv_timer_t timer;
    TAILQ_HEAD(, ex_fetch) fetches;
    CURL *spares[SPARES_MAX]; /* handles with their options set */
    size_t spare_count;
};

/* A socket of libcurl's, watched. */
struct watch {
    uv_poll_t poll; /* first: the handle is the watch */
    struct ex_client *client;
    curl_socket_t socket;
};

/* ---- ending requests ----------------------------------------------------------------------- */

static void release(struct ex_fetch *fetch) {
    struct ex_client *client = fetch->client;

    TAILQ_REMOVE(&client->fetches, fetch, link);
    (void)curl_multi_remove_handle(client->multi, fetch->easy);
    if (client->spare_count < SPARES_MAX)
        client->spares[client->spare_count++] = fetch->easy;
    else
        curl_easy_cleanup(fetch->easy);
    curl_slist_free_all(fetch->headers);
    ex_buffer_done(&fetch->body);
    free(fetch);
}

void ex_fetch_give_up(struct ex_fetch *fetch) {
    release(fetch);
}

static int error_of(const struct ex_fetch *fetch, CURLcode code) {
    if (code == CURLE_OK)
        return 0;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return -ETIMEDOUT;
    if (code == CURLE_FILESIZE_EXCEEDED || fetch->body.failure == -EMSGSIZE)
        return -EMSGSIZE;
    return -EIO;
}

static void finish(struct ex_fetch *fetch, CURLcode code) {
    struct ex_fetched fetched = {
        .error = error_of(fetch, code),
        .body = ex_buffer_str(&fetch->body),
        .why = curl_easy_strerror(code),
    };
    ex_fetch_done *done = fetch->done;
    void *ctx = fetch->ctx;

    if (fetched.error == -EMSGSIZE)
        fetched.why = "the answer is larger than answer-max";
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &fetched.status);
    /* The body outlives the request, which may be asked for again from within the call. */
    struct ex_buffer body = fetch->body;
    ex_buffer_init(&fetch->body, 0);
    release(fetch);
    done(ctx, &fetched);
    ex_buffer_done(&body);
}

/* Requests are ended one by one: whoever is told may start others, or free the client's owner. */
static void take_finished(struct ex_client *client) {
    const CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        char *fetch = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
        finish((struct ex_fetch *)(void *)fetch, code);
    }
}

/* ---- sockets and time ---------------------------------------------------------------------- */

static void act(struct ex_client *client, curl_socket_t socket, int events) {
    int running;

    (void)curl_multi_socket_action(client->multi, socket, events, &running);
    take_finished(client);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    const struct watch *watch = (const struct watch *)(const void *)poll;
    int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0) | (status < 0 ? CURL_CSELECT_ERR : 0);

    act(watch->client, watch->socket, flags);
}

static void on_timer(uv_timer_t *timer) {
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int want_timeout(CURLM *multi, long timeout_ms, void *ctx) {
    struct ex_client *client = ctx;

    (void)multi;
    if (timeout_ms < 0)
        return uv_timer_stop(&client->timer);
    return uv_timer_start(&client->timer, on_timer, (uint64_t)timeout_ms, 0);
}

static void on_watch_closed(uv_handle_t *handle) {
    free(handle);
}

static struct watch *new_watch(struct ex_client *client, curl_socket_t socket) {
    struct watch *watch = calloc(1, sizeof *watch);

    if (!watch)
        return NULL;
    watch->client = client;
    watch->socket = socket;
    if (uv_poll_init_socket(client->loop, &watch->poll, socket) < 0) {
        free(watch);
        return NULL;
    }
    (void)curl_multi_assign(client->multi, socket, watch);
    return watch;
}

static int want_socket(CURL *easy, curl_socket_t socket, int what, void *ctx, void *socket_ctx) {
    struct ex_client *client = ctx;
    struct watch *watch = socket_ctx;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        (void)curl_multi_assign(client->multi, socket, NULL);
        return 0;
    }
    if (!watch)
        watch = new_watch(client, socket);
    return watch ? uv_poll_start(&watch->poll, events, on_poll) : -1;
}

/* ---- requests ------------------------------------------------------------------------------ */

static size_t take_bytes(char *bytes, size_t size, size_t count, void *ctx) {
    struct ex_fetch *fetch = ctx;

    ex_buffer_append(&fetch->body, bytes, size * count);
    return fetch->body.failure == 0 ? size * count : 0;
}

static void set_text(CURL *easy, CURLoption option, const char *text) {
    if (text)
        (void)curl_easy_setopt(easy, option, text);
}

static CURL *new_easy(const struct ex_flink_settings *settings) {
    CURL *easy = curl_easy_init();

    if (!easy)
        return NULL;
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)settings->timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)settings->answer_max_bytes);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "failover_exporter");
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    set_text(easy, CURLOPT_CAINFO, settings->ca_file);
    set_text(easy, CURLOPT_SSLCERT, settings->cert_file);
    set_text(easy, CURLOPT_SSLKEY, settings->key_file);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, settings->insecure ? 0L : 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, settings->insecure ? 0L : 2L);
    return easy;
}

/* The first line of a file; read anew for each request, so that a secret may change. */
static int read_secret(const char *path, char secret[static SECRET_MAX_BYTES]) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = descriptor < 0 ? -1 : read(descriptor, secret, SECRET_MAX_BYTES - 1);

    if (descriptor >= 0)
        (void)close(descriptor);
    if (len <= 0)
        return -EACCES;
    secret[len] = '\0';
    secret[strcspn(secret, "\r\n")] = '\0';
    return secret[0] != '\0' ? 0 : -EACCES;
}

static int add_header(struct ex_fetch *fetch, const char *line) {
    struct curl_slist *headers = curl_slist_append(fetch->headers, line);

    if (!headers)
        return -ENOMEM;
    fetch->headers = headers;
    return 0;
}

static int set_authentication(struct ex_fetch *fetch) {
    const struct ex_flink_settings *settings = fetch->client->settings;
    const char *path = settings->user ? settings->password_file : settings->bearer_token_file;
    char secret[SECRET_MAX_BYTES];
    char header[SECRET_MAX_BYTES + 32];
    int ret = path ? read_secret(path, secret) : 0;

    if (ret < 0 || !path)
        return ret;
    if (settings->user) {
        (void)curl_easy_setopt(fetch->easy, CURLOPT_USERNAME, settings->user);
        (void)curl_easy_setopt(fetch->easy, CURLOPT_PASSWORD, secret);
        return 0;
    }
    (void)snprintf(header, sizeof header, "Authorization: Bearer %s", secret);
    return add_header(fetch, header);
}

/* Who asked is told from the loop even when the request could not be sent. */
static int start(struct ex_fetch *fetch, const char *url) {
    struct ex_client *client = fetch->client;
    int ret = add_header(fetch, "Accept: application/json");

    if (ret == 0)
        ret = set_authentication(fetch);
    if (ret < 0)
        return ret;
    (void)curl_easy_setopt(fetch->easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->headers);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_WRITEDATA, fetch);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_PRIVATE, fetch);
    return curl_multi_add_handle(client->multi, fetch->easy) == CURLM_OK ? 0 : -ENOMEM;
}

int ex_client_get(struct ex_client *client, const char *url, ex_fetch_done *done, void *ctx,
                  struct ex_fetch **ret_fetch) {
    struct ex_fetch *fetch = calloc(1, sizeof *fetch);
    CURL *easy = client->spare_count > 0 ? client->spares[--client->spare_count]
                                         : new_easy(client->settings);

    if (!fetch || !easy) {
        free(fetch);
        curl_easy_cleanup(easy);
        return -ENOMEM;
    }
    *fetch = (struct ex_fetch){.client = client, .easy = easy, .done = done, .ctx = ctx};
    ex_buffer_init(&fetch->body, client->settings->answer_max_bytes);
    TAILQ_INSERT_TAIL(&client->fetches, fetch, link);
    int ret = start(fetch, url);
    if (ret < 0) {
        release(fetch);
        return ret;
    }
    *ret_fetch = fetch;
    return 0;
}

/* ---- life ---------------------------------------------------------------------------------- */

int ex_client_new(uv_loop_t *loop, const struct ex_flink_settings *settings,
                  struct ex_client **ret_client) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return -EIO;
    struct ex_client *client = calloc(1, sizeof *client);
    CURLM *multi = client ? curl_multi_init() : NULL;
    if (!multi) {
        free(client);
        return -ENOMEM;
    }
    client->loop = loop;
    client->settings = settings;
    client->multi = multi;
    TAILQ_INIT(&client->fetches);
    (void)uv_timer_init(loop, &client->timer); /* cannot fail */
    client->timer.data = client;
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client);
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_timeout);
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client);
    *ret_client = client;
    return 0;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

struct ex_client *ex_client_free(struct ex_client *client) {
    if (!client)
        return NULL;
    while (!TAILQ_EMPTY(&client->fetches))
        release(TAILQ_FIRST(&client->fetches));
    while (client->spare_count > 0)
        curl_easy_cleanup(client->spares[--client->spare_count]);
    (void)curl_multi_cleanup(client->multi);
    uv_close((uv_handle_t *)&client->timer, on_closed);
    return NULL;
}
