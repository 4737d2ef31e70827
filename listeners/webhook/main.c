/* SPDX-License-Identifier: Apache-2.0 */
/* The listener `webhook`: posts events as they are, or as alerts to Alertmanager.
 *   listeners: {webhook: {config: {url: "http://localhost:9093/api/v2/alerts",
 *                                  format: alertmanager}}}
 * config: url; format (json, alertmanager); events (labelled, exhausted, recovered);
 * bearer_token_file, ca_file, cert_file, key_file; timeout_ms (10000); queue (1000).
 * What cannot be delivered is tried again, later each time, and kept within `queue` and 8 MiB. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "listeners/webhook/payload.h"
#include "listeners/webhook/sender.h"

enum { QUEUE = 1000, QUEUE_BYTES = 8 * 1024 * 1024, LINE_BYTES = 1024 * 1024, LAST_MS = 1000 };

static struct sender sender;
static struct queue queue;
static int for_alertmanager;

static void say(json_t *message) {
    char *text = json_dumps(message, JSON_COMPACT);

    if (text)
        (void)printf("%s\n", text);
    (void)fflush(stdout);
    free(text);
    json_decref(message);
}

static void count(const char *result, size_t number) {
    say(json_pack("{s:{s:s, s:[s], s:I}}", "metric", "name", "deliveries", "values", result,
                  "value", (json_int_t)number));
    say(json_pack("{s:{s:s, s:[], s:I}}", "metric", "name", "undelivered", "values", "value",
                  (json_int_t)queue.count));
}

static void on_ended(const char *result, const char *detail) {
    if (strcmp(result, "delivered") != 0)
        say(json_pack("{s:{s:s, s:o}}", "log", "level", "warn", "message",
                      json_sprintf("a delivery %s: %s", result, detail)));
    count(result, 1);
}

static long long clock_ms(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void take(const char *line, size_t len) {
    char *body;

    if (for_alertmanager) {
        json_t *event = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
        body = payload_alerts(event);
        json_decref(event);
    } else {
        body = strndup(line, len);
    }
    size_t dropped = body ? queue_add(&queue, body) : 0;
    if (dropped > 0)
        count("dropped", dropped);
}

/* Lines as they come; the first is the configuration, read before. False: the daemon is gone. */
static int read_events(void) {
    static char bytes[LINE_BYTES];
    static size_t len;
    ssize_t got = read(STDIN_FILENO, bytes + len, sizeof bytes - len);

    if (got <= 0)
        return 0;
    len += (size_t)got;
    char *end;
    char *at = bytes;
    while ((end = memchr(at, '\n', len - (size_t)(at - bytes))) != NULL) {
        take(at, (size_t)(end - at));
        at = end + 1;
    }
    len -= (size_t)(at - bytes);
    memmove(bytes, at, len);
    return len < sizeof bytes; /* a longer line is none of ours */
}

static void serve(void) {
    struct curl_waitfd input = {.fd = STDIN_FILENO, .events = CURL_WAIT_POLLIN};
    long long last_ms = -1; /* when we end at the latest; -1 = not yet */

    while (last_ms < 0 || (queue.count > 0 && clock_ms() < last_ms)) {
        long long wait_ms = sender_work(&sender, &queue, clock_ms());
        if (last_ms >= 0 && wait_ms > 50)
            wait_ms = 50;
        input.revents = 0;
        (void)curl_multi_poll(sender.multi, &input, last_ms < 0 ? 1 : 0, (int)wait_ms, NULL);
        if (last_ms < 0 && input.revents != 0 && !read_events())
            last_ms = clock_ms() + LAST_MS;
    }
}

static void greet(const json_t *config) {
    json_t *events = json_object_get(config, "events");

    say(json_pack("{s:{s:s, s:s, s:s, s:[s]}}", "metric", "name", "deliveries", "type", "counter",
                  "help", "Posts, by what came of them.", "labels", "result"));
    say(json_pack("{s:{s:s, s:s, s:s, s:[]}}", "metric", "name", "undelivered", "type", "gauge",
                  "help", "Events that wait to be delivered.", "labels"));
    events = json_is_array(events) ? json_incref(events)
                                   : json_pack("[s, s, s]", "labelled", "exhausted", "recovered");
    say(json_pack("{s:s, s:s, s:[], s:o}", "name", "webhook", "version", "1.0", "output_keys",
                  "events", events));
}

/* The first line, byte by byte: what follows it is for read_events(). */
static json_t *read_config(void) {
    static char line[LINE_BYTES];
    size_t len = 0;

    while (len < sizeof line && read(STDIN_FILENO, line + len, 1) == 1 && line[len] != '\n')
        len++;
    return json_loadb(line, len, 0, NULL);
}

int main(void) {
    json_t *root = read_config();
    const json_t *config = json_object_get(root, "config");
    const char *format = json_string_value(json_object_get(config, "format"));
    const json_t *limit = json_object_get(config, "queue");
    const char *wrong = sender_init(&sender, config);

    for_alertmanager = format && strcmp(format, "alertmanager") == 0;
    if (!wrong && format && !for_alertmanager && strcmp(format, "json") != 0)
        wrong = "config.format must be json or alertmanager";
    if (wrong) {
        say(json_pack("{s:s}", "error", wrong));
        return 1;
    }
    sender.ended = on_ended;
    srandom((unsigned)getpid() ^ (unsigned)time(NULL));
    queue_init(&queue, json_integer_value(limit) > 0 ? (size_t)json_integer_value(limit) : QUEUE,
               QUEUE_BYTES);
    greet(config);
    serve();
    json_decref(root);
    return 0;
}
