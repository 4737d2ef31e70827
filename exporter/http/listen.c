/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "exporter/config/fail.h"

static const char unix_prefix[] = "unix:";

static int fail_system(struct fo_error *reterr, const char *address, const char *doing) {
    int code = -errno;

    return ex_fail(reterr, code, 0, "%s: cannot %s: %s", address, doing, strerrordesc_np(-code));
}

/* ---- TCP ---- */

static int parse_port(const char *text, unsigned *ret_port) {
    unsigned port = 0;

    if (*text == '\0' || strlen(text) > 5)
        return -EINVAL;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -EINVAL;
        port = port * 10 + (unsigned)(*text - '0');
    }
    if (port > 65535)
        return -EINVAL;
    *ret_port = port;
    return 0;
}

int ex_http_tcp_address_parse(const char *text, struct ex_http_tcp_address *ret_address) {
    struct ex_http_tcp_address address = {0};
    const char *colon = strrchr(text, ':');
    struct fo_str host = {text, colon ? (size_t)(colon - text) : 0};
    bool bracketed = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';

    if (bracketed)
        host = (struct fo_str){host.ptr + 1, host.len - 2};
    if (!colon || host.len >= sizeof address.host || parse_port(colon + 1, &address.port) != 0)
        return -EINVAL;
    if (host.len > 0)
        memcpy(address.host, host.ptr, host.len);
    if (bracketed != (strchr(address.host, ':') != NULL))
        return -EINVAL;
    *ret_address = address;
    return 0;
}

static int bind_tcp(int fd, const struct addrinfo *info) {
    int on = 1;
    int off = 0;

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, info->ai_addr, info->ai_addrlen) == -1)
        return -errno;
    return 0;
}

static int open_tcp_at(const struct addrinfo *info, int *ret_fd) {
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd == -1)
        return -errno;
    int err = bind_tcp(fd, info);
    if (err != 0) {
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}

/* An empty host is [::] for both families, or 0.0.0.0 where there is no IPv6. */
static int open_tcp(const char *text, int *ret_fd, struct fo_error *reterr) {
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                          .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct ex_http_tcp_address address;
    struct addrinfo *found = NULL;
    char port[8];

    if (ex_http_tcp_address_parse(text, &address) != 0)
        return ex_fail(reterr, -EINVAL, 0,
                       "%s: not an address: \":9999\", \"127.0.0.1:9999\", \"[::1]:9999\" or "
                       "\"unix:/path\" is expected",
                       text);
    (void)snprintf(port, sizeof port, "%u", address.port);
    const char *hosts[] = {address.host[0] ? address.host : "::", "0.0.0.0"};
    int err = -EADDRNOTAVAIL;
    for (size_t i = 0; i < (address.host[0] ? 1 : 2) && err != 0; i++) {
        int gai = getaddrinfo(hosts[i], port, &hints, &found);
        if (gai != 0)
            return ex_fail(reterr, -EINVAL, 0, "%s: %s", text, gai_strerror(gai));
        err = open_tcp_at(found, ret_fd);
        freeaddrinfo(found);
        if (err == -EADDRINUSE || err == -EACCES)
            break;
    }
    errno = -err;
    return err == 0 ? 0 : fail_system(reterr, text, "listen");
}

/* ---- Unix ---- */

/* Whether somebody answers there. A socket file that nobody serves is a leftover. */
static bool is_served(const struct sockaddr_un *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd == -1)
        return true;
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) == -1 &&
                   errno == ECONNREFUSED;
    (void)close(fd);
    return !refused;
}

static int make_room(const struct sockaddr_un *address) {
    struct stat status;

    if (lstat(address->sun_path, &status) == -1)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST;
    if (is_served(address))
        return -EADDRINUSE;
    return unlink(address->sun_path) == -1 ? -errno : 0;
}

/* The mode is set on the descriptor before bind, so that the file never has another. */
static int bind_unix(int fd, const struct sockaddr_un *address, mode_t mode) {
    int err = make_room(address);

    if (err != 0)
        return err;
    if (fchmod(fd, mode) == -1)
        return -errno;
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) == -1)
        return -errno;
    return chmod(address->sun_path, mode) == -1 ? -errno : 0;
}

