/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/spawn/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exporter/spawn/cgroup.h"
#include "exporter/spawn/orphans.h"

enum { FIRST_HANDED_OVER = 3, AGAIN_US = 2000 };

/* ---- the connection ------------------------------------------------------------------------ */

static bool setting_is(const char *name, long value) {
    const char *text = getenv(name); // NOLINT(concurrency-mt-unsafe): there is one thread
    char *end = NULL;
    long number = text ? strtol(text, &end, 10) : -1;

    return text && *text && *end == '\0' && number == value;
}

static bool socket_has(int socket, int option, int value) {
    int found = -1;
    socklen_t len = sizeof found;

    return getsockopt(socket, SOL_SOCKET, option, &found, &len) == 0 && found == value;
}

int ex_activation_socket(int *ret_socket) {
    struct ucred peer;
    socklen_t len = sizeof peer;
    int socket = FIRST_HANDED_OVER;

    if (!setting_is("LISTEN_PID", getpid()) || !setting_is("LISTEN_FDS", 1))
        return -ENOENT;
    if (!socket_has(socket, SO_DOMAIN, AF_UNIX) || !socket_has(socket, SO_TYPE, SOCK_SEQPACKET) ||
        !socket_has(socket, SO_ACCEPTCONN, 0))
        return -EPROTOTYPE;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
        return -errno;
    if (peer.uid != 0 && peer.uid != geteuid())
        return -EPERM;
    if (fcntl(socket, F_SETFD, FD_CLOEXEC) == -1)
        return -errno;
    *ret_socket = socket;
    return 0;
}

/* ---- the keeper ---------------------------------------------------------------------------- */

/* What no cgroup holds has become our child. */
static void clear_away(const char *name, struct ex_orphans *orphans) {
    struct ex_cgroups *cgroups = calloc(1, sizeof *cgroups);

    if (cgroups) {
        ex_cgroups_open(cgroups, name);
        ex_cgroups_close(cgroups);
    }
    while (ex_orphans_kill(orphans))
        (void)usleep(AGAIN_US);
    free(cgroups);
}

static _Noreturn void keep(pid_t spawner, const char *name, struct ex_orphans *orphans) {
    int status = 0;

    while (waitpid(spawner, &status, 0) == -1 && errno == EINTR)
        continue;
    clear_away(name, orphans);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int ex_keeper_split(const char *name, pid_t *ret_keeper) {
    struct ex_orphans orphans;
    pid_t keeper = getpid();
    int err = ex_orphans_init(&orphans);

    if (err)
        return err;
    pid_t spawner = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (spawner > 0)
        keep(spawner, name, &orphans);
    err = spawner == -1 || prctl(PR_SET_PDEATHSIG, EX_KEEPER_DIED) == -1 ? -errno : 0;
    if (!err && getppid() != keeper)
        err = -ECHILD;
    ex_orphans_done(&orphans);
    *ret_keeper = keeper;
    return err;
}
