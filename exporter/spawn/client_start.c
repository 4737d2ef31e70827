/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/spawn/client_start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SOCKET_IN_SPAWNER = 3, FIRST_WORD_MS = 10000 };

/* ---- a child --------------------------------------------------------------------------------- */

int ex_spawner_program(const char *given, char ret_path[static EX_COMPANION_PATH_SIZE]) {
    if (!given)
        return ex_companion_find("failover_spawn", ret_path);
    return snprintf(ret_path, EX_COMPANION_PATH_SIZE, "%s", given) < EX_COMPANION_PATH_SIZE
               ? 0
               : -ENAMETOOLONG;
}

static int file_actions_make(posix_spawn_file_actions_t *actions, int socket) {
    int err = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (!err)
        err = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!err)
        err = posix_spawn_file_actions_adddup2(actions, socket, SOCKET_IN_SPAWNER);
    if (!err)
        err = posix_spawn_file_actions_addclosefrom_np(actions, SOCKET_IN_SPAWNER + 1);
    return -err;
}

/* A session of its own: a terminal's Ctrl-C is for the daemon alone. */
static int program_run(char *const *arguments, int socket, pid_t *ret_pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    int err = -posix_spawnattr_init(&attributes);
    if (err)
        return err;
    err = -posix_spawn_file_actions_init(&actions);
    if (!err) {
        err = -posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
        if (!err)
            err = file_actions_make(&actions, socket);
        if (!err)
            err = -posix_spawn(ret_pid, arguments[0], &actions, &attributes, arguments, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    (void)posix_spawnattr_destroy(&attributes);
    return err;
}

int ex_spawner_fork(char *program, char *name, pid_t *ret_pid, int *ret_socket) {
    char number[] = {'0' + SOCKET_IN_SPAWNER, '\0'};
    char *arguments[] = {program, number, name, NULL};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
        return -errno;
    /* The end that becomes descriptor 3 must not be it already: dup2() onto itself would leave
     * close-on-exec in place. */
    int theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, SOCKET_IN_SPAWNER + 1);
    int err = theirs == -1 ? -errno : program_run(arguments, theirs, ret_pid);
    (void)close(pair[1]);
    if (theirs != -1)
        (void)close(theirs);
    if (err)
        (void)close(pair[0]);
    else
        *ret_socket = pair[0];
    return err;
}

/* ---- a service of its own -------------------------------------------------------------------- */

/* The kernel tells who called listen(): a service manager as root, or one of our own user. */
static int listener_check(int socket) {
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
        return -errno;
    return peer.uid == 0 || peer.uid == geteuid() ? 0 : -EPERM;
}

int ex_spawner_connect(const char *path, int *ret_socket) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (snprintf(address.sun_path, sizeof address.sun_path, "%s", path) >=
        (int)sizeof address.sun_path)
        return -ENAMETOOLONG;
    int ours = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ours == -1)
        return -errno;
    int err = connect(ours, (struct sockaddr *)&address, sizeof address) == -1
                  ? -errno
                  : listener_check(ours);
    if (err)
        (void)close(ours);
    else
        *ret_socket = ours;
    return err;
}

int ex_spawner_await(int socket, struct ex_spawn_report *ret_report) {
    struct pollfd ready = {.fd = socket, .events = POLLIN};
    int count = 0;

    do
        count = poll(&ready, 1, FIRST_WORD_MS);
    while (count == -1 && errno == EINTR);
    if (count <= 0)
        return count == 0 ? -ETIMEDOUT : -errno;
    ssize_t len = recv(socket, ret_report, sizeof *ret_report, MSG_DONTWAIT);
    if (len <= 0)
        return -ECONNREFUSED;
    return len == (ssize_t)sizeof *ret_report ? 0 : -EPROTO;
}

void ex_spawner_hang_up(int socket) {
    struct pollfd ready = {.fd = socket, .events = POLLIN};
    char byte;

    (void)shutdown(socket, SHUT_WR);
    for (;;) {
        ssize_t len = recv(socket, &byte, 1, MSG_DONTWAIT);
        if (len == 0 || (len == -1 && errno != EAGAIN && errno != EINTR))
            return;
        (void)poll(&ready, 1, -1);
    }
}