static int open_unix(const char *text, mode_t mode, struct ex_http_listener *listener,
                     struct fo_error *reterr) {
    const char *path = text + sizeof unix_prefix - 1;
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (*path == '\0' || strlen(path) >= sizeof address.sun_path)
        return ex_fail(reterr, -EINVAL, 0, "%.100s: the path must have 1 to %zu bytes", text,
                       sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return fail_system(reterr, text, "make a socket");
    int err = bind_unix(fd, &address, mode);
    if (err == 0) {
        listener->unlink_path = strdup(path);
        err = listener->unlink_path ? 0 : -ENOMEM;
    }
    if (err != 0) {
        (void)close(fd);
        errno = -err;
        return fail_system(reterr, text, "listen");
    }
    listener->fd = fd;
    return 0;
}

/* ---- All of them ---- */

static void describe_ip(struct ex_http_listener *listener, const void *ip, int family,
                        in_port_t port) {
    char text[INET6_ADDRSTRLEN];

    (void)inet_ntop(family, ip, text, sizeof text);
    (void)snprintf(listener->address, sizeof listener->address,
                   family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, (unsigned)ntohs(port));
}

static int describe(struct ex_http_listener *listener) {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un local;
    } address = {0};
    socklen_t size = sizeof address - 1;

    if (getsockname(listener->fd, &address.any, &size) == -1)
        return -errno;
    if (address.any.sa_family == AF_INET6)
        describe_ip(listener, &address.in6.sin6_addr, AF_INET6, address.in6.sin6_port);
    else if (address.any.sa_family == AF_INET)
        describe_ip(listener, &address.in.sin_addr, AF_INET, address.in.sin_port);
    else if (address.any.sa_family == AF_UNIX)
        (void)snprintf(listener->address, sizeof listener->address, "%s%s", unix_prefix,
                       address.local.sun_path);
    else
        return -EAFNOSUPPORT;
    return 0;
}

/* Makes an open socket ready for the door thread. */
static int start_listening(struct ex_http_listener *listener, const char *name,
                           struct fo_error *reterr) {
    int flags = fcntl(listener->fd, F_GETFL);

    if (flags == -1 || fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
        fcntl(listener->fd, F_SETFD, FD_CLOEXEC) == -1 ||
        listen(listener->fd, EX_HTTP_BACKLOG) == -1)
        return fail_system(reterr, name, "listen");
    int err = describe(listener);
    return err == 0 ? 0 : ex_fail(reterr, err, 0, "%s: not a socket that can be served", name);
}

static int open_address(const struct ex_http_config *config, const char *text,
                        struct ex_http_listener *listener, struct fo_error *reterr) {
    mode_t mode = config->unix_mode ? config->unix_mode : 0600;
    int err = strncmp(text, unix_prefix, sizeof unix_prefix - 1) == 0
                  ? open_unix(text, mode, listener, reterr)
                  : open_tcp(text, &listener->fd, reterr);

    return err == 0 ? start_listening(listener, text, reterr) : err;
}

static int take_descriptor(int fd, struct ex_http_listener *listener, struct fo_error *reterr) {
    char name[32];
    int type = 0;
    socklen_t size = sizeof type;

    listener->fd = fd;
    (void)snprintf(name, sizeof name, "descriptor %d", fd);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == -1)
        return fail_system(reterr, name, "use it as a socket");
    if (type != SOCK_STREAM)
        return ex_fail(reterr, -EINVAL, 0, "%s: not a stream socket", name);
    return start_listening(listener, name, reterr);
}

static int open_all(const struct ex_http_config *config, struct ex_http_listeners *listeners,
                    struct fo_error *reterr) {
    for (size_t i = 0; i < config->address_count; i++) {
        int err = open_address(config, config->addresses[i], &listeners->items[i], reterr);
        if (err != 0)
            return err;
    }
    for (size_t i = 0; i < config->descriptor_count; i++) {
        struct ex_http_listener *listener = &listeners->items[config->address_count + i];
        int err = take_descriptor(config->descriptors[i], listener, reterr);
        if (err != 0)
            return err;
    }
    return 0;
}

static int open_checked(const struct ex_http_config *config, struct ex_http_listeners *listeners,
                        struct fo_error *reterr) {
    size_t count = config->address_count + config->descriptor_count;

    if (count == 0 || count > EX_HTTP_LISTENERS_MAX)
        return ex_fail(reterr, -EINVAL, 0, "1 to %d listen addresses are expected",
                       EX_HTTP_LISTENERS_MAX);
    listeners->items = calloc(count, sizeof *listeners->items);
    if (!listeners->items)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    listeners->count = count;
    for (size_t i = 0; i < count; i++)
        listeners->items[i].fd = -1;
    return open_all(config, listeners, reterr);
}

int ex_http_listeners_open(const struct ex_http_config *config,
                           struct ex_http_listeners *ret_listeners, struct fo_error *reterr) {
    struct ex_http_listeners listeners = {0};
    int err = open_checked(config, &listeners, reterr);

    if (err == 0) {
        *ret_listeners = listeners;
        return 0;
    }
    for (size_t i = 0; i < config->descriptor_count; i++)
        (void)close(config->descriptors[i]);
    for (size_t i = config->address_count; i < listeners.count; i++)
        listeners.items[i].fd = -1; /* closed above */
    ex_http_listeners_close(&listeners);
    return err;
}

void ex_http_listeners_close(struct ex_http_listeners *listeners) {
    for (size_t i = 0; listeners->items && i < listeners->count; i++) {
        struct ex_http_listener *listener = &listeners->items[i];
        if (listener->unlink_path)
            (void)unlink(listener->unlink_path);
        free(listener->unlink_path);
        if (listener->fd != -1)
            (void)close(listener->fd);
    }
    free(listeners->items);
    *listeners = (struct ex_http_listeners){0};
}
