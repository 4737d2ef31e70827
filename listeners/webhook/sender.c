/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/webhook/sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACK_OFF_MS = 500,
    BACK_OFF_MAX_MS = 60000,
    TIMEOUT_MS = 10000,
    TOKEN_BYTES = 4096,
    HEADER_BYTES = TOKEN_BYTES + 32,
    IDLE_MS = 60000,
};

/* What the receiver says is of no interest. */
static size_t swallow(char *bytes, size_t size, size_t count, void *ctx) {
    (void)bytes;
    (void)ctx;
    return size * count;
}

static const char *string_of(const json_t *config, const char *key) {
    return json_string_value(json_object_get(config, key));
}

static void set_options(CURL *easy, const json_t *config, const char *url) {
    const json_t *timeout = json_object_get(config, "timeout_ms");
    long timeout_ms = json_is_integer(timeout) ? (long)json_integer_value(timeout) : TIMEOUT_MS;

    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "failover_exporter");
    if (string_of(config, "ca_file"))
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, string_of(config, "ca_file"));
    if (string_of(config, "cert_file"))
        (void)curl_easy_setopt(easy, CURLOPT_SSLCERT, string_of(config, "cert_file"));
    if (string_of(config, "key_file"))
        (void)curl_easy_setopt(easy, CURLOPT_SSLKEY, string_of(config, "key_file"));
}

const char *sender_init(struct sender *sender, const json_t *config) {
    const char *url = string_of(config, "url");

    if (!url || (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0))
        return "config.url must be an http:// or https:// address";
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return "libcurl cannot be used";
    sender->multi = curl_multi_init();
    sender->easy = curl_easy_init();
    if (!sender->multi || !sender->easy)
        return "out of memory";
    sender->token_file = string_of(config, "bearer_token_file");
    set_options(sender->easy, config, url);
    return NULL;
}

/* The token's own line, without the newline; 0 = it cannot be read. */
static size_t read_token(const char *path, char token[static TOKEN_BYTES]) {
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(token, 1, TOKEN_BYTES - 1, file) : 0;

    if (file)
        (void)fclose(file);
    token[len] = '\0';
    len = strcspn(token, "\r\n");
    token[len] = '\0';
    return len;
}

static int set_headers(struct sender *sender, const char *id) {
    char token[TOKEN_BYTES];
    char header[HEADER_BYTES];

    curl_slist_free_all(sender->headers);
    sender->headers = curl_slist_append(NULL, "Content-Type: application/json");
    (void)snprintf(header, sizeof header, "Failover-Event-Id: %s", id);
    sender->headers = curl_slist_append(sender->headers, header);
    if (sender->token_file) {
        if (read_token(sender->token_file, token) == 0)
            return -1;
        (void)snprintf(header, sizeof header, "Authorization: Bearer %s", token);
        sender->headers = curl_slist_append(sender->headers, header);
    }
    return curl_easy_setopt(sender->easy, CURLOPT_HTTPHEADER, sender->headers) == CURLE_OK ? 0 : -1;
}

/* Later each time, and not all at once after an outage: half of the wait is by chance. */
static void back_off(struct sender *sender, long long now_ms) {
    long long wait_ms = BACK_OFF_MS;

    for (unsigned i = 0; i < sender->failures && wait_ms < BACK_OFF_MAX_MS; i++)
        wait_ms *= 2;
    if (wait_ms > BACK_OFF_MAX_MS)
        wait_ms = BACK_OFF_MAX_MS;
    sender->failures++;
    sender->next_ms = now_ms + wait_ms / 2 + random() % (wait_ms / 2);
}

static void start(struct sender *sender, const struct delivery *delivery, long long now_ms) {
    if (set_headers(sender, delivery->id) < 0) {
        sender->ended("failed", "bearer_token_file cannot be read");
        back_off(sender, now_ms);
        return;
    }
    (void)curl_easy_setopt(sender->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(delivery->body));
    (void)curl_easy_setopt(sender->easy, CURLOPT_POSTFIELDS, delivery->body); /* borrowed */
    sender->under_way = curl_multi_add_handle(sender->multi, sender->easy) == CURLM_OK;
}

static void finish(struct sender *sender, struct queue *queue, CURLcode code, long long now_ms) {
    long status = 0;
    char detail[64];

    (void)curl_easy_getinfo(sender->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_multi_remove_handle(sender->multi, sender->easy);
    sender->under_way = 0;
    (void)snprintf(detail, sizeof detail, "status %ld", status);
    if (code == CURLE_OK && status >= 200 && status < 300) {
        sender->failures = 0;
        queue_drop_first(queue);
        sender->ended("delivered", detail);
    } else if (code == CURLE_OK && status >= 400 && status < 500 && status != 408 &&
               status != 429) {
        queue_drop_first(queue); /* it would not be accepted the next time either */
        sender->ended("refused", detail);
    } else {
        back_off(sender, now_ms);
        sender->ended("failed", code == CURLE_OK ? detail : curl_easy_strerror(code));
    }
}

long long sender_work(struct sender *sender, struct queue *queue, long long now_ms) {
    int running;
    int left;
    const CURLMsg *message;

    if (!sender->under_way && queue_first(queue) && now_ms >= sender->next_ms)
        start(sender, queue_first(queue), now_ms);
    (void)curl_multi_perform(sender->multi, &running);
    while ((message = curl_multi_info_read(sender->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE)
            finish(sender, queue, message->data.result, now_ms);
    }
    if (sender->under_way || !queue_first(queue))
        return IDLE_MS;
    return sender->next_ms > now_ms ? sender->next_ms - now_ms : 0;
}
