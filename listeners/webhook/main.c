/* SPDX-License-Identifier: Apache-2.0 */
/* The listener `webhook`: posts events as they are, or as alerts to Alertmanager.
 *   listeners: {webhook: {config: {url: "http://localhost:9093/api/v2/alerts",
 *                                  format: alertmanager}}}
 * config: url; format (json, alertmanager); events (labelled, exhausted, recovered);
 * bearer_token_file, ca_file, cert_file, key_file; timeout_ms (10000); queue (1000).
 * What cannot be delivered is tried again, later each time. An event is acknowledged when its post
 * was accepted, or refused for good: until then the daemon keeps it, and gives us `queue` of them
 * at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "listeners/webhook/payload.h"
#include "listeners/webhook/sender.h"

enum {
    QUEUE = 1000,
    QUEUE_MAX = 10000,
    QUEUE_BYTES = 32 * 1024 * 1024, /* more than the daemon keeps of us */
    LINE_BYTES = 1024 * 1024,
    LAST_MS = 1000,
};

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

static void acknowledge(long long number) {
    if (number > 0)
        say(json_pack("{s:I}", "delivered", (json_int_t)number));
}

static void take(const char *line, size_t len) {
    json_t *event = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
    struct delivery delivery = {
        .number = json_integer_value(json_object_get(event, "delivery")),
    };

    if (!event)
        return; /* none of the daemon's lines; or no memory, and it is told again in our next life
                 */
    payload_id(event, delivery.id, sizeof delivery.id);
    delivery.body = for_alertmanager ? payload_alerts(event) : payload_record(event);
    json_decref(event);
    int dropped = delivery.body ? queue_add(&queue, &delivery) : 0;
    if (dropped > 0)
        count("dropped", (size_t)dropped);
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
    say(json_pack("{s:s, s:s, s:[], s:o, s:I}", "name", "webhook", "version", "1.0", "output_keys",
                  "events", events, "acknowledges", (json_int_t)queue.count_max));
}

/* The first line, byte by byte: what follows it is for read_events(). */
static json_t *read_config(void) {
    static char line[LINE_BYTES];
    size_t len = 0;

    while (len < sizeof line && read(STDIN_FILENO, line + len, 1) == 1 && line[len] != '\n')
        len++;
    return json_loadb(line, len, 0, NULL);
}

/* A failure wants an answer with labels, and its events say all of it once more. */
static const char *check_events(const json_t *config) {
    size_t index;
    json_t *kind;

    json_array_foreach(json_object_get(config, "events"), index, kind) {
        const char *word = json_string_value(kind);
        if (word && strcmp(word, "failure") == 0)
            return "config.events may be labelled, exhausted and recovered";
    }
    return NULL;
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
    if (!wrong)
        wrong = check_events(config);
    if (limit && (json_integer_value(limit) < 1 || json_integer_value(limit) > QUEUE_MAX))
        wrong = "config.queue must be from 1 to 10000";
    if (wrong) {
        say(json_pack("{s:s}", "error", wrong));
        return 1;
    }
    sender.ended = on_ended;
    srandom((unsigned)getpid() ^ (unsigned)time(NULL));
    queue_init(&queue, limit ? (size_t)json_integer_value(limit) : QUEUE, QUEUE_BYTES, acknowledge);
    greet(config);
    serve();
    json_decref(root);
    return 0;
}
