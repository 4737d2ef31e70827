/* SPDX-License-Identifier: Apache-2.0 */
/* bench/bench_push.h - the client of bench_push: HTTP/1.1 over a unix socket, one request at a time
 * on a connection that is kept. Owns: the connection and its last answer. Threads: one. */
#ifndef BENCH_PUSH_H
#define BENCH_PUSH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BENCH_PATH_BYTES = 512 };

struct bench_client {
    int fd;
    int status;
    char *answer; /* header and body, terminated */
    size_t len;
    size_t room;
    size_t body_len; /* of the last whole answer */
};

void bench_die(const char *what) __attribute__((noreturn));
uint64_t bench_now_ns(void);

/* Until somebody listens on the socket. */
void bench_wait_for(const char *path);
void bench_connect(struct bench_client *client, const char *path);
void bench_disconnect(struct bench_client *client);
void bench_send(struct bench_client *client, const char *method, const char *path,
                const char *content_type, const char *body, size_t len);
/* Reads what is there; true once the answer is whole. */
bool bench_receive(struct bench_client *client, bool wait);

#endif
