/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#include "bench/bench_push.h"

enum { ROOM = 64 * 1024, HEADER_BYTES = 512, TRIES = 3000, TRY_MS = 10 };

static int try_connect(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd != -1 && connect(fd, (struct sockaddr *)&address, sizeof address) == -1) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

void bench_wait_for(const char *path) {
    for (int i = 0; i < TRIES; i++) {
        int fd = try_connect(path);
        if (fd != -1) {
            (void)close(fd);
            return;
        }
        (void)poll(NULL, 0, TRY_MS);
    }
    bench_die(path);
}

void bench_connect(struct bench_client *client, const char *path) {
    *client = (struct bench_client){.fd = try_connect(path), .room = ROOM};
    client->answer = malloc(ROOM);
    if (client->fd == -1 || !client->answer)
        bench_die(path);
}

void bench_disconnect(struct bench_client *client) {
    (void)close(client->fd);
    free(client->answer);
}

/* Over a socket whose other end reads. */
static void write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t sent = write(fd, bytes, len);
        if (sent == -1 && errno != EINTR)
            bench_die("write");
        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        }
    }
}

void bench_send(struct bench_client *client, const char *method, const char *path,
                const char *content_type, const char *body, size_t len) {
    char request[HEADER_BYTES + 2048];
    int size = content_type ? snprintf(request, sizeof request,
                                       "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n"
                                       "Content-Length: %zu\r\n\r\n",
                                       method, path, content_type, len)
                            : snprintf(request, sizeof request,
                                       "%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n", method, path);
    size_t used = (size_t)size;

    client->len = 0;
    if (len > 0 && used + len <= sizeof request) {
        memcpy(request + used, body, len);
        used += len;
        len = 0;
    }
    write_all(client->fd, request, used);
    write_all(client->fd, body, len);
}

/* Where the body begins; 0: the header is not whole. */
static size_t header_end(const struct bench_client *client) {
    const char *end = strstr(client->answer, "\r\n\r\n");

    return end ? (size_t)(end - client->answer) + 4 : 0;
}

static bool is_whole(struct bench_client *client) {
    size_t start = header_end(client);
    const char *length = start > 0 ? strcasestr(client->answer, "\r\ncontent-length:") : NULL;

    if (start == 0)
        return false;
    if (!length)
        bench_die("an answer without a length");
    client->status = (int)strtol(client->answer + sizeof "HTTP/1.1", NULL, 10);
    client->body_len = (size_t)strtoull(length + sizeof "\r\ncontent-length:" - 1, NULL, 10);
    return client->len >= start + client->body_len;
}

static void make_room(struct bench_client *client) {
    if (client->len + 1 < client->room)
        return;
    client->room *= 2;
    client->answer = realloc(client->answer, client->room);
    if (!client->answer)
        bench_die("realloc");
}

bool bench_receive(struct bench_client *client, bool wait) {
    for (;;) {
        make_room(client);
        ssize_t size = recv(client->fd, client->answer + client->len,
                            client->room - client->len - 1, wait ? 0 : MSG_DONTWAIT);
        if (size == 0 || (size == -1 && errno != EAGAIN && errno != EINTR))
            bench_die("recv");
        if (size == -1)
            return false;
        client->len += (size_t)size;
        client->answer[client->len] = '\0';
        if (is_whole(client))
            return true;
    }
}
