/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/webhook/sender.h - posts one body after the other, each until it is accepted or refused
 * for good. Owns: libcurl's handles. Threads: [main]. */
#ifndef LISTENERS_WEBHOOK_SENDER_H
#define LISTENERS_WEBHOOK_SENDER_H

#include <curl/curl.h>
#include <jansson.h>

#include "listeners/webhook/queue.h"

struct sender {
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    const char *token_file; /* borrowed; NULL = none. Read for each post: secrets rotate */
    int under_way;          /* the queue's first is being posted */
    long long next_ms;      /* not before that; monotonic */
    unsigned failures;      /* in a row */
    /* A post has ended: "delivered", "refused", "failed" (it is tried again). */
    void (*ended)(const char *result, const char *detail);
};

/* NULL, or what is wrong with the configuration, which must outlive the sender. */
const char *sender_init(struct sender *sender, const json_t *config);

/* Goes on as far as possible without waiting, and says how long nothing will happen but by what
 * comes over the network. */
long long sender_work(struct sender *sender, struct queue *queue, long long now_ms);

#endif
