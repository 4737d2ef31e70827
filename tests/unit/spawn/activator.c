/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/spawn/activator.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIRST_HANDED_OVER = 3, BACKLOG = 16 };

static _Noreturn void hand_over(int connection, const char *program) {
    char pid[16];

    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (setenv("LISTEN_PID", pid, 1) == 0 && setenv("LISTEN_FDS", "1", 1) == 0 &&
        dup2(connection, FIRST_HANDED_OVER) != -1)
        (void)execl(program, program, "--activated", (char *)NULL);
    _exit(1);
}

static _Noreturn void serve(int listener, const char *program, pid_t parent) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGCHLD, SIG_IGN);
    while (getppid() == parent) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection == -1)
            continue;
        if (fork() == 0) {
            (void)signal(SIGCHLD, SIG_DFL);
            hand_over(connection, program);
        }
        (void)close(connection);
    }
    _exit(1);
}

pid_t activator_start(const char *path, const char *program) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pid_t parent = getpid();

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_not_equal(listener, -1);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, BACKLOG), 0);
    pid_t activator = fork();
    assert_int_not_equal(activator, -1);
    if (activator == 0)
        serve(listener, program, parent);
    (void)close(listener);
    return activator;
}

void activator_stop(pid_t activator, const char *path) {
    (void)kill(activator, SIGKILL);
    (void)waitpid(activator, NULL, 0);
    (void)unlink(path);
}
