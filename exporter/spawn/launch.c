/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/spawn/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exporter/spawn/cgroup_tree.h"

enum { EXIT_NOT_STARTED = 127, DESCRIPTORS_USUAL = 1024, DESCRIPTORS_SPARE = 256 };

static const int ignored[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1,
                              SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU, SIGALRM};

void ex_launch_signals_ignore(void) {
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        (void)signal(ignored[i], SIG_IGN);
}

/* ---- in the new process: until exec, only system calls and the stack ------------------------ */

static int cgroup_enter(const struct ex_cgroup_door *door, bool into_unified) {
    if (into_unified && !ex_cgroup_file_write(door->unified_fd, "cgroup.procs", "0"))
        return errno;
    for (size_t i = 0; i < EX_CONTROLLER_COUNT; i++)
        if (door->procs_fd[i] != -1 && write(door->procs_fd[i], "0", 1) == -1)
            return errno;
    return 0;
}

static uint32_t targets_end(const struct ex_spawn_order *order) {
    uint32_t end = STDERR_FILENO + 1;

    for (uint32_t i = 0; i < order->start.map_count; i++)
        if (order->map[i].target >= end)
            end = order->map[i].target + 1;
    return end;
}

/* Moves every source out of the way of the targets, then each to its place. The sources are ours
 * to move: this process has a descriptor table of its own. */
static int descriptors_place(const struct ex_spawn_order *order, const int *descriptors) {
    int end = (int)targets_end(order);
    int moved[EX_SPAWN_TARGET_MAX];

    for (uint32_t i = 0; i < order->start.map_count; i++) {
        moved[i] = fcntl(descriptors[order->map[i].index], F_DUPFD_CLOEXEC, end);
        if (moved[i] == -1)
            return errno;
    }
    (void)close_range(0, (unsigned)end - 1, 0);
    for (uint32_t i = 0; i < order->start.map_count; i++)
        if (dup2(moved[i], (int)order->map[i].target) == -1)
            return errno;
    return close_range((unsigned)end, ~0u, 0) == -1 ? errno : 0;
}

/* We have raised our own limit as far as it goes. Programs expect the usual soft limit, for
 * select() and for loops over all descriptors, and may raise it themselves. */
static int limits_set(const struct ex_spawn_order *order) {
    const struct ex_spawn_limits *limits = &order->start.limits;
    rlim_t usual = targets_end(order) + DESCRIPTORS_SPARE;
    struct rlimit nofile;

    if (getrlimit(RLIMIT_NOFILE, &nofile) == -1)
        return errno;
    if (usual < DESCRIPTORS_USUAL)
        usual = DESCRIPTORS_USUAL;
    if (nofile.rlim_cur > usual)
        nofile.rlim_cur = usual;
    if (limits->nofile > 0)
        nofile = (struct rlimit){limits->nofile, limits->nofile};
    return setrlimit(RLIMIT_NOFILE, &nofile) == -1 ? errno : 0;
}

static int user_become(const struct ex_spawn_start *start) {
    gid_t gid = start->gid;

    if (!start->change_user)
        return 0;
    if (setgroups(1, &gid) == -1 || setresgid(gid, gid, gid) == -1 ||
        setresuid(start->uid, start->uid, start->uid) == -1)
        return errno;
    return 0;
}

/* Ignored signals survive exec; a task begins with none. */
static void signals_reset(void) {
    sigset_t none;

    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        (void)signal(ignored[i], SIG_DFL);
    (void)sigemptyset(&none);
    (void)pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child_fail(struct ex_launch_failure *failure, uint32_t step, int error) {
    failure->step = step;
    failure->error = error;
    _exit(EXIT_NOT_STARTED);
}

static void child_try(struct ex_launch_failure *failure, uint32_t step, int error) {
    if (error != 0)
        child_fail(failure, step, error);
}

static _Noreturn void child_run(const struct ex_launch *launch, pid_t parent, bool into_unified) {
    const struct ex_spawn_order *order = launch->order;
    struct ex_launch_failure *failure = launch->failure;

    (void)setpgid(0, 0);
    signals_reset();
    child_try(failure, EX_SPAWN_STEP_CGROUP, cgroup_enter(launch->door, into_unified));
    child_try(failure, EX_SPAWN_STEP_DESCRIPTORS, descriptors_place(order, launch->descriptors));
    child_try(failure, EX_SPAWN_STEP_LIMITS, limits_set(order));
    child_try(failure, EX_SPAWN_STEP_USER, user_become(&order->start));
    child_try(failure, EX_SPAWN_STEP_DIRECTORY, chdir(order->directory) == -1 ? errno : 0);
    /* After the change of user, which clears it; and it must not come too late. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        child_fail(failure, EX_SPAWN_STEP_CLONE, ECHILD);
    environ = order->environment;
    (void)execvp(order->arguments[0], order->arguments);
    child_fail(failure, EX_SPAWN_STEP_EXEC, errno);
}

/* ---- in the spawner ------------------------------------------------------------------------- */

/* CLONE_VFORK: we go on when the program runs or has failed to. Memory is not shared (CLONE_VM),
 * for the spawner is small and its copy is cheap: so the new process may use the stack as it likes.
 * Where clone3() is not to be had (old container runtimes answer ENOSYS) the new process must walk
 * into its cgroup by itself. */
static pid_t process_clone(int unified_fd, bool *ret_into_unified) {
    struct clone_args args = {.flags = CLONE_VFORK, .exit_signal = SIGCHLD};

    *ret_into_unified = false;
    if (unified_fd != -1) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (unsigned)unified_fd;
    }
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid != -1 || errno != ENOSYS)
        return pid;
    *ret_into_unified = unified_fd != -1;
    return (pid_t)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
}

pid_t ex_launch_process(const struct ex_launch *launch) {
    pid_t parent = getpid();
    bool into_unified = false;

    *launch->failure = (struct ex_launch_failure){0};
    pid_t pid = process_clone(launch->door->unified_fd, &into_unified);
    if (pid == 0)
        child_run(launch, parent, into_unified);
    if (pid == -1) {
        *launch->failure = (struct ex_launch_failure){EX_SPAWN_STEP_CLONE, errno};
        return 0;
    }
    if (launch->failure->error == 0)
        return pid;
    while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
        continue;
    return 0;
}
