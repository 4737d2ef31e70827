/* SPDX-License-Identifier: Apache-2.0 */
/* LD_PRELOAD: dies, or lies, between two system calls of the daemon.
 *   CHAOS_KILL_AT=n         SIGKILL before the n-th call that changes the disk or a socket
 *   CHAOS_FAIL=ENOSPC|EIO   writes and syncs of files under CHAOS_PATH fail so, as long as the file
 *                           CHAOS_WHILE exists
 *   CHAOS_CLOCK_FILE        the wall clock is moved by so many seconds as the file says
 * Only in the program that CHAOS_PROGRAM names; what it starts is left alone. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long kill_at;
static int failure;
static const char *path;
static const char *while_path;
static const char *clock_path;
static atomic_long calls;

__attribute__((constructor)) static void start(void) {
    const char *wanted = getenv("CHAOS_PROGRAM");
    const char *kill = getenv("CHAOS_KILL_AT");
    const char *fail = getenv("CHAOS_FAIL");
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

    self[len > 0 ? len : 0] = '\0';
    const char *name = strrchr(self, '/');
    if (!wanted || !name || strcmp(name + 1, wanted) != 0)
        return;
    kill_at = kill ? strtol(kill, NULL, 10) : 0;
    failure = !fail ? 0 : strcmp(fail, "ENOSPC") == 0 ? ENOSPC : EIO;
    path = getenv("CHAOS_PATH");
    while_path = getenv("CHAOS_WHILE");
    clock_path = getenv("CHAOS_CLOCK_FILE");
}

static void count(void) {
    if (kill_at > 0 && atomic_fetch_add(&calls, 1) + 1 == kill_at)
        (void)raise(SIGKILL);
}

/* Whether a change of this file is to fail. */
static int fails(int fd) {
    char link[64];
    char target[4096];
    int saved = errno;

    if (failure == 0 || !path || !while_path || access(while_path, F_OK) != 0) {
        errno = saved;
        return 0;
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, target, sizeof target - 1);
    target[len > 0 ? len : 0] = '\0';
    errno = saved;
    return strncmp(target, path, strlen(path)) == 0;
}

#define REAL(name_) ((__typeof__(&(name_)))(uintptr_t)dlsym(RTLD_NEXT, #name_))

#define WRAP(type_, name_, parameters_, arguments_, fd_)                                           \
    type_ name_ parameters_ {                                                                      \
        static __typeof__(&(name_)) real;                                                          \
        if (!real)                                                                                 \
            real = REAL(name_);                                                                    \
        count();                                                                                   \
        if (fails(fd_)) {                                                                          \
            errno = failure;                                                                       \
            return -1;                                                                             \
        }                                                                                          \
        return real arguments_;                                                                    \
    }

WRAP(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size), fd)
WRAP(ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at), fd)
WRAP(ssize_t, pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at),
     fd)
WRAP(ssize_t, writev, (int fd, const struct iovec *pieces, int count_), (fd, pieces, count_), fd)
WRAP(int, fsync, (int fd), (fd), fd)
WRAP(int, fdatasync, (int fd), (fd), fd)
WRAP(int, ftruncate, (int fd, off_t size), (fd, size), fd)
WRAP(int, ftruncate64, (int fd, off64_t size), (fd, size), fd)
WRAP(ssize_t, send, (int fd, const void *bytes, size_t size, int flags), (fd, bytes, size, flags),
     fd)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags), fd)
WRAP(int, rename, (const char *from, const char *to), (from, to), -1)
WRAP(int, unlink, (const char *name), (name), -1)

int clock_gettime(clockid_t clock, struct timespec *ret_time) {
    static __typeof__(&clock_gettime) real;

    if (!real)
        real = REAL(clock_gettime);
    int ret = real(clock, ret_time);
    if (ret != 0 || clock != CLOCK_REALTIME || !clock_path)
        return ret;
    int saved = errno;
    char text[32] = "";
    int fd = open(clock_path, O_RDONLY | O_CLOEXEC);
    if (fd != -1) {
        (void)!read(fd, text, sizeof text - 1);
        (void)close(fd);
    }
    errno = saved;
    ret_time->tv_sec += strtol(text, NULL, 10);
    return 0;
}
